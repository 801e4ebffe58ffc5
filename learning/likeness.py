"""What a text is about, by its carrying words: the measure by which two are one."""

from collections import Counter
from functools import lru_cache

from bot.text.terms import stem
from learning import lexicon
from learning.facts import content

COST = stem("cost")
FIRST = {word: min(group) for group in lexicon.SYNONYMS for word in group} | dict.fromkeys(lexicon.PRICE, COST)


@lru_cache(maxsize=2_000)
def meant(text: str) -> Counter[str]:
    """The stems that carry it, one for all of a group of synonyms. Not to be changed."""
    return Counter(FIRST.get(word, word) for word in content(text).elements() if word not in lexicon.SAID)


@lru_cache(maxsize=2_000)
def asks(question: str) -> Counter[str]:
    """What a question is about. Not to be changed."""
    return Counter(FIRST.get(word, word) for word in content(question).elements() if word not in lexicon.ASKING)


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """The share of words that both have, 0 to 1."""
    whole = one.total() + other.total()
    return 2 * (one & other).total() / whole if whole else 0.0
