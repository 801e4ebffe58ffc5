"""Passages that change no more, as arrays in files that are mapped into memory.

Vectors are found by their signs first: Hamming distance in place of the cosine (Charikar, Similarity estimation
techniques from rounding algorithms, 2002), over those numbers of the query that are not near 0; the nearest are then
compared in full. Words that many passages say are looked up for the candidates alone.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.backends.index.owners import Fusion, Scored, completed, firsts
from bot.backends.index.who import Blocked, blocked
from bot.backends.index.words import Asked, Counted, Rows
from bot.brains import Floats
from bot.model import Scope
from bot.scope import Asker

BLOCK = 16_384  # rows, whose signs stay in the processor's cache
FAR = int(np.iinfo(np.uint16).max)
MORE = 1000
NEAR_0 = 0.35  # of a query's numbers, those whose signs tell least
HEAD = 4096  # bytes of a file that are read rather than mapped


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
class Looks:
    """How much is looked at before anything is compared in full: rows that are `nearest` by signs, with one in MORE of
    all besides, and best `covering` by words; postings that are added up for all rows (`dense`), those of more frequent
    words for the candidates alone. `python -m bench index` measures what that misses."""

    nearest: int = 200
    covering: int = 100
    dense: int = 150_000


_Posted = tuple[float, slice]  # what a word is worth, and where its postings are


@dataclass(frozen=True, slots=True)
class Arrays:
    """What is in the files. Rows ascend by `seqs`; `parts`: their places among their owner's. Term t (`terms` ascend)
    stands in `rows[starts[t]:starts[t + 1]]`, which ascend, and covers the share `shares` of it there. `totals`: rows,
    words of titles, words of texts."""

    seqs: NDArray[np.int64]
    parts: Rows
    owners: NDArray[np.uint8]
    owner_ends: NDArray[np.int64]
    scope_of: NDArray[np.int32]
    until: NDArray[np.float64]
    vectors: NDArray[np.float16]
    bits: NDArray[np.uint64]
    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: Rows
    shares: Floats
    totals: NDArray[np.float64]


def save(arrays: Arrays, scopes: list[Scope], folder: Path) -> None:
    """Write the files."""
    for field in fields(arrays):
        np.save(folder / f"{field.name}.npy", getattr(arrays, field.name))
    told = [[getattr(scope, field.name) for field in fields(Scope)] for scope in scopes]
    (folder / "scopes.json").write_text(json.dumps(told), encoding="utf-8")


class Frozen:
    """A segment. Not thread-safe by itself. Raises FileNotFoundError, EOFError, ValueError or TypeError where its files
    are not whole."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        read = {field.name: _mapped(folder / f"{field.name}.npy") for field in fields(Arrays)}
        self.arrays = Arrays(**read)
        self.scopes = [Scope(*values) for values in json.loads((folder / "scopes.json").read_text(encoding="utf-8"))]
        self.firsts, self._single = firsts(self.arrays.parts), not self.arrays.parts.any()
        self._dead = np.zeros(len(self), dtype=np.bool_)
        self._found = np.zeros(len(self), dtype=np.float32)  # all 0 between two searches
        self.gone, self.looks = 0, Looks()

    def __len__(self) -> int:
        return len(self.arrays.seqs)

    @property
    def live(self) -> int:
        """How many have not gone."""
        return len(self) - self.gone

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

    def frequencies(self, asked: Asked) -> Counted:
        """How many rows say each of the words."""
        starts, ends = self._posted(asked)
        return ends - starts

    def best(self, asked: Asked, share: Floats, limit: int, who: Asker | None, fusion: Fusion) -> Scored:
        """Rows that may be among the best, all of an owner or none. `share`: what each word is worth, together 1."""
        kept_back = blocked(self.scopes, self.arrays.scope_of, self.arrays.until, who)
        out = self._dead if self.gone else None
        if kept_back is not None:
            out = kept_back if out is None else kept_back | out
        rare, frequent = self._by_frequency(asked, share)
        try:
            self._add_up(rare)
            looked_at = np.zeros(len(self), dtype=np.bool_)
            looked_at[self._covering(out, limit)] = True
            looked_at[self._nearest(asked.vector, out, limit)] = True
            found = self._scored(asked, frequent, looked_at.nonzero()[0].astype(np.int32), fusion)
            return (
                found if self._single else self._scored(asked, frequent, completed(found, self.firsts, limit), fusion)
            )
        finally:
            self._found[:] = 0.0

    def _scored(self, asked: Asked, frequent: list[_Posted], rows: Rows, fusion: Fusion) -> Scored:
        lexical = self._found[rows]
        for value, at in frequent:
            lexical += value * self._share(at, rows)
        return Scored.of(rows, lexical, _cosines(self.arrays.vectors[rows], asked.vector), fusion)

    def _posted(self, asked: Asked) -> tuple[Counted, Counted]:
        """From where to where the postings of each word are."""
        terms, starts = self.arrays.terms, self.arrays.starts
        at = np.minimum(terms.searchsorted(asked.numbers), max(len(terms) - 1, 0))
        there = terms[at] == asked.numbers if len(terms) else np.zeros(len(at), dtype=np.bool_)
        return np.where(there, starts[at], 0), np.where(there, starts[at + there], 0)

    def _by_frequency(self, asked: Asked, share: Floats) -> tuple[list[_Posted], list[_Posted]]:
        """Words in few passages, the first of them whatever it is, and those in many."""
        starts, ends = self._posted(asked)
        often = ends - starts
        order = np.argsort(often, kind="stable")[int((often == 0).sum()) :]
        words = zip(*(of[order].tolist() for of in (share, starts, ends)), strict=True)
        posted = [(value, slice(*at)) for value, *at in words]
        few = max(int(np.cumsum(often[order]).searchsorted(self.looks.dense, side="right")), 1)
        return posted[:few], posted[few:]

    def _add_up(self, words: list[_Posted]) -> None:
        """Into `_found`."""
        for value, at in words:
            np.add.at(self._found, self.arrays.rows[at].astype(np.intp), np.float32(value) * self.arrays.shares[at])

    def _covering(self, out: Blocked | None, limit: int) -> NDArray[np.intp]:
        """By words."""
        worth = -self._found if out is None else np.where(out, np.float32(0), -self._found)
        return self._of_several(worth, 0, max(self.looks.covering, limit), limit)

    def _share(self, at: slice, rows: Rows) -> Floats:
        """How much of a word each row covers."""
        posted = self.arrays.rows[at]
        place = np.minimum(posted.searchsorted(rows), len(posted) - 1)
        return np.where(posted[place] == rows, self.arrays.shares[at][place], np.float32(0))

    def _nearest(self, query: Floats, out: Blocked | None, limit: int) -> NDArray[np.intp]:
        """By signs."""
        far = self._signs_that_differ(query)
        if out is not None:
            far[out] = FAR
        return self._of_several(far, FAR, max(self.looks.nearest + len(self) // MORE, limit), limit)

    def _of_several(self, values: NDArray[Any], worst: float, most: int, owners: int) -> NDArray[np.intp]:
        """Rows of the `most` smallest values under the `worst`; while they are of fewer `owners`, those, which may have
        thousands of passages, are taken out of `values` and the others looked at."""
        found = list[NDArray[np.intp]]()
        while True:
            rows = smallest(values, most)
            rows = rows[values[rows] < worst]
            begins = np.unique(self.firsts[rows]) if not self._single else rows
            owners -= len(begins)
            found.append(rows)
            if owners <= 0 or len(rows) < most:
                return np.concatenate(found)
            for first, end in zip(begins, np.searchsorted(self.firsts, begins, side="right"), strict=True):
                values[first:end] = worst

    def _signs_that_differ(self, query: Floats) -> NDArray[np.uint16]:
        """(rows,) How many, of those of the query that tell most."""
        size = np.abs(query)
        little = int(NEAR_0 * len(size))
        wanted, told = signs(np.stack([query, size > np.partition(size, little)[little]])).T
        most = int(np.bitwise_count(told).sum())
        far = np.zeros(len(self), dtype=np.min_scalar_type(most))  # a byte, mostly
        for start in range(0, len(far), BLOCK):
            part = far[start : start + BLOCK]
            for bits, sign, of in zip(self.arrays.bits[:, start : start + BLOCK], wanted, told, strict=True):
                differ = bits ^ sign
                differ &= of
                part += np.bitwise_count(differ)
        return far.astype(np.uint16)


def smallest(values: NDArray[Any], most: int) -> NDArray[np.intp]:
    """Where the `most` smallest are, of equal ones the last, which are the newest."""
    if len(values) <= most:
        return np.arange(len(values))
    cut = np.partition(values, most - 1)[most - 1]
    less, same = (values < cut).nonzero()[0], (values == cut).nonzero()[0]
    return np.concatenate([less, same[len(same) - (most - len(less)) :]])


def _cosines(vectors: NDArray[np.float16], query: Floats) -> Floats:
    """(rows,) float32. The bits of a float16 in their places of a float32, which is then 2**-112 of the number: numpy's
    own conversion takes three times as long."""
    bits = vectors.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70002000)
    return np.asarray(bits.view(np.float32) @ (query * np.float32(2.0**112)), dtype=np.float32)
