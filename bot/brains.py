"""The interfaces of what thinks: embedded by default, a vendor's where one is set up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bot.model import EVERYONE, Context, Draft, Evidence, Scope, Source
from bot.ports import Fine
from bot.scope import Asker

Floats = npt.NDArray[np.float32]
# Score from which an entry carries an answer. By meaning 58 of the sandbox's questions get the right draft, 9 a wrong
# one, and 22 of 25 without an answer none (by words 44, 13 and 23).
FLOOR = 0.24
# Memory from which one does, however far its texts are: of a forum's tickets with .5 to .6 a third were sent the
# article that it speaks for, with .7 to .8 two thirds.
RECALLED = 0.5


def carries(evidence: Evidence) -> bool:
    """Is it near enough to be said?"""
    return evidence.score >= FLOOR or evidence.memory >= RECALLED


class Writer(Protocol):
    """Says what we would say."""

    def write(self, context: Context) -> Draft:
        """A draft resting on `context.evidence` alone; `text` is "" when the evidence does not carry an answer.

        Its confidence is 0 until learning fills it in. Raises Unavailable.
        """


@dataclass(frozen=True, slots=True)
class Likeness:
    """How an embedder's cosines are read beside words, each 0 to 1. `chance`: that of texts of one company which have
    nothing to do with each other, and is worth nothing; `weight`: what the rest is worth, and words the other part."""

    chance: float
    weight: float


class Embedder(Protocol):
    """Turns text into unit vectors. `name`: model, version and precision: only vectors of one name are compared."""

    name: str
    dim: int

    @property
    def likeness(self) -> Likeness:
        """How its cosines are read. Raises Unavailable."""

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        """(n, dim) float32, unit rows, for any number of texts; an empty one gives a zero row. `query`: they ask, else
        they are passages. Raises Unavailable."""

    def check(self) -> Fine:
        """Whether it works, for `app.py doctor`; never raises."""


class Index(Protocol):
    """Finds one tenant's passages; holds nothing that cannot be rebuilt from the store. Raises Unavailable, and
    Misconfigured where its vectors are of another embedder."""

    def put(self, items: Sequence["Passage"], *, drop: Sequence[str] = (), mark: tuple[str, str] | None = None) -> bool:
        """Replace all that the owners of `items` had, and take out what those of `drop` have (unknown ones are fine):
        all or nothing, found at once here and next in every process that shares it. `mark`: how far its writer is then,
        and was before; where that is not so any more, nothing is put, and False."""

    def mark(self) -> str:
        """The `mark` of the newest put that it still has, "" for none."""

    def search(self, query: str, *, source: Source, limit: int, who: Asker | None = None) -> tuple["Hit", ...]:
        """Owners, best first, without what is not for `who`; None sees everything. Scores 0 to 1."""

    def compact(self) -> None:
        """Nothing that was taken out lingers where it keeps its passages. May take seconds."""

    def clear(self) -> None:
        """Forget everything, also whose vectors it held; those of another embedder are refused from then on."""

    def check(self) -> Fine:
        """Whether it works, for `app.py doctor`; never raises."""


class Reranker(Protocol):
    """Puts what was found in a better order. Optional."""

    def rerank(self, query: str, passages: Sequence[str], *, limit: int) -> tuple[tuple[int, float], ...]:
        """(place in `passages`, score 0 to 1) of the best, best first. Raises Unavailable."""

    def check(self) -> Fine:
        """Whether it works, for `app.py doctor`; never raises."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text to be found; several may share an `owner` (entry id or past reply id). What its title says
    counts more; without one the text is its own title. `scope`: for whom it holds; `valid_until` aware UTC. `meant`:
    what its vector is made of, "" for all of it; its words count in any case."""

    owner: str
    source: Source
    text: str
    title: str = ""
    scope: Scope = EVERYONE
    valid_until: datetime | None = None
    meant: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """An owner of which passages were found. `score` is fused; `lexical` and `vector` are its parts, each 0 to 1."""

    owner: str
    score: float
    lexical: float
    vector: float


@dataclass(frozen=True, slots=True)
class Weights:
    """What words are worth in the order of entries, meaning the other part; `outcomes`: how many said so."""

    words: float
    outcomes: float


class Weigh(Protocol):
    """Learning's word on what words and meaning are worth, `by` an embedder of this name."""

    by: str

    def __call__(self) -> Weights:
        """By now."""


class Confidence(Protocol):
    """Learning's word on a draft."""

    def confidence(self, context: Context, draft: Draft) -> float:
        """P(an expert would send it without a material edit), 0 to 1."""
