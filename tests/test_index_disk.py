"""The index on disk: what lasts, what other processes see, what a crash or a damaged file costs."""

import errno
import fcntl
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from shutil import copy
from typing import NoReturn

import pytest

import app
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.backends.index.harm import Damaged, Replaced, told
from bot.backends.index.log import Log, News, Place
from bot.backends.index.rows import rows as made_rows
from bot.backends.index.shelf import Shelf, put_aside
from bot.brains import Floats, Passage
from bot.errors import Misconfigured, Unavailable
from bot.knowledge import Knowledge
from bot.model import EVERYONE, Action, Entry, Scope, Source
from bot.scope import Asker
from bot.settings import index_folder
from bot.store import Store
from bot.store import knowledge as rows
from bot.store.migrate import migrate
from tests.desk import ASKS_RETURN, Desk, desk
from tests.waits import until

pytestmark = pytest.mark.long  # the list of tests for every index is in the everyday suite
ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PARTS = ("zip", "wheel", "handle", "pocket", "buckle", "lining", "frame", "lock", "cover", "strap")
Opened = Callable[..., HybridIndex]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the same index again and again, as several processes would; after so many passages it freezes them."""
    made = list[HybridIndex]()

    def open_it(grown: int = 16) -> HybridIndex:
        made.append(HybridIndex(HashEmbedder(), tmp_path / "index", grown=grown))
        return made[-1]

    yield open_it
    for index in made:
        index.close()


def part(number: int, scope: Scope = EVERYONE, valid_until: datetime | None = None) -> Passage:
    text = f"The {PARTS[number % 10]} of model {number} is held by {number * 7} screws"
    return Passage(f"part-{number}", Source.ENTRY, text, f"How do I change part {number}?", scope, valid_until)


def found(index: HybridIndex, query: str, who: Asker | None = None, limit: int = 5) -> list[str]:
    return [hit.owner for hit in index.search(query, source=Source.ENTRY, limit=limit, who=who)]


def filled(index: HybridIndex, count: int = 100) -> HybridIndex:
    for number in range(count):
        index.put([part(number)], mark=(str(number), str(number - 1) if number else ""))
    index.close()
    return index


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "index").glob("segment-*"))


def test_what_is_frozen_is_found_as_what_grows_is(opened: Opened, tmp_path: Path) -> None:
    whole = HybridIndex(HashEmbedder(), tmp_path / "whole")
    frozen = opened()
    for number in range(300):
        for index in (whole, frozen):
            index.put([part(number)], drop=[f"part-{number - 100}"] if number % 3 == 0 else [])
    frozen.close()
    asked = [f"Where do the screws of the {PARTS[n % 10]} of model {n} go?" for n in range(0, 300, 7)]

    for question in asked:
        here = [(h.owner, h.score) for h in frozen.search(question, source=Source.ENTRY, limit=5)]
        there = [(h.owner, h.score) for h in whole.search(question, source=Source.ENTRY, limit=5)]
        assert [score for _, score in here] == pytest.approx([score for _, score in there], abs=0.02)
        assert here[0][0] == there[0][0]
    assert segments(tmp_path)
    whole.close()


def test_who_opens_it_again_finds_what_was_there_and_its_mark(opened: Opened) -> None:
    filled(opened())

    again = opened()

    assert again.mark() == "99"
    assert found(again, "How do I change part 7?")[0] == "part-7"
    assert again.check() == (("index of 100 passages", True, ""),)


def test_another_process_sees_the_next_put_and_the_next_drop(opened: Opened) -> None:
    one, other = filled(opened()), opened()
    assert "part-777" not in found(other, "model 777")

    one.put([part(777)], mark=("777", "99"))
    assert found(other, "model 777")[0] == "part-777"
    assert other.mark() == "777"

    other.put([], drop=["part-777", "part-3"])
    assert {"part-777", "part-3"}.isdisjoint([*found(one, "model 777"), *found(one, "change part 3")])


def test_a_process_takes_the_segments_that_another_has_frozen(opened: Opened, tmp_path: Path) -> None:
    one, other = filled(opened(), 40), opened()
    before = segments(tmp_path)

    for number in range(40, 80):
        (one, other)[number % 2].put([part(number)])
    one.close()
    other.close()

    assert segments(tmp_path) != before
    for index, n in product((one, other), (1, 41, 79)):
        assert found(index, f"How do I change part {n}?")[0] == f"part-{n}"


def test_edits_beside_a_process_that_has_merged_segments_cost_no_passage(opened: Opened, tmp_path: Path) -> None:
    filled(opened(), 40)
    one, before = opened(10_000), segments(tmp_path)
    one.check()
    other = opened()
    other.put([part(n) for n in range(40, 80)])
    other.close()
    assert set(before).isdisjoint(segments(tmp_path))
    file = (tmp_path / "index" / "passages.db").stat().st_ino

    one.put([part(n) for n in range(80, 120)])
    one.put([part(n) for n in range(80, 110)])

    assert one.check() == (("index of 120 passages", True, ""),)
    assert (tmp_path / "index" / "passages.db").stat().st_ino == file
    assert all(found(one, f"How do I change part {n}?")[0] == f"part-{n}" for n in range(120))


@pytest.mark.parametrize("anew", [False, True])
def test_a_process_that_slept_while_others_put_much_takes_their_segments_and_reads_the_rest(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    one, other, read, news = filled(opened(), 3), opened(), list[int](), Log.news
    assert found(one, "How do I change part 1?")
    if anew:
        other.clear()
    other.put([part(n) for n in range(300)])
    other.close()
    opened(10_000).put([part(n) for n in range(300, 305)])

    def counted(log: Log, since: Place) -> News:
        told = news(log, since)
        read.append(len(told.rows))
        return told

    monkeypatch.setattr(Log, "news", counted)

    assert [found(one, f"How do I change part {n}?")[0] for n in (7, 299, 302)] == ["part-7", "part-299", "part-302"]
    assert sum(read) == 5
    assert in_use(one) == 305


def test_what_is_cleared_is_gone_for_everybody(opened: Opened) -> None:
    one, other = filled(opened()), opened()
    assert found(other, "model 7")

    one.clear()

    assert (found(one, "model 7"), found(other, "model 7"), other.mark()) == ([], [], "")


@pytest.mark.parametrize("grown", [16, 10_000])
def test_what_is_not_for_the_customer_does_not_push_out_what_is(opened: Opened, grown: int) -> None:
    index = opened(grown)
    index.put([part(n, Scope(plan="pro")) for n in range(400)])
    index.put([part(1000, Scope(plan="free")), part(1001)])
    index.close()

    free, pro = Asker(NOW, plan="free"), Asker(NOW, plan="pro")

    assert set(found(index, "change the part of the model", free)) == {"part-1000", "part-1001"}
    assert len(found(index, "change the part of the model", pro)) == 5


@pytest.mark.parametrize("grown", [2, 10_000])
def test_what_is_out_of_date_is_not_found_any_more(opened: Opened, grown: int) -> None:
    index = opened(grown)
    index.put([part(1, valid_until=NOW + timedelta(hours=1)), part(2), part(3)])
    index.close()

    assert "part-1" in found(index, "change part 1", Asker(NOW))
    assert "part-1" not in found(index, "change part 1", Asker(NOW + timedelta(hours=2)))
    assert "part-1" in found(index, "change part 1", None)


WRITER = """
import sys
from pathlib import Path
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from tests.test_index_disk import part
index = HybridIndex(HashEmbedder(), Path(sys.argv[1]), grown=16)
start = int(index.mark() or -1) + 1
print("go", flush=True)
for number in range(start, 100_000):
    index.put([part(number)], drop=[f"part-{number - 30}"], mark=(str(number), index.mark()))
    print(number, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_writer_that_is_killed_leaves_what_its_mark_says(opened: Opened, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "index")], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(20, 80)):
                writer.stdout.readline()
            os.kill(writer.pid, signal.SIGKILL)
        index = opened()
        newest = int(index.mark())
        held = {int(owner.removeprefix("part-")) for owner in found(index, "change the part of the model", limit=200)}
        assert held == set(range(max(0, newest - 29), newest + 1))


def damaged_byte(file: Path, at: float) -> None:
    raw = bytearray(file.read_bytes())
    raw[int(at * (len(raw) - 1))] ^= 0xFF
    file.write_bytes(raw)


@pytest.mark.parametrize("at", [0.0, 0.02, 0.3, 0.5, 0.7, 0.98])
def test_a_damaged_database_is_found_out_and_the_index_begins_anew(
    opened: Opened, tmp_path: Path, at: float, caplog: pytest.LogCaptureFixture
) -> None:
    filled(opened())
    damaged_byte(tmp_path / "index" / "passages.db", at)

    index = opened()
    as_before = found(index, "How do I change part 7?")[:1] == ["part-7"]

    assert as_before or (index.mark() == "" and "index damaged" in caplog.text)
    index.put([part(7)])
    assert found(index, "How do I change part 7?")[:1] == ["part-7"]


@pytest.mark.parametrize("file", ["vectors.npy", "rows.npy", "starts.npy", "terms.npy", "owners.npy", "scopes.json"])
def test_a_damaged_segment_is_found_out_and_all_is_read_anew(
    opened: Opened, tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    filled(opened())
    damaged_byte(segments(tmp_path)[0] / file, 0.9)

    index = opened()

    assert index.mark() == "99"
    assert "index damaged" in caplog.text
    assert all(found(index, f"How do I change part {n}?")[0] == f"part-{n}" for n in range(100))


def in_use(index: HybridIndex) -> int:
    return int(index.check()[0][0].split()[2].replace(",", ""))


def test_a_segment_that_is_lost_to_a_process_that_runs_costs_nothing_but_time(opened: Opened, tmp_path: Path) -> None:
    filled(opened(), 40)
    one = opened(10_000)
    one.check()
    other = opened()
    other.put([part(n) for n in range(40, 80)])
    other.close()
    for segment in segments(tmp_path):
        (segment / "parts.npy").write_bytes(b"")

    one.put([part(n) for n in range(80, 120)])
    one.put([part(n) for n in range(80, 110)])

    assert in_use(one) == 120
    assert all(found(one, f"How do I change part {n}?")[0] == f"part-{n}" for n in range(120))


@pytest.mark.parametrize("where", ["read_text", "iterdir"])  # of the list, of a segment
@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (errno.EMFILE, "open files"),
        (errno.ENOMEM, "more memory"),
        (errno.EIO, "look at the disk"),
        (errno.EACCES, "read and write there"),
    ],
)
def test_trouble_that_passes_empties_nothing_and_says_what_to_do(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fix: str, where: str
) -> None:
    def fails(path: Path, *_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code), str(path))

    filled(opened())
    kept = [*segments(tmp_path), tmp_path / "index" / "segments.json", tmp_path / "index" / "passages.db"]
    before = [file.stat().st_ino for file in kept]

    with monkeypatch.context() as patched:
        patched.setattr(Path, where, fails)
        with pytest.raises(Unavailable, match=fix):
            opened().mark()

    assert (in_use(opened()), opened().mark()) == (100, "99")
    assert [file.stat().st_ino for file in kept] == before


@pytest.fixture
def few_files() -> Iterator[Callable[[], None]]:
    """Takes all file descriptors, until the test ends or it is called again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = list[int]()

    def take() -> None:
        if taken:
            while taken:
                os.close(taken.pop())
            return
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))

    yield take
    while taken:
        os.close(taken.pop())
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_that_has_no_file_descriptor_left_for_a_while_empties_nothing(
    opened: Opened, tmp_path: Path, few_files: Callable[[], None]
) -> None:
    filled(opened())
    index, late = opened(10_000), opened(10_000)
    index.put([part(n) for n in range(100, 140)])
    file = (tmp_path / "index" / "passages.db").stat().st_ino

    few_files()
    with pytest.raises(Unavailable, match="open files"):
        index.put([part(n) for n in range(100, 135)])
    with pytest.raises(Unavailable, match="open files"):
        late.mark()
    few_files()

    assert (in_use(index), in_use(late)) == (140, 140)
    assert (tmp_path / "index" / "passages.db").stat().st_ino == file


def sqlite_error(kind: type[sqlite3.Error], code: int, words: str) -> sqlite3.Error:
    err = kind(words)
    err.sqlite_errorcode = code
    return err


@pytest.mark.parametrize(
    ("err", "told_as", "says"),
    [
        (sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_CANTOPEN, "unable to open"), Unavailable, "open files"),
        (sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_FULL, "disk is full"), Unavailable, "make room"),
        (sqlite_error(sqlite3.OperationalError, 10 | 3 << 8, "disk I/O error"), Unavailable, "look at the disk"),
        (sqlite_error(sqlite3.OperationalError, 8, "readonly database"), Unavailable, "read and write there"),
        (sqlite_error(sqlite3.OperationalError, 5, "database is locked"), Unavailable, "another process"),
        (sqlite_error(sqlite3.DatabaseError, 11, "disk image is malformed"), Damaged, "malformed"),
        (sqlite_error(sqlite3.DatabaseError, 11 | 3 << 8, "disk image is malformed"), Damaged, "malformed"),
        (sqlite_error(sqlite3.DatabaseError, 26, "file is not a database"), Damaged, "not a database"),
        (sqlite3.OperationalError("Could not decode to UTF-8 column 'text'"), Damaged, "Could not decode"),
    ],
)
def test_only_a_file_that_is_not_whole_is_damaged(err: Exception, told_as: type[Exception], says: str) -> None:
    with pytest.raises(told_as, match=says), told(Path("index")):
        raise err


def test_what_cannot_be_read_as_text_is_damaged_and_no_word_of_it_is_logged(
    opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened().put([part(1)])
    with closing(sqlite3.connect(tmp_path / "index" / "passages.db", isolation_level=None)) as there:
        there.execute("UPDATE passage SET text = CAST(X'FF' || CAST('zugzwang' AS BLOB) AS TEXT)")

    assert opened().mark() == ""
    assert "index damaged" in caplog.text
    assert "zugzwang" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda file: file.write_text("{}"), lambda file: file.write_text("nonsense")]
)
def test_a_list_of_segments_that_is_lost_costs_nothing_but_time(
    opened: Opened, tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    filled(opened())
    harm(tmp_path / "index" / "segments.json")

    index = opened()

    assert index.mark() == "99"
    assert found(index, "How do I change part 7?")[0] == "part-7"


class Other(HashEmbedder):
    """Its vectors cannot be compared with the usual ones."""

    name, dim = "another", 64


def test_an_index_of_another_embedder_says_how_to_mend_it(opened: Opened, tmp_path: Path) -> None:
    filled(opened())
    other = HybridIndex(Other(), tmp_path / "index")

    with pytest.raises(Misconfigured, match=r"holds vectors of words-1, and the embedder is another: `app.py reindex`"):
        other.search("wheel", source=Source.ENTRY, limit=1)
    [(what, fine, fix)] = other.check()
    assert (what, fine) == ("index", False)
    assert "reindex" in fix

    other.clear()
    assert found(other, "wheel") == []
    other.close()


def refused(act: Callable[[], object]) -> None:
    with pytest.raises(Misconfigured, match=r"holds vectors of another, and the embedder is words-1: `app.py reindex`"):
        act()


def test_after_a_reindex_a_process_with_the_embedder_of_before_neither_writes_nor_reads(
    opened: Opened, tmp_path: Path
) -> None:
    old, new = filled(opened(), 3), HybridIndex(Other(), tmp_path / "index")
    assert found(old, "How do I change part 1?")[0] == "part-1"

    new.clear()
    refused(lambda: old.put([part(7)]))  # before the new one has put anything
    new.put([part(1)], mark=("1", ""))
    for act in (lambda: old.put([part(2)], mark=("2", "1")), lambda: found(old, "part 1"), old.mark, old.compact):
        refused(act)

    assert (new.mark(), found(new, "part 1"), new.check()[0][0]) == ("1", ["part-1"], "index of 1 passages")
    new.close()


def test_what_was_embedded_before_a_reindex_is_not_put_after_it(opened: Opened, tmp_path: Path) -> None:
    new = HybridIndex(Other(), tmp_path / "index")

    class Slow(HashEmbedder):
        """While it embeds, somebody else reindexes."""

        def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
            new.clear()
            new.put([part(1)])
            return super().embed(texts, query=query)

    old = HybridIndex(Slow(), tmp_path / "index")
    old.mark()

    refused(lambda: old.put([part(2)]))

    assert (found(new, "part"), new.check()[0][0]) == (["part-1"], "index of 1 passages")
    old.close()
    new.close()


def test_a_file_that_is_of_another_embedder_takes_no_row(tmp_path: Path) -> None:
    """Whoever looked a moment before it was emptied is held back by the transaction itself."""
    log = Log(tmp_path / "passages.db")
    log.clear("another")

    refused(lambda: log.put(made_rows([part(1)], HashEmbedder()), [], ("1", ""), "words-1"))

    news = log.news(Place())
    assert (news.rows, news.mark, news.embedder) == ((), "", "another")
    log.close()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")

    with pytest.raises(Unavailable, match="cannot be used"):
        HybridIndex(HashEmbedder(), tmp_path / "index").mark()


def test_what_was_taken_out_is_in_no_file_once_it_is_compacted(opened: Opened, tmp_path: Path) -> None:
    index = filled(opened())
    index.put([Passage("secret", Source.PAST, "zugzwang in the cellar")])
    index.put([], drop=["secret", "part-5"])
    index.compact()

    left = b"".join(file.read_bytes() for file in (tmp_path / "index").rglob("*") if file.is_file())
    assert b"zugzwang" not in left
    assert b"part-5\0" not in left.replace(b"part-6", b"\0")
    assert found(index, "How do I change part 7?")[0] == "part-7"


def test_readers_find_what_they_should_while_it_is_being_frozen(opened: Opened) -> None:
    index, wrong = opened(), list[int]()
    index.put([part(0)])

    def read() -> None:
        for _ in range(200):
            if found(index, "How do I change part 0?")[0] != "part-0":
                wrong.append(1)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 120):
        index.put([part(number)])
    for reader in readers:
        reader.join()

    assert wrong == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path / 'here.db'}")
    migrate(made)
    yield made
    made.close()


def entry(name: str, version: int = 1, answer: str = "Turn it to the left.") -> Entry:
    return Entry(name, version, f"How do I open the {name}?", answer)


def add(store: Store, *entries: Entry) -> None:
    with store.write() as conn:
        for new in entries:
            rows.add_entry(conn, new)


def test_an_index_of_another_store_is_made_anew(store: Store, opened: Opened, tmp_path: Path) -> None:
    add(store, entry("lid"))
    assert Knowledge(store, opened()).search("open the lid", limit=1)
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    migrate(other)
    add(other, entry("box"), entry("jar"))

    knowledge = Knowledge(other, opened())

    assert [e.id for e in knowledge.search("open the lid of the box", limit=1)] == ["box"]
    assert knowledge.entry("lid") is None
    other.close()


def test_a_reindex_ends_well_whoever_goes_on_with_the_embedder_of_before(
    store: Store, opened: Opened, tmp_path: Path
) -> None:
    add(store, *(entry(name) for name in PARTS))
    old, new = Knowledge(store, opened()), Knowledge(store, HybridIndex(Other(), tmp_path / "index"))
    old.keep_up()
    refusals = list[int]()

    def go_on(_: int = 0) -> None:
        refused(old.keep_up)
        refused(lambda: old.search("open the lock", limit=1))
        refusals.append(1)

    new.reindex(go_on)
    add(store, entry("box"))
    go_on()

    assert len(refusals) == 2
    assert [e.id for e in new.search("open the lock", limit=1)] == ["lock"]
    assert [e.id for e in new.search("open the box", limit=1)] == ["box"]


def reindexed_by_another(made: Desk) -> Knowledge:
    index = HybridIndex(Other(), index_folder(made.line.store.url))
    made.line.knowledge.keep_up()
    Knowledge(made.line.store, index).reindex()
    return Knowledge(made.line.store, index)


def test_a_message_that_comes_to_a_process_with_the_embedder_of_before_is_answered_by_another(
    tmp_path: Path, newest_schema: Path
) -> None:
    with desk(f"sqlite:///{copy(newest_schema, tmp_path / 'desk.db')}", "zendesk") as made:
        knowledge = reindexed_by_another(made)
        ref = made.ask(ASKS_RETURN)
        assert made.waiting() == 1

        other = app.worker(replace(made.line, knowledge=knowledge))
        made.clock.forward(seconds=30)
        other.drain()

        assert made.decided(ref).decision.action is Action.SUGGEST
        made.settle()  # the note's own webhook
        assert made.waiting() == 0


def test_where_every_process_has_the_embedder_of_before_a_person_gets_the_message_and_is_told_why(
    tmp_path: Path, newest_schema: Path
) -> None:
    with desk(f"sqlite:///{copy(newest_schema, tmp_path / 'desk.db')}", "zendesk") as made:
        reindexed_by_another(made)
        ref = made.ask(ASKS_RETURN)
        for _ in range(4):
            made.clock.forward(seconds=30)
            made.settle()

        [note] = made.sent(ref)
        assert "holds vectors of another, and the embedder is all-MiniLM-L6-v2@" in note
        assert "`app.py reindex` makes them anew" in note
        assert made.waiting() == 0


def test_knowledge_fills_an_index_that_was_damaged_in_use(store: Store, opened: Opened, tmp_path: Path) -> None:
    add(store, *(entry(name) for name in PARTS))
    knowledge = Knowledge(store, opened())
    assert [e.id for e in knowledge.search("open the lock", limit=1)] == ["lock"]

    for file in (tmp_path / "index").glob("passages.db*"):
        file.unlink()

    until(lambda: [e.id for e in knowledge.search("open the lock", limit=1)] == ["lock"])


def test_an_entry_that_got_shorter_leaves_nothing_behind(store: Store, opened: Opened) -> None:
    add(store, entry("lid", 1, "\n\n".join(["It is long. " * 20, "Ask the wizard of the north.", "And so on. " * 30])))
    knowledge = Knowledge(store, opened())
    assert [e.id for e in knowledge.search("wizard", limit=1)] == ["lid"]

    add(store, entry("lid", 2))

    assert [e.id for e in knowledge.search("wizard north", limit=1) if e.lexical > 0.5] == []
    assert [e.version for e in knowledge.search("open the lid", limit=1)] == [2]


def test_two_processes_that_follow_one_store_agree(store: Store, opened: Opened) -> None:
    one, other = Knowledge(store, opened()), Knowledge(store, opened())
    for number in range(60):
        add(store, entry(f"{PARTS[number % 10]}-{number}"))
        assert [e.id for e in (one, other)[number % 2].search(f"open the {PARTS[number % 10]}-{number}", limit=1)]
    asked = "How do I open the lock-7?"

    here, there = one.search(asked, limit=5), other.search(asked, limit=5)
    assert [e.id for e in here] == [e.id for e in there]
    for mine, its in zip(here, there, strict=True):  # whose rows may lie elsewhere, and be added up in another order
        assert (mine.score, mine.lexical, mine.vector) == pytest.approx((its.score, its.lexical, its.vector), abs=1e-5)
    assert here[0].id == "lock-7"


OPENER = """
import sys
from pathlib import Path
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
while True:
    index = HybridIndex(HashEmbedder(), Path(sys.argv[1]), grown=16)
    print(index.mark(), index.check()[0][0].split()[2], flush=True)
    index.close()
"""


def test_whoever_opens_it_while_another_freezes_finds_all_of_it(opened: Opened, tmp_path: Path) -> None:
    index = filled(opened(), 20)
    with subprocess.Popen(
        [sys.executable, "-c", OPENER, str(tmp_path / "index")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        seen = [other.stdout.readline()]
        for number in range(20, 300):
            index.put([part(number)], mark=(str(number), str(number - 1)))
        seen += [other.stdout.readline() for _ in range(10)]
        other.kill()

    marks = [tuple(map(int, line.split())) for line in seen]
    assert [(mark, count) for mark, count in marks if not mark < count] == []
    assert index.check() == (("index of 300 passages", True, ""),)


def test_what_another_process_has_frozen_is_tidied_too(opened: Opened, tmp_path: Path) -> None:
    one, other = opened(), opened()
    one.put([Passage("secret-owner", Source.PAST, "zugzwang in the cellar")])
    other.mark()
    filled(one)

    other.put([], drop=["secret-owner"])
    other.compact()

    left = b"".join(file.read_bytes() for file in (tmp_path / "index").rglob("*") if file.is_file())
    assert b"secret-owner" not in left


def test_tidying_says_when_it_could_not(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.backends.index.hybrid.PATIENCE", 0.1)
    index = filled(opened())
    with (tmp_path / "index" / "folding").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="busy"):
            index.compact()


@contextmanager
def read_beside(file: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> Iterator[None]:
    """Another process begins to read while a segment is got ready, and ends when so many tries were in vain."""
    write_back, settle, failed = Log.write_back, Log.settle, list[bool]()

    def begin(log: Log) -> None:
        write_back(log)
        if not other.in_transaction and len(failed) < times:
            other.executescript("INSERT OR REPLACE INTO meta VALUES ('other', ''); BEGIN; SELECT * FROM meta;")

    def end(log: Log) -> bool:
        if not (done := settle(log)):
            failed.append(done)
            if len(failed) == times:
                other.rollback()
        return done

    with closing(sqlite3.connect(file, isolation_level=None)) as other, monkeypatch.context() as patched:
        patched.setattr(Log, "write_back", begin)
        patched.setattr(Log, "settle", end)
        yield


def owners(folder: Path) -> bytes:
    return b"".join((segment / "owners.npy").read_bytes() for segment in segments(folder))


def test_tidying_says_when_somebody_who_reads_kept_it_from_it(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.backends.index.hybrid.PATIENCE", 0.1)
    index = filled(opened())
    index.put([], drop=["part-5"])

    reads = read_beside(tmp_path / "index" / "passages.db", monkeypatch, times=100)
    with reads, pytest.raises(Unavailable, match="busy"):
        index.compact()
    assert b"part-5part-6" in owners(tmp_path)

    index.compact()
    assert b"part-5part-6" not in owners(tmp_path)


def test_tidying_waits_for_who_reads(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(opened())
    index.put([], drop=["part-5"])

    with read_beside(tmp_path / "index" / "passages.db", monkeypatch, times=1):
        index.compact()

    assert b"part-5part-6" not in owners(tmp_path)


def test_tidying_says_when_somebody_who_reads_keeps_what_has_gone_in_sqlites_log(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.backends.index.hybrid.PATIENCE", 0.1)
    index = opened()
    index.put([part(1)])
    with closing(sqlite3.connect(tmp_path / "index" / "passages.db", isolation_level=None)) as other:
        other.executescript("BEGIN; SELECT * FROM meta;")
        index.put([], drop=["part-1"])
        with pytest.raises(Unavailable, match="busy"):
            index.compact()
    index.compact()


def test_no_segment_is_written_of_what_a_power_cut_could_take(opened: Opened, tmp_path: Path) -> None:
    index = opened(10_000)
    index.mark()
    with closing(sqlite3.connect(tmp_path / "index" / "passages.db", isolation_level=None)) as other:
        other.executescript("BEGIN; SELECT * FROM meta;")
        filled(index, 600)
    assert segments(tmp_path) == []

    index.mark()
    index.close()
    assert len(segments(tmp_path)) == 1


KILL = """
import os, sys
from pathlib import Path
folder = Path(sys.argv[1])
def kill(*_, **__):
    os.kill(os.getpid(), 9)
"""


def killed_by(tmp_path: Path, code: str) -> None:
    """Runs it in a process of its own, which kills itself with `kill()`."""
    done = subprocess.run([sys.executable, "-c", KILL + code, str(tmp_path / "index")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL


KILLED_BEFORE_IT_LISTS = """
from bot.backends.index import shelf
from tests.test_index_disk import HashEmbedder, HybridIndex, part
shelf.Shelf.replace = kill
index = HybridIndex(HashEmbedder(), folder, grown=16)
index.put([part(n) for n in range(40)])
index.close()
"""
KILLED_PUTTING_ASIDE = """
from bot.backends.index import shelf
shelf.shutil.rmtree = kill
shelf.put_aside(folder)
"""


@pytest.mark.parametrize("fold", [False, True])
def test_a_segment_that_nobody_lists_since_its_writer_was_killed_goes(
    opened: Opened, tmp_path: Path, fold: bool
) -> None:
    killed_by(tmp_path, KILLED_BEFORE_IT_LISTS)
    [left] = segments(tmp_path)
    index = opened()
    index.put([], drop=[f"part-{n}" for n in range(40)])

    if fold:
        index.put([part(n) for n in range(100, 140)])
        index.close()
    else:
        index.compact()

    assert left not in segments(tmp_path)
    assert in_use(index) == (40 if fold else 0)


def test_half_a_list_goes(opened: Opened, tmp_path: Path) -> None:
    filled(opened())
    half = tmp_path / "index" / "segments.json.4711"
    half.write_text("part-5")

    opened().compact()

    assert not half.exists()
    assert in_use(opened()) == 100


def test_what_was_put_aside_goes_though_who_did_it_was_killed(opened: Opened, tmp_path: Path) -> None:
    opened().put([Passage("secret", Source.PAST, "zugzwang in the cellar")])
    killed_by(tmp_path, KILLED_PUTTING_ASIDE)
    kept = [tmp_path / name for name in ("index-2", "index-12345678", "other-12345678-damaged")]
    for folder in kept:
        folder.mkdir()
    assert len(list(tmp_path.glob("index-*-damaged"))) == 1

    opened().compact()

    assert list(tmp_path.glob("index-*-damaged")) == []
    assert all(folder.exists() for folder in kept)


def test_what_another_process_writes_at_this_moment_stays(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.backends.index.hybrid.PATIENCE", 0.1)
    index = filled(opened())
    with Shelf(tmp_path / "index").alone() as held:
        assert held
        begun = tmp_path / "index" / "segment-begun"
        begun.mkdir()
        with pytest.raises(Unavailable, match="busy"):
            index.compact()
        index.put([part(n) for n in range(100, 140)])
        index.close()
        assert begun.exists()


def test_a_lock_of_a_folder_that_was_put_aside_is_none(opened: Opened, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "index")
    with shelf.alone() as held:
        put_aside(tmp_path / "index")
        filled(opened())
        assert held
        with pytest.raises(Unavailable, match="was put aside"):
            shelf.sweep(held, ())
        with pytest.raises(Unavailable, match="was put aside"):
            held.sure()

    assert in_use(opened()) == 100
    assert len(segments(tmp_path)) > 0


def gone_rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "index" / "passages.db")) as there:
        [(count,)] = there.execute("SELECT count(*) FROM gone")
    return int(count)


def test_what_has_gone_long_ago_is_not_counted_for_ever(opened: Opened, tmp_path: Path) -> None:
    index = filled(opened(), 20)
    for _ in range(30):
        index.put([part(3)], drop=["part-4"])
    assert gone_rows(tmp_path) == 31

    index.compact()

    assert gone_rows(tmp_path) == 0
    for each in (index, opened()):
        assert in_use(each) == 19
        assert found(each, "How do I change part 3?")[0] == "part-3"
        assert "part-4" not in found(each, "How do I change part 4?", limit=30)


def test_what_has_gone_is_not_counted_any_more_once_segments_without_it_are_written(
    opened: Opened, tmp_path: Path
) -> None:
    index = opened()
    index.put([part(n) for n in range(15)])
    index.put([part(n) for n in range(4)])
    index.close()

    assert (len(segments(tmp_path)), gone_rows(tmp_path), in_use(opened())) == (1, 0, 15)


def test_what_a_segment_still_has_is_remembered_to_have_gone(opened: Opened, tmp_path: Path) -> None:
    index = opened()
    index.put([part(n) for n in range(100)])
    index.close()
    index.put([], drop=["part-5"])
    index.put([part(n) for n in range(100, 116)])
    index.close()

    assert b"part-5part-6" in owners(tmp_path)  # it is tidied once a day
    assert gone_rows(tmp_path) == 1
    assert in_use(opened()) == 115
    assert "part-5" not in found(opened(), "How do I change part 5?", limit=200)


@pytest.mark.parametrize("grown", [16, 10_000])
def test_a_process_that_was_behind_what_is_not_counted_any_more_finds_nothing_that_has_gone(
    opened: Opened, grown: int
) -> None:
    one, other = opened(grown), opened()
    one.put([part(n) for n in range(40)])
    assert "part-3" in found(one, "How do I change part 3?")

    other.put([part(50)], drop=["part-3"])
    other.compact()

    assert in_use(one) == 40
    assert "part-3" not in found(one, "How do I change part 3?", limit=50)
    assert found(one, "How do I change part 50?")[0] == "part-50"
    one.put([part(51)])
    assert in_use(other) == 41


def test_a_log_knows_what_came_after_a_place_that_it_was_at_and_has_not_pruned(tmp_path: Path) -> None:
    log = Log(tmp_path / "passages.db")
    for _ in range(3):
        log.put(made_rows([part(1)], HashEmbedder()), [], None, "words-1")
    end = log.end()
    assert (end.seq, end.gone) == (3, 2)
    log.prune(replace(end, gone=1))
    log.prune(Place("another", 3, 2))

    at = [replace(end, gone=0), replace(end, gone=1), end, replace(end, gone=3), replace(end, seq=4), Place("another")]
    assert [log.knows(place) for place in at] == [False, True, True, False, False, False]
    assert log.news(replace(end, gone=1)).gone == (2,)
    assert log.news(Place()).place == end
    with pytest.raises(Replaced):
        log.news(replace(end, gone=0))
    log.prune(end)
    assert log.news(Place()).place == end
    log.close()


def test_segments_that_know_more_than_a_file_that_was_put_back_are_not_taken(opened: Opened, tmp_path: Path) -> None:
    filled(opened(), 40)
    file = tmp_path / "index" / "passages.db"
    copy(file, tmp_path / "backup.db")
    index = opened()
    index.put([part(n) for n in range(40, 80)])
    index.close()
    copy(tmp_path / "backup.db", file)

    index = opened()

    assert (index.mark(), in_use(index)) == ("39", 40)
    assert all(found(index, f"How do I change part {n}?")[0] == f"part-{n}" for n in range(40))


def test_of_two_that_put_after_the_same_mark_one_is_told_that_it_did_not(tmp_path: Path) -> None:
    logs = [Log(tmp_path / "passages.db") for _ in range(2)]
    put = [
        log.put(made_rows([part(n)], HashEmbedder()), [], (f"mark-{n}", ""), "words-1") for n, log in enumerate(logs)
    ]

    news = logs[0].news(Place())

    assert put == [True, False]
    assert ([row.owner for _, row in news.rows], news.mark) == (["part-0"], "mark-0")
    for log in logs:
        log.close()


def test_scores_do_not_depend_on_what_there_was_before(opened: Opened, tmp_path: Path) -> None:
    index = opened(grown=10_000)
    for number in range(30):
        index.put([part(number)])
    for _ in range(60):
        index.put([part(3)])
    index.close()

    here = index.search("the screws of part 3", source=Source.ENTRY, limit=3)

    assert here == opened(grown=10_000).search("the screws of part 3", source=Source.ENTRY, limit=3)


def test_an_entry_that_changes_while_a_conversation_is_read_is_not_kept_in_its_old_words(
    store: Store, opened: Opened
) -> None:
    add(store, entry("lid", 1, "Turn it to the left."))
    knowledge = Knowledge(store, opened())
    with store.read() as conn:
        assert rows.latest(conn, "lid")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(add, store, entry("lid", 2, "Turn it to the right.")).result()
            pool.submit(knowledge.search, "open the lid", limit=1).result()
        knowledge.search("open the lid", limit=1)

    assert [e.passage for e in knowledge.search("open the lid", limit=1)] == ["Turn it to the right."]
