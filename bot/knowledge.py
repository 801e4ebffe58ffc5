"""What the bot knows: approved entries, and past replies for suggestions, found by an index that follows the store."""

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from textwrap import shorten

from bot.brains import Hit, Index, Passage
from bot.model import Entry, Evidence, Intervention, Source
from bot.scope import Asker, kept_back
from bot.store import Store
from bot.store import knowledge as rows

TITLE = 120  # characters of a past question that stand for it
LONG = 700  # characters: a longer answer is found by its paragraphs


def passages(entry: Entry) -> tuple[Passage, ...]:
    """The answer under its question, or each paragraph of a long answer."""
    parts = [p for p in re.split(r"\n\s*\n", entry.answer) if p.strip()] if len(entry.answer) > LONG else [entry.answer]
    return tuple(
        Passage(f"{entry.id}#{i}", entry.id, Source.ENTRY, part, entry.question) for i, part in enumerate(parts)
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and why it may not be used for whoever asks: "" when it may."""

    evidence: Evidence
    kept_back: str = ""


class Knowledge:
    """Entries in force, kept in step with the store: one cheap query before each search tells what is new."""

    def __init__(self, store: Store, index: Index) -> None:
        self._store, self._index = store, index
        self._entries: dict[str, Entry] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._past: dict[str, Intervention] = {}
        self._seen = (0, 0)
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Take in what any process has added since the last time."""
        with self._store.read() as conn:
            if rows.newest(conn) == self._seen:
                return
            with self._lock:
                entries, past = rows.entries_after(conn, self._seen[0]), rows.past_after(conn, self._seen[1])
                self._take_entries(e for _, e in entries)
                self._take_past([p for _, p in past])
                ends = entries[-1][0] if entries else self._seen[0], past[-1][0] if past else self._seen[1]
                self._seen = ends

    def _take_entries(self, versions: Iterable[Entry]) -> None:
        newest = {e.id: e for e in versions}
        live = {e.id: () if e.retired else passages(e) for e in newest.values()}
        keys = {id_: tuple(p.key for p in found) for id_, found in live.items()}
        stale = [key for id_ in live for key in self._keys.get(id_, ()) if key not in keys[id_]]
        self._entries |= newest
        self._keys |= keys
        self._index.put([p for found in live.values() for p in found], drop=stale)

    def _take_past(self, past: list[Intervention]) -> None:
        self._past |= {p.id: p for p in past}
        self._index.put([Passage(p.id, p.id, Source.PAST, p.question) for p in past])

    def search(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Entries in force, best first, whoever asks."""
        self.refresh()
        found = (e for e in self._owners(text, Source.ENTRY, limit) if not self._entries[e.id].retired)
        return tuple(islice(found, limit))

    def evidence(self, text: str, who: Asker, *, limit: int) -> tuple[Evidence, ...]:
        """For a draft: entries that hold for this customer, here and now, then past replies; each best first."""
        entries = (found.evidence for found in self.explained(text, who, limit=limit * 2) if not found.kept_back)
        past = self._owners(text, Source.PAST, limit) if self._past else ()
        return (*islice(entries, limit), *islice(past, limit))

    def explained(self, text: str, who: Asker, *, limit: int) -> Iterator[Found]:
        """Entries, best first, with why those that are not for this customer, here and now, are kept back."""
        self.refresh()
        who = who.speaking(text)
        for evidence in self._owners(text, Source.ENTRY, limit):
            yield Found(evidence, kept_back(self._entries[evidence.id], who))

    def past(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Past replies, best first."""
        self.refresh()
        return tuple(islice(self._owners(text, Source.PAST, limit), limit))

    def _owners(self, text: str, source: Source, limit: int) -> Iterator[Evidence]:
        """Best first, one for each entry or past reply."""
        owners: set[str] = set()
        for hit in self._index.search(text, source=source, limit=limit * 3):
            if hit.owner not in owners:
                owners.add(hit.owner)
                yield self._evidence(source, hit)

    def _evidence(self, source: Source, hit: Hit) -> Evidence:
        if source is Source.PAST:
            p = self._past[hit.owner]
            found = Evidence(source, p.id, 1, shorten(p.question, TITLE, placeholder="…"), p.answer, hit.score)
        else:
            e = self._entries[hit.owner]
            found = Evidence(source, e.id, e.version, e.question, e.answer, hit.score, e.url, e.topic)
        return replace(found, lexical=hit.lexical, vector=hit.vector)

    def entry(self, id: str) -> Entry | None:
        """The version in force, None when retired or unknown."""
        self.refresh()
        found = self._entries.get(id)
        return None if found is None or found.retired else found

    def entries(self) -> tuple[Entry, ...]:
        """All in force, by id."""
        self.refresh()
        return tuple(e for _, e in sorted(self._entries.items()) if not e.retired)
