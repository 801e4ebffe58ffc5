"""BM25F that grows: postings in arrays, rows by number, nothing rebuilt when something is added.

The formula: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, sections 3.4 and 3.6; here a word's
share saturates below one whole word, so that scores of different queries can be compared.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from bot.brains import Floats
from bot.text.thesaurus import weight

K1, B = 1.2, 0.6
TITLE = 3.0  # times that a word of the title counts; flat between 2 and 5 on our questions and on Thunderbird's tickets
Counts = tuple[Counter[str], Counter[str]]  # of title and text
Rows = NDArray[np.int32]
Counted = NDArray[np.int64]


@lru_cache(maxsize=50_000)
def number(term: str) -> int:
    """A word as a number that is the same in every process."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query: its vector, and its words, each once, as numbers too."""

    vector: Floats
    terms: tuple[str, ...]
    numbers: NDArray[np.uint64]

    @staticmethod
    def of(vector: Floats, terms: Iterable[str]) -> "Asked":
        """With each word once."""
        once = tuple(dict.fromkeys(terms))
        return Asked(vector, once, np.array([number(term) for term in once], dtype=np.uint64))


def worth(term: str, frequency: int, n: int) -> float:
    """What a word of the query is worth that `frequency` of `n` passages say."""
    return weight(term) * math.log(1 + (n - frequency + 0.5) / (frequency + 0.5))


class Words:
    """Rows are numbered as they come. `before`: how many passages there are elsewhere, and how many words their titles
    and texts have in all. Not thread-safe by itself."""

    def __init__(self, before: tuple[int, float, float] = (0, 0.0, 0.0)) -> None:
        self._before = before
        self._postings: dict[str, tuple[array[int], array[float], array[float]]] = {}
        self._lengths = array("f"), array("f")
        self._norms: tuple[Floats, ...] = ()  # until a row comes

    def __len__(self) -> int:
        return len(self._lengths[0])

    def add(self, counts: Counts) -> int:
        """The new row's number."""
        row, self._norms = len(self), ()
        title, text = counts
        for term in title | text:
            rows, in_title, in_text = self._postings.setdefault(term, (array("i"), array("f"), array("f")))
            rows.append(row)
            in_title.append(title[term])
            in_text.append(text[term])
        for lengths, said in zip(self._lengths, counts, strict=True):
            lengths.append(said.total())
        return row

    def frequency(self, term: str) -> int:
        """How many rows say it."""
        known = self._postings.get(term)
        return len(known[0]) if known else 0

    def totals(self) -> tuple[int, float, float]:
        """Rows, and words of their titles and texts."""
        titles, texts = (float(np.sum(lengths)) for lengths in self._lengths)
        return len(self), titles, texts

    def scores(self, asked: Asked, values: Floats) -> Floats:
        """(rows,) float32: what each row covers of the query's words, which are worth `values`."""
        found = np.zeros(len(self), dtype=np.float32)
        for term, value in zip(asked.terms, values, strict=True):
            if term in self._postings:
                rows, share = self.share(term)
                found[rows] += value * share  # never a whole word, however often it is said
        return found

    def share(self, term: str) -> tuple[Rows, Floats]:
        """The rows that say `term`, ascending, and how much of it each covers, 0 to under 1."""
        self._norms = self._norms or self._anew()
        rows, in_title, in_text = (np.array(part) for part in self._postings[term])
        titles, texts = self._norms
        tf = TITLE * in_title / titles[rows] + in_text / texts[rows]
        return rows, tf / (K1 + tf)

    def terms(self) -> list[str]:
        """All that is said."""
        return list(self._postings)

    def _anew(self) -> tuple[Floats, ...]:
        n, *words = (here + before for here, before in zip(self.totals(), self._before, strict=True))
        return tuple(_norm(lengths, total / max(n, 1)) for lengths, total in zip(self._lengths, words, strict=True))


def _norm(lengths: "array[float]", average: float) -> Floats:
    """What a word's count is divided by in each row: 1 at average length."""
    return 1 - B + B * np.array(lengths, dtype=np.float32) / max(average, 1.0)
