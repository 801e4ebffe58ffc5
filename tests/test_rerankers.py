"""Every reranker keeps what `rerankers.py` asks. None comes with us, so the list runs over the one that any embedder
makes: what is nearest to the question is best."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from bot.backends.chosen import embedder
from bot.backends.encoder.files import NAME
from bot.brains import Embedder, Reranker
from bot.ports import Fine
from tests.rerankers import CHECKS


class Nearest:
    """By cosine."""

    def __init__(self, by: Embedder) -> None:
        self._by = by

    def rerank(self, query: str, passages: Sequence[str], *, limit: int) -> tuple[tuple[int, float], ...]:
        """Best first, the first given among equals."""
        [asked] = self._by.embed([query], query=True)
        scores = np.clip(self._by.embed(passages, query=False) @ asked, 0.0, 1.0)
        best = np.argsort(-scores, kind="stable")[:limit]
        return tuple((int(place), float(scores[place])) for place in best)

    def check(self) -> Fine:
        """As the embedder is."""
        return self._by.check()


@pytest.fixture(scope="module", params=["words", pytest.param(NAME, marks=pytest.mark.long)])
def reranker(request: pytest.FixtureRequest) -> Reranker:
    return Nearest(embedder(request.param))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_reranker(reranker: Reranker, check: Callable[[Reranker], None]) -> None:
    check(reranker)
