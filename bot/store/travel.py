"""Rows as they are taken away and brought back: read a page at a time in the order of their keys, so that no table has
to fit into memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, bindparam, func, select

from bot.model import (
    Conversation,
    Correction,
    Decided,
    Event,
    Intervention,
    Outcome,
    OutcomeKind,
    Policy,
    Proposal,
    Ref,
    Rule,
)
from bot.news import FORGOTTEN
from bot.store.prepared import Prepared
from bot.store.tables import (
    conversation,
    correction,
    draft,
    event,
    intervention,
    outcome,
    past,
    policy,
    proposal,
    rule,
    taken,
)
from bot.store.taken import Taken

PAGE = 100  # rows that are in memory at once
LOOKED_AT = Prepared(select(conversation.c.looked_at).where(conversation.c.ref == bindparam("of")))


def rows(conn: Connection, query: Select[Any], key: Column[Any]) -> Iterator[Row[Any]]:
    """All that a query finds, by `key`, which is among what it selects and of which each row has its own."""
    page = query.order_by(key).limit(PAGE)
    found = conn.execute(page).all()
    while found:
        yield from found
        found = conn.execute(page.where(key > found[-1]._mapping[key])).all()


def values(conn: Connection, table: Table, key: Column[Any]) -> Iterator[Any]:
    """The value of each row."""
    return (row.value for row in rows(conn, select(key, table.c.value), key))


def conversations(conn: Connection) -> Iterator[tuple[Conversation, datetime]]:
    """Each snapshot, with when we looked."""
    return ((r.snapshot, r.looked_at) for r in rows(conn, select(conversation), conversation.c.ref))


def forgotten(conn: Connection) -> Iterator[Event]:
    """The facts that conversations were forgotten."""
    marks = select(event.c.key, event.c.value).where(event.c.key.contains(FORGOTTEN, autoescape=True))
    return (row.value for row in rows(conn, marks, event.c.key))


def judged(conn: Connection) -> Iterator[tuple[Decided, Outcome, int, Correction | None, datetime | None]]:
    """Drafts of which something became: what did, of which version of the message, how it differed, and when that was
    seen."""
    of, told = outcome.c.draft_id, [c.label(f"outcome_{c.name}") for c in outcome.c if c is not outcome.c.draft_id]
    compared = [correction.c.value.label("compared"), correction.c.at.label("compared_at")]
    both = outcome.join(draft, draft.c.id == of).outerjoin(correction, correction.c.draft_id == of)
    for r in rows(conn, select(of, draft.c.value, *told, *compared).select_from(both), of):
        became = Outcome(r.draft_id, OutcomeKind(r.outcome_kind), r.outcome_at, r.outcome_by, r.outcome_message_id)
        yield r.value, became, r.outcome_version, r.compared, r.compared_at


def interventions(conn: Connection) -> Iterator[tuple[Intervention, str]]:
    """Each with the proposal that it went into, or ""."""
    return ((r.value, r.proposal_id) for r in rows(conn, select(intervention), intervention.c.id))


def places(conn: Connection) -> Iterator[tuple[str, Taken]]:
    """What was taken in from elsewhere, with the name of its source."""
    sources = conn.scalars(select(taken.c.source).distinct().order_by(taken.c.source)).all()
    for source in sources:
        each = select(taken.c.id, taken.c.digest, taken.c.made).where(taken.c.source == source)
        yield from ((source, Taken(r.id, r.digest, tuple(r.made.split()))) for r in rows(conn, each, taken.c.id))


def past_replies(conn: Connection) -> Iterator[Intervention]:
    """Those that nobody had forgotten, in the order they came."""
    return (item for item in values(conn, past, past.c.seq) if item.answer)


def proposals(conn: Connection) -> Iterator[Proposal]:
    """Those that ask for words: which of two entries stays is asked where they are compared."""
    asks = select(proposal.c.id, proposal.c.value).where(proposal.c.rival == "")
    return (row.value for row in rows(conn, asks, proposal.c.id))


def rules(conn: Connection) -> Iterator[tuple[Rule, datetime]]:
    """Every version, with when it came."""
    return ((r.value, r.at) for r in rows(conn, select(rule), rule.c.seq))


def policies(conn: Connection) -> Iterator[tuple[Policy, str, datetime]]:
    """Every version, with who put it in force and when."""
    return ((r.value, r.by, r.at) for r in rows(conn, select(policy), policy.c.version))


def stored(conn: Connection, table: Table, **keys: object) -> Any:
    """The value of the row with these keys, None where there is none."""
    return conn.scalar(select(table.c.value).where(*(table.c[name] == key for name, key in keys.items())))


def newest(conn: Connection, table: Table, **keys: object) -> int:
    """The number of the newest version, 0 where there is none."""
    found = select(func.max(table.c.version)).where(*(table.c[name] == key for name, key in keys.items()))
    return conn.scalar(found) or 0


def looked_at(conn: Connection, ref: Ref) -> datetime | None:
    """When the snapshot of a conversation was made, None where none is held."""
    found: datetime | None = LOOKED_AT.value(conn, of=str(ref))
    return found
