"""Whether a file that anybody may have written says, in words that are not ours, that it is not for everybody.

What we do not understand must not become public: generators of sites have many words for it (Jekyll's `published`,
Hugo's `publishDate` and `expiryDate`, wikis' `visibility`), so that a word of this kind has to say plainly that it
holds nothing back.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime

from bot.errors import Misconfigured
from bot.model import Scope
from bot.text.phrases import read

SCOPES = tuple(field.name for field in fields(Scope))
OURS = {"scope": "scope", "validuntil": "valid_until"}  # as they have to be written
_TOLD = read(__file__)
HOLDING, LETTING, WHO, STATES, BEGINS, ENDS = (
    frozenset(_TOLD["words"][name].split()) for name in ("holding", "letting", "who", "states", "begins", "ends")
)
NO, EVERYBODY, DONE = (frozenset(_TOLD["values"][name].split()) for name in ("no", "everybody", "done"))
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def plain(name: str) -> str:
    """A name however it is spelled: `publishDate`, `publish-date`, `Publish_Date`."""
    return re.sub(r"[-_. ]", "", name.casefold())


def for_everybody(head: Mapping[str, object]) -> None:
    """Misconfigured names the first word that says that it is not, or that it does not understand."""
    for name, value in head.items():
        if why := _withheld(plain(name), name, value):
            raise Misconfigured(name, why)


def _withheld(word: str, name: str, value: object) -> str:
    if OURS.get(word, name) != name:
        return f"write it as `{OURS[word]}`"
    if word in SCOPES and word != "language":
        return f"write whom it is for as `scope: {{{word}: …}}`"
    if word in ENDS:
        return "write it as `valid_until`"
    if word in WHO and not _is(value, EVERYBODY):
        return "write whom it is for as `scope: {audience: …}`, or leave it out"
    return "" if _is_out(word, value) else "it is not published"


def _is_out(word: str, value: object) -> bool:
    if word in HOLDING:
        return _is(value, NO)
    if word in LETTING:
        return not _is(value, NO) and not _later(value)
    if word in STATES:
        return _is(value, DONE)
    return word not in BEGINS or not _later(value)


def _is(value: object, words: frozenset[str]) -> bool:
    """One of them, or nothing at all."""
    said = str(value).strip().casefold() if value else ""
    return not said or said in words


def _later(value: object) -> bool:
    day = DAY.match(str(value).strip())
    return day is not None and day[0] > datetime.now(UTC).date().isoformat()
