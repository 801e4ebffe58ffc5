"""The servers that tests run on: each test gets an empty one, and no test sees another's."""

import fcntl
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from bot.errors import Unavailable
from bot.store import Store, connections
from bot.store.migrate import migrate
from bot.store.prepared import execute
from bot.store.statements import Lock, one_at_a_time
from bot.store.tables import meta


@pytest.mark.parametrize("_turn", [1, 2])
def test_every_test_gets_an_empty_database_that_takes_writes(database_url: str, _turn: int) -> None:
    engine = create_engine(database_url)

    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE feather (id INTEGER)"))
        conn.execute(text("INSERT INTO feather VALUES (1)"))
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT count(*) FROM feather")).scalar_one()

    engine.dispose()
    assert rows == 1


@pytest.mark.parametrize("_turn", [1, 2])
def test_every_test_gets_an_empty_redis_or_none(redis_url: str | None, _turn: int) -> None:
    if redis_url is None:
        return
    from redis import Redis

    client = Redis.from_url(redis_url)

    assert client.incr("seen") == 1


def test_an_rq_worker_that_is_told_to_stop_ends_after_the_row_it_is_on(redis_url: str | None) -> None:
    if redis_url is None:
        return
    from bot.backends.rq_queue import RqBell, worker_for

    stopping, rows = threading.Event(), list[int]()

    def drain() -> None:
        while not stopping.is_set():
            rows.append(len(rows))
            if len(rows) == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    RqBell(redis_url).wake()
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        worker_for(redis_url, drain, stopping).work(logging_level="WARNING")
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])

    assert rows == [0, 1, 2]


def test_an_rq_worker_that_met_an_error_of_redis_listens_again(redis_url: str | None) -> None:
    if redis_url is None:
        return
    from redis import Redis

    from bot.backends.rq_queue import QUEUE, RqBell, serve

    client, woken = Redis.from_url(redis_url), list[str]()
    client.set(f"rq:queue:{QUEUE}", "no list")

    def drain(_stop: Callable[[], bool]) -> None:
        if threading.current_thread().name == "poll":  # by then RQ has met the error
            client.delete(f"rq:queue:{QUEUE}")
            RqBell(redis_url).wake()
        else:
            woken.append(threading.current_thread().name)
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        serve(redis_url, drain)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])

    assert woken == ["MainThread"]


def test_a_write_waits_for_the_disk_unless_it_is_said_that_it_can_be_taken_again(database_url: str) -> None:
    store = Store(database_url)
    if not store.sqlite:  # somebody has tuned it for speed
        tuned = text(f'ALTER DATABASE "{store.engine.url.database}" SET synchronous_commit = off')
        with store.write() as conn:
            conn.execute(tuned)
        store.close()
        store = Store(database_url)
    # PostgreSQL always waits: its crash would leave our workers with claims that it has forgotten
    asked, waits, not_yet = ("PRAGMA synchronous", 2, 1) if store.sqlite else ("SHOW synchronous_commit", "on", "on")

    with store.write() as conn:
        durable = conn.exec_driver_sql(asked).scalar_one()
    with store.write(durable=False) as conn:
        other = conn.exec_driver_sql(asked).scalar_one()
    with store.write() as conn:
        again = conn.exec_driver_sql(asked).scalar_one()

    store.close()
    assert (durable, other, again) == (waits, not_yet, waits)


def _stand_still(still: Store, other: Store, got: list[str]) -> None:
    with still.write() as conn:
        one_at_a_time(conn, Lock.CHAIN)
        with other.write() as theirs:
            execute(theirs, "SET LOCAL lock_timeout TO '10s'")  # instead of for ever
            one_at_a_time(theirs, Lock.CHAIN)
            got.append("the lock")
        execute(conn, "SELECT 1")


def test_a_process_that_stands_still_in_a_transaction_keeps_its_locks_for_seconds_only(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STANDS_STILL", 1)
    still, other = Store(database_url), Store(database_url)
    if other.sqlite:
        pytest.skip("on SQLite they last until it is ended (PROMISES.md)")
    migrate(other)

    got = list[str]()
    with pytest.raises(Unavailable):
        _stand_still(still, other, got)
    with still.write() as conn:
        again = execute(conn, "SELECT 1")

    still.close()
    other.close()
    assert (got, again) == (["the lock"], [(1,)])


def test_a_process_that_stands_still_at_the_gate_stops_nobody(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/gate.db")
    migrate(store)
    gate = os.open(tmp_path / "gate.db-gate", os.O_RDWR)
    fcntl.flock(gate, fcntl.LOCK_EX)

    with store.write() as conn:
        conn.execute(text("INSERT INTO switch (name, \"on\", by, at) VALUES ('stop', 1, 'test', '2026-01-01')"))

    os.close(gate)
    with store.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM switch")).scalar_one() == 1
    store.close()


def test_the_migrated_schema_is_the_one_that_the_code_names(database_url: str) -> None:
    store = Store(database_url)
    migrate(store)

    with store.read() as conn:
        differences = compare_metadata(MigrationContext.configure(conn), meta)

    store.close()
    assert differences == []
