"""What a customer may ask for: to get all that is held about them, and to have it forgotten; retention forgets too."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bot.errors import Misconfigured
from bot.model import Ref
from bot.store import Store, audit, subjects
from bot.store.prepared import execute
from bot.store.verify_audit import FORGOT

JSON = TypeAdapter(Mapping[str, object])


def conversations_of(conn: Connection, customer: str) -> list[Ref]:
    """Where a customer asked, by e-mail address or as `connector:id`; Misconfigured where it is neither, or unknown."""
    try:
        found = subjects.asked_by(conn, customer)
    except ValueError as err:
        raise Misconfigured(
            "customer", "write an e-mail address, or connector:id such as zendesk:360012345678"
        ) from err
    if not found:
        raise Misconfigured("customer", f"nothing is held about {customer}")
    return [conversation.ref for conversation in found]


def preview(conn: Connection, refs: Sequence[Ref]) -> tuple[dict[str, int], list[str]]:
    """How many rows of which table lose their words, and the entries that were learned from them, which stay."""
    counts = Counter[str]()
    for part in _parts(refs):
        counts.update({name: len(rows) for name, rows in subjects.shown(conn, part).items()})
    return dict(counts), sorted({entry for part in _parts(refs) for entry in subjects.learned(conn, part)})


def export(conn: Connection, refs: Sequence[Ref], file: Path) -> int:
    """Write all that is held as JSON, a list of rows for each table; how many rows."""
    held: dict[str, list[dict[str, object]]] = {}
    for part in _parts(refs):
        for name, rows in subjects.shown(conn, part).items():
            held.setdefault(name, []).extend(rows)
    known = {"conversations": refs, "entries learned from them": preview(conn, refs)[1], **held}
    file.write_bytes(JSON.dump_json(known, indent=1))
    return sum(map(len, held.values()))


def forget(conn: Connection, refs: Sequence[Ref], who: str, about: str, now: datetime) -> None:
    """Take out what was said in these conversations, and write down that it was done: `about` says why, never whom."""
    words = [seq for part in _parts(refs) for seq in subjects.erase(conn, part, now)]
    entries = " ".join(map(str, sorted(words)))
    audit.record(conn, now, who, FORGOT, about, conversations=str(len(refs)), entries=entries)


def retain(conn: Connection, kept: timedelta, now: datetime) -> int:
    """Forget conversations untouched for longer than `kept`, so many at a time; how many. 0 when none is left."""
    refs = subjects.untouched(conn, now - kept)
    if refs:
        forget(conn, refs, "understudy", "retention", now)
    return len(refs)


def compact(store: Store) -> bool:
    """Write SQLite's file anew, so that nothing forgotten lingers in its free pages or its log; False while others keep
    it busy. PostgreSQL does it in its own time."""
    if not store.sqlite:
        return True
    try:
        with store.engine.connect() as conn:
            execute(conn, "VACUUM")
            [(busy, _, _)] = execute(conn, "PRAGMA wal_checkpoint(TRUNCATE)")
    except OperationalError:
        return False
    return not busy


def _parts(refs: Sequence[Ref]) -> Iterator[Sequence[Ref]]:
    return (refs[start : start + subjects.ROWS] for start in range(0, len(refs), subjects.ROWS))
