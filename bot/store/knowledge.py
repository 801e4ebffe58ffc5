"""Entries, past replies and rules: versions are added, never changed."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, select, update

from bot.model import Entry, Intervention, Rule
from bot.store.prepared import Prepared
from bot.store.statements import Lock, add, one_at_a_time
from bot.store.tables import entry, past, rule, signal
from bot.text.page import page_of

HISTORY = "history"  # the connector of conversations that were taken in from a file
RULES = Prepared(select(rule.c.id, rule.c.value).order_by(rule.c.id, rule.c.version))
OF: BindParameter[str] = bindparam("of")
LATEST = Prepared(select(entry.c.value).where(entry.c.id == OF).order_by(entry.c.version.desc()).limit(1))
GONE = "-forgotten"  # behind the id of a past reply that is kept no more
ANEW = "-anew"  # and for a moment, until the row that it takes the place of is gone
KEPT = Prepared(select(past.c.seq).where((past.c.id == OF) | (past.c.id == bindparam("gone"))).limit(1))
NEWEST = Prepared(select(*(select(func.max(of.c.seq)).scalar_subquery() for of in (entry, past, signal))))


def add_entry(conn: Connection, new: Entry) -> bool:
    """Add a version; False when that version exists."""
    one_at_a_time(conn, Lock.KNOWLEDGE)
    keys = {"id": new.id, "version": new.version, "topic": new.topic, "page": page_of(new.url)}
    return add(conn, entry, **keys, value=new, at=new.at)


def latest(conn: Connection, id: str) -> Entry | None:
    """The newest version, retired or not."""
    found: Entry | None = LATEST.value(conn, of=id)
    return found


def newest_of(conn: Connection, ids: Collection[str], pages: Collection[str]) -> list[Entry]:
    """The newest version, where it is not retired, of each with one of these ids, or that came from one of these pages
    once, as `page_of` names them."""
    known = select(entry.c.id).where(entry.c.page.in_(pages)).union(select(entry.c.id).where(entry.c.id.in_(ids)))
    later = entry.alias()
    newest = select(func.max(later.c.version)).where(later.c.id == entry.c.id).scalar_subquery()
    found = conn.scalars(select(entry.c.value).where(entry.c.id.in_(known), entry.c.version == newest))
    return [e for e in found if not e.retired]


def versions(conn: Connection, id: str) -> list[Entry]:
    """All of an entry, the newest first."""
    return list(conn.scalars(select(entry.c.value).where(entry.c.id == id).order_by(entry.c.version.desc())))


def in_force(conn: Connection, at: datetime) -> list[Entry]:
    """What was known at a moment (aware UTC), by id: the newest version written by then of each entry, where it was
    neither retired nor out of date."""
    later = entry.alias()
    newest = select(func.max(later.c.version)).where(later.c.id == entry.c.id, later.c.at <= at).scalar_subquery()
    found = conn.scalars(select(entry.c.value).where(entry.c.version == newest).order_by(entry.c.id))
    return [known for known in found if known.in_force(at)]


def newest_versions(conn: Connection) -> list[Entry]:
    """Of every entry the newest version, by id, without those that are retired."""
    later = entry.alias()
    newest = select(func.max(later.c.version)).where(later.c.id == entry.c.id).scalar_subquery()
    found = conn.scalars(select(entry.c.value).where(entry.c.version == newest).order_by(entry.c.id))
    return [known for known in found if not known.retired]


def entries_after(conn: Connection, seq: int, limit: int) -> list[tuple[int, Entry]]:
    """(seq, version) added after `seq`, oldest first, so many at most: how an index catches up."""
    query = select(entry.c.seq, entry.c.value).where(entry.c.seq > seq).order_by(entry.c.seq).limit(limit)
    return [(r.seq, r.value) for r in conn.execute(query)]


def version_at(conn: Connection, entry_seq: int, past_seq: int, signal_seq: int) -> str:
    """What stands at these places, so that no other store has the same; "" where nothing does."""
    said = conn.execute(select(signal.c.id, signal.c.at).where(signal.c.seq == signal_seq)).first()
    after = f"{said.id} {said.at.isoformat()}" if said else ""
    row = conn.execute(select(entry.c.id, entry.c.version, entry.c.at).where(entry.c.seq == entry_seq)).first()
    if row:
        return f"{row.id} {row.version} {row.at.isoformat()} {after}".rstrip()
    oldest = conn.execute(select(past.c.at).order_by(past.c.seq).limit(1)).first() if past_seq else None
    return f"past {oldest.at.isoformat()} {after}".rstrip() if oldest else after


def add_past(conn: Connection, item: Intervention) -> None:
    """Keep what a person answered in a resolved conversation, for suggestions only; what they put right since, too."""
    one_at_a_time(conn, Lock.KNOWLEDGE)
    if not add(conn, past, id=item.id, value=item, at=item.at) and get_past(conn, item.id) != item:
        _anew(conn, item.id, item)


def has_past(conn: Connection, id: str) -> bool:
    """Is it kept, or was it until it was forgotten?"""
    return KEPT.first(conn, of=id, gone=f"{id}{GONE}") is not None


def get_past(conn: Connection, id: str) -> Intervention | None:
    """What is kept under it."""
    found: Intervention | None = conn.scalar(select(past.c.value).where(past.c.id == id))
    return found


def forget_past(conn: Connection, item: Intervention) -> None:
    """Take it out and add an empty one, because an index that has it in memory follows what is added."""
    one_at_a_time(conn, Lock.KNOWLEDGE)
    _anew(conn, f"{item.id}{GONE}", replace(item, question="", answer="", links=()))
    conn.execute(delete(past).where(past.c.id == item.id))


def _anew(conn: Connection, id: str, item: Intervention) -> None:
    """As the newest row under its id, which an index reads then. It is there before the old one goes, or SQLite might
    give the number of that away again."""
    add(conn, past, id=f"{id}{ANEW}", value=item, at=item.at)
    conn.execute(delete(past).where(past.c.id == id))
    conn.execute(update(past).where(past.c.id == f"{id}{ANEW}").values(id=id))


def past_after(conn: Connection, seq: int, limit: int) -> list[tuple[int, Intervention]]:
    """(seq, what a person answered) added after `seq`, oldest first, so many at most."""
    query = select(past.c.seq, past.c.value).where(past.c.seq > seq).order_by(past.c.seq).limit(limit)
    return [(r.seq, r.value) for r in conn.execute(query)]


def past_of(conn: Connection, ids: list[str]) -> dict[str, Intervention]:
    """What people answered, by id."""
    return {r.id: r.value for r in conn.execute(select(past.c.id, past.c.value).where(past.c.id.in_(ids)))}


def newest(conn: Connection) -> tuple[int, int, int]:
    """(entry seq, past seq, signal seq): one cheap query tells whether an index is behind."""
    entries, replies, signals = NEWEST.first(conn) or (0, 0, 0)
    return entries or 0, replies or 0, signals or 0


def add_rule(conn: Connection, new: Rule, now: datetime) -> None:
    """Add a version of a rule."""
    add(conn, rule, id=new.id, version=new.version, value=new, at=now)


def rules(conn: Connection) -> tuple[Rule, ...]:
    """The newest version of every rule."""
    return tuple(dict(RULES.all(conn)).values())


def topics(conn: Connection) -> list[str]:
    """Topics that entries speak about."""
    return sorted(t for t in conn.scalars(select(entry.c.topic).distinct()) if t)
