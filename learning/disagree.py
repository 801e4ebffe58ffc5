"""Two entries beside each other: do they say the same twice, or does one say what the other denies?

Precise rather than greedy: people look at each pair. What is about another thing, place or product is no pair, however
alike it sounds.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise

from bot.model import Clash, CorrectionKind, Entry, Scope, SentenceEdit
from bot.text.said import sentences
from learning import lexicon
from learning.clash import COPY, clash
from learning.facts import facts
from learning.likeness import asks, likeness, meant

ASKS = 0.6  # likeness of two questions that are one
NEAR = 0.3  # that of questions which may be one, where the answers say so
SHARED = 0.5  # share of the shorter answer's carrying words that the other holds, for the two to be about one thing
HELD = 0.85  # that share, where the shorter one says nothing of its own
MOSTLY = 0.8  # share of a sentence that another holds, for it to be said there
LEAST = 6  # carrying words that an answer must have to be the same as another
MOST = 120  # sentences of an answer that are compared: of 155 real articles 4 have more, and 59 have more than 40
SHOWN = 5  # of what differs
ANSWERS = re.compile(r"(yes|no|ja|nein)\b", re.I)
YES = {"yes", "ja"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands between two entries; of a contradiction the sentences that deny each other, of others those that only
    one of them has. `before` is the second's, `after` the first's."""

    kind: Clash
    edits: tuple[SentenceEdit, ...]


def disagree(one: Entry, other: Entry) -> Finding | None:
    """What people should look at, None for two entries that can stand side by side."""
    if not may_meet(one.scope, other.scope) or _of_other_things(one.question, other.question):
        return None
    asked = likeness(asks(one.question), asks(other.question))
    within = asked >= NEAR and _within(one.question, other.question)
    if not within and asked < ASKS:
        return _same(one, other) if likeness(_whole(one.answer), _whole(other.answer)) >= COPY else None
    shared = _shared(one, other)
    compared = within and (asked >= ASKS or shared >= SHARED) and not (_strange(one, other) or _strange(other, one))
    if against := tuple(_denied(one, other)) if compared else ():
        return Finding(Clash.CONTRADICTION, against[:SHOWN])
    return _same(one, other) if shared >= (HELD if within else COPY) else None


def _same(one: Entry, other: Entry) -> Finding | None:
    short, long = sorted((one.answer, other.answer), key=len)
    if _whole(short).total() < LEAST or not _figures(short) <= _figures(long):
        return None
    return Finding(Clash.SAME, tuple(_alone(one.answer, other.answer))[:SHOWN])


def may_meet(one: Scope, other: Scope) -> bool:
    """Is there anybody for whom both hold?"""
    pairs = [(getattr(one, field.name), getattr(other, field.name), field.name) for field in fields(Scope)]
    return all(not (a and b) or a == b or (name == "page" and (a in b or b in a)) for a, b, name in pairs)


def _shared(one: Entry, other: Entry) -> float:
    """How much of what the shorter answer says stands in a sentence, or two that follow each other, of the longer one:
    0 to 1, by carrying words."""
    short, long = sorted((one.answer, other.answer), key=len)
    lines, there = _lines(short), [meant(line) for line in _lines(long)]
    there = [*there, *(a + b for a, b in pairwise(there))]
    whole = sum(meant(line).total() for line in lines)
    held = sum(max(((meant(line) & t).total() for t in there), default=0) for line in lines)
    return held / whole if whole else 0.0


def _of_other_things(one: str, other: str) -> bool:
    """Does each question name something that the other does not? Then they are two."""
    first, second = _things(one), _things(other)
    return bool(first - second and second - first)


def _things(text: str) -> frozenset[str]:
    found = facts(text)
    return found.names | {fact for fact in found.hard if fact[0].isdigit()}


def _strange(one: Entry, other: Entry) -> bool:
    """Does the question of one name something that the other never speaks of?"""
    return not (asks(one.question) - asks(other.question)).keys() <= _whole(other.answer).keys()


def _within(one: str, other: str) -> bool:
    """Is all that one question is about in the other?"""
    first, second = asks(one), asks(other)
    return not (first - second and second - first)


def _figures(answer: str) -> set[str]:
    """Its numbers, without units, and its days."""
    stated = (fact for line in _lines(answer) for fact in facts(line).hard)
    return {fact.partition(" ")[0] for fact in stated if fact[0].isdigit() or fact in lexicon.DATES}


def _denied(one: Entry, other: Entry) -> Iterator[SentenceEdit]:
    """Pairs of sentences that cannot both be true."""
    mine, theirs = _lines(one.answer), _lines(other.answer)
    if _opposite(mine[:1], theirs[:1]):
        yield SentenceEdit(CorrectionKind.FACT_WRONG, theirs[0], mine[0])
    for line in mine:
        best = _nearest(line, theirs)
        if best and line not in theirs and best not in mine and _nearest(best, mine) == line and clash(best, line):
            yield SentenceEdit(CorrectionKind.FACT_WRONG, best, line)


def _nearest(line: str, lines: tuple[str, ...]) -> str:
    return max(lines, key=lambda t: likeness(meant(line), meant(t)), default="")


@lru_cache(maxsize=500)
def _lines(answer: str) -> tuple[str, ...]:
    return tuple(line for line in sentences(answer) if not line.startswith("#"))[:MOST]


@lru_cache(maxsize=200)
def _whole(answer: str) -> Counter[str]:
    return sum(map(meant, _lines(answer)), Counter[str]())


def _opposite(mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Does one begin with yes, and the other with no?"""
    said = [m[1].casefold() for line in (*mine, *theirs) if (m := ANSWERS.match(line))]
    return len(said) == 2 and (said[0] in YES) != (said[1] in YES)


def _alone(one: str, other: str) -> Iterator[SentenceEdit]:
    """What only one of two answers says."""
    mine, theirs = _lines(one), _lines(other)
    for line in (t for t in theirs if meant(t) and not _has(mine, t)):
        yield SentenceEdit(CorrectionKind.FACT_MISSING, line, "")
    for line in (m for m in mine if meant(m) and not _has(theirs, m)):
        yield SentenceEdit(CorrectionKind.FACT_MISSING, "", line)


def _has(lines: tuple[str, ...], line: str) -> bool:
    words = meant(line)
    return any((words & meant(t)).total() >= MOSTLY * words.total() for t in lines)
