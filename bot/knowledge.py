"""What the bot knows: approved entries, and past replies for suggestions, found by an index that follows the store."""

import logging
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from textwrap import shorten

from bot.brains import FLOOR, Hit, Index, Passage, Weigh, Weights
from bot.model import Entry, Evidence, Intervention, Source
from bot.scope import Asker, kept_back
from bot.store import Store
from bot.store import knowledge as rows

log = logging.getLogger(__name__)
TITLE = 120  # characters of a past question that stand for it
LONG = 700  # characters: a longer answer is found by what it says here and there
WINDOW, STEP = 80, 40  # words of that, and how far one begins behind the other
LONGEST, LETTERS = 20, 6  # characters: what is longer has no spaces, and so many of it are a word
WIDER = 2  # times that many entries are weighed anew
TOO_FAR = f"too far from the question, under {FLOOR}"
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
    """How far an index has followed a store, as the index keeps it: entry and past seq, and which version the first of
    them is, so that an index is not taken for that of another store."""

    entries: int = 0
    past: int = 0
    version: str = ""

    def __str__(self) -> str:
        return f"{self.entries} {self.past} {self.version}" if self.entries or self.past else ""

    @staticmethod
    def parse(told: str) -> "Mark":
        """Of what `str` made; the beginning where it is anything else."""
        parts = told.split(" ", 2)
        if len(parts) < 3 or not (parts[0].isdigit() and parts[1].isdigit()):
            return Mark()
        return Mark(int(parts[0]), int(parts[1]), parts[2])

    def covers(self, newest: "Mark") -> bool:
        """Is there nothing more to take in?"""
        return self.entries >= newest.entries and self.past >= newest.past


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and why it is not used for whoever asks: "" when it is."""

    evidence: Evidence
    kept_back: str = ""


class Knowledge:
    """Entries in force, kept in step with the store: one cheap query before each search tells what is new."""

    def __init__(self, store: Store, index: Index, weigh: Weigh | None = None) -> None:
        """`weigh`: what words and meaning are worth by now; without it, as the index has it."""
        self._store, self._index, self._weigh = store, index, weigh
        self.by = weigh.by if weigh else ""
        self._known = False  # that the index is of this store
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Take in what any process has added since the last time; of much only some, and nothing while others do."""
        if self._lock.locked() and self._far_behind():
            return
        while self._follow() == 0 and not self._far_behind():
            pass  # another process was faster, and may not have known of the newest

    def keep_up(self, said: Callable[[int], object] = lambda _: None) -> None:
        """Take in everything, also what was learned, so that nobody who asks has to wait; `said` is told how many
        passages there were, a batch at a time."""
        self.weights()
        while (count := self._follow()) is not None:
            said(count)

    def reindex(self, said: Callable[[int], object] = lambda _: None) -> None:
        """Empty the index and fill it anew."""
        with self._lock:
            self._index.clear()
        self.keep_up(said)

    def compact(self) -> None:
        """Nothing that was forgotten lingers in the index. Raises Unavailable where others keep it busy."""
        self.keep_up()
        self._index.compact()

    def _follow(self) -> int | None:
        """Take in a batch of entries, and then of past replies; how many of both, 0 where another process was faster,
        None where nothing is missing."""
        if self._known and self._mark().covers(self._newest()):
            return None
        with self._lock:
            mark = self._checked_mark()
            with self._store.read() as conn:
                entries = rows.entries_after(conn, mark.entries, BATCH)
                replies = rows.past_after(conn, mark.past, BATCH - len(entries))
            if not entries and not replies:
                return None
            entries = _batch(entries)
            return (len(entries) + len(replies)) * self._put(mark, entries, replies)

    def _far_behind(self) -> bool:
        """Is more missing than a search would take in?"""
        mark, newest = self._mark(), self._newest()
        return max(newest.entries - mark.entries, newest.past - mark.past) > BATCH

    def _newest(self) -> Mark:
        with self._store.read() as conn:
            return Mark(*rows.newest(conn))

    def _mark(self) -> Mark:
        return Mark.parse(self._index.mark())

    def _checked_mark(self) -> Mark:
        """How far the index is; one of another store, or of a later day of one that was restored, is emptied."""
        if not self._known:
            mark = self._mark()
            with self._store.engine.connect() as conn:  # whoever asks may be reading a moment that is past
                newest, there = Mark(*rows.newest(conn)), rows.version_at(conn, mark.entries, mark.past)
            if mark.version != there or mark.entries > newest.entries or mark.past > newest.past:
                log.warning("index of another store", extra={"mark": str(mark)})
                self._index.clear()
            self._known = True
        return self._mark()

    def _put(self, mark: Mark, versions: list[tuple[int, Entry]], replies: list[tuple[int, Intervention]]) -> bool:
        """False where another process has done the same, and was faster."""
        entries, past = {e.id: e for _, e in versions}.values(), {p.id: p for _, p in replies}.values()
        live = [passage for e in entries if not e.retired for passage in passages(e)]
        live += [_past_passage(p) for p in past if p.question]
        gone = [*(e.id for e in entries if e.retired), *(p.id for p in past if not p.question)]
        ends = (versions[-1][0] if versions else mark.entries), (replies[-1][0] if replies else mark.past)
        return self._index.put(live, drop=gone, mark=(str(self._marked(*ends)), str(mark)))

    def _marked(self, entries: int, past: int) -> Mark:
        with self._store.read() as conn:
            return Mark(entries, past, rows.version_at(conn, entries, past))

    def search(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Entries in force, best first, whoever asks."""
        self.refresh()
        return tuple(evidence for _, evidence in islice(self._entries(text, limit, None), limit))

    def evidence(self, text: str, who: Asker, *, limit: int) -> tuple[Evidence, ...]:
        """For a draft: entries that hold for this customer, here and now, then past replies; each best first."""
        self.refresh()
        who = who.speaking(text)
        entries = (evidence for entry, evidence in self._entries(text, limit, who) if not kept_back(entry, who))
        return (*islice(entries, limit), *self._past(text, limit))

    def explained(self, text: str, who: Asker, *, limit: int) -> Iterator[Found]:
        """Entries, best first, with why those that are not for this customer, here and now, are kept back."""
        self.refresh()
        who = who.speaking(text)
        for entry, evidence in self._entries(text, limit, None):
            yield Found(evidence, kept_back(entry, who) or (TOO_FAR if evidence.score < FLOOR else ""))

    def past(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Past replies, best first."""
        self.refresh()
        return self._past(text, limit)

    def _entries(self, text: str, limit: int, who: Asker | None) -> Iterator[tuple[Entry, Evidence]]:
        """Best first, each once, none that is retired."""
        for hit in self._weighed(self._index.search(text, source=Source.ENTRY, limit=limit * WIDER, who=who)):
            if e := self.entry_of(hit.owner):
                found = Evidence(Source.ENTRY, e.id, e.version, e.question, e.answer, hit.score, e.url, e.topic)
                yield e, replace(found, lexical=hit.lexical, vector=hit.vector)

    def _past(self, text: str, limit: int) -> tuple[Evidence, ...]:
        hits = self._index.search(text, source=Source.PAST, limit=limit)
        if not hits:
            return ()
        with self._store.read() as conn:
            kept = rows.past_of(conn, [hit.owner for hit in hits])
        return tuple(_past_evidence(kept[hit.owner], hit) for hit in hits if hit.owner in kept)

    def _weighed(self, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """In the order that is learned. Scores stay as they are: which of two is better does not say how near an answer
        has to be to be said."""
        by = self.weights()
        if by is None:
            return hits
        return tuple(sorted(hits, key=lambda hit: -(by.words * hit.lexical + (1.0 - by.words) * hit.vector)))

    def weights(self) -> Weights | None:
        """What words and meaning are worth, None where nothing is learned about it."""
        return self._weigh() if self._weigh else None

    def entry_of(self, id: str) -> Entry | None:
        """The newest version, None when retired or unknown."""
        with self._store.read() as conn:
            known = rows.latest(conn, id)
        return None if known is None or known.retired else known

    def entry(self, id: str) -> Entry | None:
        """The version in force, None when retired or unknown."""
        self.refresh()
        return self.entry_of(id)

    def entries(self) -> tuple[Entry, ...]:
        """All that are not retired, by id."""
        with self._store.read() as conn:
            return tuple(rows.newest_versions(conn))


def _batch(versions: list[tuple[int, Entry]]) -> list[tuple[int, Entry]]:
    """The first of them, as far as their passages are one; an entry at the least."""
    ends = list(accumulate(len(passages(e)) for _, e in versions))
    return versions[: max(1, bisect_right(ends, BATCH))]


def _past_passage(past: Intervention) -> Passage:
    """Who asks the like of it means its question; a word that they share with the reply counts all the same."""
    return Passage(past.id, Source.PAST, past.answer, past.question, meant=past.question)


def _past_evidence(past: Intervention, hit: Hit) -> Evidence:
    title = shorten(past.question, TITLE, placeholder="…")
    found = Evidence(Source.PAST, past.id, 1, title, past.answer, hit.score)
    return replace(found, lexical=hit.lexical, vector=hit.vector)


Knows = Callable[[Store], Knowledge]  # the search over a store
