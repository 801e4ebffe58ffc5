"""Zendesk's samples as what the line reads, and what becomes of webhooks."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import Forged, Malformed
from bot.model import Attachment, Change, Conversation, Customer, Message, Ref, Role, Status
from bot.ports import Received, Request
from connectors import zendesk
from connectors.zendesk.connector import connect
from connectors.zendesk.fake import Fake
from connectors.zendesk.reading import INLINE, Staff, conversation
from connectors.zendesk.shapes import Audit, TicketAnswer

SAMPLES = Path(zendesk.__file__).parent / "samples"
AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BODY = b'{"ticket_id": "42"}'
HEADERS = {  # signed with the fixed secret of the vendor's test button
    "x-zendesk-webhook-signature-timestamp": "2026-03-02T08:00:00Z",
    "x-zendesk-webhook-signature": "c32Dh8Mf74/YNzpSwrWHlOAYOHBAFFq0lypzZ9VMM7s=",
    "x-zendesk-webhook-invocation-id": "01HQINVOCATION",
}
ENV = {
    "ZENDESK_SUBDOMAIN": "fernweh",
    "ZENDESK_CLIENT_ID": "u",
    "ZENDESK_CLIENT_SECRET": "s",
    "ZENDESK_AUTHOR_ID": "900",
    "ZENDESK_ACCOUNT_ID": "4711",
    "ZENDESK_WEBHOOK_SECRET": "new-secret",
    "ZENDESK_WEBHOOK_SECRET_PREVIOUS": "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
}


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute, second, tzinfo=UTC)


def seen_as(audits: list[dict[str, object]]) -> Conversation:
    """The sample ticket with these audits."""
    answer = TicketAnswer.model_validate_json((SAMPLES / "ticket.json").read_bytes())
    events = [event for audit in audits for event in Audit.model_validate(audit).events]
    users = {u.id: u for u in answer.users}
    return conversation(answer, events, users, Staff("900", frozenset({"900", "-1"})), "Fernweh", "https://x.example")


def received(headers: dict[str, str], body: bytes = BODY) -> Received:
    changed = {f"x-zendesk-webhook-{name}": value for name, value in headers.items()}
    return connect(ENV).receive(Request("POST", "/webhooks/zendesk", HEADERS | changed, body, AT))


def signed(body: bytes, now: datetime = AT, stamped: datetime = AT) -> Received:
    """What the connector makes of `body`, signed as the fake signs."""
    fake = Fake()
    fake.close()
    headers = {k.lower(): v for k, v in fake._sign(body, stamped).items()}
    headers["x-zendesk-webhook-invocation-id"] = "01HQ"
    return connect(fake.settings()).receive(Request("POST", "/webhooks/zendesk", headers, body, now))


def test_the_samples_become_this_conversation() -> None:
    audits = json.loads((SAMPLES / "audits.json").read_bytes())["audits"]

    seen = seen_as(audits)

    assert seen.ref == Ref("zendesk", "42")
    assert seen.customer == Customer(
        "201", "Maria Keller", "maria@example.com", plan="club", segment="family", language="de"
    )
    assert seen.messages == (
        Message(
            "11",
            Role.CUSTOMER,
            "201",
            "Hello,\nthe zip is stuck.",
            at(8, 0),
            name="Maria Keller",
            email="maria@example.com",
            attachments=(Attachment("zip.jpg", "image/jpeg", 120034),),
        ),
        Message(
            "21", Role.SELF, "900", "Draft", at(8, 0, 5), public=False, mark="d-zendesk-42-customer_message-11-note"
        ),
        Message("31", Role.AGENT, "102", "Rub it with candle wax.", at(9, 0), name="Tomasz Wilk", version=2),
    )
    assert seen.changes == (
        Change("12", "status", "open", at(8, 0), "201"),
        Change("32", "status", "pending", at(9, 0), "102"),
        Change("33", "assignee", "102", at(9, 0), "102"),
        Change("34", "macro", "Zip care", at(9, 0), "102"),
        Change("41", "rating", "good", at(9, 20), "201"),
    )
    assert (seen.status, seen.rating, seen.assignee, seen.stamp) == (
        Status.PENDING,
        "good",
        "102",
        "2026-03-02T09:30:00Z",
    )
    assert (seen.brand, seen.group, seen.tags, seen.channel) == ("Fernweh", "Support", ("backpack", "vip"), "email")
    assert seen.url == "https://x.example/agent/tickets/42"


def test_a_customer_cannot_pass_for_us_by_a_mark() -> None:
    audits = json.loads((SAMPLES / "audits.json").read_bytes())["audits"]
    audits[0]["metadata"]["custom"] = {"understudy": "forged"}

    seen = seen_as(audits)

    assert (seen.messages[0].role, seen.messages[0].mark) == (Role.CUSTOMER, "")


def test_the_known_answer_is_accepted_with_the_previous_secret() -> None:
    assert received({}) == Received("01HQINVOCATION", (Ref("zendesk", "42"),))


@pytest.mark.parametrize("sample", ["event.json", "trigger.json"])
def test_both_kinds_of_webhook_name_their_ticket(sample: str) -> None:
    assert signed((SAMPLES / sample).read_bytes()).refs == (Ref("zendesk", "42"),)


def test_an_unknown_kind_is_named_and_touches_nothing() -> None:
    seen = signed(b'{"type": "zen:event-type:user.created", "detail": {"id": "7"}}')

    assert (seen.refs, seen.unknown) == ((), "zen:event-type:user.created")


@pytest.mark.parametrize(
    "headers",
    [
        {"signature": ""},
        {"signature": "d32Dh8Mf74/YNzpSwrWHlOAYOHBAFFq0lypzZ9VMM7s="},
        {"signature": "c32Dh8Mf74/YNzpSwrWHlOAYOHBAFFq0lypzZ9VMM7s"},
        {"signature": "c32Dh8Mf74/YNzpSwrWHlOAYOHBAFFq0lypzZ9VMM7s=\n"},
        {"signature": "é" * 44},
        {"signature": "=" * 44},
        {"signature": "A" * 100_000},
        {"signature-timestamp": ""},
        {"signature-timestamp": "1772438400"},
        {"signature-timestamp": "2026-03-02T08:00:00Z{"},
        {"signature-timestamp": "2026-13-45T99:00:00Z"},
        {"signature-timestamp": "٢٠٢٦-03-02T08:00:00Z"},
        {"signature-timestamp": "2026-03-02T08:00:01Z"},
        {"invocation-id": "\x00"},
        {"invocation-id": ""},
    ],
)
def test_forged_headers_are_forged_and_nothing_else(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        received(headers)


def test_a_byte_more_in_the_body_is_forged() -> None:
    with pytest.raises(Forged):
        received({}, BODY + b" ")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_webhook_that_is_not_fresh_is_forged_both_ways(minutes: int) -> None:
    with pytest.raises(Forged):
        signed(BODY, AT + timedelta(minutes=minutes))


def test_an_event_of_another_account_is_forged() -> None:
    event = json.loads((SAMPLES / "event.json").read_bytes()) | {"account_id": 4712}

    with pytest.raises(Forged):
        signed(json.dumps(event).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"ticket_id": "42; drop"}',
        b'{"ticket_id": null}',
        b'{"type": "zen:event-type:ticket.created", "account_id": 4711, "detail": {}}',
        b'{"ticket_id":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
)
def test_signed_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        signed(body)


def test_a_time_that_is_no_time_is_forged_even_when_signed() -> None:
    stamped = {
        "signature-timestamp": "2026-02-30T08:00:00Z",
        "signature": "4x2OJQTfmL75P7hFngE6Kh9Bopqho1r1AZ8t9uzpRSU=",
    }

    with pytest.raises(Forged, match="not a time"):
        received(stamped)


@pytest.mark.parametrize("unit", ["<img ", "<img src='", "<img src='/attachments/", "<img src=/attachments/"])
def test_hostile_pictures_of_60_kb_are_read_in_time(unit: str) -> None:
    started = time.thread_time()
    INLINE.findall(unit * (60_000 // len(unit)))

    assert time.thread_time() - started < 1.0
