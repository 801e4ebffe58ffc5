"""Takes personal numbers and addresses out of text. Every pattern is bounded, without look-around."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import unquote

from bot.text.markup import URL

LINK = re.compile(f"({URL.pattern})")
TAIL = re.compile(r"[?#]")
EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
IBAN = re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.I)
CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)
IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\b", re.I)
TOKEN = re.compile(r"\b[A-Za-z0-9_]{20,200}\b")
PHONE = re.compile(r"(?:\+ ?|\(|\b)\d[\d ()/.-]{5,20}\d\b")
DATE = re.compile(r"^\d{1,4}([./-])\d{1,2}[./-]\d{1,4}$")
DIGITS = re.compile(r"\b\d{9,30}\b")


def redact(text: str) -> str:
    """With `[email]`, `[phone]`, `[card]`, `[iban]`, `[ip]`, `[id]` and `[number]` (nine digits or more) instead.

    Short codes such as FW-10234, dates and amounts stay. So do links, for a number in a path names a page; but an
    address in one is masked, and a query or fragment goes when there is anything personal in it.
    """
    return "".join(_link(part) if at % 2 else _masked(part) for at, part in enumerate(LINK.split(text)))


def _masked(text: str) -> str:
    for pattern, instead in RULES:
        text = pattern.sub(instead, text)
    return text


def _link(url: str) -> str:
    page = TAIL.split(url, maxsplit=1)[0]
    rest = url.removeprefix(page)
    if EMAIL.search(unquote(page)):
        page = EMAIL.sub("[email]", unquote(page))
    plain = unquote(rest)
    return page + (rest if _masked(plain) == plain else "")


def _iban(match: re.Match[str]) -> str:
    """The longest part of the match that has an IBAN's check digits; capitals behind one are not part of it."""
    parts = match.group().split(" ")
    for end in range(len(parts), 0, -1):
        iban = "".join(parts[:end])
        if 15 <= len(iban) <= 34 and int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1:
            return " ".join(["[iban]", *parts[end:]])
    return match.group()


def _card(match: re.Match[str]) -> str:
    digits = [int(c) for c in match.group() if c.isdigit()]
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2]]
    return "[card]" if (sum(digits[::-2]) + sum(doubled)) % 10 == 0 else match.group()


def _ip(match: re.Match[str]) -> str:
    try:
        ip_address(match.group())
    except ValueError:
        return match.group()
    return "[ip]"


def _token(match: re.Match[str]) -> str:
    word = match.group()
    return "[id]" if any(c.isdigit() for c in word) and not word.isdigit() else word


def _phone(match: re.Match[str]) -> str:
    """A run of digits is a phone number by its look only: a plus, a leading zero, a bracket or its grouping."""
    span = match.group()
    digits = sum(c.isdigit() for c in span)
    likely = span[0] in "+(0" or sum(c in " ()/-" for c in span) >= 2
    return "[phone]" if 7 <= digits <= 15 and likely and not DATE.match(span) else span


RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (EMAIL, "[email]"),
    (UUID, "[id]"),
    (IBAN, _iban),
    (CARD, _card),
    (IP, _ip),
    (PHONE, _phone),
    (DIGITS, "[number]"),
    (TOKEN, _token),
)
