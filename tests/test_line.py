"""The line end to end: over real HTTP to the fakes, on a real database, whatever goes wrong on the way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import func, select

from bot import compose, deliver, sweep, work
from bot.errors import Malformed, Unavailable
from bot.model import Action, Delivery, DeliveryKind, DeliveryState, Entry, Licence, Pilot, Policy, Reason, Ref, Scope
from bot.ports import Connector, Late, never
from bot.store import audit, drafts, limits
from bot.store.letters import Which, dead
from bot.store.tables import audit as audit_rows
from bot.store.tables import work as work_rows
from connectors.stage import Fault
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, INES, RETURNS, Desk, desk
from tests.staff import staff

pytestmark = pytest.mark.services
DESKS = ("zendesk", "intercom", "slack")
LOST = Fault("lost")


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with all three helpdesks."""
    with desk(database_url, redis_url=redis_url) as made:
        yield made


def license_returns(made: Desk, days: float = 7) -> None:
    """A lead lets returns answer alone."""
    made.policy(Policy(version=1, suggest_at=0.2))
    now = made.clock()
    with made.line.store.write() as conn:
        limits.add_licence(conn, Licence("returns", "ines", now, now + timedelta(days=days)))


@pytest.mark.parametrize("name", DESKS)
def test_a_question_that_is_known_gets_one_suggestion(fernweh: Desk, name: str) -> None:
    ref = fernweh.ask(ASKS_RETURN, name)

    assert fernweh.decided(ref).decision.action is Action.SUGGEST
    assert fernweh.decided(ref).decision.reason is Reason.NOT_LICENSED
    assert [d.state for d in fernweh.deliveries(ref)] == [DeliveryState.SENT]
    assert "within 30 days of delivery" in fernweh.decided(ref).draft.text
    assert RETURNS.url in fernweh.decided(ref).draft.text


@pytest.mark.parametrize(("asked", "found"), [("Wie schicke ich etwas zurück?", "german"), (ASKS_RETURN, RETURNS.id)])
def test_the_language_of_the_question_decides_before_the_locale(fernweh: Desk, asked: str, found: str) -> None:
    answer = "Öffne die Bestellung und wähle Rückgabe; das Etikett kommt per E-Mail."
    german = Entry("german", 1, "Wie schicke ich etwas zurück?", answer, scope=Scope(language="de"))
    fernweh.know(german)

    decided = fernweh.decided(fernweh.ask(asked))

    assert [e.id for e in decided.draft.used] == [found]


@pytest.mark.parametrize("name", DESKS)
def test_a_question_that_is_not_known_goes_to_a_person_with_what_was_tried(fernweh: Desk, name: str) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN, name)

    assert fernweh.decided(ref).decision.reason is Reason.THIN_EVIDENCE
    facts = dict(fernweh.deliveries(ref)[0].delivery.facts)
    assert set(facts) == {"Reason", "Asked", "Tried", "Best evidence"}
    assert "engrave my initials" in facts["Asked"]


@pytest.mark.parametrize("name", DESKS)
def test_a_licensed_topic_is_answered_to_the_customer_once(fernweh: Desk, name: str) -> None:
    license_returns(fernweh)

    ref = fernweh.ask(ASKS_RETURN, name)

    assert fernweh.decided(ref).decision.action is Action.REPLY
    public = [w for w in fernweh.fakes[name].ledger.writes if w.conversation == ref.id and w.public]
    assert len(public) == 1
    assert "within 30 days" in public[0].text


def test_a_licence_ends_by_itself(fernweh: Desk) -> None:
    license_returns(fernweh, days=2)
    fernweh.clock.forward(minutes=4)  # webhooks stay fresh
    assert fernweh.decided(fernweh.ask(ASKS_RETURN)).decision.action is Action.REPLY

    with fernweh.line.store.write() as conn:
        now = fernweh.clock()
        limits.add_licence(conn, Licence("returns", "ines", now - timedelta(days=3), now - timedelta(seconds=1)))

    assert fernweh.decided(fernweh.ask(ASKS_RETURN, customer="jonas@example.com")).decision.action is Action.SUGGEST


@dataclass(frozen=True)
class Interrupted:
    """A helpdesk whose customer writes again in the moment in which a reply goes out."""

    real: Connector
    interrupt: Callable[[Delivery], None]

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def deliver(self, delivery: Delivery, late: Late = never) -> str:
        """After the customer."""
        if delivery.kind is DeliveryKind.REPLY:
            self.interrupt(delivery)
        return self.real.deliver(delivery, late)


@pytest.mark.parametrize("name", DESKS)
def test_what_a_customer_writes_while_a_reply_goes_out_is_not_taken_for_answered(fernweh: Desk, name: str) -> None:
    license_returns(fernweh)

    def again(delivery: Delivery) -> None:
        fernweh.fakes[name].customer_says(ASKS_UNKNOWN, customer="maria@example.com", conversation=delivery.ref.id)

    desks = cast("dict[str, Connector]", fernweh.line.connectors)
    desks[name] = cast("Connector", Interrupted(desks[name], again))

    ref = fernweh.ask(ASKS_RETURN, name)
    fernweh.clock.forward(seconds=5)
    fernweh.settle()

    assert ASKS_UNKNOWN in fernweh.decided(ref).question
    assert fernweh.decided(ref).decision.action in (Action.SUGGEST, Action.HANDOFF)


@pytest.mark.parametrize("name", DESKS)
def test_a_write_whose_answer_is_lost_is_read_back_and_not_sent_again(fernweh: Desk, name: str) -> None:
    license_returns(fernweh)
    fake = fernweh.fakes[name]
    fake.knobs.writes_only = True
    fake.knobs.next.append(Fault("drop"))

    ref = fernweh.ask(ASKS_RETURN, name)
    assert fernweh.deliveries(ref)[0].state is DeliveryState.UNKNOWN
    fernweh.clock.forward(seconds=6)
    fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.SENT
    assert len([t for t in fernweh.sent(ref) if "within 30 days" in t]) == 1


@pytest.mark.parametrize("name", DESKS)
def test_a_write_that_surely_did_not_happen_gets_one_more_try(fernweh: Desk, name: str) -> None:
    license_returns(fernweh)
    fernweh.fakes[name].knobs.writes_only = True
    fernweh.fakes[name].knobs.next.append(LOST)

    ref = fernweh.ask(ASKS_RETURN, name)
    for _ in range(20):
        fernweh.clock.forward(seconds=2)
        fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.SENT
    assert len([t for t in fernweh.sent(ref) if "within 30 days" in t]) == 1


def asked_by_a_wrong_clock(made: Desk, name: str, minutes: int) -> Ref:
    """Our clock is so far ahead; webhooks are refused for their timestamps, the sweep finds what they were about."""
    made.clock.set(minutes=minutes)
    ref = Ref(name, made.fakes[name].customer_says(ASKS_RETURN, customer="maria@example.com"))
    sweep.sweep(made.line)
    made.settle()
    sweep.reclaim(made.line)  # as every second
    return ref


@pytest.mark.parametrize("minutes", [10, -10])
@pytest.mark.parametrize("name", DESKS)
def test_a_clock_that_is_set_while_a_write_is_in_doubt_does_not_send_it_again(
    fernweh: Desk, name: str, minutes: int
) -> None:
    license_returns(fernweh)
    fernweh.fakes[name].knobs.writes_only = True
    fernweh.fakes[name].knobs.next.append(Fault("drop"))

    ref = asked_by_a_wrong_clock(fernweh, name, minutes)
    assert fernweh.deliveries(ref)[0].state is DeliveryState.UNKNOWN
    fernweh.clock.set()
    sweep.reclaim(fernweh.line)
    for _ in range(10):
        fernweh.clock.forward(seconds=6)
        fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.SENT
    assert len(fernweh.fakes[name].ledger.writes) == 1


def test_what_is_surely_absent_is_not_decided_by_a_clock_that_is_set(fernweh: Desk) -> None:
    license_returns(fernweh)
    fernweh.fakes["intercom"].knobs.writes_only = True
    fernweh.fakes["intercom"].knobs.next.append(LOST)

    ref = fernweh.ask(ASKS_RETURN, "intercom")
    fernweh.clock.set(minutes=10)
    fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.UNKNOWN
    assert fernweh.sent(ref) == []


def test_what_waits_is_not_held_up_by_a_clock_that_was_set_back(fernweh: Desk) -> None:
    fernweh.fakes["zendesk"].knobs.writes_only = True
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "30"))
    ref = asked_by_a_wrong_clock(fernweh, "zendesk", 10)
    assert [d.state for d in fernweh.deliveries(ref)] == [DeliveryState.APPROVED]

    fernweh.clock.set()
    sweep.reclaim(fernweh.line)
    fernweh.settle()

    assert [d.state for d in fernweh.deliveries(ref)] == [DeliveryState.SENT]


def test_a_write_that_is_lost_twice_is_a_persons_matter(fernweh: Desk) -> None:
    license_returns(fernweh)
    fernweh.fakes["zendesk"].knobs.writes_only = True
    fernweh.fakes["zendesk"].knobs.next.extend([LOST, LOST])

    ref = fernweh.ask(ASKS_RETURN)
    for _ in range(30):
        fernweh.clock.forward(seconds=2)
        fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.ASKED
    assert [w.public for w in fernweh.fakes["zendesk"].ledger.writes] == [False]  # a note to whoever takes over
    assert any("Was this sent?" in card.html for card in fernweh.fakes["slack"].cards())


def test_a_busy_helpdesk_is_asked_again_when_it_said(fernweh: Desk) -> None:
    fernweh.fakes["zendesk"].knobs.writes_only = True
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "30"))

    ref = fernweh.ask(ASKS_RETURN)
    assert fernweh.deliveries(ref)[0].state is DeliveryState.APPROVED
    fernweh.clock.forward(seconds=31)
    fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.SENT
    assert len(fernweh.sent(ref)) == 1


def test_a_draft_that_has_not_seen_the_newest_message_is_void(fernweh: Desk) -> None:
    license_returns(fernweh)
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, True, "test", fernweh.clock())
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.fakes["zendesk"].customer_says(
        "Sorry, I meant my trolley!", customer="maria@example.com", conversation=ref.id
    )
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, False, "test", fernweh.clock())

    fernweh.clock.forward(seconds=5)
    fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.VOID
    assert not any(w.public and "30 days" in w.text for w in fernweh.fakes["zendesk"].ledger.writes)


def test_the_stop_holds_every_send_and_go_lets_it_out(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, True, "test", fernweh.clock())

    ref = fernweh.ask(ASKS_RETURN)
    assert fernweh.sent(ref) == []
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, False, "test", fernweh.clock())
    fernweh.clock.forward(seconds=5)
    fernweh.settle()

    assert len(fernweh.sent(ref)) == 1


def queued_behind_a_stop(made: Desk) -> Ref:
    """A licensed reply that waits for `go`."""
    license_returns(made)
    with made.line.store.write() as conn:
        limits.set_stop(conn, True, "test", made.clock())
    return made.ask(ASKS_RETURN)


def let_go(made: Desk, **after: float) -> None:
    """The stop ends, and what waited is carried on."""
    made.clock.forward(**after or {"seconds": 5})
    with made.line.store.write() as conn:
        limits.set_stop(conn, False, "test", made.clock())
    made.settle()


def public(made: Desk) -> list[str]:
    """What Zendesk says customers were sent."""
    return [w.text for w in made.fakes["zendesk"].ledger.writes if w.public]


def test_stop_revoke_go_sends_nothing_to_the_customer_and_gives_people_the_text(fernweh: Desk) -> None:
    ref = queued_behind_a_stop(fernweh)
    with fernweh.line.store.write() as conn:
        now = fernweh.clock()
        limits.add_licence(conn, Licence("returns", "ines", now, now))

    let_go(fernweh)

    assert public(fernweh) == []
    assert fernweh.deliveries(ref)[0].error == "the topic's licence has ended"
    assert "within 30 days" in fernweh.sent(ref)[0]


@pytest.mark.parametrize("status", ["solved", "closed"])
def test_a_conversation_that_was_closed_meanwhile_gets_no_reply(fernweh: Desk, status: str) -> None:
    ref = queued_behind_a_stop(fernweh)
    with fernweh.line.store.write() as conn:
        work.prune(conn, fernweh.clock())
    fernweh.fakes["zendesk"].agent_says(
        "Called them.", agent="tomasz", conversation=ref.id, public=False, status=status
    )

    let_go(fernweh)

    assert public(fernweh) == []
    assert fernweh.deliveries(ref)[0].error == "the conversation is not open"


def test_what_is_out_of_date_meanwhile_is_not_sent(fernweh: Desk) -> None:
    fernweh.know(replace(RETURNS, version=2, valid_until=fernweh.clock() + timedelta(hours=1)))
    queued_behind_a_stop(fernweh)

    let_go(fernweh, hours=2)

    assert public(fernweh) == []


def test_what_was_corrected_meanwhile_is_not_sent(fernweh: Desk) -> None:
    queued_behind_a_stop(fernweh)
    fernweh.know(replace(RETURNS, version=2, answer="You can return an order within 14 days of delivery."))

    let_go(fernweh)

    assert public(fernweh) == []


def test_a_stop_of_two_days_loses_nothing(fernweh: Desk) -> None:
    queued_behind_a_stop(fernweh)

    fernweh.clock.forward(hours=46)
    fernweh.settle()
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "1"))
    let_go(fernweh, hours=1)
    fernweh.clock.forward(seconds=10)
    fernweh.settle()

    assert len(public(fernweh)) == 1


def test_what_a_person_accepted_and_cannot_go_out_any_more_goes_back_to_people(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    sent = fernweh.deliveries(ref)[0]
    asked = compose.reply(fernweh.decided(ref).draft, "Within 30 days.")
    with fernweh.line.store.write() as conn:
        deliver.approve(conn, fernweh.line, asked, sent.draft_id, "ines")
    fernweh.fakes["zendesk"].customer_says("And by post?", customer="maria@example.com", conversation=ref.id)

    fernweh.settle()

    assert public(fernweh) == []
    [told] = [d for d in fernweh.deliveries(ref) if d.delivery.key.endswith("-back")]
    assert told.state is DeliveryState.SENT
    assert told.delivery.facts[0] == ("Not sent", "the customer wrote again, or somebody has answered")
    assert any("Within 30 days." in said for said in fernweh.sent(ref))


def test_a_crowded_helpdesk_is_left_alone_by_everything_that_waits(fernweh: Desk) -> None:
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 429, "60"))

    refs = [fernweh.ask(ASKS_RETURN, customer=f"{n}@example.com") for n in range(3)]
    at_once = [fernweh.sent(ref) for ref in refs]
    fernweh.clock.forward(seconds=61)
    fernweh.settle()

    assert at_once == [[], [], []]
    assert [len(fernweh.sent(ref)) for ref in refs] == [1, 1, 1]


def test_thanks_behind_an_open_question_do_not_close_it(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, True, "test", fernweh.clock())
    ref = fernweh.ask(ASKS_RETURN, "intercom")
    fernweh.fakes["intercom"].customer_says("Thanks!", customer="maria@example.com", conversation=ref.id)
    fernweh.settle()

    assert fernweh.decided(ref).decision.action is Action.SUGGEST
    assert "30 days" in fernweh.decided(ref).draft.text


def test_a_never_topic_in_an_earlier_message_still_holds(fernweh: Desk) -> None:
    fernweh.policy(Policy(never_topics=("lawyer",)))
    ref = fernweh.ask("My lawyer will hear of this.", "intercom")
    fernweh.fakes["intercom"].customer_says(ASKS_RETURN, customer="maria@example.com", conversation=ref.id)
    fernweh.settle()

    assert fernweh.decided(ref).decision.reason is Reason.NEVER_TOPIC


def test_a_licence_does_not_cover_a_second_topic(fernweh: Desk) -> None:
    license_returns(fernweh)
    bags = replace(RETURNS, id="bag-colours", question="Which colours does the Nomad bag have?", topic="products")
    fernweh.know(replace(bags, answer="The Nomad bag comes in sand, moss and slate."))

    decided = fernweh.decided(fernweh.ask(f"{ASKS_RETURN} Which colours does the Nomad bag have?"))

    assert {e.topic for e in decided.draft.used} == {"returns", "products"}
    assert decided.decision.reason is Reason.NOT_LICENSED


def test_two_words_are_never_answered_alone(fernweh: Desk) -> None:
    license_returns(fernweh)

    assert fernweh.decided(fernweh.ask("return order", "intercom")).decision.reason is Reason.TOO_SHORT


def test_a_reply_that_is_refused_for_good_becomes_a_note(fernweh: Desk) -> None:
    license_returns(fernweh)
    fernweh.fakes["zendesk"].knobs.writes_only = True
    fernweh.fakes["zendesk"].knobs.next.append(Fault("status", 403))

    ref = fernweh.ask(ASKS_RETURN)

    assert public(fernweh) == []
    assert "Not sent" in fernweh.sent(ref)[0]


def test_a_bug_in_an_effect_kills_no_worker_and_ends_with_a_person(fernweh: Desk) -> None:
    def effect(_: object) -> None:
        raise RuntimeError("a bug")

    worker = replace(fernweh.worker, handlers={**fernweh.worker.handlers, "look": lambda _: effect})
    with fernweh.line.store.write() as conn:
        work.ring(conn, [Ref("zendesk", "1")], fernweh.clock())
    for _ in range(5):
        worker.drain()
        fernweh.clock.forward(seconds=30)

    with fernweh.line.store.read() as conn:
        assert [letter.key for letter in dead(conn, Which())] == ["look|zendesk:1"]


def test_without_a_review_channel_a_bug_is_told_in_the_conversation(database_url: str) -> None:
    def bug(_: object) -> None:
        raise RuntimeError("a bug")

    with desk(database_url, "zendesk") as made:
        made.worker.handlers["event"] = bug  # type: ignore[index]
        ref = made.ask(ASKS_RETURN)
        for _ in range(5):
            made.clock.forward(seconds=30)
            made.settle()

        assert "RuntimeError: a bug" in staff(made.line, made.url, INES).get().text
        assert [d.delivery.facts[0] for d in made.deliveries(ref)] == [("What happened", "RuntimeError: a bug")]
        assert len(made.sent(ref)) == 1


def test_conversations_that_cannot_be_read_are_told_once_a_day_each_and_once_for_their_reason(fernweh: Desk) -> None:
    def odd(job: work.Job) -> None:
        raise Malformed(f"zendesk: ticket {job.ref.id}: status: Field required")

    fernweh.worker.handlers["look"] = odd  # type: ignore[index]
    refs = [fernweh.ask(ASKS_RETURN, customer=f"{n}@example.com") for n in range(2)]
    for _ in range(8):  # our own note rings for a look, which dies again
        fernweh.clock.forward(seconds=30)
        fernweh.settle()

    assert [len(fernweh.sent(ref)) for ref in refs] == [1, 1]
    assert len(fernweh.deliveries(Ref("slack", "review"))) == 1


@pytest.mark.parametrize("name", DESKS)
def test_half_a_character_stops_nobody(fernweh: Desk, name: str) -> None:
    ref = fernweh.ask(f"{ASKS_RETURN} \ud83d \0", name)

    assert fernweh.decided(ref).decision.action is Action.SUGGEST
    with fernweh.line.store.read() as conn:
        assert dead(conn, Which()) == []


def test_a_row_that_succeeds_forgets_its_crashes(fernweh: Desk) -> None:
    ref = fernweh.ask("Hello, is anybody there who can help me?")
    for _ in range(4):
        with fernweh.line.store.write() as conn:
            work.ring(conn, [ref], fernweh.clock())
            assert work.claim(conn, fernweh.clock()) is not None
        fernweh.clock.forward(minutes=2)
        sweep.reclaim(fernweh.line)
        fernweh.settle()

    with fernweh.line.store.read() as conn:
        assert dead(conn, Which()) == []


def test_ringing_does_not_cut_a_wait_short(fernweh: Desk) -> None:
    ref = Ref("zendesk", "7")
    with fernweh.line.store.write() as conn:
        work.ring(conn, [ref], fernweh.clock())
        job = work.claim(conn, fernweh.clock())
        assert job is not None
        work.later(conn, job, fernweh.clock(), Unavailable("429", retry_after=60))
        work.ring(conn, [ref], fernweh.clock())

        assert work.claim(conn, fernweh.clock()) is None


def test_a_strangers_press_on_a_draft_is_refused(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN, "slack", customer="U_MARIA")
    card = next(c for c in fernweh.fakes["slack"].cards() if c.buttons)

    fernweh.fakes["slack"].press(card.id, card.buttons[0].action, user="U_MARIA")
    fernweh.settle()

    assert [d.delivery.kind for d in fernweh.deliveries(ref) if d.by] == []


def test_a_crash_after_the_post_does_not_post_twice(fernweh: Desk) -> None:
    """The row says `sending`, the vendor has it, and nobody wrote down the vendor's id."""
    ref = fernweh.ask(ASKS_RETURN)
    row = fernweh.deliveries(ref)[0]
    with fernweh.line.store.write() as conn:
        drafts.end_sending(conn, row.delivery.key, DeliveryState.SENDING, fernweh.clock())
        work.ask(conn, "deliver", row.delivery.key + "|again", ref, fernweh.clock())
        conn.exec_driver_sql("UPDATE work SET state = 'ready' WHERE kind = 'deliver'")

    fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.SENT
    assert len(fernweh.sent(ref)) == 1


def test_a_worker_whose_claim_was_taken_over_does_not_send(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    row = fernweh.deliveries(ref)[0]
    with fernweh.line.store.write() as conn:
        drafts.end_sending(conn, row.delivery.key, DeliveryState.APPROVED, fernweh.clock())
        conn.exec_driver_sql("UPDATE work SET state = 'ready' WHERE kind = 'deliver'")
        stale = work.claim(conn, fernweh.clock())
    assert stale is not None
    fernweh.clock.forward(minutes=10)
    sweep.reclaim(fernweh.line)
    with fernweh.line.store.write() as conn:
        assert work.claim(conn, fernweh.clock()) is not None

    with fernweh.line.store.write() as conn:
        assert not drafts.start_sending(conn, row.delivery.key, stale.id, stale.fence, fernweh.clock())


class Frozen:
    """A helpdesk's connector under a worker that stands still before the call, until `meanwhile` is over."""

    def __init__(self, real: Connector, meanwhile: Callable[[], object]) -> None:
        self.real, self.meanwhile = real, meanwhile

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def deliver(self, delivery: Delivery, _late: Late = never) -> str:
        """Whatever was done meanwhile, this call never reaches the vendor."""
        self.meanwhile()
        raise Unavailable("connection refused")


@pytest.mark.parametrize("name", DESKS[:2])
def test_a_worker_that_wakes_up_too_late_changes_nothing(fernweh: Desk, name: str) -> None:
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, True, "test", fernweh.clock())
    ref = fernweh.ask(ASKS_RETURN, name)
    fernweh.clock.forward(minutes=1)
    with fernweh.line.store.write() as conn:
        limits.set_stop(conn, False, "test", fernweh.clock())
        job = work.claim(conn, fernweh.clock())
    assert job is not None

    def taken_over() -> None:
        fernweh.clock.forward(minutes=3)
        sweep.reclaim(fernweh.line)
        fernweh.settle()
        fernweh.clock.forward(minutes=1)
        fernweh.settle()

    frozen = cast("Connector", Frozen(fernweh.line.connectors[name], taken_over))
    with pytest.raises(Unavailable):
        deliver.deliver(replace(fernweh.line, connectors={**fernweh.line.connectors, name: frozen}), job)
    fernweh.clock.forward(minutes=5)
    sweep.reclaim(fernweh.line)
    fernweh.settle()

    assert fernweh.deliveries(ref)[0].state is DeliveryState.SENT
    assert len(fernweh.sent(ref)) == 1


def test_a_wake_up_alone_is_enough(fernweh: Desk) -> None:
    """Nobody looks into the table by themselves here: the webhook's wake-up brings the worker."""
    ref = Ref("zendesk", fernweh.fakes["zendesk"].customer_says(ASKS_RETURN, customer="maria@example.com"))
    assert fernweh.fakes["zendesk"].courier.drain()

    assert fernweh.woken() >= 3

    assert [d.state for d in fernweh.deliveries(ref)] == [DeliveryState.SENT]


@pytest.mark.parametrize("name", DESKS)
def test_lost_webhooks_are_made_good_by_the_sweep(fernweh: Desk, name: str) -> None:
    fernweh.fakes[name].knobs.lose = 1.0
    ref = fernweh.ask(ASKS_RETURN, name)
    assert fernweh.deliveries(ref) == []

    sweep.sweep(fernweh.line)
    fernweh.settle()

    assert [d.state for d in fernweh.deliveries(ref)] == [DeliveryState.SENT]


def test_work_that_was_done_long_ago_is_forgotten_and_not_done_again(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.clock.forward(days=31)
    sweep.tidy(fernweh.line)
    with fernweh.line.store.write() as conn:
        assert conn.scalar(select(func.count()).select_from(work_rows)) == 0
        work.ring(conn, [ref], fernweh.clock())

    fernweh.settle()

    assert len(fernweh.sent(ref)) == 1


def test_doubled_and_reordered_webhooks_change_nothing(fernweh: Desk) -> None:
    for fake in fernweh.fakes.values():
        fake.knobs.duplicate, fake.knobs.reorder = 1.0, 0.5

    refs = [fernweh.ask(ASKS_RETURN, name, customer=f"c{i}@example.com") for i in range(3) for name in DESKS[:2]]

    assert [len(fernweh.deliveries(ref)) for ref in refs] == [1] * 6
    assert all(len(fernweh.sent(ref)) == 1 for ref in refs)


@pytest.mark.parametrize(
    ("text", "action", "reason"),
    [
        ("Thank you so much, that solved it!", Action.IGNORE, Reason.THANKS),
        ("I want to talk to a real person please.", Action.HANDOFF, Reason.ASKED_FOR_PERSON),
        ("My lawyer will sue you over this bag.", Action.HANDOFF, Reason.NEVER_TOPIC),
        ("I am out of office until Monday. This is an automatic reply.", Action.IGNORE, Reason.AUTO_REPLY),
    ],
)
def test_what_needs_no_draft_is_recognised(fernweh: Desk, text: str, action: Action, reason: Reason) -> None:
    fernweh.policy(Policy(never_topics=("lawyer", "injury")))

    decided = fernweh.decided(fernweh.ask(text, "intercom")).decision

    assert (decided.action, decided.reason) == (action, reason)


def test_a_message_that_is_only_a_screenshot_goes_to_a_person_who_reads_its_name(fernweh: Desk) -> None:
    ref = Ref("zendesk", fernweh.fakes["zendesk"].attach("strap.png", customer="maria@example.com"))
    fernweh.settle()

    assert fernweh.decided(ref).decision.reason is Reason.ONLY_ATTACHMENT
    assert ("Attached", "strap.png (not opened)") in fernweh.deliveries(ref)[0].delivery.facts


def test_outside_the_pilot_the_bot_keeps_out(fernweh: Desk) -> None:
    fernweh.policy(Policy(pilot=Pilot(tags=("vip",))))

    ref = fernweh.ask(ASKS_RETURN)

    assert fernweh.decided(ref).decision.reason is Reason.OUTSIDE_PILOT
    assert fernweh.sent(ref) == []


def test_drafts_only_never_answers_a_customer_alone(fernweh: Desk) -> None:
    license_returns(fernweh)
    fernweh.policy(replace(Policy(version=2), draft_only=("zendesk",), reply_at=0.3, suggest_at=0.2))

    assert fernweh.decided(fernweh.ask(ASKS_RETURN)).decision.reason is Reason.DRAFT_ONLY
    assert fernweh.decided(fernweh.ask(ASKS_RETURN, "intercom")).decision.action is Action.REPLY


def test_conversations_that_are_gone_are_written_down_once_each_and_told_to_people_once(fernweh: Desk) -> None:
    gone = [Ref("zendesk", "424242"), Ref("zendesk", "424243")]
    for _ in range(3):
        with fernweh.line.store.write() as conn:
            work.ring(conn, gone, fernweh.clock())
        fernweh.settle()
        fernweh.clock.forward(days=1)

    with fernweh.line.store.read() as conn:
        assert [[e.what for e in audit.entries(conn, str(ref))] for ref in gone] == [["gone"], ["gone"]]
    [card] = fernweh.deliveries(Ref("slack", "review"))
    assert (card.state, card.delivery.title) == (DeliveryState.SENT, "Cannot be read any more")
    assert card.delivery.facts[:2] == (
        ("Conversation", "zendesk:424242"),
        ("What happened", "Zendesk refused reading ticket 424242: Not found (HTTP 404)."),
    )
    assert fernweh.waiting() == 0


def test_another_reason_why_a_conversation_cannot_be_read_is_told_too(fernweh: Desk) -> None:
    elsewhere = Ref("slack", "C0ELSEWHERE-1600000000.000100")
    with fernweh.line.store.write() as conn:
        work.ring(conn, [Ref("zendesk", "424242"), elsewhere], fernweh.clock())

    fernweh.settle()

    told = [dict(card.delivery.facts)["Conversation"] for card in fernweh.deliveries(Ref("slack", "review"))]
    assert sorted(told) == [str(elsewhere), "zendesk:424242"]


def test_every_step_is_in_the_audit_and_the_chain_holds(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)

    draft = fernweh.decided(ref).draft
    with fernweh.line.store.read() as conn:
        assert [(e.what, e.why) for e in audit.entries(conn, draft.id)] == [("suggest", "not_licensed")]
        assert audit.verify(conn) == len(audit.entries(conn))


def test_an_audit_entry_that_was_changed_breaks_the_chain(fernweh: Desk) -> None:
    fernweh.ask(ASKS_RETURN)

    with fernweh.line.store.write() as conn:
        conn.execute(audit_rows.update().where(audit_rows.c.seq == 1).values(detail={"ref": "another"}))

    with fernweh.line.store.read() as conn, pytest.raises(ValueError, match="audit entry 1 was changed"):
        audit.verify(conn)


def test_every_reason_has_words_for_people() -> None:
    assert [reason for reason in Reason if not reason.words] == []
