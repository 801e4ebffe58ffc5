"""Statements that SQLAlchemy writes once for each database, and the driver executes.

Around each of the thirty that a conversation takes SQLAlchemy needs ten times as long as SQLite (bench/README.md).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert, ReturningInsert, ReturningUpdate, Update

Statement = Select[Any] | Insert | Update | ReturningInsert[Any] | ReturningUpdate[Any]
Row = tuple[Any, ...]
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement for one database: its SQL, and how values go in (in the driver's order) and come out."""

    sql: str
    fixed: Mapping[str, object]
    inward: tuple[tuple[str, Convert | None], ...]
    outward: tuple[tuple[int, Convert], ...]
    by_name: bool

    def values(self, given: Mapping[str, object]) -> Any:
        """As the driver takes them. KeyError when one is missing."""
        named = {**given, **self.fixed}
        found = [(name, convert(named[name]) if convert else named[name]) for name, convert in self.inward]
        return dict(found) if self.by_name else tuple(value for _, value in found)

    def row(self, read: Row) -> Row:
        """As `bot.model` has them."""
        row = list(read)
        for place, convert in self.outward:
            row[place] = convert(row[place])
        return tuple(row)


def compiled(statement: Statement, dialect: Dialect, columns: Iterable[str] | None) -> Compiled:
    """TypeError for an INSERT that leaves defaults to SQLAlchemy: only SQLAlchemy would put them in."""
    made = statement.compile(dialect=dialect, column_keys=list(columns) if columns else None)
    if made.insert_prefetch:
        raise TypeError(f"give a value for {', '.join(column.name for column in made.insert_prefetch)} too")
    binds = {name: bind for bind, name in made.bind_names.items()}
    order = (made.positiontup or ()) if made.positional else tuple(binds)
    fixed = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
    inward = ((name, binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order)
    kinds = [column.type.dialect_impl(dialect) for column in statement.exported_columns]
    outward = ((i, out) for i, kind in enumerate(kinds) if (out := kind.result_processor(dialect, None)))
    return Compiled(str(made), fixed, tuple(inward), tuple(outward), not made.positional)


class Prepared:
    """A statement that is executed often. Its values are given by the names of its binds, and none may be a list; it
    raises what SQLAlchemy does. `columns`: those that an INSERT is given.
    """

    def __init__(self, statement: Statement, columns: Iterable[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._compiled: dict[str, Compiled] = {}

    def all(self, conn: Connection, **given: object) -> list[Row]:
        """Its rows, in the order of its columns."""
        made = self._compiled.get(conn.dialect.name) or self._compile(conn.dialect)
        return [made.row(row) for row in execute(conn, made.sql, made.values(given))]

    def first(self, conn: Connection, **given: object) -> Row | None:
        """Its first row, None without one."""
        return next(iter(self.all(conn, **given)), None)

    def value(self, conn: Connection, **given: object) -> Any:
        """The first column of its first row, None without one."""
        row = self.first(conn, **given)
        return row[0] if row else None

    def _compile(self, dialect: Dialect) -> Compiled:
        return self._compiled.setdefault(dialect.name, compiled(self._statement, dialect, self._columns))


def execute(conn: Connection, sql: str, values: object = ()) -> list[Row]:
    """The rows that `sql` gives in the transaction of `conn`, as the driver has them."""
    driver: Any = conn.connection.driver_connection
    try:
        cursor = driver.execute(sql, values)
        return cursor.fetchall() if cursor.description else []  # SQLite reads while it fetches, and can fail there
    except conn.dialect.loaded_dbapi.Error as err:
        gone = conn.dialect.is_disconnect(err, driver, None)
        if gone:
            conn.invalidate(err)  # so that nobody tries to roll it back, or gets it from the pool
        raise DBAPIError.instance(
            sql, None, err, conn.dialect.loaded_dbapi.Error,
            hide_parameters=True, connection_invalidated=gone, dialect=conn.dialect,
        ) from err  # fmt: skip
