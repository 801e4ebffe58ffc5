"""Snapshots of conversations and the events seen in them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from bot.model import Conversation, Event, Ref
from bot.store.prepared import Prepared
from bot.store.statements import add_all, put
from bot.store.tables import conversation, cursor, event, inbox

OF: BindParameter[str] = bindparam("of")
SNAPSHOT = Prepared(select(conversation.c.snapshot).where(conversation.c.ref == OF))
SEEN = Prepared(select(event.c.key).where(event.c.ref == OF))


def first_times(conn: Connection, webhooks: Iterable[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
    """Those of (source, id) that come for the first time ever, in whichever process."""
    rows = [{"source": source, "id": number, "at": now} for source, number in webhooks]
    return {(source, number) for source, number in add_all(conn, inbox, rows)}


def prune_times(conn: Connection, source: str, before: datetime) -> None:
    """Forget which webhooks of a source came before."""
    conn.execute(delete(inbox).where(inbox.c.source == source, inbox.c.at < before))


def snapshot(conn: Connection, ref: Ref) -> Conversation | None:
    """As we last saw it."""
    found: Conversation | None = SNAPSHOT.value(conn, of=str(ref))
    return found


def save(conn: Connection, seen: Conversation, now: datetime) -> None:
    """Replace the snapshot."""
    put(conn, conversation, "ref", ref=str(seen.ref), snapshot=seen, looked_at=now)


def recent(conn: Connection, limit: int = 50) -> list[Conversation]:
    """Newest look first."""
    query = select(conversation.c.snapshot).order_by(conversation.c.looked_at.desc()).limit(limit)
    return list(conn.scalars(query))


def seen_keys(conn: Connection, ref: Ref) -> frozenset[str]:
    """Keys of the events known of a conversation."""
    return frozenset(key for (key,) in SEEN.all(conn, of=str(ref)))


def add_events(conn: Connection, events: Iterable[Event], now: datetime) -> None:
    """Store new facts; a fact stored already stays as it is."""
    add_all(conn, event, [{"key": e.key, "ref": str(e.ref), "value": e, "at": e.at, "seen_at": now} for e in events])


def events_of(conn: Connection, ref: Ref) -> list[Event]:
    """Oldest first."""
    query = select(event.c.value).where(event.c.ref == str(ref))
    return list(conn.scalars(query.order_by(event.c.at, event.c.key)))


def seen_at(conn: Connection, key: str) -> datetime | None:
    """When we first saw the fact of an event."""
    found: datetime | None = conn.scalar(select(event.c.seen_at).where(event.c.key == key))
    return found


def looked_to(conn: Connection, connector: str) -> datetime | None:
    """Up to when the sweep has asked this connector what changed; `team:<connector>` for who works there."""
    found: datetime | None = conn.scalar(select(cursor.c.at).where(cursor.c.name == connector))
    return found


def look_back(conn: Connection, by: timedelta) -> None:
    """Move every cursor of the sweep back by as much as our clock was."""
    for name, at in conn.execute(select(cursor.c.name, cursor.c.at)).all():
        set_looked_to(conn, name, at - by)


def set_looked_to(conn: Connection, connector: str, at: datetime) -> None:
    """Move the sweep's cursor."""
    put(conn, cursor, "name", name=connector, at=at)
