"""What makes good whatever a webhook, a wake-up or a worker lost."""

import logging
from datetime import datetime, timedelta

from bot import work
from bot.errors import BotError
from bot.line import Line
from bot.model import Ref
from bot.ports import Connector
from bot.store import conversations

log = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=3)  # Zendesk's export leaves out the newest minute
FIRST_LOOK = timedelta(days=1)


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
        except BotError as err:
            log.warning("sweep failed", extra={"connector": connector.name, "error": str(err)})
    if count:
        line.wake.wake()
    return count


def _sweep(line: Line, connector: Connector) -> int:
    started = line.now()
    with line.store.read() as conn:
        since = (conversations.looked_to(conn, connector.name) or started - FIRST_LOOK) - OVERLAP
    refs = dict.fromkeys(connector.changed(since))
    _ring(line, connector.name, refs, started)
    return len(refs)


def _ring(line: Line, name: str, refs: dict[Ref, None], started: datetime) -> None:
    with line.store.write() as conn:
        work.ring(conn, refs, line.now())
        conversations.set_looked_to(conn, name, started)
