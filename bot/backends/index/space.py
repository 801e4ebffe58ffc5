"""The passages of one source: segments that are frozen, and what grows."""

from collections.abc import Mapping, Sequence

import numpy as np

from bot.backends.index import owners
from bot.backends.index.frozen import Frozen
from bot.backends.index.growing import Growing, Kept
from bot.backends.index.log import News
from bot.backends.index.owners import Fusion
from bot.backends.index.rows import taken
from bot.backends.index.words import Asked, Counts, worth
from bot.brains import Floats, Hit
from bot.model import Source
from bot.scope import Asker

LEAST = 0.01  # of a score: less is chance


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

    @property
    def live(self) -> int:
        """How many passages there are."""
        return sum(part.live for part in self.parts)

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
        """The best `limit` owners, best first, the newer first among equals; none that shares nothing."""
        parts = [part for part in self.parts if len(part)]
        often = sum((part.frequencies(asked) for part in parts), start=np.zeros(len(asked.terms), np.int64))
        n = max(self.live, int(often.max(initial=0)))
        values = np.array([worth(t, int(many), n) for t, many in zip(asked.terms, often, strict=True)], np.float32)
        share = values / (float(values.sum()) or 1.0)
        hits = [hit for part in reversed(parts) for hit in _best(part, asked, share, limit, who, fusion)]
        return tuple(sorted(hits, key=lambda hit: -round(hit.score, owners.EVEN))[:limit])


class Spaces:
    """Of every source. Not thread-safe by itself."""

    def __init__(self, dim: int, frozen: Mapping[Source, tuple[Frozen, ...]]) -> None:
        self.of = {source: Space(dim, frozen.get(source, ())) for source in Source}

    def __getitem__(self, source: Source) -> Space:
        return self.of[source]

    @property
    def live(self) -> int:
        """How many passages there are."""
        return sum(space.live for space in self.of.values())

    @property
    def most(self) -> int:
        """Passages of a source that grow."""
        return max(len(space.growing) for space in self.of.values())

    @property
    def mostly_gone(self) -> bool:
        """It is time to begin what grows anew."""
        return any(space.growing.mostly_gone for space in self.of.values())

    @property
    def sealed(self) -> bool:
        """Something is being frozen."""
        return any(space.sealed for space in self.of.values())

    @property
    def gone(self) -> bool:
        """A segment has something that has gone."""
        return any(part.gone for space in self.of.values() for part in space.frozen)

    def take(self, news: News) -> None:
        """What came and what went."""
        for seq, row in news.rows:
            self.of[Source(row.source)].add(*taken(seq, row))
        self.kill(news.gone)

    def kill(self, seqs: Sequence[int]) -> None:
        """They have gone."""
        for seq in seqs:
            for space in self.of.values():
                space.kill(seq)

    def seal(self) -> dict[Source, Growing]:
        """What has grown so far, which grows no more; it is searched as before."""
        return {source: space.seal() for source, space in self.of.items()}

    def swap(self, frozen: Mapping[Source, tuple[Frozen, ...]]) -> None:
        """Segments that stand for all that was frozen or sealed before."""
        for source, space in self.of.items():
            space.swap(frozen[source])


def _best(
    part: "Frozen | Growing", asked: Asked, share: Floats, limit: int, who: Asker | None, fusion: Fusion
) -> list[Hit]:
    found = owners.together(part.best(asked, share, limit, who, fusion), part.firsts)
    best = owners.best_first(found.worth)[:limit]
    scores = zip(*(of[best].tolist() for of in (found.rows, found.worth, found.lexical, found.vector)), strict=True)
    return [Hit(part.owner(row), worth, *of) for row, worth, *of in scores if worth >= LEAST]
