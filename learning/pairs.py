"""Follows what is published and holds it against what is known: pairs that people should look at become proposals.

A fold over the entries' sequence: how far it is stands in the store and moves in the transaction that stores what was
found, so whoever is killed goes on there, and of two who do the same one gives way.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot import review
from bot.errors import Misconfigured, Unavailable
from bot.knowledge import Knowledge
from bot.line import Line
from bot.model import Entry, Proposal, ProposalState, Rival
from bot.ports import Clock
from bot.refusals import proposal_digest
from bot.store import Store, audit, pairs, reviews
from bot.store import knowledge as rows
from bot.store.statements import Lock, one_at_a_time
from learning.disagree import Finding, disagree
from learning.propose import LIVES

log = logging.getLogger(__name__)
LOOK = 1.0  # seconds of steps at a time
BATCH = 20  # versions in one step
NEAREST, LOOKED = 8, 24  # entries that one is held against, and of how many, since parts of its own page are near
ASKED = 300  # characters of an answer that are looked for beside its question
AGAIN = timedelta(minutes=1)  # after which cards are looked at though nothing has changed

Pair = tuple[Entry, Entry, Finding]


class Keeper:
    """What `serve` repeats: steps of the fold, and the cards of what it found. An idle look costs three queries."""

    def __init__(self, line: Line) -> None:
        self._line, self._lock = line, threading.Lock()
        self._seen: tuple[object, ...] = ()
        self._at = line.now() - AGAIN

    def __call__(self) -> None:
        """As many steps as fit in a second or so, since nothing is answered alone before all is compared."""
        with self._lock:
            until = time.monotonic() + LOOK
            try:
                while step(self._line.store, self._line.knowledge, self._line.now) and time.monotonic() < until:
                    pass
            finally:  # what is open has to end though nothing new can be compared
                self._tend()

    def _tend(self) -> None:
        line = self._line
        with line.store.read() as conn:
            seen = (pairs.mark(conn), pairs.ended(conn), reviews.changes(conn))
        if seen == self._seen and timedelta() <= line.now() - self._at < AGAIN:
            return
        review.tend(line)
        self._seen, self._at = seen, line.now()


def compare(store: Store, knowledge: Knowledge, now: Clock, said: Callable[[int], object] = lambda _: None) -> int:
    """All that was published until now; how many pairs people have to settle, without those that `serve` is about to
    end. `said` is told of each step how many versions it took."""
    while count := step(store, knowledge, now):
        said(count)
    with store.read() as conn:
        return sum(not pairs.changed(conn, made, now()) for made in pairs.unsettled(conn))


def step(store: Store, knowledge: Knowledge, now: Clock) -> int:
    """The next few versions; how many they were, 0 when all have been compared."""
    with store.read() as conn:
        mark = pairs.mark(conn)
        fresh = rows.entries_after(conn, mark, BATCH)
        newest = [e for _, e in fresh if e.in_force(now()) and _latest(conn, e)]
    if not fresh:
        return 0
    knowledge.keep_up()  # what is not in the index yet would be held against nothing
    found = {_name(*pair): pair for entry in newest for pair in _told(entry, knowledge, now())}
    with store.write() as conn:
        one_at_a_time(conn, Lock.CHAIN)
        if pairs.mark(conn) == mark:
            made = [_proposed(conn, id_, pair, now()) for id_, pair in found.items()]
            pairs.set_mark(conn, fresh[-1][0])
            if any(made):
                log.info("pairs to settle", extra={"found": sum(made), "page": "/knowledge/pairs"})
    return len(fresh)


def _latest(conn: Connection, entry: Entry) -> bool:
    """Later versions of it come later."""
    return rows.latest(conn, entry.id) == entry


def _told(entry: Entry, knowledge: Knowledge, now: datetime) -> list[Pair]:
    """What is beside it. A text that cannot be searched for is told once and passed over, since nothing is answered
    alone until all are compared; where the store or a brain is away, it has to wait."""
    try:
        return list(_beside(entry, knowledge, now))
    except (Unavailable, Misconfigured, SQLAlchemyError, OSError):
        raise
    except Exception:
        log.exception("not compared", extra={"entry": entry.id, "version": entry.version})
        return []


def _beside(entry: Entry, knowledge: Knowledge, now: datetime) -> Iterator[Pair]:
    """Pairs with what is nearest, the lower id first, so that both find the same pair."""
    found = knowledge.search(f"{entry.question}\n{entry.answer[:ASKED]}", limit=LOOKED)
    others = (knowledge.entry_of(near.id) for near in found if near.id != entry.id)
    apart = (e for e in others if e is not None and e.in_force(now) and not of_one_page(entry, e))
    for other in islice(apart, NEAREST):
        one, two = sorted((entry, other), key=lambda e: e.id)
        try:
            finding = disagree(one, two)
        except Exception:  # two texts are all that it is given: they would fail again
            log.exception("not compared", extra={"entry": entry.id, "version": entry.version, "other": other.id})
            continue
        if finding:
            yield one, two, finding


def of_one_page(one: Entry, other: Entry) -> bool:
    """Are both parts of one document elsewhere?"""
    return bool(one.source.place) and one.source.place == other.source.place


def _name(one: Entry, other: Entry, _: object) -> str:
    """The same for the same versions, and for no others."""
    pair = f"{one.id}|{one.version}|{other.id}|{other.version}"
    return f"p-{hashlib.sha256(pair.encode()).hexdigest()[:12]}"


def _proposed(conn: Connection, id: str, pair: Pair, now: datetime) -> bool:
    """Stored to wait for its turn; not where it was asked before, nor where one of both has changed meanwhile."""
    one, other, finding = pair
    if not (_latest(conn, one) and _latest(conn, other)) or _asked(conn, id, one, other):
        return False
    rival = Rival(
        finding.kind, other.id, other.version, one.version, other.question, other.topic,
        taught_by(conn, other), finding.edits,
    )  # fmt: skip
    made = Proposal(
        id, 1, ProposalState.WAITING, one.question, one.answer, other.answer, one.topic, one.id,
        refs=(), teachers=taught_by(conn, one), at=now, expires=now + LIVES, rival=rival,
    )  # fmt: skip
    reviews.save_proposal(conn, made, proposal_digest(made))
    audit.record(conn, now, "understudy", "proposed", id, clash=rival.clash, a=one.id, b=other.id)
    return True


def _asked(conn: Connection, id: str, one: Entry, other: Entry) -> bool:
    """These versions were asked about, or people let both stand when they said the same words."""
    known, words = pairs.of(conn, one.id, other.id), (one.question, one.answer, other.question, other.answer)
    kept = (p for p in known if p.state is ProposalState.REJECTED and p.rival)
    said = [(p.question, p.answer, p.rival.question, p.before) for p in kept if p.rival]
    return words in said or any(p.id == id for p in known)


def taught_by(conn: Connection, entry: Entry) -> tuple[str, ...]:
    """Whose words a learned entry has; () for what somebody answers for who wrote or took it in."""
    kind, _, of = entry.origin.partition(":")
    if kind == "restored":
        then = next((e for e in rows.versions(conn, entry.id) if str(e.version) == of), None)
        return taught_by(conn, then) if then and then.version < entry.version else ()
    made = reviews.get_proposal(conn, of) if kind == "proposal" else None
    return made.teachers if made else ()
