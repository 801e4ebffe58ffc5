"""Finding: the embedder, the index, and how well both find the sandbox company's entries."""

import errno
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import bot.web
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.backends.index.frozen import Looks
from bot.backends.index.harm import told
from bot.backends.index.owners import Scored, completed, firsts, together
from bot.brains import FLOOR, Embedder, Hit, Index, Passage
from bot.errors import Unavailable
from bot.model import Source

COMPANY = Path(next(iter(bot.web.__path__))) / "company"


def passage(key: str, text: str, *, owner: str = "", source: Source = Source.ENTRY) -> Passage:
    return Passage(owner or key, source, text)


def find(index: Index, query: str, *, source: Source = Source.ENTRY, limit: int = 3) -> list[str]:
    return [hit.owner for hit in index.search(query, source=source, limit=limit)]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HybridIndex]:
    made = HybridIndex(HashEmbedder(), tmp_path / "index")
    yield made
    made.close()


def test_rows_are_unit_vectors_and_an_empty_text_is_a_zero_row() -> None:
    embedder: Embedder = HashEmbedder()

    rows = embedder.embed(["Where is my parcel?", "", "返金したい"], query=False)

    assert rows.shape == (3, 512)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1).tolist() == pytest.approx([1.0, 0.0, 1.0], abs=1e-6)


def test_the_same_text_is_the_same_row_in_every_process() -> None:
    row = HashEmbedder().embed(["zip"], query=True)[0]

    places = [(int(at), round(float(row[at]), 3)) for at in np.flatnonzero(row)]

    assert places == [(164, -0.486), (180, -0.486), (241, -0.486), (411, -0.54)]


def test_a_misspelt_word_is_nearer_than_another_word() -> None:
    misspelt, right, other = HashEmbedder().embed(["suitcaze", "suitcase", "newsletter"], query=True)

    assert float(misspelt @ right) > 0.4
    assert float(misspelt @ other) < 0.1


def a_file(folder: Path) -> None:
    folder.write_text("not ours")


def closed(folder: Path) -> None:
    """As where we may not read it, which the tests' own user may."""
    (folder / "passages.db").mkdir(parents=True)


@pytest.mark.parametrize(("lay", "why"), [(a_file, "File exists"), (closed, "unable to open database file")])
def test_a_folder_that_cannot_be_used_says_what_to_do(tmp_path: Path, lay: Callable[[Path], None], why: str) -> None:
    lay(tmp_path / "index")
    index = HybridIndex(HashEmbedder(), tmp_path / "index")
    fix = "make it a folder that the bot may read and write, or take it away: it is made anew"
    begins = f"the index in {tmp_path / 'index'} cannot be used: {why}; "

    for act in (index.mark, index.compact, index.clear, lambda: index.put([passage("a", "A")], mark=("1", ""))):
        with pytest.raises(Unavailable) as raised:
            act()
        says = str(raised.value)
        assert (says.startswith(begins), says.endswith(fix)) == (True, True)
    assert index.check() == (("index", False, says),)


def test_a_full_disk_and_a_lock_are_waited_for_rather_than_taken_away(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"No space left on device; make room on the disk$"), told(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None) as one:
        one.execute("BEGIN EXCLUSIVE")
        other = sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None)
        with pytest.raises(Unavailable, match="database is locked; another process keeps it busy"), told(tmp_path):
            other.execute("BEGIN EXCLUSIVE")
    one.close()
    other.close()


def test_scores_lie_between_0_and_1_and_a_full_match_is_worth_more_than_half(index: HybridIndex) -> None:
    index.put([passage("a", "How do I wash my backpack?"), passage("b", "Opening hours of the stores")])

    whole = index.search("wash the backpack", source=Source.ENTRY, limit=1)[0]
    part = index.search("wash the backpack and paint the kitchen ceiling", source=Source.ENTRY, limit=1)[0]

    assert (whole.owner, part.owner) == ("a", "a")
    assert 0.5 < whole.score <= 1.0
    assert part.lexical < 0.6 < whole.lexical <= 1.0


def _lines(name: str) -> Iterator[dict[str, str]]:
    return (json.loads(line) for line in (COMPANY / name).read_text(encoding="utf-8").splitlines())


def _put_company(index: HybridIndex) -> None:
    index.put([Passage(e["id"], Source.ENTRY, e["answer"], e["question"]) for e in _lines("entries.jsonl")])


def test_every_entry_of_the_company_is_first_for_its_own_question(index: HybridIndex) -> None:
    _put_company(index)

    first = {e["id"]: find(index, e["question"], limit=1) for e in _lines("entries.jsonl")}

    assert {id_: keys for id_, keys in first.items() if keys != [id_]} == {}


def test_a_word_said_often_does_not_make_up_for_one_that_is_missing(index: HybridIndex) -> None:
    index.put([passage("often", "parcel " * 20), passage("both", "a damaged parcel, in short")])

    both, often = index.search("damaged parcel", source=Source.ENTRY, limit=2)

    assert (often.owner, both.owner) == ("often", "both")
    assert often.lexical < both.lexical < 1.0


def test_a_word_of_the_title_counts_more_than_one_of_the_text(index: HybridIndex) -> None:
    index.put([Passage("text", Source.ENTRY, "the parcel comes by ship", "What does it cost")])
    index.put([Passage("title", Source.ENTRY, "what it does cost by ship", "Where is my parcel?")])

    assert find(index, "parcel") == ["title", "text"]


def _answers(index: HybridIndex) -> list[tuple[str | None, tuple[Hit, ...]]]:
    _put_company(index)
    found = ((q["entry"], index.search(q["question"], source=Source.ENTRY, limit=3)) for q in _lines("questions.jsonl"))
    return list(found)


def test_the_companys_customers_find_its_entries_in_other_words(index: HybridIndex) -> None:
    """Without a model for meaning; the questions without `held_out` were written before any tuning."""
    asked = [(entry, hits) for entry, hits in _answers(index) if entry]

    first = sum(hits[0].owner == entry for entry, hits in asked if hits) / len(asked)
    third = sum(entry in [h.owner for h in hits] for entry, hits in asked) / len(asked)

    assert first >= 0.65
    assert third >= 0.8


def test_questions_without_an_answer_mostly_stay_under_the_writers_floor(index: HybridIndex) -> None:
    answers = _answers(index)
    right = [hits[0].score for entry, hits in answers if hits and hits[0].owner == entry]
    none = [hits[0].score if hits else 0.0 for entry, hits in answers if entry is None]

    assert sum(score >= FLOOR for score in right) / len(right) >= 0.8
    assert sum(score < FLOOR for score in none) / len(none) >= 0.88


def scored(worth: list[float], rows: list[int] | None = None) -> Scored:
    values = np.array(worth, np.float32)
    half = values * np.float32(0.5)
    return Scored(np.array(range(len(worth)) if rows is None else rows, np.int32), values, half, values)


BEGINS = firsts(np.array([0, 1, 2, 0, 0, 1], np.int32))  # three owners, of three, one and two passages


def test_an_owner_is_worth_the_mean_of_its_best_passages() -> None:
    found = together(scored([0.3, 0.6, 0.3, 0.9, 0.2, 0.4]), BEGINS)

    assert BEGINS.tolist() == [0, 0, 0, 3, 4, 4]
    assert found.rows.tolist() == [0, 3, 4]
    assert found.worth.tolist() == pytest.approx([0.4, 0.9, 0.3])
    assert found.lexical.tolist() == pytest.approx([0.4, 0.9, 0.3])
    assert found.vector.tolist() == pytest.approx([0.2, 0.45, 0.15])


def test_of_many_passages_only_the_best_six_count() -> None:
    begins = firsts(np.array([*range(10), 0], np.int32))

    found = together(scored([0.1, 0.8, 0.8, 0.0, 0.8, 0.8, 0.0, 0.8, 0.2, 0.8, 0.7]), begins)

    assert found.rows.tolist() == [0, 10]
    assert found.worth.tolist() == pytest.approx([0.8, 0.7])


def test_where_nothing_was_found_nobody_owns_anything() -> None:
    assert len(together(scored([]), BEGINS).rows) == 0
    assert completed(scored([]), BEGINS, 3).tolist() == []


def test_whose_passage_is_found_has_all_of_them_looked_at() -> None:
    assert completed(scored([0.9, 0.1], [1, 5]), BEGINS, 3).tolist() == [0, 1, 2, 4, 5]
    assert completed(scored([0.1, 0.9], [1, 3]), BEGINS, 3).tolist() == [3, 0, 1, 2]


def test_no_more_owners_are_looked_at_than_may_be_among_the_best() -> None:
    single = firsts(np.zeros(100, np.int32))

    assert completed(scored([n / 100 for n in range(100)]), single, 1).tolist() == [*range(99, 83, -1)]
    assert len(completed(scored([n / 100 for n in range(100)]), single, 20)) == 40


SCREWS = ("Hold the screws of the wheel.", "Loosen the wheel.", "Turn the screws.", "Put the wheel back.")
OWNED = {
    "weak": ["The wheel is blue."] * 20,
    "strong": ["Loosen the screws of the wheel."],
    "some": [*SCREWS, "It takes five minutes.", "Ask for help.", "Have a cup of tea.", "Rest."],
    "none": ["Our stores open at nine.", "They close at six."],
}


def put_owned(index: HybridIndex) -> HybridIndex:
    for owner, texts in OWNED.items():
        index.put([passage(owner, text) for text in texts])
    index.put([passage(f"other-{n}", f"The handle of model {n} is held by a bolt.") for n in range(40)])
    return index


def asked_of(index: HybridIndex, limit: int = 4) -> list[tuple[str, float]]:
    hits = index.search("Which screws of the wheel do I loosen?", source=Source.ENTRY, limit=limit)
    return [(hit.owner, round(hit.score, 2)) for hit in hits]


def test_one_strong_passage_is_worth_more_than_many_weak_ones(index: HybridIndex) -> None:
    found = [owner for owner, _ in asked_of(put_owned(index))]

    assert found[:3] == ["strong", "some", "weak"]
    assert "none" not in found


def test_owners_come_in_the_same_order_whether_their_passages_grow_or_are_frozen(
    index: HybridIndex, tmp_path: Path
) -> None:
    frozen = HybridIndex(HashEmbedder(), tmp_path / "frozen", grown=8)
    put_owned(frozen).close()

    assert [owner for owner, _ in asked_of(frozen)] == [owner for owner, _ in asked_of(put_owned(index))]
    assert len(frozen._spaces[Source.ENTRY].frozen) > 0
    frozen.close()


def test_of_a_frozen_owner_all_passages_count_though_one_alone_is_a_candidate(tmp_path: Path) -> None:
    frozen = HybridIndex(HashEmbedder(), tmp_path / "frozen", grown=8)
    put_owned(frozen).close()
    whole = dict(asked_of(frozen))
    for part in frozen._spaces[Source.ENTRY].frozen:
        part.looks = Looks(nearest=1, covering=1)

    assert asked_of(frozen, limit=1) == [("strong", whole["strong"])]
    assert dict(asked_of(frozen))["some"] == whole["some"]
    frozen.close()


def test_what_was_put_is_written_back_beside_the_puts(index: HybridIndex, tmp_path: Path) -> None:
    file = tmp_path / "index" / "passages.db"
    index.put([passage("a", "wash by hand")])
    before = file.stat().st_size

    for number in range(100):
        index.put([passage(f"n{number}", f"part number {number} of the frame")])
    index._finish_folding()

    assert file.stat().st_size > before + 50 * 1024


CROWD = [
    *(passage("huge", f"Loosen the screws of the wheel, step {n}.") for n in range(1000)),
    *(passage(f"short-{n}", f"The screws of wheel {n} are tight today.") for n in range(10)),
    *(passage(f"other-{n}", f"The handle of model {n} is held by a bolt.") for n in range(1000)),
]


@pytest.mark.parametrize("query", ["Loosen the screws of the wheel", "loozen screwz wheelz"])
def test_a_huge_page_does_not_hide_whose_passages_come_next(tmp_path: Path, query: str) -> None:
    index = HybridIndex(HashEmbedder(), tmp_path / "frozen", grown=8)
    index.put(CROWD)
    index.close()

    found = find(index, query, limit=11)

    assert (found[0], sorted(found[1:])) == ("huge", [f"short-{n}" for n in range(10)])
    assert [len(part) for part in index._spaces[Source.ENTRY].frozen] == [len(CROWD)]
    index.close()


@pytest.mark.parametrize("grown", [100, 10_000])
def test_of_what_says_the_same_the_newest_is_found_first_however_much_is_frozen(tmp_path: Path, grown: int) -> None:
    index = HybridIndex(HashEmbedder(), tmp_path / "index", grown=grown)
    for start in range(0, 900, 300):
        same = range(start, start + 300)
        index.put([Passage(f"p{number}", Source.ASKED, "Where is my order?") for number in same])
    index.close()

    again = HybridIndex(HashEmbedder(), tmp_path / "index", grown=10_000)
    hits = again.search("Where is my order?", source=Source.ASKED, limit=20)
    again.close()

    assert [hit.owner for hit in hits] == [f"p{number}" for number in range(899, 879, -1)]
