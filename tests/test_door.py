"""The door for vendors: what is refused, what is kept, and that 200 means stored."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import func, select

from bot.store.tables import inbox, work
from tests.desk import Desk, desk

pytestmark = pytest.mark.services
APP = "fernweh1"


@pytest.fixture
def intercom(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Intercom only."""
    with desk(database_url, "intercom", redis_url=redis_url) as made:
        yield made


def stored(made: Desk) -> tuple[int, int]:
    """(webhooks remembered, work rows)."""
    with made.line.store.read() as conn:
        rows = [conn.scalar(select(func.count()).select_from(t)) or 0 for t in (inbox, work)]
    return rows[0], rows[1]


def post(made: Desk, body: bytes, path: str = "/webhooks/intercom", **headers: str) -> requests.Response:
    """A request to the door, signed well unless `headers` say otherwise."""
    signed = {"Content-Type": "application/json", **made.fakes["intercom"].courier.sign(body, made.clock())}
    sent = {k: v for k, v in {**signed, **{n.replace("_", "-"): v for n, v in headers.items()}}.items() if v}
    return requests.post(made.url + path, data=body, headers=sent, timeout=5)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"X_Hub_Signature": ""}, 401),
        (b"{}", {"X_Hub_Signature": "sha1=" + "0" * 40}, 401),
        (b"{}", {"X_Hub_Signature": "sha1=\u0661"}, 401),
        (b"not json", {}, 400),
        (b"[1, 2]", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"{}", {"Content_Type": "text/html"}, 400),
        (b"{}", {"Content_Encoding": "gzip"}, 400),
        (b" " * 1_048_577, {}, 413),
    ],
)
def test_what_is_forged_or_malformed_is_refused_counted_and_not_stored(
    intercom: Desk, body: bytes, headers: dict[str, str], status: int
) -> None:
    sent = {k: v.encode().decode("latin-1") for k, v in headers.items()}

    answer = post(intercom, body, **sent)

    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert stored(intercom) == (0, 0)
    assert intercom.refused == {f"intercom {status}": 1}


@pytest.mark.parametrize("name", ["zendesk", "intercom", "slack"])
def test_a_signed_body_that_is_not_utf_8_is_malformed(database_url: str, name: str) -> None:
    with desk(database_url, name) as made:
        body = '{"type": "event_callback", "event": {}}'.encode("utf-16")
        seal = made.fakes[name].courier.sign(body, made.clock())
        headers = {"Content-Type": "application/json", "X-Zendesk-Webhook-Invocation-Id": "01HRING", **seal}

        answer = requests.post(f"{made.url}/webhooks/{name}", data=body, headers=headers, timeout=5)

        assert answer.status_code == 400
        assert stored(made) == (0, 0)


def test_a_chunked_body_over_the_cap_is_refused_and_not_cut(intercom: Desk) -> None:
    chunks = (b" " * 65_536 for _ in range(20))
    headers = {"Content-Type": "application/json", "X-Hub-Signature": "sha1=" + "0" * 40}

    answer = requests.post(intercom.url + "/webhooks/intercom", data=chunks, headers=headers, timeout=5)

    assert answer.status_code == 413


def test_the_same_notification_is_acted_on_once_for_ever(intercom: Desk) -> None:
    body = json.dumps(
        {
            "type": "notification_event",
            "id": "notif_1",
            "app_id": APP,
            "topic": "conversation.user.replied",
            "created_at": int(intercom.clock().timestamp()),
            "data": {"type": "notification_event_data", "item": {"type": "conversation", "id": "77"}},
        }
    ).encode()

    assert [post(intercom, body).status_code for _ in range(3)] == [200, 200, 200]
    with intercom.line.store.read() as conn:
        assert conn.scalar(select(work.c.rung).where(work.c.key == "look|intercom:77")) == 1


def test_many_at_once_are_all_kept_and_doubles_among_them_count_once(intercom: Desk) -> None:
    def notification(number: int) -> bytes:
        return json.dumps(
            {
                "type": "notification_event",
                "id": f"notif_{number}",
                "app_id": APP,
                "topic": "conversation.user.replied",
                "created_at": int(intercom.clock().timestamp()),
                "data": {"type": "notification_event_data", "item": {"type": "conversation", "id": str(number % 10)}},
            }
        ).encode()

    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda n: post(intercom, notification(n // 2)).status_code, range(200)))

    assert answers == [200] * 200
    with intercom.line.store.read() as conn:
        assert conn.scalar(select(func.sum(work.c.rung))) == 100
    assert stored(intercom) == (100, 10)


def test_an_unknown_topic_is_answered_and_logged_once(intercom: Desk, caplog: pytest.LogCaptureFixture) -> None:
    note = {
        "type": "notification_event", "id": "notif_2", "app_id": APP, "topic": "spaceship.landed",
        "created_at": int(intercom.clock().timestamp()), "data": {"type": "notification_event_data", "item": {}},
    }  # fmt: skip

    answers = [post(intercom, json.dumps({**note, "id": f"notif_{i}"}).encode()).status_code for i in range(2, 5)]

    assert answers == [200, 200, 200]
    assert [r.message for r in caplog.records if r.message == "unknown event kind"] == ["unknown event kind"]
    assert stored(intercom)[1] == 0


def test_no_webhook_is_acknowledged_while_the_store_is_away(intercom: Desk) -> None:
    with intercom.line.store.engine.connect() as conn:
        conn.exec_driver_sql("ALTER TABLE work RENAME TO work_away")
        conn.commit()

    intercom.fakes["intercom"].customer_says("Hello?", customer="maria@example.com")
    assert intercom.fakes["intercom"].courier.drain()

    assert {status for status, _ in intercom.fakes["intercom"].courier.answers} == {503}
    assert "Traceback" not in intercom.fakes["intercom"].courier.answers[0][1]


def test_a_probe_is_answered_and_a_stranger_is_not(intercom: Desk) -> None:
    assert requests.head(intercom.url + "/webhooks/intercom", timeout=5).status_code == 200
    assert post(intercom, b"{}", path="/webhooks/helpscout").status_code == 404
    assert post(intercom, b"{}", path="/panels/intercom").status_code == 404
