"""What the passages of an owner, which lie side by side, are worth together."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bot.backends.index.words import Rows
from bot.brains import Floats

# Of an owner's passages, those that count. Over 1,291 tickets of a forum, by windows of 80 words of which each begins
# in the middle of the one before: 1 finds the linked article first for .34, 2 .35, 3 .36, 4 .37, 6 .38.
BEST = 6
EVEN = 5  # digits of a worth: what the same text is worth differs behind them, by its place
MANY = 16  # owners, at the least, of which all passages are compared


@dataclass(frozen=True, slots=True)
class Fusion:
    """What words and vectors weigh in a score, together 1; `chance`: the cosine that counts as nothing."""

    lexical: float
    vector: float
    chance: float = 0.0

    def likeness(self, cosine: Floats) -> Floats:
        """From 0, at chance or below, to 1."""
        return np.asarray(np.clip((cosine - self.chance) / (1.0 - self.chance), 0.0, 1.0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows, with the share of the query's words that each covers, how like it is (each 0 to 1), and both fused."""

    rows: Rows
    lexical: Floats
    vector: Floats
    worth: Floats

    @staticmethod
    def of(rows: Rows, lexical: Floats, cosine: Floats, fusion: Fusion) -> "Scored":
        """Fused."""
        vector = fusion.likeness(cosine)
        return Scored(rows, lexical, vector, fusion.lexical * lexical + fusion.vector * vector)


def firsts(parts: Rows) -> Rows:
    """(rows,) The row at which the owner of each begins; ascending. `parts`: each row's place among its owner's."""
    return np.arange(len(parts), dtype=np.int32) - parts


def best_first(worth: Floats) -> NDArray[np.intp]:
    """Places, the newer first among equals: of what was said of the same again and again the last word counts."""
    return np.argsort(np.round(worth, EVEN), kind="stable")[::-1]


def completed(found: Scored, begins: Rows, limit: int) -> Rows:
    """All rows of those owners of which a passage is among the best. `begins`: as `firsts` has them."""
    order = best_first(found.worth)
    owners, at = np.unique(begins[found.rows[order]], return_index=True)
    starts = owners[np.argsort(at)[: max(2 * limit, MANY)]]
    ends = np.searchsorted(begins, starts, side="right")
    return np.concatenate([np.zeros(0, np.int32), *map(np.arange, starts, ends)]).astype(np.int32)


def together(found: Scored, begins: Rows) -> Scored:
    """A row for each owner, its first: the mean of its BEST best."""
    owner = begins[found.rows]
    if (owner[1:] > owner[:-1]).all():
        return replace(found, rows=owner)  # one passage of each
    order = np.lexsort((-found.worth, owner))
    owner = owner[order]
    new = np.flatnonzero(np.diff(owner, prepend=-1))
    count = np.diff(new, append=len(owner))
    kept = order[np.arange(len(owner)) - np.repeat(new, count) < BEST]
    many = np.minimum(count, BEST)
    starts = np.cumsum(many) - many
    parts = (np.add.reduceat(of[kept], starts) / many if len(kept) else of[:0]
             for of in (found.lexical, found.vector, found.worth))  # fmt: skip
    return Scored(owner[new], *(part.astype(np.float32) for part in parts))
