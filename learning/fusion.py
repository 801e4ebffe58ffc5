"""What words and meaning weigh beside each other in a score, learned from which of the found entries were right.

Bayes' rule over a grid of weights. How likely an entry is to be the right one of those that were found is the softmax
of their scores (Luce, Individual Choice Behavior, 1959).
"""

import json
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.brains import Embedder, Weights
from bot.model import Judged
from bot.store import Store
from bot.store.memory import judged_after

Doubles = NDArray[np.float64]
GRID = np.linspace(0.0, 1.0, 21)  # shares of words
SHARP = 12.0  # a lead of a tenth in score makes an entry three times as likely to be right
SPREAD = 0.15  # around the embedder's usual weight, before anything is learned


class Learner:
    """A fold over what outcomes say; a negative weight takes back."""

    def __init__(self) -> None:
        self._likelihood, self._heard = np.zeros_like(GRID), 0.0

    def learn_one(self, judged: Judged) -> None:
        """Take in one; where all that was found is right, or nothing is known, it says nothing."""
        ids = [e.id for e in judged.found]
        right, wrong = ([id_ in which for id_ in ids] for which in (judged.right, judged.wrong))
        if any(right) and not all(right):
            self._hear(_likely(judged, right), judged.weight)
        elif any(wrong) and not all(wrong):
            self._hear(_likely(judged, [not at for at in wrong]), judged.weight)

    def _hear(self, likely: Doubles, weight: float) -> None:
        self._likelihood = self._likelihood + weight * np.log(likely)
        self._heard += weight

    def weights(self, usual: float) -> Weights:
        """The mean of what is likely by now; `usual` is the share of words before anything is learned."""
        prior = -(((GRID - usual) / SPREAD) ** 2) / 2
        moved = _mean(prior + self._likelihood) - _mean(prior)
        return Weights(min(1.0, max(0.0, usual + moved)), max(0.0, self._heard))

    def to_json(self) -> str:
        """The whole state."""
        return json.dumps([self._likelihood.tolist(), self._heard])

    @classmethod
    def from_json(cls, text: str) -> "Learner":
        """What `to_json` gave."""
        made = cls()
        likelihood, made._heard = json.loads(text)
        made._likelihood = np.array(likelihood)
        return made


def _likely(judged: Judged, which: Sequence[bool]) -> Doubles:
    """(grid,) How likely it is at each weight that the right one is among `which`."""
    lexical, vector = (np.array([getattr(e, of) for e in judged.found]) for of in ("lexical", "vector"))
    scores = SHARP * (np.outer(GRID, lexical) + np.outer(1.0 - GRID, vector))
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    chosen = shares[:, np.array(which)].sum(axis=1) / shares.sum(axis=1)
    return np.asarray(np.maximum(chosen, 1e-9))


def _mean(likelihood: Doubles) -> float:
    share = np.exp(likelihood - likelihood.max())
    return float((share * GRID).sum() / share.sum())


class Learned:
    """`bot.brains.Weigh` over the store: one cheap query before each search tells what any process has learned."""

    def __init__(self, store: Store, by: Embedder) -> None:
        self._store, self._embedder, self.by = store, by, by.name
        self._learner, self._seen = Learner(), 0
        self._lock = threading.Lock()

    def __call__(self) -> Weights:
        """As the learner says that knows every signal stored by now."""
        with self._lock:
            while self._more():
                pass
            return self._learner.weights(1.0 - self._embedder.likeness.weight)

    def _more(self) -> bool:
        with self._store.read() as conn:
            seen, judged = judged_after(conn, self._seen)
        for one in judged:
            if one.by == self.by:  # what another embedder found near says nothing about this one
                self._learner.learn_one(one)
        more, self._seen = seen > self._seen, seen
        return more
