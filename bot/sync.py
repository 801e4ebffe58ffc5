"""Keeps knowledge in step with where it lives: takes in what is new there, a little at a time, retires what is gone.

A person has to take a source in once; from then on it is kept in step by itself.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from bot import entries, folders, pace
from bot.documents import Document, of_article, withheld
from bot.errors import BotError, Misconfigured, Unavailable
from bot.files import Skipped
from bot.imports import Became, How, Summary, Told, in_batches, merged
from bot.model import Entry
from bot.ports import Articles, Clock, Connector
from bot.store import Store, audit, conversations, taken
from bot.store import knowledge as rows
from bot.store.taken import Taken
from bot.text.public import SCOPES

log = logging.getLogger(__name__)
WHO = "understudy"
OVERLAP = timedelta(minutes=3)  # what changes while a list is being read is found by the next look
BATCH = 20  # documents in one transaction, as some have many parts
LOOKS = 60.0  # seconds between two looks at whether one is due
WHOLE_EVERY = timedelta(days=1)  # what vanished shows in a whole list alone

RESTRICTING = frozenset(SCOPES) - {"language"}
Found = Iterable[tuple[str, Document | Skipped]]


@dataclass(frozen=True, slots=True)
class Source:
    """A place where knowledge lives. `documents(since)`: (where, what) of those touched since then, of all where it is
    None."""

    name: str
    documents: Callable[[datetime | None], Found]

    @property
    def origin(self) -> str:
        """That of the entries."""
        return f"sync:{self.name}"


def sources(desks: Mapping[str, Connector], shelves: Mapping[str, Path]) -> dict[str, Source]:
    """All that there are, by name. Misconfigured where a folder has the name of a helpdesk."""
    if both := sorted(desks.keys() & shelves.keys()):
        raise Misconfigured("SYNC_FOLDERS", f"{both[0]} is a helpdesk; give the folder another name")
    found = {name: Source(name, partial(_articles, name, desk))
             for name, desk in desks.items() if isinstance(desk, Articles)}  # fmt: skip
    return found | {name: Source(name, partial(_folder, name, path)) for name, path in shelves.items()}


def _articles(name: str, desk: Articles, since: datetime | None) -> Iterator[tuple[str, Document]]:
    for article in desk.articles(since):
        document = of_article(name, article)
        yield document.where, document


def _folder(name: str, path: Path, _since: datetime | None) -> Found:
    return folders.documents(name, path)


@dataclass(slots=True)
class _Round:
    """One look at a source. `before`: what was taken in from there until now; `met`: ids of what is there; `told`:
    whether it was told all; `owners`: which document each entry is of."""

    source: Source
    how: How
    now: datetime
    before: list[str]
    met: set[str] = field(default_factory=set)
    told: bool = True
    owners: dict[str, str] = field(default_factory=dict)

    def heard(self, store: Store, found: Found) -> Found:
        """As it comes, written down; entries are made here, so that nobody waits for it to write."""
        for where, what in found:
            if isinstance(what, Skipped):
                self.told = False
                yield where, what
            else:
                self.met.add(what.id)
                yield where, self._made(store, where, what)

    def _made(self, store: Store, where: str, document: Document) -> Document | Skipped:
        with store.read() as conn:
            known = taken.get(conn, self.source.name, document.id)
        if document.withheld or (known and known.digest == document.digest and not self.how.overwrite):
            return document
        return _read(where, document)


def _read(where: str, document: Document) -> Document | Skipped:
    """With its entries made. One that says something that we do not understand is withheld, as it may say for whom it
    is; what cannot be read at the moment stays as it is."""
    try:
        made = document.entries()
    except Misconfigured as err:
        return withheld(document.id, where, str(err))
    except Unavailable as err:
        return Skipped(where, str(err))
    return replace(document, entries=lambda: made)


def sync(
    store: Store, source: Source, how: How, now: Clock, said: Told = lambda _: None,
    *, since: datetime | None = None,
) -> Summary:  # fmt: skip
    """Everything that is in a source, or was touched there at or after `since`; `said` is told how far it is. As often
    as one likes: whoever was stopped half-way goes on, and nothing is retired before all has been listed."""
    began = now()
    with store.read() as conn:
        look = _Round(source, how, began, taken.ids(conn, source.name))
    in_part = partial(in_batches, store, said=said, dry_run=how.dry_run, batch_of=BATCH)
    summary = in_part(look.heard(store, source.documents(since)), partial(_took, look=look))
    if since is None:
        summary = in_part(_gone(look), partial(_went, look=look), summary=summary)
    if not how.dry_run:
        _done(store, source, summary, how.who, began, whole=since is None)
    return summary


def _took(conn: Connection, where: str, document: Document, *, look: _Round) -> Became | Skipped:
    known = taken.get(conn, look.source.name, document.id)
    if document.withheld:
        gone = _let_go(conn, known, look, document.withheld, theirs=True) if known else []
        return Skipped(where, f"{document.withheld}{_told_of(gone)}")
    own = known is not None and all(look.owners.setdefault(id_, document.id) == document.id for id_ in known.made)
    if known and own and known.digest == document.digest and not look.how.overwrite:
        return Became.SAME
    made = _read(where, document)
    if isinstance(made, Skipped):
        return made
    return _took(conn, where, made, look=look) if made.withheld else _merged(conn, where, made, known, look)


def _told_of(retired: list[str]) -> str:
    return f"; retired here: {', '.join(retired)}" if retired else ""


def _merged(conn: Connection, where: str, document: Document, known: Taken | None, look: _Round) -> Became | Skipped:
    """What became of the whole: each of its entries merged, and those that it has no more retired."""
    before = tuple(id_ for id_ in (known.made if known else ()) if look.owners[id_] == document.id)
    each = {entry.id: _one(conn, where, entry, document, look, known=entry.id in before)
            for entry in document.entries()}  # fmt: skip
    ours = [id_ for id_, became in each.items() if not isinstance(became, Skipped) or id_ in before]
    lost = replace(known, made=tuple(i for i in before if i not in each)) if known else None
    retired = _let_go(conn, lost, look, "is not in it any more") if lost else []
    skipped = next((became for became in each.values() if isinstance(became, Skipped)), None)
    if not look.how.dry_run:
        digest = "" if skipped else document.digest  # so that it is looked at, and told, the next time, too
        taken.save(conn, look.source.name, Taken(document.id, digest, tuple(ours)))
    if skipped:
        return skipped
    changed = retired or any(became is not Became.SAME for became in each.values())
    return Became.NEW if not known else Became.CHANGED if changed else Became.SAME


def _one(
    conn: Connection, where: str, entry: Entry, document: Document, look: _Round, *, known: bool
) -> Became | Skipped:
    """`known`: was it taken in from this document before?"""
    if (owner := look.owners.setdefault(entry.id, document.id)) != document.id:
        return Skipped(where, f"its id {entry.id} is that of {owner}")
    try:
        became = merged(conn, where, entry, look.how, look.source.origin, look.now)
        why = _narrower(conn, entry) if isinstance(became, Skipped) else ""
    except Misconfigured as err:
        became, why = Skipped(where, f"{entry.id}: {err}"), str(err)
    if isinstance(became, Skipped) and known and why and _retire(conn, entry.id, look, why):
        return Skipped(where, f"{became.why}. It was retired: {why}")
    return became


def _narrower(conn: Connection, entry: Entry) -> str:
    """Why words that people have changed here must go although they are theirs; "" where they may stay."""
    here = rows.latest(conn, entry.id)
    there = {name: value for name in RESTRICTING if (value := getattr(entry.scope, name))}
    wide = here is not None and any(getattr(here.scope, name) != value for name, value in there.items())
    return f"there it is for {', '.join(there.values())} alone" if wide else ""


def _let_go(conn: Connection, known: Taken, look: _Round, why: str, *, theirs: bool = False) -> list[str]:
    """Retire what was made of something; what people have changed here since stays, unless it is `theirs` to decide
    who may see it. What was retired."""
    own = [id_ for id_ in known.made if look.owners.get(id_, known.id) == known.id]  # a file may have a new name
    mine = [id_ for id_ in own if theirs or _is(conn, id_, look.source.origin)]
    done = [id_ for id_ in mine if _retire(conn, id_, look, why)]
    if theirs and not look.how.dry_run:
        taken.drop(conn, look.source.name, [known.id])
    return done


def _is(conn: Connection, id: str, origin: str) -> bool:
    old = rows.latest(conn, id)
    return old is not None and old.origin == origin


def _retire(conn: Connection, id: str, look: _Round, why: str) -> bool:
    """With the source's origin, so that it comes back when it is there again."""
    old = rows.latest(conn, id)
    if old is None or old.retired:
        return False
    if not look.how.dry_run:
        made = replace(
            old, version=old.version + 1, origin=look.source.origin, by=look.how.who, at=look.now, retired=True
        )
        entries.publish(conn, made, "entry retired", f"{look.source.name}: {why}")
    return True


def _gone(look: _Round) -> Iterator[tuple[str, str | Skipped]]:
    """What was taken in and is not there any more; nothing where not all was told, or nothing is there at all."""
    gone = [id_ for id_ in look.before if id_ not in look.met]
    if gone and not (look.told and look.met):
        why = "not all of it could be read" if look.met else "nothing is there any more, which may be a mistake"
        yield look.source.name, Skipped(look.source.name, f"{why}, so that nothing was retired")
        return
    yield from ((id_, id_) for id_ in gone)


def _went(conn: Connection, _where: str, id: str, *, look: _Round) -> Became | Skipped:
    known = taken.get(conn, look.source.name, id)
    if known is None:
        return Became.RETIRED  # by another process, in this moment
    own = (rows.latest(conn, id_) for id_ in known.made if look.owners.get(id_, id) == id)
    kept = [entry.id for entry in own if entry and not entry.retired and entry.origin != look.source.origin]
    _let_go(conn, known, look, "is not there any more")
    if not look.how.dry_run:
        taken.drop(conn, look.source.name, [id])
    if kept:
        return Skipped(id, f"is not there any more, but people have changed {', '.join(kept)} here: retire it by hand")
    return Became.RETIRED


def _done(store: Store, source: Source, summary: Summary, who: str, began: datetime, *, whole: bool) -> None:
    counted = {str(became): str(many) for became, many in summary.counts.items() if became is not Became.SAME}
    with store.write() as conn:
        conversations.set_looked_to(conn, source.origin, began)
        if whole:
            conversations.set_looked_to(conn, f"whole-{source.origin}", began)
        if counted:
            audit.record(conn, began, who, "synced", source.name, skipped=str(len(summary.skipped)), **counted)


def keep_in_step(store: Store, source: Source, now: Clock, every: timedelta) -> Summary | None:
    """What `serve` does with a source that a person has taken in once, when the last look was so long ago: what was
    touched since, and once a day everything. None where it is not due, is left alone (`bot.pace`) or fails, which is
    logged."""
    at = now()
    with store.read() as conn:
        last = conversations.looked_to(conn, source.origin)
        whole = conversations.looked_to(conn, f"whole-{source.origin}")
        if (
            last is None
            or last <= at < last + every
            or any(pace.closed(conn, name, at) for name in (source.name, source.origin))
        ):
            return None
    since = None if whole is None or not whole <= at < whole + WHOLE_EVERY else min(last, at) - OVERLAP
    try:
        return sync(store, source, How(WHO), now, since=since)
    except BotError as err:
        log.warning("sync failed", extra={"source": source.name, "error": str(err)})
        quiet = timedelta(seconds=err.retry_after) if isinstance(err, Unavailable) else every
        with store.write() as conn:  # which says nothing about the helpdesk's conversations
            pace.leave_alone(conn, source.origin, now() + quiet, str(err))
    return None


def acts(
    store: Store, desks: Mapping[str, Connector], shelves: Mapping[str, Path], now: Clock, every: float
) -> list[tuple[float, Callable[[], object]]]:
    """What is repeated, and every how many seconds, so that each source is looked at `every` seconds; 0 for never."""
    often, due = min(LOOKS, every), timedelta(seconds=every)
    found = sources(desks, shelves).values() if every else ()
    return [(often, partial(keep_in_step, store, source, now, due)) for source in found]
