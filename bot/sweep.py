"""What makes good whatever a webhook, a wake-up or a worker lost."""

import logging
from datetime import datetime, timedelta

from bot import team, work
from bot.errors import BotError, Malformed, Refused
from bot.line import Line
from bot.model import Ref
from bot.ports import Agent, Connector, Team
from bot.store import conversations

log = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=3)  # what changes while a list is being read is found by the next sweep
KEPT = timedelta(days=30)  # rows of work that was done
TIDY_EVERY = timedelta(days=1)
FIRST_LOOK = timedelta(days=1)
TEAM_EVERY = timedelta(days=1)


def reclaim(line: Line) -> int:
    """Take back what dead workers held; how many rows."""
    with line.store.write() as conn:
        count = work.reclaim(conn, line.now())
    if count:
        line.wake.wake()
    return count


def sweep(line: Line) -> int:
    """Ask every helpdesk what changed and ring for it; how many conversations. One that is away stops no other."""
    count = 0
    for connector in line.connectors.values():
        try:
            count += _sweep(line, connector)
            _know_the_team(line, connector)
        except BotError as err:
            log.warning("sweep failed", extra={"connector": connector.name, "error": str(err)})
        except Exception:  # a bug in one connector stops no other
            log.exception("sweep crashed", extra={"connector": connector.name})
    tidy(line)
    if count:
        line.wake.wake()
    return count


def tidy(line: Line) -> None:
    """Once a day, forget work that was done long ago."""
    now = line.now()
    with line.store.write() as conn:
        last = conversations.looked_to(conn, "tidy")
        if last is None or now - last > TIDY_EVERY:
            work.prune(conn, now - KEPT)
            conversations.set_looked_to(conn, "tidy", now)


def _sweep(line: Line, connector: Connector) -> int:
    started = line.now()
    with line.store.read() as conn:
        since = (conversations.looked_to(conn, connector.name) or started - FIRST_LOOK) - OVERLAP
    refs = dict.fromkeys(connector.changed(since))
    _ring(line, connector.name, refs, started)
    return len(refs)


def _ring(line: Line, name: str, refs: dict[Ref, None], started: datetime) -> None:
    with line.store.write() as conn:
        work.ring(conn, sorted(refs), line.now())  # in one order everywhere, so that two sweeps cannot deadlock
        conversations.set_looked_to(conn, name, started)


def _know_the_team(line: Line, connector: Connector) -> None:
    """Once a day, link this helpdesk's agents to the team; a vendor that is away is asked again by the next sweep."""
    if not isinstance(connector, Team):
        return
    cursor, now = f"team:{connector.name}", line.now()
    with line.store.read() as conn:
        last = conversations.looked_to(conn, cursor)
    if last is not None and now - last < TEAM_EVERY:
        return
    agents = _team(connector, connector.name)
    with line.store.write() as conn:
        team.link(conn, connector.name, agents, now)
        conversations.set_looked_to(conn, cursor, now)


def _team(connector: Team, name: str) -> tuple[Agent, ...]:
    """Nobody where the vendor says no, which a person has to mend: `app.py link` shows it too."""
    try:
        return connector.team()
    except (Refused, Malformed) as err:
        log.warning("team not linked", extra={"connector": name, "error": str(err)})
        return ()
