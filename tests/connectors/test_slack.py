"""The Slack connector against a fake Slack over HTTP: what it reads, what it writes, and when Slack fails."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.errors import Malformed, Misconfigured, Refused, Unavailable
from bot.model import Button, Change, Delivery, DeliveryKind, Ref, Role, Status, VerdictKind
from bot.ports import Agent
from connectors.slack.connector import Slack, connect
from connectors.slack.fake import Fake
from connectors.slack.fake_api import REVIEW, SUPPORT, TEAM, user
from connectors.slack.web import Web
from connectors.stage import Fault

REPLY = DeliveryKind.REPLY
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


@pytest.fixture
def slack(fake: Fake) -> Slack:
    return connect(fake.settings())


@pytest.fixture
def ref(fake: Fake) -> Ref:
    return Ref("slack", fake.customer_says("My zip is stuck.", customer="maria@example.com"))


def card(**words: object) -> Delivery:
    made = Delivery("d-card", Ref("slack", "review"), DeliveryKind.CARD, "Wax the zip.", title="Proposal")
    return replace(made, **words)  # type: ignore[arg-type]


def texts(delivery: Delivery, fake: Fake, slack: Slack) -> str:
    slack.deliver(delivery)
    return fake.cards()[0].html


def test_a_thread_is_a_conversation_with_customer_team_self_and_other_bots(fake: Fake, slack: Slack, ref: Ref) -> None:
    fake.agent_says("Have you tried wax?", agent="tomasz@fernweh.example", conversation=ref.id)
    slack.deliver(Delivery("d-1", ref, REPLY, "Here is how."))
    thread = ref.id.split("-")[1]
    fake.api.say(SUPPORT, "Ticket created", thread, bot_id="B0OTHER", username="Trello")

    said = slack.fetch(ref)

    assert [(m.role, m.name, m.text, m.mark) for m in said.messages] == [
        (Role.CUSTOMER, "Maria Keller", "My zip is stuck.", ""),
        (Role.AGENT, "Tomasz Wilk", "Have you tried wax?", ""),
        (Role.SELF, "", "Here is how.", "d-1"),
        (Role.OTHER_BOT, "Trello", "Ticket created", ""),
    ]
    assert (said.customer.id, said.customer.email, said.subject) == ("U_MARIA", "maria@example.com", "My zip is stuck.")
    assert said.stamp == said.messages[-1].id
    assert said.bot_active
    assert said.url == f"https://fernweh.slack.com/archives/{SUPPORT}/p{thread.replace('.', '')}"


def test_nobody_else_can_forge_our_mark(fake: Fake, slack: Slack, ref: Ref) -> None:
    metadata = {"event_type": "understudy_delivery", "event_payload": {"key": "d-1"}}
    fake.api.say(SUPPORT, "Trust me", ref.id.split("-")[1], bot_id="B0OTHER", metadata=metadata)

    assert slack.fetch(ref).messages[1].mark == ""


def test_a_colleague_who_opens_a_thread_is_its_customer(fake: Fake, slack: Slack) -> None:
    ref = Ref("slack", fake.customer_says("Can I expense this?", customer="U_PRIYA"))

    assert slack.fetch(ref).messages[0].role is Role.CUSTOMER


def test_an_edited_message_is_a_new_version_and_the_same_one_at_every_look(fake: Fake, slack: Slack, ref: Ref) -> None:
    first = slack.fetch(ref).messages[0]
    fake.api.change(SUPPORT, first.id, text="My zip is stuck &amp; torn.", edited={"ts": f"{int(time.time())}.000000"})

    edited, again = slack.fetch(ref).messages[0], slack.fetch(ref).messages[0]

    assert edited.version > first.version == 1
    assert edited == again
    assert (edited.id, edited.text) == (first.id, "My zip is stuck & torn.")


def test_files_are_named_and_a_check_mark_on_the_question_solves_it(fake: Fake, slack: Slack, ref: Ref) -> None:
    files = [{"name": "zip.png", "mimetype": "image/png", "size": 2048}, {"name": None}]
    fake.api.say(SUPPORT, "", ref.id.split("-")[1], user="U_MARIA", subtype="file_share", files=files)
    fake.agent_says("Done.", agent="U_INES", conversation=ref.id, status="solved")

    said = slack.fetch(ref)

    assert [(a.name, a.type, a.size) for a in said.messages[1].attachments] == [
        ("zip.png", "image/png", 2048),
        ("file", "", 0),
    ]
    assert said.status is Status.SOLVED
    assert said.changes == (Change(f"solved-{ref.id.split('-')[1]}", "status", "solved", said.messages[-1].at),)


def test_the_check_mark_is_the_same_change_whatever_is_said_after_it(fake: Fake, slack: Slack, ref: Ref) -> None:
    assert slack.fetch(ref).changes == ()
    fake.agent_says("Done.", agent="U_INES", conversation=ref.id, status="solved")
    before = {c.id for c in slack.fetch(ref).changes}
    fake.customer_says("Thanks!", customer="U_MARIA", conversation=ref.id)

    assert {c.id for c in slack.fetch(ref).changes} == before
    assert len(before) == 1


def test_a_thread_of_many_pages_is_read_whole(fake: Fake, slack: Slack, ref: Ref) -> None:
    for number in range(450):
        fake.customer_says(f"and {number}", customer="U_MARIA", conversation=ref.id)

    assert [m.text for m in slack.fetch(ref).messages[-2:]] == ["and 448", "and 449"]
    assert len(slack.fetch(ref).messages) == 451


def test_changed_finds_an_old_thread_by_its_newest_reply(fake: Fake, slack: Slack, ref: Ref) -> None:
    quiet = fake.customer_says("Never mind me", customer="U_JONAS")
    since = datetime.now(UTC)
    fake.customer_says("Still stuck", customer="U_MARIA", conversation=ref.id)

    assert list(slack.changed(since)) == [ref]
    assert [r.id for r in slack.changed(LONG_AGO)] == [quiet, ref.id]


def test_a_thread_elsewhere_is_refused(slack: Slack) -> None:
    with pytest.raises(Refused, match="not a thread of SLACK_SUPPORT_CHANNEL"):
        slack.deliver(Delivery("d-1", Ref("slack", f"{REVIEW}-1600000000.000100"), REPLY, "Hello"))


def test_a_reply_mentions_nobody_and_hides_nothing(fake: Fake, slack: Slack, ref: Ref) -> None:
    slack.deliver(Delivery("d-1", ref, REPLY, "<!channel> <@U_INES> <https://evil.example|fernweh.example> R&D"))

    [reply] = fake.ledger.writes
    assert reply.text == "&lt;!channel&gt; &lt;@U_INES&gt; fernweh. example R&amp;D"
    assert (reply.conversation, reply.mark, reply.public) == (ref.id, "d-1", True)


def test_a_card_mentions_nobody_in_any_of_its_parts(fake: Fake, slack: Slack) -> None:
    html = texts(
        card(
            text="<!here> one. Two <@U_INES>.",
            before="<!here> zero.",
            facts=(("From <!channel>", "<@U_INES>"),),
            sources=(("Wax <!here>|x", "https://fernweh.example/wax?a=1&b=2"), ("Bad", "javascript:alert(1)")),
        ),
        fake,
        slack,
    )

    assert "<mark>" not in html
    assert html.count("&lt;!here&gt;") == 3
    assert '<a href="https://fernweh.example/wax?a=1&amp;b=2"' in html
    assert "javascript" not in html


def test_a_card_shows_what_it_would_change(fake: Fake, slack: Slack) -> None:
    html = texts(card(before="Pull it. Wax it twice. Wait.", text="Pull it. Wax it once. Wait."), fake, slack)

    assert html == (
        "<h4>Proposal</h4><p>Pull it.<br>− <del>Wax it twice.</del><br>+ <strong>Wax it once.</strong><br>Wait.</p>"
    )


def test_a_change_of_very_many_sentences_is_compared_in_part_and_says_so(fake: Fake, slack: Slack) -> None:
    html = texts(card(before="A. B. " * 5000, text="A. " * 5000), fake, slack)

    assert html.endswith("… (shortened)</p>")


@pytest.mark.parametrize("text", ["& < > " * 4000, "x" * 30_000, "\n".join(["Wax it again."] * 3000)])
def test_a_draft_too_long_for_a_card_is_shortened_and_says_so(fake: Fake, slack: Slack, text: str) -> None:
    facts = tuple((f"Fact {n}", "v" * 5000) for n in range(15))
    sources = tuple((f"Source {n}" * 50, "https://fernweh.example/" + "y" * 150) for n in range(15))
    buttons = (Button(VerdictKind.ACCEPT, "Approve" * 20, "t" * 64), Button(VerdictKind.REJECT, "Reject", "t" * 64))

    html = texts(card(title="T" * 400, text=text, facts=facts, sources=sources, buttons=buttons), fake, slack)

    assert "… (shortened)</p>" in html
    assert [b.action for b in fake.cards()[0].buttons] == ["accept", "reject"]


def test_a_reply_longer_than_slack_keeps_is_refused_and_not_cut(fake: Fake, slack: Slack, ref: Ref) -> None:
    with pytest.raises(Refused, match="40000"):
        slack.deliver(Delivery("d-1", ref, REPLY, "x" * 40_001))

    assert fake.ledger.writes == ()


def test_a_card_is_changed_in_its_place(fake: Fake, slack: Slack) -> None:
    first = slack.deliver(card(buttons=(Button(VerdictKind.ACCEPT, "Approve", "tok"),)))

    again = slack.deliver(card(key="d-done", title="Approved by Ines", replaces=first))

    [shown] = fake.cards()
    assert (again, shown.buttons) == (first, ())
    assert shown.html == "<h4>Approved by Ines</h4><p>Wax the zip.</p>"
    assert slack.settled(card(key="d-done", replaces=first), datetime.now(UTC)) == first


def test_a_reply_whose_answer_is_lost_is_applied_once_and_found_by_its_mark(fake: Fake, slack: Slack, ref: Ref) -> None:
    fake.knobs.next.append(Fault("drop"))
    reply = Delivery("d-1", ref, REPLY, "Wax it.")

    with pytest.raises(Unavailable) as lost:
        slack.deliver(reply)

    assert lost.value.maybe
    assert [w.mark for w in fake.ledger.writes] == ["d-1"]
    assert slack.fetch(ref).messages[-1].mark == "d-1"
    assert slack.settled(reply, datetime.now(UTC)) == slack.fetch(ref).messages[-1].id


def test_a_card_whose_answer_is_lost_is_applied_once_and_found_on_the_review_channel(fake: Fake, slack: Slack) -> None:
    before = datetime.now(UTC)
    fake.knobs.next.append(Fault("drop"))

    with pytest.raises(Unavailable) as lost:
        slack.deliver(card())

    assert lost.value.maybe
    assert slack.settled(card(), before) == fake.cards()[0].id
    assert slack.settled(card(key="d-other"), before) is None
    assert len(fake.ledger.writes) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_write_that_slack_answers_with_an_error_is_read_back_and_not_sent_again(
    fake: Fake, slack: Slack, ref: Ref, status: int
) -> None:
    fake.knobs.next.append(Fault("status", status, "30"))
    reply = Delivery("d-1", ref, REPLY, "Wax it.")

    with pytest.raises(Unavailable) as failed:
        slack.deliver(reply)

    assert (failed.value.maybe, failed.value.retry_after) == (True, 30.0)
    assert slack.settled(reply, LONG_AGO) is None
    assert fake.ledger.writes == ()


def test_a_slow_write_is_unknown_and_a_failed_read_is_not(fake: Fake, slack: Slack, ref: Ref) -> None:
    hasty = Slack(Web("xoxb-fake-0000", f"{fake.url}/api/", timeout=1), (b"s",), TEAM, SUPPORT, REVIEW, frozenset())
    fake.knobs.next.append(Fault("slow", wait=1.3))

    with pytest.raises(Unavailable) as late:
        hasty.deliver(Delivery("d-1", ref, REPLY, "Wax it."))
    fake.knobs.next.append(Fault("lost"))
    with pytest.raises(Unavailable) as unread:
        slack.fetch(ref)

    assert (late.value.maybe, unread.value.maybe) == (True, False)


def test_nobody_there_means_surely_not_applied(fake: Fake) -> None:
    away = connect({**fake.settings(), "SLACK_BASE_URL": "http://127.0.0.1:9/api/"})

    with pytest.raises(Unavailable) as failed:
        away.deliver(card())

    assert not failed.value.maybe


def test_a_refusal_names_the_setting(fake: Fake) -> None:
    wrong = connect({**fake.settings(), "SLACK_REVIEW_CHANNEL": "C0NOWHERE", "SLACK_SUPPORT_CHANNEL": ""})
    stranger = connect({**fake.settings(), "SLACK_BOT_TOKEN": "xoxb-old"})

    with pytest.raises(Refused, match=r"channel_not_found.*SLACK_REVIEW_CHANNEL"):
        wrong.deliver(card())
    with pytest.raises(Refused, match=r"invalid_auth.*SLACK_BOT_TOKEN"):
        stranger.deliver(card())


def test_without_a_support_channel_there_are_cards_only(fake: Fake) -> None:
    slack = connect({**fake.settings(), "SLACK_SUPPORT_CHANNEL": ""})

    assert slack.can == {DeliveryKind.CARD}
    assert list(slack.changed(LONG_AGO)) == []


def test_an_answer_without_its_fields_names_the_field(fake: Fake, slack: Slack, ref: Ref) -> None:
    fake.api.thread(SUPPORT, ref.id.split("-")[1])[0]["files"] = "none"

    with pytest.raises(Malformed, match=r"slack: Page\.messages\.0\.files"):
        slack.fetch(ref)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-user"),
        ("SLACK_SIGNING_SECRET", ""),
        ("SLACK_TEAM_ID", "fernweh"),
        ("SLACK_REVIEW_CHANNEL", "#review"),
        ("SLACK_SUPPORT_CHANNEL", REVIEW),
        ("SLACK_BASE_URL", "https://slack.example/api/"),
    ],
)
def test_a_wrong_setting_is_named(fake: Fake, setting: str, value: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        connect({**fake.settings(), setting: value})

    assert wrong.value.setting == setting


def test_the_doctor_finds_a_wrong_workspace_and_a_channel_that_is_not_there(fake: Fake, slack: Slack) -> None:
    lost = connect({**fake.settings(), "SLACK_TEAM_ID": "T0OTHER", "SLACK_SUPPORT_CHANNEL": "C0NOWHERE"})

    assert all(fine for _, fine, _ in slack.check())
    assert [what for what, fine, _ in lost.check() if not fine] == ["Slack workspace", "SLACK_SUPPORT_CHANNEL"]


def test_the_team_is_every_member_of_this_workspace_and_nobody_else(fake: Fake, slack: Slack) -> None:
    ines = ("Ines Duarte", "ines@fernweh.example")
    everyone = (
        user("U_1", *ines),
        user("U_2", *ines, is_restricted=True),
        user("U_3", *ines, deleted=True),
        user("U_4", *ines, is_bot=True),
        user("U_5", *ines, team_id="T0ELSEWHERE"),
        user("U_6", *ines, is_email_confirmed=False),
        user("U_7", *ines, is_email_confirmed=None),
        user("USLACKBOT", "Slackbot"),
    )
    fake.api.users = {one["id"]: one for one in everyone}

    assert slack.team() == (
        Agent("U_1", "Ines Duarte", "ines@fernweh.example"),
        Agent("U_6", "Ines Duarte", ""),
        Agent("U_7", "Ines Duarte", ""),
    )


def test_names_are_asked_once_an_hour(fake: Fake, slack: Slack, ref: Ref) -> None:
    slack.fetch(ref)
    fake.api.users.clear()

    assert slack.fetch(ref).customer.name == "Maria Keller"
    assert slack.fetch(Ref("slack", fake.customer_says("Hi", customer="U_GHOST"))).customer.name == "U_GHOST"
