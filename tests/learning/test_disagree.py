"""Two entries beside each other: what is raised, what is not, and what people are shown."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from bot.cases import FACT, read
from bot.model import EVERYONE, Clash, Entry, Scope
from bot.web import company
from learning.disagree import disagree, may_meet
from tests.learning.planted import MISSED, PLANTED
from tests.learning.short import SHORT

KNOWN = {fact.id: fact.entry() for fact in read(Path(company.HERE) / "entries.jsonl", FACT)}
PERIOD = KNOWN["returns-period"]
SIXTY = "You can return anything unused within 60 days of delivery."
SHORTER = Entry("hand", 1, PERIOD.question, "You can return anything unused within 30 days of delivery.")


def found(one: Entry, other: Entry) -> Clash | None:
    """The kind alone."""
    finding = disagree(one, other)
    return finding.kind if finding else None


@pytest.mark.parametrize(("of", "question", "answer", "kind"), PLANTED)
def test_copies_are_told_from_contradictions_and_both_from_what_only_sounds_alike(
    of: str, question: str, answer: str, kind: Clash | None
) -> None:
    copy = Entry("copy", 1, question, answer, scope=KNOWN[of].scope)

    assert (found(KNOWN[of], copy), found(copy, KNOWN[of])) == (kind, kind)


@pytest.mark.parametrize(("of", "question", "answer", "kind"), MISSED)
def test_some_are_known_to_be_missed(of: str, question: str, answer: str, kind: Clash | None) -> None:
    copy = Entry("copy", 1, question, answer)

    assert kind is not None
    assert found(KNOWN[of], copy) is None


@pytest.mark.parametrize(("question", "answer", "asked", "said", "kind"), SHORT)
def test_the_question_says_what_a_short_answer_is_about(
    question: str, answer: str, asked: str, said: str, kind: Clash | None
) -> None:
    one, other = Entry("one", 1, question, answer), Entry("other", 1, asked, said)

    assert (found(one, other), found(other, one)) == (kind, kind)


def test_no_copy_is_taken_for_one_of_another_entry() -> None:
    copies = [(of, Entry("copy", 1, question, answer)) for of, question, answer, _ in (*PLANTED, *MISSED)]

    assert [(of, id_) for of, copy in copies for id_, known in KNOWN.items() if id_ != of and found(known, copy)] == []


def test_what_the_company_knows_stands_side_by_side() -> None:
    assert [(one.id, other.id) for one, other in combinations(KNOWN.values(), 2) if found(one, other)] == []


def test_a_contradiction_shows_the_sentences_that_deny_each_other_and_no_others() -> None:
    finding = disagree(PERIOD, SHORTER)

    assert finding is not None
    assert [(e.before, e.after) for e in finding.edits] == [
        (
            "You can return anything unused within 30 days of delivery.",
            SIXTY,
        )
    ]


def test_of_short_answers_the_first_sentences_are_shown_once() -> None:
    one = Entry("one", 1, "When is the hotline open?", "Monday to Friday. Have your order number ready.")
    other = Entry("other", 1, "When is the hotline open?", "Monday to Saturday. Calls cost nothing.")

    finding = disagree(one, other)

    assert finding is not None
    assert [(e.before, e.after) for e in finding.edits] == [("Monday to Saturday.", "Monday to Friday.")]


def test_a_copy_shows_what_only_one_of_the_two_says() -> None:
    copy = Entry(
        "copy",
        1,
        PERIOD.question,
        "You can return anything unused within 60 days of delivery. Tags should be attached.",
    )

    finding = disagree(PERIOD, copy)

    assert finding is not None
    assert [(e.before, e.after) for e in finding.edits] == [
        ("", "Tags should still be attached and the item should come in its original packaging or a sturdy box."),
        ("", 'Gift cards and items from the outlet marked "final sale" cannot be returned.'),
    ]


def test_the_same_text_under_another_question_is_a_copy() -> None:
    assert found(PERIOD, replace(PERIOD, id="copy", question="What about parcels that I do not want?")) is Clash.SAME


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (EVERYONE, EVERYONE, True),
        (EVERYONE, Scope(plan="pro"), True),
        (Scope(plan="pro"), Scope(plan="free"), False),
        (Scope(plan="pro"), Scope(language="de"), True),
        (Scope(language="en"), Scope(language="de"), False),
        (Scope(audience="staff"), Scope(audience="partners"), False),
        (Scope(product="Strand"), Scope(product="Strand"), True),
        (Scope(product="Strand"), Scope(product="Rolle"), False),
        (Scope(page="/shop"), Scope(page="/shop/returns"), True),
        (Scope(page="/shop"), Scope(page="/app"), False),
    ],
)
def test_entries_that_nobody_gets_both_of_are_no_pair(one: Scope, other: Scope, meet: bool) -> None:
    assert may_meet(one, other) is meet
    assert found(replace(PERIOD, scope=one), replace(SHORTER, scope=other)) == (Clash.CONTRADICTION if meet else None)
