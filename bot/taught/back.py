"""What a team has taught, taken in from a folder: as often as one likes, a little at a time, and nothing is overwritten
that people have changed here."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bot import files
from bot.errors import Misconfigured
from bot.files import Skipped
from bot.imports import Became, How, Summary, in_batches
from bot.sealed import verified
from bot.store import Store, audit
from bot.store.statements import Lock, one_at_a_time
from bot.taught.lines import FORMAT, NAMES, PARTS, Part, oddity
from bot.taught.takes import TAKES, Back

Told = Callable[[str, Summary], None]
AHEAD = timedelta(days=1)  # that a clock may be wrong; what is later than that has been made up


def bring_back(
    store: Store, folder: Path, how: How, now: datetime, said: Told = lambda *_: None
) -> Mapping[str, Summary]:
    """What became of each line, by part; `said` is told how far it is. Misconfigured, and nothing is taken, where the
    folder is not as it was written."""
    manifest = verified(folder, NAMES, FORMAT)
    back, found = Back(how, now), dict[str, Summary]()
    _written_down(store, back, folder, "taught import begun")
    for part in PARTS:
        took = partial(_took, back=back, take=TAKES[part.name])
        summary = in_batches(
            store, _lines(folder, part, now + AHEAD), took, partial(said, part.name), dry_run=how.dry_run
        )
        if summary.seen != (named := manifest.files[part.file].rows):
            summary.add(Skipped(part.file, f"has {summary.seen} lines, and the manifest says {named}"))
        found[part.name] = summary
    _written_down(store, back, folder, "taught imported", **{name: summary.words for name, summary in found.items()})
    return found


def _written_down(store: Store, back: Back, folder: Path, what: str, **detail: str) -> None:
    if back.writes:
        with store.write() as conn:
            audit.record(conn, back.now, back.how.who, what, folder.absolute().name, **detail)


def _lines(folder: Path, part: Part, latest: datetime) -> Iterator[tuple[str, Any]]:
    for where, line in files.rows(folder / part.file, part.kind, part.file, files.LONG):
        odd = "" if isinstance(line, Skipped) else oddity(line, latest)
        yield where, Skipped(where, odd) if odd else line


def _took(
    conn: Connection, where: str, line: Any, *, back: Back, take: Callable[[Back, Connection, Any], Became | str]
) -> Became | Skipped:
    one_at_a_time(conn, Lock.CHAIN)  # before any other lock, as everywhere
    try:
        became = take(back, conn, line)
    except Misconfigured as err:
        return Skipped(where, str(err))
    return became if isinstance(became, Became) else Skipped(where, became)
