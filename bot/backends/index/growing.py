"""The newest passages of a space, in memory, until there are enough of them to be frozen."""

import math
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.backends.index.who import blocked
from bot.backends.index.words import Asked, Counted, Counts, Rows, Words
from bot.brains import Floats
from bot.model import Scope
from bot.scope import Asker


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a passage beside its words. `until`: seconds since 1970, infinite without an end."""

    seq: int
    owner: str
    scope: Scope
    until: float


class Growing:
    """Rows in the order of their numbers; what has gone is only marked. Not thread-safe by itself."""

    def __init__(self, dim: int, before: tuple[int, float, float] = (0, 0.0, 0.0)) -> None:
        self.words = Words(before)
        self.owners: list[str] = []
        self.scopes: list[Scope] = []
        self._places: dict[Scope, int] = {}
        self._scope_of, self._until = array("i"), array("d")
        self._seqs = array("q")
        self._rows: dict[int, int] = {}
        self._matrix: Floats = np.zeros((64, dim), dtype=np.float32)
        self._dead = bytearray()

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def live(self) -> int:
        """How many have not gone."""
        return len(self._rows)

    def add(self, kept: Kept, counts: Counts, vector: Floats) -> None:
        """A passage; the newest of all."""
        row = self.words.add(counts)
        if row == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
        self._matrix[row] = vector
        if kept.scope not in self._places:
            self._places[kept.scope] = len(self.scopes)
            self.scopes.append(kept.scope)
        self.owners.append(kept.owner)
        self._scope_of.append(self._places[kept.scope])
        self._until.append(kept.until)
        self._seqs.append(kept.seq)
        self._dead.append(0)
        self._rows[kept.seq] = row

    def kill(self, seq: int) -> None:
        """It has gone, where it was here."""
        row = self._rows.pop(seq, None)
        if row is not None:
            self._dead[row] = 1

    def dead(self) -> NDArray[np.bool_]:
        """(rows,) True where a passage has gone."""
        return np.array(self._dead, dtype=np.bool_)

    def columns(self) -> "tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], Floats]":
        """Of each row: its number, the place of its scope, its end, and its vector."""
        told = np.array(self._seqs, np.int64), np.array(self._scope_of, np.int32), np.array(self._until, np.float64)
        return *told, self._matrix[: len(self)]

    def owner(self, row: int) -> str:
        """Whose passage it is."""
        return self.owners[row]

    def frequencies(self, asked: Asked) -> Counted:
        """How many rows say each of the words."""
        return np.array([self.words.frequency(term) for term in asked.terms], dtype=np.int64)

    def best(self, asked: Asked, values: Floats, limit: int, who: Asker | None) -> tuple[Rows, Floats, Floats]:
        """Rows that may be among the best, with what each covers of the query's words and its cosine: all there are."""
        lexical = self.words.scores(asked, values)
        cosine = np.clip(self._matrix[: len(self)] @ asked.vector, 0.0, 1.0)
        out = self.dead()
        if (kept_back := blocked(self.scopes, *self._shown(), who)) is not None:
            out |= kept_back
        rows = np.flatnonzero(~out & ((lexical > 0) | (cosine > 0))).astype(np.int32)
        return rows, lexical[rows], cosine[rows]

    def _shown(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        return np.array(self._scope_of, np.int32), np.array(self._until, np.float64)


def ends(until: float | None) -> float:
    """Infinite without an end."""
    return math.inf if until is None else until
