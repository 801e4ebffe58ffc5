"""What a customer may ask for: to get all that is held about them, and to have it forgotten; retention forgets too."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
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
NONCES = "nonce"  # the table of what a press proves itself with
LINK = re.compile(rb"(?i)drafts(?:/|%(?:25)*2f)[\w.-]{40,}")  # signed, as it is or within a vendor's own link

NOBODY = (
    "nothing is held that {} said; what others said about them is not looked for, and where they wrote beside somebody "
    "else in a conversation not looked at since version 0005 of the database, they are found as connector:id alone"
)


def conversations_of(conn: Connection, customer: str) -> dict[Ref, frozenset[str]]:
    """Where a customer asked, and where they wrote beside whoever did, with the ids of what they wrote there; by e-mail
    address or as `connector:id`. Misconfigured where it is neither, or unknown."""
    try:
        found = subjects.took_part(conn, customer)
    except ValueError as err:
        raise Misconfigured(
            "customer", "write an e-mail address, or connector:id such as zendesk:360012345678"
        ) from err
    if not found:
        raise Misconfigured("customer", NOBODY.format(customer))
    return found


def preview(conn: Connection, refs: Sequence[Ref]) -> tuple[dict[str, int], list[str]]:
    """How many rows of which table lose their words, and the entries that were learned from them, which stay."""
    counts = Counter[str]()
    for part in _parts(refs):
        counts.update({name: len(rows) for name, rows in subjects.shown(conn, part).items()})
    return dict(counts), sorted({entry for part in _parts(refs) for entry in subjects.learned(conn, part)})


def export(conn: Connection, found: Mapping[Ref, Set[str]], file: Path) -> int:
    """Write all that is held as JSON, a list of rows for each table; how many rows. Of a conversation that somebody
    else opened it holds what they wrote, and nothing in it can be pressed: it goes to the customer."""
    held: dict[str, list[dict[str, object]]] = {}
    for part in _parts([ref for ref, wrote in found.items() if not wrote]):
        for name, rows in subjects.shown(conn, part).items():
            held.setdefault(name, []).extend(rows)
    held.pop(NONCES, None)
    held["messages in conversations of others"] = [
        row for ref, wrote in found.items() for row in subjects.written(conn, ref, wrote)
    ]
    known = {"conversations": list(found), "entries learned from them": preview(conn, list(found))[1], **held}
    file.write_bytes(without_links(JSON.dump_json(known, indent=1)))
    return sum(map(len, held.values()))


def without_links(json: bytes) -> bytes:
    """So that whoever has it can press nothing: a conversation holds our notes, too."""
    return LINK.sub(b"link-of-the-staff", json)


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
