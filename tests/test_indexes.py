"""Every index, by the same list."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from tests.indexes import EVERY, Make


@pytest.fixture(params=["growing", "frozen"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """The embedded one, all in memory and all in segments."""
    made = list[HybridIndex]()

    def open_it(tenant: str) -> HybridIndex:
        made.append(HybridIndex(HashEmbedder(), tmp_path / tenant, grown=3 if request.param == "frozen" else 100_000))
        return made[-1]

    yield open_it
    for index in made:
        index.close()


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_an_index(make: Make, check: Callable[[Make], None]) -> None:
    check(make)
