"""How often somebody tries to sign in, counted for all processes together."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from bot.store.statements import Lock, one_at_a_time
from bot.store.tables import login_try

TRIES, WINDOW = 10, timedelta(minutes=15)


def spent(conn: Connection, who: Sequence[str], now: datetime) -> bool:
    """Has one of `who` (an address, an account) had all its tries within the last WINDOW?"""
    counted = login_try.c.who.in_(who), login_try.c.at > now - WINDOW
    many = select(func.count()).where(*counted).group_by(login_try.c.who)
    return max(conn.scalars(many), default=0) >= TRIES


def count(conn: Connection, who: Sequence[str], now: datetime) -> bool:
    """Count one more try of each; False, and nothing is counted, when one has none left."""
    one_at_a_time(conn, Lock.LOGINS)
    if spent(conn, who, now):
        return False
    conn.execute(delete(login_try).where(login_try.c.at <= now - WINDOW))
    conn.execute(login_try.insert(), [{"who": each, "at": now} for each in who])
    return True


def forgive(conn: Connection, who: Sequence[str]) -> None:
    """They have signed in: nothing is counted against them any more."""
    conn.execute(delete(login_try).where(login_try.c.who.in_(who)))
