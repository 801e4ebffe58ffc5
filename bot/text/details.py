"""Numbers, codes and addresses of somebody or something in a text, however they are spelled: what one customer may not
hear of another. Compared in lower case, without accents and punctuation; a code is any mixture of letters and digits.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from bot.text.clean import plain
from bot.text.linear import compiled, decoded, encoded
from bot.text.redact import beside_pages, personal

SHORT = 4  # digits: fewer are a number that anybody has
ROW = 6  # pieces in a row that may be one number
ACCENTS = re.compile("[\u0300-\u036f\u20d0-\u20ff]+")
LETTER = r"(?:[a-z]|\xc3[\x80-\x96\x98-\xb6\xb8-\xbf]|[\xc4-\xd3][\x80-\xbf])"  # Latin, Greek or Cyrillic
PIECE = rf"(?:{LETTER}|\d)*\d(?:{LETTER}|\d)*"
DASH = r"(?:[-/_*~]|\xe2\x80[\x90-\x95]|\xe2\x88\x92)"
CHAIN = compiled(rf"{PIECE}(?:(?: ?{DASH} ?|[ .:,'#]|\xe2\x80\x99){PIECE})*")
PARTS = re.compile(r"[^\W_]+")
# FW10234 is number 10234, and 24h a number, too.
NAMED = re.compile(r"[^\W\d_]{1,6}(\d{4,})|(\d+)(?:st|nd|rd|th|h|hrs?|x|kg|g|[cmk]?m|m[lb]|l|min|s|am|pm|gb|k|er)")
# What a colleague told somebody else and may be said again: 4.90, 10:30, 115.3.1; iOS16, 2FA.
MILD = compiled(r"\b(?:\d{1,3}(?:[.,:]\d{1,2}){1,3}|[a-z]+\d{1,2}|\d{1,3}[a-z]+)\b")
TOKEN = re.compile(r"\w(?:\S*\w)?")
WORD = r"[\w\x80-\xff'.-]{2,30}"
STREET = compiled(
    rf"\b\d{{1,4}}[a-z]?,? (?:{WORD} ){{1,2}}(?:street|road|avenue|lane|drive|square|boulevard|terrace)\b"
    rf"|[\w\x80-\xff-]{{2,30}}(?:strasse|str\.|weg|platz|gasse|allee|ufer|damm) \d{{1,4}}\b"
    rf"|\b\d{{1,4}},? (?:rue|avenue|boulevard|place|quai) (?:(?:de|du|des|la|le) )?{WORD}"
    rf"|\b(?:via|viale|piazza|calle|rua|ulica|ul\.) (?:{WORD} ){{1,2}}\d{{1,4}}\b"
)


def details(text: str) -> frozenset[str]:
    """Of a text that a customer may read: all in it, each number also in its parts, as nobody spells them alike."""
    folded, told = _folded(text), beside_pages(text)
    joins = ("".join(row[at:end]) for row in _chains(folded) for at in range(len(row)) for end in _ends(row, at))
    return frozenset(joins).union(personal(told), _streets(folded))


def mild(text: str) -> frozenset[str]:
    """Its amounts, times and versions, which are nobody's."""
    return details(" ; ".join(map(decoded, MILD.findall(encoded(_folded(text))))))


def foreign(text: str, known: frozenset[str]) -> bool:
    """Is there anything in a text that is not among these details?"""
    told = beside_pages(text)
    folded = _folded(told)
    spelled = (list(kind) for row in _chains(folded) for _, kind in groupby(row, str.isdigit))
    if any(not _is_small(pieces) and not _covered(pieces, known) for pieces in spelled):
        return True
    return not known.issuperset(personal(told)) or not known.issuperset(_streets(folded))


def masked(text: str, known: frozenset[str]) -> str:
    """With `[id]` for every code and number that is not among these details."""
    if not foreign(text, known):
        return text
    return TOKEN.sub(lambda token: _masked(token.group(), known), text)


def _masked(token: str, known: frozenset[str]) -> str:
    return "[id]" if any(map(str.isdigit, token)) and foreign(token, known) else token


def _folded(text: str) -> str:
    text = plain(text)
    return text.lower() if text.isascii() else ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()


def _chains(folded: str) -> Iterator[list[str]]:
    """Rows of pieces that have a digit, with one mark between two."""
    return ([_number(p) for p in PARTS.findall(decoded(found))] for found in CHAIN.findall(encoded(folded)))


def _number(piece: str) -> str:
    named = None if piece.isdigit() else NAMED.fullmatch(piece)
    return named.group(named.lastindex or 0) if named else piece


def _ends(row: list[str], start: int) -> range:
    return range(start + 1, min(start + ROW, len(row)) + 1)


def _is_small(pieces: list[str]) -> bool:
    return pieces[0].isdigit() and sum(map(len, pieces)) < SHORT


def _covered(pieces: list[str], known: frozenset[str]) -> bool:
    """Can the pieces be put together from known ones?"""
    reached = {0}
    for start in range(len(pieces)):
        if start in reached:
            reached.update(end for end in _ends(pieces, start) if "".join(pieces[start:end]) in known)
    return len(pieces) in reached


def _streets(folded: str) -> frozenset[str]:
    return frozenset(re.sub(r"[\W_]", "", decoded(found)) for found in STREET.findall(encoded(folded)))
