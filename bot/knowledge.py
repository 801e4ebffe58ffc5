"""What the bot knows: approved entries, and past replies for suggestions, found by an index that follows the store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from textwrap import shorten

from bot.brains import FLOOR, Hit, Index, Weigh, Weights, carries
from bot.follow import Follower
from bot.model import Entry, Evidence, Intervention, Source
from bot.ports import Fine
from bot.recall import NEAREST, recall
from bot.scope import Asker, kept_back
from bot.store import Store
from bot.store import knowledge as rows

TITLE = 120  # characters of a past question that stand for it
WIDER = 4  # times that many entries are weighed anew
REMEMBERED = 0.6  # what memory is worth in their order, beside the score
TOO_FAR = f"too far from the question, under {FLOOR}"


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
        self._follower = Follower(store, index)

    def refresh(self) -> None:
        """Take in what any process has added since the last time; of much only some, and nothing while others do."""
        self._follower.refresh()

    def keep_up(self, said: Callable[[int], object] = lambda _: None) -> None:
        """Take in everything, also what was learned, so that nobody who asks has to wait; `said` is told how much it
        was, a batch at a time, and ends it with False."""
        self.weights()
        while (count := self._follower.step()) is not None and said(count) is not False:
            pass

    def reindex(self, said: Callable[[int], object] = lambda _: None) -> None:
        """Empty the index and fill it anew."""
        self._follower.empty()
        self.keep_up(said)

    def compact(self) -> None:
        """Nothing that was forgotten lingers in the index. Raises Unavailable where others keep it busy."""
        self.keep_up()
        self._index.compact()

    def check(self) -> Fine:
        """Whether the index can be used; never raises."""
        return self._index.check()

    def missing(self) -> int:
        """How much was added, of a kind at the most, that the index does not have yet."""
        return self._follower.behind()

    def whole(self) -> bool:
        """Does the index have every entry that was published?"""
        return self._follower.has_all_entries()

    def search(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Entries, best first by their texts, whoever asks, also what has run out; none that is retired."""
        self.refresh()
        return tuple(evidence for _, evidence in islice(self._entries(text, limit, None, {}), limit))

    def evidence(self, text: str, who: Asker, *, limit: int) -> tuple[Evidence, ...]:
        """For a draft: entries that hold for this customer, here and now, then past replies; each best first."""
        self.refresh()
        who = who.speaking(text)
        found = self._entries(text, limit, who, self._remembered(text, who))
        entries = [evidence for entry, evidence in found if not kept_back(entry, who)]
        return (*with_nearest(entries, limit), *self._past(text, limit))

    def explained(self, text: str, who: Asker, *, limit: int) -> Iterator[Found]:
        """Entries, best first, with why those that are not for this customer, here and now, are kept back."""
        self.refresh()
        who = who.speaking(text)
        for entry, evidence in self._entries(text, limit, None, self._remembered(text, who)):
            yield Found(evidence, kept_back(entry, who) or ("" if carries(evidence) else TOO_FAR))

    def past(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Past replies, best first."""
        self.refresh()
        return self._past(text, limit)

    def _entries(
        self, text: str, limit: int, who: Asker | None, memory: Mapping[str, float]
    ) -> Iterator[tuple[Entry, Evidence]]:
        """Best first, each once, none that is retired."""
        hits = self._index.search(text, source=Source.ENTRY, limit=limit * WIDER, who=who)
        for hit in self._weighed(hits, memory):
            if e := self.entry_of(hit.owner):
                found = Evidence(Source.ENTRY, e.id, e.version, e.question, e.answer, hit.score, e.url, e.topic)
                yield e, replace(found, lexical=hit.lexical, vector=hit.vector, memory=memory.get(e.id, 0.0))

    def _past(self, text: str, limit: int) -> tuple[Evidence, ...]:
        hits = self._index.search(text, source=Source.PAST, limit=limit)
        if not hits:
            return ()
        with self._store.read() as conn:
            kept = rows.past_of(conn, [hit.owner for hit in hits])
        return tuple(_past_evidence(kept[hit.owner], hit) for hit in hits if hit.owner in kept)

    def _remembered(self, text: str, who: Asker) -> dict[str, float]:
        asked = self._index.search(text, source=Source.ASKED, limit=NEAREST)
        if not asked:
            return {}
        with self._store.read() as conn:
            return recall(conn, asked, lambda entry: not kept_back(entry, who))

    def _weighed(self, hits: tuple[Hit, ...], memory: Mapping[str, float]) -> list[Hit]:
        """In the order that is learned, with those of which memory alone knows. Scores stay as they are: which of two
        is better does not say how near an answer has to be to be said."""
        by, found = self.weights(), {hit.owner for hit in hits}
        alone = [Hit(id_, 0.0, 0.0, 0.0) for id_, worth in memory.items() if worth > 0 and id_ not in found]

        def worth(hit: Hit) -> float:
            score = by.words * hit.lexical + (1.0 - by.words) * hit.vector if by else hit.score
            return score + REMEMBERED * memory.get(hit.owner, 0.0)

        return sorted([*hits, *alone], key=worth, reverse=True)

    def weights(self) -> Weights | None:
        """What words and meaning are worth, None where nothing is learned about it."""
        return self._weigh() if self._weigh else None

    def entry_of(self, id: str) -> Entry | None:
        """The newest version, None when retired or unknown."""
        with self._store.read() as conn:
            known = rows.latest(conn, id)
        return None if known is None or known.retired else known

    def entry(self, id: str) -> Entry | None:
        """The newest version as it is now, None when retired or unknown."""
        self.refresh()
        return self.entry_of(id)

    def entries(self) -> tuple[Entry, ...]:
        """All that are not retired, by id."""
        with self._store.read() as conn:
            return tuple(rows.newest_versions(conn))


def with_nearest(entries: Sequence[Evidence], limit: int) -> list[Evidence]:
    """The first so many, and among them the two whose texts are nearest: by how far one leads, its answer is sure or
    not, whatever memory thinks of the other."""
    nearest = sorted(entries, key=lambda e: -e.score)[:2]
    kept = list(dict.fromkeys([*entries[:1], *nearest, *entries]))[:limit]
    return [e for e in entries if e in kept]


def _past_evidence(past: Intervention, hit: Hit) -> Evidence:
    title = shorten(past.question[: 2 * TITLE], TITLE, placeholder="…")  # of a long one the rest is not looked at
    found = Evidence(Source.PAST, past.id, 1, title, past.answer, hit.score)
    return replace(found, lexical=hit.lexical, vector=hit.vector)


Knows = Callable[[Store], Knowledge]  # the search over a store
