"""Every embedder keeps what `embedders.py` asks."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from bot.backends.chosen import embedder
from bot.backends.embedder import HashEmbedder
from bot.backends.encoder.chance import likeness
from bot.backends.encoder.encoder import Encoder
from bot.backends.encoder.files import NAME, brought
from bot.backends.recent import Recent
from bot.brains import Floats
from bot.ports import Fine
from tests import tiny
from tests.embedders import CHECKS, Subject, another_process_gives_the_same_rows_and_name

CHOSEN = "from bot.backends.chosen import embedder\nmade = embedder({!r})"
EXACT = """
from pathlib import Path
from bot.backends.encoder import encoder, files
made = encoder.Encoder(files.brought(Path({!r})))
"""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    """Every implementation, and the model that comes with us as exact as it came."""
    team, ours = tiny.lay(tmp_path_factory.mktemp("team") / "own"), tiny.published()
    return {
        "words": Subject(embedder("words"), CHOSEN.format("words")),
        "ours": Subject(embedder(NAME), CHOSEN.format(NAME)),
        "ours, exact": Subject(Encoder(brought(ours)), EXACT.format(str(ours))),
        "a team's own": Subject(embedder(str(team)), CHOSEN.format(str(team))),
    }


LONG = (another_process_gives_the_same_rows_and_name,)
MARKED = [pytest.param(check, marks=[pytest.mark.long] * (check in LONG)) for check in CHECKS]


@pytest.mark.parametrize("check", MARKED, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["words", "ours", pytest.param("ours, exact", marks=pytest.mark.long), "a team's own"])
def test_every_embedder(subjects: dict[str, Subject], name: str, check: Callable[[Subject], None]) -> None:
    check(subjects[name])


def test_what_has_nothing_to_do_with_each_other_is_a_little_alike(subjects: dict[str, Subject]) -> None:
    ours, words = (subjects[name].embedder.likeness for name in ("ours", "words"))

    assert (0.08 < ours.chance < 0.2, ours.weight) == (True, 0.8)
    assert (words.chance, words.weight) == (0.0, 0.4)


@pytest.mark.parametrize(("part", "chance"), [(0.0, 0.0), (0.5, 0.5), (0.9, 0.9)])
def test_where_a_model_finds_everything_alike_that_is_worth_nothing(part: float, chance: float) -> None:
    """Of each text's vector so much is the same as of every other's."""

    def embed(texts: Sequence[str]) -> Floats:
        own, shared = np.eye(len(texts), len(texts) + 1), np.eye(1, len(texts) + 1, len(texts))
        return np.asarray(np.sqrt(1 - part) * own + np.sqrt(part) * shared, np.float32)

    assert likeness(embed).chance == chance


class Counting(HashEmbedder):
    """Says what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[tuple[str, ...], bool]] = []

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        self.asked.append((tuple(texts), query))
        return super().embed(texts, query=query)

    def check(self) -> Fine:
        return (("counting", True, ""),)


def test_what_was_asked_lately_is_not_embedded_again() -> None:
    counting = Counting()
    recent = Recent(counting)

    first = recent.embed(["zip", "wheel", "zip"], query=True)
    again = recent.embed(["wheel", "lock"], query=True)
    as_passage = recent.embed(["wheel"], query=False)

    assert counting.asked == [(("zip", "wheel"), True), (("lock",), True), (("wheel",), False)]
    np.testing.assert_array_equal(first[1], again[0])
    np.testing.assert_array_equal(again[0], as_passage[0])
    assert recent.check() == (("counting", True, ""),)


def test_what_is_remembered_has_an_end_and_the_oldest_goes_first() -> None:
    counting = Counting()
    recent = Recent(counting, most=2)

    for text in ("zip", "wheel", "zip", "lock", "zip", "wheel"):
        recent.embed([text], query=True)
    recent.embed([f"number {n}" for n in range(10)], query=False)
    recent.embed(["number 9", "number 7"], query=False)

    assert [texts for texts, _ in counting.asked[:4]] == [("zip",), ("wheel",), ("lock",), ("wheel",)]
    assert counting.asked[-1] == (("number 7",), False)


def test_what_failed_is_asked_again() -> None:
    class Failing(HashEmbedder):
        down = True

        def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
            if self.down:
                raise ConnectionError
            return super().embed(texts, query=query)

    failing = Failing()
    recent = Recent(failing)
    with pytest.raises(ConnectionError):
        recent.embed(["zip"], query=True)
    failing.down = False

    assert recent.embed(["zip"], query=True).any()
