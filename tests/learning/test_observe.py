"""What people do comes back and is stored as what it is: on real fakes, the whole line, a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import answer, review, work
from bot.model import (
    CorrectionKind,
    DeliveryState,
    Event,
    EventKind,
    Intervention,
    Outcome,
    OutcomeKind,
    Proposal,
    ProposalState,
    Ref,
    Signal,
    Verdict,
    VerdictKind,
)
from bot.store import audit, conversations, drafts, knowledge, reviews
from connectors.slack.fake_api import SUPPORT
from connectors.stage import Fault
from learning import observe
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, RETURNS, Desk, desk
from tests.learning.cases import NOW, agent

ENGRAVING = "Yes, we engrave up to three initials on aluminium trolleys for 15 euros. It takes two working days."
ALL = tuple(ProposalState)


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    with desk(database_url, redis_url=redis_url) as made:
        yield made


def press(at: Desk, ref: Ref, kind: VerdictKind, text: str = "") -> None:
    """Tomasz confirms one of the links under the suggestion."""
    buttons = {b.verdict: b.value for d in at.deliveries(ref) for b in d.delivery.buttons}
    nonce, *_ = at.line.links.read(buttons[kind].rsplit("/", maxsplit=1)[1])
    assert review.judge(at.line, Verdict(kind, nonce, "tomasz", at.clock(), text)) == ""
    at.settle()


@pytest.mark.parametrize("signature", ["Tomasz", "Cheers Tomasz"])
def test_a_signature_is_no_edit_and_nothing_to_teach(fernweh: Desk, signature: str) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    body = fernweh.decided(ref).draft.text

    fernweh.agent(ref, f"{body}\n\n{signature}")
    unknown = fernweh.ask(ASKS_UNKNOWN)
    fernweh.agent(unknown, f"{ENGRAVING}\n\n{signature}")

    known = outcome(fernweh, ref)
    assert known is not None
    assert known.kind is OutcomeKind.KEPT
    assert interventions(fernweh, ref) == []
    assert [i.answer for i in interventions(fernweh, unknown)] == [ENGRAVING]


def outcome(at: Desk, ref: Ref) -> Outcome | None:
    with at.line.store.read() as conn:
        return reviews.outcome_of(conn, drafts.drafts_of(conn, ref)[-1].draft.id)


def interventions(at: Desk, ref: Ref) -> list[Intervention]:
    with at.line.store.read() as conn:
        return reviews.interventions_in(conn, ref)


def proposals(at: Desk) -> list[Proposal]:
    with at.line.store.read() as conn:
        return reviews.proposals(conn, ALL)


def signals(at: Desk) -> list[Signal]:
    with at.line.store.read() as conn:
        return [s for _, s in reviews.signals_after(conn, 0)]


def test_a_draft_copied_by_hand_with_another_greeting_was_kept(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    text = fernweh.decided(ref).draft.text.split("\n", 1)[1]

    fernweh.agent(ref, f"Good morning Mrs Keller,\n{text}\n\nKind regards\nTomasz Wilk")

    found = outcome(fernweh, ref)
    assert found is not None
    assert found.kind is OutcomeKind.KEPT
    assert interventions(fernweh, ref) == []
    assert [(s.entry, s.good, s.weight) for s in signals(fernweh)] == [("returns-window", 1.0, 1.0)]


def test_one_changed_sentence_is_stored_as_what_it_is_and_proposed_for_the_entry(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)

    fernweh.agent(ref, fernweh.decided(ref).draft.text.replace("within 30 days", "within 60 days"))

    with fernweh.line.store.read() as conn:
        correction = reviews.correction_of(conn, fernweh.decided(ref).draft.id)
    assert correction is not None
    assert [(e.kind, e.after) for e in correction.edits] == [
        (CorrectionKind.FACT_WRONG, "You can return an order within 60 days of delivery.")
    ]
    [made] = proposals(fernweh)
    assert (made.entry_id, made.state) == ("returns-window", ProposalState.OPEN)
    assert made.answer == (
        "You can return an order within 60 days of delivery. Log in, open the order and choose Return. "
        "The label arrives by e-mail within 10 minutes."
    )
    assert made.refs == (ref,)
    assert [(s.good, s.weight) for s in signals(fernweh)] == [(0.2, 1.0)]


def test_an_answer_where_the_bot_had_none_becomes_a_proposal_on_the_review_channel(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN)

    fernweh.agent(ref, f"Hi Maria,\n\n{ENGRAVING}\n\nBest regards\nTomasz")

    [item] = interventions(fernweh, ref)
    assert item.answer == ENGRAVING
    assert ASKS_UNKNOWN in item.question
    [made] = proposals(fernweh)
    assert (made.answer, made.entry_id, made.state) == (ENGRAVING, "", ProposalState.OPEN)
    with fernweh.line.store.read() as conn:
        assert "proposed" in [a.what for a in audit.entries(conn, made.id)]
        assert [p.id for p in reviews.proposals_from(conn, item.ref)] == [made.id]
    [card] = fernweh.deliveries(Ref("slack", "review"))
    assert (card.delivery.text, card.state) == (ENGRAVING, DeliveryState.SENT)


@pytest.mark.parametrize("answer", [RETURNS.answer, RETURNS.answer.replace("30", "60")])
def test_what_a_person_answers_where_an_entry_has_run_out_is_a_new_one(fernweh: Desk, answer: str) -> None:
    """A next version of that would not be said to anybody."""
    over = fernweh.clock() - timedelta(days=1)
    fernweh.know(replace(RETURNS, version=2, valid_until=over))
    ref = fernweh.ask(ASKS_RETURN)

    fernweh.agent(ref, answer)

    [made] = proposals(fernweh)
    assert (made.entry_id, made.answer) == ("", answer)


def test_looking_again_changes_nothing(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN)
    fernweh.agent(ref, ENGRAVING)
    before = (proposals(fernweh), interventions(fernweh, ref), signals(fernweh))

    answer.look(fernweh.line, ref)
    fernweh.settle()

    assert (proposals(fernweh), interventions(fernweh, ref), signals(fernweh)) == before


def test_a_second_expert_supports_the_same_proposal(fernweh: Desk) -> None:
    fernweh.agent(fernweh.ask(ASKS_UNKNOWN), ENGRAVING, agent="tomasz@fernweh.example")

    second = fernweh.ask("Could you engrave my initials on an aluminium trolley?", customer="jonas@example.com")
    fernweh.agent(second, f"Hello Jonas, {ENGRAVING}", agent="ines@fernweh.example")

    [made] = proposals(fernweh)
    assert (made.version, len(made.refs), made.teachers) == (2, 2, ("tomasz", "ines"))
    assert made.answer == ENGRAVING


def test_a_reply_that_only_promises_to_look_leaves_the_draft_unused_until_the_real_one_comes(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    text = fernweh.decided(ref).draft.text

    fernweh.agent(ref, "Hi Maria, I am looking into this and will get back to you.")
    first = outcome(fernweh, ref)
    fernweh.agent(ref, text)
    second = outcome(fernweh, ref)

    assert first is not None
    assert second is not None
    assert (first.kind, second.kind) == (OutcomeKind.UNUSED, OutcomeKind.KEPT)
    assert [(s.good, s.weight) for s in signals(fernweh)] == [(0.0, 0.1), (0.0, -0.1), (1.0, 1.0)]


def test_a_solved_conversation_whose_draft_nobody_took_up_leaves_it_unused(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)

    fernweh.agent(ref, "told her on the phone", public=False, status="solved")

    found = outcome(fernweh, ref)
    assert found is not None
    assert found.kind is OutcomeKind.UNUSED
    assert proposals(fernweh) == []


def test_a_check_mark_in_slack_leaves_the_draft_unused_and_keeps_what_people_said(fernweh: Desk) -> None:
    known, unknown = fernweh.ask(ASKS_RETURN, "slack"), fernweh.ask(ASKS_UNKNOWN, "slack")

    fernweh.agent(known, "I am looking into it.", agent="U_TOMASZ", status="solved")
    fernweh.agent(unknown, ENGRAVING, agent="U_TOMASZ", status="solved")

    found = outcome(fernweh, known)
    assert found is not None
    assert found.kind is OutcomeKind.UNUSED
    with fernweh.line.store.read() as conn:
        assert [(item.ref, item.answer) for _, item in knowledge.past_after(conn, 0, 10)] == [(unknown, ENGRAVING)]


def test_a_check_mark_alone_leaves_the_draft_unused(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN, "slack")

    fernweh.fakes["slack"].api.thread(SUPPORT, ref.id.split("-")[1])[0]["reactions"] = [{"name": "white_check_mark"}]
    with fernweh.line.store.write() as conn:
        work.ring(conn, [ref], fernweh.clock())
    fernweh.settle()

    found = outcome(fernweh, ref)
    assert found is not None
    assert found.kind is OutcomeKind.UNUSED


def test_a_question_back_proposes_nothing_and_the_first_question_still_counts(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN)
    fernweh.agent(ref, "Hi Maria, which model do you have?")
    assert proposals(fernweh) == []

    fernweh.ask("The Rolle 65", conversation=ref.id)
    fernweh.agent(ref, ENGRAVING)

    assert "engrave my initials" in interventions(fernweh, ref)[-1].question
    assert [p.answer for p in proposals(fernweh)] == [ENGRAVING]


def test_an_answer_about_this_customers_own_order_proposes_nothing(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN)

    fernweh.agent(ref, "I have added the engraving to your order FW-10234. Your order was packed this morning.")

    assert len(interventions(fernweh, ref)) == 1
    assert proposals(fernweh) == []


def test_a_draft_that_a_person_accepted_comes_back_as_kept_by_them(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)

    press(fernweh, ref, VerdictKind.ACCEPT)

    found = outcome(fernweh, ref)
    assert found is not None
    assert (found.kind, found.by) == (OutcomeKind.KEPT, "tomasz")
    assert [(s.good, s.weight) for s in signals(fernweh)] == [(1.0, 1.0)]


@pytest.mark.parametrize("name", ["zendesk", "intercom"])
def test_an_accepted_draft_is_kept_though_the_helpdesk_never_said_that_it_took_it(fernweh: Desk, name: str) -> None:
    ref = fernweh.ask(ASKS_RETURN, desk=name)
    fernweh.fakes[name].knobs.writes_only = True
    fernweh.fakes[name].knobs.next.append(Fault("drop"))

    press(fernweh, ref, VerdictKind.ACCEPT)
    fernweh.clock.forward(seconds=60)
    fernweh.settle()

    found = outcome(fernweh, ref)
    assert found is not None
    assert (found.kind, found.by, found.message_id) == (
        OutcomeKind.KEPT,
        "tomasz",
        fernweh.deliveries(ref)[-1].vendor_id,
    )
    assert [(s.good, s.weight) for s in signals(fernweh)] == [(1.0, 1.0)]


def test_the_draft_for_an_edited_question_is_known_again_when_it_is_sent_by_hand(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    with fernweh.line.store.write() as conn:
        [decided] = drafts.drafts_of(conn, ref)
        seen = replace(decided.draft, id="a-2", event_key="e-2", saw=f"{decided.draft.saw}-v2")
        drafts.save_draft(conn, replace(decided, draft=seen, at=fernweh.clock()))
        known = conversations.snapshot(conn, ref)
        assert known is not None
        asked = replace(known.messages[0], version=2)
        conversations.save(conn, replace(known, messages=(asked, agent(decided.draft.text))), fernweh.clock())
    effect = observe.agent_message(fernweh.line, Event(EventKind.AGENT_MESSAGE, ref, "m2", 1, NOW))

    assert effect is not None
    with fernweh.line.store.write() as conn:
        effect(conn)
    found = outcome(fernweh, ref)
    assert found is not None
    assert (found.draft_id, found.kind) == ("a-2", OutcomeKind.KEPT)


def test_what_became_of_a_reply_is_told_once_and_while_somebody_else_writes(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    press(fernweh, ref, VerdictKind.ACCEPT)
    [sent] = [d.delivery.key for d in fernweh.deliveries(ref) if d.by]
    before = signals(fernweh), outcome(fernweh, ref)

    with fernweh.line.store.write() as conn:
        effect = observe.learn(fernweh.line, f"sent:{sent}")
        assert effect is not None
        effect(conn)

    assert (signals(fernweh), outcome(fernweh, ref)) == before


def test_a_draft_edited_under_its_link_teaches_like_one_edited_by_hand(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)

    press(fernweh, ref, VerdictKind.EDIT, fernweh.decided(ref).draft.text.replace("within 30 days", "within 60 days"))

    found = outcome(fernweh, ref)
    assert found is not None
    assert (found.kind, found.by) == (OutcomeKind.EDITED, "tomasz")
    assert [(p.entry_id, p.teachers) for p in proposals(fernweh)] == [("returns-window", ("tomasz",))]


def test_a_rejected_draft_stays_rejected_and_the_answer_given_instead_is_learned_from(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)

    press(fernweh, ref, VerdictKind.REJECT)
    fernweh.agent(ref, ENGRAVING)

    found = outcome(fernweh, ref)
    assert found is not None
    assert found.kind is OutcomeKind.REJECTED
    assert [(s.good, s.weight) for s in signals(fernweh)] == [(0.0, 1.0)]
    assert [p.answer for p in proposals(fernweh)] == [ENGRAVING]


def test_a_conversation_that_is_opened_again_casts_doubt_on_what_was_sent(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.agent(ref, fernweh.decided(ref).draft.text, status="solved")

    fernweh.ask("That did not work, there is no such button. What now?", conversation=ref.id)

    assert [(s.good, s.weight) for s in signals(fernweh)] == [(1.0, 1.0), (1.0, -1.0), (0.3, 1.0)]
