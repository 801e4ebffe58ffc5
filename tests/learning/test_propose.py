"""From one intervention to the next proposal, or to none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model import Correction, Intervention, Proposal, ProposalState, Ref
from learning.compare import compare
from learning.propose import NAMED, Case, Like, Near, applied, asked, propose
from tests.learning.cases import NOW, REF, RETURNS

ANSWER = "We engrave up to three initials for 15 euros. It takes two working days."
TAUGHT = Intervention("i-1", REF, NOW, "tomasz", "Can you engrave my initials?", ANSWER)
INES = replace(TAUGHT, id="i-2", ref=Ref("intercom", "7"), by="ines")
SIXTY, THIRTY = "within 60 days of delivery", "within 30 days of delivery"


def asks(
    item: Intervention,
    correction: Correction | None = None,
    *,
    cited: bool = False,
    score: float = 0.0,
    likes: Sequence[Like] = (),
) -> Proposal | None:
    """Propose beside the returns entry, cited by the draft or found with `score`."""
    case = Case(item, correction, cited=(RETURNS,) if cited else (), near=(Near(RETURNS, score),))
    return propose(case, likes, NOW)


def corrected(sent: str) -> Correction:
    """A draft that was the entry's answer, as it was sent."""
    return Correction("a-1", compare(f"Hi Maria,\n\n{RETURNS.answer}", sent, names=("Maria Keller",)))


def waiting(state: ProposalState = ProposalState.OPEN, *, card: str = "c1") -> Proposal:
    """What the first expert's answer led to."""
    made = asks(TAUGHT)
    assert made is not None
    return replace(made, state=state, card=card)


def test_one_intervention_is_enough_for_a_new_entry() -> None:
    assert asks(TAUGHT) == Proposal(
        id="p-4215bb0483cd",
        version=1,
        state=ProposalState.WAITING,
        question="Can you engrave my initials?",
        answer=ANSWER,
        before="",
        topic="",
        entry_id="",
        refs=(REF,),
        teachers=("tomasz",),
        at=NOW,
        expires=NOW + timedelta(days=14),
        words=(REF,),
    )


@pytest.mark.parametrize(
    "answer",
    [
        "Which model do you have?",
        "Thank you so much for your kind words!",
        "I am looking into this and will get back to you.",
        "I have forwarded your message to our workshop team.",
        "I have refunded your order. The parcel label was wrong, sorry.",
        "Your order FW-10234 was shipped on Monday and is on its way.",
        "",
    ],
)
def test_what_teaches_nothing_general_proposes_nothing(answer: str) -> None:
    assert asks(replace(TAUGHT, answer=answer)) is None


def test_what_a_near_entry_says_already_is_not_proposed() -> None:
    repeated = replace(TAUGHT, answer="You may return anything unused within 60 days of delivery.")

    assert asks(repeated, score=0.6) is None


def test_an_answer_that_says_more_than_a_near_entry_changes_it() -> None:
    more = replace(TAUGHT, answer="You can return anything unused within 60 days of delivery. Outlet items can not.")

    made = asks(more, score=0.6)

    assert made is not None
    assert (made.entry_id, made.question, made.before) == (RETURNS.id, RETURNS.question, RETURNS.answer)
    assert made.answer == f"{RETURNS.answer} Outlet items can not."


def test_an_entry_that_only_sounds_alike_is_left_alone() -> None:
    made = asks(TAUGHT, score=0.6)

    assert made is not None
    assert (made.entry_id, made.topic) == ("", "returns")


def test_a_corrected_sentence_is_replaced_in_the_entrys_own_text() -> None:
    sent = f"Dear Mrs Keller, {RETURNS.answer.replace(SIXTY, THIRTY)}"

    made = asks(TAUGHT, corrected(sent), cited=True)

    assert made is not None
    assert made.answer == RETURNS.answer.replace(SIXTY, THIRTY)
    assert made.before == RETURNS.answer


def test_a_missing_fact_goes_behind_and_what_is_about_the_customer_does_not() -> None:
    sent = f"{RETURNS.answer} Returns from Austria are free. I have extended your order by a week."

    made = asks(TAUGHT, corrected(sent), cited=True)

    assert made is not None
    assert made.answer == f"{RETURNS.answer} Returns from Austria are free."


def test_a_changed_sentence_that_the_entry_does_not_have_proposes_nothing() -> None:
    edits = compare("Keep the receipt for 5 days. " + RETURNS.answer, "Keep the receipt for 9 days. " + RETURNS.answer)

    assert asks(TAUGHT, Correction("a-1", edits), cited=True) is None


def test_a_draft_that_was_only_polished_proposes_nothing() -> None:
    assert asks(TAUGHT, corrected(f"{RETURNS.answer} Have a nice day!"), cited=True) is None


def test_a_draft_on_the_wrong_topic_leads_to_a_new_entry() -> None:
    made = asks(TAUGHT, corrected(ANSWER), cited=True)

    assert made is not None
    assert (made.entry_id, made.answer) == ("", ANSWER)


def test_a_second_expert_who_agrees_supports_and_changes_no_word() -> None:
    agreeing = replace(INES, answer="We can engrave up to three initials for 15 euros. It takes 2 business days.")

    made = asks(agreeing, likes=[Like(waiting(), 0.9, 0.9)])

    assert made == replace(waiting(), version=2, refs=(REF, INES.ref), teachers=("tomasz", "ines"))


def test_a_second_expert_who_says_otherwise_is_believed_until_a_person_decides() -> None:
    other = replace(INES, answer=ANSWER.replace("15", "20"))

    made = asks(other, likes=[Like(waiting(), 0.9, 0.9)])

    assert made is not None
    assert (made.answer, made.version) == (ANSWER.replace("15", "20"), 2)
    assert made.words == (REF, INES.ref)


def test_many_conversations_are_counted_and_ten_are_named() -> None:
    made = waiting()

    for number in range(11, 36):
        grown = asks(replace(INES, ref=Ref("intercom", str(number))), likes=[Like(made, 0.9, 0.9)])
        assert grown is not None
        made = grown

    assert made.refs == (REF, *(Ref("intercom", str(number)) for number in range(11, 20)))
    assert (made.seen, made.version) == (26, 26)


def test_a_conversation_that_is_behind_a_proposal_is_not_counted_again() -> None:
    full = replace(waiting(), refs=(REF,) * NAMED, more=5)
    case = Case(replace(INES, by="tomasz"), None, cited=(), near=(), behind=frozenset({full.id}))

    assert propose(case, [Like(full, 0.9, 0.9)], NOW) is None
    other = replace(case, item=replace(INES, answer=ANSWER.replace("15", "20")))
    made = propose(other, [Like(full, 0.9, 0.9)], NOW)

    assert made is not None
    assert (made.seen, made.words) == (15, (REF, INES.ref))


def test_a_proposal_from_before_words_were_noted_keeps_all_that_it_rests_on() -> None:
    other = replace(INES, answer=ANSWER.replace("15", "20"))

    made = asks(other, likes=[Like(replace(waiting(), words=()), 0.9, 0.9)])

    assert made is not None
    assert made.words == (REF, INES.ref)


@pytest.mark.parametrize(
    ("sent", "whose"),
    [
        (RETURNS.answer.replace(SIXTY, "within 20 days of delivery"), (INES.ref,)),
        (f"{RETURNS.answer} Returns from Austria are free.", (REF, INES.ref)),
    ],
    ids=["the same sentence otherwise", "one more sentence"],
)
def test_a_proposal_is_in_the_words_of_those_of_whom_anything_is_left(sent: str, whose: tuple[Ref, ...]) -> None:
    first = asks(TAUGHT, corrected(RETURNS.answer.replace(SIXTY, THIRTY)), cited=True)
    assert first is not None

    second = asks(INES, corrected(sent), cited=True, likes=[Like(first, 0.1, 0.1)])

    assert second is not None
    assert (second.words, second.refs) == (whose, (REF, INES.ref))


def test_of_a_new_entry_the_question_stays_the_firsts_and_the_answer_is_the_latests() -> None:
    third = replace(INES, ref=Ref("slack", "9"), answer=ANSWER.replace("15", "25"))

    second = asks(replace(INES, answer=ANSWER.replace("15", "20")), likes=[Like(waiting(), 0.9, 0.9)])
    assert second is not None
    made = asks(third, likes=[Like(second, 0.9, 0.9)])

    assert made is not None
    assert made.words == (REF, third.ref)


def test_the_same_intervention_again_changes_nothing() -> None:
    assert asks(TAUGHT, likes=[Like(waiting(), 1.0, 1.0)]) is None


def test_two_corrections_of_one_entry_meet_in_one_proposal() -> None:
    first = asks(TAUGHT, corrected(RETURNS.answer.replace(SIXTY, THIRTY)), cited=True)
    assert first is not None

    second = asks(
        INES, corrected(f"{RETURNS.answer} Returns from Austria are free."), cited=True, likes=[Like(first, 0.1, 0.1)]
    )

    assert second is not None
    assert second.answer == RETURNS.answer.replace(SIXTY, THIRTY) + " Returns from Austria are free."
    assert second.id == first.id


def test_another_question_is_another_proposal() -> None:
    made = asks(INES, likes=[Like(waiting(), 0.2, 0.3)])

    assert made is not None
    assert made.id != waiting().id


def test_a_rejected_answer_is_not_proposed_again_for_the_same_teacher() -> None:
    again = replace(
        TAUGHT, id="i-9", answer="We engrave up to three initials for 15 euros. That takes two working days."
    )

    assert asks(again, likes=[Like(waiting(ProposalState.REJECTED), 0.9, 0.9)]) is None


def test_a_rejected_answer_is_proposed_again_when_another_expert_gives_it() -> None:
    made = asks(INES, likes=[Like(waiting(ProposalState.REJECTED), 1.0, 1.0)])

    assert made is not None
    assert made.teachers == ("ines",)


def test_another_change_of_an_entry_is_not_held_back_by_a_rejected_one() -> None:
    refused = asks(TAUGHT, corrected(RETURNS.answer.replace(SIXTY, THIRTY)), cited=True)
    assert refused is not None
    likes = [Like(replace(refused, state=ProposalState.REJECTED), 1.0, 0.95)]

    same = asks(TAUGHT, corrected(RETURNS.answer.replace(SIXTY, THIRTY)), cited=True, likes=likes)
    other = asks(TAUGHT, corrected(RETURNS.answer.replace("60", "90")), cited=True, likes=likes)

    assert same is None
    assert other is not None


def test_a_new_list_of_steps_takes_the_place_of_the_old_one() -> None:
    entry = "1. Set the dials.\n2. Turn them.\n\nNever use force."

    edits = compare(entry, entry.replace("2. Turn", "2. Press the button.\n3. Turn"))

    assert applied(entry, edits) == "1. Set the dials.\n2. Press the button.\n3. Turn them.\n\nNever use force."


def test_a_long_message_is_cut_down_to_its_question() -> None:
    long = "I bought the bag in March. " * 12 + "Can you engrave it? Greetings from Bremen."

    assert asked(long) == "Can you engrave it?"
