"""Intercom over real HTTP: what the vendor and its SDK get wrong, and what we make of it."""

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import connectors.intercom as folder
from bot.errors import Forged, Malformed, Misconfigured, Refused, Unavailable
from bot.model import Attachment, Button, Delivery, DeliveryKind, Ref, Role, Status, VerdictKind
from bot.ports import Request
from bot.text.markup import html_of
from connectors.intercom.connector import Intercom, connect
from connectors.intercom.fake import SECRET, Fake
from connectors.intercom.read import fingerprint
from connectors.intercom.world import TEAM
from connectors.stage import Fault

SAMPLES = Path(folder.__file__).parent / "samples"
NOW = datetime(2026, 11, 18, 11, 16, 40, tzinfo=UTC)
MARIA = "maria@example.com"
INES = "ines@fernweh.example"


@pytest.fixture(scope="module")
def shared() -> Iterator[Fake]:
    fake = Fake()
    yield fake
    fake.close()


@pytest.fixture
def fake(shared: Fake) -> Iterator[Fake]:
    yield shared
    shared.knobs.next.clear()


@pytest.fixture
def intercom(fake: Fake) -> Intercom:
    return connected(fake.settings())


def connected(env: dict[str, str]) -> Intercom:
    made = connect(env)
    assert isinstance(made, Intercom)
    return made


def asked(fake: Fake, text: str = "Where is my order?") -> Ref:
    return Ref("intercom", fake.customer_says(text, customer=MARIA))


def reply(ref: Ref, text: str = "It is on its way.\n\nSee https://fernweh.example/help/orders.") -> Delivery:
    return Delivery(f"d-{ref}", ref, DeliveryKind.REPLY, text, hosts=("fernweh.example",))


def posts(fake: Fake, ref: Ref) -> int:
    return sum(e.path == f"/conversations/{ref.id}/reply" for e in fake.exchanges)


def sample(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((SAMPLES / name).read_bytes())
    return data


def signed(data: object, secret: str = SECRET) -> Request:
    body = json.dumps(data).encode()
    seal = "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    return Request("POST", "/webhooks/intercom", {"x-hub-signature": seal}, body, NOW)


# Sending once


def test_a_reply_whose_answer_is_lost_is_sent_once_and_found_again(fake: Fake, intercom: Intercom) -> None:
    ref, since = asked(fake), datetime.now(UTC)
    fake.knobs.next.append(Fault("drop"))

    with pytest.raises(Unavailable) as lost:
        intercom.deliver(reply(ref))

    assert lost.value.maybe
    assert posts(fake, ref) == 1
    found = intercom.settled(reply(ref), since)
    assert found == intercom.fetch(ref).messages[-1].id
    assert [w.text for w in fake.ledger.writes if w.conversation == ref.id] == [reply(ref).text]


def test_a_note_that_the_vendor_rewrote_is_found_again(fake: Fake, intercom: Intercom) -> None:
    ref, since = asked(fake), datetime.now(UTC)
    note = Delivery(
        "d-2",
        ref,
        DeliveryKind.HANDOFF,
        "She asks:\n\n- where <b>it</b> is\n- when it comes",
        title="For a person",
        facts=(("Reason", "thin evidence"),),
        sources=(("Orders", "https://fernweh.example/help/orders"),),
        buttons=(Button(VerdictKind.ACCEPT, "Accept", "http://127.0.0.1:8000/a/1"),),
    )

    sent = intercom.deliver(note)

    part = fake.world.conversations[ref.id]["conversation_parts"]["conversation_parts"][-1]
    assert part["body"] != html_of(note)
    assert intercom.settled(note, since) == sent == part["id"]
    assert not intercom.fetch(ref).messages[-1].public


def test_what_was_never_applied_is_not_found(fake: Fake, intercom: Intercom) -> None:
    ref, since = asked(fake), datetime.now(UTC)
    fake.knobs.next.append(Fault("lost"))

    with pytest.raises(Unavailable) as lost:
        intercom.deliver(reply(ref))

    assert lost.value.maybe
    assert intercom.settled(reply(ref), since) is None


def test_the_same_words_are_not_ours_from_another_seat_as_a_note_or_from_long_ago(
    fake: Fake, intercom: Intercom
) -> None:
    ref, since = asked(fake), datetime.now(UTC)
    fake.agent_says(reply(ref).text, agent=INES, conversation=ref.id)
    assert intercom.settled(reply(ref), since) is None

    sent = intercom.deliver(reply(ref))

    assert intercom.settled(replace(reply(ref), kind=DeliveryKind.NOTE), since) is None
    assert intercom.settled(reply(ref), since + timedelta(hours=2)) is None
    assert intercom.settled(reply(ref), since, {sent}) is None
    assert intercom.settled(reply(ref), since) is not None


def test_a_slow_vendor_is_not_waited_for_and_is_found_to_have_applied(fake: Fake, intercom: Intercom) -> None:
    impatient = connect(fake.settings(), timeout=0.15)
    assert isinstance(impatient, Intercom)
    ref, since = asked(fake), datetime.now(UTC)
    impatient.fetch(ref)
    fake.knobs.next.append(Fault("slow", wait=0.4))

    with pytest.raises(Unavailable) as slow:
        impatient.deliver(reply(ref))

    assert slow.value.maybe
    assert any(intercom.settled(reply(ref), since) for _ in range(1000))
    assert posts(fake, ref) == 1


@pytest.mark.parametrize(("status", "maybe"), [(500, True), (502, True), (503, True), (408, True), (409, False)])
def test_a_failure_says_whether_the_write_may_have_been_applied(
    fake: Fake, intercom: Intercom, status: int, maybe: bool
) -> None:
    ref = asked(fake)
    fake.knobs.next.append(Fault("status", status))

    with pytest.raises(Unavailable) as failed:
        intercom.deliver(reply(ref))

    assert failed.value.maybe is maybe
    assert posts(fake, ref) == 1


def test_nobody_at_the_other_end_means_that_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    gone = connected({**dict(BASE), "INTERCOM_BASE_URL": f"http://127.0.0.1:{port}"})

    with pytest.raises(Unavailable) as refused:
        gone.deliver(reply(Ref("intercom", "7")))

    assert not refused.value.maybe


def test_a_limit_is_waited_for_until_the_vendor_resets_it(fake: Fake, intercom: Intercom) -> None:
    ref = asked(fake)
    fake.knobs.next.append(Fault("status", 429))

    with pytest.raises(Unavailable) as limited:
        intercom.deliver(reply(ref))

    assert not limited.value.maybe
    assert 0 <= limited.value.retry_after <= 10
    assert fake.exchanges[-1].status == 429


@pytest.mark.parametrize("id_", ["last", "../me", "1/parts", "١", ""])
def test_an_id_that_is_no_number_never_reaches_the_vendor(fake: Fake, intercom: Intercom, id_: str) -> None:
    before = len(fake.exchanges)

    with pytest.raises(Refused, match="is a number"):
        intercom.deliver(reply(Ref("intercom", id_)))

    assert len(fake.exchanges) == before


# Reading


def test_the_sample_reads_as_what_happened(fake: Fake, intercom: Intercom) -> None:
    fake.world.conversations["215470001"] = sample("conversation.json")

    found = intercom.fetch(Ref("intercom", "215470001"))

    assert [(m.id, m.role, m.public, m.text) for m in found.messages] == [
        (
            "source-403918334",
            Role.CUSTOMER,
            True,
            "Hi, the hip belt of my Ridge 40 is too short. Can I get a longer one?",
        ),
        ("2", Role.OTHER_BOT, True, "A belt extension is in the shop."),
        ("4", Role.SELF, False, "Same as last week, see hip belts (https://fernweh.example/help/hip-belt)"),
        ("5", Role.AGENT, True, "Yes: the extension adds 20 cm."),
        ("7", Role.CUSTOMER, True, "Which colour is this?"),
        ("9", Role.CUSTOMER, True, ""),
        ("10", Role.SELF, True, "It is slate grey. Enjoy!"),
    ]
    assert [(c.field, c.value, c.by) for c in found.changes] == [
        ("assignee", "901", "278"),
        ("status", "closed", "901"),
        ("status", "open", "66f0c2a1b7d4e8f901234567"),
        ("status", "closed", "900"),
        ("rating", "5", "66f0c2a1b7d4e8f901234567"),
    ]
    assert found.messages[4].attachments == (Attachment("belt.png", "image", 0),)
    assert found.messages[5].attachments == (Attachment("receipt.pdf", "application/pdf", 51200),)
    assert (found.customer.name, found.customer.email) == ("Maria Keller", "maria@example.com")
    assert (found.status, found.rating, found.assignee, found.tags) == (Status.CLOSED, "5", "901", ("spare parts",))
    assert found.page is not None
    assert found.page.url == "https://fernweh.example/backpacks/ridge-40"
    assert found.stamp == "1795003600"
    assert not found.bot_active


def test_a_wrong_type_that_the_sdk_lets_pass_is_a_clear_error(fake: Fake, intercom: Intercom) -> None:
    ref = asked(fake)
    fake.world.conversations[ref.id]["created_at"] = "oops"

    with pytest.raises(Malformed, match=r"intercom: Conversation\.created_at: .*samples"):
        intercom.fetch(ref)
    with pytest.raises(Unavailable, match="created_at") as posted:
        intercom.deliver(reply(ref))
    assert posted.value.maybe


@pytest.mark.parametrize("answer", [[1], "text", 7])
def test_an_answer_that_is_no_object_is_an_outage_and_may_have_been_a_write(
    fake: Fake, intercom: Intercom, answer: Any
) -> None:
    ref = asked(fake)
    fake.world.conversations[ref.id] = answer

    with pytest.raises(Unavailable) as caught:
        intercom.fetch(ref)

    assert not caught.value.maybe
    del fake.world.conversations[ref.id]


@pytest.mark.parametrize("answer", [None, [], "text", 7, {}, {"id": None}, {"conversation_parts": [1]}])
def test_no_answer_however_odd_gets_past_the_edge(fake: Fake, intercom: Intercom, answer: Any) -> None:
    ref = asked(fake)
    fake.world.conversations[ref.id] = answer

    with pytest.raises((Malformed, Refused, Unavailable)):
        intercom.fetch(ref)
    del fake.world.conversations[ref.id]


def test_words_that_intercom_adds_do_no_harm(fake: Fake, intercom: Intercom) -> None:
    ref = asked(fake)
    author = TEAM[INES]
    fake.world.add(ref.id, "quantum_leap", author, "<p>Done.</p>", state="limbo")
    fake.world.conversations[ref.id]["priority"] = "cosmic"
    fake.world.conversations[ref.id]["ai_agent"] = {"resolution_state": "pondering"}

    found = intercom.fetch(ref)

    assert found.status is Status.OTHER
    assert found.messages[-1].text == "Done."


def test_fin_is_another_bot_until_it_hands_over_or_a_person_answers(fake: Fake, intercom: Intercom) -> None:
    ref = asked(fake)
    assert not intercom.fetch(ref).bot_active

    fake.fin_answers("It ships within two days.", conversation=ref.id)
    answering = intercom.fetch(ref)
    assert (answering.bot_active, answering.messages[-1].role) == (True, Role.OTHER_BOT)

    fake.fin_answers("I get somebody.", conversation=ref.id, state="routed_to_team")
    assert not intercom.fetch(ref).bot_active

    fake.fin_answers("Here I am again.", conversation=ref.id)
    fake.agent_says("I take over.", agent=INES, conversation=ref.id)
    assert not intercom.fetch(ref).bot_active


@pytest.mark.parametrize("inline", [True, False])
def test_a_screenshot_without_words_is_a_message_without_words(fake: Fake, intercom: Intercom, inline: bool) -> None:
    ref = asked(fake)
    fake.attach(ref.id, "error.png", customer=MARIA, inline=inline)

    message = intercom.fetch(ref).messages[-1]

    assert (message.role, message.text) == (Role.CUSTOMER, "")
    assert [a.name for a in message.attachments] == ["error.png"]


def test_an_email_closed_and_asked_again_keeps_its_history(fake: Fake, intercom: Intercom) -> None:
    id_ = fake.customer_says("My strap tore.", customer=MARIA, subject="Torn strap")
    fake.agent_says("A new one is on its way.", agent=INES, conversation=id_, status="solved")
    fake.customer_says("It came, thanks!", customer=MARIA, conversation=id_)

    found = intercom.fetch(Ref("intercom", id_))

    assert (found.subject, found.channel, found.page) == ("Torn strap", "email", None)
    assert [(c.field, c.value) for c in found.changes] == [("status", "closed"), ("status", "open")]
    assert found.messages[-1].text == "It came, thanks!"
    assert found.status is Status.OPEN


# What changed


def test_every_page_of_a_search_is_read_once(intercom: Intercom, fake: Fake) -> None:
    made = {fake.customer_says(f"Question {n}", customer=MARIA) for n in range(320)}
    before = sum(e.path == "/conversations/search" for e in fake.exchanges)

    found = [ref.id for ref in intercom.changed(datetime.now(UTC))]

    assert made <= set(found)
    assert len(found) == len(set(found))
    assert sum(e.path == "/conversations/search" for e in fake.exchanges) - before == -(-len(found) // 150)


def test_a_conversation_touched_in_the_second_asked_for_is_not_missed(intercom: Intercom, fake: Fake) -> None:
    ref = asked(fake)
    fake.world.conversations[ref.id]["updated_at"] = int(datetime.now(UTC).timestamp()) - 60

    assert ref in set(intercom.changed(datetime.now(UTC)))


# The door


@pytest.mark.parametrize(
    "seal",
    [
        "",
        "sha1=",
        "sha1=" + "0" * 39,
        "sha1=" + "0" * 41,
        "sha1=" + "0" * 40,
        "sha256=" + "0" * 64,
        "sha1=" + "é" * 40,
        "sha1=" + "٣" * 40,
        "sha1=" + "0" * 40 + "\n",
        "\x00",
        "sha1=" + "G" * 40,
    ],
)
def test_a_seal_that_is_not_ours_is_forged_and_nothing_else(seal: str) -> None:
    request = replace(signed(sample("notification.json")), headers={"x-hub-signature": seal})

    with pytest.raises(Forged):
        connected(BASE).receive(request)


def test_conversation_and_part_topics_name_the_conversation() -> None:
    for name in ("notification.json", "part_redacted.json"):
        received = connected(BASE).receive(signed(sample(name)))
        assert (received.refs, received.unknown) == ((Ref("intercom", "215470001"),), "")


def test_a_ping_gets_its_200() -> None:
    pinged = connected(BASE).receive(signed(sample("ping.json")))

    assert (pinged.reply.status, pinged.refs, pinged.unknown) == (200, (), "")


def test_an_unknown_topic_gets_its_200_and_is_named() -> None:
    for topic, refs in (("article.created", ()), ("conversation.teleported", (Ref("intercom", "215470001"),))):
        received = connected(BASE).receive(signed(sample("notification.json") | {"topic": topic}))
        assert (received.reply.status, received.unknown, received.refs) == (200, topic, refs)


def test_brackets_that_somebody_wrote_are_not_depth() -> None:
    wrote = sample("notification.json") | {"links": {"said": '\\" [{ \\' + "[{" * 40}}

    assert connected(BASE).receive(signed(wrote)).refs == (Ref("intercom", "215470001"),)


def test_another_workspace_is_left_alone() -> None:
    received = connected(BASE | {"INTERCOM_APP_ID": "other"}).receive(signed(sample("notification.json")))

    assert (received.refs, received.unknown) == ((), "workspace fernweh1")


def test_a_notification_from_the_future_is_refused() -> None:
    later = sample("notification.json") | {"created_at": int((NOW + timedelta(hours=2)).timestamp())}

    with pytest.raises(Forged, match="future"):
        connected(BASE).receive(signed(later))


@pytest.mark.parametrize(
    "item", [{}, {"id": "last"}, {"id": "1/../2"}, {"id": {}}, {"type": "conversation_part", "id": "8"}]
)
def test_a_notification_about_no_conversation_is_malformed(item: dict[str, Any]) -> None:
    odd = sample("notification.json") | {"data": {"item": item}}

    with pytest.raises(Malformed):
        connected(BASE).receive(signed(odd))


# Settings

BASE = {"INTERCOM_TOKEN": "t", "INTERCOM_CLIENT_SECRET": SECRET, "INTERCOM_ADMIN_ID": "900"}


@pytest.mark.parametrize(
    ("region", "host"),
    [("", "https://api.intercom.io"), ("EU", "https://api.eu.intercom.io"), ("au", "https://api.au.intercom.io")],
)
def test_the_region_chooses_the_host(region: str, host: str) -> None:
    assert connected(BASE | {"INTERCOM_REGION": region}).base_url == host


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("INTERCOM_REGION", "moon", "us, eu, au"),
        ("INTERCOM_ADMIN_ID", "ines", "a number"),
        ("INTERCOM_BASE_URL", "https://api.intercom.io.example", "loopback"),
        ("INTERCOM_BASE_URL", "http://[", "loopback"),
    ],
)
def test_a_wrong_setting_is_named_with_its_fix(setting: str, value: str, fix: str) -> None:
    with pytest.raises(Misconfigured, match=f"{setting}.*{fix}"):
        connect(BASE | {setting: value})


def test_the_doctor_sees_region_workspace_and_seat(fake: Fake, intercom: Intercom) -> None:
    assert all(fine for _, fine, _ in intercom.check())

    wrong = connected(fake.settings() | {"INTERCOM_REGION": "eu", "INTERCOM_BASE_URL": fake.url}).check()
    assert [what for what, fine, _ in wrong if not fine] == ["the region is right"]
    assert [fine for _, fine, _ in connected(fake.settings() | {"INTERCOM_TOKEN": "old"}).check()] == [False]


# The look


def test_a_note_shows_everything_and_links_only_what_is_safe() -> None:
    note = Delivery(
        "d-3",
        Ref("intercom", "1"),
        DeliveryKind.NOTE,
        "Hi <Maria>",
        title="Draft & more",
        facts=(("Topic", "orders"), ("Page", "https://fernweh.example/app")),
        sources=(("Orders", "https://fernweh.example/help/orders"), ("Bad", "javascript:alert(1)")),
        buttons=(Button(VerdictKind.ACCEPT, "Send", "https://bot.example/a?t=1&u=2"),),
    )

    assert html_of(note) == (
        "<p><strong>Draft &amp; more</strong></p><ul><li><strong>Topic:</strong> orders</li><li><strong>Page:</strong> "
        "https://fernweh.example/app</li></ul>"
        "<p>Hi &lt;Maria&gt;</p><p><strong>Sources</strong></p>"
        '<ul><li><a href="https://fernweh.example/help/orders" rel="nofollow noopener">Orders</a></li><li>Bad</li></ul>'
        '<p><a href="https://bot.example/a?t=1&amp;u=2" rel="nofollow noopener">Send</a></p>'
    )


def test_the_bots_own_seat_is_not_on_the_team(intercom: Intercom) -> None:
    assert [agent.id for agent in intercom.team()] == ["901", "902", "903"]


def test_a_fingerprint_survives_what_the_vendor_does_to_html_and_no_change_of_words() -> None:
    sent = '<p>See <a href="https://fernweh.example/a" rel="x">https://fernweh.example/a</a>.<br>20 cm</p>'

    assert fingerprint(sent) == fingerprint(
        '<p class="x">See <a href="https://t.example/r">https://fernweh.example/a</a>.</p>20&nbsp;cm'
    )
    assert fingerprint(sent) != fingerprint(sent.replace("20", "30"))
