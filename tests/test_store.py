"""The store as the line relies on it: moments, durable writes, and statements that the driver runs."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from bot.errors import Unavailable
from bot.model import Policy, Ref
from bot.store import Store, audit, conversations, drafts, limits
from bot.store.migrate import migrate
from bot.store.prepared import Prepared, execute
from bot.store.statements import add_all
from bot.store.tables import conversation, cursor, policy, work

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 21, 9, 30, 15, 250_000, UTC)


OLD = Prepared(select(work.c.id).where((work.c.run_at <= bindparam("now")) | (work.c.lease_until < bindparam("now"))))


def test_what_is_put_comes_back_as_it_was(store: Store) -> None:
    with store.write() as conn:
        conversations.set_looked_to(conn, "zendesk", NOW)

    with store.read() as conn:
        assert conversations.looked_to(conn, "zendesk") == NOW


def test_the_audit_is_searched_by_its_indexes_and_finds_objects_people_and_conversations(tmp_path: Path) -> None:
    made, asked = Store(f"sqlite:///{tmp_path}/audit.db"), list[tuple[str, tuple[str, ...]]]()
    migrate(made)
    with made.write() as conn:
        for who, about in (("ines", "policy:1"), ("tomasz", "policy"), ("tomasz", "POLICY:2"), ("ines", "policy:12")):
            audit.record(conn, NOW, who, "policy", about)
    listen(made.engine, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))

    with made.read() as conn:
        found = [[e.about for e in audit.entries(conn, words)] for words in ("policy:", "tomasz", "policy:1", "p%")]
        plans = [row[-1] for sql, of in asked[1:] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", of)]

    assert found == [["policy:12", "policy:1"], ["POLICY:2", "policy"], ["policy:12", "policy:1"], []]
    assert [step for step in plans if step.startswith("SCAN")] == []


def test_a_value_that_is_missing_is_not_taken_for_null(store: Store) -> None:
    statement = Prepared(select(conversation.c.ref).where(conversation.c.ref == bindparam("of")))

    with store.read() as conn, pytest.raises(KeyError, match="of"):
        statement.all(conn, off="zendesk:1")


def test_a_naive_time_is_refused(store: Store) -> None:
    statement = Prepared(select(cursor.c.name).where(cursor.c.at < bindparam("now")))

    with store.read() as conn, pytest.raises(Exception, match="a time without a zone"):
        statement.all(conn, now=NOW.replace(tzinfo=None))


def test_the_second_of_two_who_are_first_is_told_so(store: Store) -> None:
    insert = Prepared(policy.insert(), ["version", "value", "by", "at"])
    with store.write() as conn:
        insert.all(conn, version=7, value=Policy(version=7), by="ines", at=NOW)

    with pytest.raises(IntegrityError), store.write() as conn:
        insert.all(conn, version=7, value=Policy(version=7), by="tomasz", at=NOW)


KNOWN = {"to SQLAlchemy": lambda conn: conn.execute(select(1)), "to the driver": lambda conn: execute(conn, "SELECT 1")}


@pytest.mark.parametrize("begun", KNOWN.values(), ids=KNOWN)
def test_a_connection_that_broke_is_not_used_again(store: Store, begun: Callable[[Connection], object]) -> None:
    def broken(conn: Connection) -> None:
        begun(conn)
        conn.invalidate()
        raise ConnectionError

    for opened in (store.write, store.read):
        with pytest.raises(ConnectionError), opened() as conn:
            broken(conn)

    with store.write() as conn:
        conversations.set_looked_to(conn, "zendesk", NOW)
    with store.read() as conn:
        assert conversations.looked_to(conn, "zendesk") == NOW


def test_after_a_commit_that_failed_there_is_another(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_connection: object) -> None:
        raise OperationalError("COMMIT", None, Exception("disk is full"))

    def forget() -> None:
        with store.write() as conn:
            conn.execute(cursor.delete())

    with store.write() as conn:
        conversations.set_looked_to(conn, "zendesk", NOW)
    with monkeypatch.context() as changed:
        changed.setattr(store.engine.dialect, "do_commit", full)
        with pytest.raises(Unavailable):
            forget()

    with store.read() as conn:
        assert conversations.looked_to(conn, "zendesk") == NOW
    forget()
    with store.read() as conn:
        assert conversations.looked_to(conn, "zendesk") is None


def test_an_upgrade_that_dies_on_the_way_has_changed_nothing(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path}/old.db")
    migrate(made, "0001")

    def die(_conn: object, _cursor: object, sql: str, *_rest: object) -> None:
        if "ADD COLUMN salt" in sql:
            raise KeyboardInterrupt

    listen(made.engine, "before_cursor_execute", die)
    with pytest.raises(KeyboardInterrupt):
        migrate(made)
    remove(made.engine, "before_cursor_execute", die)
    with made.read() as conn:
        halfway = execute(conn, "SELECT version_num FROM alembic_version")
    migrate(made)

    with made.read() as conn:
        whole = audit.verify(conn)
    made.close()
    assert (halfway, whole) == ([("0001",)], 0)


def test_a_transaction_that_is_ended_on_the_way_is_not_taken_for_committed(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path}/ended.db")

    with pytest.raises(RuntimeError, match="ended on the way"), made.write() as conn:
        execute(conn, "ROLLBACK")

    made.close()


def test_a_read_keeps_nothing_that_is_written_in_it(store: Store) -> None:
    if not store.sqlite:
        pytest.skip("PostgreSQL has no transaction there")
    with store.read() as conn:
        conversations.set_looked_to(conn, "zendesk", NOW)

    with store.read() as conn:
        assert conversations.looked_to(conn, "zendesk") is None


def test_what_came_before_a_store_is_closed_is_committed_and_later_nothing(store: Store) -> None:
    if not store.sqlite:
        pytest.skip("PostgreSQL commits each by itself")
    begun = threading.Event()

    def run(conn: Connection, numbers: list[int]) -> None:
        begun.set()
        for number in numbers:
            conversations.set_looked_to(conn, str(number), NOW)

    with ThreadPoolExecutor(8) as pool:
        many = [pool.submit(store.together, run, number) for number in range(40)]
        begun.wait(5)
        store.close()
    kept = [number for number, done in enumerate(many) if done.exception() is None]
    refused = [type(done.exception()) for done in many if done.exception()]

    again = Store(store.url)
    with again.read() as conn:
        assert [n for n in range(40) if conversations.looked_to(conn, str(n))] == kept
    with pytest.raises(Unavailable), store.write():
        pass
    again.close()
    assert set(refused) <= {Unavailable}


def test_a_read_is_of_one_moment(store: Store) -> None:
    if not store.sqlite:
        pytest.skip("PostgreSQL reads what is committed, statement by statement")
    with store.read() as conn:
        before = conversations.looked_to(conn, "zendesk"), limits.stopped(conn)
        _stop_from_another_process(store)

        assert (before, limits.stopped(conn)) == ((None, False), False)
    with store.read() as conn:
        assert limits.stopped(conn)


def _stop_from_another_process(store: Store) -> None:
    other = Store(store.url)
    with other.write() as conn:
        limits.set_stop(conn, True, "ines", NOW)
    other.close()


def test_what_the_driver_cannot_do_is_raised_as_sqlalchemy_raises_it(store: Store) -> None:
    expected = Unavailable if store.sqlite else ProgrammingError  # SQLite has one word for everything

    with pytest.raises(expected) as caught, store.write() as conn:
        execute(conn, "SELECT nothing FROM nowhere")

    shown = caught.value.__cause__ if store.sqlite else caught.value
    assert isinstance(shown, DBAPIError)
    with store.write() as conn:  # on the same connection
        assert drafts.deliveries_of(conn, Ref("zendesk", "1")) == []


def _stop_and_fail(store: Store) -> None:
    with store.write() as conn:
        limits.set_stop(conn, True, "ines", NOW)
        raise KeyError


def test_a_write_that_fails_leaves_nothing_and_gives_its_turn_back(store: Store) -> None:
    with pytest.raises(KeyError):
        _stop_and_fail(store)

    with store.write() as conn:
        assert not limits.stopped(conn)


def test_many_rows_get_the_defaults_that_one_row_gets(store: Store) -> None:
    rows: list[dict[str, object]] = [
        {"key": f"look|zendesk:{n}", "kind": "look", "ref": f"zendesk:{n}", "state": "ready", "run_at": NOW, "at": NOW}
        for n in range(3)
    ]

    with store.write() as conn:
        assert len(add_all(conn, work, rows[:1])) == 1
        assert len(add_all(conn, work, rows)) == 2
        kept = conn.execute(select(work.c.payload, work.c.rung, work.c.fence)).all()

    assert kept == [("", 1, 0)] * 3


def test_a_value_may_stand_in_two_places(store: Store) -> None:
    with store.read() as conn:
        assert OLD.all(conn, now=NOW) == []


def test_an_insert_that_leaves_out_a_default_is_refused(store: Store) -> None:
    with store.write() as conn, pytest.raises(TypeError, match="payload"):
        Prepared(work.insert(), ["key", "kind", "ref", "state", "run_at", "at"]).all(conn)


@pytest.mark.long
def test_processes_that_start_at_once_on_an_empty_database_all_find_it_migrated(database_url: str) -> None:
    _empty(Store(database_url))
    start = "import sys; from bot.store import Store, migrate; migrate.migrate(Store(sys.argv[1]))"

    started = [subprocess.Popen([sys.executable, "-c", start, database_url], cwd=ROOT) for _ in range(4)]

    assert [process.wait(60) for process in started] == [0] * 4


def _empty(store: Store) -> None:
    if store.sqlite:
        Path(store.url.removeprefix("sqlite:///")).unlink()
    else:
        with store.write() as conn:
            conn.exec_driver_sql("DROP SCHEMA public CASCADE")
            conn.exec_driver_sql("CREATE SCHEMA public")


def test_a_connection_that_dies_is_one_failure_and_no_noise(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    if store.sqlite:
        pytest.skip("SQLite has no connection that could die")
    with pytest.raises(Unavailable):
        _die_while_reading(store)

    with store.read() as conn:
        assert not limits.stopped(conn)
    assert caplog.records == []


def _die_while_reading(store: Store) -> None:
    other = Store(store.url)
    with store.read() as conn, other.write() as killer:
        limits.stopped(conn)
        mine = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        killer.exec_driver_sql(f"SELECT pg_terminate_backend({mine}, 5000)")
        limits.stopped(conn)
