"""What the sweep does beside making good what was lost: it leaves helpdesks alone, and forgets what is no use."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import app
from bot import pace, sweep, work
from bot.model import Ref
from bot.ports import Stamped
from bot.settings import Settings
from bot.store import conversations, reviews
from bot.store.tables import inbox, nonce
from connectors.stage import Fault
from tests.desk import ASKS_RETURN, Desk, desk
from tests.waits import until

pytestmark = pytest.mark.services


@pytest.fixture
def fernweh(database_url: str) -> Iterator[Desk]:
    with desk(database_url) as made:
        yield made


def alone(made: Desk) -> list[tuple[str, str]]:
    """Helpdesks that are left alone, and why."""
    with made.line.store.read() as conn:
        return [(name, why) for name, _, why in pace.waiting(conn, made.clock())]


def calls(made: Desk, upkeep: sweep.Upkeep | None = None) -> int:
    """How many calls a sweep makes to Zendesk."""
    before = len(made.fakes["zendesk"].seen)
    sweep.sweep(made.line, upkeep)
    return len(made.fakes["zendesk"].seen) - before


def sources(made: Desk) -> dict[str, int]:
    """How many webhooks are known, by helpdesk."""
    with made.line.store.read() as conn:
        rows = conn.execute(select(inbox.c.source, func.count()).group_by(inbox.c.source))
        return {row[0]: row[1] for row in rows}


def test_a_sweep_that_a_helpdesk_calls_one_too_many_leaves_it_alone_for_as_long_as_it_says(fernweh: Desk) -> None:
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "600"))

    sweep.sweep(fernweh.line)

    assert alone(fernweh) == [("zendesk", "crowded, it says")]
    fernweh.clock.forward(seconds=590)
    assert calls(fernweh) == 0
    fernweh.clock.forward(seconds=11)
    assert calls(fernweh) > 0


def test_a_helpdesk_that_says_never_is_asked_again_after_an_hour(fernweh: Desk) -> None:
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "999999999999"))

    sweep.sweep(fernweh.line)

    fernweh.clock.forward(minutes=59)
    assert calls(fernweh) == 0
    fernweh.clock.forward(minutes=2)
    assert calls(fernweh) > 0


class Hangs:
    """A helpdesk whose list never ends; `asked` once somebody waits for it."""

    def __init__(self, real: Any) -> None:
        self.real, self.asked, self.ends = real, threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def changed(self, _since: datetime) -> Iterator[Ref]:
        self.asked.set()
        self.ends.wait(30)
        return iter(())


def test_a_helpdesk_whose_list_never_ends_keeps_nobody_waiting(fernweh: Desk, tmp_path: Path) -> None:
    hangs, found = Hangs(fernweh.line.connectors["intercom"]), threading.Event()
    line = replace(fernweh.line, connectors={"intercom": hangs, **without(fernweh, "intercom")}, wake=Rings(found))
    fernweh.fakes["zendesk"].knobs.lose = 1.0
    fernweh.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com")

    with app.working(line, Settings(sweep_every=0.01, workers=0, anchors=tmp_path / "anchors")):
        assert hangs.asked.wait(10)
        assert found.wait(10)
        until((tmp_path / "anchors").exists)
        hangs.ends.set()


def without(made: Desk, name: str) -> dict[str, Any]:
    """The other helpdesks."""
    return {other: desk for other, desk in made.line.connectors.items() if other != name}


class Rings:
    """A wake-up that a test waits for."""

    def __init__(self, found: threading.Event) -> None:
        self.wake = found.set


def test_what_came_while_our_clock_was_ahead_is_found_once_it_is_put_right(fernweh: Desk) -> None:
    fernweh.clock.set(minutes=10)
    sweep.reclaim(fernweh.line)
    sweep.sweep(fernweh.line)
    fernweh.clock.set()
    fernweh.fakes["zendesk"].knobs.lose = 1.0
    fernweh.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com")

    sweep.reclaim(fernweh.line)
    fernweh.clock.forward(minutes=5)

    assert sweep.sweep(fernweh.line) == 1


def test_a_clock_that_is_put_right_while_a_list_is_read_leaves_no_gap(fernweh: Desk) -> None:
    zendesk, put_right = fernweh.line.connectors["zendesk"], threading.Event()

    class PutRight(Hangs):
        def changed(self, since: datetime) -> Iterator[Ref]:
            if not put_right.is_set():
                put_right.set()
                fernweh.clock.set()
                sweep.reclaim(fernweh.line)
            return iter(list(zendesk.changed(since)))

    line = replace(fernweh.line, connectors={"zendesk": PutRight(zendesk)})
    fernweh.clock.set(minutes=10)
    sweep.reclaim(line)
    sweep.sweep(line)
    fernweh.fakes["zendesk"].knobs.lose = 1.0
    fernweh.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com")
    fernweh.clock.forward(minutes=5)

    assert sweep.sweep(line) == 1


def test_a_helpdesk_that_does_not_answer_five_sweeps_is_left_alone(fernweh: Desk) -> None:
    upkeep = sweep.Upkeep()
    fernweh.fakes["zendesk"].knobs.next.extend([Fault("status", 500)] * pace.OPENS_AT)

    for _ in range(pace.OPENS_AT - 1):
        sweep.sweep(fernweh.line, upkeep)
    assert alone(fernweh) == []
    sweep.sweep(fernweh.line, upkeep)

    assert [name for name, _ in alone(fernweh)] == ["zendesk"]
    fernweh.clock.forward(seconds=2)
    assert (calls(fernweh, upkeep) > 0, upkeep.failures) == (True, Counter())


def test_a_sweep_is_one_call_of_the_budget_and_comes_even_when_that_is_used_up(fernweh: Desk) -> None:
    upkeep = sweep.Upkeep(budgets={"zendesk": 1.0})

    assert calls(fernweh, upkeep) > 0
    assert alone(fernweh) == [("zendesk", "1 a minute are used up")]
    assert calls(fernweh, upkeep) > 0

    with fernweh.line.store.read() as conn:
        [(_, until, _)] = pace.waiting(conn, fernweh.clock())
    assert timedelta(seconds=100) < until - fernweh.clock() < timedelta(seconds=110)


def test_webhooks_that_are_refused_by_their_age_are_forgotten_and_change_nothing(fernweh: Desk) -> None:
    old = [fernweh.ask(ASKS_RETURN, name) for name in ("zendesk", "intercom", "slack")]
    before = {ref: (fernweh.sent(ref), len(fernweh.deliveries(ref))) for ref in old}
    assert {name for name, connector in fernweh.line.connectors.items() if isinstance(connector, Stamped)} == {
        "zendesk",
        "slack",
    }
    intercoms = sources(fernweh)["intercom"]
    invocation = {"X-Zendesk-Webhook-Invocation-Id": "01F0000000000000000000000A"}
    repeated = [fernweh.fakes[name].courier.post for name in ("zendesk", "slack")]
    assert [post(b"{}", invocation)[0] for post in repeated] == [400, 400]  # signed well, and now

    fernweh.clock.forward(days=4)
    sweep.sweep(fernweh.line)
    fernweh.settle()

    assert sources(fernweh) == {"intercom": intercoms}
    assert [post(b"{}", invocation)[0] for post in repeated] == [401, 401]  # the same, four days later
    with fernweh.line.store.write() as conn:
        work.ring(conn, old, fernweh.clock())
    fernweh.settle()
    assert {ref: (fernweh.sent(ref), len(fernweh.deliveries(ref))) for ref in old} == before


def test_webhooks_of_today_are_known_tomorrow(fernweh: Desk) -> None:
    fernweh.ask(ASKS_RETURN, "zendesk")
    before = sources(fernweh)

    fernweh.clock.forward(days=2)
    sweep.tidy(fernweh.line)

    assert sources(fernweh) == before


def test_questions_whose_time_was_over_long_ago_are_forgotten_and_stay_refused(fernweh: Desk) -> None:
    now, late = fernweh.clock(), fernweh.clock() + timedelta(days=40)
    with fernweh.line.store.write() as conn:
        for name, days in (("n-used", 1), ("n-open", 1), ("n-pressed", 1), ("n-good", 20)):
            reviews.add_nonce(conn, name, "draft:a-1", "digest", now + timedelta(days=days))
        assert reviews.use_nonce(conn, "n-used", "tomasz", now)
        work.ask(conn, "verdict", "press", Ref("verdict", "n-pressed"), late)
    fernweh.clock.forward(days=40)

    sweep.tidy(fernweh.line)

    with fernweh.line.store.write() as conn:
        assert sorted(conn.scalars(select(nonce.c.id))) == ["n-good", "n-pressed"]
        assert not any(reviews.use_nonce(conn, name, "ines", late) for name in ("n-used", "n-open", "n-good"))


def test_the_cursor_moves_on_a_slack_channel_with_more_questions_than_we_read(
    fernweh: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("connectors.slack.connector.MANY", 2)
    monkeypatch.setattr("connectors.slack.web.PAGES", 2)
    fernweh.fakes["slack"].knobs.lose = 1.0
    refs = [fernweh.ask(f"{ASKS_RETURN} {number}", "slack") for number in range(5)]

    found = [sweep.sweep(fernweh.line) for _ in range(2)]
    fernweh.settle()

    assert found == [4, 4]
    assert [len(fernweh.sent(ref)) for ref in refs] == [0, 0, 0, 0, 0]
    assert [len(fernweh.deliveries(ref)) for ref in refs] == [0, 1, 1, 1, 1]
    assert caplog.messages == ["threads left out"]
    with fernweh.line.store.read() as conn:
        cursor = conversations.looked_to(conn, "slack")
    assert cursor
    assert fernweh.clock() - cursor < timedelta(minutes=1)
