"""Turns a stored intervention into a stored proposal, with what is known beside it."""

import threading
from collections.abc import Iterable
from functools import lru_cache, partial

from sqlalchemy import Connection

from bot import review
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.line import Line
from bot.model import Draft, Entry, Intervention, Proposal, ProposalState, Source
from bot.ports import Floats, Passage
from bot.store import Store, audit, conversations, drafts, reviews
from bot.work import Effect
from learning.propose import Case, Like, Near, propose

SEEN = (ProposalState.WAITING, ProposalState.OPEN, ProposalState.REJECTED)
NEAREST = 20  # proposals by question, and as many by answer, that an intervention is held against
CHUNK = 500  # proposals read at once
EMBEDDER = HashEmbedder()


class Known:
    """Questions and answers of proposals in memory, in step with the store."""

    def __init__(self) -> None:
        self._questions, self._answers = HybridIndex(EMBEDDER), HybridIndex(EMBEDDER)
        self._digests: dict[str, str] = {}
        self._lock = threading.Lock()

    def nearest(self, conn: Connection, item: Intervention) -> tuple[str, ...]:
        """Ids of the proposals most alike in question or in answer."""
        with self._lock:
            self._follow(conn)
        found = (
            *self._questions.search(item.question, source=Source.PAST, limit=NEAREST),
            *self._answers.search(item.answer, source=Source.PAST, limit=NEAREST),
        )
        return tuple(dict.fromkeys(hit.key for hit in found))

    def _follow(self, conn: Connection) -> None:
        digests = reviews.proposal_digests(conn, SEEN)
        gone = [known_id for known_id in self._digests if known_id not in digests]
        self._questions.drop(gone)
        self._answers.drop(gone)
        fresh = [found_id for found_id, digest in digests.items() if self._digests.get(found_id) != digest]
        for at in range(0, len(fresh), CHUNK):
            found = reviews.proposals_beside(conn, SEEN, fresh[at : at + CHUNK])
            self._questions.put([Passage(p.id, p.id, Source.PAST, p.question) for p in found])
            self._answers.put([Passage(p.id, p.id, Source.PAST, p.answer) for p in found])
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
    made = propose(case, _likes(item, beside), line.now())
    return partial(_keep, line=line, case=case, beside=beside, made=made)


def _keep(conn: Connection, line: Line, case: Case, beside: list[Proposal], made: Proposal | None) -> None:
    # The first audit row takes the chain's lock, so on PostgreSQL too two of these do not propose the same twice.
    audit.record(conn, line.now(), "understudy", "studied", case.item.id, ref=str(case.item.ref))
    now = _beside(conn, line, case)
    if now != beside:
        made = propose(case, _likes(case.item, now), line.now())
    if made is not None:
        review.propose(line, conn, made)
        reviews.link_intervention(conn, case.item.id, made.id)


def _beside(conn: Connection, line: Line, case: Case) -> list[Proposal]:
    """The proposals that a case is held against, oldest first: those most alike, and those for its entries."""
    entries = [e.id for e in (*case.cited, *(n.entry for n in case.near))]
    return reviews.proposals_beside(conn, SEEN, known(line.store).nearest(conn, case.item), entries)


def _cited(line: Line, draft: Draft) -> tuple[Entry, ...]:
    used = [e.id for e in draft.used if e.source is Source.ENTRY]
    return tuple(entry for used_id in used if (entry := line.knowledge.entry(used_id)))


def _near(line: Line, item: Intervention) -> tuple[Near, ...]:
    found = line.knowledge.search(item.question, limit=5)
    return tuple(Near(entry, e.score) for e in found if (entry := line.knowledge.entry(e.id)))


def _likes(item: Intervention, proposals: Iterable[Proposal]) -> list[Like]:
    """Proposals with how alike question and answer are, by words and their pieces."""
    question, answer = _row(item.question), _row(item.answer)
    return [Like(p, _cosine(question, _row(p.question)), _cosine(answer, _row(p.answer))) for p in proposals]


@lru_cache(maxsize=4_000)
def _row(text: str) -> Floats:
    row: Floats = EMBEDDER.embed([text], query=False)[0]
    return row


def _cosine(a: Floats, b: Floats) -> float:
    return max(0.0, float(a @ b))
