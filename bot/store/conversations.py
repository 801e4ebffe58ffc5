"""Snapshots of conversations and the events seen in them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.model import Conversation, Event, EventKind, Ref
from bot.store.tables import conversation, cursor, event, inbox


def insert(conn: Connection, table: object) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, for the database at hand."""
    made = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    return made(table)  # type: ignore[arg-type]


def one_at_a_time(conn: Connection, number: int) -> None:
    """Until the transaction ends, nobody else appends to the same sequence: readers that follow it miss nothing."""
    if conn.dialect.name == "postgresql":  # SQLite has one writer anyway
        conn.execute(select(func.pg_advisory_xact_lock(number)))


def first_time(conn: Connection, source: str, id: str, now: datetime) -> bool:
    """True once for each (source, id), for ever, in whichever process it comes first."""
    row = insert(conn, inbox).values(source=source, id=id, at=now).on_conflict_do_nothing()
    return conn.execute(row.returning(inbox.c.id)).first() is not None


def snapshot(conn: Connection, ref: Ref) -> Conversation | None:
    """As we last saw it."""
    found: Conversation | None = conn.scalar(select(conversation.c.snapshot).where(conversation.c.ref == str(ref)))
    return found


def save(conn: Connection, seen: Conversation, now: datetime) -> None:
    """Replace the snapshot."""
    values = {
        "customer": seen.customer.id,
        "status": seen.status.value,
        "stamp": seen.stamp,
        "snapshot": seen,
        "looked_at": now,
    }
    row = insert(conn, conversation).values(ref=str(seen.ref), **values)
    conn.execute(row.on_conflict_do_update(index_elements=["ref"], set_=values))


def recent(conn: Connection, limit: int = 50) -> list[Conversation]:
    """Newest look first."""
    query = select(conversation.c.snapshot).order_by(conversation.c.looked_at.desc()).limit(limit)
    return list(conn.scalars(query))


def seen_keys(conn: Connection, ref: Ref) -> frozenset[str]:
    """Keys of the events known of a conversation."""
    return frozenset(conn.scalars(select(event.c.key).where(event.c.ref == str(ref))))


def add_events(conn: Connection, events: Iterable[Event], now: datetime) -> None:
    """Store new facts; a fact stored already stays as it is."""
    rows = [
        {
            "key": e.key,
            "ref": str(e.ref),
            "kind": e.kind.value,
            "object_id": e.object_id,
            "version": e.version,
            "at": e.at,
            "seen_at": now,
        }
        for e in events
    ]
    if rows:
        conn.execute(insert(conn, event).on_conflict_do_nothing(), rows)


def get_event(conn: Connection, key: str) -> Event | None:
    """The event of a key."""
    r = conn.execute(select(event).where(event.c.key == key)).first()
    return Event(EventKind(r.kind), Ref.parse(r.ref), r.object_id, r.version, r.at) if r else None


def events_of(conn: Connection, ref: Ref) -> list[Event]:
    """Oldest first."""
    rows = conn.execute(select(event).where(event.c.ref == str(ref)).order_by(event.c.at, event.c.key))
    return [Event(EventKind(r.kind), ref, r.object_id, r.version, r.at) for r in rows]


def looked_to(conn: Connection, connector: str) -> datetime | None:
    """Up to when the sweep has asked this connector what changed."""
    found: datetime | None = conn.scalar(select(cursor.c.at).where(cursor.c.name == connector))
    return found


def set_looked_to(conn: Connection, connector: str, at: datetime) -> None:
    """Move the sweep's cursor."""
    row = insert(conn, cursor).values(name=connector, at=at)
    conn.execute(row.on_conflict_do_update(index_elements=["name"], set_={"at": at}))


def count(conn: Connection) -> int:
    """How many conversations are known."""
    return conn.scalar(select(func.count()).select_from(conversation)) or 0
