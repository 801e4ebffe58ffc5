"""BM25 that grows: postings in arrays, rows by number, nothing rebuilt when something is added."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable

import numpy as np

from bot.ports import Floats
from bot.text.thesaurus import weight

K1, B = 1.2, 0.6


class Lexical:
    """Rows are numbered as they come; a dropped row keeps its number and scores 0. Not thread-safe by itself."""

    def __init__(self) -> None:
        self._postings: dict[str, tuple[array[int], array[float]]] = {}
        self._lengths = array("f")
        self._total = 0.0

    def add(self, counts: Counter[str]) -> int:
        """The new row's number; `counts` are words that carry a topic."""
        row = len(self._lengths)
        for term, count in counts.items():
            rows, often = self._postings.setdefault(term, (array("i"), array("f")))
            rows.append(row)
            often.append(count)
        self._lengths.append(counts.total())
        self._total += counts.total()
        return row

    def scores(self, query: Iterable[str]) -> Floats:
        """(rows,) float32: the share of the query's words, weighted by rarity, that each row covers; 0 to 1."""
        n = len(self._lengths)
        found, possible = np.zeros(n, dtype=np.float32), 0.0
        for term in set(query):
            rows, often = self._postings.get(term, (array("i"), array("f")))
            value = weight(term) * math.log(1 + (n - len(rows) + 0.5) / (len(rows) + 0.5))
            possible += value
            if rows:
                self._credit(found, rows, often, value)
        return np.minimum(found / possible, 1.0) if possible else found

    def _credit(self, found: Floats, rows: "array[int]", often: "array[float]", value: float) -> None:
        """A word said once in a row of average length counts in full."""
        at, tf = np.frombuffer(rows, dtype=np.intc), np.frombuffer(often, dtype=np.float32)
        lengths = np.frombuffer(self._lengths, dtype=np.float32)[at]
        average = self._total / len(self._lengths)
        found[at] += value * tf * (K1 + 1) / (tf + K1 * (1 - B + B * lengths / average))
