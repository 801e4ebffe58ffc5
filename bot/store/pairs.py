"""Pairs of entries that people settle, and how far entries have been compared with each other."""

from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, func, or_, select

from bot.model import Clash, Draft, Entry, Proposal, ProposalState
from bot.store.knowledge import latest, newest
from bot.store.prepared import Prepared
from bot.store.statements import put, stands
from bot.store.tables import entry, followed, proposal

COMPARED, ENDED = "compared", "ended"
VERSIONS = 100  # whose pairs are looked at in one transaction
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


def ended(conn: Connection) -> int:
    """Up to which entry pairs of what has changed have ended."""
    return MARK.value(conn, of=ENDED) or 0


def set_ended(conn: Connection, seq: int) -> None:
    """So far, now."""
    put(conn, followed, "name", name=ENDED, seq=seq)


def moved(conn: Connection) -> tuple[int, list[Proposal]]:
    """Pairs that nobody has settled of the next versions that were compared, and up to which those are: one that goes
    on with a new version is raised anew before the old one ends."""
    done = ended(conn)
    until = min(done + VERSIONS, mark(conn))
    if until <= done:
        return done, []
    fresh = select(entry.c.id).where(entry.c.seq > done, entry.c.seq <= until)
    either = or_(proposal.c.entry_id.in_(fresh), proposal.c.rival.in_(fresh))
    return until, list(conn.scalars(select(proposal.c.value).where(proposal.c.rival != "", WAITS, either)))


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


def next_pairs(conn: Connection, clash: Clash, room: int) -> list[Proposal]:
    """Which pairs get a card next, at most `room`: the oldest."""
    query = select(proposal.c.value).where(stands(proposal.c.clash, clash.value), stands(proposal.c.state, "waiting"))
    return list(conn.scalars(query.order_by(proposal.c.at, proposal.c.id).limit(max(0, room))))


def of(conn: Connection, one: str, other: str) -> list[Proposal]:
    """All that was ever asked about these two, settled or not."""
    query = select(proposal.c.value).where(proposal.c.entry_id == one, proposal.c.rival == other)
    return list(conn.scalars(query.order_by(proposal.c.at, proposal.c.id)))


def changed(conn: Connection, made: Proposal, now: datetime) -> bool:
    """Is one of the two not any more what was compared: another version, retired, or out of date?"""
    if made.rival is None:
        return False
    then = ((made.rival.against, made.answer), (made.rival.version, made.before))
    newest_two = _sides(conn, made.entry_id, made.rival.id)
    return not all(
        e and e.in_force(now) and (e.version, e.answer) == was for e, was in zip(newest_two, then, strict=True)
    )


def _sides(conn: Connection, *ids: str) -> list[Entry | None]:
    return [latest(conn, id_) for id_ in ids]


def out_of_date(conn: Connection, made: Proposal, now: datetime) -> bool:
    """Is one of the two, so that nobody is answered by it any more?"""
    sides = _sides(conn, made.entry_id, made.rival.id) if made.rival else []
    return any(e and not e.retired and not e.in_force(now) for e in sides)


def disputes(conn: Connection, draft: Draft, now: datetime) -> bool:
    """Does anything that a draft rests on, or its topic, wait for people to say which of two entries holds?"""
    entries, topics = {e.id for e in draft.used}, {e.topic for e in draft.used} - {""}
    for (made,) in CONTRARY.all(conn):
        touched = entries & {made.entry_id, made.rival.id} or topics & {made.topic, made.rival.topic}
        if touched and not out_of_date(conn, made, now):
            return True
    return False
