"""How far the bot may go, as a lead or the operator says it: the stop and the licences, each change with its audit."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.errors import Misconfigured
from bot.model import Licence, Person, PersonRole
from bot.store import audit, knowledge, limits, people

LEADS = (PersonRole.LEAD, PersonRole.ADMIN)
LONGEST = 90.0  # days of a licence


def leads(conn: Connection) -> list[Person]:
    """Those who may decide, by id."""
    return [p for p in people.team(conn) if p.role in LEADS]


def stop(conn: Connection, who: str, why: str, now: datetime, *, on: bool) -> None:
    """Send nothing any more, in every process; or let it go on."""
    limits.set_stop(conn, on, who, now)
    audit.record(conn, now, who, "stopped" if on else "let go", "everything", why)


def grant(conn: Connection, topic: str, who: Person, days: float, now: datetime) -> datetime:
    """Let a topic answer alone; until when. Misconfigured names what is wrong: `topic` or `days`."""
    if not 0 < days <= LONGEST:  # not a number is neither
        raise Misconfigured("days", f"a licence needs a number of days above 0, at most {LONGEST:.0f}")
    until = now + timedelta(days=days)
    _licence(conn, "grant", Licence(_known(conn, topic), who.id, now, until))
    return until


def revoke(conn: Connection, topic: str, who: Person, now: datetime) -> None:
    """Take a topic's licence back. Misconfigured when there is no such topic."""
    _licence(conn, "revoke", Licence(_known(conn, topic), who.id, now, now))


def _known(conn: Connection, topic: str) -> str:
    known = knowledge.topics(conn)
    if topic not in known:
        raise Misconfigured("topic", f"no entry speaks about {topic!r}; known are {', '.join(known) or 'none yet'}")
    return topic


def _licence(conn: Connection, what: str, new: Licence) -> None:
    limits.add_licence(conn, new)
    audit.record(conn, new.at, new.granted_by, what, f"topic:{new.topic}", until=new.until.isoformat())
