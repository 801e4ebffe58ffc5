"""How good a ranking was: pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

AMONG = (1, 3, 5, 10)
PRECISIONS = (70, 80, 90)  # percent
WITHIN = 1.96  # standard errors to either side: 95 %
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ticket that was asked: the place of the first right entry, from 1, 0 where none was found; the score of what
    came first; whether any right entry was there to be found; seconds that it took."""

    day: date
    rank: int
    score: float
    there: bool = True
    seconds: float = 0.0


def rank(found: Sequence[str], right: Collection[str]) -> int:
    """From 1; 0 where none of it is right."""
    return next((place for place, id_ in enumerate(found, 1) if id_ in right), 0)


def recall(asked: Sequence[Ranked], among: int) -> float:
    """Share with a right entry among the first so many."""
    return sum(0 < one.rank <= among for one in asked) / len(asked)


def reciprocal(asked: Sequence[Ranked]) -> float:
    """The mean of 1 / rank, 0 where nothing right was found."""
    return sum(1 / one.rank for one in asked if one.rank) / len(asked)


def coverage(asked: Sequence[Ranked], percent: int) -> float:
    """The largest share, by the score of what came first, of which so many percent came first rightly. Equal scores
    stay together, as no threshold parts them."""
    best = taken = right = 0
    for _, equal in groupby(sorted(asked, key=lambda one: -one.score), key=lambda one: one.score):
        ranks = [one.rank for one in equal]
        taken, right = taken + len(ranks), right + ranks.count(1)
        best = taken if 100 * right >= percent * taken else best
    return best / len(asked)


def figures(asked: Sequence[Ranked]) -> Figures:
    """All of these."""
    shares = {f"r{among}": recall(asked, among) for among in AMONG}
    covered = {f"coverage{percent}": coverage(asked, percent) for percent in PRECISIONS}
    return shares | {"mrr": reciprocal(asked)} | covered


def quarters(asked: Sequence[Ranked]) -> dict[str, Figures]:
    """Figures by `2023Q3`, oldest first."""
    of: dict[str, list[Ranked]] = {}
    for one in sorted(asked, key=lambda one: one.day):
        of.setdefault(f"{one.day.year}Q{(one.day.month + 2) // 3}", []).append(one)
    return {quarter: {"gold_tickets": len(part)} | figures(part) for quarter, part in of.items()}


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's, of 95 %, for a share of so many."""
    square = WITHIN**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = WITHIN / (1 + square / count) * (share * (1 - share) / count + square / (4 * count**2)) ** 0.5
    return middle - half, middle + half
