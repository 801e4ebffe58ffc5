"""Text as hashed words and character pieces: similar spelling, not similar meaning; the last resort without a model."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np

from bot.brains import Floats, Likeness
from bot.ports import Fine
from bot.text.thesaurus import topics, weight

PIECE = 3  # characters
PAIR, PIECES = 0.5, 1.8  # what two words in a row, and all pieces of a word together, weigh beside the word
TINY = 1e-9
LONGEST = 20_000  # characters of a text that count
MISSING = "no model of meaning is installed: `make model` installs one"


class HashEmbedder:
    """Signed hashing of word stems, pairs of them, and their character pieces. The first line of several, a title or a
    subject, counts as much as the others together."""

    name, dim = "words-1", 512
    likeness = Likeness(0.0, 0.4)  # flat between .3 and .5 on our questions and on Thunderbird's tickets

    def __init__(self, *, resort: bool = False) -> None:
        """`resort`: nobody wanted it, but there is no model."""
        self._resort = resort

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        """(n, dim) float32, unit rows; an empty text gives a zero row. Queries and passages are treated alike."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            title, _, rest = text.strip()[:LONGEST].partition("\n")
            self._fill(row, title)
            if rest:
                below = np.zeros_like(row)
                self._fill(below, rest)
                np.add(row, below, out=row)
                np.divide(row, max(float(np.linalg.norm(row)), TINY), out=row)
        return rows

    def check(self) -> Fine:
        """It says that it is the last resort, where it is."""
        return ((f"texts are compared by words ({self.name})", not self._resort, MISSING),)

    def _fill(self, row: Floats, text: str) -> None:
        stems = topics(text)
        for word, count in Counter(stems).items():
            tf = weight(word) * (1.0 + math.log(count))
            for at, share in _features(word):
                row[abs(at) % self.dim] += math.copysign(tf * share, at)
        for pair in dict.fromkeys(pairwise(stems)):
            at = _signed(" ".join(pair))
            row[abs(at) % self.dim] += math.copysign(PAIR, at)
        if length := float(np.linalg.norm(row)):
            row /= length


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """The word itself and its pieces; more pieces weigh less each."""
    padded = f"<{word}>"
    pieces = {padded[at : at + PIECE] for at in range(max(0, len(padded) - PIECE + 1))}
    share = PIECES / math.sqrt(len(pieces) + 1)
    return ((_signed(f"={word}"), 1.0), *((_signed(p), share) for p in sorted(pieces)))


def _signed(feature: str) -> int:
    """A stable place and sign; Python's own hash changes with every process."""
    digest = crc32(feature.encode("utf-8", "replace"))  # half a pair is no text
    return (digest >> 1) + 1 if digest & 1 else -(digest >> 1) - 1
