"""Two sentences beside each other: does one say what the other denies?"""

import re
from functools import lru_cache

from bot.text.terms import is_stop, stem
from learning import lexicon
from learning.facts import TOKEN, Facts, exchanged, facts, level, turned
from learning.likeness import likeness, meant

LINE = 0.5  # likeness of two sentences that are about one thing
TWIN = 0.75  # that of sentences that differ in nothing but a "not"
COPY = 0.9  # that of sentences that are one, and of answers, whatever is asked
ABOUT = 0.6  # share of the shorter sentence that the other holds, for a "not" in one of them to deny the other
REACH = 4  # words that a "not" is about
LONG = 25  # carrying words of a sentence in which nobody can tell what a "not" or an opposite is about
FEW = 2  # carrying words that two sentences must have in common
NAMED = re.compile(r"\b([A-ZÄÖÜ][\w-]*) (\d+(?:[.,]\d+)*)")  # the number is part of a name: "Rolle 38", "iOS 16"
MONEY = {"€", "$", "£"}
FREE = stem("free")


def clash(before: str, after: str) -> bool:
    """Are they about one thing, and is there something that cannot be so and so?"""
    old, new = facts(before), facts(after)
    if named(before) != named(after) or (old.names - new.names and new.names - old.names):
        return False
    if (meant(before) & meant(after)).total() < FEW:
        return False
    alike = likeness(meant(before), meant(after))
    if alike >= COPY and old.nots != new.nots:
        return True
    other = differs(old, new)
    if {*old.spoken, *new.spoken} & lexicon.SUPPOSING:
        return other and alike >= TWIN
    return (other and alike >= LINE) or (alike >= TWIN and _turned(before, after, old, new)) or _negated(before, after)


@lru_cache(maxsize=2_000)
def named(sentence: str) -> frozenset[str]:
    """Numbers that are part of a name."""
    text = level(sentence)
    return frozenset(m[2] for m in NAMED.finditer(text) if not (is_stop(m[1].casefold()) or _measures(text, m.end())))


def _measures(text: str, end: int) -> bool:
    """Does the number that ends there have a unit, or is it the hour of a time?"""
    after = TOKEN.search(text, end)
    return text[end : end + 1] == ":" or (after is not None and stem(after[0].casefold()) in lexicon.UNITS)


def differs(old: Facts, new: Facts) -> bool:
    """Another number, day or price, and not of another case, as before and after."""
    return (_other_number(old, new) or _other_day(old, new) or _priced(old, new)) and not turned(old, new)


def _priced(old: Facts, new: Facts) -> bool:
    """Is it free in one, and has a price in the other?"""
    return {_free(old), _free(new)} == {True, False}


def _free(stated: Facts) -> bool | None:
    """None where it has neither a price nor none, or both."""
    free = FREE in stated.hard
    return free if free != bool(_by_unit(stated.hard) & MONEY) else None


def _other_number(old: Facts, new: Facts) -> bool:
    """Is there a number in each that the other does not have, of the same unit?"""
    gone, come = (_by_unit(a.hard - b.hard) for a, b in ((old, new), (new, old)))
    return bool(gone & come) and (gone <= come or come <= gone)  # not 5 euros a month, and 50 a year


def _by_unit(hard: frozenset[str]) -> set[str]:
    return {fact.partition(" ")[2] for fact in hard if fact[0].isdigit()}


def _other_day(old: Facts, new: Facts) -> bool:
    gone, come = old.hard - new.hard, new.hard - old.hard
    return bool(gone & lexicon.DATES and come & lexicon.DATES)


def _turned(before: str, after: str, old: Facts, new: Facts) -> bool:
    """Does a word of one have its opposite in the other, and next to nothing else differ?"""
    if max(meant(before).total(), meant(after).total()) > LONG:
        return False
    lost, gained = exchanged(before, after)
    return turned(old, new) and len(lost) <= 1 and len(gained) <= 1


def _negated(before: str, after: str) -> bool:
    """Is something said of the same words that the other says is not so?"""
    one, other = meant(before), meant(after)
    common, shorter, longer = (one & other).total(), *sorted((one.total(), other.total()))
    if (
        longer > LONG
        or common <= FEW
        or common < ABOUT * shorter
        or bool(facts(before).nots) == bool(facts(after).nots)
    ):
        return False
    return bool(_nots(before) & set(other) or _nots(after) & set(one))


@lru_cache(maxsize=2_000)
def _nots(sentence: str) -> frozenset[str]:
    """The carrying words right behind a "not"."""
    spoken = [t.casefold() for t in TOKEN.findall(level(sentence))]
    behind = (spoken[at : at + REACH] for at, word in enumerate(spoken, 1) if word in lexicon.NOT - {"without"})
    return frozenset(word for words in behind for word in list(meant(" ".join(words)))[:1])
