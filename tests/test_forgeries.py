"""Who is not the vendor: generated forgeries are refused at a real door, whatever they are, and change nothing.

500 for each sender every day; `pytest -m heavy tests/test_forgeries.py` has the specification's 20,000.
"""

import http.client
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

import app
from bot.backends.workers import Bell
from bot.settings import Settings
from bot.store import Store
from bot.store.tables import inbox, work
from connectors import load
from connectors.stage import Server
from tests.forgeries import CURRENT, FAMILIES, FRESH, NOW, PREVIOUS, SECOND, SENDERS, Post, forgeries

pytestmark = pytest.mark.services
SEED = 7
SECRETS = {
    "zendesk": "ZENDESK_WEBHOOK_SECRET",
    "intercom": "INTERCOM_CLIENT_SECRET",
    "slack": "SLACK_SIGNING_SECRET",
}


@dataclass
class Door:
    """A door whose clock stands still, in the middle of a rotation of every secret."""

    line: http.client.HTTPConnection
    store: Store
    refused: Counter[str]

    def knock(self, post: Post) -> int:
        """Send it as it is; the status."""
        self.line.putrequest("POST", post.path, skip_accept_encoding=True)
        for name, value in post.headers:
            self.line.putheader(name, value)
        self.line.putheader("Content-Length", str(len(post.body)))
        self.line.endheaders(post.body)
        answer = self.line.getresponse()
        answer.read()
        return answer.status

    def kept(self) -> tuple[int, int]:
        """(webhooks remembered, work rows)."""
        with self.store.read() as conn:
            inside, waiting = (conn.scalar(select(func.count()).select_from(table)) or 0 for table in (inbox, work))
        return inside, waiting


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    """All three helpdesks behind one door."""
    fakes = [load(name, "fake").Fake() for name in SECRETS]
    env = {name: value for fake in fakes for name, value in fake.settings().items()}
    for setting in SECRETS.values():
        env |= {setting: CURRENT, f"{setting}_PREVIOUS": PREVIOUS}
    chosen = Settings(database_url=database_url, secret=b"0" * 32)
    line, refused = app.build(chosen, app.connect(env), Bell(), lambda: NOW), Counter[str]()
    server = Server(app.web(line, refused))
    yield Door(http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10), line.store, refused)
    server.close()
    for fake in fakes:
        fake.close()
    line.store.close()


@pytest.mark.parametrize("count", [500, pytest.param(20_000, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("name", SENDERS)
def test_forgeries_of_every_family_are_refused_and_the_vendor_is_let_in(
    door: Door, name: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    sender = SENDERS[name]

    answers = [(family, post, door.knock(post)) for family, post in forgeries(sender, count, SEED)]

    assert [answer for answer in answers if answer[2] != 401] == []
    assert door.refused == {f"{sender.name} 401": count}
    assert door.kept() == (0, 0)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert door.knock(sender.post()) == 200


def test_the_families_are_all_there() -> None:
    made = Counter(name for name, _ in forgeries(SENDERS["zendesk"], 500, SEED))

    assert len(FAMILIES) == 26
    assert min(made.values()) >= 19


@pytest.mark.parametrize("name", SENDERS)
def test_what_is_genuine_is_let_in_under_both_secrets_of_a_rotation(door: Door, name: str) -> None:
    sender = SENDERS[name]

    assert [door.knock(sender.post(secret)) for secret in (CURRENT, PREVIOUS)] == [200, 200]
    assert door.refused == {}


@pytest.mark.parametrize("name", [name for name, sender in SENDERS.items() if sender.stamp_header])
@pytest.mark.parametrize(
    ("off", "status"),
    [(FRESH - SECOND, 200), (FRESH, 200), (FRESH + SECOND, 401), (timedelta(), 200)],
    ids=["299 s", "300 s", "301 s", "now"],
)
def test_a_stamp_is_good_for_three_hundred_seconds_to_the_second(
    door: Door, name: str, off: timedelta, status: int
) -> None:
    assert [door.knock(SENDERS[name].post(at=at)) for at in (NOW - off, NOW + off)] == [status, status]


@pytest.mark.long
def test_every_genuine_request_of_many_is_let_in(door: Door) -> None:
    for sender in SENDERS.values():
        posts = [sender.post(secret, NOW - SECOND * (n % 300)) for n in range(50) for secret in (CURRENT, PREVIOUS)]
        assert {door.knock(post) for post in posts} == {200}
        assert door.knock(replace(posts[0], path=sender.path + "/")) == 404
