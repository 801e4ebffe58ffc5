"""Pairs of entries that people settle, and how far entries have been compared with each other."""

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from bot.model import Clash, Draft, Proposal, ProposalState
from bot.store.knowledge import latest, newest
from bot.store.prepared import Prepared
from bot.store.statements import put, stands
from bot.store.tables import followed, proposal

COMPARED = "compared"
OF: BindParameter[str] = bindparam("of")
MARK = Prepared(select(followed.c.seq).where(followed.c.name == OF))
WAITS = stands(proposal.c.state, ProposalState.WAITING.value) | stands(proposal.c.state, ProposalState.OPEN.value)
CONTRARY = Prepared(select(proposal.c.value).where(stands(proposal.c.clash, Clash.CONTRADICTION.value), WAITS))
TURN = (proposal.c.clash, proposal.c.at, proposal.c.id)  # contradictions first


def mark(conn: Connection) -> int:
    """Up to which entry all have been compared."""
    return MARK.value(conn, of=COMPARED) or 0


def set_mark(conn: Connection, seq: int) -> None:
    """So far, now."""
    put(conn, followed, "name", name=COMPARED, seq=seq)


def compared(conn: Connection) -> bool:
    """Has all that was published been held against the rest?"""
    return mark(conn) >= newest(conn)[0]


def unsettled(conn: Connection, limit: int = 1_000) -> list[Proposal]:
    """Pairs that nobody has settled, contradictions first, then the oldest."""
    query = select(proposal.c.value).where(proposal.c.rival != "", WAITS)
    return list(conn.scalars(query.order_by(*TURN).limit(limit)))


def count(conn: Connection) -> int:
    """How many nobody has settled."""
    return conn.scalar(select(func.count()).where(proposal.c.rival != "", WAITS)) or 0


def next_pairs(conn: Connection, room: int) -> list[Proposal]:
    """Which pairs get a card next, at most `room`."""
    query = select(proposal.c.value).where(proposal.c.rival != "", stands(proposal.c.state, "waiting"))
    return list(conn.scalars(query.order_by(*TURN).limit(max(0, room))))


def of(conn: Connection, one: str, other: str) -> list[Proposal]:
    """All that was ever asked about these two, settled or not."""
    query = select(proposal.c.value).where(proposal.c.entry_id == one, proposal.c.rival == other)
    return list(conn.scalars(query.order_by(proposal.c.at, proposal.c.id)))


def changed(conn: Connection, made: Proposal) -> bool:
    """Is one of the two not any more what was compared: another version, or retired?"""
    if made.rival is None:
        return False
    then = ((made.entry_id, made.rival.against, made.answer), (made.rival.id, made.rival.version, made.before))
    now = ((id_, latest(conn, id_), version, answer) for id_, version, answer in then)
    return not all(e and not e.retired and (e.version, e.answer) == (version, answer) for _, e, version, answer in now)


def disputes(conn: Connection, draft: Draft) -> bool:
    """Does anything that a draft rests on, or its topic, wait for people to say which of two entries holds?"""
    entries, topics = {e.id for e in draft.used}, {e.topic for e in draft.used} - {""}
    for (made,) in CONTRARY.all(conn):
        if entries & {made.entry_id, made.rival.id} or topics & {made.topic, made.rival.topic}:
            return True
    return False
