"""What every learner keeps to, what this one learns, and how outcomes become signals."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model import (
    Context,
    Correction,
    CorrectionKind,
    Draft,
    Event,
    EventKind,
    Outcome,
    OutcomeKind,
    Policy,
    SentenceEdit,
    Signal,
    Source,
)
from learning.confidence import Learner
from learning.outcome import match
from learning.signals import doubted, revised, signal
from tests.learning.cases import DRAFT, EVIDENCE, NOW, REF, RETURNS, agent, conversation, customer

QUESTION = "How long do I have to return something unused?"
EVENT = Event(EventKind.CUSTOMER_MESSAGE, REF, "m1", 1, NOW)
CONTEXT = Context(EVENT, conversation(customer(QUESTION)), QUESTION, (EVIDENCE,), Policy(), NOW)
KEPT = Signal("s-a-1@1", NOW, "returns", RETURNS.id, 1.0, 1.0, 0.6)
HISTORY = [replace(KEPT, id=f"s-{n}@1", good=good) for n, good in enumerate((1.0, 0.9, 0.2, 0.0, 1.0))]


def learned(*signals: Signal) -> Learner:
    """A learner that has seen these."""
    made = Learner()
    for one in signals:
        made.learn_one(one)
    return made


def sure(*signals: Signal, draft: Draft = DRAFT) -> float:
    """How sure of a draft after these signals."""
    return learned(*signals).confidence(CONTEXT, draft)


def test_the_same_signals_in_the_same_order_give_the_same_state() -> None:
    assert learned(*HISTORY).to_json() == learned(*HISTORY).to_json()


def remembered(score: float, memory: float) -> Draft:
    return replace(DRAFT, used=(replace(EVIDENCE, score=score, memory=memory),))


def test_memory_makes_a_draft_less_sure_and_surer_only_up_to_a_suggestion() -> None:
    plain, liked, disliked = (sure(draft=remembered(0.3, memory)) for memory in (0.0, 0.95, -0.9))

    assert (plain < liked <= 0.6, disliked < plain - 0.1) == (True, True)
    assert sure(draft=remembered(0.9, 0.95)) == sure(draft=remembered(0.9, 0.0)) > 0.9


def test_what_memory_alone_speaks_for_is_no_surer_however_good_its_record_is() -> None:
    good = [replace(KEPT, id=f"s-{number}@1") for number in range(60)]

    assert sure(*good, draft=remembered(0.06, 0.95)) == 0.6


def test_the_weaker_of_two_entries_counts_in_memory() -> None:
    both = replace(DRAFT, used=(replace(EVIDENCE, score=0.5, memory=0.9), replace(EVIDENCE, id="b", memory=-0.9)))

    assert sure(draft=both) < sure(draft=replace(both, used=(both.used[0], replace(both.used[1], memory=0.0)))) - 0.1


def test_learning_leaves_its_input_as_it_is() -> None:
    copies = [replace(s) for s in HISTORY]

    learned(*HISTORY)

    assert copies == HISTORY


def test_the_state_survives_json() -> None:
    state = learned(*HISTORY).to_json()

    assert Learner.from_json(state).to_json() == state
    assert Learner.from_json(state).confidence(CONTEXT, DRAFT) == learned(*HISTORY).confidence(CONTEXT, DRAFT)


def test_unknown_entries_and_topics_are_fine() -> None:
    other = replace(DRAFT, topic="never seen", used=(replace(EVIDENCE, id="never seen"),))

    assert 0.0 < sure(*HISTORY, draft=other) < 1.0


def test_what_was_kept_makes_surer_and_what_was_replaced_less() -> None:
    assert sure(replace(KEPT, good=0.0)) < sure() < sure(KEPT)


def test_evidence_that_does_not_fit_makes_less_sure() -> None:
    far = replace(EVIDENCE, score=0.1)

    assert sure(draft=replace(DRAFT, used=(far,))) < 0.35 < sure()


def test_a_close_rival_makes_less_sure() -> None:
    rival = replace(CONTEXT, evidence=(EVIDENCE, replace(EVIDENCE, id="returns-cost")))

    assert Learner().confidence(rival, DRAFT) < sure()


def test_a_past_reply_never_carries_a_reply_alone() -> None:
    past = replace(DRAFT, used=(replace(EVIDENCE, source=Source.PAST, score=1.0),))

    assert sure(*[KEPT] * 40, draft=past) == 0.6


def test_no_text_or_no_evidence_is_no_confidence() -> None:
    assert sure(draft=replace(DRAFT, text="")) == 0.0
    assert sure(draft=replace(DRAFT, used=())) == 0.0


def test_a_signal_taken_back_was_never_there() -> None:
    wrong = replace(KEPT, good=0.0)

    assert sure(KEPT, wrong, replace(wrong, weight=-1.0)) == sure(KEPT)


def test_old_signals_fade() -> None:
    assert sure(*[KEPT] * 500, *[replace(KEPT, good=0.0)] * 60) < sure()


TEXT = RETURNS.answer
ROWS = [
    ("sent as it was", f"Hi Maria,\n\n{TEXT}", "kept"),
    ("copied under another greeting", f"Good morning Mrs Keller,\n{TEXT}\n\nKind regards\nTomasz", "kept"),
    ("with a quote below", f"{TEXT}\n\nOn Tue, 5 May 2026 at 10:12, Maria wrote:\n> How long?", "kept"),
    ("with a nice day", f"{TEXT} Have a nice day!", "kept"),
    ("in other words", TEXT.replace("Tags should still be attached", "The tags should be on it yet"), "edited"),
    ("another number", TEXT.replace("60", "30"), "edited"),
    ("half of it left out", TEXT.split(". ", 1)[0] + ".", "edited"),
    ("something else", "Backpacks are guaranteed for ten years, suitcases for five.", "replaced"),
    ("from the customer's order", "I have checked, your parcel was delivered yesterday.", "replaced"),
    ("nothing yet", "I am looking into this for you.", "unused"),
    ("a question back", "Which item is it?", "unused"),
]


@pytest.mark.parametrize(("sent", "kind"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_became_of_a_draft_is_told_from_what_was_sent(sent: str, kind: str) -> None:
    assert match(DRAFT, agent(sent), ("Maria Keller", "Tomasz Wilk"))[0].value == kind


@pytest.mark.parametrize(
    ("kind", "edit", "good", "weight"),
    [
        (OutcomeKind.KEPT, None, 1.0, 1.0),
        (OutcomeKind.EDITED, CorrectionKind.WORDING, 0.9, 1.0),
        (OutcomeKind.EDITED, CorrectionKind.FACT_WRONG, 0.2, 1.0),
        (OutcomeKind.REPLACED, CorrectionKind.WRONG_TOPIC, 0.0, 1.0),
        (OutcomeKind.REJECTED, None, 0.0, 1.0),
        (OutcomeKind.UNUSED, None, 0.0, 0.1),
    ],
)
def test_every_outcome_has_its_signal(
    kind: OutcomeKind, edit: CorrectionKind | None, good: float, weight: float
) -> None:
    correction = Correction("a-1", (SentenceEdit(edit, "a", "b"),)) if edit else None

    found = signal(DRAFT, Outcome("a-1", kind, NOW), correction)

    assert (found.good, found.weight, found.entry, found.topic) == (good, weight, RETURNS.id, "returns")


def test_a_revised_word_takes_the_old_one_back() -> None:
    first = revised((), replace(KEPT, id="s-a-1@"))
    lowered = doubted(replace(first[-1], id="s-a-1@"), NOW + timedelta(days=1))

    assert [s.id for s in first] == ["s-a-1@1"]
    assert revised(first, replace(KEPT, id="s-a-1@")) == ()
    assert [(s.id, s.good, s.weight) for s in revised(first, lowered)] == [
        ("s-a-1@2", 1.0, -1.0),
        ("s-a-1@3", 0.3, 1.0),
    ]
