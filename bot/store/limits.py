"""What the bot may do: policy versions, licences, and the one switch that stops everything."""

from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, select

from bot.model import Licence, Policy
from bot.store.prepared import Prepared
from bot.store.statements import put
from bot.store.tables import licence, policy, switch

STOP = "stop"
OF: BindParameter[str] = bindparam("of")
POLICY = Prepared(select(policy.c.value).order_by(policy.c.version.desc()).limit(1))
LICENCES = Prepared(select(licence.c.topic, licence.c.value).order_by(licence.c.seq))
SWITCH = Prepared(select(switch.c.on).where(switch.c.name == OF))


def current_policy(conn: Connection) -> Policy:
    """The version in force; the careful default where none was ever set."""
    found: Policy | None = POLICY.value(conn)
    return found or Policy()


def add_policy(conn: Connection, new: Policy, by: str, now: datetime) -> None:
    """Put the next version in force; IntegrityError when somebody else was first."""
    conn.execute(policy.insert().values(version=new.version, value=new, by=by, at=now))


def add_licence(conn: Connection, new: Licence) -> None:
    """Grant, renew or revoke: the newest row of a topic holds."""
    conn.execute(licence.insert().values(topic=new.topic, value=new, at=new.at))


def licensed(conn: Connection, now: datetime) -> frozenset[str]:
    """Topics that may answer alone at `now`."""
    return frozenset(t for t, held in licences(conn).items() if t and held.at <= now < held.until)


def licences(conn: Connection) -> dict[str, Licence]:
    """The newest licence of each topic, open or not."""
    return dict(LICENCES.all(conn))


def stopped(conn: Connection) -> bool:
    """Is the global stop on? Read before every send."""
    return bool(SWITCH.value(conn, of=STOP))


def set_stop(conn: Connection, on: bool, by: str, now: datetime) -> None:
    """Stop or let go, for every process, before the next send."""
    put(conn, switch, "name", name=STOP, on=on, by=by, at=now)
