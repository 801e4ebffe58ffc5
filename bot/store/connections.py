"""How a thread reaches the database: SQLite's file by two connections of its own, PostgreSQL by a pool."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.errors import Misconfigured
from bot.store.prepared import execute

BUSY_MS = 5_000
# Pages that every commit touches are copied out of the log once in 16 MB, not once in 4.
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", f"busy_timeout={BUSY_MS}")
STANDS_STILL = 20  # seconds for which a process that was stopped in a transaction keeps its locks on PostgreSQL

Kind = Literal["reading", "writing"]


class Connections:
    """Transactions on a database, begun and ended. Raises what SQLAlchemy does."""

    def __init__(self, url: str) -> None:
        self.engine = engine(url)
        self._sqlite = self.engine.dialect.name == "sqlite"
        self._mine = threading.local()
        self._no_transaction = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._one_moment = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def reading(self, *, moment: bool = False) -> Iterator[Connection]:
        """On SQLite all is of one moment, and nothing written is kept; PostgreSQL reads what is committed, statement by
        statement, so that no cursor of the server's lasts from one to the next, unless it is asked for one `moment`."""
        if self._sqlite:
            with self._own("reading", "BEGIN") as conn:
                yield conn
        elif moment:
            with self._one_moment.connect() as conn, conn.begin():
                yield conn
        else:
            with self._no_transaction.connect() as conn:
                yield conn

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Connection]:
        """Committed at the end, undone when the block fails. On PostgreSQL every commit is `durable`."""
        if self._sqlite:  # at once: a reader that turns writer can fail without waiting
            with self._own("writing", "BEGIN IMMEDIATE", "FULL" if durable else "NORMAL") as conn:
                yield conn
        else:
            with self.engine.connect() as conn, conn.begin():
                yield conn

    def close(self) -> None:
        """Give back this thread's and those that nobody uses; another thread's end with it."""
        self.close_own()
        self.engine.dispose()

    def close_own(self) -> None:
        """Give back this thread's."""
        for conn in vars(self._mine).values():
            conn.close()
        vars(self._mine).clear()

    @contextmanager
    def _own(self, kind: Kind, begin: str, synchronous: str = "") -> Iterator[Connection]:
        """Kept open between transactions: to take one from a pool takes as long as three statements."""
        conn: Connection = getattr(self._mine, kind, None) or self.engine.connect()
        setattr(self._mine, kind, conn)
        try:
            if synchronous:
                _wait_for_disk(conn, synchronous)
            execute(conn, begin)
            yield conn
            _end(conn, "rollback" if kind == "reading" else "commit")
        except BaseException:
            self._undo(kind, conn)
            raise

    def _undo(self, kind: Kind, conn: Connection) -> None:
        try:
            _end(conn, "rollback")
        except (SQLAlchemyError, sqlite3.Error):  # nobody knows what state it is in
            delattr(self._mine, kind)
            with suppress(SQLAlchemyError, sqlite3.Error):
                conn.close()


def _wait_for_disk(conn: Connection, synchronous: str) -> None:
    if conn.info.get("synchronous", "FULL") != synchronous:
        execute(conn, f"PRAGMA synchronous={synchronous}")
        conn.info["synchronous"] = synchronous


def _end(conn: Connection, how: Literal["commit", "rollback"]) -> None:
    """SQLAlchemy knows of the transaction where one of its own statements was in it. RuntimeError when what is to be
    committed is no transaction any more: the block has ended it, or SQLite has and nobody told."""
    driver: Any = conn.connection.driver_connection
    if how == "commit" and not driver.in_transaction:
        raise RuntimeError("the transaction was ended on the way")
    getattr(conn, how)()
    if driver.in_transaction:
        execute(conn, how)


def engine(url: str) -> Engine:
    """Raises Misconfigured for an address that is no database of ours."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as err:  # the second for a port that is no number
        raise Misconfigured("DATABASE_URL", "is not a database URL; write sqlite:///data/understudy.db") from err
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, parsed.database)
    if parsed.get_backend_name() == "postgresql" and find_spec("psycopg") is None:
        raise Misconfigured("DATABASE_URL", "PostgreSQL needs `pip install -r requirements-services.lock`")
    if parsed.get_backend_name() == "postgresql":
        psycopg = parsed.set(drivername="postgresql+psycopg")
        made = create_engine(psycopg, pool_size=16, pool_pre_ping=True, hide_parameters=True)
        event.listen(made, "connect", _agree)
        return made
    raise Misconfigured("DATABASE_URL", f"{parsed.get_backend_name()} is not supported; use sqlite or postgresql")


def _sqlite(url: str, path: str | None) -> Engine:
    if not path or path == ":memory:":
        raise Misconfigured("DATABASE_URL", "needs a file, such as sqlite:///data/understudy.db")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise Misconfigured("DATABASE_URL", f"its folder cannot be made: {err.strerror}") from err
    shared = {"check_same_thread": False}  # one that a thread left behind is closed by another
    made = create_engine(url, poolclass=NullPool, connect_args=shared, hide_parameters=True)
    event.listen(made, "connect", _prepare)
    return made


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun here, not by the driver
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _agree(connection: Any, _record: object) -> None:
    """Whatever the server, the database or the role has been tuned to: a commit waits for the disk, and whoever is
    stopped between two statements (a frozen machine, a cut wire) does not keep everybody from what it has locked."""
    connection.execute(f"SET synchronous_commit TO on; SET idle_in_transaction_session_timeout TO '{STANDS_STILL}s'")
    connection.commit()
