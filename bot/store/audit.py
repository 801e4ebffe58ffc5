"""Who did what and why: rows that are only added, each sealed with the one before it."""

import hashlib
import json
from datetime import datetime

from sqlalchemy import Connection, or_, select

from bot.model import AuditEntry
from bot.store.prepared import Prepared
from bot.store.statements import one_at_a_time
from bot.store.tables import audit, draft

FIRST = "0" * 64
SEALED = ("seq", "at", "who", "what", "about", "why", "detail")
LAST = Prepared(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1))
APPEND = Prepared(audit.insert())
CHAIN = 1  # the number of the lock on the chain


def record(conn: Connection, now: datetime, who: str, what: str, about: str, why: str = "", **detail: str) -> None:
    """Append one AuditEntry in the caller's transaction: what is not recorded is not done."""
    one_at_a_time(conn, CHAIN)
    last, previous = LAST.first(conn) or (0, FIRST)
    row = {"seq": last + 1, "at": now, "who": who, "what": what, "about": about, "why": why, "detail": detail}
    APPEND.all(conn, **row, previous=previous, hash=seal(previous, row))


def seal(previous: str, row: dict[str, object]) -> str:
    """SHA-256 over the hash before and the row as canonical JSON."""
    plain = json.dumps({name: row[name] for name in SEALED}, sort_keys=True, default=str)
    return hashlib.sha256((previous + plain).encode()).hexdigest()


def entries(conn: Connection, words: str = "", limit: int = 200) -> list[AuditEntry]:
    """Newest first: of an object whose name begins with `words`, of a person, or of a conversation's drafts."""
    drafts = select(draft.c.id).where(draft.c.ref == words)
    about = or_(audit.c.about.startswith(words, autoescape=True), audit.c.about.in_(drafts))
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    rows = conn.execute(query.where(or_(about, audit.c.who == words)) if words else query)
    return [AuditEntry(r.at, r.who, r.what, r.about, r.why, r.detail) for r in rows]


def verify(conn: Connection) -> int:
    """How many rows there are; ValueError names the first that does not follow from the one before it."""
    previous, count = FIRST, 0
    for r in conn.execute(select(audit).order_by(audit.c.seq)):
        if r.seq != count + 1 or r.previous != previous or r.hash != seal(previous, r._asdict()):
            raise ValueError(f"audit entry {count + 1} was changed, moved or removed")
        previous, count = r.hash, count + 1
    return count
