"""Who did what and why: rows that are only added, each sealed with the one before it (`verify_audit` says how)."""

import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, select, true, union, update
from sqlalchemy import Row as Read

from bot.model import AuditEntry
from bot.store.prepared import Prepared
from bot.store.statements import Lock, one_at_a_time
from bot.store.tables import audit, draft
from bot.store.verify_audit import FIRST, Broken, Row, check, digest, plain, seal

LAST = Prepared(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1))
APPEND = Prepared(audit.insert())
PAGE = 1_000  # rows that are in memory at once
LAST_LETTER = "\U0010ffff"


def record(conn: Connection, now: datetime, who: str, what: str, about: str, why: str = "", **detail: str) -> None:
    """Append one AuditEntry in the caller's transaction: what is not recorded is not done.

    `why` may be anybody's words and can be forgotten; all else is sealed for good, so it holds ids and our own words.
    """
    one_at_a_time(conn, Lock.CHAIN)
    last, previous = head(conn)
    salt = secrets.token_hex(16) if why else ""
    row = {"seq": last + 1, "who": who, "what": what, "about": about, "words": digest(salt, why), "detail": detail}
    hash_ = seal(previous, row | {"at": _utc(now)})
    APPEND.all(conn, **row, at=now, why=why, salt=salt, previous=previous, hash=hash_)


def _utc(at: datetime) -> str:
    """The same text for the same moment, whatever the database or the zone."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def entries(conn: Connection, words: str = "", limit: int = 200) -> list[AuditEntry]:
    """Newest first: of an object whose name begins with `words`, of a person, or of a conversation's drafts."""
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    rows = conn.execute(query.where(audit.c.seq.in_(_named(words))) if words else query)
    return [AuditEntry(r.at, r.who, r.what, r.about, r.why, r.detail) for r in rows]


def _named(words: str) -> CompoundSelect[tuple[int]]:
    """Their numbers, each part by its index: an OR, or a LIKE, would read the whole audit."""
    drafts = select(draft.c.id).where(draft.c.ref == words)
    begins = (audit.c.about >= words) & (audit.c.about < words + LAST_LETTER)
    parts = (begins, audit.c.about.in_(drafts), audit.c.who == words)
    return union(*(select(audit.c.seq).where(part) for part in parts))


def chain(conn: Connection) -> Iterator[Row]:
    """Every row as it is exported and checked, oldest first. Broken where one cannot be read."""
    rows = _rows(conn)
    for seq in count(1):
        try:
            row = next(rows, None)
        except ValueError as err:  # a time or JSON that nobody of us wrote
            raise Broken(f"entry {seq} cannot be read") from err
        if row is None:
            return
        yield row._asdict() | {"at": _utc(row.at)}


def _rows(conn: Connection) -> Iterator[Read[Any]]:
    page = select(audit).order_by(audit.c.seq).limit(PAGE)
    rest: ColumnElement[bool] | None = true()
    while rest is not None:
        after, rest = rest, None
        for row in conn.execute(page.where(after)):
            rest = audit.c.seq > row.seq
            yield row


def verify(conn: Connection) -> int:
    """How many rows there are; Broken names the first that does not follow from the one before it."""
    return check(chain(conn))


def export(conn: Connection, file: Path) -> int:
    """Write the chain for `verify_audit.py`, one row a line; how many."""
    with file.open("w", encoding="ascii", newline="\n") as out:
        written = [out.write(plain(row) + "\n") for row in chain(conn)]
    return len(written)


def head(conn: Connection) -> tuple[int, str]:
    """Number and hash of the newest row; the number is also how many there are."""
    return LAST.first(conn) or (0, FIRST)


def anchor(newest: tuple[int, str], file: Path, now: datetime) -> None:
    """Append a head to a file, on the disk when this returns. Raises OSError."""
    line = plain({"date": f"{now.astimezone(UTC):%Y-%m-%d}", "seq": newest[0], "hash": newest[1]}) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="ascii", newline="\n") as out:
        out.write(line)
        out.flush()
        os.fsync(out.fileno())


def erase_words(conn: Connection, which: ColumnElement[bool], keep: Iterable[str]) -> list[int]:
    """Take the words out of these rows, unless they are among `keep`; the numbers of the rows."""
    one_at_a_time(conn, Lock.CHAIN)  # before any other lock, as everywhere
    said = update(audit).where(which, audit.c.why.not_in(["", *keep])).values(why="", salt="")
    return sorted(conn.scalars(said.returning(audit.c.seq)))
