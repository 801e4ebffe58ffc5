"""Takes personal numbers and addresses out of text: linear patterns find candidates, and what is costly
to tell runs on those alone, which are short."""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import accumulate, dropwhile
from string import ascii_letters
from urllib.parse import unquote

from bot.text.clean import plain
from bot.text.linear import Pattern, compiled, decoded, encoded
from bot.text.markup import URL

LINK = re.compile(f"({URL.pattern})")
TAIL = re.compile(r"[?#]")
TITLED = re.compile(r"/\d{1,20}-([^\W\d_])")  # a page's number before its title
EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")  # in a sentence; for text of any length below
Label = Callable[[bytes], bytes]  # of a candidate: what is to stand there, the candidate itself where it is none
CANDIDATES = 500  # of a kind in one text: no message has so many, and what stands behind them is left out
MOST = 30  # digits: a longer run is neither a number that anybody has nor worth looking into
LETTERS = {ord(letter): str(int(letter, 36)) for letter in ascii_letters}  # as IBANs count them
GROUP = re.compile(rb"\d+")
BLANK = re.compile(rb"[\t\n._]")
BREAK = re.compile(
    rb"([\x00-\x1f_]+|\xc2\xb7|\xe2\x80\xa2)"
)  # between the digits of one number only where they are a card's
HAS_DIGIT = re.compile(rb"\d")
ONCE = bytes.maketrans(b"0123456789", bytes(range(10)))  # what a card's digits count by their place
TWICE = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
DATE = re.compile(rb"(?:^|[ (])(?:\d{1,2}([./-])\d{1,2}\1\d{2,4}|\d{4}([./-])\d\d\2\d\d)(?=$|[ )])")
KEYS = re.compile(
    rb"\b(?:(?:AKIA|ASIA)[A-Z2-7]{16}|(?:[sprx]k|gh[a-z]|glpat|xox[a-z])[-_][\w-]{16}|(?:AIza|eyJ|SG\.)\w)"
)


def redact(text: str) -> str:
    """With `[email]`, `[phone]`, `[card]`, `[iban]`, `[ip]`, `[id]` and `[number]` (nine digits or more) instead,
    whatever characters they are written in; where there is none, the text as it was.

    Short codes such as FW-10234, dates and amounts stay. So do links, for a number in a path names a page; but an
    address in one is masked, and a query or fragment goes when there is anything personal in it.
    """
    if "://" not in text:
        return veiled(text)
    return "".join(_link(part) if at % 2 else veiled(part) for at, part in enumerate(LINK.split(text)))


def apart(text: str) -> tuple[str, str]:
    """The words, with of a link only what may be personal in it (its query, and its page where an address is in it),
    and the pages of the links, decoded, without the numbers before their titles (`/360012345678-Returns`)."""
    if "://" not in text:
        return text, ""
    parts = LINK.split(text)
    links = [unquote(link) for link in parts[1::2]]
    pages = [TAIL.split(link, maxsplit=1)[0] for link in links]
    tails = [link if "@" in page else link.removeprefix(page) for link, page in zip(links, pages, strict=True)]
    return " ".join([*parts[::2], *tails]), TITLED.sub(r"/\1", " ".join(pages))


def personal(text: str) -> frozenset[str]:
    """What `redact` would mask in text without links, in lower case without punctuation."""
    found, raw = list[bytes](), encoded(text if text.isascii() else plain(text))
    if WORTH.search(raw):
        _replaced(raw, found)
    return frozenset(re.sub(r"[\W_]", "", span.decode("utf-8", "replace").casefold()) for span in found)


def veiled(text: str) -> str:
    """The same, of text whose links nobody needs."""
    if text.isascii():
        raw = encoded(text)
        return decoded(_replaced(encoded(plain(text)), [])) if WORTH.search(raw) else text
    raw = encoded(plain(text))
    found = list[bytes]()
    masked = _replaced(raw, found) if WORTH.search(raw) else raw
    return decoded(masked) if found else text


def _replaced(raw: bytes, found: list[bytes]) -> bytes:
    """The text with every candidate replaced that is one; those are added to `found`."""
    for pattern, label in RULES:
        raw = _one_kind(pattern, label, raw, found)
    return raw


def _one_kind(pattern: Pattern, label: Label, raw: bytes, found: list[bytes]) -> bytes:
    parts, end = list[bytes](), 0
    for many, match in enumerate(pattern.finditer(raw)):
        if many == CANDIDATES:
            return b"".join(parts)
        span = match.group()
        if (instead := label(span)) != span:
            found.append(span)
        parts += raw[end : match.start()], instead
        end = match.end()
    return b"".join([*parts, raw[end:]])


def _link(url: str) -> str:
    page = TAIL.split(url, maxsplit=1)[0]
    rest = url.removeprefix(page)
    shown_page, shown = plain(unquote(page)), unquote(rest)
    if "@" in shown_page:
        page = EMAIL.sub("[email]", shown_page) if EMAIL.search(shown_page) else page
    return page + (rest if veiled(shown) == shown else "")


def _email(_span: bytes) -> bytes:
    return b"[email]"


def _uuid(_span: bytes) -> bytes:
    return b"[id]"


def _iban(span: bytes) -> bytes:
    """The longest part that has an IBAN's check digits; a code before it and capitals behind it are not part of it."""
    parts = BLANK.sub(b" ", span).split(b" ")
    starts = [at for at, part in enumerate(parts) if part[:2].isalpha() and part[2:4].isdigit()][:2]
    for start in starts:
        for end in range(len(parts), start, -1):
            iban = b"".join(parts[start:end]).replace(b"-", b"").decode("latin-1")
            one_case = iban.isupper() or iban.islower()
            if 15 <= len(iban) <= 34 and one_case and int((iban[4:] + iban[:4]).translate(LETTERS)) % 97 == 1:
                behind = dropwhile(HAS_DIGIT.search, parts[end:])  # the check digits of a part are right by chance
                return b" ".join([*parts[:start], b"[iban]", *behind])
    return span


def _ip(span: bytes) -> bytes:
    """An address has a digit, and two colons alone are none."""
    core = span.rstrip(b".")
    core = core if core.endswith(b"::") else core.rstrip(b":")
    core = core if core.startswith(b"::") else core.lstrip(b":")
    if len(core) > 45 or not any(c in b"0123456789" for c in core):
        return span
    try:
        ip_address(core.decode("latin-1"))
    except ValueError:
        return span
    return span.replace(core, b"[ip]", 1)


def _number(span: bytes) -> bytes:
    """A run of digits and what may stand between them: a card, a phone number, or one of nine digits and more."""
    groups = list(GROUP.finditer(span))
    digits, parts = b"".join(g.group() for g in groups), BREAK.split(span)
    if len(digits) > MOST:
        return _each(parts) if len(parts) > 1 else b"[number]"
    for start, end in _windows(groups):
        if _luhn(b"".join(g.group() for g in groups[start:end])):
            before, behind = span[: groups[start].start()], span[groups[end - 1].end() :]
            return (_number(before) if before else b"") + b"[card]" + (_number(behind) if behind else b"")
    if len(parts) > 1:  # only a card's check digit tells that they belong together
        return _each(parts)
    rest = DATE.sub(b"", span)
    if _is_phone(rest):
        return b"[phone]"
    return re.sub(rb"\d{9,}", b"[number]", span)


def _each(parts: list[bytes]) -> bytes:
    """Numbers, and by turns what stands between them."""
    return b"".join(part if at % 2 else _number(part) for at, part in enumerate(parts))


def _windows(groups: list[re.Match[bytes]]) -> Iterator[tuple[int, int]]:
    """All groups, and up to five in a row, that have as many digits as a card; the longest first from each start."""
    upto = [0, *accumulate(len(g.group()) for g in groups)]
    for start in range(len(groups)):
        ends = range(min(start + 5, len(groups)), start, -1)
        yield from ((start, end) for end in ends if 13 <= upto[end] - upto[start] <= 19)
    if len(groups) > 5 and 13 <= upto[-1] <= 19:
        yield 0, len(groups)


def _luhn(digits: bytes) -> bool:
    return (sum(digits[-1::-2].translate(ONCE)) + sum(digits[-2::-2].translate(TWICE))) % 10 == 0


def _is_phone(span: bytes) -> bool:
    """By its look only: a plus, a leading zero, a bracket or its grouping; no version and no list of small numbers."""
    groups = [len(g) for g in GROUP.findall(span)]
    digits, first = sum(groups), span.lstrip(b" ()")[:1]
    if not 7 <= digits <= 15:
        return digits > 15 and len(groups) > 1
    if b"+" in span:
        return True
    if b"." in span and (min(groups[1:], default=2) < 2 or b"(" in span[1:]):
        return False
    if len(groups) == 1 or max(groups) == 1:
        return first == b"0" and digits > 7
    grouped = len(groups) > 2 or (digits > 8 and min(groups) > 2)
    return first == b"0" or span[:1] == b"(" or grouped


def _token(span: bytes) -> bytes:
    """A key or token: known by how it begins, or too mixed for a word, a constant or a path."""
    if KEYS.search(span):
        return b"[id]"
    parts = re.split(rb"[/_.+=-]+", span)
    long = any(len(p) >= 16 and not p.isdigit() and not p.isalpha() for p in parts)
    mixed = len(span) >= 32 and len(re.findall(rb"[a-z](?=[A-Z0-9])|[0-9](?=[A-Za-z])", span)) * 7 > len(span)
    return b"[id]" if long or mixed else span


SEP = r"(?:[\x00-\x20()/._-]|\xc2\xb7|\xe2\x80[\x90-\x95\xa2]|\xe2\x88\x92)"  # of NFKC: any odd blank is one of these
WORD, HOST = r"[\w.+%\x80-\xff-]", r"[\w\x80-\xff-]+"
PATTERNS = {
    "email": rf"{WORD}+(?:'{WORD}+)*(?:@|\s?[\[(]at[\])]\s?){HOST}(?:(?:\.|\s?[\[(]dot[\])]\s?){HOST})+"
    rf"|{WORD}+\s@\s{HOST}(?:\.{HOST})*\.[A-Za-z\x80-\xff]{{2,}}",  # but "3 @ 4.90"
    "uuid": r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
    "iban": r"(?:\b|_)[A-Za-z]{2}\d\d(?:[\t\n ._-]?[A-Za-z0-9]{4}){2,7}(?:[\t\n ._-]?[A-Za-z0-9]{1,3})?(?:\b|_)",
    "ip6": r"(?:\b[0-9a-fA-F]{1,4}|:):[0-9a-fA-F:]*(?:\d{1,3}(?:\.\d{1,3}){3}\b|[0-9a-fA-F]\b|:)",
    "ip4": r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    "number": rf"(?:\+ ?|\(\+?|\b|_)\d(?:{SEP}{{0,3}}\d)+",
    "token": r"\b[A-Za-z0-9][A-Za-z0-9_./+=-]{18,}[A-Za-z0-9=]",
}
LABELS: dict[str, Label] = {
    "email": _email, "uuid": _uuid, "iban": _iban, "ip6": _ip, "ip4": _ip, "token": _token, "number": _number
}  # fmt: skip
RULES = tuple((compiled(PATTERNS[name]), label) for name, label in LABELS.items())
# Most text holds nothing of the kind, which one pattern can tell.
WORTH = compiled(
    rf"@|[\[(]at[\])]|\d(?:{SEP}{{0,3}}\d){{6}}|[\w./+=-]{{20}}|:[0-9A-Fa-f]*:|\d\.\d+\.\d+\.\d"
    r"|(?:\b|_)[A-Za-z]{2}\d\d[\t\n ._-]?\w{4}[\t\n ._-]?\w{4}"
)
