"""What words and meaning weigh beside each other: nothing new without outcomes, and what these say otherwise."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.backends.chosen import embedder
from bot.model import Evidence, Judged, Source
from bot.store import knowledge as rows
from bot.store.memory import judged_after
from learning.fusion import Learned, Learner
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, RETURNS, Desk, desk
from tests.test_memory import forgotten, kept

USUAL = 0.2


def found(id: str, lexical: float, vector: float) -> Evidence:
    return Evidence(Source.ENTRY, id, 1, "", "", 0.0, lexical=lexical, vector=vector)


BOTH = (found("said", 0.6, 0.3), found("meant", 0.2, 0.5))
WORDS = Judged(BOTH, frozenset({"said"}), frozenset(), 1.0)
MEANING = replace(WORDS, right=frozenset({"meant"}))


def words(*judged: Judged) -> float:
    """What words are worth after these."""
    made = Learner()
    for one in judged:
        made.learn_one(one)
    return made.weights(USUAL).words


def test_without_outcomes_it_is_as_usual() -> None:
    assert words() == USUAL


def test_what_was_right_by_its_words_makes_words_worth_more() -> None:
    assert USUAL < words(WORDS) < words(WORDS, WORDS, WORDS) < words(*[WORDS] * 50) <= 1.0


def test_what_was_right_by_its_meaning_makes_words_worth_less() -> None:
    assert words(*[MEANING] * 50) < words(MEANING) < USUAL


def test_what_was_wrong_speaks_for_the_others() -> None:
    wrong = replace(WORDS, right=frozenset(), wrong=frozenset({"meant"}))

    assert words(wrong) == pytest.approx(words(WORDS))


@pytest.mark.parametrize(
    "silent",
    [
        replace(WORDS, right=frozenset()),
        replace(WORDS, found=BOTH[:1]),
        replace(WORDS, found=()),
        replace(WORDS, right=frozenset({"said", "meant"})),
        replace(WORDS, right=frozenset({"not found"})),
    ],
    ids=["nothing known", "one found", "none found", "all right", "right and not found"],
)
def test_what_says_nothing_changes_nothing(silent: Judged) -> None:
    assert words(silent) == USUAL


def test_what_is_taken_back_leaves_no_trace() -> None:
    assert words(WORDS, MEANING, replace(WORDS, weight=-1.0)) == pytest.approx(words(MEANING))


def test_the_order_of_outcomes_does_not_matter() -> None:
    assert words(WORDS, MEANING, MEANING) == pytest.approx(words(MEANING, WORDS, MEANING))


def test_the_state_survives_json() -> None:
    made = Learner()
    made.learn_one(WORDS)

    again = Learner.from_json(made.to_json())

    assert again.weights(USUAL) == made.weights(USUAL)


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        yield made


def judged(made: Desk) -> list[Judged]:
    with made.line.store.read() as conn:
        return judged_after(conn, 0)[1]


def test_a_draft_that_was_sent_as_it_was_calls_right_what_it_cites(fernweh: Desk) -> None:
    kept(fernweh)

    [said] = judged(fernweh)

    assert (said.right, said.wrong, said.weight) == (frozenset({RETURNS.id}), frozenset(), 1.0)
    assert RETURNS.id in [e.id for e in said.found]


def test_a_draft_in_whose_place_a_person_wrote_something_else_was_wrong(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.agent(ref, "Please write to our partner in Porto, who looks after orders from shops.", status="solved")

    assert [(said.right, said.wrong) for said in judged(fernweh)] == [(frozenset(), frozenset({RETURNS.id}))]


@pytest.mark.parametrize("tail", ["", "/?from=mail#label"])
def test_what_a_person_linked_instead_was_right_however_the_link_is_written(fernweh: Desk, tail: str) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.agent(ref, f"Our partner in Porto knows more, and so does {RETURNS.url}{tail}", status="solved")

    assert [(said.right, said.wrong) for said in judged(fernweh)] == [(frozenset({RETURNS.id}), frozenset())]


def test_a_draft_that_a_person_changed_was_about_the_right_thing_and_is_no_proof_of_it(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    changed = fernweh.decided(ref).draft.text.replace("within 30 days", "within 60 days").replace(RETURNS.url, "")
    fernweh.agent(ref, changed, status="solved")

    assert [(said.right, said.wrong) for said in judged(fernweh)] == [(frozenset(), frozenset())]


def test_every_process_learns_the_same_and_what_is_forgotten_is_no_more_than_gone(fernweh: Desk) -> None:
    ref = kept(fernweh)
    fernweh.ask(ASKS_UNKNOWN, customer="tom@example.com")
    one, other = (Learned(fernweh.line.store, embedder()) for _ in range(2))

    assert one() == other()
    forgotten(fernweh, ref)
    assert Learned(fernweh.line.store, embedder())().words == pytest.approx(USUAL)


def test_what_another_embedder_found_near_teaches_nothing(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        for number in (1, 2):
            rows.add_entry(conn, replace(RETURNS, id=f"else-{number}", question=f"Who returns my call {number}?"))
    kept(fernweh)

    same, other = (Learned(fernweh.line.store, embedder(name))() for name in ("", "words"))

    assert (same.outcomes, other.outcomes) == (1.0, 0.0)
