"""Dead letters: work that nobody but a person can help, with its errors, and the way back to the living."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, update

from bot.model import DeliveryState
from bot.store.tables import delivery, work


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of work. `at`: when it was asked for; `run_at`: when it was last tried; errors as they were written."""

    id: int
    kind: str
    key: str
    ref: str
    state: str
    attempts: int
    crashes: int
    first_error: str
    last_error: str
    at: datetime
    run_at: datetime


@dataclass(frozen=True, slots=True)
class Which:
    """Some of the dead letters: these numbers, those within `span` (first, last), and those last tried at or after
    `since`; what is None does not matter."""

    ids: Sequence[int] | None = None
    span: tuple[int, int] | None = None
    since: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """As the database asks them."""
        if self.ids is not None:
            yield work.c.id.in_(self.ids)
        if self.span is not None:
            yield work.c.id.between(*self.span)
        if self.since is not None:
            yield work.c.run_at >= self.since


COLUMNS = [work.c[f.name] for f in fields(Letter)]


BATCH = 1_000


def dead(conn: Connection, which: Which, limit: int = BATCH, after: int = 0) -> list[Letter]:
    """Oldest first, behind the number `after`."""
    query = select(*COLUMNS).where(work.c.state == "dead", work.c.id > after, *which.conditions())
    return [Letter(*row) for row in conn.execute(query.order_by(work.c.id).limit(limit))]


def count(conn: Connection) -> int:
    """How many pieces of work wait for a person."""
    return conn.scalar(select(func.count()).select_from(work).where(work.c.state == "dead")) or 0


def get(conn: Connection, id: int) -> Letter | None:
    """Dead or not."""
    row = conn.execute(select(*COLUMNS).where(work.c.id == id)).first()
    return Letter(*row) if row else None


def revive(conn: Connection, id: int, now: datetime) -> bool:
    """Ready again with its tries before it; its errors stay. False when it is not dead any more."""
    fresh = {"state": "ready", "run_at": now, "at": now, "attempts": 0, "crashes": 0}
    change = update(work).where(work.c.id == id, work.c.state == "dead").values(**fresh)
    return conn.execute(change.returning(work.c.id)).first() is not None


def settle(conn: Connection, id: int) -> None:
    """Dead no more, without being done again."""
    conn.execute(update(work).where(work.c.id == id, work.c.state == "dead").values(state="done"))


def doubt(conn: Connection, key: str) -> None:
    """A delivery that a person was asked about is read back first; if it is surely absent, one try is left."""
    asked = update(delivery).where(delivery.c.key == key, delivery.c.state == DeliveryState.ASKED.value)
    conn.execute(asked.values(state=DeliveryState.UNKNOWN.value, tries=1))
