"""What Slack sends over HTTP, signed or not: events, buttons and modals."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from bot.errors import Forged, Malformed, Unavailable
from bot.model import Button, Delivery, DeliveryKind, Ref, VerdictKind
from bot.ports import Request
from connectors.slack.blocks import edit_modal
from connectors.slack.fake import SECRET, sign
from connectors.slack.fake_api import REVIEW, SUPPORT, TEAM, No
from connectors.stage import Fault
from tests.connectors.slack_door import Cards, Desk

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SAMPLES = sorted((Path(__file__).parents[2] / "connectors/slack/samples").glob("*.json"))
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
BUTTON = {"type": "button", "action_id": "accept", "value": "tok-p", "action_ts": "1.2"}
HOME = {"user": {"id": "U_INES", "team_id": TEAM}, "team": {"id": TEAM}, "channel": {"id": REVIEW}}
PRESS = {"type": "block_actions", **HOME, "actions": [BUTTON]}


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def post(desk: Desk, body: bytes, *, at: datetime | None = None, secret: str = SECRET, **headers: str) -> int:
    signed = {"Content-Type": "application/json", **sign(body, at or datetime.now(UTC), secret), **headers}
    return requests.post(f"{desk.door.url}/webhooks/slack", data=body, headers=signed, timeout=5).status_code


def signed(body: bytes, kind: str = FORM) -> Request:
    headers = {k.lower(): v for k, v in sign(body, NOW).items()}
    return Request("POST", "/", {**headers, "content-type": kind}, body, NOW)


def event(text: str = "Hi", **words: object) -> bytes:
    said = {"type": "message", "channel": SUPPORT, "user": "U1", "text": text, "ts": "1795000000.000100"}
    return json.dumps({"type": "event_callback", "team_id": TEAM, "event_id": "Ev1", "event": said, **words}).encode()


def put_card(desk: Desk, token: str) -> str:
    buttons = tuple(Button(kind, kind.value.title(), token) for kind in VerdictKind)
    card = Delivery("d-1", Ref("slack", "review"), DeliveryKind.CARD, "Wax it.", title="New entry?", buttons=buttons)
    return desk.slack.deliver(card)


def test_the_signature_is_the_one_of_slacks_own_example() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        b"foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
        b"hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="
        b"398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    headers = sign(body, datetime.fromtimestamp(1531420618, UTC), "8f742231b10e8888abcd99yyyzzz85a5")

    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert headers["X-Slack-Signature"] == expected


def test_every_message_of_the_support_channel_rings_its_thread(desk: Desk) -> None:
    ref = desk.fake.customer_says("My zip is stuck", customer="U_MARIA")
    reply = desk.fake.agent_says("Wax it", agent="U_INES", conversation=ref).removeprefix(f"{SUPPORT}-")
    desk.slack.deliver(Delivery("d-1", Ref("slack", ref), DeliveryKind.REPLY, "Wax it."))
    desk.fake.api.change(SUPPORT, ref.split("-")[1], text="My zip is torn")
    desk.fake.api.remove(SUPPORT, reply)
    desk.fake.agent_says("Between us", agent="U_INES", conversation=ref, public=False)

    assert desk.heard() == [ref] * 5
    assert len({r.id for r in desk.received}) == 6
    assert all(r.id.startswith("Ev") for r in desk.received)


def test_what_nobody_listens_to_is_acknowledged_and_named(desk: Desk) -> None:
    joined = {"type": "message", "subtype": "channel_join", "channel": SUPPORT, "ts": "1795000000.000100"}

    assert post(desk, event(event={"type": "team_join"})) == 200
    assert post(desk, event(event=joined)) == 200
    assert [(r.refs, r.unknown) for r in desk.received] == [((), "team_join"), ((), "message.channel_join")]


def test_slack_may_check_the_address(desk: Desk) -> None:
    assert post(desk, b'{"type": "url_verification", "challenge": "c4"}') == 200
    assert json.loads(desk.received[0].reply.body) == {"challenge": "c4"}


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 200), (-299, 200), (-301, 401), (299, 200), (302, 401), (-86400, 401)]
)
def test_a_stamp_counts_for_five_minutes_in_both_directions(desk: Desk, seconds: int, status: int) -> None:
    assert post(desk, event(), at=datetime.now(UTC) + timedelta(seconds=seconds)) == status


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Slack-Signature", "v0=" + "0" * 64),
        ("X-Slack-Signature", "v0=" + "0" * 63),
        ("X-Slack-Signature", "v1=" + "0" * 64),
        ("X-Slack-Signature", ""),
        ("X-Slack-Signature", "v0=" + "\u00e9" * 64),
        ("X-Slack-Request-Timestamp", "now"),
        ("X-Slack-Request-Timestamp", "-179500000"),
        ("X-Slack-Request-Timestamp", "99999999999999999999"),
        ("X-Slack-Request-Timestamp", "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660"),
    ],
)
def test_a_header_that_is_wrong_or_odd_is_a_forgery_and_no_error(desk: Desk, header: str, value: str) -> None:
    headers = {k.lower(): v for k, v in {**sign(event(), NOW), header: value}.items()}

    with pytest.raises(Forged):
        desk.slack.receive(Request("POST", "/webhooks/slack", headers, event(), NOW))


def test_unsigned_malformed_json_is_a_forgery_and_signed_malformed_json_is_malformed(desk: Desk) -> None:
    assert post(desk, b"{", secret="wrong") == 401
    for body in (
        b"{",
        b"[1]",
        b'"a"',
        b"\xff\xfe",
        b"{" * 40 + b"}" * 40,
        b'{"type": 7}',
        event(event="hello"),
        event(event=None),
    ):
        assert post(desk, body) == 400
    assert desk.received == []


def test_an_event_of_another_workspace_is_a_forgery_and_one_of_a_shared_channel_is_not(desk: Desk) -> None:
    assert post(desk, event(team_id="T0OTHER")) == 401
    assert post(desk, event(team_id="T0OTHER", authorizations=[{"team_id": TEAM}])) == 200


def test_receiving_asks_slack_nothing(desk: Desk) -> None:
    desk.fake.knobs.next.append(Fault("status", 500))

    assert post(desk, event()) == 200
    assert len(desk.fake.knobs.next) == 1


def test_approve_is_a_verdict_with_who_and_where(desk: Desk) -> None:
    card = put_card(desk, "tok-p")

    said = desk.fake.press(card, "accept")

    [verdict] = desk.verdicts
    assert said == ""
    assert (verdict.kind, verdict.token, verdict.by) == (VerdictKind.ACCEPT, "tok-p", "slack:U_INES")
    assert verdict.workspace == TEAM


@pytest.mark.parametrize(("home", "stranger"), [(TEAM, False), ("T0ELSEWHERE", True), (None, True)])
def test_a_press_says_whether_it_comes_from_another_workspace(desk: Desk, home: str | None, stranger: bool) -> None:
    payload = {**PRESS, "user": {"id": "U_INES", "team_id": home}}
    body = urlencode({"payload": json.dumps(payload)}).encode()

    [verdict] = desk.slack.panel(signed(body), desk.cards).verdicts

    assert verdict.stranger is stranger


@pytest.mark.parametrize(
    "now", [{"deleted": True}, {"is_restricted": True}, {"is_bot": True}, {"team_id": "T0ELSEWHERE"}, None]
)
def test_slack_is_asked_at_each_press_whether_they_are_still_a_member(
    desk: Desk, now: dict[str, object] | None
) -> None:
    body = urlencode({"payload": json.dumps(PRESS)}).encode()
    assert not desk.slack.panel(signed(body), desk.cards).verdicts[0].stranger

    if now is None:
        del desk.fake.api.users["U_INES"]
    else:
        desk.fake.api.users["U_INES"].update(now)

    assert desk.slack.panel(signed(body), desk.cards).verdicts[0].stranger


def test_while_slack_does_not_say_who_somebody_is_nothing_is_decided(desk: Desk) -> None:
    desk.fake.knobs.next.append(Fault("status", 500))

    with pytest.raises(Unavailable):
        desk.slack.panel(signed(urlencode({"payload": json.dumps(PRESS)}).encode()), desk.cards)


def test_a_button_counts_on_the_review_channel_alone(desk: Desk) -> None:
    elsewhere = {**PRESS, "channel": {"id": SUPPORT}}

    with pytest.raises(Forged):
        desk.slack.panel(signed(urlencode({"payload": json.dumps(elsewhere)}).encode()), desk.cards)


def test_the_same_press_has_the_same_id_and_another_press_another(desk: Desk) -> None:
    def pressed(**action: str) -> str:
        payload = {**PRESS, "actions": [{**BUTTON, **action}]}
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return desk.slack.panel(signed(body), desk.cards).id

    first = pressed()

    assert first.startswith("press-")
    assert pressed() == first
    assert pressed(action_ts="1.3") != first


@pytest.mark.parametrize("action", ["accept", "edit", "reject"])
def test_a_press_on_a_decided_card_or_by_somebody_else_is_told_so(desk: Desk, action: str) -> None:
    card = put_card(desk, "tok-p")

    assert desk.fake.press(card, action, user="U_TOMASZ") == "Only a lead can decide this."
    desk.cards.proposals.clear()
    assert desk.fake.press(card, action) == "This was decided already."
    assert desk.verdicts == []
    assert desk.fake.modal() is None


def test_a_proposal_is_edited_in_a_modal_that_holds_question_and_answer(desk: Desk) -> None:
    desk.fake.press(put_card(desk, "tok-p"), "edit")
    modal = desk.fake.modal()
    assert modal is not None
    assert [field[:3] for field in modal.fields] == [
        ("question", "Question", "How do I reset the zip?"),
        ("answer0", "Answer", "Pull the slider back. Then wax it."),
    ]

    said = desk.fake.submit({"question": "How do I free the zip?", "answer0": "Wax it.\n\nThen wait."})

    [verdict] = desk.verdicts
    assert (said, desk.fake.modal()) == ("", None)
    assert (verdict.kind, verdict.token, verdict.by) == (VerdictKind.EDIT, "tok-p", "slack:U_INES")
    assert (verdict.question, verdict.text) == ("How do I free the zip?", "Wax it.\n\nThen wait.")


def test_the_modal_of_a_proposal_says_what_becomes_of_changed_words() -> None:
    last = {token: edit_modal(token, Cards())["blocks"][-1] for token in ("tok-p", "tok-d")}

    assert (last["tok-p"]["type"], last["tok-d"]["type"]) == ("context", "input")
    assert "Words that you change are yours alone" in last["tok-p"]["elements"][0]["text"]


def test_a_draft_is_edited_under_the_question_that_the_customer_asked(desk: Desk) -> None:
    desk.fake.press(put_card(desk, "tok-d"), "edit")
    modal = desk.fake.modal()
    assert modal is not None
    assert [field[0] for field in modal.fields] == ["answer0"]

    desk.fake.submit({"answer0": "Please wax it."})

    assert [(v.text, v.question) for v in desk.verdicts] == [("Please wax it.", "")]


@pytest.mark.parametrize(
    "answer",
    [
        "\n\n".join(f"Paragraph {n} about the zip and the wax." for n in range(200)),
        " ".join(f"Sentence {n} about the zip and the wax." for n in range(200)),
        "".join(str(n) for n in range(2500)),
        "a" * 3000 + "\n" + "b" * 3000 + " " + "c" * 3000,
    ],
    ids=["paragraphs", "sentences", "one word", "exact"],
)
def test_an_answer_longer_than_an_input_comes_back_as_it_was(desk: Desk, answer: str) -> None:
    desk.cards.proposals["tok-p"] = ("How?", answer)
    desk.fake.press(put_card(desk, "tok-p"), "edit")

    desk.fake.submit({})

    assert [v.text for v in desk.verdicts] == [answer]


def test_an_answer_too_long_for_a_modal_is_not_opened_to_lose_its_end(desk: Desk) -> None:
    desk.cards.proposals["tok-p"] = ("How?", "Wax the zip. " * 2_400)
    desk.fake.press(put_card(desk, "tok-p"), "edit")

    modal = desk.fake.modal()

    assert modal is not None
    assert (modal.title, modal.fields) == ("Not done", ())
    assert desk.verdicts == []


def test_a_question_too_long_for_an_input_stays_as_it_is(desk: Desk) -> None:
    desk.cards.proposals["tok-p"] = ("How? " * 1_000, "Wax it.")
    desk.fake.press(put_card(desk, "tok-p"), "edit")

    desk.fake.submit({"answer0": "Wax it twice."})

    assert [(v.text, v.question) for v in desk.verdicts] == [("Wax it twice.", "")]


def test_an_answer_of_blanks_is_sent_back_and_the_modal_stays(desk: Desk) -> None:
    desk.cards.drafts["tok-d"] = ("My zip", "x")
    desk.fake.press(put_card(desk, "tok-d"), "edit")

    assert desk.fake.submit({"answer0": ""}) == "Please complete this required field."
    assert desk.verdicts == []
    assert desk.fake.modal() is not None


def test_a_rejection_says_why(desk: Desk) -> None:
    desk.fake.press(put_card(desk, "tok-p"), "reject")
    modal = desk.fake.modal()
    assert modal is not None
    assert modal.choices[0][1][1] == "Out of date"

    desk.fake.submit({"reason": "Out of date", "more": "We changed the supplier."})

    assert [(v.kind, v.reason) for v in desk.verdicts] == [
        (VerdictKind.REJECT, "Out of date: We changed the supplier.")
    ]


def test_a_modal_submitted_after_somebody_else_decided_says_so(desk: Desk) -> None:
    desk.fake.press(put_card(desk, "tok-p"), "reject")
    desk.cards.proposals.clear()

    said = desk.fake.submit({})

    modal = desk.fake.modal()
    assert said == "This was decided already."
    assert desk.verdicts == []
    assert modal is not None
    assert (modal.title, modal.fields) == ("Not done", ())
    desk.fake.dismiss()
    assert desk.fake.modal() is None


@pytest.mark.parametrize("fault", [Fault("status", 500), Fault("lost"), Fault("status", 429, "1")])
def test_a_modal_that_slack_does_not_open_is_a_failed_press(desk: Desk, fault: Fault) -> None:
    card = put_card(desk, "tok-p")
    desk.fake.knobs.next.extend([Fault("slow"), fault])  # the first for the question who pressed

    assert desk.fake.press(card, "edit") == "Slack could not reach the app, or the app failed. Try again."
    assert desk.fake.modal() is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"payload=",
        b"payload={",
        urlencode({"payload": "[]"}).encode(),
        urlencode({"payload": json.dumps({**PRESS, "user": "U1"})}).encode(),
        urlencode({"payload": json.dumps({**PRESS, "actions": "x"})}).encode(),
        b"payload=" + b"%FF" * 3,
    ],
)
def test_a_signed_press_that_cannot_be_read_is_malformed(desk: Desk, payload: bytes) -> None:
    with pytest.raises(Malformed):
        desk.slack.panel(signed(payload), desk.cards)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read(desk: Desk, sample: Path) -> None:
    given = json.loads(sample.read_text())
    form = "actions" in given or "view" in given
    body = urlencode({"payload": json.dumps(given)}).encode() if form else json.dumps(given).encode()

    found = desk.slack.panel(signed(body), desk.cards) if form else desk.slack.receive(signed(body, JSON))

    assert found.reply.status == 200
    assert found.unknown == ""
    assert found.refs or found.verdicts or given["type"] == "url_verification"


def test_the_fake_says_no_as_slack_does(desk: Desk) -> None:
    with pytest.raises(No, match="expired_trigger_id"):
        desk.fake.api.call("views.open", {"trigger_id": "old", "view": {}})
    with pytest.raises(No, match="unknown_method"):
        desk.fake.api.call("chat.delete", {})
    with pytest.raises(No, match="no_text"):
        desk.fake.api.call("chat.postMessage", {"channel": SUPPORT, "text": " "})
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    with pytest.raises(No, match="invalid_blocks"):
        desk.fake.api.call("chat.postMessage", {"channel": SUPPORT, "blocks": [header]})


@pytest.mark.parametrize("odd", ["\ud800", "a\0b"])
def test_the_id_of_an_event_can_be_stored_whatever_it_is(desk: Desk, odd: str) -> None:
    said = {"type": "message", "channel": SUPPORT, "user": "U_MARIA", "text": "Hi", "ts": "1795000000.000100"}

    received = desk.slack.receive(signed(event(event=said, event_id=odd), JSON))

    assert received.id.encode()
    assert "\0" not in received.id


@pytest.mark.parametrize("odd", [7, True, [1], {"id": []}])
def test_a_signed_body_of_odd_types_is_malformed(desk: Desk, odd: object) -> None:
    said = {"type": "message", "channel": odd, "user": odd, "text": "Hi", "ts": "1795000000.000100"}
    press = PRESS | {"team": odd, "channel": odd, "user": odd}
    modal = {"type": "view_submission", "team": {"id": TEAM}, "user": {"id": "U_INES"}, "view": {"id": "V1"}}

    with pytest.raises(Malformed):
        desk.slack.receive(signed(event(event=said), JSON))
    for payload in (press, modal):
        with pytest.raises((Malformed, Forged)):
            desk.slack.panel(signed(urlencode({"payload": json.dumps(payload)}).encode()), desk.cards)
