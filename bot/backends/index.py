"""Hybrid search in memory: words and vectors, rebuilt from the store at start."""

import threading
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.backends.lexical import Lexical
from bot.brains import Embedder, Floats, Hit, Passage
from bot.model import Source
from bot.ports import Fine
from bot.scope import Asker
from bot.text.thesaurus import topics

LEXICAL = 0.6  # share of the fused score; flat between .5 and .7 on our questions and on Thunderbird's tickets
Rows = NDArray[np.intp]
Counts = tuple[Counter[str], Counter[str]]  # of title and text
LEAST = 16  # dropped rows that never make packing worth it


class HybridIndex:
    """One space for each source. Any thread may read or write; a put is found by the next search."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._spaces = {source: _Space(embedder.dim) for source in Source}
        self._lock, self._mark = threading.Lock(), ""

    def put(self, items: Sequence[Passage], *, drop: Sequence[str] = (), mark: str = "") -> None:
        """Add or replace by `key`; found at once."""
        self._add(items)
        with self._lock:
            for key in drop:  # after the new is there: a changed entry is never missing
                self._drop(key)
            self._mark = mark or self._mark

    def _add(self, items: Sequence[Passage]) -> None:
        fields = [(p.title or p.text, p.text) for p in items]
        titles, texts = (self._embedder.embed([f[at] for f in fields], query=False) for at in (0, 1))
        counted = [(Counter(topics(title)), Counter(topics(text))) for title, text in fields]
        with self._lock:
            for passage, vector, counts in zip(items, (titles + texts) / 2, counted, strict=True):
                self._drop(passage.key)
                self._spaces[passage.source].add(passage.key, passage.owner, counts, vector)

    def mark(self) -> str:
        """Of the newest put."""
        return self._mark

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._spaces, self._mark = {source: _Space(self._embedder.dim) for source in Source}, ""

    def check(self) -> Fine:
        """It is in memory."""
        return (("index", True, ""),)

    def _drop(self, key: str) -> None:
        for space in self._spaces.values():
            space.drop(key)

    def search(self, query: str, *, source: Source, limit: int, who: Asker | None = None) -> tuple[Hit, ...]:
        """Best first; passages that share nothing with the query are left out.

        `lexical` is the share of the query's words that the passage covers, weighted by rarity; `vector` the mean
        of the cosines to title and text; both, and so `score`, can be compared between queries.
        """
        vector, counts = self._embedder.embed([query], query=True)[0], Counter(topics(query))
        with self._lock:
            return self._spaces[source].search(vector, counts, limit)


class _Space:
    """The rows of one source; a dropped row is only marked until enough of them are packed away."""

    def __init__(self, dim: int) -> None:
        self._words = Lexical()
        self._matrix: Floats = np.zeros((64, dim), dtype=np.float32)
        self._kept: list[tuple[str, str, Counts]] = []
        self._rows: dict[str, int] = {}
        self._live: Rows | None = None  # the numbers of all rows, until one comes or goes

    def add(self, key: str, owner: str, counts: Counts, vector: Floats) -> None:
        row = self._words.add(*counts)
        if row == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
        self._matrix[row] = vector
        self._kept.append((key, owner, counts))
        self._rows[key] = row
        self._live = None

    def drop(self, key: str) -> None:
        self._rows.pop(key, None)
        self._live = None
        if len(self._kept) - len(self._rows) > max(LEAST, len(self._rows) // 4):
            self._pack()

    def _pack(self) -> None:
        rows = sorted(self._rows.values())
        kept, vectors = [self._kept[row] for row in rows], self._matrix[rows]
        self._words, self._kept, self._rows = Lexical(), [], {}
        for passage, vector in zip(kept, vectors, strict=True):
            self.add(*passage, vector)

    def search(self, vector: Floats, counts: Counter[str], limit: int) -> tuple[Hit, ...]:
        lexical = self._words.scores(counts)
        cosine = np.clip(self._matrix[: len(self._kept)] @ vector, 0.0, 1.0)
        fused = LEXICAL * lexical + (1 - LEXICAL) * cosine
        best = self._best(fused, limit)
        scores = zip(*(of[best].tolist() for of in (fused, lexical, cosine)), strict=True)
        return tuple(Hit(*self._kept[row][:2], *of) for row, of in zip(best.tolist(), scores, strict=True))

    def _best(self, fused: Floats, limit: int) -> Rows:
        """Rows that score at all, by falling score, the older first among equals; dropped rows never."""
        if self._live is None:
            self._live = np.fromiter(self._rows.values(), dtype=np.intp, count=len(self._rows))
        best = self._live[fused[self._live] > 0]
        if len(best) > limit:
            best = best[np.argpartition(-fused[best], limit)[:limit]]
        return best[np.lexsort((best, -fused[best]))]
