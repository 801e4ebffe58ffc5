"""What came of past drafts: followed by number, for the questions they were written for, until these are forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bot import forget
from bot.memory import recalled
from bot.model import Ref, Remembered
from bot.store import Store
from bot.store.memory import asked_after, outcomes_of
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, RETURNS, Desk, desk
from tests.test_taught import learned

KEPT = Remembered("a-1", "returns", 1, 1.0, 1.0)
ELSE = "Please write to our partner in Porto, who looks after orders from shops."


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        yield made


def asked(store: Store, limit: int = 500) -> dict[str, str]:
    """As whoever follows it from the beginning has it, so many signals at a time: questions by draft."""
    found, seq, more = dict[str, str](), 0, True
    while more:
        with store.read() as conn:
            before, (seq, changed) = seq, asked_after(conn, seq, limit)
        found |= dict(changed)
        more = seq > before
    return {id_: question for id_, question in found.items() if question}


def memory(store: Store) -> list[Remembered]:
    """Of all that was asked."""
    with store.read() as conn:
        return list(outcomes_of(conn, list(asked(store))))


def kept(made: Desk, question: str = ASKS_RETURN, customer: str = "maria@example.com") -> Ref:
    """Somebody asks, and gets the draft as it is."""
    ref = made.ask(question, customer=customer)
    made.agent(ref, made.decided(ref).draft.text, status="solved")
    return ref


def forgotten(made: Desk, *refs: Ref) -> None:
    with made.line.store.write() as conn:
        forget.forget(conn, refs, "test", "a wish", made.clock())


def of(made: Desk, ref: Ref) -> Remembered:
    """What is remembered of the first draft of a conversation."""
    return next(one for one in memory(made.line.store) if f"-{ref.id}-" in one.about)


def test_a_draft_that_was_sent_is_remembered_with_its_question_and_its_entry(fernweh: Desk) -> None:
    one = of(fernweh, kept(fernweh, f"{ASKS_RETURN} My number is +49 151 23456789."))

    assert (one.entry_id, one.version, one.good, one.weight) == (RETURNS.id, 1, 1.0, 1.0)
    assert asked(fernweh.line.store) == {one.about: f"{ASKS_RETURN} My number is [phone]."}


@pytest.mark.parametrize(
    ("sent", "good"),
    [
        (lambda text: text.replace("The label arrives by", "You get the label by"), 0.9),
        (lambda text: text.replace("within 30 days", "within 60 days"), 0.2),
        (lambda _: ELSE, 0.0),
    ],
)
def test_it_is_remembered_as_what_became_of_it(fernweh: Desk, sent: Callable[[str], str], good: float) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.agent(ref, sent(fernweh.decided(ref).draft.text))

    assert of(fernweh, ref).good == good


def test_what_is_new_comes_by_its_number_and_nothing_twice(fernweh: Desk) -> None:
    first = kept(fernweh)
    with fernweh.line.store.read() as conn:
        seq, changed = asked_after(conn, 0)
        assert asked_after(conn, seq) == (seq, [])
    second = kept(fernweh, customer="jonas@example.com")

    with fernweh.line.store.read() as conn:
        later, more = asked_after(conn, seq)

    assert (len(changed), len(more), later > seq) == (1, 1, True)
    assert (f"-{first.id}-" in changed[0][0], f"-{second.id}-" in more[0][0]) == (True, True)


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_the_last_word_holds_wherever_a_page_ends(fernweh: Desk, limit: int) -> None:
    ref = kept(fernweh)
    fernweh.clock.forward(seconds=2)
    fernweh.ask("The shop refused it, what now?", conversation=ref.id)  # the conversation is open again

    assert len(asked(fernweh.line.store, limit)) == 1
    [one] = memory(fernweh.line.store)
    assert (one.good, one.weight) == (0.3, 1.0)


def test_a_draft_that_rests_on_no_entry_is_not_remembered(fernweh: Desk) -> None:
    fernweh.agent(fernweh.ask(ASKS_UNKNOWN), "Yes, we engrave up to three initials for 15 euros.", status="solved")
    again = fernweh.ask(ASKS_UNKNOWN, customer="jonas@example.com")
    fernweh.agent(again, fernweh.decided(again).draft.text)

    with fernweh.line.store.read() as conn:
        seq, changed = asked_after(conn, 0)
    assert (seq > 0, [question for _, question in changed]) == (True, [""])


def test_whoever_has_a_forgotten_question_is_told_to_drop_it(fernweh: Desk) -> None:
    ref = kept(fernweh)
    kept(fernweh, customer="jonas@example.com")
    with fernweh.line.store.read() as conn:
        seq, before = asked_after(conn, 0)

    forgotten(fernweh, ref)
    with fernweh.line.store.read() as conn:
        told = asked_after(conn, seq)[1]

    assert told == [(before[0][0], "")]
    assert (len(before), len(memory(fernweh.line.store))) == (2, 1)


def test_of_a_very_long_question_the_beginning_is_remembered(fernweh: Desk) -> None:
    one = of(fernweh, kept(fernweh, f"{ASKS_RETURN} " * 60))

    question = asked(fernweh.line.store)[one.about]
    assert (len(question), question.startswith(ASKS_RETURN)) == (2_000, True)


def test_that_a_question_was_forgotten_teaches_nothing_however_often(fernweh: Desk) -> None:
    ref = kept(fernweh)
    before = learned(fernweh.line.store)

    forgotten(fernweh, ref)
    forgotten(fernweh, ref)

    assert learned(fernweh.line.store) == before
    assert memory(fernweh.line.store) == []


@pytest.mark.parametrize(
    ("near", "score"),
    [
        ([], None),
        ([(KEPT, 1.0)], 0.5),
        ([(KEPT, 1.0)] * 3, 0.75),
        ([(KEPT, 0.7)], 1 / 3),
        ([(KEPT, 0.4)], None),
        ([(replace(KEPT, good=0.0), 1.0)], -0.5),
        ([(KEPT, 1.0), (replace(KEPT, good=0.0), 1.0)], 0.0),
        ([(replace(KEPT, good=0.25), 1.0)], 0.0),
        ([(replace(KEPT, good=0.2), 1.0)], -0.1),
        ([(replace(KEPT, good=0.0, weight=0.1), 1.0)], -0.1 / 1.1),
        ([(replace(KEPT, weight=0.0), 1.0)], None),
        ([(replace(KEPT, version=7), 1.0)], 0.5),
        ([(replace(KEPT, version=7, good=0.0), 1.0)], None),
        ([(replace(KEPT, entry_id="retired"), 1.0)], None),
    ],
)
def test_what_outcomes_say_of_an_entry(near: list[tuple[Remembered, float]], score: float | None) -> None:
    assert recalled(near, {"returns": 1}).get("returns") == (score if score is None else pytest.approx(score))
