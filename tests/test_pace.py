"""How fast helpdesks are called, by all workers together."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

import app
from bot import pace, work
from bot.errors import Misconfigured
from bot.model import Ref
from bot.settings import Settings, read
from connectors.stage import Fault
from tests.desk import ASKS_RETURN, Desk, desk

FIRST, SECOND, OTHER = Ref("zendesk", "1"), Ref("zendesk", "2"), Ref("intercom", "1")


@pytest.fixture
def fernweh(database_url: str) -> Iterator[Desk]:
    with desk(database_url, "zendesk", "intercom") as made:
        yield made


def ring(made: Desk, *refs: Ref) -> None:
    with made.line.store.write() as conn:
        work.ring(conn, refs, made.clock())


def claimed(made: Desk) -> work.Job | None:
    with made.line.store.write() as conn:
        return work.claim(conn, made.clock())


def tickets(made: Desk, count: int) -> list[Ref]:
    """So many tickets whose webhooks never came."""
    made.fakes["zendesk"].knobs.lose = 1.0
    return [
        Ref("zendesk", made.fakes["zendesk"].customer_says(ASKS_RETURN, customer=f"{n}@x.eu")) for n in range(count)
    ]


def test_every_process_leaves_a_crowded_helpdesk_alone_and_works_for_the_others(fernweh: Desk) -> None:
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "60"))
    crowded = fernweh.ask(ASKS_RETURN, "zendesk")
    another = app.worker(fernweh.line)

    ring(fernweh, *tickets(fernweh, 3))
    other = fernweh.ask(ASKS_RETURN, "intercom")

    assert (another.drain(), fernweh.sent(crowded), len(fernweh.sent(other))) == (0, [], 1)
    assert another.due_in() is None
    with fernweh.line.store.read() as conn:
        assert [name for name, _, _ in pace.waiting(conn, fernweh.clock())] == ["zendesk"]
    fernweh.clock.forward(seconds=61)
    fernweh.settle()
    assert len(fernweh.sent(crowded)) == 1


def test_a_helpdesk_that_does_not_answer_is_left_alone_and_tried_again(fernweh: Desk) -> None:
    ring(fernweh, *tickets(fernweh, 8))
    fernweh.fakes["zendesk"].knobs.next.extend([Fault("status", 500)] * 8)

    fernweh.worker.drain()
    left = len(fernweh.fakes["zendesk"].knobs.next)
    fernweh.clock.forward(seconds=2)
    fernweh.worker.drain()
    then = len(fernweh.fakes["zendesk"].knobs.next)

    assert (left, then) == (8 - pace.OPENS_AT, 8 - pace.OPENS_AT - 1)  # the first that fails again closes it at once
    fernweh.fakes["zendesk"].knobs.next.clear()
    fernweh.clock.forward(minutes=2)
    fernweh.settle()
    assert (fernweh.waiting(), dict(fernweh.worker.failures)) == (0, {})


def test_a_failure_now_and_then_leaves_nobody_alone(fernweh: Desk) -> None:
    for name in tickets(fernweh, 10):
        fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 500))
        ring(fernweh, name)
        fernweh.worker.drain()
        fernweh.clock.forward(seconds=6)
        fernweh.worker.drain()

    with fernweh.line.store.read() as conn:
        assert pace.waiting(conn, fernweh.clock() - timedelta(hours=1)) == []


def looked_during_a_call(made: Desk, threads: int) -> tuple[list[Ref], list[Ref]]:
    """What another of so many threads of a process looks at during its first call, and what is left for later."""
    looked: list[Ref] = []

    def look(job: work.Job) -> None:
        looked.append(job.ref)
        if job.ref == FIRST:
            other = threading.Thread(target=worker.drain)
            other.start()
            other.join()
            during.extend(looked[1:])

    during: list[Ref] = []
    worker = replace(made.worker, handlers={"look": look}, threads=threads)
    worker.drain()
    return during, looked[1 + len(during) :]


def test_one_thread_is_left_for_the_other_helpdesks_should_all_calls_hang(fernweh: Desk) -> None:
    ring(fernweh, FIRST, SECOND, OTHER)

    assert looked_during_a_call(fernweh, threads=2) == ([OTHER], [SECOND])


def test_a_call_holds_nobody_up_while_there_are_threads_enough(fernweh: Desk) -> None:
    ring(fernweh, FIRST, SECOND, OTHER)

    assert looked_during_a_call(fernweh, threads=3) == ([SECOND, OTHER], [])


def test_a_process_that_died_in_a_call_keeps_nobody_from_its_helpdesk(fernweh: Desk) -> None:
    ring(fernweh, FIRST, SECOND, OTHER)
    claimed(fernweh)
    fernweh.clock.forward(seconds=6)

    looked: list[Ref] = []
    replace(fernweh.worker, handlers={"look": lambda job: looked.append(job.ref)}).drain()

    assert looked == [SECOND, OTHER]


def test_what_calls_nobody_waits_for_no_helpdesk(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        pace.leave_alone(conn, "zendesk", fernweh.clock() + timedelta(minutes=1), "crowded")
        work.ask(conn, "learn", "x", FIRST, fernweh.clock())

    assert claimed(fernweh) is not None


def test_a_budget_lets_a_burst_through_and_then_so_many_a_minute(fernweh: Desk) -> None:
    thrifty = replace(fernweh.worker, budgets={"zendesk": 60.0})
    ring(fernweh, *(Ref("zendesk", str(n)) for n in range(100, 140)))  # none of them is there: one visit each

    at_once = thrifty.drain()
    fernweh.clock.forward(seconds=5)
    later = thrifty.drain()

    assert (at_once, later) == (11, 5)


def test_a_later_time_is_never_brought_forward(fernweh: Desk) -> None:
    late, soon = fernweh.clock() + timedelta(minutes=5), fernweh.clock() + timedelta(minutes=1)
    with fernweh.line.store.write() as conn:
        pace.leave_alone(conn, "zendesk", late, "crowded, it says")
        pace.leave_alone(conn, "zendesk", soon, "does not answer")

    with fernweh.line.store.read() as conn:
        assert pace.waiting(conn, fernweh.clock()) == [("zendesk", late, "crowded, it says")]


@pytest.mark.parametrize("budgets", ["zendesk", "zendesk=", "=5", "zendesk=0", "zendesk=fast", "zendesk=-1"])
def test_an_odd_budget_is_named(budgets: str) -> None:
    with pytest.raises(Misconfigured, match="BUDGETS"):
        read({"SECRET_KEY": "x" * 32, "BUDGETS": budgets})


def test_budgets_are_read_by_helpdesk() -> None:
    assert read({"SECRET_KEY": "x" * 32, "BUDGETS": "zendesk=200, intercom=0.5"}).budgets == {
        "zendesk": 200.0,
        "intercom": 0.5,
    }
    assert Settings().budgets == {}
