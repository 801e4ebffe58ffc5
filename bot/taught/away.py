"""Everything that a team has taught, written into a folder."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from bot import articles
from bot.files import LONG, Skipped
from bot.forget import without_links
from bot.sealed import PRODUCT, Manifest, Sealed, digest, replacing, write_lines, write_manifest
from bot.store import Store, audit, knowledge
from bot.taught.lines import ENTRIES, FORMAT, NAMES, PARTS, Part

Told = Callable[[str, int], None]
EVERY = 1_000  # rows after which it is told how far it is


@dataclass(frozen=True, slots=True)
class Away:
    """How many rows of each part, and what was left out because nobody could read it back."""

    counts: Mapping[str, int]
    left_out: tuple[Skipped, ...] = ()


def take_away(store: Store, target: Path, who: str, now: datetime, said: Told = lambda *_: None) -> Away:
    """Write it all. It is of one moment, and what was in `target` stays until the new is whole. `said` is told the
    part, and how many rows of it are written. Misconfigured where it cannot be written."""
    left = list[Skipped]()
    with replacing(target, NAMES, FORMAT) as folder:
        with store.read(moment=True) as conn:
            files = {p.file: write_lines(folder / p.file, _lines(conn, p, said, left)) for p in PARTS}
            files[ENTRIES] = _markdown(conn, folder / ENTRIES, now)
        write_manifest(folder, Manifest(PRODUCT, FORMAT, now, files))
        counts = {part.name: files[part.file].rows for part in PARTS}
        with store.write() as conn:  # first: nobody takes anything away that is not written down
            audit.record(conn, now, who, "taught exported", target.name, **{n: str(many) for n, many in counts.items()})
    return Away(counts, tuple(left))


def counted(store: Store) -> Away:
    """What it would be."""
    left = list[Skipped]()
    with store.read(moment=True) as conn:
        counts = {part.name: sum(1 for _ in _lines(conn, part, lambda *_: None, left)) for part in PARTS}
    return Away(counts, tuple(left))


def _lines(conn: Connection, part: Part, said: Told, left: list[Skipped]) -> Iterator[bytes]:
    for many, row in enumerate(part.rows(conn), 1):
        line = without_links(part.kind.dump_json(row))
        if len(line) < LONG:
            yield line
        else:
            left.append(Skipped(f"{part.file}: {line[:60].decode('utf-8', 'replace')}…", f"is of {len(line):,} bytes"))
        if many % EVERY == 0:
            said(part.name, many)


def _markdown(conn: Connection, folder: Path, now: datetime) -> Sealed:
    return Sealed(articles.lay(folder, knowledge.in_force(conn, now)), digest(folder))
