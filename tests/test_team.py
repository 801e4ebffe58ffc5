"""One person behind three vendors' ids: linked by e-mail, corrected by hand, asked for once a day."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot import sweep
from bot.model import Person, PersonRole
from bot.ports import Agent, StageMessage, Team
from bot.store import audit, people
from bot.team import link
from connectors.stage import Fault
from tests.desk import ASKS_UNKNOWN, INES, TOMASZ, Desk, desk

pytestmark = pytest.mark.services
PRIYA = Person("priya", "Priya Nair", "priya@fernweh.example", PersonRole.AGENT)
ENGRAVING = "Yes, we engrave up to three initials on aluminium trolleys for 15 euros. It takes two working days."


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """All three helpdesks; of the team, nobody is known at any of them."""
    with desk(database_url, redis_url=redis_url) as made:
        with made.line.store.write() as conn:
            for who in (INES, TOMASZ, PRIYA):
                people.save_person(conn, replace(who, vendor_ids=()))
        yield made


def linked(at: Desk, name: str, *agents: Agent) -> list[str]:
    """Link these agents of a helpdesk, or those whom it names itself; ids of the people who got an id."""
    helpdesk = at.line.connectors[name]
    assert isinstance(helpdesk, Team)
    found = agents or helpdesk.team()
    with at.line.store.write() as conn:
        return sorted(who.id for who in link(conn, name, found, at.clock()))


def ids(at: Desk) -> dict[str, tuple[str, ...]]:
    """Vendor ids by person, in the order of their names."""
    with at.line.store.read() as conn:
        return {who.id: tuple(sorted(who.vendor_ids)) for who in people.team(conn)}


def owner(at: Desk, vendor_id: str) -> str:
    """Whose id it is, "" where nobody is known by it."""
    with at.line.store.read() as conn:
        who = people.person_of(conn, vendor_id)
    return who.id if who else ""


def audited(at: Desk) -> list[tuple[str, str]]:
    """Links in the audit: person and vendor id."""
    with at.line.store.read() as conn:
        return sorted((e.about, e.detail["also"]) for e in audit.entries(conn) if e.what == "linked")


def save(at: Desk, who: Person) -> None:
    """What an operator says by hand."""
    with at.line.store.write() as conn:
        people.save_person(conn, who)


def test_everyone_is_one_person_at_all_three_vendors(fernweh: Desk) -> None:
    for name in ("zendesk", "intercom", "slack"):
        assert linked(fernweh, name) == ["ines", "priya", "tomasz"]

    assert ids(fernweh) == {
        "ines": ("intercom:901", "slack:U_INES", "zendesk:101"),
        "priya": ("intercom:903", "slack:U_PRIYA", "zendesk:103"),
        "tomasz": ("intercom:902", "slack:U_TOMASZ", "zendesk:102"),
    }
    assert owner(fernweh, "zendesk:103") == owner(fernweh, "slack:U_PRIYA") == "priya"


def test_linking_twice_changes_nothing_and_is_recorded_once(fernweh: Desk) -> None:
    linked(fernweh, "slack")
    before = ids(fernweh)

    assert linked(fernweh, "slack") == []

    assert ids(fernweh) == before
    assert audited(fernweh) == [
        ("ines", "slack:U_INES"),
        ("priya", "slack:U_PRIYA"),
        ("tomasz", "slack:U_TOMASZ"),
    ]


def test_whom_we_do_not_know_stays_unknown(fernweh: Desk) -> None:
    stranger, nameless = Agent("7", "Ines Duarte", "ines@elsewhere.example"), Agent("8", "Ines Duarte", "")

    assert linked(fernweh, "zendesk", stranger, nameless) == []

    assert set(ids(fernweh)) == {"ines", "priya", "tomasz"}
    assert (owner(fernweh, "zendesk:7"), owner(fernweh, "zendesk:8"), audited(fernweh)) == ("", "", [])


def test_an_address_is_the_same_in_capitals(fernweh: Desk) -> None:
    assert linked(fernweh, "zendesk", Agent("7", "Ines", "Ines@Fernweh.Example")) == ["ines"]


def test_an_id_set_by_hand_for_somebody_else_stays_theirs(fernweh: Desk) -> None:
    linked(fernweh, "slack")
    save(fernweh, replace(PRIYA, vendor_ids=("slack:U_PRIYA", "slack:U_TOMASZ")))  # Tomasz left, Priya has his account

    assert linked(fernweh, "slack") == []
    assert linked(fernweh, "zendesk") == ["ines", "priya", "tomasz"]

    assert owner(fernweh, "slack:U_TOMASZ") == "priya"
    assert ids(fernweh)["tomasz"] == ("zendesk:102",)


def test_two_accounts_with_one_address_are_one_person(fernweh: Desk) -> None:
    assert linked(fernweh, "zendesk", Agent("101", "Ines", INES.email), Agent("7", "Ines D.", INES.email)) == [
        "ines",
        "ines",
    ]

    assert ids(fernweh)["ines"] == ("zendesk:101", "zendesk:7")


def approve_newest(at: Desk) -> tuple[str, StageMessage]:
    """Ines presses Approve on the newest proposal: what she is told, and the card afterwards."""
    card = next(c for c in at.fakes["slack"].cards() if "engrave" in c.html and c.buttons)
    button = next(b for b in card.buttons if b.label == "Approve")
    told = at.fakes["slack"].press(card.id, button.action, user="U_INES")
    at.settle()
    return told, next(c for c in at.fakes["slack"].cards() if c.id == card.id)


def test_an_approver_without_a_slack_id_can_approve_once_they_are_linked(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN)
    fernweh.agent(ref, ENGRAVING, status="solved")

    told, card = approve_newest(fernweh)
    assert told == "Only a lead can decide this. Ask an admin to add you to the approvers."
    assert card.buttons

    linked(fernweh, "slack")

    told, card = approve_newest(fernweh)
    assert (told, card.buttons) == ("", ())
    assert "Approved by Ines Duarte" in card.html


def test_a_lead_does_not_approve_alone_what_they_taught_under_an_id_that_was_linked_later(fernweh: Desk) -> None:
    save(fernweh, replace(INES, name="Ines D.", vendor_ids=()))
    ref = fernweh.ask(ASKS_UNKNOWN)
    fernweh.agent(ref, ENGRAVING, agent=INES.email, status="solved")
    for name in ("zendesk", "slack"):
        linked(fernweh, name)

    told, card = approve_newest(fernweh)

    assert told == "You are the only one who taught this, so somebody else has to approve it."
    assert card.buttons


def test_a_press_from_another_workspace_is_refused_whoever_it_is_and_recorded(fernweh: Desk) -> None:
    for name in ("zendesk", "slack"):
        linked(fernweh, name)
    fernweh.agent(fernweh.ask(ASKS_UNKNOWN), ENGRAVING, status="solved")
    fernweh.fakes["slack"].api.users["U_INES"]["team_id"] = "T0ELSEWHERE"

    told, card = approve_newest(fernweh)

    assert told == "Only members of the team's own workspace can decide here: no guests, and nobody who left."
    assert card.buttons
    with fernweh.line.store.read() as conn:
        refused = [(e.who, e.why, e.detail) for e in audit.entries(conn) if e.what == "refused"]
    assert refused == [("slack:U_INES", told, {"verdict": "accept"})]


def asked(at: Desk) -> int:
    """How often Intercom was asked for its teammates."""
    return [e.path for e in at.fakes["intercom"].exchanges].count("/admins")


def test_the_sweep_links_the_team_once_a_day(fernweh: Desk) -> None:
    sweep.sweep(fernweh.line)
    fernweh.clock.forward(hours=23)
    sweep.sweep(fernweh.line)

    assert asked(fernweh) == 1
    assert ids(fernweh)["tomasz"] == ("intercom:902", "slack:U_TOMASZ", "zendesk:102")

    save(fernweh, Person("bot", "Fernweh Support", "support@fernweh.example", PersonRole.AGENT))
    fernweh.clock.forward(hours=1)
    sweep.sweep(fernweh.line)

    assert asked(fernweh) == 2
    assert ids(fernweh)["bot"] == ()  # nobody writes from the bot's own seat


def test_a_vendor_that_is_away_is_asked_again_by_the_next_sweep(
    fernweh: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    fernweh.fakes["intercom"].knobs.next.extend([Fault("slow"), Fault("status", 503)])  # the search, then the team

    sweep.sweep(fernweh.line)
    assert ids(fernweh)["ines"] == ("slack:U_INES", "zendesk:101")
    assert "sweep failed" in caplog.messages

    fernweh.clock.forward(minutes=1)
    sweep.sweep(fernweh.line)
    assert ids(fernweh)["ines"] == ("intercom:901", "slack:U_INES", "zendesk:101")


def test_a_vendor_that_refuses_its_team_is_swept_all_the_same_and_asked_tomorrow(
    fernweh: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    fernweh.fakes["intercom"].knobs.lose = 1.0
    ref = fernweh.ask(ASKS_UNKNOWN, "intercom")
    fernweh.fakes["intercom"].knobs.next.extend([Fault("slow"), Fault("status", 403)])

    assert sweep.sweep(fernweh.line) == 1
    fernweh.settle()

    assert "team not linked" in caplog.messages
    assert fernweh.deliveries(ref)
    fernweh.clock.forward(hours=1)
    sweep.sweep(fernweh.line)
    assert owner(fernweh, "intercom:901") == ""

    fernweh.clock.forward(days=1)
    sweep.sweep(fernweh.line)
    assert owner(fernweh, "intercom:901") == "ines"
