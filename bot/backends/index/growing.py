"""The newest passages of a space, in memory, until there are enough of them to be frozen."""

import math
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.backends.index.owners import Fusion, Scored, completed, firsts
from bot.backends.index.who import blocked
from bot.backends.index.words import Asked, Counted, Counts, Rows, Words
from bot.brains import Floats
from bot.model import Scope
from bot.scope import Asker

LEAST = 8  # passages that have gone for which it is not worth reading the others again


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a passage beside its words. `part`: its place among its owner's; `until`: seconds since 1970,
    infinite without an end."""

    seq: int
    owner: str
    part: int
    scope: Scope
    until: float


@dataclass(frozen=True, slots=True)
class Columns:
    """As arrays, a row each. `seqs` ascend; `parts` and `until` as in `Kept`; `firsts`: at which row the owner begins;
    `scope_of`: places in the list of scopes."""

    seqs: NDArray[np.int64]
    parts: Rows
    firsts: Rows
    scope_of: NDArray[np.int32]
    until: NDArray[np.float64]
    dead: NDArray[np.bool_]
    vectors: Floats


class Growing:
    """Rows in the order of their numbers; what has gone is only marked. Not thread-safe by itself."""

    def __init__(self, dim: int, before: tuple[int, float, float] = (0, 0.0, 0.0)) -> None:
        self.words = Words(before)
        self.owners: list[str] = []
        self.scopes: list[Scope] = []
        self._places: dict[Scope, int] = {}
        self._scope_of, self._until = array("i"), array("d")
        self._seqs, self._parts = array("q"), array("i")
        self._rows: dict[int, int] = {}
        self._matrix: Floats = np.zeros((64, dim), dtype=np.float32)
        self._dead = bytearray()
        self._columns: Columns | None = None  # until a row comes or goes

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def live(self) -> int:
        """How many have not gone."""
        return len(self._rows)

    @property
    def mostly_gone(self) -> bool:
        """It is time to begin anew, since what has gone still counts in how rare a word is."""
        return len(self) - self.live > max(LEAST, self.live // 4)

    def add(self, kept: Kept, counts: Counts, vector: Floats) -> None:
        """A passage; the newest of all."""
        row, self._columns = self.words.add(counts), None
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
        self._parts.append(kept.part)
        self._dead.append(0)
        self._rows[kept.seq] = row

    def kill(self, seq: int) -> None:
        """It has gone, where it was here."""
        row = self._rows.pop(seq, None)
        if row is not None:
            self._dead[row], self._columns = 1, None

    def dead(self) -> NDArray[np.bool_]:
        """(rows,) True where a passage has gone."""
        return self.columns().dead

    def columns(self) -> "Columns":
        """Of each row."""
        if self._columns is None:
            seqs, parts, scope_of = np.array(self._seqs), np.array(self._parts), np.array(self._scope_of)
            until, dead = np.array(self._until), np.array(self._dead, np.bool_)
            self._columns = Columns(seqs, parts, firsts(parts), scope_of, until, dead, self._matrix[: len(self)])
        return self._columns

    def owner(self, row: int) -> str:
        """Whose passage it is."""
        return self.owners[row]

    def frequencies(self, asked: Asked) -> Counted:
        """How many rows say each of the words."""
        return np.array([self.words.frequency(term) for term in asked.terms], dtype=np.int64)

    @property
    def firsts(self) -> Rows:
        """At which row the owner of each begins."""
        return self.columns().firsts

    def best(self, asked: Asked, share: Floats, limit: int, who: Asker | None, fusion: Fusion) -> Scored:
        """Rows that may be among the best, all of an owner or none. `share`: what each word is worth, together 1."""
        lexical = self.words.scores(asked, share)
        here = self.columns()
        cosine = here.vectors @ asked.vector
        kept_back = blocked(self.scopes, here.scope_of, here.until, who)
        out = here.dead if kept_back is None else here.dead | kept_back
        rows = np.flatnonzero(~out & ((lexical > 0) | (cosine > fusion.chance))).astype(np.int32)
        rows = completed(Scored.of(rows, lexical[rows], cosine[rows], fusion), here.firsts, limit)
        return Scored.of(rows, lexical[rows], cosine[rows], fusion)


def ends(until: float | None) -> float:
    """Infinite without an end."""
    return math.inf if until is None else until
