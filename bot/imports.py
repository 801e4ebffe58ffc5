"""What is written elsewhere, taken in as often as one likes and a little at a time; of articles nothing is overwritten
that people have changed here."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from bot import articles, entries
from bot.errors import Misconfigured
from bot.files import Skipped
from bot.model import Entry, Taint
from bot.store import Store
from bot.store import knowledge as rows

BATCH = 100  # in one transaction: whoever is killed loses what is in it, and takes it in again the next time
Row = TypeVar("Row")


class Became(StrEnum):
    """What came of something that was taken in."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "as before"
    RETIRED = "retired"


ALWAYS = (Became.NEW, Became.CHANGED, Became.SAME)  # told of, however few


@dataclass(slots=True)
class Summary:
    """What became of everything."""

    counts: Counter[Became] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How much there was."""
        return self.counts.total() + len(self.skipped)

    @property
    def words(self) -> str:
        """What became of how many."""
        told = (b for b in Became if b in ALWAYS or self.counts[b])
        return ", ".join([*(f"{self.counts[b]:,} {b}" for b in told), f"{len(self.skipped):,} skipped"])

    def add(self, became: Became | Skipped) -> None:
        """One more."""
        if isinstance(became, Skipped):
            self.skipped.append(became)
        else:
            self.counts[became] += 1


Told = Callable[[Summary], None]
Take = Callable[[Connection, str, Row], Became | Skipped]


@dataclass(frozen=True, slots=True)
class How:
    """Who takes it in. `overwrite`: also what people have changed here since; `dry_run`: only say what would be."""

    who: str
    overwrite: bool = False
    dry_run: bool = False


def in_batches(
    store: Store,
    found: Iterable[tuple[str, Row | Skipped]],
    take: Take[Row],
    said: Told,
    *,
    dry_run: bool,
    summary: Summary | None = None,
    batch_of: int = BATCH,
) -> Summary:
    """What became of each, added to `summary`; `said` is told how far it is."""
    summary, rest = summary or Summary(), iter(found)
    while batch := list(islice(rest, batch_of)):
        with store.read() if dry_run else store.write() as conn:
            made = [row if isinstance(row, Skipped) else take(conn, where, row) for where, row in batch]
        for became in made:
            summary.add(became)
        said(summary)
    return summary


def take_articles(store: Store, path: Path, how: How, now: datetime, said: Told = lambda _: None) -> Summary:
    """Every article of a file or folder as an entry; `said` is told how far it is. Misconfigured where nothing is."""
    origin = f"import:{(path if path.is_dir() else path.parent).resolve().name}"
    taken = partial(_took, places={}, how=how, origin=origin, now=now)
    return in_batches(store, _with_what_stays(store, articles.below(path)), taken, said, dry_run=how.dry_run)


def _with_what_stays(
    store: Store, found: Iterable[tuple[str, Entry | Skipped]]
) -> Iterator[tuple[str, Entry | Skipped]]:
    """An import retires nothing, so that whoever takes something back has to be told."""
    for where, what in found:
        if isinstance(what, Skipped) and what.about and (old := _in_force(store, what.about)):
            stays = f"version {old.version} of {old.id} stays in force here, until `app.py entries retire {old.id}`"
            yield where, Skipped(where, f"{what.why}; {stays}", old.id)
        else:
            yield where, what


def _in_force(store: Store, id: str) -> Entry | None:
    with store.read() as conn:
        known = rows.latest(conn, id)
    return known if known and not known.retired else None


def _took(
    conn: Connection, where: str, article: Entry, *, places: dict[str, str], how: How, origin: str, now: datetime
) -> Became | Skipped:
    """`places`: where each id was seen first."""
    if (first := places.setdefault(article.id, where)) != where:
        return Skipped(where, f"its id {article.id} is that of {first}")
    try:
        return merged(conn, where, article, how, origin, now)
    except Misconfigured as err:
        return Skipped(where, str(err))


def merged(conn: Connection, where: str, new: Entry, how: How, origin: str, now: datetime) -> Became | Skipped:
    """What becomes of an entry that stands elsewhere; skipped where people have changed it here since. Misconfigured
    where it can be none."""
    made = entries.checked(new, now)
    entries.named(made.id)
    old = rows.latest(conn, made.id)
    if old and not entries.differences(old, made) and made.source.licence in ("", old.source.licence):
        return Became.SAME
    if old and old.origin != origin and not how.overwrite:
        here = f"{made.id} is here in version {old.version} ({entries.story(old)})"
        return Skipped(where, f"{here}; --overwrite takes this one instead")
    made = replace(made, version=old.version + 1 if old else 1, origin=origin, taint=Taint.OUTSIDE)
    if not how.dry_run:
        entries.publish(conn, replace(made, by=how.who, at=now), "entry imported", "")
    return Became.CHANGED if old else Became.NEW
