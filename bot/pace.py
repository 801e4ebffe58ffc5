"""How fast each helpdesk is called, for all workers of all processes: it is left alone when it says so (429), when it
does not answer, and when we have called it as often as we allow ourselves."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from bot.errors import Unavailable
from bot.store.prepared import Prepared
from bot.store.statements import Lock, insert, one_at_a_time, put
from bot.store.tables import pace, spent

BURST = timedelta(seconds=10)  # of a budget that may be used at once
OPENS_AT = 5  # failures in a row of one process, after which nobody calls
USED_UP = "a minute are used up"
LONGEST = 60.0  # seconds for which a helpdesk that does not answer is left alone before it is tried again
SPENT = Prepared(select(spent.c.until).where(spent.c.connector == bindparam("of")))


def leave_alone(conn: Connection, connector: str, until: datetime, why: str) -> None:
    """Nobody calls before `until`, or the later time that was set already."""
    made = insert(conn.dialect.name, pace).values(connector=connector, until=until, why=why)
    later = made.excluded.until > pace.c.until
    values = {"until": made.excluded.until, "why": made.excluded.why}
    conn.execute(made.on_conflict_do_update(index_elements=["connector"], set_=values, where=later))


def spend(conn: Connection, connector: str, a_minute: float, now: datetime) -> None:
    """One look or delivery more, of `a_minute`. Over budget it waits, with a burst at first (GCRA, ITU-T I.371)."""
    one_at_a_time(conn, Lock.PACE)
    due = max(SPENT.value(conn, of=connector) or now, now) + timedelta(minutes=1 / a_minute)
    put(conn, spent, "connector", connector=connector, until=due)
    if due - now > BURST:
        leave_alone(conn, connector, due - BURST, f"{a_minute:g} {USED_UP}")


def failed(conn: Connection, connector: str, times: int, now: datetime, why: str) -> None:
    """It did not answer for the `times`th time in a row: from OPENS_AT on nobody calls for a while, twice as long each
    time, and then it is tried again."""
    if times >= OPENS_AT:
        wait = timedelta(seconds=min(2.0 ** (times - OPENS_AT), LONGEST))
        leave_alone(conn, connector, now + wait, f"does not answer: {why}")


def at_once(conn: Connection) -> None:
    """Nobody is left alone any more."""
    conn.execute(delete(pace))
    conn.execute(delete(spent))


def slow_down(conn: Connection, connector: str, err: Unavailable, times: int, now: datetime) -> None:
    """What follows from a call that failed, for the `times`th time in a row where it had no answer."""
    if err.crowded:
        leave_alone(conn, connector, now + timedelta(seconds=err.retry_after), "crowded, it says")
    elif err.away:
        failed(conn, connector, times, now, str(err))


def closed(conn: Connection, connector: str, now: datetime) -> bool:
    """Is it left alone for its own sake? A budget that is used up says nothing about the helpdesk."""
    return any(name == connector and not why.endswith(USED_UP) for name, _, why in waiting(conn, now))


def waiting(conn: Connection, now: datetime) -> list[tuple[str, datetime, str]]:
    """(connector, until, why) of those that are left alone."""
    rows = conn.execute(select(pace).where(pace.c.until > now).order_by(pace.c.connector))
    return [(r.connector, r.until, r.why) for r in rows]
