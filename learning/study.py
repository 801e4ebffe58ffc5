"""Turns a stored intervention into a stored proposal, with what is known beside it."""

import threading
from functools import lru_cache, partial
from heapq import nlargest

from sqlalchemy import Connection

from bot import review
from bot.line import Line
from bot.model import Draft, Entry, Intervention, Proposal, ProposalState, Source
from bot.ports import Embedder, Floats
from bot.store import Store, audit, conversations, drafts, reviews
from bot.work import Effect
from learning.propose import Case, Like, Near, propose

UNDECIDED = (ProposalState.WAITING, ProposalState.OPEN)
SEEN = (*UNDECIDED, ProposalState.REJECTED)
NEAREST = 20  # proposals by question, and as many by answer, that an intervention is held against
CHUNK = 500  # proposals read at once


class Known:
    """Questions and answers of proposals in memory, in step with the store."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._rejected: tuple[object, dict[str, str]] = (None, {})  # of how many, and their digests
        self._rows: dict[str, Floats] = {}  # (2, dim): question and answer
        self._lock = threading.Lock()

    def alike(self, conn: Connection, item: Intervention, embedder: Embedder) -> dict[str, tuple[float, float]]:
        """How alike question and answer are, each 0 to 1, by the proposal's id."""
        asked, told = embedder.embed([item.question, item.answer], query=True)
        with self._lock:
            self._follow(conn, embedder)
            rows = self._rows.items()
            return {id_: (max(0.0, float(asked @ q)), max(0.0, float(told @ a))) for id_, (q, a) in rows}

    def _follow(self, conn: Connection, embedder: Embedder) -> None:
        undecided = reviews.proposal_digests(conn, UNDECIDED)  # first: what is rejected meanwhile is found below
        count = reviews.rejected(conn)  # only ever grows, so the same numbers are the same proposals
        if count != self._rejected[0]:
            self._rejected = count, reviews.proposal_digests(conn, [ProposalState.REJECTED])
        digests = undecided | self._rejected[1]
        fresh = [id_ for id_, digest in digests.items() if self._digests.get(id_) != digest]
        self._rows = {id_: row for id_, row in self._rows.items() if id_ in digests}
        for at in range(0, len(fresh), CHUNK):
            for p in reviews.proposals_beside(conn, SEEN, fresh[at : at + CHUNK]):
                self._rows[p.id] = embedder.embed([p.question, p.answer], query=False)
        self._digests = digests


@lru_cache(maxsize=4)
def known(store: Store) -> Known:
    """The proposals of a store, as this process knows them."""
    return Known()


def study(line: Line, id: str) -> Effect | None:
    """What follows from an intervention; the effect stores it and puts it before people. None when it is unknown.

    All is thought through before the write, and once more in it only where somebody was quicker.
    """
    with line.store.read() as conn:
        item = reviews.get_intervention(conn, id)
        if item is None:
            return None
        correction, decided = reviews.correction_of(conn, item.draft_id), drafts.get_draft(conn, item.draft_id)
        conversation = conversations.snapshot(conn, item.ref)
    cited = _cited(line, decided.draft) if decided else ()
    case = Case(item, correction, cited, _near(line, item), (conversation.customer.name,) if conversation else ())
    with line.store.read() as conn:
        beside = _beside(conn, line, case)
    return partial(_keep, line=line, case=case, beside=beside, made=propose(case, beside, line.now()))


def _keep(conn: Connection, line: Line, case: Case, beside: list[Like], made: Proposal | None) -> None:
    # The first audit row takes the chain's lock, so on PostgreSQL too two of these do not propose the same twice.
    audit.record(conn, line.now(), "understudy", "studied", case.item.id, ref=str(case.item.ref))
    now = _beside(conn, line, case)
    if now != beside:
        made = propose(case, now, line.now())
    if made is not None:
        review.propose(line, conn, made)
        reviews.link_intervention(conn, case.item.id, made.id)


def _beside(conn: Connection, line: Line, case: Case) -> list[Like]:
    """The proposals that a case is held against, oldest first: those most alike, and those for its entries."""
    alike = known(line.store).alike(conn, case.item, line.embedder)
    nearest = {id_ for part in (0, 1) for id_ in nlargest(NEAREST, alike, key=lambda id_: alike[id_][part])}
    entries = [e.id for e in (*case.cited, *(n.entry for n in case.near))]
    found = reviews.proposals_beside(conn, SEEN, [*nearest], entries)
    return [Like(p, *alike.get(p.id, (0.0, 0.0))) for p in found]


def _cited(line: Line, draft: Draft) -> tuple[Entry, ...]:
    used = [e.id for e in draft.used if e.source is Source.ENTRY]
    return tuple(entry for used_id in used if (entry := line.knowledge.entry(used_id)))


def _near(line: Line, item: Intervention) -> tuple[Near, ...]:
    found = line.knowledge.search(item.question, limit=5)
    return tuple(Near(entry, e.score) for e in found if (entry := line.knowledge.entry(e.id)))
