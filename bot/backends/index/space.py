"""The passages of one source: segments that are frozen, and what grows."""

from dataclasses import dataclass

import numpy as np

from bot.backends.index.frozen import Frozen
from bot.backends.index.growing import Growing, Kept
from bot.backends.index.words import Asked, Counts, worth
from bot.brains import Floats, Hit
from bot.scope import Asker


@dataclass(frozen=True, slots=True)
class Fusion:
    """What words and vectors weigh in a score; together 1."""

    lexical: float
    vector: float


class Space:
    """Its segments are asked together. Not thread-safe by itself."""

    def __init__(self, dim: int, frozen: tuple[Frozen, ...] = ()) -> None:
        self.dim, self.frozen = dim, frozen
        self.sealed: Growing | None = None  # what is being frozen
        self.growing = self._fresh()

    def _fresh(self) -> Growing:
        n, titles, texts = np.sum([np.zeros(3), *(part.arrays.totals for part in self.frozen)], axis=0)
        return Growing(self.dim, (int(n), float(titles), float(texts)))

    @property
    def parts(self) -> "list[Frozen | Growing]":
        """All that is searched, oldest first."""
        return [*self.frozen, *([self.sealed] if self.sealed else []), self.growing]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def add(self, kept: Kept, counts: Counts, vector: Floats) -> None:
        """The newest passage."""
        self.growing.add(kept, counts, vector)

    def kill(self, seq: int) -> None:
        """It has gone, where it was here."""
        for part in self.parts:
            part.kill(seq)

    def seal(self) -> Growing:
        """What has grown so far, which grows no more; it is searched as before."""
        self.sealed, self.growing = self.growing, self._fresh()
        return self.sealed

    def swap(self, frozen: tuple[Frozen, ...]) -> None:
        """Segments that stand for all that was frozen or sealed before."""
        self.frozen, self.sealed = frozen, None

    def search(self, asked: Asked, limit: int, who: Asker | None, fusion: Fusion) -> tuple[Hit, ...]:
        """The best `limit` passages, best first, the older first among equals; none that shares nothing."""
        parts = [part for part in self.parts if len(part)]
        n = sum(len(part) for part in parts)
        often = sum((part.frequencies(asked) for part in parts), start=np.zeros(len(asked.terms), np.int64))
        values = np.array([worth(t, int(many), n) for t, many in zip(asked.terms, often, strict=True)], np.float32)
        hits = [hit for part in parts for hit in _best(part, asked, values, limit, who, fusion)]
        return tuple(sorted(hits, key=lambda hit: -hit.score)[:limit])


def _best(
    part: "Frozen | Growing", asked: Asked, values: Floats, limit: int, who: Asker | None, fusion: Fusion
) -> list[Hit]:
    rows, covered, cosine = part.best(asked, values, limit, who)
    lexical = covered / (float(values.sum()) or 1.0)
    fused = fusion.lexical * lexical + fusion.vector * cosine
    best = np.flatnonzero(fused > 0)
    if len(best) > limit:
        best = best[np.argpartition(-fused[best], limit - 1)[:limit]]
    best = best[np.lexsort((rows[best], -fused[best]))]
    scores = zip(*(of[best].tolist() for of in (rows, fused, lexical, cosine)), strict=True)
    return [Hit(part.owner(row), *of) for row, *of in scores]
