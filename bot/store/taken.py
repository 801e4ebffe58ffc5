"""What was taken in from each place elsewhere, and what was made of it here."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from bot.store.statements import put
from bot.store.tables import taken


@dataclass(frozen=True, slots=True)
class Taken:
    """Something of a place: the `digest` of what it was, "" where it has to be looked at again; `made`: ids of what
    came of it here."""

    id: str
    digest: str
    made: tuple[str, ...] = ()


def get(conn: Connection, source: str, id: str) -> Taken | None:
    """As it was taken in last, None where it was not."""
    query = select(taken.c.digest, taken.c.made).where(taken.c.source == source, taken.c.id == id)
    row = conn.execute(query).first()
    return Taken(id, row.digest, tuple(row.made.split())) if row else None


def save(conn: Connection, source: str, what: Taken) -> None:
    """Keep what it is now."""
    put(conn, taken, "source", "id", source=source, id=what.id, digest=what.digest, made=" ".join(what.made))


def ids(conn: Connection, source: str) -> list[str]:
    """Of all that was taken in from there, in their order."""
    return list(conn.scalars(select(taken.c.id).where(taken.c.source == source).order_by(taken.c.id)))


def drop(conn: Connection, source: str, gone: Sequence[str]) -> None:
    """Forget that these were taken in."""
    conn.execute(delete(taken).where(taken.c.source == source, taken.c.id.in_(gone)))
