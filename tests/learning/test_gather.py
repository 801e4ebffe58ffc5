"""What is kept of what a person did: the question as it was asked, the answer without the people in it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model import Change, Role
from learning.gather import answer_of, intervention, question_before
from tests.learning.cases import DRAFT, NOW, agent, conversation, customer

ANSWER = "We engrave up to three initials for 15 euros. It takes two working days."


def test_the_question_is_all_that_was_said_since_somebody_answered() -> None:
    messages = (
        customer("Where is my parcel?", 0, "m1"),
        agent("A parcel takes 2 to 3 working days in Germany.", 1, "m2"),
        customer("Thanks. Can you engrave initials?", 2, "m3"),
        customer("On the aluminium trolley.", 3, "m4"),
        agent(ANSWER, 4, "m5"),
    )

    found = question_before(conversation(*messages, subject="Parcel"), messages[-1])

    assert found == "Thanks. Can you engrave initials?\nOn the aluminium trolley."


def test_a_question_back_is_no_answer() -> None:
    messages = (
        customer("Can you engrave initials?", 0, "m1"),
        agent("Hi Maria, which model do you have?", 1, "m2"),
        customer("The Rolle 65", 2, "m3"),
        agent(ANSWER, 3, "m4"),
    )

    assert question_before(conversation(*messages), messages[-1]) == "Can you engrave initials?\nThe Rolle 65"


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Is it possible on the trolley?\nMaria", "Is it possible on the trolley?"),
        ("", "Engraving"),
        ("> No", "Engraving"),
    ],
)
def test_the_subject_is_the_question_where_nothing_else_was_said(text: str, question: str) -> None:
    asked = customer(text)

    assert question_before(conversation(asked, agent(ANSWER), subject="Engraving"), agent(ANSWER)) == question


def test_notes_and_personal_data_stay_out() -> None:
    note = replace(agent("She is a VIP", 1, "n1"), public=False)
    asked = customer("I am maria@example.com, call +49 40 1234567. Do you engrave?")

    found = question_before(conversation(asked, note, agent(ANSWER)), agent(ANSWER))

    assert found == "I am [email], call [phone]. Do you engrave?"


def test_the_answer_is_kept_without_greeting_closing_quote_and_names() -> None:
    sent = (
        f'Hi Maria,\n\nThanks for reaching out! {ANSWER}\n\n1. Open the shop, Maria.\n2. Press "Engrave".\n\n'
        "Let me know if you have any questions.\n\nBest regards\nTomasz Wilk\n\n> Do you engrave?"
    )

    assert answer_of(sent, ("Maria Keller", "Tomasz Wilk")) == (f'{ANSWER}\n\n1. Open the shop.\n2. Press "Engrave".')


def test_a_greeting_on_the_same_line_goes_and_the_sentence_begins_anew() -> None:
    assert answer_of("Hello Maria, we engrave for 15 euros.", ("Maria Keller",)) == "We engrave for 15 euros."


def test_links_and_macros_near_the_answer_are_kept() -> None:
    said = f"{ANSWER} See https://help.fernweh.example/engraving."
    changes = (
        Change("1", "macro", "Engraving", NOW + timedelta(minutes=4), "7"),
        Change("2", "macro", "Old one", NOW - timedelta(hours=3), "7"),
        Change("3", "macro", "Somebody else's", NOW + timedelta(minutes=4), "8"),
        Change("4", "status", "pending", NOW + timedelta(minutes=5), "7"),
    )
    seen = replace(conversation(customer("Do you engrave?"), agent(said)), changes=changes)

    item = intervention(seen, agent(said), DRAFT)

    assert item.links == ("https://help.fernweh.example/engraving",)
    assert item.macros == ("Engraving",)
    assert (item.draft_id, item.by, item.id) == ("a-1", "7", "i-zendesk:42-m2")


def test_what_another_bot_said_in_between_does_not_end_the_question() -> None:
    fin = replace(agent("You can return anything within 60 days.", 1, "b1"), role=Role.OTHER_BOT)
    messages = (customer("Do you engrave?", 0, "m1"), fin, customer("A person please", 2, "m3"), agent(ANSWER, 3, "m4"))

    assert question_before(conversation(*messages), messages[-1]) == "Do you engrave?\nA person please"
