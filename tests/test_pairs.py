"""Two entries that contradict each other or say the same: raised once, shown whole, settled by a lead, and until then
nothing on their topic is answered without a person."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
import requests
from pydantic import TypeAdapter
from sqlalchemy import Connection

import app
from bot import allow, entries, review
from bot.errors import Unavailable
from bot.imports import How
from bot.knowledge import Knowledge
from bot.model import (
    Action,
    Clash,
    Draft,
    Entry,
    Evidence,
    PersonRole,
    Policy,
    Proposal,
    ProposalState,
    Provenance,
    Reason,
    Ref,
    Scope,
    Source,
    Verdict,
    VerdictKind,
)
from bot.ports import StageMessage
from bot.settings import Settings
from bot.store import Store, audit, pairs, people, reviews
from bot.store import knowledge as rows
from bot.store.migrate import migrate
from bot.taught.away import take_away
from bot.taught.back import bring_back
from learning.disagree import Finding, disagree
from learning.pairs import Keeper, compare, step
from tests.desk import ASKS_RETURN, INES, RETURNS, TOMASZ, Desk, desk
from tests.shell import Shell
from tests.staff import staff

pytestmark = pytest.mark.services
ROOT = Path(__file__).parent.parent
SIXTY = "You can return an order within 60 days of delivery."
HAND = Entry("window-by-hand", 1, RETURNS.question, SIXTY, topic="returns", origin="hand", by="ines")
COPY = replace(HAND, id="window-copy", answer=RETURNS.answer)
MARTA = replace(INES, id="marta", name="Marta Lis", email="marta@fernweh.example", vendor_ids=("slack:U_MARTA",))
ONE, OTHER, BOTH = VerdictKind.KEEP_ONE, VerdictKind.KEEP_OTHER, VerdictKind.KEEP_BOTH
OUTDATED = "One of the two entries has changed since, or is out of date, so there may be nothing to settle any more."
ALONE = "You are the only one who taught this, so somebody else has to approve it."


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk and Slack, where the returns entry was compared and is licensed."""
    with desk(database_url, "zendesk", "slack", redis_url=redis_url) as made:
        with made.line.store.write() as conn:
            allow.grant(conn, "returns", INES, 7, made.clock())
        made.policy(Policy(version=1, reply_at=0.4))
        keep(made)
        yield made


def keep(made: Desk) -> None:
    """What `serve` repeats, until nothing moves."""
    keeper = Keeper(made.line)
    for _ in range(3):
        keeper()
    made.settle()


def learn(made: Desk, *known: Entry) -> None:
    """Publish these, and let what follows happen."""
    made.publish(*known)
    keep(made)


def asked(made: Desk) -> list[Proposal]:
    """Pairs that nobody has settled."""
    with made.line.store.read() as conn:
        return pairs.unsettled(conn)


def everything(made: Desk) -> list[tuple[str, str, ProposalState]]:
    """(one, other, state) of all pairs that there ever were."""
    with made.line.store.read() as conn:
        found = reviews.proposals(conn, list(ProposalState))
    return [(p.entry_id, p.rival.id, p.state) for p in found if p.rival]


def cards(made: Desk) -> list[StageMessage]:
    """Those that can be pressed."""
    return [card for card in made.fakes["slack"].cards() if card.buttons]


def press(made: Desk, kind: VerdictKind, by: str = "slack:U_INES") -> str:
    """A button of the only pair's newest card; what whoever pressed is told."""
    said = review.judge(made.line, Verdict(kind, cards(made)[0].buttons[0].value, by, made.clock()))
    made.settle()
    return said


def retired(made: Desk) -> list[str]:
    """Which of the entries are."""
    with made.line.store.read() as conn:
        newest = [rows.latest(conn, id_) for id_ in (RETURNS.id, HAND.id, COPY.id)]
    return [e.id for e in newest if e and e.retired]


def test_a_contradiction_is_put_on_the_review_channel_once_with_both_texts_and_what_differs(fernweh: Desk) -> None:
    learn(fernweh, replace(HAND, source=Provenance("docs:returns.md", "abc123")))
    keep(fernweh)

    [card] = cards(fernweh)
    assert [b.label for b in card.buttons] == ["Keep A, retire B", "Keep B, retire A", "Keep both"]
    for words in (
        "Two entries contradict each other",
        "A: You can return an order within 30 days of delivery.",
        "B: You can return an order within 60 days of delivery.",
        "The label arrives by e-mail within 10 minutes.",
        "returns-window version 1",
        "window-by-hand version 1, hand, docs:returns.md, by ines",
    ):
        assert words in card.html.replace("<br>", "\n"), words
    with fernweh.line.store.read() as conn:
        [written] = [e for e in audit.entries(conn, asked(fernweh)[0].id) if e.what == "proposed"]
    assert written.detail == {"clash": "contradiction", "a": "returns-window", "b": "window-by-hand"}


def test_while_it_waits_nothing_on_the_topic_is_answered_without_a_person(fernweh: Desk) -> None:
    before = fernweh.decided(fernweh.ask(ASKS_RETURN)).decision

    learn(fernweh, HAND)
    meanwhile = fernweh.decided(fernweh.ask(ASKS_RETURN, customer="jonas@example.com")).decision
    press(fernweh, ONE)
    keep(fernweh)
    after = fernweh.decided(fernweh.ask(ASKS_RETURN, customer="aiko@example.com")).decision

    assert before.action is Action.REPLY
    assert (meanwhile.action, meanwhile.reason) == (Action.SUGGEST, Reason.DISPUTED)
    assert after.action is Action.REPLY


def test_until_what_was_published_is_compared_nothing_is_answered_without_a_person(fernweh: Desk) -> None:
    fernweh.publish(HAND)

    meanwhile = fernweh.decided(fernweh.ask(ASKS_RETURN)).decision
    fernweh.publish(replace(HAND, version=2, retired=True))
    keep(fernweh)
    after = fernweh.decided(fernweh.ask(ASKS_RETURN, customer="aiko@example.com")).decision

    assert (meanwhile.action, meanwhile.reason) == (Action.SUGGEST, Reason.UNCOMPARED)
    assert after.action is Action.REPLY


def test_health_says_how_much_is_not_compared(fernweh: Desk) -> None:
    fernweh.publish(HAND, COPY)

    assert requests.get(f"{fernweh.url}/health", timeout=5).json()["uncompared"] == 2


@pytest.mark.parametrize("sweeps", [True, False])
def test_whoever_answers_compares_too_should_nobody_else(fernweh: Desk, sweeps: bool) -> None:
    fernweh.publish(HAND)

    [keeper] = [act for _, act in app.acts(fernweh.line, Settings(), sweeps=sweeps) if isinstance(act, Keeper)]
    keeper()

    assert len(asked(fernweh)) == 1
    with fernweh.line.store.read() as conn:
        assert pairs.compared(conn)


def test_what_would_not_be_answered_alone_anyway_says_why_not(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        allow.revoke(conn, "returns", INES, fernweh.clock())
    fernweh.publish(replace(HAND, id="else", question="Do you sell gift cards?", answer="Yes, in every shop."))

    assert fernweh.decided(fernweh.ask(ASKS_RETURN)).decision.reason is Reason.NOT_LICENSED


def test_a_copy_is_shown_and_holds_nothing_back(fernweh: Desk) -> None:
    learn(fernweh, COPY)

    assert [p.rival.clash for p in asked(fernweh) if p.rival] == [Clash.SAME]
    assert "Two entries say the same" in cards(fernweh)[0].html
    assert not disputed(fernweh, RETURNS)


def disputed(made: Desk, rests_on: Entry) -> bool:
    """Is a draft that rests on this held back?"""
    used = Evidence(Source.ENTRY, rests_on.id, 1, "", "", 1.0, topic=rests_on.topic)
    with made.line.store.read() as conn:
        made_of = Draft("a-1", "e-1", Ref("zendesk", "1"), "Yes.", (used,), 0.9, "m-1")
        return pairs.disputes(conn, made_of, made.clock())


def test_another_topic_is_not_held_back(fernweh: Desk) -> None:
    learn(fernweh, HAND)

    rests = {
        "on one of both": HAND,
        "on their topic": replace(HAND, id="refunds"),
        "on another": replace(HAND, id="shipping-costs", topic="shipping"),
        "on one without a topic": replace(HAND, id="shipping-costs", topic=""),
    }

    assert {name: disputed(fernweh, entry) for name, entry in rests.items()} == {
        "on one of both": True,
        "on their topic": True,
        "on another": False,
        "on one without a topic": False,
    }


@pytest.mark.parametrize(
    ("kind", "gone", "state"),
    [
        (ONE, ["window-by-hand"], ProposalState.APPROVED),
        (OTHER, ["returns-window"], ProposalState.APPROVED),
        (BOTH, [], ProposalState.REJECTED),
    ],
)
def test_a_lead_says_which_stays(fernweh: Desk, kind: VerdictKind, gone: list[str], state: ProposalState) -> None:
    learn(fernweh, HAND)
    [pair] = asked(fernweh)

    assert press(fernweh, kind) == ""
    keep(fernweh)

    assert retired(fernweh) == gone
    assert everything(fernweh) == [("returns-window", "window-by-hand", state)]
    assert cards(fernweh) == []
    with fernweh.line.store.read() as conn:
        about = [e for e in audit.entries(conn, pair.id) if e.what == f"proposal {state}"]
        why = [e.why for e in audit.entries(conn, gone[0]) if e.what == "entry retired"] if gone else []
    assert [(e.who, e.detail["choice"], e.detail["retired"]) for e in about] == [("ines", kind, "".join(gone))]
    assert why == [f"proposal {pair.id}"] * len(gone)


def test_a_button_in_slack_does_it(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    card = cards(fernweh)[0]

    fernweh.fakes["slack"].press(card.id, "keep_other", user="U_INES")
    fernweh.settle()

    assert retired(fernweh) == ["returns-window"]
    assert "Ines Duarte: Keep B, retire A" in fernweh.fakes["slack"].cards()[0].html


@pytest.mark.parametrize("by", ["slack:U_TOMASZ", "slack:U_NOBODY"])
def test_nobody_but_a_lead_settles_it(fernweh: Desk, by: str) -> None:
    learn(fernweh, HAND)

    said = press(fernweh, ONE, by)

    assert said == "Only a lead can decide this. Ask an admin to add you to the approvers."
    assert retired(fernweh) == []


@pytest.mark.parametrize("kind", [VerdictKind.ACCEPT, VerdictKind.EDIT, VerdictKind.REJECT])
def test_a_pair_is_not_decided_as_words_are(fernweh: Desk, kind: VerdictKind) -> None:
    learn(fernweh, HAND)

    assert press(fernweh, kind) == "This button is not ours."
    assert len(asked(fernweh)) == 1


def test_a_draft_is_not_settled_as_a_pair_is(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    ref = fernweh.ask(ASKS_RETURN)
    token = next(b.value for s in fernweh.deliveries(ref) for b in s.delivery.buttons).rpartition("/")[2]
    nonce, _, _ = fernweh.line.links.read(token)

    assert review.judge(fernweh.line, Verdict(ONE, nonce, "ines", fernweh.clock())) == "This button is not ours."


def taught(made: Desk, *by: str) -> Entry:
    """The entry by hand as one that these taught."""
    with made.line.store.write() as conn:
        now = made.clock()
        reviews.save_proposal(
            conn,
            Proposal(
                "p-learned", 1, ProposalState.APPROVED, HAND.question, SIXTY, "", "", "", (), by, now,
                now + timedelta(days=1),
            ),
            "shown",
        )  # fmt: skip
    return replace(HAND, origin="proposal:p-learned")


def test_whoever_alone_taught_an_entry_does_not_make_it_win(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        people.save_person(conn, MARTA)
    learn(fernweh, taught(fernweh, "ines"))

    assert "taught by Ines Duarte" in cards(fernweh)[0].html
    assert press(fernweh, OTHER) == ALONE
    assert press(fernweh, OTHER, "slack:U_MARTA") == ""
    assert retired(fernweh) == ["returns-window"]


def test_nor_does_its_only_teacher_let_a_contradiction_stand(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        people.save_person(conn, MARTA)
    learn(fernweh, taught(fernweh, "ines"))

    assert press(fernweh, BOTH) == ALONE
    assert press(fernweh, BOTH, "slack:U_MARTA") == ""
    assert retired(fernweh) == []


def test_whoever_alone_taught_it_may_let_it_go(fernweh: Desk) -> None:
    learn(fernweh, taught(fernweh, "ines"))

    assert press(fernweh, ONE) == ""
    assert retired(fernweh) == ["window-by-hand"]


def test_where_one_lead_decides_alone_it_is_written_down(fernweh: Desk) -> None:
    fernweh.policy(Policy(version=2, one_lead=True))
    learn(fernweh, taught(fernweh, "ines"))
    [pair] = asked(fernweh)

    assert press(fernweh, OTHER) == ""

    with fernweh.line.store.read() as conn:
        detail = next(e.detail for e in audit.entries(conn, pair.id) if e.what == "proposal approved")
    assert detail["one_lead"] == "True"


def test_what_links_alone_have_taught_takes_two_leads(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        people.save_person(conn, MARTA)
    learn(fernweh, taught(fernweh, "link:tomasz"))

    assert "it takes two leads" in press(fernweh, OTHER)
    assert press(fernweh, OTHER, "slack:U_MARTA") == ""
    assert retired(fernweh) == ["returns-window"]


def test_where_one_has_changed_meanwhile_the_pair_ends_and_the_new_one_is_asked_about(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    first = asked(fernweh)[0].id
    fernweh.publish(replace(HAND, version=2, answer="You can return an order within 90 days of delivery."))

    assert press(fernweh, ONE) == OUTDATED
    keep(fernweh)

    assert [state for _, _, state in everything(fernweh)] == [ProposalState.EXPIRED, ProposalState.OPEN]
    [pair] = asked(fernweh)
    assert pair.id != first
    assert "within 90 days" in cards(fernweh)[0].html
    assert len(cards(fernweh)) == 1


def test_until_the_new_version_is_compared_the_old_contradiction_holds_answers_back(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    fernweh.publish(replace(HAND, version=2, answer="You can return an order within 90 days of delivery."))

    review.tend(fernweh.line)  # as whatever else is proposed or decided does, before it is their turn

    assert [state for _, _, state in everything(fernweh)] == [ProposalState.OPEN]
    assert fernweh.decided(fernweh.ask(ASKS_RETURN)).decision.reason is Reason.DISPUTED


def test_where_one_was_retired_meanwhile_the_pair_ends(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    with fernweh.line.store.write() as conn:
        entries.retire(conn, HAND.id, "ines", "", fernweh.clock())
    keep(fernweh)

    assert asked(fernweh) == []
    assert cards(fernweh) == []


def test_whoever_decides_waits_for_no_look_at_every_pair(fernweh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(fernweh, *(replace(COPY, id=f"window-{n}") for n in range(7)))
    assert len(asked(fernweh)) == 28
    looked = list[str]()

    def look(conn: Connection, id: str) -> Entry | None:
        looked.append(id)
        return rows.latest(conn, id)

    monkeypatch.setattr("bot.store.pairs.latest", look)
    with fernweh.line.store.write() as conn:
        review.open_next(fernweh.line, conn)

    assert len(looked) <= 2 * review.PAIRS


def test_what_has_changed_ends_its_pairs_a_few_versions_at_a_time(
    fernweh: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(fernweh, HAND)
    monkeypatch.setattr(pairs, "VERSIONS", 2)
    fernweh.publish(*(replace(HAND, id=f"else-{n}", question=f"Which {n}?", answer="None.") for n in range(5)))
    fernweh.publish(replace(HAND, version=2, retired=True))
    keeper = Keeper(fernweh.line)

    left = list[int]()
    for _ in range(4):
        keeper()
        left.append(len(asked(fernweh)))

    assert left == [1, 1, 0, 0]


def test_where_one_is_out_of_date_meanwhile_the_pair_ends_until_it_is_put_in_force_again(fernweh: Desk) -> None:
    until = fernweh.clock() + timedelta(days=1)
    learn(fernweh, replace(HAND, valid_until=until))
    before = disputed(fernweh, RETURNS)
    fernweh.clock.forward(days=1)

    at_once = disputed(fernweh, RETURNS)
    late = press(fernweh, ONE)
    keep(fernweh)

    assert (before, at_once, disputed(fernweh, RETURNS)) == (True, False, False)
    assert late == OUTDATED
    assert [state for _, _, state in everything(fernweh)] == [ProposalState.EXPIRED]
    assert cards(fernweh) == []
    learn(fernweh, replace(HAND, version=2, valid_until=until + timedelta(days=30)))
    assert [p.rival.version for p in asked(fernweh) if p.rival] == [2]


def test_who_lets_both_stand_is_asked_again_when_the_words_are_others_and_not_before(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    press(fernweh, BOTH)
    learn(fernweh, replace(HAND, version=2, topic="refunds"))
    assert asked(fernweh) == []

    learn(fernweh, replace(HAND, version=3, answer="You can return an order within 90 days of delivery."))

    assert [p.rival.version for p in asked(fernweh) if p.rival] == [3]


def test_whoever_restores_what_was_retired_raises_it_anew(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    press(fernweh, ONE)
    with fernweh.line.store.write() as conn:
        entries.restore(conn, HAND.id, 1, "ines", fernweh.clock())
    keep(fernweh)

    assert [p.rival.version for p in asked(fernweh) if p.rival] == [3]


def test_what_was_let_stand_and_comes_back_with_the_same_words_is_not_asked_about_again(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    press(fernweh, BOTH)
    with fernweh.line.store.write() as conn:
        entries.retire(conn, HAND.id, "ines", "", fernweh.clock())
        entries.restore(conn, HAND.id, 1, "ines", fernweh.clock())
    keep(fernweh)

    assert asked(fernweh) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Scope(plan="pro"), Scope(plan="free")),
        (Scope(language="en"), Scope(language="de")),
    ],
)
def test_entries_that_nobody_gets_both_of_are_not_asked_about(fernweh: Desk, one: Scope, other: Scope) -> None:
    learn(fernweh, replace(RETURNS, version=2, scope=one), replace(HAND, scope=other))

    assert asked(fernweh) == []


def test_parts_of_one_page_are_not_held_against_each_other(fernweh: Desk) -> None:
    page = Provenance("docs:returns.md")

    learn(fernweh, replace(RETURNS, version=2, source=page), replace(HAND, source=page))

    assert asked(fernweh) == []


def test_nobody_decides_in_time_and_it_waits_for_its_turn_again(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    first = cards(fernweh)[0].id
    fernweh.clock.forward(days=14, minutes=1)
    keep(fernweh)

    [pair] = asked(fernweh)
    assert (pair.state, pair.version) == (ProposalState.OPEN, 2)
    [card] = cards(fernweh)
    assert card.id != first
    assert disputed(fernweh, HAND)


def test_a_few_have_cards_and_contradictions_come_first(fernweh: Desk) -> None:
    copies = [replace(COPY, id=f"window-{n}", answer=f"{RETURNS.answer} {n} is its number.") for n in range(1, 5)]

    learn(fernweh, *copies, HAND)

    states = [p.state for p in asked(fernweh)]
    assert states.count(ProposalState.OPEN) == review.PAIRS
    assert len(states) > review.PAIRS
    assert {p.rival.clash for p in asked(fernweh)[:3] if p.rival} == {Clash.CONTRADICTION}


def words(made: Desk, *ids: str) -> None:
    """Proposals of words that wait for a card."""
    now = made.clock()
    with made.line.store.write() as conn:
        for id_ in ids:
            asks = Proposal(
                id_, 1, ProposalState.WAITING, f"What about {id_}?", "That.", "", "", "", (), ("ines", "tomasz"), now,
                now + timedelta(days=1),
            )  # fmt: skip
            reviews.save_proposal(conn, asks, "shown")


def test_a_contradiction_gets_a_card_before_what_people_teach_and_a_copy_behind_it(fernweh: Desk) -> None:
    fernweh.policy(Policy(version=2, open_cards=2))
    words(fernweh, "p-1", "p-2")
    learn(fernweh, HAND, COPY)

    with fernweh.line.store.read() as conn:
        shown = reviews.proposals(conn, [ProposalState.OPEN])

    assert {p.rival.clash if p.rival else p.id for p in shown} == {Clash.CONTRADICTION}


def test_what_people_teach_gets_a_card_before_a_copy(fernweh: Desk) -> None:
    fernweh.policy(Policy(version=2, open_cards=2))
    words(fernweh, "p-1", "p-2")
    learn(fernweh, COPY)

    with fernweh.line.store.read() as conn:
        assert [p.id for p in reviews.proposals(conn, [ProposalState.OPEN])] == ["p-1", "p-2"]


def test_a_card_says_how_it_ended(fernweh: Desk) -> None:
    def ended() -> list[str]:
        return [card.html for card in fernweh.fakes["slack"].cards() if not card.buttons]

    learn(fernweh, HAND)
    press(fernweh, ONE)
    assert "Settled: How long can I return an order?" in ended()[0]

    learn(fernweh, replace(HAND, version=3))
    learn(fernweh, replace(HAND, version=4, retired=True))
    assert "Nothing left to settle: How long can I return an order?" in ended()[0]

    learn(fernweh, replace(HAND, version=5))
    fernweh.clock.forward(days=14, minutes=1)
    keep(fernweh)
    assert "Waits its turn again: How long can I return an order?" in ended()[0]


def test_whoever_is_killed_goes_on_and_asks_nothing_twice(fernweh: Desk) -> None:
    fernweh.publish(HAND)

    class Killed:
        def keep_up(self) -> None:
            pass

        def search(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step(fernweh.line.store, Killed(), fernweh.clock)  # type: ignore[arg-type] # dies at once
    assert everything(fernweh) == []

    assert compare(fernweh.line.store, fernweh.line.knowledge, fernweh.clock) == 1
    assert compare(fernweh.line.store, fernweh.line.knowledge, fernweh.clock) == 1
    assert len(everything(fernweh)) == 1


@pytest.mark.long
def test_killed_at_any_point_a_second_run_has_asked_about_every_pair_once(
    database_url: str, store: Store, tmp_path: Path
) -> None:
    things = [f"{a}{b}" for a in ("wool", "silk", "cork", "jute", "hemp") for b in ("cap", "mat", "rug", "bag", "hat")]
    for thing in things:
        ask = f"# How long do I have to return a {thing}?\n\n"
        (tmp_path / f"{thing}-a.md").write_text(f"{ask}A {thing} can be returned within 30 days of its delivery.")
        (tmp_path / f"{thing}-b.md").write_text(f"{ask}A {thing} can be returned within 60 days of its delivery.")
    env = {**os.environ, "DATABASE_URL": database_url, "SYNC_FOLDERS": f"docs={tmp_path}"}
    command, chance = [sys.executable, "app.py", "sync"], random.Random(3)

    for _ in range(5):
        run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            run.wait(0.5 + chance.random())
        run.send_signal(signal.SIGKILL)
        run.wait()
    said = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout

    assert f"{len(things)} pairs to settle" in said
    with store.read() as conn:
        found = [(p.entry_id, p.rival.id) for p in pairs.unsettled(conn) if p.rival]
        proposed = [e.about for e in audit.entries(conn, limit=5_000) if e.what == "proposed"]
    assert sorted(found) == sorted((f"docs-{thing}-a", f"docs-{thing}-b") for thing in things)
    assert len(proposed) == len(set(proposed)) == len(things)


SHIPPING = Entry("shipping-cost", 1, "What does shipping cost?", "Shipping costs 4 euros.", topic="shipping")


class Failing:
    """The search, which cannot take in one text."""

    def __init__(self, real: Knowledge, err: Exception) -> None:
        self._real, self._err = real, err
        self.keep_up, self.entry_of = real.keep_up, real.entry_of

    def search(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
        """Raises where it is about shipping."""
        if SHIPPING.question in text:
            raise self._err
        return self._real.search(text, limit=limit)


def test_an_entry_that_cannot_be_compared_is_told_once_and_stops_no_other(
    fernweh: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    fernweh.publish(SHIPPING, HAND)
    line = fernweh.line
    broken = replace(line, knowledge=cast("Knowledge", Failing(line.knowledge, ValueError("no such word"))))

    for _ in range(2):
        Keeper(broken)()

    assert [p.entry_id for p in asked(fernweh)] == ["returns-window"]
    [told] = [r for r in caplog.records if r.message == "not compared"]
    assert (told.__dict__["entry"], told.__dict__["version"]) == ("shipping-cost", 1)
    with line.store.read() as conn:
        assert pairs.compared(conn)


def test_a_pair_that_cannot_be_compared_stops_no_other(
    fernweh: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(one: Entry, other: Entry) -> Finding | None:
        if COPY.id in (one.id, other.id):
            raise RecursionError
        return disagree(one, other)

    monkeypatch.setattr("learning.pairs.disagree", broken)
    learn(fernweh, HAND, COPY)

    assert [(p.entry_id, p.rival.id) for p in asked(fernweh) if p.rival] == [("returns-window", "window-by-hand")]
    told = [{r.__dict__["entry"], r.__dict__["other"]} for r in caplog.records if r.message == "not compared"]
    assert told
    assert all(COPY.id in both for both in told)


def test_while_a_brain_is_away_nothing_is_passed_over_and_what_is_over_ends_all_the_same(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    fernweh.clock.forward(days=14, minutes=1)
    fernweh.publish(SHIPPING)
    line = fernweh.line
    away = replace(line, knowledge=cast("Knowledge", Failing(line.knowledge, Unavailable("embedder", retry_after=1))))

    with pytest.raises(Unavailable):
        Keeper(away)()

    with line.store.read() as conn:
        assert not pairs.compared(conn)
    assert [p.version for p in asked(fernweh)] == [2]  # its card is a new one


def test_of_two_who_compare_at_once_one_gives_way(fernweh: Desk) -> None:
    fernweh.publish(HAND)
    line, real = fernweh.line, fernweh.line.knowledge

    class Slow:
        def search(self, text: str, *, limit: int) -> tuple[Evidence, ...]:
            with line.store.write() as conn:  # the other is done before, and with more than we have seen
                rows.add_entry(conn, Entry("later", 1, "Do you sell umbrellas?", "No.", topic="range"))
            compare(line.store, real, fernweh.clock)
            return real.search(text, limit=limit)

        def keep_up(self) -> None:
            real.keep_up()

        def entry_of(self, id: str) -> Entry | None:
            return real.entry_of(id)

    compare(line.store, Slow(), fernweh.clock)  # type: ignore[arg-type] # what it asks for is there

    with line.store.read() as conn:
        proposed = [e for e in audit.entries(conn, asked(fernweh)[0].id) if e.what == "proposed"]
        assert pairs.mark(conn) == rows.newest(conn)[0]
    assert len(proposed) == 1


def test_the_page_shows_them_to_everybody_and_lets_leads_settle_them(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    agent, lead = (staff(fernweh.line, fernweh.url, who) for who in (TOMASZ, INES))

    assert "1 pair to settle" in lead.get("/knowledge").text
    seen = agent.get("/knowledge/pairs").text
    assert "They contradict each other" in seen
    assert "<strong>A</strong> You can return an order within 30 days of delivery." in seen
    assert "A lead settles this." in seen

    page = lead.get("/knowledge/pairs").text
    form = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("id", "shown")}
    assert agent.post("/knowledge/pairs", page="/knowledge/pairs", keep="keep_one", **form).status_code == 403
    for wrong in ({"keep": "accept"}, {"id": "p-none"}, {"shown": "what nobody has seen"}):
        answer = lead.post("/knowledge/pairs", page="/knowledge/pairs", **{"keep": "keep_one", **form, **wrong})
        assert answer.status_code in (400, 409)
        assert "Nothing was changed." in answer.text
    assert retired(fernweh) == []

    done = lead.post("/knowledge/pairs", page="/knowledge/pairs", keep="keep_one", **form)
    assert done.status_code == 200
    assert "window-by-hand</a> is retired" in done.text
    fernweh.settle()
    assert retired(fernweh) == ["window-by-hand"]
    assert cards(fernweh) == []


def test_what_was_retired_on_the_page_comes_back_by_one_press_there(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    lead = staff(fernweh.line, fernweh.url, INES)
    page = lead.get("/knowledge/pairs").text
    form = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("id", "shown")}
    lead.post("/knowledge/pairs", page="/knowledge/pairs", keep="keep_one", **form)

    undo = lead.get("/knowledge/pairs", settled=form["id"]).text.partition('role="status"')[2]
    back = {name: undo.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("id", "version")}
    lead.post("/knowledge/restore", page="/knowledge/pairs", **back)

    assert back == {"id": "window-by-hand", "version": "1"}
    assert retired(fernweh) == []
    keep(fernweh)
    assert len(asked(fernweh)) == 1


def test_the_page_says_that_both_stay(fernweh: Desk) -> None:
    learn(fernweh, HAND)
    lead = staff(fernweh.line, fernweh.url, INES)
    page = lead.get("/knowledge/pairs").text
    form = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("id", "shown")}

    done = lead.post("/knowledge/pairs", page="/knowledge/pairs", keep="keep_both", **form).text

    assert "Both stay" in done


def test_the_page_says_what_each_side_was_good_for_and_leaves_out_what_is_over(fernweh: Desk) -> None:
    fernweh.ask(ASKS_RETURN)
    learn(fernweh, HAND)
    lead = staff(fernweh.line, fernweh.url, INES)
    before = lead.get("/knowledge/pairs").text
    with fernweh.line.store.write() as conn:
        entries.retire(conn, HAND.id, "ines", "", fernweh.clock())

    after = lead.get("/knowledge/pairs").text

    assert ("used once" in before, "not used yet" in before) == (True, True)
    assert "They contradict each other" in before
    assert "They contradict each other" not in after


def test_the_page_settles_what_has_no_card_yet(database_url: str, redis_url: str | None) -> None:
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        made.publish(HAND)
        compare(made.line.store, made.line.knowledge, made.clock)
        assert asked(made)[0].state is ProposalState.WAITING
        lead = staff(made.line, made.url, replace(INES, role=PersonRole.LEAD))

        page = lead.get("/knowledge/pairs").text
        form = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("id", "shown")}
        lead.post("/knowledge/pairs", page="/knowledge/pairs", keep="keep_other", **form)

        assert retired(made) == ["returns-window"]


def test_a_reply_on_its_way_is_held_back_by_a_contradiction_found_meanwhile(fernweh: Desk) -> None:
    with on_its_way(fernweh) as ref:
        learn(fernweh, replace(HAND, id="window", answer="You can return an order within 60 days of delivery."))

    [reply, back] = fernweh.deliveries(ref)
    assert reply.error == Reason.DISPUTED.words
    assert dict(back.delivery.facts)["Not sent"] == Reason.DISPUTED.words


def test_a_reply_on_its_way_is_held_back_by_what_was_published_and_not_compared_meanwhile(fernweh: Desk) -> None:
    with on_its_way(fernweh) as ref:
        fernweh.publish(HAND)

    [reply, back] = fernweh.deliveries(ref)
    assert reply.error == Reason.UNCOMPARED.words
    assert dict(back.delivery.facts)["Not sent"] == Reason.UNCOMPARED.words


@contextmanager
def on_its_way(made: Desk) -> Iterator[Ref]:
    """A conversation whose reply is decided, and goes out when this ends."""
    with made.line.store.write() as conn:
        allow.stop(conn, "ines", "", made.clock(), on=True)
    ref = made.ask(ASKS_RETURN)
    assert made.decided(ref).decision.action is Action.REPLY
    yield ref
    with made.line.store.write() as conn:
        allow.stop(conn, "ines", "", made.clock(), on=False)
    made.clock.forward(seconds=5)
    made.settle()


def test_a_folder_settles_nothing_and_says_nothing_of_who_taught_what(fernweh: Desk, tmp_path: Path) -> None:
    learn(fernweh, taught(fernweh, "ines"))
    settled = replace(asked(fernweh)[0], state=ProposalState.REJECTED, teachers=(), decided_by="tomasz")
    settled = replace(settled, rival=settled.rival and replace(settled.rival, clash=Clash.SAME, teachers=()))
    press(fernweh, BOTH)
    take_away(fernweh.line.store, folder := tmp_path / "taught", "ines", fernweh.clock())
    rewrite(folder, "proposals.jsonl.gz", TypeAdapter(Proposal).dump_json(settled))
    elsewhere = Store(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    migrate(elsewhere)

    found = bring_back(elsewhere, folder, How("ines"), fernweh.clock())

    assert [skipped.why for skipped in found["proposals"].skipped] == ["entries are compared here, and settled here"]
    compare(elsewhere, app.search(elsewhere), fernweh.clock)
    with elsewhere.read() as conn:
        [there] = pairs.unsettled(conn)
    elsewhere.close()
    assert there.rival
    assert (there.state, there.rival.clash) == (ProposalState.WAITING, Clash.CONTRADICTION)
    assert (there.id, there.teachers, there.rival.teachers) == (settled.id, (), ("ines",))


def rewrite(folder: Path, name: str, line: bytes) -> None:
    """With a line more in one file, and as if it had always been so."""
    body = gzip.decompress((folder / name).read_bytes()) + line + b"\n"
    (folder / name).write_bytes(gzip.compress(body))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"rows": body.count(b"\n"), "sha256": sha256((folder / name).read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_commands_that_take_in_articles_tell_how_many_there_are(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"# {RETURNS.question}\n\n{RETURNS.answer}\n")
    (tmp_path / "b.md").write_text(f"# {RETURNS.question}\n\n{SIXTY}\n")
    shell("person", "ines@fernweh.example", "--role", "lead")

    said = shell("import", "articles", str(tmp_path), "--by", "ines@fernweh.example")

    assert "1 pair to settle: see Slack, or /knowledge/pairs." in said.out
    shell("entries", "retire", "b", "--by", "ines@fernweh.example")
    assert "to settle" not in shell("import", "articles", str(tmp_path / "a.md"), "--by", "ines@fernweh.example").out

    shell.set(SYNC_FOLDERS=f"docs={tmp_path}")
    assert "pairs to settle: see Slack, or /knowledge/pairs." in shell("sync").out
    assert "to settle" not in shell("sync", "--dry-run").out


@pytest.mark.parametrize("embedder", ["words", ""])
def test_entries_of_a_few_words_are_held_against_each_other_too(shell: Shell, tmp_path: Path, embedder: str) -> None:
    asked, said = "When is the hotline open?", ("Monday to Friday.", "Monday to Saturday.", "Monday to Friday.")
    lines = [{"id": f"hotline-{at}", "question": asked, "answer": answer} for at, answer in enumerate(said)]
    (tmp_path / "faq.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shell("person", "ines@fernweh.example", "--role", "lead")
    shell.set(EMBEDDER=embedder)

    said_of_it = shell("import", "articles", str(tmp_path / "faq.jsonl"), "--by", "ines@fernweh.example")

    assert "3 pairs to settle: see Slack, or /knowledge/pairs." in said_of_it.out
