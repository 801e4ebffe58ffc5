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
from bot.text.terms import stem
from learning import lexicon
from learning.clash import COPY, FREE, clash, differs, named
from learning.facts import content, facts, turned
from learning.likeness import COST, asks, likeness, meant

ASKS = 0.6  # likeness of two questions that are one
NEAR = 0.3  # that of questions which may be one, where the answers say so
SHARED = 0.5  # share of the shorter answer's carrying words that the other holds, for the two to be about one thing
HELD = 0.85  # that share, where the shorter one says nothing of its own
MOSTLY = 0.8  # share of a sentence that another holds, for it to be said there
LEAST = 6  # carrying words that an answer must have to be the same as another
MOST = 120  # sentences of an answer that are compared: of 155 real articles 4 have more, and 59 have more than 40
SHOWN = 5  # of what differs
MORE = 3  # carrying words that one of two answers to one question may have more, for both to say the same of it
ANSWERS = re.compile(r"(yes|no|ja|nein)\b", re.I)
YES = {"yes", "ja"}
VALUES = lexicon.UNITS | lexicon.DATES | frozenset(map(stem, lexicon.NUMBERS)) | {COST}


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
    shared, turned_round = _shared(one, other), _turned_round(one.question, other.question)
    compared = within and (asked >= ASKS or shared >= SHARED) and not (_strange(one, other) or _strange(other, one))
    if against := tuple(dict.fromkeys(_denied(one, other))) if compared and not turned_round else ():
        return Finding(Clash.CONTRADICTION, against[:SHOWN])
    if not turned_round and _word_for_word(one, other):
        return Finding(Clash.SAME, ())
    return _same(one, other) if shared >= (HELD if within else COPY) else None


def _same(one: Entry, other: Entry) -> Finding | None:
    short, long = sorted((one.answer, other.answer), key=len)
    if _whole(short).total() < LEAST or not _figures(short) <= _figures(long):
        return None
    return Finding(Clash.SAME, tuple(_alone(one.answer, other.answer))[:SHOWN])


def _word_for_word(one: Entry, other: Entry) -> bool:
    """Is the same said when the same is asked? Then it may be as short as it likes."""
    if _asked(one) != _asked(other) or not _asked(one) or _said(one) != _said(other):
        return False
    old, new = facts(one.answer), facts(other.answer)
    stated = bool(old.hard or content(one.answer))
    return stated and (old.hard, old.nots) == (new.hard, new.nots) and not turned(old, new)


def _asked(entry: Entry) -> frozenset[str]:
    return frozenset(content(entry.question)) - lexicon.ASKING


def _said(entry: Entry) -> frozenset[str]:
    """What it says besides its question."""
    return frozenset(content(entry.answer)) - lexicon.ASKING - frozenset(content(entry.question))


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


def _turned_round(one: str, other: str) -> bool:
    """Does one ask for what the other excludes? With and without, before and after."""
    old, new = facts(one), facts(other)
    return bool(old.nots) != bool(new.nots) or turned(old, new)


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
    if mine and theirs and (_opposite(one, other) or _other_answer(one, other)):
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


def _opposite(one: Entry, other: Entry) -> bool:
    """Does one say yes, and the other no?"""
    if (FREE in content(one.question)) != (FREE in content(other.question)):
        return False  # no, it costs nothing: yes, it is free
    first, second = _verdict(one), _verdict(other)
    return None not in (first, second) and first != second


def _verdict(entry: Entry) -> bool | None:
    """Yes or no: what it begins with, or whether it says with or without a "not" what is asked and no more. None for
    neither."""
    line = _lines(entry.answer)[0]
    if begins := ANSWERS.match(line):
        return begins[1].casefold() in YES
    if asks(entry.question).keys() != meant(line).keys() or facts(line).spoken & lexicon.SUPPOSING:
        return None
    return facts(line).nots <= facts(entry.question).nots


def _other_answer(one: Entry, other: Entry) -> bool:
    """Do both begin with another number, day or price for one question, however short, since it says of what?"""
    mine, theirs = _lines(one.answer)[0], _lines(other.answer)[0]
    old, new, asked = facts(mine), facts(theirs), asks(one.question) | asks(other.question)
    first, second = (meant(line).keys() - asked.keys() - VALUES for line in (mine, theirs))
    if (first - second and second - first) or (old.names - new.names and new.names - old.names):
        return False
    if len(first ^ second) > (0 if (old.spoken | new.spoken) & lexicon.SUPPOSING else MORE):
        return False
    return named(mine) == named(theirs) and differs(old, new)


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
