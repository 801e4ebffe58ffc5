"""Links as a browser or a mail program would find them in plain text, whatever the notation, held to hosts.

What is found is generous, what is kept is strict: an address that does not read as http(s) with a plain host is
foreign. Every pattern is bounded, and looks around itself by one character at most.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache, partial
from html import unescape
from urllib.parse import unquote

from bot.text.clean import clean
from bot.text.linear import Match, compiled, decoded, encoded

ANYWHERE = ("*",)  # the hosts of what a person wrote or chose
ROUNDS = 4  # of taking out, and of decoding what was encoded several times
# Runs without a blank in which there may be an address; the bytes are those of 。 and of any other letter.
OTHER = r"\x80-\xff"
DOTS = r"(?:\.|\xe3\x80\x82)"
HINT = rf":\S|//|\\\\|[\w{OTHER}]{DOTS}[\w{OTHER}]|%[0-9A-Fa-f][0-9A-Fa-f]|&[#a-z]"
RUN = compiled(rf"\S*(?:{HINT})\S*")
ODD = compiled(rf"\S*(?:[{OTHER}]|{HINT})\S*")  # where a character may stand for a dot or a slash
# Between them, too: two sentences in Japanese, which needs no blank there.
APART = re.compile(r"([\s<>|()\[\]{}\"'`,;«»“”„]|(?<=[^\x00-\x7f])[。｡]|[。｡](?=[^\x00-\x7f]))")
NAMED = r"https?|ftps?|wss?|file|javascript|vbscript|data|mailto|tel|sms|blob|intent|view-source"
RELATIVE = r"(?:^|[^\w:/\\])[/\\]{2}[^/\\]"
SCHEME = re.compile(rf"[a-z][a-z0-9+.-]{{1,20}}:[/\\]|(?:\b|_)(?:{NAMED}):\S|{RELATIVE}", re.I)
AUTHORITY = re.compile(r"https?://([^/\\?#]{1,255})([^\\]*)", re.I)
PORT = re.compile(r":\d{1,5}$")
HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")
DOT = re.compile(r"[.．。｡]")
# A name ends where its letters do: what stands behind them, such as Slack's `_`, may be no part of it.
TOP = r"(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,24}\d{0,9})"
NAME = rf"[^\W_][\w-]{{0,62}}[.．。｡](?:[\w-]{{1,63}}[.．。｡]){{0,9}}{TOP}"
BARE = re.compile(rf"({NAME}|\d{{1,3}}(?:\.\d{{1,3}}){{3}})([/?#:]\S+)?", re.I)
BEFORE_AT, BEHIND_AT = re.compile(r"[\w.+%'-][@＠]$"), re.compile(r"[@＠][\w-]{1,63}[.．。｡]\w")
VALUE = re.compile(r"[?&=#]")
NAMES_OF_FILES = (
    "pdf txt js json html htm css xml exe dmg jpg jpeg png gif svg csv doc docx xls xlsx log ini msi apk eml mp3 mp4"
)
FILES = frozenset(NAMES_OF_FILES.split())
# What is left of a link's notation when its address is gone: Markdown's, HTML's, Slack's.
SHELLS = (
    (re.compile(r"!?\[([^\[\]\n]{0,200})\]\(\s{0,9}(?:[\"'][^\"'\n]{0,200}[\"'])?\s{0,9}\)"), r"\1"),
    (re.compile(r"</?a\b[^<>\n]{0,200}>|<\|?\s?>|\(\s{0,9}\)", re.I), ""),
    (re.compile(r"<\|([^<>\n]{0,200})>"), r"\1"),
    (re.compile(r"^ {0,3}\[[^\[\]\n]{1,99}\]:[ \t]*(?:[\"'(][^\n]{0,200})?$", re.M), ""),
    (re.compile(r"[ \t]{2,}"), " "),
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where in a piece of text it stands; `host` is "" for anything odd. `bare`: a name alone, which is words, too."""

    start: int
    end: int
    host: str
    bare: bool = False


def host_of(url: str) -> str:
    """The host of an http(s) address as a browser reads it, in lower case and ASCII; "" for anything odd: another
    scheme, a user part, a backslash, an encoded or empty host."""
    found = AUTHORITY.fullmatch(url)
    host = PORT.sub("", found.group(1)).removesuffix(".").lower() if found else ""
    if not host.isascii():
        try:
            host = DOT.sub(".", unicodedata.normalize("NFKC", host)).encode("idna").decode()
        except UnicodeError:
            return ""
    return host if HOST.fullmatch(host) else ""


@lru_cache(maxsize=5_000)
def hosts_of(text: str) -> frozenset[str]:
    """The hosts that a text which people approved leads to, also by bare names such as imap.example.com."""
    runs = (decoded(run) for run in RUN.findall(encoded(clean(text))))
    return frozenset(a.host for run in runs for piece in APART.split(run) for a in _addresses(piece)) - {""}


def unlinked(text: str, hosts: Collection[str]) -> str:
    """Cleaned, without the addresses that lead elsewhere than to these hosts; their words stay.

    A bare name gets a blank behind its last dot, so that no program makes a link of it.
    """
    text = clean(text)
    if ANYWHERE[0] in hosts:
        return text
    raw = before = encoded(text)
    runs = RUN if text.isascii() or unicodedata.is_normalized("NFKC", text) else ODD
    for _ in range(ROUNDS):
        after = runs.sub(partial(_run, hosts=frozenset(hosts)), before)
        if after == before:
            break
        before = after
    return text if before == raw else _shelled(decoded(before))


def _shelled(text: str) -> str:
    for shell, instead in SHELLS:
        text = shell.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _run(match: Match, hosts: frozenset[str]) -> bytes:
    return _held(match.group(), hosts)


@lru_cache(maxsize=5_000)
def _held(raw: bytes, hosts: frozenset[str]) -> bytes:
    """A run without blanks; what is foreign only once it is decoded goes as a whole."""
    run = decoded(raw)
    kept = "".join(_kept(piece, hosts) for piece in APART.split(run))
    plain = _plain(kept)
    foreign = plain != kept and any(_is_foreign(p, a, hosts) for p in APART.split(plain) for a in _addresses(p))
    return b"" if foreign else encoded(kept)


def _kept(piece: str, hosts: frozenset[str]) -> str:
    for address in reversed(_addresses(piece)):
        if not _is_foreign(piece, address, hosts):
            continue
        behind = piece[address.end :]
        if address.bare:
            dot = list(DOT.finditer(piece, address.start, address.end))[-1].end()
            piece = f"{piece[:dot]} {piece[dot:]}"
        else:
            piece = piece[: address.start] + behind
    return piece


def _plain(text: str) -> str:
    """Decoded from HTML's, percent and compatibility forms, as often as it was encoded."""
    for _ in range(ROUNDS):
        before = text
        text = clean(unicodedata.normalize("NFKC", unquote(unescape(text))))
        if text == before:
            break
    return text


def _addresses(piece: str) -> tuple[Address, ...]:
    """In a run without blanks or brackets, in order. One with a scheme goes on to the punctuation at the end."""
    end = len(piece.rstrip(".!?…:"))
    if found := SCHEME.search(piece):
        start = _start(found)
        return (Address(start, max(end, start + 1), host_of(piece[start:end])),)
    return tuple(address for found in BARE.finditer(piece) if (address := _bare(piece, found)))


def _start(scheme: re.Match[str]) -> int:
    """What stands before two slashes is no part of the address."""
    return scheme.start() + (not re.match(r"[a-z0-9/\\]", scheme.group(), re.I))


def _bare(piece: str, found: re.Match[str]) -> Address | None:
    """A name without a scheme; no e-mail address (whether it may be said is asked elsewhere), file or decimal."""
    name, path = found.groups()
    before, behind = piece[: found.start()][-2:], piece[found.end(1) :]
    mail = not path and (BEFORE_AT.search(before) or BEHIND_AT.match(behind))
    number, top = DOT.sub("", name).isdecimal(), DOT.split(name)[-1].lower()
    if mail or (not path and (number or top in FILES)):
        return None
    return Address(found.start(), found.end() if path else found.end(1), host_of(f"http://{name}"), bare=not path)


def _is_foreign(piece: str, address: Address, hosts: frozenset[str]) -> bool:
    """Does it lead, or lead on by its path or query, to a host that is not among these?"""
    if address.host not in hosts:
        return True
    found = AUTHORITY.fullmatch(piece, address.start, address.end)
    rest = _plain(found.group(2)) if found else ""
    if nested := SCHEME.search(rest):
        start = _start(nested)
        return _is_foreign(rest, Address(start, len(rest), host_of(rest[start:])), hosts)
    named = (BARE.fullmatch(value.strip("_")) for value in VALUE.split(rest)[1:])
    return any(n and host_of(f"http://{n.group(1)}") not in hosts and _bare(n.group(), n) for n in named)
