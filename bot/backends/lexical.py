"""BM25F that grows: postings in arrays, rows by number, nothing rebuilt when something is added."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable

import numpy as np

from bot.brains import Floats
from bot.text.thesaurus import weight

K1, B = 1.2, 0.6
TITLE = 3.0  # times that a word of the title counts; flat between 2 and 5 on our questions and on Thunderbird's tickets


class Lexical:
    """Rows are numbered as they come; a dropped row keeps its number and scores 0. Not thread-safe by itself."""

    def __init__(self) -> None:
        self._postings: dict[str, tuple[array[int], array[float], array[float]]] = {}
        self._lengths = array("f"), array("f")
        self._norms: tuple[Floats, ...] = ()  # until a row comes

    def add(self, title: Counter[str], text: Counter[str]) -> int:
        """The new row's number; both count words that carry a topic."""
        row, self._norms = len(self._lengths[0]), ()
        for term in title | text:
            rows, in_title, in_text = self._postings.setdefault(term, (array("i"), array("f"), array("f")))
            rows.append(row)
            in_title.append(title[term])
            in_text.append(text[term])
        for lengths, counts in zip(self._lengths, (title, text), strict=True):
            lengths.append(counts.total())
        return row

    def scores(self, query: Iterable[str]) -> Floats:
        """(rows,) float32: the share of the query's words, weighted by rarity, that each row covers; 0 to under 1."""
        n = len(self._lengths[0])
        found, possible = np.zeros(n, dtype=np.float32), 0.0
        self._norms = self._norms or tuple(map(_norms, self._lengths))
        titles, texts = self._norms
        for term in set(query):
            rows, *often = self._postings.get(term, (array("i"), array("f"), array("f")))
            at, in_title, in_text = np.array(rows), *map(np.array, often)
            value = weight(term) * math.log(1 + (n - len(rows) + 0.5) / (len(rows) + 0.5))
            possible += value
            tf = TITLE * in_title / titles[at] + in_text / texts[at]
            found[at] += value * tf / (K1 + tf)  # never a whole word, however often it is said
        return found / possible if possible else found


def _norms(lengths: "array[float]") -> Floats:
    """What a word's count is divided by in each row: 1 at average length."""
    n = np.array(lengths, dtype=np.float32)
    return 1 - B + B * n / max(float(n.sum()) / max(len(n), 1), 1.0)
