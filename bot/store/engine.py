"""One database for all processes: transactions, durable and short, and a group commit for the door."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.errors import Misconfigured, Unavailable
from bot.store.connections import BUSY_MS, Connections
from bot.store.together import Item, Result, Run, Shared, Together

GATE = 0.5  # seconds
TRY = 0.0002  # seconds; as long as a millisecond would leave a core idle for a twentieth of the time (bench line)
SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has the second alone


class Store:
    """A database by URL: `sqlite:///path` or `postgresql+psycopg://…`.

    SQLite runs in WAL with `synchronous=FULL`: what is committed survives a power cut. One write at a time in
    each process, so that threads queue on a lock and not on SQLite's own waiting. Transactions are begun by `read` and
    `write` alone; `engine` has none of its own on SQLite.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self._connections = Connections(url)
        self.engine = self._connections.engine
        self._mine = threading.local()
        self._writing = threading.Lock()
        self._gate = _gate(f"{self.engine.url.database}-gate") if self.sqlite else -1
        self._log = f"{os.path.realpath(self.engine.url.database or '')}-wal"  # a link's log lies beside the file
        self._together = Together(self.write, self._connections.close_own)
        self._shared = Shared(partial(self.write, durable=False))

    def __repr__(self) -> str:
        return f"Store({self.url_shown})"

    @property
    def url_shown(self) -> str:
        """Without its password."""
        return make_url(self.url).render_as_string(hide_password=True)

    @contextmanager
    def read(self, *, moment: bool = False) -> Iterator[Connection]:
        """Nothing is written, and on SQLite all is of one moment; on PostgreSQL where a `moment` is asked for. A read
        within a read of the same thread shares it."""
        outer = getattr(self._mine, "reading", None)
        if outer is not None:
            yield outer
            return
        try:
            with self._connections.reading(moment=moment) as conn:
                self._mine.reading = conn
                yield conn
        except DBAPIError as err:
            if not _away(err):
                raise
            raise Unavailable(f"the store cannot read: {type(err.orig).__name__}", retry_after=1.0) from err
        finally:
            self._mine.reading = None

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction, committed at the end; Unavailable when the database is locked, full or away.

        On SQLite one that is not `durable` can be undone by a power cut (never by a crash of ours) until a durable one
        or `flush` follows: for steps that were promised to nobody and that are taken again when they are lost.
        PostgreSQL waits for the disk each time: its crash would leave our workers believing what it has forgotten.
        """
        turn = self._turn() if self.sqlite else nullcontext()
        try:
            with turn, self._connections.writing(durable=durable) as conn:
                yield conn
        except DBAPIError as err:
            if not _away(err):
                raise
            raise Unavailable(f"the store cannot write: {type(err.orig).__name__}", retry_after=1.0) from err

    def flush(self) -> None:
        """All that was committed so far is on the disk when this returns, as after a durable write; but the disk takes
        milliseconds, and nobody waits for the lock meanwhile. Raises Unavailable."""
        if not self.sqlite:
            return
        try:
            log = os.open(self._log, os.O_RDONLY)
            try:
                SYNC(log)  # what a checkpoint has moved out of the log, it has synced by itself
            finally:
                os.close(log)
        except OSError as err:
            raise Unavailable(f"the store cannot write: {err.strerror}", retry_after=1.0) from err

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time, of all threads and processes: SQLite's own waiting sleeps for longer.
        A courtesy: whoever stops while it writes is not waited for here."""
        if not self._writing.acquire(timeout=2 * BUSY_MS / 1000):
            raise Unavailable("the store cannot write: busy", retry_after=1.0)
        try:
            if self._gate < 0:
                raise Unavailable("the store is closed", retry_after=1.0)
            self._wait_at_gate()
            try:
                yield
            finally:
                fcntl.flock(self._gate, fcntl.LOCK_UN)
        finally:
            self._writing.release()

    def _wait_at_gate(self) -> None:
        until = time.monotonic() + GATE
        while time.monotonic() < until:
            with suppress(BlockingIOError):
                return fcntl.flock(self._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(TRY)
        return None

    def together(self, run: Run[Item], item: Item) -> None:
        """Have `run` write `item` in one transaction with whatever else is waiting; returns once it is committed.

        The door's way in: one commit, and one statement for many rows, serve all who wait. `run` must not fail by
        itself (inserts that skip what is there); what the store raises, everyone who waits gets.
        """
        if self.sqlite:
            self._together.add(run, item)
        else:  # PostgreSQL commits side by side by itself
            with self.write() as conn:
                run(conn, [item])

    def share(self, act: Callable[[Connection], Result]) -> Result:
        """What `act` gives in a transaction that is not `durable`, and on SQLite is one with what other threads of this
        process have waiting: a turn at the database takes longer than most of what is done in it."""
        if self.sqlite:
            return self._shared.run(act)
        with self.write(durable=False) as conn:
            return act(conn)

    def close(self) -> None:
        """Give the connections back; a thread that still uses one gives it back with its own end."""
        self._together.close()
        self._connections.close()
        if self.sqlite:
            with self._writing:
                gate, self._gate = self._gate, -1
            if gate >= 0:
                os.close(gate)


def _gate(path: str) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as err:
        raise Misconfigured("DATABASE_URL", f"{path} cannot be opened: {err.strerror}") from err


def _away(err: DBAPIError) -> bool:
    """Busy, full, or gone while we were in it; and not a mistake of ours."""
    return isinstance(err, OperationalError) or err.connection_invalidated
