"""How an index follows the store: entries, past replies, and what was asked where something came of the draft."""

import logging
import re
import threading
from bisect import bisect_left, bisect_right
from dataclasses import astuple, dataclass
from itertools import accumulate

from sqlalchemy import Connection

from bot.brains import Index, Passage
from bot.model import Entry, Intervention, Source
from bot.store import Store
from bot.store import knowledge as rows
from bot.store.memory import asked_after

log = logging.getLogger(__name__)
LONG = 700  # characters: a longer answer is found by what it says here and there
WINDOW, STEP = 80, 40  # words of that, and how far one begins behind the other
LONGEST, LETTERS = 20, 6  # characters: what is longer has no spaces, and so many of it are a word
BATCH = 64  # passages that an index is given at a time; a search waits for no more


def passages(entry: Entry) -> tuple[Passage, ...]:
    """The answer under its question; of a long one windows, each half over the one before."""
    parts = windows(entry.answer) if len(entry.answer) > LONG else (entry.answer,)
    return tuple(
        Passage(entry.id, Source.ENTRY, part, entry.question, entry.scope, entry.valid_until) for part in parts
    )


def windows(text: str) -> tuple[str, ...]:
    """Of WINDOW words, each STEP behind the one before."""
    words = re.findall(r"\S{1,40}", text)
    ends = tuple(accumulate(1 if len(word) <= LONGEST else len(word) // LETTERS for word in words))
    found, start = list[str](), 0
    while start < len(words):
        before = ends[start - 1] if start else 0
        end = bisect_left(ends, before + WINDOW) + 1
        found.append(" ".join(words[start:end]))
        start = bisect_left(ends, before + STEP) + 1 if end < len(words) else len(words)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an index has followed a store, as the index keeps it: seq of entry, past reply and signal, and what
    stands there, so that an index is not taken for that of another store."""

    entries: int = 0
    past: int = 0
    signals: int = 0
    version: str = ""

    def __str__(self) -> str:
        return " ".join(map(str, astuple(self))) if any(self.ends) else ""

    @property
    def ends(self) -> tuple[int, int, int]:
        """The three numbers."""
        return self.entries, self.past, self.signals

    @staticmethod
    def parse(told: str) -> "Mark":
        """Of what `str` made; the beginning where it is anything else."""
        entries, past, signals, version = (told.split(" ", 3) + [""] * 4)[:4]
        known = all(map(str.isdigit, (entries, past, signals)))
        return Mark(int(entries), int(past), int(signals), version) if known else Mark()

    def covers(self, newest: "Mark") -> bool:
        """Is there nothing more to take in?"""
        return self.behind(newest) == 0

    def behind(self, newest: "Mark") -> int:
        """How much more of a kind there is at the most."""
        return max(0, *(there - here for here, there in zip(self.ends, newest.ends, strict=True)))


@dataclass(frozen=True, slots=True)
class News:
    """What comes after a mark, and the mark behind it. `asked`: (id, question) of drafts of which something came."""

    entries: tuple[Entry, ...]
    replies: tuple[Intervention, ...]
    asked: tuple[tuple[str, str], ...]
    mark: Mark

    @staticmethod
    def after(conn: Connection, mark: Mark) -> "News":
        """Some of it, as many passages as make a batch, more or less."""
        entries = rows.entries_after(conn, mark.entries, BATCH)
        replies = rows.past_after(conn, mark.past, BATCH - len(entries))
        signals, asked = asked_after(conn, mark.signals, BATCH - len(entries) - len(replies))
        entries = _fitting(entries)
        ends = (entries[-1][0] if entries else mark.entries), (replies[-1][0] if replies else mark.past), signals
        newest, past = {e.id: e for _, e in entries}, {p.id: p for _, p in replies}
        mark = Mark(*ends, rows.version_at(conn, *ends))
        return News(tuple(newest.values()), tuple(past.values()), tuple(asked), mark)

    def __len__(self) -> int:
        return len(self.entries) + len(self.replies) + len(self.asked)

    def passages(self) -> list[Passage]:
        """To be found from now on."""
        known = [passage for e in self.entries if not e.retired for passage in passages(e)]
        past = [_past_passage(p) for p in self.replies if p.question]
        linking = [(p.id, p.question) for p in self.replies if p.links]
        asked = [Passage(id_, Source.ASKED, question) for id_, question in (*linking, *self.asked) if question]
        return known + past + asked

    def gone(self) -> list[str]:
        """Whose passages are found no more."""
        retired = [e.id for e in self.entries if e.retired]
        forgotten = [p.id for p in self.replies if not p.question]
        return retired + forgotten + [id_ for id_, asked in self.asked if not asked]


class Follower:
    """Keeps an index in step with the store: one cheap query tells what is new. Any thread may call it."""

    def __init__(self, store: Store, index: Index) -> None:
        self._store, self._index = store, index
        self._known = False  # that the index is of this store
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Take in what any process has added since the last time; of much only some, and nothing while others do."""
        if self._lock.locked() and self._far_behind():
            return
        while self.step() == 0 and not self._far_behind():
            pass  # another process was faster, and may not have known of the newest

    def empty(self) -> None:
        """Nothing is in the index, whosever vectors it held."""
        with self._lock:
            self._index.clear()

    def step(self) -> int | None:
        """Take in a batch; how much it was, 0 where another process was faster, None where nothing is missing."""
        if self._known and self._mark().covers(self._newest()):
            return None
        self._known = self._known and _ours(self._index.mark())  # else somebody with an older version is at it, too
        with self._lock:
            mark = self._checked_mark()
            with self._store.read() as conn:
                news = News.after(conn, mark)
            if news.mark.ends == mark.ends:
                return None
            put = self._index.put(news.passages(), drop=news.gone(), mark=(str(news.mark), str(mark)))
            return len(news) * put

    def has_all_entries(self) -> bool:
        """Is none missing in the index that was published?"""
        return self._mark().entries >= self._newest().entries

    def _far_behind(self) -> bool:
        """Is more missing than a search would take in?"""
        return self.behind() > BATCH

    def behind(self) -> int:
        """How much more of a kind there is at the most."""
        return self._mark().behind(self._newest())

    def _newest(self) -> Mark:
        with self._store.read() as conn:
            return Mark(*rows.newest(conn))

    def _mark(self) -> Mark:
        return Mark.parse(self._index.mark())

    def _checked_mark(self) -> Mark:
        """How far the index is; one of another store, or of a later day of one that was restored, is emptied."""
        if not self._known:
            told = self._index.mark()
            mark = Mark.parse(told)
            with self._store.engine.connect() as conn:  # whoever asks may be reading a moment that is past
                newest, there = Mark(*rows.newest(conn)), rows.version_at(conn, *mark.ends)
            if not _ours(told) or mark.version != there or not newest.covers(mark):
                log.warning("index of another store", extra={"mark": told})
                self._index.clear()
            self._known = True
        return self._mark()


def _ours(told: str) -> bool:
    return str(Mark.parse(told)) == told


def _fitting(versions: list[tuple[int, Entry]]) -> list[tuple[int, Entry]]:
    """The first of them, as far as their passages are one batch; an entry at the least."""
    ends = list(accumulate(len(passages(e)) for _, e in versions))
    return versions[: max(1, bisect_right(ends, BATCH))]


def _past_passage(past: Intervention) -> Passage:
    """Who asks the like of it means its question; a word that they share with the reply counts all the same."""
    return Passage(past.id, Source.PAST, past.answer, past.question, meant=past.question)
