"""What makes good whatever a webhook, a wake-up or a worker lost."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from bot import forget, pace, team, work
from bot.errors import BotError, Malformed, Refused, Unavailable
from bot.line import Line
from bot.ports import Connector, Stamped, Team
from bot.store import audit, conversations, reviews

log = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=3)  # what changes while a list is being read is found by the next sweep
KEPT = timedelta(days=30)  # rows of work that was done, and of questions that nobody may answer any more
REPEATS = timedelta(days=3)  # ids of webhooks that would be refused as stale
DAY = timedelta(days=1)  # how far back the first look goes, and how often the rest is done


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is done every day beside the rest, and what is known from one sweep to the next. `anchors`: the file that
    gets the audit's head; `kept`: for how long untouched conversations are; None for never and for ever. By helpdesk:
    `budgets` in calls a minute, of which a sweep takes one, and `failures` in a row."""

    anchors: Path | None = None
    kept: timedelta | None = None
    budgets: Mapping[str, float] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)


def acts(line: Line, upkeep: Upkeep, every: float) -> list[tuple[float, Callable[[], object]]]:
    """What is repeated, and every how many seconds: what dead workers held is taken back, and what webhooks lost."""
    visits = [(every, partial(visit, line, upkeep, desk)) for desk in line.connectors.values()]
    return [(1.0, partial(reclaim, line)), (every, partial(daily, line, upkeep)), *visits]


def reclaim(line: Line) -> int:
    """Take back what dead workers held; how many rows."""
    with line.store.write(durable=False) as conn:
        _keep_up(conn, line.now())
        count = work.reclaim(conn, line.now())
    if count:
        line.wake.wake()
    return count


def _keep_up(conn: Connection, now: datetime) -> None:
    """When our clock was set back, nothing waits any more for a time that was the future then."""
    last = conversations.looked_to(conn, "reclaim")
    conversations.set_looked_to(conn, "reclaim", now)
    if last is not None and last > now:
        log.warning("clock set back", extra={"seconds": (last - now).total_seconds()})
        work.at_once(conn, now)
        pace.at_once(conn)
        conversations.look_back(conn, last - now)


def sweep(line: Line, upkeep: Upkeep | None = None) -> int:
    """Ask one helpdesk after the other what changed, and do what is done every day; how many conversations changed."""
    upkeep = upkeep or Upkeep()
    count = sum(visit(line, upkeep, connector) for connector in line.connectors.values())
    daily(line, upkeep)
    return count


def daily(line: Line, upkeep: Upkeep) -> None:
    """What is done once a day, whatever the helpdesks do."""
    tidy(line)
    anchor(line, upkeep.anchors)
    retain(line, upkeep.kept)
    compact(line)


def visit(line: Line, upkeep: Upkeep, connector: Connector) -> int:
    """Ask one helpdesk what changed and ring for it; how many conversations, none where it is left alone (`bot.pace`)
    or fails. It may hang for as long as it likes: nothing else waits for it."""
    name = connector.name
    with line.store.read() as conn:
        if pace.closed(conn, name, line.now()):
            return 0
    try:
        count = _sweep(line, connector, upkeep.budgets.get(name))
        _know_the_team(line, connector)
        upkeep.failures.pop(name, None)
        if count:
            line.wake.wake()
        return count
    except BotError as err:
        log.warning("sweep failed", extra={"connector": name, "error": str(err)})
        if isinstance(err, Unavailable):
            _slow_down(line, name, err, upkeep.failures)
    except Exception:  # a bug in one connector stops no other
        log.exception("sweep crashed", extra={"connector": name})
    return 0


def _slow_down(line: Line, name: str, err: Unavailable, failures: Counter[str]) -> None:
    failures[name] += err.away
    with line.store.write() as conn:
        pace.slow_down(conn, name, err, failures[name], line.now())


def _due(line: Line, what: str) -> bool:
    """Is it a day or more since this was done?"""
    with line.store.read() as conn:
        last = conversations.looked_to(conn, what)
    return last is None or line.now() - last >= DAY


def tidy(line: Line) -> None:
    """Once a day, forget work that was done long ago, questions whose time was over long ago, and the ids of webhooks
    that would be refused by their age. What a vendor does not stamp is known for ever."""
    if _due(line, "tidy"):
        now = line.now()
        with line.store.write() as conn:
            work.prune(conn, now - KEPT)
            reviews.prune_nonces(conn, now - KEPT)
            for connector in line.connectors.values():
                if isinstance(connector, Stamped):
                    conversations.prune_times(conn, connector.name, now - connector.stale_after - REPEATS)
            conversations.set_looked_to(conn, "tidy", now)


def anchor(line: Line, file: Path | None) -> None:
    """Once a day, write the audit's head where a rewritten chain can be held against it; tried again until it works."""
    if file is None or not _due(line, "anchor"):
        return
    with line.store.write() as conn:  # so that the head is on the disk before its anchor is
        head = audit.head(conn)
        conversations.set_looked_to(conn, "anchoring", line.now())
    try:
        audit.anchor(head, file, line.now())
    except OSError as err:
        log.error("audit not anchored", extra={"file": str(file), "error": err.strerror})
        return
    with line.store.write() as conn:
        conversations.set_looked_to(conn, "anchor", line.now())


def retain(line: Line, kept: timedelta | None) -> None:
    """Once a day, forget what nobody has touched for that long; in small parts, so that others can write."""
    if kept is None or not _due(line, "retention"):
        return
    left = 1
    while left:
        with line.store.write() as conn:
            left = forget.retain(conn, kept, line.now())
    with line.store.write() as conn:
        conversations.set_looked_to(conn, "retention", line.now())


def compact(line: Line) -> None:
    """Once a day, take out of the index's files what has gone from it."""
    if _due(line, "compact"):
        line.knowledge.compact()
        with line.store.write() as conn:
            conversations.set_looked_to(conn, "compact", line.now())


def _sweep(line: Line, connector: Connector, budget: float | None) -> int:
    started = line.now()
    with line.store.write() as conn:
        if budget:
            pace.spend(conn, connector.name, budget, started)
        last = conversations.looked_to(conn, connector.name)
        since = (last if last and last <= started else started - DAY) - OVERLAP
    refs = set(connector.changed(since))
    with line.store.write() as conn:
        work.ring(conn, sorted(refs), line.now())  # in one order everywhere, so that two sweeps cannot deadlock
        conversations.set_looked_to(conn, connector.name, min(started, line.now()))  # it may have been set back
    return len(refs)


def _know_the_team(line: Line, connector: Connector) -> None:
    """Once a day, link this helpdesk's agents to the team; a vendor that is away is asked again by the next sweep."""
    cursor = f"team:{connector.name}"
    if not isinstance(connector, Team) or not _due(line, cursor):
        return
    try:
        agents = connector.team()
    except (Refused, Malformed) as err:  # which a person has to mend: `app.py link` shows it too
        log.warning("team not linked", extra={"connector": connector.name, "error": str(err)})
        agents = ()
    with line.store.write() as conn:
        team.link(conn, connector.name, agents, line.now())
        conversations.set_looked_to(conn, cursor, line.now())
