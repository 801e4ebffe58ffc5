"""What the bot may do: policy versions, licences, and the one switch that stops everything."""

from datetime import datetime

from sqlalchemy import Connection, select

from bot.model import Licence, Policy
from bot.store.conversations import insert
from bot.store.tables import licence, policy, switch

STOP = "stop"


def current_policy(conn: Connection) -> Policy:
    """The version in force; the careful default where none was ever set."""
    found: Policy | None = conn.scalar(select(policy.c.value).order_by(policy.c.version.desc()).limit(1))
    return found or Policy()


def add_policy(conn: Connection, new: Policy, by: str, now: datetime) -> None:
    """Put the next version in force; IntegrityError when somebody else was first."""
    conn.execute(policy.insert().values(version=new.version, value=new, by=by, at=now))


def add_licence(conn: Connection, new: Licence) -> None:
    """Grant, renew or revoke: the newest row of a topic holds."""
    conn.execute(licence.insert().values(topic=new.topic, value=new, at=new.at))


def licence_of(conn: Connection, topic: str, now: datetime) -> Licence | None:
    """The topic's licence if it is open at `now`."""
    query = select(licence.c.value).where(licence.c.topic == topic).order_by(licence.c.seq.desc()).limit(1)
    found: Licence | None = conn.scalar(query)
    return found if found and not found.revoked and found.at <= now < found.until else None


def licences(conn: Connection) -> dict[str, Licence]:
    """The newest licence of each topic, open or not."""
    return {r.topic: r.value for r in conn.execute(select(licence).order_by(licence.c.seq))}


def stopped(conn: Connection) -> bool:
    """Is the global stop on? Read before every send."""
    return bool(conn.scalar(select(switch.c.on).where(switch.c.name == STOP)))


def set_stop(conn: Connection, on: bool, by: str, now: datetime) -> None:
    """Stop or let go, for every process, before the next send."""
    values = {"on": on, "by": by, "at": now}
    row = insert(conn, switch).values(name=STOP, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))
