"""Passages that change no more, as arrays in files that are mapped into memory: a start reads nothing but their heads.

Vectors are found by their signs first: Hamming distance in place of the cosine (Charikar, Similarity estimation
techniques from rounding algorithms, 2002), whose nearest are then compared in full. Words that many passages say are
looked up for the candidates alone.
"""

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.backends.index.who import blocked
from bot.backends.index.words import Rows, Values
from bot.brains import Floats
from bot.model import Scope
from bot.scope import Asker

NEAREST = 200  # by signs: recall of the ten nearest is .997 on real vectors (python -m bench index)
COVERING = 200  # by words
DENSE = 150_000  # postings that are added up for all rows; those of more frequent words for the candidates alone
COARSE = 200_000  # rows from which on two words of signs choose who is looked at in full
SHARE = 64  # of the rows are left by the coarse look: one in so many
SAMPLE, FEW = 8192, 16  # rows that say what is near, and how many of them that must be for whoever asks
FAR = np.uint8(255)
HEAD = 4096  # bytes of a file that are read rather than mapped


@lru_cache(maxsize=50_000)
def number(term: str) -> int:
    """A word as a number that is the same in every process."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


def signs(vectors: Floats) -> NDArray[np.uint64]:
    """(words, n) uint64: a bit for each number above 0, 64 to a word."""
    bits = np.packbits(vectors > 0, axis=1)
    padded = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _mapped(file: Path) -> Any:
    """Into memory as far as it is looked at; an empty one cannot be."""
    head = np.load(file, mmap_mode=None if file.stat().st_size <= HEAD else "r")
    return np.asarray(head)


@dataclass(frozen=True, slots=True)
class Arrays:
    """What is in the files. Rows ascend by `seqs`. Term t (`terms` ascend) stands in `rows[starts[t]:starts[t + 1]]`,
    which ascend, and covers the share `shares` of it there. `totals`: rows, words of titles, words of texts."""

    seqs: NDArray[np.int64]
    owners: NDArray[np.uint8]
    owner_ends: NDArray[np.int64]
    scope_of: NDArray[np.int32]
    until: NDArray[np.float64]
    vectors: NDArray[np.float16]
    bits: NDArray[np.uint64]
    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: Rows
    shares: NDArray[np.float16]
    totals: NDArray[np.float64]


def save(arrays: Arrays, scopes: list[Scope], folder: Path) -> None:
    """Write the files."""
    for field in fields(arrays):
        np.save(folder / f"{field.name}.npy", getattr(arrays, field.name))
    told = [[getattr(scope, field.name) for field in fields(Scope)] for scope in scopes]
    (folder / "scopes.json").write_text(json.dumps(told), encoding="utf-8")


class Frozen:
    """A segment. Not thread-safe by itself. Raises OSError or ValueError where its files are not whole."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        read = {field.name: _mapped(folder / f"{field.name}.npy") for field in fields(Arrays)}
        self.arrays = Arrays(**read)
        self.scopes = [Scope(*values) for values in json.loads((folder / "scopes.json").read_text(encoding="utf-8"))]
        self._dead = np.zeros(len(self), dtype=np.bool_)
        self._found = np.zeros(len(self), dtype=np.float32)  # all 0 between two searches
        self.gone = 0

    def __len__(self) -> int:
        return len(self.arrays.seqs)

    def kill(self, seq: int) -> None:
        """It has gone, where it was here."""
        row = int(np.searchsorted(self.arrays.seqs, seq))
        if row < len(self) and self.arrays.seqs[row] == seq and not self._dead[row]:
            self._dead[row] = True
            self.gone += 1

    def dead(self) -> NDArray[np.bool_]:
        """(rows,) True where a passage has gone."""
        return self._dead

    def owner(self, row: int) -> str:
        """Whose passage it is."""
        start = int(self.arrays.owner_ends[row - 1]) if row else 0
        return bytes(self.arrays.owners[start : self.arrays.owner_ends[row]]).decode()

    def frequency(self, term: str) -> int:
        """How many rows say it."""
        found = self._posted(term)
        return int(found.stop - found.start)

    def best(self, query: Floats, values: Values, limit: int, who: Asker | None) -> tuple[Rows, Floats, Floats]:
        """Rows that may be among the best, with what each covers of the query's words and its cosine."""
        kept_back = blocked(self.scopes, self.arrays.scope_of, self.arrays.until, who)
        out = self._dead if kept_back is None else kept_back | self._dead if self.gone else kept_back
        rare, frequent = self._by_frequency(values)
        touched = self._add_up(rare)
        covering = self._covering(touched, out, max(COVERING, limit))
        nearest = self._nearest(query, out, max(NEAREST, limit))
        rows = np.union1d(covering, nearest).astype(np.int32)
        lexical = self._found[rows]
        self._found[touched] = 0.0
        for term, value in frequent.items():
            lexical += value * self._share(term, rows)
        cosine = np.clip(self.arrays.vectors[rows].astype(np.float32) @ query, 0.0, 1.0)
        return rows, lexical, cosine

    def _posted(self, term: str) -> slice:
        terms, wanted = self.arrays.terms, np.uint64(number(term))
        at = int(np.searchsorted(terms, wanted))
        if at == len(terms) or terms[at] != wanted:
            return slice(0, 0)
        return slice(int(self.arrays.starts[at]), int(self.arrays.starts[at + 1]))

    def _by_frequency(self, values: Values) -> tuple[Values, Values]:
        """Words in few passages, the first of them whatever it is, and those in many."""
        often = sorted((self.frequency(term), term) for term in values)
        total, rare, frequent = 0, dict[str, float](), dict[str, float]()
        for many, term in often:
            total += many
            (rare if total <= DENSE or not rare else frequent)[term] = values[term]
        return rare, frequent

    def _add_up(self, values: Values) -> Rows:
        """Into `_found`; the rows that it is in, which may repeat."""
        touched = [np.zeros(0, dtype=np.int32)]
        for term, value in values.items():
            at = self._posted(term)
            rows = self.arrays.rows[at]
            self._found[rows] += np.float32(value) * self.arrays.shares[at].astype(np.float32)
            touched.append(rows)
        return np.concatenate(touched)

    def _covering(self, touched: Rows, out: NDArray[np.bool_], most: int) -> Rows:
        rows = touched[~out[touched]]
        if len(rows) > 4 * most:  # a row may stand there once for each word
            cut = np.partition(self._found[rows], len(rows) - 4 * most)[len(rows) - 4 * most]
            rows = rows[self._found[rows] >= cut]
        rows = np.unique(rows)
        return rows if len(rows) <= most else rows[np.argpartition(-self._found[rows], most)[:most]]

    def _share(self, term: str, rows: Rows) -> Floats:
        """How much of a word each row covers."""
        at = self._posted(term)
        posted = self.arrays.rows[at]
        place = np.minimum(np.searchsorted(posted, rows), max(len(posted) - 1, 0))
        return np.where(posted[place] == rows, self.arrays.shares[at][place].astype(np.float32), np.float32(0))

    def _nearest(self, query: Floats, out: NDArray[np.bool_], most: int) -> Rows:
        """By signs."""
        wanted, bits = signs(query[None])[:, 0], self.arrays.bits
        rows = self._coarse(wanted, out) if len(self) >= COARSE else None
        seen = bits if rows is None else bits[:, rows]
        far = np.zeros(seen.shape[1], dtype=np.uint16)
        for word, sign in zip(seen, wanted, strict=True):
            far += np.bitwise_count(word ^ sign)
        if rows is None and out.any():
            far[out] = np.iinfo(far.dtype).max
        best = np.argpartition(far, most)[:most] if len(far) > most else np.arange(len(far))
        found = best if rows is None else rows[best]
        return found[~out[found]].astype(np.int32)

    def _coarse(self, wanted: NDArray[np.uint64], out: NDArray[np.bool_]) -> Rows:
        """Rows whose first signs are near; a sample says how near one in so many is."""
        far = np.bitwise_count(self.arrays.bits[0] ^ wanted[0])
        for word in range(1, min(2, len(wanted))):
            far += np.bitwise_count(self.arrays.bits[word] ^ wanted[word])
        if out.any():
            np.maximum(far, out * FAR, out=far)
        sample = np.sort(far[:: max(1, len(far) // SAMPLE)])
        there = int(np.searchsorted(sample, FAR))
        cut = sample[max(there // SHARE, min(there, FEW))] if there > FEW else FAR - 1
        return np.flatnonzero(far <= cut).astype(np.int32)
