"""Statements built once: SQLAlchemy takes longer to write one than a database to run it."""

from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnDefault, ColumnElement, Connection, Table, bindparam, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from bot.store.prepared import Prepared, Row


class Lock(IntEnum):
    """What is appended to by one transaction at a time. Whoever needs several takes CHAIN first."""

    CHAIN = 1  # the audit
    KNOWLEDGE = 2  # what an index follows
    SIGNALS = 3  # what a learner follows
    PACE = 4  # what was spent of a budget
    SCHEMA = 5  # two processes may start at once on an empty database
    LOGINS = 6  # how often somebody has tried


Insert = sqlite.Insert | postgresql.Insert
TAKE = select(func.pg_advisory_xact_lock(bindparam("number")))


def stands(column: Column[str], word: str) -> ColumnElement[bool]:
    """`column = 'word'`, written out. SQLite (3.40) plans a statement anew at each run where a value is bound that a
    partial index depends on, which takes longer than to run it."""
    return column == literal_column(f"'{word}'")


def insert(dialect: str, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT, for the database at hand."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _usual(table: Table) -> dict[str, object]:
    return {c.name: c.default.arg for c in table.columns if isinstance(c.default, ColumnDefault)}


@cache
def _new(dialect: str, table: Table) -> ReturningInsert[Any]:
    return insert(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)


@cache
def _add(dialect: str, table: Table, columns: tuple[str, ...]) -> Prepared:
    return Prepared(_new(dialect, table), columns)


@cache
def _put(dialect: str, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Prepared:
    made = insert(dialect, table)
    rest = {name: made.excluded[name] for name in columns if name not in keys}
    return Prepared(made.on_conflict_do_update(index_elements=list(keys), set_=rest), {*_usual(table), *columns})


def add(conn: Connection, table: Table, **row: object) -> bool:
    """Insert; False when the row's key is known, and nothing changes."""
    return bool(add_all(conn, table, [row]))


def add_all(conn: Connection, table: Table, rows: list[dict[str, object]]) -> list[Row]:
    """Insert in one statement; the keys of those that were not known."""
    if len(rows) == 1:
        whole = _usual(table) | rows[0]
        return _add(conn.dialect.name, table, tuple(whole)).all(conn, **whole)
    return [tuple(key) for key in conn.execute(_new(conn.dialect.name, table), rows)] if rows else []


def put(conn: Connection, table: Table, *keys: str, **row: object) -> None:
    """Insert, or set the columns of `row` where there is one with the same `keys`."""
    _put(conn.dialect.name, table, keys, tuple(row)).all(conn, **_usual(table) | row)


def one_at_a_time(conn: Connection, lock: Lock) -> None:
    """Until the transaction ends, nobody else appends to the same sequence: readers that follow it miss nothing."""
    if conn.dialect.name == "postgresql":  # SQLite has one writer anyway
        conn.execute(TAKE, {"number": lock})
