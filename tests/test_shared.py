"""Threads that wait for a turn at the database have it together."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, func, select

from bot.errors import Unavailable
from bot.store import Store
from bot.store.statements import add
from bot.store.tables import inbox
from tests.waits import until

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

Act = Callable[[Connection], object]


def keep(name: str) -> Act:
    return lambda conn: add(conn, inbox, source="test", id=name, at=NOW)


def kept(store: Store) -> set[str]:
    with store.read() as conn:
        return set(conn.scalars(select(inbox.c.id)))


def all_at_once(store: Store, *acts: Act) -> list[object]:
    """What each gave or raised; they wait together while another has the turn."""
    first, go = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        first.set()
        assert go.wait(10)

    with ThreadPoolExecutor(len(acts) + 1) as pool:
        pool.submit(store.share, hold)
        assert first.wait(10)
        asked = [pool.submit(store.share, act) for act in acts]
        until(lambda: not store.sqlite or len(store._shared._waiting) == len(acts))
        go.set()
        return [one.exception() or one.result() for one in asked]


def transactions(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows with each."""
    seen, write = [], store._connections.writing

    def counted(*, durable: bool) -> object:
        seen.append(durable)
        return write(durable=durable)

    monkeypatch.setattr(store._connections, "writing", counted)
    return seen


def test_who_waits_at_the_same_time_is_committed_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = transactions(store, monkeypatch)
    assert all_at_once(store, *map(keep, "abcde")) == [True] * 5
    assert kept(store) == set("abcde")
    assert len(begun) == (2 if store.sqlite else 6)


def test_nobody_pays_for_another_s_failure(store: Store) -> None:
    def fail(conn: Connection) -> None:
        keep("half")(conn)
        raise ValueError("a bug")

    a, failed, c = all_at_once(store, keep("a"), fail, keep("c"))
    assert (a, c) == (True, True)
    assert isinstance(failed, ValueError)
    assert kept(store) == {"a", "c"}


def test_where_the_commit_fails_for_good_each_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*, durable: bool) -> object:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(store._connections, "writing", full)
    for _ in range(2):  # and whoever comes later too
        with pytest.raises(Unavailable, match="full"):
            store.share(keep("a"))
    monkeypatch.undo()
    assert store.share(keep("a")) is True


def test_a_thread_that_is_ended_in_it_ends_nobody_else_for_ever(store: Store) -> None:
    def leave(_conn: Connection) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        store.share(leave)
    assert store.share(lambda conn: conn.scalar(select(func.count()).select_from(inbox))) == 0
