"""Everything that a team has taught, written into a folder."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from bot import articles
from bot.folders import PRODUCT, Manifest, Sealed, digest, replacing, write_lines, write_manifest
from bot.forget import without_links
from bot.store import Store, audit, knowledge
from bot.taught.lines import ENTRIES, FORMAT, NAMES, PARTS, Part

Counts = dict[str, int]
Told = Callable[[str, int], None]
EVERY = 1_000  # rows after which it is told how far it is


def take_away(store: Store, target: Path, who: str, now: datetime, said: Told = lambda *_: None) -> Counts:
    """Write it all; how many rows of each part. All is of one moment, and what was in `target` stays until the new is
    whole. `said` is told the part, and how many rows of it are written. Misconfigured where it cannot be written."""
    with replacing(target, NAMES, FORMAT) as folder:
        with store.read(moment=True) as conn:
            files = {part.file: _written(conn, part, folder, said) for part in PARTS}
            files[ENTRIES] = _markdown(conn, folder / ENTRIES, now)
        write_manifest(folder, Manifest(PRODUCT, FORMAT, now, files))
        counts = {name.partition(".")[0]: sealed.rows for name, sealed in files.items() if name != ENTRIES}
        with store.write() as conn:  # first: nobody takes anything away that is not written down
            audit.record(conn, now, who, "taught exported", target.name, **{n: str(many) for n, many in counts.items()})
    return counts


def counted(store: Store) -> Counts:
    """How many rows of each part there are."""
    with store.read(moment=True) as conn:
        return {part.name: sum(1 for _ in part.rows(conn)) for part in PARTS}


def _written(conn: Connection, part: Part, folder: Path, said: Told) -> Sealed:
    lines = (without_links(part.kind.dump_json(row)) for row in part.rows(conn))
    return write_lines(folder / part.file, _told(part.name, lines, said))


def _told(name: str, lines: Iterable[bytes], said: Told) -> Iterator[bytes]:
    for many, line in enumerate(lines, 1):
        yield line
        if many % EVERY == 0:
            said(name, many)


def _markdown(conn: Connection, folder: Path, now: datetime) -> Sealed:
    return Sealed(articles.lay(folder, knowledge.in_force(conn, now)), digest(folder))
