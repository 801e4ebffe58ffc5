"""Numbers, codes and addresses of somebody or something in a text, however they are spelled: what one customer may not
hear of another. Compared in lower case, without accents and punctuation; a code is any mixture of letters and digits.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from bot.text.clean import plain
from bot.text.linear import compiled, decoded, encoded
from bot.text.redact import apart, personal

SHORT = 4  # digits: fewer are a number that anybody has
MANY = 20_000  # no conversation has so many
ROW = 6  # pieces in a row that may be one number
ACCENTS = re.compile("[\u0300-\u036f\u20d0-\u20ff]+")
LETTER = "a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u052f"  # Latin, Greek, Cyrillic, in which words have blanks between them
BEFORE = re.compile(rf"[{LETTER}]*$")
LONGEST = 40  # letters before a code's first digit
MARK = r"(?: ?[-/_*~\u2010-\u2015\u2212] ?|[ .:,'#\u2019])"
# From the first digit on; nothing is tried twice, so it is linear, and with many short matches faster than RE2.
CHAIN = re.compile(rf"[0-9][0-9{LETTER}]*+(?:{MARK}[{LETTER}]*+[0-9][0-9{LETTER}]*+)*+")
PARTS = re.compile(r"[^\W_]+")
# FW10234 is number 10234, and 24h a number, too.
NAMED = re.compile(r"[^\W\d_]{1,6}(\d{4,})|(\d+)(?:st|nd|rd|th|h|hrs?|x|kg|g|[cmk]?m|m[lb]|l|min|s|am|pm|gb|k|er)")
# What a colleague told somebody else and may be said again: 4.90, 10:30, 115.3.1; iOS16, 2FA, 250g.
MILD = re.compile(
    r"\d{1,3}(?:[.,:]\d{1,2}){1,2}|(?:ios|android|windows|macos|v|usb|mp|ipv)\d{1,2}"
    r"|\d{1,3}(?:d|fa|st|nd|rd|th|h|hrs?|x|kg|g|[cmk]?m|m[lb]|l|min|s|am|pm|[gt]b|k|er|px)"
)
PART = 3  # characters: of shorter ones any number can be put together
WORD = r"[\w\x80-\xff'.-]{2,30}"
STREET = compiled(
    rf"\b\d{{1,4}}[a-z]?,? (?:{WORD} ){{1,2}}(?:street|road|avenue|lane|drive|square|boulevard|terrace)\b"
    rf"|[\w\x80-\xff-]{{2,30}}(?:strasse|str\.|weg|platz|gasse|allee|ufer|damm) \d{{1,4}}\b"
    rf"|\b\d{{1,4}},? (?:rue|avenue|boulevard|place|quai) (?:(?:de|du|des|la|le) )?{WORD}"
    rf"|\b(?:via|viale|piazza|calle|rua|ulica|ul\.) (?:{WORD} ){{1,2}}\d{{1,4}}\b"
)


@dataclass(frozen=True, slots=True)
class Details:
    """Of a text that is to leave: rows of pieces that are one number or code or several, what redaction masks, and
    streets with their numbers."""

    rows: tuple[tuple[str, ...], ...]
    personal: frozenset[str]
    streets: frozenset[str]

    def within(self, numbers: frozenset[str]) -> bool:
        """Can every row be put together from these?"""
        return _within(self.rows, numbers)


def details(text: str) -> Details:
    """What of a text must be known to whoever reads it; small numbers, and those of pages, need not."""
    words, pages = apart(text)
    folded = _folded(f"{words} {pages}")
    return Details(_rows(folded), personal(words), _streets(folded))


def coded(text: str) -> bool:
    """Is there a code or a number in it that is not small?"""
    return bool(_rows(_folded(text)))


def numbers(text: str) -> frozenset[str]:
    """All numbers and codes of a text that a customer may read, in their parts, too: nobody spells them alike. Of more
    than MANY the rest is left out."""
    rows = _chains(_folded(text))
    joins = ("".join(row[at:end]) for row in rows for at in range(len(row)) for end in _ends(row, at))
    return frozenset(islice(joins, MANY))


def streets(text: str) -> frozenset[str]:
    """With their numbers, as far as they look like one."""
    return _streets(_folded(text))


def mild(text: str) -> frozenset[str]:
    """Its amounts, times and versions that stand alone, which are nobody's."""
    folded = _folded(text)
    rows = (folded[start:end] for start, end in _spans(folded))
    return numbers(" ; ".join(row for row in rows if MILD.fullmatch(row)))


def masked(text: str, known: frozenset[str]) -> str:
    """With `[id]` for every code and number that is not among these."""
    if _within(_rows(_folded(text)), known):
        return text
    text, pieces, at = plain(text), list[str](), 0
    folded = "".join(map(_letter, text))
    for start, end in _spans(folded):
        if not _within(_rows(folded[start:end]), known):
            pieces += [text[at:start], "[id]"]
            at = end
    return "".join([*pieces, text[at:]])


def _letter(character: str) -> str:
    """As it is compared, where that is one character, too."""
    folded = _folded(character)
    return folded if len(folded) == 1 else character


def _rows(folded: str) -> tuple[tuple[str, ...], ...]:
    spelled = (tuple(kind) for row in _chains(folded) for _, kind in groupby(row, str.isdigit))
    return tuple(row for row in spelled if not _is_small(row))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return ACCENTS.sub("", unicodedata.normalize("NFKD", plain(text))).casefold()


def _chains(folded: str) -> Iterator[list[str]]:
    """Rows of pieces that have a digit, with one mark between two."""
    for start, end in _spans(folded):
        row = folded[start:end]
        yield [row] if row.isdigit() else [_number(piece) for piece in PARTS.findall(row)]


def _spans(folded: str) -> Iterator[tuple[int, int]]:
    for found in CHAIN.finditer(folded):
        start = found.start()
        if start and folded[start - 1].isalpha() and (before := BEFORE.search(folded[max(0, start - LONGEST) : start])):
            start -= len(before.group())
        yield start, found.end()


def _number(piece: str) -> str:
    named = None if piece.isdigit() else NAMED.fullmatch(piece)
    return named.group(named.lastindex or 0) if named else piece


def _ends(row: Sequence[str], start: int) -> range:
    return range(start + 1, min(start + ROW, len(row)) + 1)


def _is_small(row: tuple[str, ...]) -> bool:
    return row[0].isdigit() and sum(map(len, row)) < SHORT


def _within(rows: Iterable[tuple[str, ...]], known: frozenset[str]) -> bool:
    return all(_covered(row, known) for row in rows)


def _covered(row: tuple[str, ...], known: frozenset[str]) -> bool:
    reached = {0}
    for start in range(len(row)):
        if start in reached:
            reached.update(end for end in _ends(row, start) if _said(row, start, end, known))
    return len(row) in reached


def _said(row: Sequence[str], start: int, end: int, known: frozenset[str]) -> bool:
    joined = "".join(row[start:end])
    return joined in known and (len(joined) >= PART or end - start == len(row))


def _streets(folded: str) -> frozenset[str]:
    return frozenset(re.sub(r"[\W_]", "", decoded(found)) for found in STREET.findall(encoded(folded)))
