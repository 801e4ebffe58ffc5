"""Sent once and never lost, in the corners: two of the same words, a card that is changed, calls that take too long."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

import app
from bot import allow, deliver, sweep, work
from bot.errors import Unavailable
from bot.model import Delivery, DeliveryState, Policy, Ref
from bot.ports import Late, never
from bot.store import Store
from bot.store.tables import delivery as delivery_rows
from bot.store.tables import work as rows
from bot.worker import Worker
from connectors.stage import Fault
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, INES, Desk, desk

pytestmark = pytest.mark.services
REVIEW = Ref("slack", "review")


@pytest.fixture
def fernweh(database_url: str) -> Iterator[Desk]:
    with desk(database_url) as made:
        yield made


def licensed(made: Desk) -> None:
    """Replies about returns go out by themselves."""
    made.policy(Policy(version=1, reply_at=0.3, suggest_at=0.2))
    with made.line.store.write() as conn:
        allow.grant(conn, "returns", INES, 7, made.clock())


def in_time(made: Desk, seconds: int = 60) -> None:
    """Let time pass and workers work."""
    for _ in range(seconds // 6):
        made.clock.forward(seconds=6)
        made.settle()


def test_a_lost_reply_with_the_words_of_an_earlier_one_is_not_taken_for_it(fernweh: Desk) -> None:
    licensed(fernweh)
    ref, fake = fernweh.ask(ASKS_RETURN, "intercom"), fernweh.fakes["intercom"]
    fake.knobs.writes_only = True
    fake.knobs.next.append(Fault("lost"))

    fake.customer_says(ASKS_RETURN, customer="maria@example.com", conversation=ref.id)
    fernweh.settle()
    in_time(fernweh)

    sent = [d.vendor_id for d in fernweh.deliveries(ref) if d.state is DeliveryState.SENT]
    assert len(set(sent)) == len(sent) == len(fernweh.sent(ref)) == 2


def test_a_change_of_a_card_whose_answer_is_lost_is_found_again(fernweh: Desk) -> None:
    ref, slack = fernweh.ask(ASKS_UNKNOWN), fernweh.fakes["slack"]
    fernweh.agent(ref, "Yes, we can engrave initials on the aluminium trolley for 15 euros. Write them into the notes.")
    slack.press(slack.cards()[0].id, "accept", "U_INES")
    slack.knobs.writes_only = True
    slack.knobs.next.append(Fault("drop"))

    fernweh.settle()
    in_time(fernweh)

    assert [d.state for d in fernweh.deliveries(REVIEW)] == [DeliveryState.SENT, DeliveryState.SENT]


class Dawdler:
    """A connector that takes 80 seconds to read, and while it sends 16 pass and what the dead held is taken back."""

    def __init__(self, real: Any, made: Desk) -> None:
        self.real, self.made, self.taken_back = real, made, list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def fetch(self, ref: Ref) -> Any:
        self.made.clock.forward(seconds=80)
        return self.real.fetch(ref)

    def deliver(self, delivery: Delivery, late: Late = never) -> Any:
        self.made.clock.forward(seconds=16)
        self.taken_back.append(sweep.reclaim(self.made.line))
        return self.real.deliver(delivery, late)


def test_a_send_has_a_whole_lease_however_long_it_took_to_get_there(fernweh: Desk) -> None:
    licensed(fernweh)
    dawdler = Dawdler(fernweh.line.connectors["intercom"], fernweh)
    line = replace(fernweh.line, connectors={**fernweh.line.connectors, "intercom": dawdler})

    fernweh.fakes["intercom"].knobs.lose = 1.0
    ref = Ref("intercom", fernweh.fakes["intercom"].customer_says(ASKS_RETURN, customer="maria@example.com"))
    with line.store.write() as conn:
        work.ring(conn, [ref], line.now())
    app.worker(line).drain()

    assert (dawdler.taken_back, len(fernweh.sent(ref))) == ([0], 1)


class Frozen:
    """A connector of a process that stands still on its way to the vendor, between the gate and the wire."""

    def __init__(self, real: Any, stand_still: Callable[[], None]) -> None:
        self.real, self.stand_still = real, stand_still

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def deliver(self, delivery: Delivery, late: Late = never) -> Any:
        self.stand_still()
        return self.real.deliver(delivery, late)


@pytest.mark.parametrize("name", ["intercom", "slack", "zendesk"])
def test_a_worker_that_was_frozen_behind_the_gate_sends_nothing_once_others_have_settled_it(
    fernweh: Desk, name: str
) -> None:
    licensed(fernweh)
    fernweh.fakes[name].knobs.lose = 1.0
    ref = Ref(name, fernweh.fakes[name].customer_says(ASKS_RETURN, customer="maria@example.com"))
    with fernweh.line.store.write() as conn:
        work.ring(conn, [ref], fernweh.line.now())

    def others_go_on() -> None:
        fernweh.clock.forward(seconds=91)
        sweep.reclaim(fernweh.line)
        in_time(fernweh)
        in_time(fernweh)

    frozen = Frozen(fernweh.line.connectors[name], others_go_on)
    line = replace(fernweh.line, connectors={**fernweh.line.connectors, name: frozen})
    app.worker(line).drain()

    assert len(fernweh.sent(ref)) == 1


def test_nothing_leaves_before_it_is_on_the_disk_that_it_is_being_sent(fernweh: Desk) -> None:
    happened: list[str] = []

    class Told(Store):
        def flush(self) -> None:
            with self.read() as conn:
                happened.append(f"flushed while {conn.scalar(select(delivery_rows.c.state))}")
            super().flush()

    store = Told(fernweh.line.store.url)
    sends = Frozen(fernweh.line.connectors["zendesk"], lambda: happened.append("sent"))
    line = replace(fernweh.line, store=store, connectors={**fernweh.line.connectors, "zendesk": sends})
    fernweh.fakes["zendesk"].knobs.lose = 1.0
    ref = Ref("zendesk", fernweh.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com"))
    with store.write() as conn:
        work.ring(conn, [ref], line.now())

    app.worker(line).drain()

    store.close()
    assert happened == ["flushed while sending", "sent"]


def test_a_database_behind_a_symbolic_link_is_brought_to_the_disk_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "understudy.db").symlink_to(tmp_path / "elsewhere" / "real.db")

    with desk(f"sqlite:///{tmp_path}/understudy.db", "zendesk") as made:
        assert len(made.sent(made.ask(ASKS_RETURN))) == 1


def test_a_disk_that_fails_before_the_call_is_no_try_and_nothing_is_sent(fernweh: Desk) -> None:
    class Fails(Store):
        def flush(self) -> None:
            raise Unavailable("the store cannot write: Input/output error")

    store = Fails(fernweh.line.store.url)
    fernweh.fakes["zendesk"].knobs.lose = 1.0
    ref = Ref("zendesk", fernweh.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com"))
    with store.write() as conn:
        work.ring(conn, [ref], fernweh.line.now())

    app.worker(replace(fernweh.line, store=store)).drain()

    store.close()
    [sending] = fernweh.deliveries(ref)
    assert (sending.state, sending.tries, fernweh.sent(ref)) == (DeliveryState.APPROVED, 0, [])


@pytest.mark.parametrize("clock", ["steady", "wall"])
def test_what_took_longer_than_half_a_minute_from_the_gate_is_not_sent_whichever_clock_noticed(
    fernweh: Desk, clock: str
) -> None:
    steady, wall = [0.0], [fernweh.line.now()]
    line = replace(fernweh.line, steady=lambda: steady[0], now=lambda: wall[0])

    late = partial(deliver._late, line, 0.0, wall[0])
    before = late()
    if clock == "steady":
        steady[0] += 31
    else:
        wall[0] += timedelta(seconds=31)

    assert (before, late()) == (False, True)


def test_while_everything_is_stopped_no_helpdesk_is_asked_about_what_waits(fernweh: Desk) -> None:
    licensed(fernweh)
    with fernweh.line.store.write() as conn:
        allow.stop(conn, "ines", "", fernweh.clock(), on=True)
    ref, zendesk = fernweh.ask(ASKS_RETURN), fernweh.fakes["zendesk"]
    zendesk.seen.clear()

    in_time(fernweh)

    assert (list(zendesk.seen), fernweh.sent(ref)) == ([], [])


def test_what_was_done_is_written_down_although_the_store_was_busy_at_first(store: Store) -> None:
    at, refused = datetime(2026, 11, 21, tzinfo=UTC), iter([True, True, False])
    done: list[str] = []

    def handle(job: work.Job) -> work.Effect:
        def effect(conn: Connection) -> None:
            if next(refused):
                raise Unavailable("the store cannot write: DeadlockDetected")
            done.append(job.key)

        return effect

    with store.write() as conn:
        work.ask(conn, "event", "1", Ref("zendesk", "1"), at)
    Worker(store, {"event": handle}, lambda *_: None, lambda: at).drain()

    assert done == ["event|1"]
    with store.read() as conn:
        assert [(r.state, r.crashes) for r in conn.execute(rows.select())] == [("done", 0)]
