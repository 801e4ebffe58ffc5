"""Turns a stored intervention into a stored proposal, with what is known beside it."""

from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import Connection

from bot import review
from bot.backends.embedder import HashEmbedder
from bot.line import Line
from bot.model import Correction, Entry, Intervention, Proposal, ProposalState, Source
from bot.ports import Floats
from bot.store import audit, conversations, drafts, reviews
from learning.propose import Like, Near, propose

SEEN = (ProposalState.WAITING, ProposalState.OPEN, ProposalState.REJECTED)
MOST = 10_000  # proposals that an intervention is held against
EMBEDDER = HashEmbedder()


def study(line: Line, id: str) -> None:
    """What follows from an intervention, stored and put before people; nothing when it is unknown."""
    with line.store.read() as conn:
        item = reviews.get_intervention(conn, id)
    if item is None:
        return
    near = _near(line, item)
    with line.store.write() as conn:
        # The first audit row takes the chain's lock, so on PostgreSQL too two of these do not propose the same twice.
        audit.record(conn, line.now(), "understudy", "studied", item.id, ref=str(item.ref))
        made = _proposed(line, conn, item, near)
        if made is not None:
            review.propose(line, conn, made)
            reviews.link_intervention(conn, item.id, made.id)


def _proposed(line: Line, conn: Connection, item: Intervention, near: list[Near]) -> Proposal | None:
    conversation = conversations.snapshot(conn, item.ref)
    return propose(
        item,
        _correction(conn, item),
        cited=_cited(line, conn, item),
        near=near,
        likes=likes(item, reviews.proposals(conn, SEEN, limit=MOST)),
        now=line.now(),
        names=(conversation.customer.name,) if conversation else (),
    )


def _correction(conn: Connection, item: Intervention) -> Correction | None:
    return reviews.correction_of(conn, item.draft_id) if item.draft_id else None


def _cited(line: Line, conn: Connection, item: Intervention) -> list[Entry]:
    """The entries in force that the corrected draft rested on."""
    decided = drafts.get_draft(conn, item.draft_id) if item.draft_id else None
    used = decided.draft.used if decided else ()
    found = (line.knowledge.entry(e.id) for e in used if e.source is Source.ENTRY)
    return [entry for entry in found if entry is not None]


def _near(line: Line, item: Intervention) -> list[Near]:
    found = line.knowledge.search(item.question, source=Source.ENTRY, limit=5)
    pairs = ((line.knowledge.entry(e.id), e.score) for e in found)
    return [Near(entry, score) for entry, score in pairs if entry is not None]


def likes(item: Intervention, proposals: Iterable[Proposal]) -> list[Like]:
    """Every proposal with how alike question and answer are, by words and their pieces."""
    question, answer = _row(item.question), _row(item.answer)
    return [Like(p, _cosine(question, _row(p.question)), _cosine(answer, _row(p.answer))) for p in proposals]


@lru_cache(maxsize=4_000)
def _row(text: str) -> Floats:
    row: Floats = EMBEDDER.embed([text], query=False)[0]
    return row


def _cosine(a: Floats, b: Floats) -> float:
    return max(0.0, float(a @ b))
