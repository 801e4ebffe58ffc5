"""Turns a stored intervention into a stored proposal, with what is known beside it."""

import threading
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
from sqlalchemy import Connection

from bot import compose, review, work
from bot.brains import Embedder, Floats
from bot.line import Line
from bot.model import DeliveryState, Draft, Entry, Intervention, Proposal, ProposalState, Source
from bot.store import Store, audit, conversations, drafts, reviews
from bot.work import Effect
from learning.propose import Case, Like, Near, propose

SEEN = (ProposalState.WAITING, ProposalState.OPEN, ProposalState.REJECTED)
NEAREST = 20  # proposals by question, and as many by answer, that an intervention is held against
CHUNK = 500  # proposals read at once
START = (-1, 0)  # before all `reviews.changes`
NEWER = "a newer version of the card takes its place"


class Pairs:
    """Vectors of questions and answers by a proposal's id."""

    def __init__(self, dim: int) -> None:
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._rows: Floats = np.zeros((2, 64, dim), dtype=np.float32)  # the first places are taken

    def put(self, id: str, pair: Floats) -> None:
        """Add or replace; `pair` (2, dim): question and answer."""
        at = self._places.setdefault(id, len(self._ids))
        if at == len(self._ids):
            self._ids.append(id)
        if at == self._rows.shape[1]:
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)], axis=1)
        self._rows[:, at] = pair

    def drop(self, id: str) -> None:
        """The last one takes its place; an unknown one is fine."""
        at = self._places.pop(id, None)
        if at is None:
            return
        last = self._ids.pop()
        if last != id:
            self._ids[at], self._places[last] = last, at
            self._rows[:, at] = self._rows[:, len(self._ids)]

    def nearest(self, pair: Floats) -> dict[str, tuple[float, float]]:
        """How alike to those of `pair` (2, dim) questions and answers are, each 0 to 1: of the NEAREST by each."""
        scores = np.maximum(np.einsum("pnd,pd->pn", self._rows[:, : len(self._ids)], pair, optimize=True), 0.0)
        best = np.unique(np.argsort(-scores, kind="stable")[:, :NEAREST]).tolist()
        return {self._ids[at]: (float(scores[0, at]), float(scores[1, at])) for at in best}


class Known:
    """Questions and answers of proposals in memory, in step with the store."""

    def __init__(self) -> None:
        self._changes = START
        self._pairs: Pairs | None = None
        self._lock = threading.Lock()

    def alike(self, conn: Connection, item: Intervention, embedder: Embedder) -> dict[str, tuple[float, float]]:
        """How alike question and answer are, each 0 to 1, by the proposal's id, of those most alike."""
        told = embedder.embed([item.question, item.answer], query=True)
        with self._lock:
            return self._followed(conn, embedder).nearest(told)

    def _followed(self, conn: Connection, embedder: Embedder) -> Pairs:
        changes = reviews.changes(conn)  # first: what is saved meanwhile is found the next time
        if self._pairs is None or changes[1] != self._changes[1]:  # nobody tells which were forgotten
            self._pairs, self._changes = Pairs(embedder.dim), START
        if changes != self._changes:
            self._take(conn, self._pairs, embedder)
            self._changes = changes
        return self._pairs

    def _take(self, conn: Connection, pairs: Pairs, embedder: Embedder) -> None:
        changed = dict(reviews.proposals_changed(conn, self._changes[0]))
        for id_ in (id_ for id_, state in changed.items() if state not in SEEN):
            pairs.drop(id_)
        fresh = [id_ for id_, state in changed.items() if state in SEEN]
        for at in range(0, len(fresh), CHUNK):
            for p in reviews.proposals_beside(conn, SEEN, fresh[at : at + CHUNK]):
                pairs.put(p.id, embedder.embed([p.question, p.answer], query=False))


@lru_cache(maxsize=4)
def known(store: Store) -> Known:
    """The proposals of a store, as this process knows them."""
    return Known()


@dataclass(frozen=True, slots=True)
class _Seen:
    """The proposals that a case was held against, and where `reviews.changes` stood."""

    changes: tuple[int, int]
    beside: list[Like]


def study(line: Line, id: str) -> Effect | None:
    """What follows from an intervention; the effect stores it and puts it before people. None when it is unknown.

    All is thought through before the write, and once more in it only where somebody was quicker.
    """
    with line.store.read() as conn:
        item = reviews.get_intervention(conn, id)
        if item is None:
            return None
        correction, decided = reviews.correction_of(conn, item.draft_id), drafts.get_draft(conn, item.draft_id)
        conversation, behind = conversations.snapshot(conn, item.ref), reviews.behind(conn, item.ref)
    cited = _cited(line, decided.draft) if decided else ()
    names = (conversation.customer.name,) if conversation else ()
    case = Case(item, correction, cited, _near(line, item), names, behind)
    with line.store.read() as conn:
        seen = _Seen(reviews.changes(conn), _beside(conn, line, case))
    return partial(_keep, line=line, case=case, seen=seen, made=propose(case, seen.beside, line.now()))


def _keep(conn: Connection, line: Line, case: Case, seen: _Seen, made: Proposal | None) -> None:
    # The first audit row takes the chain's lock, so on PostgreSQL too two of these do not propose the same twice.
    audit.record(conn, line.now(), "understudy", "studied", case.item.id, ref=str(case.item.ref))
    if reviews.changes(conn) != seen.changes:
        now = _beside(conn, line, case)
        made = made if now == seen.beside else propose(case, now, line.now())
    if made is not None:
        _overtake(conn, line, made)
        review.propose(line, conn, made)
        reviews.link_intervention(conn, case.item.id, made.id)


def _overtake(conn: Connection, line: Line, made: Proposal) -> None:
    """The card of the version before need not go out any more, unless it is the first, which the others change."""
    old = compose.card_key(replace(made, version=made.version - 1))
    if made.card and old != made.card and drafts.call_off(conn, old):
        work.call_off(conn, "deliver", old)
        audit.record(conn, line.now(), "understudy", DeliveryState.VOID.value, old, NEWER)


def _beside(conn: Connection, line: Line, case: Case) -> list[Like]:
    """The proposals that a case is held against, oldest first: those most alike, and those for its entries."""
    alike = known(line.store).alike(conn, case.item, line.embedder)
    entries = [e.id for e in (*case.cited, *(n.entry for n in case.near))]
    found = reviews.proposals_beside(conn, SEEN, [*alike], entries)
    return [Like(p, *alike.get(p.id, (0.0, 0.0))) for p in found]


def _cited(line: Line, draft: Draft) -> tuple[Entry, ...]:
    used = [e.id for e in draft.used if e.source is Source.ENTRY]
    return tuple(entry for used_id in used if (entry := _in_force(line, used_id)))


def _near(line: Line, item: Intervention) -> tuple[Near, ...]:
    found = line.knowledge.search(item.question, limit=5)
    return tuple(Near(entry, e.score) for e in found if (entry := _in_force(line, e.id)))


def _in_force(line: Line, id: str) -> Entry | None:
    """What has run out is said to nobody, so that the next version of it would not be either."""
    known = line.knowledge.entry(id)
    return known if known and known.in_force(line.now()) else None
