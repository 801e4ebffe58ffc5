"""Zendesk over real HTTP on loopback: what is fetched, what is sent once, and what becomes of every odd answer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

import pytest
from flask import Flask, request

from bot.errors import Misconfigured, Refused, Unavailable
from bot.model import Attachment, Button, Delivery, DeliveryKind, Ref, Role, Status, VerdictKind
from bot.ports import Checks, Clock, Connector, Received, Request, SetsUp, Stage
from connectors.stage import Fault, Server
from connectors.zendesk.book import Json, said
from connectors.zendesk.connector import Zendesk, connect
from connectors.zendesk.fake import Fake

TOMASZ = "tomasz@fernweh.example"
MARIA = "maria@example.com"
ENV = {
    "ZENDESK_SUBDOMAIN": "fernweh",
    "ZENDESK_CLIENT_ID": "u",
    "ZENDESK_CLIENT_SECRET": "s",
    "ZENDESK_AUTHOR_ID": "900",
    "ZENDESK_WEBHOOK_SECRET": "s",
}


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


@pytest.fixture
def zendesk(fake: Fake) -> Zendesk:
    return connect(fake.settings())


@pytest.fixture
def ref(fake: Fake) -> Ref:
    return Ref("zendesk", fake.customer_says("Where is my order?", customer=MARIA, subject="Order 77"))


def clock(at: datetime) -> Clock:
    return lambda: at


def note(ref: Ref, title: str = "", stamp: str = "") -> Delivery:
    return Delivery("d-1-note", ref, DeliveryKind.NOTE, "Hello Maria", title=title, stamp=stamp)


def reply(ref: Ref) -> Delivery:
    text = "Hello Maria,\n\n- look at https://help.fernweh.example/x"
    return Delivery("d-1-reply", ref, DeliveryKind.REPLY, text, hosts=("help.fernweh.example",))


def update(fake: Fake, ref: Ref, *events: Json, via: str = "web", **values: object) -> None:
    """Someone on the team changes the ticket."""
    ticket = fake.tickets[int(ref.id)]
    fake.record(ticket, 102, *events, *fake.alter(ticket, **values), via=via)


def test_connector_and_fake_keep_their_ports(fake: Fake, zendesk: Zendesk) -> None:
    connector: Connector = zendesk
    stage: Stage = fake

    assert isinstance(connector, Checks)
    assert isinstance(connector, SetsUp)
    assert stage.name == connector.name == "zendesk"


def test_a_conversation_is_fetched_with_one_call(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    zendesk.fetch(ref)
    seconds = count(1)
    fake.clock = lambda: datetime.now(UTC) + timedelta(seconds=next(seconds))
    fake.agent_says("It left today.", agent=TOMASZ, conversation=ref.id, status="solved")
    zendesk.deliver(note(ref))
    fake.seen.clear()

    seen = zendesk.fetch(ref)

    assert list(fake.seen) == ["GET /api/v2/tickets/1/audits.json"]
    assert [(m.role, m.text, m.public) for m in seen.messages] == [
        (Role.CUSTOMER, "Where is my order?", True),
        (Role.AGENT, "It left today.", True),
        (Role.SELF, "Hello Maria", False),
    ]
    assert (seen.subject, seen.status, seen.brand, seen.group) == ("Order 77", Status.SOLVED, "Fernweh", "Support")
    assert (seen.customer.name, seen.customer.email, seen.channel) == ("Maria Keller", MARIA, "email")


def test_a_ticket_that_is_not_beside_its_audits_is_asked_for_before_they_are_read_again(
    fake: Fake, zendesk: Zendesk, ref: Ref
) -> None:
    whole = zendesk.fetch(ref)
    fake.alone = True
    fake.seen.clear()

    assert zendesk.fetch(ref) == whole
    audits, ticket, again = (call.removeprefix("GET /api/v2/tickets/1") for call in list(fake.seen)[:3])
    assert (audits, ticket, again) == ("/audits.json", ".json", "/audits.json")


def test_the_stamp_is_that_of_the_first_page_so_that_what_came_while_the_next_was_read_is_not_overlooked(
    fake: Fake, zendesk: Zendesk, ref: Ref
) -> None:
    for number in range(120):
        fake.customer_says(f"Message {number}", customer=MARIA, conversation=ref.id)
    stamp, pages = fake.tickets[1]["updated_at"], zendesk.desk.pages

    def meanwhile(path: str, **params: object) -> Iterator[object]:
        for page in pages(path, **params):
            yield page
            fake.customer_says("Meanwhile", customer=MARIA, conversation=ref.id)

    zendesk.desk.pages = meanwhile  # type: ignore[method-assign]

    seen = zendesk.fetch(ref)

    assert (seen.stamp, seen.messages[-1].text) == (stamp, "Meanwhile")


def test_a_ticket_that_is_newer_than_its_audits_was_read_after_them_so_they_are_read_again(
    fake: Fake, zendesk: Zendesk, ref: Ref
) -> None:
    """The customer writes while the vendor puts its answer together: after the audits, before the ticket."""
    pages, once = zendesk.desk.pages, iter([True])

    def torn(path: str, **params: object) -> Iterator[Any]:
        for page in pages(path, **params):
            whole = cast("Json", page)
            if next(once, False):
                fake.customer_says("Forget it, please cancel.", customer=MARIA, conversation=ref.id)
                whole = {**whole, "tickets": [dict(fake.tickets[1])]}
            yield whole

    zendesk.desk.pages = torn  # type: ignore[method-assign]

    assert zendesk.fetch(ref).messages[-1].text == "Forget it, please cancel."


def test_a_ticket_whose_group_is_not_named_beside_it_is_asked_for_by_itself(
    fake: Fake, zendesk: Zendesk, ref: Ref
) -> None:
    pages = zendesk.desk.pages

    def nameless(path: str, **params: object) -> Iterator[Any]:
        return ({**cast("Json", page), "groups": []} for page in pages(path, **params))

    zendesk.desk.pages = nameless  # type: ignore[method-assign]

    assert zendesk.fetch(ref).group == "Support"


def test_who_speaks_beside_requester_and_assignee_is_looked_up(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    fake.agent_says("Let me look.", agent=TOMASZ, conversation=ref.id)
    fake.agent_says("I can help.", agent="priya@fernweh.example", conversation=ref.id)

    said = zendesk.fetch(ref).messages[1:]

    assert [(m.role, m.name) for m in said] == [(Role.AGENT, "Tomasz Wilk"), (Role.AGENT, "Priya Nair")]


def test_a_conversation_of_more_than_a_page_is_read_to_its_end(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    for number in range(120):
        fake.customer_says(f"Message {number}", customer=MARIA, conversation=ref.id)

    assert [m.text for m in zendesk.fetch(ref).messages][-1] == "Message 119"
    assert len(zendesk.fetch(ref).messages) == 121


@pytest.mark.parametrize("inline", [True, False])
def test_a_message_that_is_only_a_screenshot_has_no_text_but_a_name(fake: Fake, zendesk: Zendesk, inline: bool) -> None:
    picture = '<p><img src="https://fernweh.zendesk.com/attachments/token/abc/?name=broken.png"></p>'
    sent = fake.mail(picture, MARIA, "", "Help") if inline else fake.attach("broken.png", customer=MARIA)
    ref = Ref("zendesk", sent)

    (message,) = zendesk.fetch(ref).messages

    assert message.text == ""
    expected = Attachment("broken.png", "image/*", 0) if inline else Attachment("broken.png", "image/png", 68_000)
    assert message.attachments == (expected,)


def test_another_bot_is_seen_until_a_person_answers(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    update(fake, ref, said("Does this article help?", -1), via="answer_bot_for_web_widget")
    fake.customer_says("No.", customer=MARIA, conversation=ref.id)
    while_it_talks = zendesk.fetch(ref)
    fake.agent_says("Let me look.", agent=TOMASZ, conversation=ref.id)

    assert [m.role for m in while_it_talks.messages] == [Role.CUSTOMER, Role.OTHER_BOT, Role.CUSTOMER]
    assert while_it_talks.bot_active
    assert not zendesk.fetch(ref).bot_active


def test_a_redacted_message_is_a_new_version(fake: Fake, zendesk: Zendesk) -> None:
    ref = Ref("zendesk", fake.customer_says("My card is 4111", customer=MARIA))
    message = zendesk.fetch(ref).messages[0]

    fake.audits[1][0]["events"][0]["html_body"] = "<p>My card is ▇▇▇▇</p>"
    update(fake, ref, {"type": "CommentRedactionEvent", "comment_id": int(message.id)})

    redacted = zendesk.fetch(ref).messages[0]
    assert (message.version, redacted.version) == (1, 2)
    assert (redacted.id, redacted.text) == (message.id, "My card is ▇▇▇▇")


def test_ratings_macros_and_states_are_changes(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    update(fake, ref, {"type": "AgentMacroReference", "macro_id": "77", "macro_title": "Tracking link"})
    update(fake, ref, status="hold", brand_id=8)
    update(fake, ref, {"type": "SatisfactionRating", "score": "bad"}, satisfaction_rating={"score": "bad"})

    seen = zendesk.fetch(ref)

    assert [(c.field, c.value) for c in seen.changes] == [
        ("macro", "Tracking link"),
        ("status", "pending"),
        ("rating", "bad"),
    ]
    assert (seen.rating, seen.brand) == ("bad", "Fernweh Outlet")


def test_a_note_is_internal_marked_and_linked(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    button = Button(VerdictKind.ACCEPT, "Send <it>", "https://bot.fernweh.example/d/1")
    source = ("Delivery times", "https://help.fernweh.example/shipping")
    full = replace(note(ref, title="Draft"), facts=(("Sure", "80 %"),), sources=(source,), buttons=(button,))

    written = zendesk.deliver(full)

    (write,) = fake.ledger.writes
    message = zendesk.fetch(ref).messages[-1]
    assert (write.action, write.public, write.mark) == ("note", False, "d-1-note")
    assert (message.id, message.mark, message.role) == (written, "d-1-note", Role.SELF)
    assert fake.threads()[0].messages[-1].html == (
        "<p><strong>Draft</strong></p><ul><li><strong>Sure:</strong> 80 %</li></ul><p>Hello Maria</p>"
        "<p><strong>Sources</strong></p>"
        '<ul><li><a href="https://help.fernweh.example/shipping" rel="noopener noreferrer">Delivery times</a></li></ul>'
        '<p><a href="https://bot.fernweh.example/d/1" rel="noopener noreferrer">Send &lt;it&gt;</a></p>'
    )


def test_a_reply_is_public_and_written_as_the_author_set(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    zendesk.deliver(reply(ref))

    message = zendesk.fetch(ref).messages[-1]
    assert (message.public, message.author) == (True, "900")
    assert message.text == "Hello Maria,\n\n- look at https://help.fernweh.example/x"


@pytest.mark.parametrize(
    ("fault", "applied"),
    [(Fault("drop"), 1), (Fault("slow", wait=0.5), 1), (Fault("lost"), 0), (Fault("status", 503), 0)],
)
def test_a_note_whose_answer_is_lost_is_not_sent_again(fake: Fake, ref: Ref, fault: Fault, applied: int) -> None:
    zendesk = connect(fake.settings(), timeout=0.3)
    zendesk.fetch(ref)
    fake.knobs.next.extend([fault, fault])

    with pytest.raises(Unavailable) as caught:
        zendesk.deliver(note(ref))

    fake.close()  # waits for whatever is still being answered
    assert caught.value.maybe
    assert len(fake.knobs.next) == 1
    assert len(fake.ledger.writes) == applied


def test_nobody_there_is_surely_not_applied(fake: Fake, ref: Ref) -> None:
    gone = connect(ENV | {"ZENDESK_BASE_URL": "http://127.0.0.1:9"})

    with pytest.raises(Unavailable) as caught:
        gone.deliver(note(ref))

    assert not caught.value.maybe


@pytest.mark.parametrize(("said", "seconds"), [("1.5", 1.5), ("7", 7.0), ("soon", 5.0), ("", 5.0)])
def test_too_many_requests_waits_as_told_and_sleeps_nowhere(
    fake: Fake, zendesk: Zendesk, ref: Ref, said: str, seconds: float
) -> None:
    zendesk.fetch(ref)
    fake.knobs.next.append(Fault("status", 429, said))

    with pytest.raises(Unavailable) as caught:
        zendesk.deliver(note(ref))

    assert (caught.value.retry_after, caught.value.maybe) == (seconds, False)
    assert fake.ledger.writes == ()


def test_a_draft_for_an_older_state_conflicts_and_is_not_applied(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    stamp = zendesk.fetch(ref).stamp
    fake.customer_says("Never mind, found it.", customer=MARIA, conversation=ref.id)

    with pytest.raises(Unavailable) as caught:
        zendesk.deliver(note(ref, stamp=stamp))

    assert not caught.value.maybe
    assert fake.ledger.writes == ()
    assert zendesk.deliver(note(ref, stamp=zendesk.fetch(ref).stamp))


def test_a_closed_ticket_refuses_with_its_number_and_the_reason(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    update(fake, ref, status="closed")

    with pytest.raises(Refused, match=r"refused changing ticket 1: Status: closed prevents ticket update \(HTTP 422\)"):
        zendesk.deliver(note(ref))


def test_a_ticket_that_is_gone_is_refused(zendesk: Zendesk) -> None:
    with pytest.raises(Refused, match=r"refused reading ticket 99: Not found \(HTTP 404\)"):
        zendesk.fetch(Ref("zendesk", "99"))


def test_a_reply_to_a_messaging_ticket_is_refused_since_it_would_not_arrive(
    fake: Fake, zendesk: Zendesk, ref: Ref
) -> None:
    fake.tickets[1]["via"] = {"channel": "native_messaging"}

    with pytest.raises(Refused, match="native_messaging"):
        zendesk.deliver(reply(ref))

    assert zendesk.deliver(note(ref))


def test_a_webhook_that_is_tried_again_is_signed_and_keeps_its_id(fake: Fake, zendesk: Zendesk) -> None:
    heard: list[Received] = []
    door = Flask("door")

    @door.post("/webhooks/zendesk")
    def ring() -> tuple[str, int]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        heard.append(zendesk.receive(Request("POST", request.path, headers, request.get_data(), datetime.now(UTC))))
        return "", 503 if len(heard) == 1 else 200

    fake.hook(Server(door).url)

    fake.customer_says("Where is my order?", customer=MARIA)

    assert fake.courier.drain()
    assert [h.refs for h in heard] == [(Ref("zendesk", "1"),)] * 2
    assert heard[0].id == heard[1].id != ""


def test_changed_finds_old_and_new_tickets_and_not_what_was_left_alone(fake: Fake, zendesk: Zendesk) -> None:
    start = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    for minutes in (0, 10, 20, 59.9):
        fake.clock = clock(start + timedelta(minutes=minutes))
        fake.customer_says("Hello", customer=MARIA)

    assert [r.id for r in zendesk.changed(start + timedelta(minutes=5))] == ["2", "3", "4"]
    assert [r.id for r in zendesk.changed(start + timedelta(minutes=59))] == ["4"]


def test_changed_reads_every_page(fake: Fake, zendesk: Zendesk) -> None:
    start = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    fake.clock = clock(start)
    for _ in range(250):
        fake.customer_says("Hello", customer=MARIA)

    assert {r.id for r in zendesk.changed(start)} == {str(number) for number in range(1, 251)}


def test_the_team_is_paged_and_leaves_out_bots_and_who_is_suspended(fake: Fake) -> None:
    zendesk = connect(fake.settings() | {"ZENDESK_BOT_IDS": "103"})
    for number in range(120):
        fake.person(f"agent{number}@fernweh.example", "agent")
    fake.users[102]["suspended"] = True

    team = zendesk.team()

    assert [agent.name for agent in team[:2]] == ["Ines Duarte", "Agent0"]
    assert len({agent.id for agent in team}) == len(team) == 121
    assert list(fake.seen).count("GET /api/v2/users.json") == 2


def test_doctor_and_setup_say_what_they_did(fake: Fake, zendesk: Zendesk, ref: Ref) -> None:
    planned = zendesk.setup("https://bot.fernweh.example/", dry_run=True)
    before = [fine for _, fine, _ in zendesk.check()]
    made = zendesk.setup("https://bot.fernweh.example/", dry_run=False)

    assert planned[0] == "Would make the webhook Understudy to https://bot.fernweh.example/webhooks/zendesk."
    assert made[-1] == "ZENDESK_WEBHOOK_SECRET is right."
    assert before == [True, True, False]
    assert [fine for _, fine, _ in zendesk.check()] == [True, True, True]
    assert fake.triggers[0]["actions"] == [
        {"field": "notification_webhook", "value": ["01HOOK0", '{"ticket_id": "{{ticket.id}}"}']}
    ]
    assert zendesk.setup("https://bot.fernweh.example", dry_run=False)[0] == "The webhook Understudy is there already."


def test_setup_makes_only_what_is_missing(fake: Fake, zendesk: Zendesk) -> None:
    zendesk.setup("https://bot.fernweh.example", dry_run=False)
    fake.triggers.clear()

    planned = zendesk.setup("https://bot.fernweh.example", dry_run=True)
    assert planned[:2] == ("The webhook Understudy is there already.", "Would make the trigger Understudy.")
    assert fake.triggers == []

    made = zendesk.setup("https://bot.fernweh.example", dry_run=False)
    assert made[:2] == ("The webhook Understudy is there already.", "Made the trigger Understudy.")
    assert [trigger["actions"][0]["value"][0] for trigger in fake.triggers] == ["01HOOK0"]
    assert len(fake.hooks) == 1

    again = zendesk.setup("https://bot.fernweh.example", dry_run=False)
    assert again[1] == "The trigger Understudy is there already."
    assert len(fake.triggers) == 1


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"ZENDESK_SUBDOMAIN": ""}, "ZENDESK_SUBDOMAIN"),
        ({"ZENDESK_SUBDOMAIN": "evil.example/"}, "ZENDESK_SUBDOMAIN"),
        ({"ZENDESK_BASE_URL": "http://evil.example:80"}, "ZENDESK_BASE_URL"),
        ({"ZENDESK_AUTHOR_ID": "ines"}, "ZENDESK_AUTHOR_ID"),
        ({"ZENDESK_AUTHOR_ID": ""}, "ZENDESK_AUTHOR_ID"),
        ({"ZENDESK_BOT_IDS": "103, helpbot"}, "ZENDESK_BOT_IDS"),
        ({"ZENDESK_WEBHOOK_SECRET": ""}, "ZENDESK_WEBHOOK_SECRET"),
        ({"ZENDESK_CLIENT_ID": ""}, "ZENDESK_CLIENT_ID"),
        ({"ZENDESK_CLIENT_SECRET": ""}, "ZENDESK_CLIENT_SECRET"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], setting: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        connect(ENV | change)

    assert caught.value.setting == setting
