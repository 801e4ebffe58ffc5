"""Who may decide what: each thing that must be refused with each way to decide, as a table, and that it is recorded.

`Room` is a review channel with an open proposal and a suggested reply. What a case `does` is to make a press of it that
must not count; each way to press is then tried on both cards over HTTP, and nothing may come of it.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import func, select, update

from bot import forget, review
from bot.model import Person, PersonRole, Policy, Proposal, ProposalState, Ref, VerdictKind
from bot.passwords import give, sealed
from bot.refusals import proposal_digest
from bot.store import audit, people, reviews
from bot.store import knowledge as rows
from bot.store.tables import delivery, draft, entry
from connectors.http import session
from connectors.slack.fake import SECRET, sign
from connectors.slack.fake_api import REVIEW, SUPPORT, TEAM
from connectors.stage import Fault
from tests.desk import ASKS_RETURN, INES, RETURNS, Desk, desk

pytestmark = pytest.mark.services
SAYS = "Yes, we engrave up to three initials on aluminium trolleys for 15 euros."
WAYS = ("press accept", "press edit", "press reject", "submit edit", "submit reject")
ACCEPTING = ("press accept", "press edit", "submit edit")  # a teacher may withdraw what they taught
PRESSES = ("press accept", "press edit", "press reject")

MEMBERS = "Only members of the team's own workspace can decide here: no guests, and nobody who left."
LEADS = "Only a lead can decide this. Ask an admin to add you to the approvers."
UNKNOWN = "You are not on the team. Ask an admin to add you (`app.py person`)."
NOT_OURS = "This button is not ours."
CHANGED = "The proposal has changed since this card was posted; please use the newest card."
OTHER_DRAFT = "The draft has changed since it was shown."
OUTDATED = "The entry has changed since this was proposed; reject it, and a new proposal will build on it."
DECIDED = "This was decided already."
EXPIRED = "This has expired; a new card comes when it is needed again."
VOID = "The customer wrote again, or somebody has answered: this draft is void."
ALONE = "You are the only one who taught this, so somebody else has to approve it."


@dataclass
class Room:
    """The cards by what they are about, and a press: whose it is, from where, and how it is signed."""

    desk: Desk
    asked: Ref
    tokens: dict[str, str]
    who: str = "U_INES"
    home: str | None = TEAM
    team: str = TEAM
    channel: str = REVIEW
    secret: str = SECRET
    late: timedelta = timedelta()
    typed: dict[str, str] = field(default_factory=lambda: {"answer0": "Anything at all."})
    stamps: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))
    wire: requests.Session = field(default_factory=session)

    def body(self, way: str, token: str) -> bytes:
        """A press or a submitted modal, a new one each time."""
        gesture, kind = way.split()
        about: dict[str, Any] = {"user": {"id": self.who, "team_id": self.home}, "team": {"id": self.team}}
        stamp = f"1795000000.{next(self.stamps):06d}"
        if gesture == "press":
            button = {"type": "button", "action_id": kind, "value": token, "action_ts": stamp}
            about |= {"type": "block_actions", "actions": [button], "channel": {"id": self.channel}, "trigger_id": "t"}
        else:
            typed = {k: {"value": {"value": v}} for k, v in self.typed.items()} if kind == "edit" else {}
            view = {"type": "modal", "callback_id": kind, "private_metadata": token, "hash": stamp}
            about |= {"type": "view_submission", "view": {**view, "state": {"values": typed}}}
        return urlencode({"payload": json.dumps(about)}).encode()

    def send(self, body: bytes) -> int:
        """To the door, signed; the status."""
        signed = sign(body, self.desk.clock() - self.late, self.secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded", **signed}
        return self.wire.post(f"{self.desk.url}/panels/slack", body, headers=headers, timeout=30).status_code

    def decide(self, way: str, about: str) -> int:
        """Try once, and let everything follow."""
        status = self.send(self.body(way, self.tokens[about]))
        self.desk.settle()
        return status

    def slack(self, **flags: object) -> None:
        """What Slack says now about whoever presses."""
        self.desk.fakes["slack"].api.users[self.who].update(flags)

    def person(self, **changes: Any) -> None:
        """What we know of Ines now."""
        with self.desk.line.store.write() as conn:
            people.save_person(conn, replace(INES, **changes))

    def proposal(self, **changes: Any) -> None:
        """Store the proposal otherwise than its card shows it."""
        with self.desk.line.store.write() as conn:
            made = replace(proposed(self.desk), **changes)
            reviews.save_proposal(conn, made, proposal_digest(made))

    def effects(self) -> list[object]:
        """All that a decision would change."""
        columns = (func.count(entry.c.seq), func.count(delivery.c.key))
        with self.desk.line.store.read() as conn:
            counts = [conn.scalar(select(column)) for column in columns]
            made = reviews.get_proposal(conn, "p-1")
        return [*counts, made, *(len(fake.ledger.writes) for fake in self.desk.fakes.values())]

    def refusals(self) -> list[tuple[str, str, str]]:
        """(who, why, verdict) of each that the audit holds, oldest first."""
        with self.desk.line.store.read() as conn:
            found = [e for e in audit.entries(conn, limit=5000) if e.what == "refused"]
        return [(e.who, e.why, e.detail["verdict"]) for e in reversed(found)]


def proposed(made: Desk) -> Proposal:
    """The proposal as it stands."""
    with made.line.store.read() as conn:
        found = reviews.get_proposal(conn, "p-1")
    assert found is not None
    return found


def propose(made: Desk, **changes: Any) -> None:
    """Put it, or its next version, on the review channel."""
    now, ref = made.clock(), Ref("zendesk", "7")
    first = Proposal(
        "p-1", 1, ProposalState.WAITING, "Can you engrave my initials?", SAYS, before="", topic="", entry_id="",
        refs=(ref,), teachers=("tomasz",), at=now, expires=now + timedelta(days=14),
    )  # fmt: skip
    with made.line.store.write() as conn:
        review.propose(made.line, conn, replace(first, **changes))
    made.settle()


def token_of(made: Desk, words: str) -> str:
    """What the buttons carry of the newest card with these words."""
    card = next(c for c in made.fakes["slack"].cards() if words in c.html and c.buttons)
    return str(card.buttons[0].value)


@contextmanager
def room(database_url: str, redis_url: str | None = None) -> Iterator[Room]:
    """A desk on Slack with both cards."""
    with desk(database_url, "slack", redis_url=redis_url) as made:
        asked = made.ask(ASKS_RETURN, "slack", customer="U_MARIA")
        propose(made)
        yield Room(made, asked, {"proposal": token_of(made, "engrave"), "draft": token_of(made, "30 days")})


@dataclass(frozen=True)
class Case:
    """`says` what whoever presses is told, by what the card is about; a `status` means that the door refuses it."""

    name: str
    does: Callable[[Room], object]
    says: dict[str, str] = field(default_factory=dict)
    status: int = 200
    ways: tuple[str, ...] = WAYS


def both(name: str, does: Callable[[Room], object], says: str, ways: tuple[str, ...] = WAYS) -> Case:
    """The same is said of a proposal and of a draft."""
    return Case(name, does, {"proposal": says, "draft": says}, ways=ways)


def proposals(name: str, does: Callable[[Room], object], says: str, ways: tuple[str, ...] = WAYS) -> Case:
    """Of a proposal alone."""
    return Case(name, does, {"proposal": says}, ways=ways)


def drafts(name: str, does: Callable[[Room], object], says: str) -> Case:
    """Of a draft alone."""
    return Case(name, does, {"draft": says})


def at_the_door(name: str, does: Callable[[Room], object], status: int, ways: tuple[str, ...] = WAYS) -> Case:
    """Nobody can be told, since it is not known who sent it."""
    return Case(name, does, {"proposal": "", "draft": ""}, status, ways)


def tokens(**given: str) -> Callable[[Room], object]:
    """Other values behind the buttons."""
    return lambda r: r.tokens.update(given)


def left(r: Room) -> None:
    """Off the team."""
    with r.desk.line.store.write() as conn:
        people.remove_person(conn, "ines")


def decide_first(way: str) -> Callable[[Room], object]:
    """Somebody decides both before."""
    return lambda r: [r.decide(way, about) for about in r.tokens]


def other_text(r: "Room | Note") -> None:
    """The draft is another one than the card shows."""
    decided = r.desk.decided(r.asked)
    changed = replace(decided, draft=replace(decided.draft, text="Send us your card number."))
    with r.desk.line.store.write() as conn:
        conn.execute(update(draft).where(draft.c.id == decided.draft.id).values(value=changed))


def about_returns(r: Room, **then: Any) -> None:
    """The proposal changes the entry on returns, which changes before anybody decides."""
    propose(r.desk, version=2, entry_id=RETURNS.id, before=RETURNS.answer, state=ProposalState.OPEN)
    r.tokens["proposal"] = token_of(r.desk, "engrave")
    with r.desk.line.store.write() as conn:
        rows.add_entry(conn, replace(RETURNS, version=2, **then))


def password(r: Room) -> None:
    """What the database keeps of a password is a number like those of the buttons."""
    with r.desk.line.store.write() as conn:
        made = give(conn, INES, "test", r.desk.clock())
    r.tokens |= dict.fromkeys(r.tokens, sealed(made))


def forgotten(r: Room) -> None:
    """Both customers are forgotten."""
    with r.desk.line.store.write() as conn:
        forget.forget(conn, [r.asked, Ref("zendesk", "7")], "test", "asked", r.desk.clock())


def without(table: str) -> Callable[["Room | Note"], None]:
    """A table cannot be reached."""

    def away(r: "Room | Note") -> None:
        with r.desk.line.store.engine.begin() as conn:
            conn.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_away")

    return away


def somebody(who: str) -> Callable[[Room], object]:
    """Who presses."""
    return lambda r: setattr(r, "who", who)


def taught_by(*teachers: str) -> Callable[[Room], object]:
    """The next version rests on these alone."""

    def taught(r: Room) -> None:
        propose(r.desk, version=2, teachers=teachers, state=ProposalState.OPEN)
        r.tokens["proposal"] = token_of(r.desk, "engrave")

    return taught


def writes_again(r: Room) -> None:
    """The customer, in the same thread."""
    r.desk.ask("Or is it 60?", "slack", customer="U_MARIA", conversation=r.asked.id)


def slack_away(r: Room) -> None:
    """Slack answers no call any more."""
    r.desk.fakes["slack"].knobs.next.extend([Fault("status", 500)] * 50)


CASES = (
    # Slack does not count them to the team's own workspace, whoever they are linked to
    both("another workspace, as the press says", lambda r: setattr(r, "home", "T0ELSEWHERE"), MEMBERS),
    both("no workspace", lambda r: setattr(r, "home", None), MEMBERS),
    both("Slack Connect, as Slack says when asked", lambda r: r.slack(team_id="T0ELSEWHERE"), MEMBERS),
    both("a guest", lambda r: r.slack(is_restricted=True), MEMBERS),
    both("a guest of one channel", lambda r: r.slack(is_restricted=True, is_ultra_restricted=True), MEMBERS),
    both("a deactivated account", lambda r: r.slack(deleted=True), MEMBERS),
    both("an app", lambda r: r.slack(is_bot=True), MEMBERS),
    both("nobody whom Slack knows", somebody("U_NOBODY"), MEMBERS),
    both("Slackbot", somebody("USLACKBOT"), MEMBERS),
    # members, but not with this role
    Case("a member who is not on the team", somebody("U_JONAS"), {"proposal": LEADS, "draft": UNKNOWN}),
    Case("somebody who left the team", left, {"proposal": LEADS, "draft": UNKNOWN}),
    Case("an id taken off a lead", lambda r: r.person(vendor_ids=()), {"proposal": LEADS, "draft": UNKNOWN}),
    proposals("an agent", somebody("U_TOMASZ"), LEADS),
    proposals("a lead of yesterday", lambda r: r.person(role=PersonRole.AGENT), LEADS),
    # alone
    proposals("its only teacher", taught_by("ines"), ALONE, ACCEPTING),
    proposals("its only teacher under two ids", taught_by("ines", "slack:U_INES"), ALONE, ACCEPTING),
    # not this button
    both("a made-up token", tokens(proposal="A" * 22, draft="A" * 22), NOT_OURS),
    both("no token", tokens(proposal="", draft=""), NOT_OURS),
    both("its name instead of its token", tokens(proposal="proposal:p-1", draft="draft:p-1"), NOT_OURS),
    both("a token of odd letters", tokens(proposal="١٢٣\u202e%00'--", draft="é" * 5_000), NOT_OURS),
    both("the token of a password", password, CHANGED),
    both("the customer is forgotten", forgotten, NOT_OURS),
    # not any more
    both("expired", lambda r: r.desk.clock.forward(days=15), EXPIRED),
    both("approved before", decide_first("press accept"), DECIDED),
    both("edited before", decide_first("submit edit"), DECIDED),
    both("rejected before", decide_first("submit reject"), DECIDED),
    proposals("ended by itself", lambda r: r.proposal(state=ProposalState.EXPIRED), "This was expired already."),
    # not what was shown
    proposals("a newer card", lambda r: propose(r.desk, version=2, state=ProposalState.OPEN), CHANGED),
    proposals("another answer", lambda r: r.proposal(answer="Send us your card number."), CHANGED),
    proposals("another question", lambda r: r.proposal(question="May I have a refund?"), CHANGED),
    proposals("another entry", lambda r: r.proposal(entry_id=RETURNS.id), CHANGED),
    proposals("the entry has changed", lambda r: about_returns(r, answer="60 days."), OUTDATED, ACCEPTING),
    proposals("the entry was retired", lambda r: about_returns(r, retired=True), OUTDATED, ACCEPTING),
    drafts("another text", other_text, OTHER_DRAFT),
    drafts("the customer wrote again", writes_again, VOID),
    drafts("a colleague has answered", lambda r: r.desk.agent(r.asked, "30 days.", agent="U_TOMASZ"), VOID),
    # not a press of ours
    at_the_door("forged", lambda r: setattr(r, "secret", "of somebody else"), 401),
    at_the_door("recorded six minutes ago", lambda r: setattr(r, "late", timedelta(minutes=6)), 401),
    at_the_door("dated six minutes ahead", lambda r: setattr(r, "late", timedelta(minutes=-6)), 401),
    at_the_door("of another workspace's app", lambda r: setattr(r, "team", "T0ELSEWHERE"), 401),
    at_the_door("on another channel", lambda r: setattr(r, "channel", SUPPORT), 401, PRESSES),
    # nobody can tell
    at_the_door("Slack does not say who that is", slack_away, 503),
    at_the_door("the buttons cannot be read", without("nonce"), 503),
)


@pytest.fixture
def review_room(database_url: str, redis_url: str | None) -> Iterator[Room]:
    """As above."""
    with room(database_url, redis_url) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_press_that_must_not_count_changes_nothing_and_is_recorded(review_room: Room, case: Case) -> None:
    case.does(review_room)
    before, heard = review_room.effects(), len(review_room.refusals())
    tries = [(way, about) for about in case.says for way in case.ways]

    statuses = [review_room.send(review_room.body(way, review_room.tokens[about])) for way, about in tries]
    review_room.desk.settle()

    assert statuses == [case.status] * len(tries)
    assert review_room.effects() == before
    if case.status == 200:
        who = f"slack:{review_room.who}"
        said = [(who, case.says[about], way.split()[1]) for way, about in tries]
        assert review_room.refusals()[heard:] == said
        assert review_room.desk.fakes["slack"].api.whispers[review_room.who] in case.says.values()
    else:
        assert review_room.desk.refused == {f"slack {case.status}": len(tries)}
        assert review_room.refusals() == []


@pytest.mark.parametrize(
    ("way", "then"), [("press accept", "approved"), ("submit edit", "open"), ("submit reject", "rejected")]
)
def test_whoever_may_decide_does_so_once_however_often_the_press_comes(review_room: Room, way: str, then: str) -> None:
    for about in ("proposal", "draft"):
        body = review_room.body(way, review_room.tokens[about])
        assert [review_room.send(body) for _ in range(3)] == [200, 200, 200]
        review_room.desk.settle()
        once = review_room.effects()

        replayed, clicked_again = review_room.send(body), review_room.decide(way, about)

        assert (replayed, clicked_again, review_room.effects()) == (200, 200, once)
    assert proposed(review_room.desk).state == then
    assert [why for _, why, _ in review_room.refusals()] == [DECIDED] * 4


def test_of_two_leads_at_once_one_decides_and_the_other_is_recorded(review_room: Room) -> None:
    with review_room.desk.line.store.write() as conn:
        people.save_person(conn, PRIYA)
    approves = review_room.body("press accept", review_room.tokens["proposal"])
    review_room.who = "U_PRIYA"
    rejects = review_room.body("submit reject", review_room.tokens["proposal"])

    assert [review_room.send(approves), review_room.send(rejects)] == [200, 200]
    review_room.desk.settle()

    made = proposed(review_room.desk)
    assert (made.state, made.decided_by) == ("approved", "ines")
    assert review_room.refusals() == [("slack:U_PRIYA", DECIDED, "reject")]


EDITED = {"question": "Do you engrave trolleys?", "answer0": "Yes, up to three initials for 19 euros."}
PRIYA = Person("priya", "Priya Nair", "priya@fernweh.example", PersonRole.LEAD, ("slack:U_PRIYA",))


def edited(r: Room, **typed: str) -> None:
    """Ines edits the proposal, and the card has other buttons."""
    r.typed = typed
    assert r.decide("submit edit", "proposal") == 200
    r.tokens["proposal"] = next(iter(b.value for c in r.desk.fakes["slack"].cards() for b in c.buttons))


def learned(r: Room) -> list[tuple[str, str, str]]:
    """(question, answer, by) of what is live beside what was known."""
    with r.desk.line.store.read() as conn:
        versions = [e for _, e in rows.entries_after(conn, 0, 1000)]
    return [(e.question, e.answer, e.by) for e in versions if e.origin == "proposal:p-1"]


def recorded(r: Room, what: str) -> list[tuple[str, dict[str, str]]]:
    """(who, detail) of each such thing that happened to the proposal."""
    with r.desk.line.store.read() as conn:
        return [(e.who, e.detail) for e in reversed(audit.entries(conn, "p-1")) if e.what == what]


def test_words_that_a_lead_puts_in_wait_for_another_lead(review_room: Room) -> None:
    with review_room.desk.line.store.write() as conn:
        people.save_person(conn, PRIYA)

    edited(review_room, **EDITED)

    made = proposed(review_room.desk)
    assert (made.state, made.teachers, made.question, made.answer) == ("open", ("ines",), *EDITED.values())
    assert learned(review_room) == []
    assert recorded(review_room, "proposal edited") == [("ines", {"version": "2", "taught": "tomasz"})]
    review_room.decide("press accept", "proposal")
    assert (learned(review_room), review_room.refusals()) == ([], [("slack:U_INES", ALONE, "accept")])

    review_room.who = "U_PRIYA"
    review_room.decide("press accept", "proposal")

    assert learned(review_room) == [(*EDITED.values(), "priya")]
    assert recorded(review_room, "proposal approved") == [("priya", {"edited": "False", "one_lead": "False"})]


def test_what_others_teach_after_an_edit_does_not_make_its_author_a_second_pair_of_eyes(review_room: Room) -> None:
    edited(review_room, **EDITED)
    made = proposed(review_room.desk)
    propose(
        review_room.desk, version=3, teachers=("ines", "tomasz"), edited_by=made.edited_by, answer=made.answer,
        state=ProposalState.OPEN,
    )  # fmt: skip
    review_room.tokens["proposal"] = token_of(review_room.desk, "engrave")

    review_room.decide("press accept", "proposal")

    assert (made.edited_by, learned(review_room)) == ("ines", [])
    assert review_room.refusals() == [("slack:U_INES", ALONE, "accept")]


def test_the_card_of_what_a_lead_edited_names_them_and_shows_what_it_was(review_room: Room) -> None:
    edited(review_room, **EDITED)

    card = next(s.delivery for s in review_room.desk.deliveries(Ref("slack", "review")) if "-v2" in s.delivery.key)
    assert dict(card.facts) == {
        "Question": "Do you engrave trolleys?",
        "Seen in": "1 conversation",
        "Taught by": "1 expert: Ines Duarte",
        "Topic": "unsorted",
        "Edited by": "Ines Duarte; taught before by Tomasz Wilk",
        "Question before": "Can you engrave my initials?",
        "Waits for": "Ines Duarte wrote these words, so another lead approves them "
        "(a team with one lead says so on /control)",
    }
    assert (card.before, card.text) == (SAYS, EDITED["answer0"])


def test_of_a_changed_entry_the_card_goes_on_showing_what_would_change(review_room: Room) -> None:
    propose(review_room.desk, version=2, entry_id=RETURNS.id, before=RETURNS.answer, state=ProposalState.OPEN)
    review_room.tokens["proposal"] = token_of(review_room.desk, "engrave")

    edited(review_room, answer0="You can return an order within 60 days.")

    card = next(s.delivery for s in review_room.desk.deliveries(Ref("slack", "review")) if "-v3" in s.delivery.key)
    assert (card.title, card.before) == ("Change an entry?", RETURNS.answer)


def test_in_a_team_of_one_lead_it_is_live_at_once_and_the_audit_shows_it(review_room: Room) -> None:
    review_room.desk.policy(Policy(version=1, one_lead=True))

    edited(review_room, **EDITED)

    assert (proposed(review_room.desk).state, proposed(review_room.desk).teachers) == ("approved", ("ines",))
    assert learned(review_room) == [(*EDITED.values(), "ines")]
    assert recorded(review_room, "proposal approved") == [("ines", {"edited": "True", "one_lead": "True"})]


def test_an_edit_that_changes_no_word_approves_what_was_taught(review_room: Room) -> None:
    edited(review_room, question="Can you engrave my initials?", answer0=f"{SAYS} \n")

    assert learned(review_room) == [("Can you engrave my initials?", SAYS, "ines")]
    assert recorded(review_room, "proposal approved") == [("ines", {"edited": "False", "one_lead": "False"})]


def test_nothing_is_decided_while_it_cannot_be_written_down(review_room: Room) -> None:
    without("audit")(review_room)
    before = review_room.effects()

    refused = review_room.send(review_room.body("press accept", "A" * 22))
    pressed = [review_room.decide("press accept", about) for about in review_room.tokens]

    assert (refused, pressed) == (503, [200, 200])
    assert review_room.effects() == before


@pytest.mark.parametrize("clicks", [100, pytest.param(1_000, marks=pytest.mark.heavy)])
def test_with_many_clicks_at_once_one_has_an_effect(review_room: Room, clicks: int) -> None:
    bodies = [review_room.body("press accept", review_room.tokens["proposal"]) for _ in range(clicks)]

    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(review_room.send, bodies))
    review_room.desk.settle()

    assert statuses == [200] * clicks
    with review_room.desk.line.store.read() as conn:
        done = [e.what for e in audit.entries(conn, limit=5000) if e.what in ("proposal approved", "entry published")]
        learned = [e for _, e in rows.entries_after(conn, 0, 1000) if e.origin == "proposal:p-1"]
    assert (sorted(done), len(learned)) == (["entry published", "proposal approved"], 1)
    assert review_room.refusals() == [("slack:U_INES", DECIDED, "accept")] * (clicks - 1)


@dataclass(frozen=True)
class LinkCase:
    """What is wrong with a link or its form, and the page that says so. `recorded`: why, in the audit; "" is not."""

    name: str
    does: Callable[["Note"], object]
    status: int
    title: str
    recorded: str = ""


@dataclass
class Note:
    """The links of a note in Zendesk, and the form that confirms one."""

    desk: Desk
    asked: Ref
    links: dict[str, str]
    form: dict[str, str] = field(default_factory=lambda: {"by": "tomasz", "text": "Within 60 days.", "reason": "Other"})
    headers: dict[str, str] = field(default_factory=dict)

    def confirm(self, verdict: str) -> requests.Response:
        """Press the button of the page."""
        url = f"{self.desk.url}/drafts/{self.links[verdict]}"
        answer = requests.post(url, self.form, headers={"Origin": self.desk.url, **self.headers}, timeout=10)
        self.desk.settle()
        return answer

    def relink(self, made: Callable[[str], str]) -> None:
        """Other addresses."""
        self.links = {verdict: made(token) for verdict, token in self.links.items()}

    def sign(self, nonce: str, key: bytes | None = None) -> None:
        """Links on another number, or with another key."""
        links = replace(self.desk.line.links, secret=key) if key else self.desk.line.links
        self.links = {v: links.make(nonce, VerdictKind(v)).rpartition("/")[2] for v in self.links}


def nonce_of(note: Note) -> str:
    """What the links hold."""
    return note.desk.line.links.read(note.links["accept"])[0]


def on_a_proposal(note: Note) -> None:
    """A link that is signed well, on what a card asks."""
    with note.desk.line.store.write() as conn:
        reviews.add_nonce(conn, "of-a-card", "proposal:p-1", "", note.desk.clock() + timedelta(days=1))
    note.sign("of-a-card")


def mixed(note: Note) -> None:
    """The number of one draft with the signature of another."""
    other = links_of(note.desk, note.desk.ask(ASKS_RETURN, customer="jonas@example.com"))
    note.links = {v: token.partition(".")[0] + "." + other[v].partition(".")[2] for v, token in note.links.items()}


def assigned(note: Note) -> None:
    """Priya has the conversation, so Tomasz does not decide without signing in."""
    with note.desk.line.store.write() as conn:
        people.save_person(conn, Person("priya", "Priya Nair", "priya@fernweh.example", vendor_ids=("zendesk:103",)))
    ref = note.desk.ask("Thank you!", customer="aiko@example.com")
    note.desk.agent(ref, "You are welcome.", agent="priya@fernweh.example")
    note.desk.ask(ASKS_RETURN, customer="aiko@example.com", conversation=ref.id)
    note.links = links_of(note.desk, ref)


LINKS = (
    LinkCase("a letter changed", lambda n: n.relink(lambda t: t[:-2] + ("A" if t[-2] != "A" else "B") + t[-1]), 404,
             "Not one of our links"),
    LinkCase("cut off", lambda n: n.relink(lambda t: t[:-9]), 404, "Not one of our links"),
    LinkCase("unsigned", lambda n: n.relink(lambda t: t.partition(".")[0]), 404, "Not one of our links"),
    LinkCase("signed with another key", lambda n: n.sign(nonce_of(n), b"x" * 32), 404, "Not one of our links"),
    LinkCase("the signature of another", mixed, 404, "Not one of our links"),
    LinkCase("a number nobody gave", lambda n: n.sign("made-up"), 404, "Not one of our links",
             "There is no draft behind this address."),
    LinkCase("the number of a proposal", on_a_proposal, 404, "Not one of our links",
             "There is no draft behind this address."),
    LinkCase("accepted before", lambda n: n.confirm("accept"), 409, "Decided already",
             "Tomasz Wilk has answered this draft. Each link works once."),
    LinkCase("rejected before", lambda n: n.confirm("reject"), 409, "Decided already",
             "Tomasz Wilk has answered this draft. Each link works once."),
    LinkCase("eight days later", lambda n: n.desk.clock.forward(days=8), 410, "Expired",
             "This link was good for a week. The draft is still in the helpdesk's note."),
    LinkCase("the customer wrote again", lambda n: n.desk.ask("Or 60?", conversation=n.asked.id), 409, "Not now", VOID),
    LinkCase("a colleague has answered", lambda n: n.desk.agent(n.asked, "30 days."), 409, "Not now", VOID),
    LinkCase("another text", other_text, 409, "Not now", OTHER_DRAFT),
    LinkCase("from another site", lambda n: n.headers.update(Origin="https://evil.example"), 403, "Not from here"),
    LinkCase("from nowhere", lambda n: n.headers.update(Origin=""), 403, "Not from here"),
    LinkCase("under another name", lambda n: n.headers.update(Host="evil.example"), 403, "Not our name"),
    LinkCase("nobody chosen", lambda n: n.form.update(by=""), 400, "A reply for Maria"),
    LinkCase("a stranger chosen", lambda n: n.form.update(by="evil"), 400, "A reply for Maria"),
    LinkCase("a colleague of whoever has it", assigned, 400, "A reply for Aiko"),
    LinkCase("the buttons cannot be read", without("nonce"), 503, "Not now"),
    LinkCase("it cannot be written down", without("audit"), 503, "Not now"),
)  # fmt: skip


def links_of(made: Desk, ref: Ref) -> dict[str, str]:
    """The tokens of the newest note, by verdict."""
    note = [s.delivery for s in made.deliveries(ref) if s.delivery.buttons][-1]
    return {button.verdict.value: button.value.rpartition("/")[2] for button in note.buttons}


@pytest.fixture
def note(database_url: str, redis_url: str | None) -> Iterator[Note]:
    """A desk with Zendesk alone, where buttons can only be links."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        asked = made.ask(ASKS_RETURN)
        yield Note(made, asked, links_of(made, asked))


@pytest.mark.parametrize("case", LINKS, ids=lambda case: case.name)
def test_a_link_that_must_not_count_sends_nothing_and_is_recorded(note: Note, case: LinkCase) -> None:
    case.does(note)
    sent = note.desk.fakes["zendesk"].ledger.writes

    answers = [note.confirm(verdict) for verdict in ("accept", "edit", "reject")]

    assert [answer.status_code for answer in answers] == [case.status] * 3
    assert all(f"<h1>{case.title}" in answer.text for answer in answers)
    assert note.desk.fakes["zendesk"].ledger.writes == sent
    if case.status != 503:
        with note.desk.line.store.read() as conn:
            refused = [(e.why, e.detail["verdict"]) for e in reversed(audit.entries(conn)) if e.what == "refused"]
        assert refused == ([(case.recorded, v) for v in ("accept", "edit", "reject")] if case.recorded else [])
