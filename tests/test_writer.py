"""The writer that needs no model says what people approved, fitted to the conversation, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.backends.writer import ExtractiveWriter, customer_language
from bot.model import (
    Context,
    Conversation,
    Customer,
    Event,
    EventKind,
    Evidence,
    Message,
    Policy,
    Ref,
    Role,
    Rule,
    Source,
    Status,
)

MARIA = Customer("c1", name="Maria Keller")
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
REF = Ref("zendesk", "7")
EVENT = Event(EventKind.CUSTOMER_MESSAGE, REF, "m1", 1, NOW)

WASH = Evidence(
    Source.ENTRY,
    "care-wash",
    2,
    "How do I wash my backpack?",
    "1. Empty all pockets.\n2. Wash it by hand.\n\nNever use a washing machine.",
    0.6,
    url="https://help.fernweh.example/care/washing",
    topic="care",
)
HOURS = Evidence(
    Source.ENTRY,
    "stores-hours",
    1,
    "When are your stores open?",
    "Our stores are open from Monday to Saturday.",
    0.4,
    url="https://help.fernweh.example/stores",
    topic="stores",
)
PAST = Evidence(
    Source.PAST,
    "past-1",
    1,
    "strap torn",
    "We sew it for 15 euros; call [phone].",
    0.65,
)


def context(
    question: str,
    *evidence: Evidence,
    rules: tuple[Rule, ...] = (),
    customer: Customer = MARIA,
) -> Context:
    message = Message("m1", Role.CUSTOMER, "c1", question, NOW)
    conversation = Conversation(REF, "", Status.OPEN, customer, (message,))
    return Context(EVENT, conversation, question, evidence, Policy(), NOW, rules)


def written(question: str, *evidence: Evidence, rules: tuple[Rule, ...] = ()) -> str:
    return ExtractiveWriter().write(context(question, *evidence, rules=rules)).text


def test_the_best_entry_is_said_with_greeting_steps_source_and_close() -> None:
    draft = ExtractiveWriter().write(context("How can I clean my rucksack?", WASH, HOURS))

    assert draft.text == (
        "Hi Maria,\n\n"
        "1. Empty all pockets.\n2. Wash it by hand.\n\nNever use a washing machine.\n\n"
        "More about this: https://help.fernweh.example/care/washing\n\n"
        "If anything is unclear, just reply."
    )


def test_a_draft_names_its_evidence_its_event_and_what_it_saw() -> None:
    draft = ExtractiveWriter().write(context("How can I clean my rucksack?", WASH, HOURS))

    assert (draft.id, draft.event_key) == (
        "a-zendesk-7-customer_message-m1",
        "zendesk-7-customer_message-m1",
    )
    assert (draft.used, draft.saw, draft.topic, draft.language) == ((WASH,), "m1", "care", "en")
    assert draft.confidence == 0.0


@pytest.mark.parametrize("score", [0.0, 0.1, 0.23])
def test_thin_evidence_gives_no_text_and_cites_nothing(score: float) -> None:
    thin = Evidence(Source.ENTRY, "x", 1, "Something else", "An answer to something else.", score)

    draft = ExtractiveWriter().write(context("Can you engrave it?", thin))

    assert (draft.text, draft.used, draft.topic) == ("", (), "")


def test_no_evidence_gives_no_text() -> None:
    assert written("Can you engrave it?") == ""


@pytest.mark.parametrize(
    ("question", "greeting", "more"),
    [
        ("How can I clean my rucksack?", "Hi Maria,", "More about this: "),
        ("Wie kann ich meinen Rucksack waschen?", "Hallo Maria,", "Mehr dazu: "),
        ("Comment est-ce que je peux laver mon sac ?", "Bonjour Maria,", "En savoir plus : "),
        ("¿Cómo puedo lavar mi mochila?", "Hola, Maria:", "Más información: "),
        ("Come posso lavare il mio zaino?", "Ciao Maria,", "Maggiori informazioni: "),
        ("Como posso lavar a minha mochila?", "Olá, Maria,", "Mais informações: "),
        ("Hoe kan ik mijn rugzak wassen?", "Hallo Maria,", "Meer hierover: "),
        ("Jak mogę wyprać mój plecak?", "Dzień dobry, Maria,", "Więcej na ten temat: "),
    ],
)
def test_the_greeting_is_in_the_customers_language(question: str, greeting: str, more: str) -> None:
    text = written(question, WASH)

    assert text.startswith(f"{greeting}\n\n1. Empty all pockets.")
    assert f"\n\n{more}https://help.fernweh.example/care/washing\n\n" in text


def test_the_language_of_the_draft_is_that_of_the_answer() -> None:
    assert ExtractiveWriter().write(context("Wie kann ich meinen Rucksack waschen?", WASH)).language == "en"


@pytest.mark.parametrize(
    ("known", "text", "code"),
    [("de-AT", "FW-10234", "de"), ("ja", "FW-10234", "en"), ("de", "Where is my order?", "en")],
)
def test_what_is_written_counts_before_what_the_vendor_knows(known: str, text: str, code: str) -> None:
    customer = Customer("c1", language=known)

    assert customer_language(context(text, customer=customer).conversation, text) == code


@pytest.mark.parametrize("name", ["", "maria@example.com", "+49 40 123", "M", "user_4711"])
def test_what_is_no_name_is_not_greeted_by(name: str) -> None:
    draft = ExtractiveWriter().write(context("How can I clean it?", WASH, customer=Customer("c1", name=name)))

    assert draft.text.startswith("Hello,\n\n")


def test_a_second_question_gets_the_second_entry() -> None:
    draft = ExtractiveWriter().write(context("How do I wash the backpack? And when are the stores open?", WASH, HOURS))

    assert draft.used == (WASH, HOURS)
    assert "As to your other question:\n\nOur stores are open from Monday to Saturday." in draft.text
    assert "https://help.fernweh.example/care/washing https://help.fernweh.example/stores" in draft.text


def test_one_question_gets_one_entry() -> None:
    assert "Our stores" not in written("How do I wash the backpack that I bought in one of your stores?", WASH, HOURS)


def test_a_past_reply_is_said_where_no_entry_is_found() -> None:
    draft = ExtractiveWriter().write(context("My strap is torn", PAST))

    assert draft.used == (PAST,)
    assert draft.text == ("Hi Maria,\n\nWe sew it for 15 euros; call [phone].\n\nIf anything is unclear, just reply.")


def test_a_past_reply_has_to_be_nearer_than_an_entry_to_be_said() -> None:
    near = [replace(found, score=0.3) for found in (PAST, HOURS)]

    said = [ExtractiveWriter().write(context("My strap is torn", found)).text for found in near]

    assert [bool(text) for text in said] == [False, True]


def test_an_entry_goes_before_a_nearer_past_reply() -> None:
    assert ExtractiveWriter().write(context("When are you open?", PAST, HOURS)).used == (HOURS,)


def test_of_a_long_answer_the_part_that_fits_is_said() -> None:
    filler = "\n\n".join(
        f"Paragraph {n} speaks of other matters at some length. " + "Words follow. " * 20 for n in range(4)
    )
    long = Evidence(Source.ENTRY, "e", 1, "Backpacks", f"{filler}\n\nThe rain cover is in the bottom pocket.", 0.6)

    text = written("Where is the rain cover?", long)

    assert "The rain cover is in the bottom pocket." in text
    assert "Paragraph" not in text


def test_rules_add_what_must_be_said_and_leave_out_what_must_not() -> None:
    rules = (
        Rule("r1", 1, topic="care", must_say="Washing does not end the warranty."),
        Rule("r2", 1, topic="care", must_not="washing machine"),
        Rule("r3", 1, topic="stores", must_say="Never here."),
    )

    text = written("How do I wash it?", WASH, rules=rules)

    assert "1. Empty all pockets.\n2. Wash it by hand.\n\nWashing does not end the warranty." in text
    assert "machine" not in text
    assert "Never here." not in text


def test_an_answer_that_is_all_forbidden_is_no_answer() -> None:
    draft = ExtractiveWriter().write(context("When?", HOURS, rules=(Rule("r", 1, must_not="stores are open"),)))

    assert (draft.text, draft.used) == ("", ())


def test_what_must_be_said_is_said_once() -> None:
    rules = (Rule("r", 1, must_say="Never use a washing machine."),)

    assert written("How do I wash it?", WASH, rules=rules).count("Never use a washing machine.") == 1


def test_every_line_of_the_answer_stands_in_the_evidence() -> None:
    text = written("How do I wash the backpack? And when are the stores open?", WASH, HOURS)
    manners = {"Hi Maria,", "As to your other question:", "If anything is unclear, just reply."}

    said = [line for line in text.split("\n") if line and line not in manners and "https://" not in line]

    assert all(line in WASH.passage or line in HOURS.passage for line in said)
