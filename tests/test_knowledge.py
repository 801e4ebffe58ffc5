"""How the index follows the store: passages, how much a search waits for, what past replies are found by."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.brains import Floats
from bot.follow import windows
from bot.knowledge import Knowledge
from bot.model import Entry, Intervention, Ref
from bot.store import Store
from bot.store import knowledge as rows
from tests.waits import until

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
WORDS = [f"w{number}" for number in range(200)]


def test_a_window_has_eighty_words_and_begins_forty_behind_the_one_before() -> None:
    assert windows(" ".join(WORDS)) == (
        " ".join(WORDS[0:80]),
        " ".join(WORDS[40:120]),
        " ".join(WORDS[80:160]),
        " ".join(WORDS[120:200]),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        (" \n\t", ()),
        ("Turn it.", ("Turn it.",)),
        ("\n\nTurn\n it \n", ("Turn it",)),
        (" ".join(WORDS[:80]), (" ".join(WORDS[:80]),)),
        (" ".join(WORDS[:81]), (" ".join(WORDS[:80]), " ".join(WORDS[40:81]))),
    ],
)
def test_what_is_short_is_one_window_and_what_is_blank_none(text: str, found: tuple[str, ...]) -> None:
    assert windows(text) == found


@pytest.mark.parametrize("letters", ["荷物はどこですか", "พัสดุของฉันอยู่ที่ไหน", "a"])
def test_what_has_no_spaces_is_cut_as_if_it_had_words_of_six_letters(letters: str) -> None:
    text = (letters * 2000)[:2000]

    found = windows(text)

    assert all(550 <= len(window.replace(" ", "")) <= 560 for window in found[:-1])
    assert [text.find(window.replace(" ", "")) >= 0 for window in found] == [True] * len(found)
    assert len(found) == 7


def test_windows_of_a_huge_text_take_no_time_to_speak_of() -> None:
    assert len(windows("a" * 1_000_000)) == 3571
    assert len(windows("word " * 200_000)) == 4999


class Slow(HashEmbedder):
    """Says how many passages it is given; `held` keeps it from the first on."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.held = threading.Event()
        self.held.set()

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        if not query:
            self.batches.append(len(texts))
            assert self.held.wait(10)
        return super().embed(texts, query=query)


Knows = Callable[[Slow], Knowledge]


@pytest.fixture
def knows(store: Store, tmp_path: Path) -> Iterator[Knows]:
    """As another process would, each on the same index."""
    made = list[HybridIndex]()

    def opened(by: Slow) -> Knowledge:
        made.append(HybridIndex(by, tmp_path / "index"))
        return Knowledge(store, made[-1])

    yield opened
    for index in made:
        index.close()


def publish(store: Store, *names: str, answer: str = "Turn it to the left.") -> None:
    with store.write() as conn:
        for name in names:
            rows.add_entry(conn, Entry(name, 1, f"How do I open the {name}?", answer))


def found(knowledge: Knowledge, name: str) -> bool:
    return [e.id for e in knowledge.search(f"How do I open the {name}?", limit=1)] == [name]


def lids(count: int) -> list[str]:
    return [f"lid-{number}" for number in range(count)]


def test_a_search_takes_in_one_batch_and_leaves_the_rest_to_whoever_keeps_up(store: Store, knows: Knows) -> None:
    by, told = Slow(), list[int]()
    knowledge = knows(by)
    publish(store, *lids(200))

    assert found(knowledge, "lid-3")
    assert not found(knowledge, "lid-199")
    assert by.batches == [64, 64]

    knowledge.keep_up(told.append)
    assert (by.batches, told) == ([64, 64, 64, 8], [64, 8])
    assert found(knowledge, "lid-199")


def test_of_long_entries_a_search_takes_in_fewer(store: Store, knows: Knows) -> None:
    by = Slow()
    publish(store, *lids(10), answer=" ".join(f"w{number}" for number in range(1000)))  # 24 windows each

    knows(by).search("lid", limit=1)

    assert by.batches == [48]


ANSWERED = Intervention("i1", Ref("history", "7"), NOW, "", "The zip is stuck.", "Rub beeswax along the teeth.")


def past(store: Store, *known: Intervention) -> None:
    with store.write() as conn:
        for item in known:
            rows.add_past(conn, item)


def test_a_past_reply_is_found_by_its_words_and_compared_by_its_question(store: Store, knows: Knows) -> None:
    knowledge = knows(Slow())
    past(store, ANSWERED, replace(ANSWERED, id="i2", question="The wheel is loose.", answer="Tighten the screw."))

    [by_words] = knowledge.past("beeswax", limit=1)
    [by_question] = knowledge.past("The zip is stuck.", limit=1)

    assert (by_words.id, by_words.passage, by_words.lexical > 0.4) == ("i1", "Rub beeswax along the teeth.", True)
    assert (by_question.id, round(by_question.vector, 2)) == ("i1", 1.0)


def test_the_words_of_a_past_reply_that_was_forgotten_are_in_no_file(
    store: Store, knows: Knows, tmp_path: Path
) -> None:
    knowledge = knows(Slow())
    past(store, ANSWERED)
    assert knowledge.past("beeswax", limit=1)

    with store.write() as conn:
        rows.forget_past(conn, ANSWERED)
    knowledge.compact()

    left = b"".join(file.read_bytes() for file in (tmp_path / "index").rglob("*") if file.is_file())
    assert (b"beeswax" in left, b"stuck" in left, knowledge.past("beeswax zip", limit=1)) == (False, False, ())


def test_what_was_approved_is_found_by_the_very_next_message(store: Store, knows: Knows) -> None:
    knowledge = knows(Slow())
    publish(store, *lids(60))
    assert found(knowledge, "lid-59")

    publish(store, "box")

    assert found(knowledge, "box")


def test_a_search_does_not_wait_while_much_is_being_taken_in(store: Store, knows: Knows) -> None:
    by = Slow()
    knowledge = knows(by)
    publish(store, "box")
    assert found(knowledge, "box")
    publish(store, *lids(200))
    by.held.clear()
    filling = threading.Thread(target=knowledge.keep_up)
    filling.start()
    until(lambda: by.batches == [1, 64])

    assert found(knowledge, "box")

    by.held.set()
    filling.join()
    assert (by.batches, found(knowledge, "lid-199")) == ([1, 64, 64, 64, 8], True)


def test_of_two_processes_that_keep_up_one_embeds(store: Store, knows: Knows) -> None:
    one, other = Slow(), Slow()
    first, second = knows(one), knows(other)
    publish(store, *lids(60))
    one.held.clear()
    filling = [threading.Thread(target=knowledge.keep_up) for knowledge in (first, second)]
    filling[0].start()
    until(lambda: one.batches == [60])
    filling[1].start()
    publish(store, "box")

    one.held.set()
    for thread in filling:
        thread.join()

    assert sum(one.batches) + sum(other.batches) == 61
    assert found(first, "box")
    assert found(second, "box")
