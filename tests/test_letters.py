"""Dead letters: listed with their errors, and replayed by people through the same gates as the first time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from bot import compose, deliver, letters, work
from bot.errors import Misconfigured
from bot.model import DeliveryKind, DeliveryState, Ref
from bot.store import audit, drafts
from bot.store.letters import Letter, Which, dead, get
from connectors.stage import Fault
from tests.desk import ASKS_RETURN, INES, Desk, desk
from tests.staff import staff

pytestmark = pytest.mark.services
DESKS = ("zendesk", "intercom", "slack")
SAID = "Within 30 days."
ALL = Which()


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with all helpdesks."""
    with desk(database_url, redis_url=redis_url) as made:
        yield made


def buried(made: Desk, error: str = "RuntimeError: a bug") -> int:
    """The work that is due next fails for good, and people are told; its number."""
    with made.line.store.write() as conn:
        job = work.claim(conn, made.clock() + timedelta(hours=1))
        assert job is not None
        work.bury(conn, job, error)
        made.worker.dead(conn, job, error)
    made.settle()
    return job.id


def dead_reply(made: Desk, name: str, fault: str) -> tuple[Ref, str, int]:
    """A reply that Ines approved was cut off (`drop`: it arrived; `lost`: it did not), and then its work died: the
    conversation, the delivery's key and the letter's number."""
    ref = made.ask(ASKS_RETURN, name)
    draft, row = made.decided(ref).draft, made.deliveries(ref)[0]
    reply = compose.reply(draft, SAID)
    made.fakes[name].knobs.writes_only = True
    made.fakes[name].knobs.next.append(Fault(fault))
    with made.line.store.write() as conn:
        deliver.approve(conn, made.line, reply, row.draft_id, "ines")
    made.settle()
    number = buried(made)
    assert state(made, ref, reply.key) is DeliveryState.ASKED
    return ref, reply.key, number


def state(made: Desk, ref: Ref, key: str) -> DeliveryState:
    """How far a delivery is."""
    return next(s.state for s in made.deliveries(ref) if s.delivery.key == key)


def replies(made: Desk, ref: Ref) -> list[str]:
    """The texts of ours that a customer got, as the vendor says."""
    return [w.text for w in made.fakes[ref.connector].ledger.writes if w.conversation == ref.id and w.public]


def replayed(made: Desk, *ids: int, dry_run: bool = False) -> list[str]:
    """Ines replays these, and everything that follows happens."""
    said = letters.replay(made.line.store, Which(ids), "ines", made.clock(), dry_run=dry_run)
    for _ in range(3):
        made.clock.forward(seconds=20)
        made.settle()
    return said


def found(made: Desk, which: Which = ALL) -> list[Letter]:
    """The dead letters."""
    with made.line.store.read() as conn:
        return dead(conn, which)


@pytest.mark.parametrize("name", DESKS)
def test_a_reply_that_arrived_is_found_and_not_sent_again(fernweh: Desk, name: str) -> None:
    ref, key, number = dead_reply(fernweh, name, "drop")

    said = replayed(fernweh, number)

    assert said == [f"{number} deliver|{key}: is read back first, and sent only if it surely never arrived"]
    assert state(fernweh, ref, key) is DeliveryState.SENT
    assert len(replies(fernweh, ref)) == 1
    assert found(fernweh) == []


@pytest.mark.parametrize("name", DESKS)
def test_a_reply_that_surely_never_arrived_is_sent_once(fernweh: Desk, name: str) -> None:
    ref, key, number = dead_reply(fernweh, name, "lost")
    assert replies(fernweh, ref) == []

    replayed(fernweh, number)
    replayed(fernweh, number)

    assert state(fernweh, ref, key) is DeliveryState.SENT
    assert len(replies(fernweh, ref)) == 1


def test_a_reply_that_a_person_gave_meanwhile_is_not_given_again(fernweh: Desk) -> None:
    ref, key, number = dead_reply(fernweh, "zendesk", "lost")
    fernweh.agent(ref, "Thirty days, Maria.")

    replayed(fernweh, number)

    assert state(fernweh, ref, key) is DeliveryState.VOID
    assert SAID not in "".join(replies(fernweh, ref))


def test_what_was_settled_meanwhile_is_left_alone_and_says_so(fernweh: Desk) -> None:
    ref, key, number = dead_reply(fernweh, "zendesk", "lost")
    with fernweh.line.store.write() as conn:
        drafts.end_sending(conn, key, DeliveryState.SENT, fernweh.clock(), "42")

    said = replayed(fernweh, number)

    assert said == [f"{number} deliver|{key}: settled meanwhile (sent): nothing is sent"]
    assert (replies(fernweh, ref), found(fernweh)) == ([], [])


def test_a_letter_that_is_not_dead_any_more_says_so(fernweh: Desk) -> None:
    _, key, number = dead_reply(fernweh, "zendesk", "lost")
    replayed(fernweh, number)

    said = replayed(fernweh, number, 424242)

    assert said == [
        f"{number} deliver|{key}: is done, not among the dead letters asked for, so nothing was done",
        "424242: there is no such work",
    ]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(fernweh: Desk) -> None:
    ref, key, number = dead_reply(fernweh, "zendesk", "lost")

    said = replayed(fernweh, number, dry_run=True)

    assert said == [
        f"{number} deliver|{key}: would be done: is read back first, and sent only if it surely never arrived"
    ]
    assert [letter.id for letter in found(fernweh)] == [number]
    assert (state(fernweh, ref, key), replies(fernweh, ref)) == (DeliveryState.ASKED, [])


def test_a_message_whose_answer_crashed_is_answered_after_the_replay(fernweh: Desk) -> None:
    good = fernweh.worker.handlers["event"]

    def bug(_: object) -> None:
        raise RuntimeError("a bug")

    fernweh.worker.handlers["event"] = bug  # type: ignore[index]
    ref = fernweh.ask(ASKS_RETURN)
    for _ in range(5):
        fernweh.clock.forward(seconds=30)
        fernweh.settle()
    letter = found(fernweh)[0]
    assert (letter.crashes, letter.first_error.strip().splitlines()[-1]) == (3, "RuntimeError: a bug")

    fernweh.worker.handlers["event"] = good  # type: ignore[index]
    replayed(fernweh, letter.id)

    with fernweh.line.store.read() as conn:
        again = get(conn, letter.id)
        who = [(e.who, e.detail) for e in audit.entries(conn, letter.key) if e.what == "replayed"]
    assert again is not None
    assert (again.state, again.first_error) == ("done", letter.first_error)
    assert DeliveryKind.NOTE in [s.delivery.kind for s in fernweh.deliveries(ref)]
    assert who == [("ines", {"ref": str(ref)})]


def test_what_dies_again_is_a_dead_letter_again_and_people_are_told_again(fernweh: Desk) -> None:
    fernweh.ask(ASKS_RETURN)
    with fernweh.line.store.write() as conn:
        work.ask(conn, "look", "odd", Ref("zendesk", "1"), fernweh.clock())
    number = buried(fernweh)
    letters.replay(fernweh.line.store, Which((number,)), "ines", fernweh.clock())

    assert buried(fernweh, "ValueError: another") == number

    letter = found(fernweh)[0]
    assert (letter.first_error, letter.last_error) == ("RuntimeError: a bug", "ValueError: another")
    cards = fernweh.deliveries(Ref("slack", "review"))
    told = [dict(card.delivery.facts)["What happened"] for card in cards]
    assert told == ["RuntimeError: a bug", "ValueError: another"]


def test_letters_are_chosen_by_number_range_and_time(fernweh: Desk) -> None:
    numbers = []
    for n in range(4):
        with fernweh.line.store.write() as conn:
            work.ask(conn, "look", f"odd-{n}", Ref("zendesk", f"{n + 1}"), fernweh.clock())
        numbers.append(buried(fernweh))
        fernweh.clock.forward(hours=1)
    late = fernweh.clock() - timedelta(hours=2, minutes=30)

    assert [letter.id for letter in found(fernweh)] == numbers
    assert [letter.id for letter in found(fernweh, Which(numbers[1:2]))] == numbers[1:2]
    assert [letter.id for letter in found(fernweh, Which(span=(numbers[1], numbers[2])))] == numbers[1:3]
    assert [letter.id for letter in found(fernweh, Which(since=late))] == numbers[2:]
    assert [letter.id for letter in found(fernweh, Which(numbers[:3], since=late))] == numbers[2:3]


def test_what_is_asked_for_is_read_from_words() -> None:
    may = datetime(2026, 5, 3, tzinfo=UTC)

    assert letters.chosen(["7", "8"]) == Which((7, 8))
    assert letters.chosen([], "7-12", "2026-05-03") == Which(span=(7, 12), since=may)
    assert letters.chosen([], "", "2026-05-03T02:00+02:00") == Which(since=may)
    assert letters.chosen([]) == Which()


@pytest.mark.parametrize(
    ("ids", "span", "since", "named"),
    [
        (["x"], "", "", "id: 'x' is no number"),
        (["٣"], "", "", "id: "),
        (["9" * 30], "", "", "id: "),
        ([], "7", "", "range: '7' is not written from-to, such as 7-12"),
        ([], "9-7", "", "range: "),
        ([], "a-b", "", "range: "),
        ([], "", "yesterday", "since: 'yesterday' is no time such as 2026-05-03"),
        ([], "", "0001-01-01T00:00+14:00", "since: '0001-01-01T00:00\\+14:00' is no time such as 2026-05-03"),
    ],
)
def test_what_cannot_be_read_is_named(ids: list[str], span: str, since: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        letters.chosen(ids, span, since)


def post(made: Desk, **form: object) -> requests.Response:
    """The form of the page, from Ines."""
    return staff(made.line, made.url, INES).post("/letters", page="/control", **form)


def test_the_page_shows_dead_letters_and_replays_them(fernweh: Desk) -> None:
    ref, key, number = dead_reply(fernweh, "zendesk", "lost")

    ines = staff(fernweh.line, fernweh.url, INES)
    front, page = (ines.get(path).text for path in ("/", "/letters"))
    answer = post(fernweh, id=[number])
    for _ in range(3):  # it is missed, it is still missed after the horizon, it is sent
        fernweh.clock.forward(seconds=20)
        fernweh.settle()

    assert 'href="/letters"' in front
    assert all(text in page for text in (f"deliver|{key}", str(ref), "RuntimeError: a bug"))
    assert (answer.status_code, "is read back first" in answer.text) == (200, True)
    assert state(fernweh, ref, key) is DeliveryState.SENT
    assert "nothing has failed for good" in ines.get("/letters").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Tick letters, or give a range or a time."),
        ({"range": "9-1"}, "Range: &#39;9-1&#39; is not written from-to"),
        ({"since": "soon"}, "Since: &#39;soon&#39; is no time"),
        ({"id": "x"}, "Id: &#39;x&#39; is no number"),
    ],
)
def test_a_form_that_cannot_be_followed_changes_nothing(fernweh: Desk, form: dict[str, str], said: str) -> None:
    _, _, number = dead_reply(fernweh, "zendesk", "lost")

    answer = post(fernweh, **form)

    assert (answer.status_code, said in answer.text) == (400, True)
    assert [letter.id for letter in found(fernweh)] == [number]
