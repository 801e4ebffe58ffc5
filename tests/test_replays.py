"""A genuine request sent again, by the vendor or by whoever recorded it: a second after, five minutes, a month.

Ten of each vendor every day; `pytest -m heavy tests/test_replays.py` has the specification's 1,000.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import pytest
from sqlalchemy import func, select

from bot import sweep
from bot.ports import Request
from bot.store.tables import audit, delivery, draft, entry, event
from connectors.http import session
from connectors.stage import Server
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, Desk, desk
from tests.helpdesk import doorstep

pytestmark = pytest.mark.services
MOMENTS = (timedelta(seconds=1), timedelta(seconds=299), timedelta(hours=1), timedelta(days=30))
STAMPED = ("zendesk", "slack")  # the third has no time in what it signs: only what we remember stops a replay
QUESTIONS = (ASKS_RETURN, ASKS_UNKNOWN, "Thank you!")


class Recorded:
    """A desk whose webhooks are all recorded on their way."""

    def __init__(self, made: Desk) -> None:
        self.desk, self.requests = made, list[Request]()
        self._line, self._wire = session(), Server(doorstep(self.requests))
        for fake in made.fakes.values():
            fake.hook(self._wire.url)

    def stop(self) -> None:
        """Record no more, such as what the bot does itself."""
        for fake in self.desk.fakes.values():
            assert fake.courier.drain(timeout=120)
            fake.courier.url = ""
        self._wire.close()

    def send(self, request: Request) -> int:
        """One recorded request to the door, as it was; the status."""
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "connection")}
        return self._line.post(self.desk.url + request.path, data=request.body, headers=headers).status_code

    def send_all(self) -> set[int]:
        """All of them, several at a time, and everything that follows; the statuses."""
        with ThreadPoolExecutor(4) as pool:
            statuses = set(pool.map(self.send, self.requests))
        self.desk.settle()
        return statuses

    def effects(self) -> list[int]:
        """Whatever a request may lead to, at our side and at the vendors'."""
        columns = (event.c.key, draft.c.id, delivery.c.key, entry.c.seq)
        with self.desk.line.store.read() as conn:
            ours = [conn.scalar(select(func.count(column))) or 0 for column in columns]
            ours.append(conn.scalar(select(func.count(audit.c.seq)).where(audit.c.what != "refused")) or 0)
        return [*ours, *(len(fake.ledger.writes) for fake in self.desk.fakes.values())]


@pytest.fixture
def recorded(request: pytest.FixtureRequest, database_url: str, redis_url: str | None) -> Iterator[Recorded]:
    """A desk with the one helpdesk that the test names."""
    with desk(database_url, request.param, redis_url=redis_url) as made:
        recording = Recorded(made)
        yield recording


@pytest.mark.parametrize("count", [10, pytest.param(1_000, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("recorded", ["zendesk", "intercom", "slack"], indirect=True)
def test_what_was_recorded_has_no_second_effect_however_late(recorded: Recorded, count: int) -> None:
    made, [name] = recorded.desk, recorded.desk.fakes
    for number, text in enumerate(islice(cycle(QUESTIONS), count)):
        made.fakes[name].customer_says(text, customer=f"customer{number}@example.com")
    recorded.stop()
    began = datetime.now(UTC)
    assert recorded.send_all() == {200}
    assert len({request.body for request in recorded.requests}) == count

    for moment in MOMENTS:
        made.clock.ahead = began + moment - datetime.now(UTC)
        sweep.sweep(made.line, sweep.Upkeep(kept=timedelta(days=7)))
        made.settle()
        before = recorded.effects()
        statuses = recorded.send_all()
        assert recorded.effects() == before
        if moment > timedelta(minutes=6):
            assert statuses == ({401} if name in STAMPED else {200})


@pytest.mark.parametrize("recorded", ["zendesk"], indirect=True)
def test_a_zendesk_request_under_another_invocation_id_which_is_not_signed_has_no_second_effect(
    recorded: Recorded,
) -> None:
    recorded.desk.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com")
    recorded.stop()
    recorded.send_all()
    _, *before = recorded.effects()

    [genuine] = recorded.requests
    headers = {**genuine.headers, "x-zendesk-webhook-invocation-id": "MADEUP"}
    again = recorded.send(Request("POST", genuine.path, headers, genuine.body, genuine.at))
    recorded.desk.settle()

    _, *after = recorded.effects()  # a look is taken, which finds our own note; that is all
    assert (again, after) == (200, before)
