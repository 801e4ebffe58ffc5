"""Statements built once: SQLAlchemy takes longer to write one than a database to run it."""

from functools import cache

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, bindparam, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

Insert = sqlite.Insert | postgresql.Insert
LOCK = select(func.pg_advisory_xact_lock(bindparam("number")))


def stands(column: Column[str], word: str) -> ColumnElement[bool]:
    """`column = 'word'`, written out. SQLite (3.40) plans a statement anew at each run where a value is bound that a
    partial index depends on, which takes longer than to run it."""
    return column == literal_column(f"'{word}'")


def insert(dialect: str, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT, for the database at hand."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _add(dialect: str, table: Table) -> ReturningInsert[tuple[object, ...]]:
    return insert(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)


@cache
def _put(dialect: str, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Insert:
    made = insert(dialect, table)
    rest = {name: made.excluded[name] for name in columns if name not in keys}
    return made.on_conflict_do_update(index_elements=list(keys), set_=rest)


def add(conn: Connection, table: Table, **row: object) -> bool:
    """Insert; False when the row's key is known, and nothing changes."""
    return conn.execute(_add(conn.dialect.name, table), row).first() is not None


def add_all(conn: Connection, table: Table, rows: list[dict[str, object]]) -> list[Row[tuple[object, ...]]]:
    """Insert in one statement; the keys of those that were not known."""
    return list(conn.execute(_add(conn.dialect.name, table), rows)) if rows else []


def put(conn: Connection, table: Table, *keys: str, **row: object) -> None:
    """Insert, or set the columns of `row` where there is one with the same `keys`."""
    conn.execute(_put(conn.dialect.name, table, keys, tuple(row)), row)


def one_at_a_time(conn: Connection, number: int) -> None:
    """Until the transaction ends, nobody else appends to the same sequence: readers that follow it miss nothing."""
    if conn.dialect.name == "postgresql":  # SQLite has one writer anyway
        conn.execute(LOCK, {"number": number})
