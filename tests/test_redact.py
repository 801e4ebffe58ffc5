"""What is personal is taken out before anything is learned, indexed or written from."""

import gzip
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from bot.answer import question_of
from bot.model import Conversation, Customer, Message, Ref, Role, Status
from bot.text.redact import CANDIDATES, LABELS, PATTERNS, personal, redact
from bot.text.said import said, sentences
from learning.gather import intervention
from tests.identifiers import KINDS, SENTENCES, left

TICKETS = Path(__file__).parent.parent.parent / "shared" / "data" / "thunderbird-support" / "tickets-2023.jsonl.gz"
AT = datetime(2026, 11, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_every_one_of_a_thousand_is_found_however_it_is_spelled(kind: str) -> None:
    random = Random(f"redact {kind}")
    made = [(KINDS[kind](random), SENTENCES[at % len(SENTENCES)]) for at in range(1_000)]

    texts = [(value, shape.format(value), redact(shape.format(value))) for value, shape in made]

    assert [(text, safe) for value, text, safe in texts if left(value, safe)] == []
    assert [text for _, text, safe in texts if redact(safe) != safe] == []


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Maria (at) is here", "Maria (at) is here"),
        ("maria[at]mail.example please", "[email] please"),
        ("2 bags, 4111.1111.1111.1111 12", "2 bags, [card] 12"),
        ("12345 4111 1111 1111 1111", "12345 [card]"),
        ("4111 1111 1111 1112", "[phone]"),
        ("Ref AB12 DE89 3704 0044 0532 0130 00", "Ref AB12 [iban]"),
        ("std::vector and 10:30:15 and a::b", "std::vector and 10:30:15 and a::b"),
        ("at [2001:db8::1]:443.", "at [[ip]]:443."),
        ("Thunderbird 102.10.0 (64-bit)", "Thunderbird 102.10.0 (64-bit)"),
        ("EGL_ANGLE_d3d_texture_client_buffer", "EGL_ANGLE_d3d_texture_client_buffer"),
        ("on 03.11.2026 at 0176 1234567", "on 03.11.2026 at [phone]"),
        ("key AKIAIOSFODNNAEXAMPLE", "key [id]"),
        ("half a surrogate \ud800 and maria@mail.example", "half a surrogate \ud800 and [email]"),
        ("4111\t1111\t1111\t1111, 4111\n1111\n1111\n1111, 4111_1111_1111_1111", "[card], [card], [card]"),
        ("4111\u20031111\u20031111\u20031111 or 4111\u200b1111\u200b1111\u200b1111", "[card] or [card]"),
        ("４１１１１１１１１１１１１１１１ or maria＠mail.example", "[card] or [email]"),
        ("my_4111_1111_1111_1111", "my_[card]"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "[card]"),
        (
            "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000 or DE89\t3704\t0044\t0532\t0130\t00",
            "[iban] or [iban]",
        ),
        ("+49\u2009170\u20091234567", "[phone]"),
        ("maria @ mail.example, maria[at]mail[dot]example", "[email], [email]"),
        ("3 bags @ 4.90 each; call us @ 9.30; follow @fernweh", "3 bags @ 4.90 each; call us @ 9.30; follow @fernweh"),
        ("order 12345\n20095 Hamburg\n2024-03-01\n12 34", "order 12345\n20095 Hamburg\n2024-03-01\n12 34"),
        ("½ m² … 30\u00a0°C ™ ①", "½ m² … 30\u00a0°C ™ ①"),
        ("1.299,00 euros for 2 x 48 litres", "1.299,00 euros for 2 x 48 litres"),
    ],
)
def test_what_only_looks_personal_stays_and_what_hides_is_found(text: str, safe: str) -> None:
    assert redact(text) == safe


def test_the_same_number_is_the_same_however_it_is_punctuated() -> None:
    assert personal("+49 40 1234567, Maria@Mail.example") == {"49401234567", "mariamailexample"}
    assert personal("Nothing here, order FW-10234") == frozenset()


def test_what_stands_behind_more_candidates_than_any_message_has_is_left_out() -> None:
    text = "a@b.example " * (CANDIDATES + 10) + "the end"

    assert redact(text) == " ".join(["[email]"] * CANDIDATES)


def test_every_pattern_has_its_check() -> None:
    assert set(PATTERNS) == set(LABELS)


@pytest.mark.skipif(not TICKETS.exists(), reason="the Thunderbird tickets are not here")
def test_at_most_one_in_a_hundred_real_sentences_is_damaged() -> None:
    with gzip.open(TICKETS, "rt", encoding="utf-8") as lines:
        texts = (json.loads(line)["text"] or "" for line in lines)
        real = list(itertools.islice((s for text in texts for s in sentences(said(text))), 20_000))

    drawn = Random(4).sample(real, 2_000)

    assert len([s for s in drawn if redact(s) != s]) <= 20


def talk(secret: str) -> Conversation:
    """A customer and an agent who both say it, in the subject, too."""
    ref = Ref("zendesk", "7")
    asked = Message("m1", Role.CUSTOMER, "c1", f"The strap is torn. My number is {secret}.", AT, name="Maria Keller")
    told = f"Please press the buckle until it clicks. We noted {secret} for the parcel service."
    answered = Message("m2", Role.AGENT, "a1", told, AT.replace(hour=10), name="Tomasz Wilk")
    return Conversation(ref, f"Torn {secret}", Status.OPEN, Customer("c1", "Maria Keller"), (asked, answered))


def said_by(*roles: Role) -> Conversation:
    """About a torn strap, by these one after the other."""
    words = {Role.CUSTOMER: "It is worse now.", Role.AGENT: "Press the buckle.", Role.OTHER_BOT: "We got your message."}
    messages = (Message(f"m{n}", role, str(role), words[role], AT) for n, role in enumerate(roles))
    return Conversation(Ref("zendesk", "7"), "Torn strap", Status.OPEN, Customer("c1", "Maria"), tuple(messages))


def test_the_subject_is_asked_until_a_person_or_we_have_answered() -> None:
    asked = Role.CUSTOMER

    assert question_of(said_by(asked)) == "Torn strap\nIt is worse now."
    assert question_of(said_by(Role.OTHER_BOT, asked)) == "Torn strap\nIt is worse now."
    assert question_of(said_by(asked, Role.AGENT, asked)) == "It is worse now."


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_to_index_writer_and_learning_is_redacted(kind: str) -> None:
    secret = KINDS[kind](Random(3))
    whole = talk(secret)
    open_still = Conversation(whole.ref, whole.subject, whole.status, whole.customer, whole.messages[:1])

    learned = intervention(whole, whole.messages[1], None)

    for text in (question_of(open_still), learned.question, learned.answer):
        assert text
        assert not left(secret, text)
