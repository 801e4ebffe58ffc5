"""For whom a note's link acts, and what it can teach: whoever has it may be anybody."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from bot import passwords
from bot.model import DeliveryKind, Person, PersonRole, Proposal, ProposalState, Ref
from bot.store import audit, people, reviews
from tests.desk import ASKS_RETURN, INES, TOMASZ, Desk, desk
from tests.staff import Visitor, staff

pytestmark = pytest.mark.services
PRIYA = Person("priya", "Priya Nair", "priya@fernweh.example", PersonRole.LEAD, ("slack:U_PRIYA",))
HELD = "You can return an order within 90 days of delivery, and we pay 50 euros for it."
TWO_LEADS = (
    "Only links that were used without signing in have taught this, so it takes two leads who press Approve. "
    "Or whoever taught it answers so once more: signed in, or in the helpdesk itself."
)


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """Zendesk and Slack; Ines and Priya are leads, Tomasz is an agent whom Zendesk knows."""
    with desk(database_url, "zendesk", "slack", redis_url=redis_url) as made:
        at_zendesk = f"zendesk:{made.fakes['zendesk'].person(TOMASZ.email, 'agent')}"
        with made.line.store.write() as conn:
            people.save_person(conn, replace(TOMASZ, vendor_ids=(*TOMASZ.vendor_ids, at_zendesk)))
            people.save_person(conn, PRIYA)
        yield made


def asked(made: Desk, assignee: str = "") -> Ref:
    """A customer's question with a suggestion under it, in a conversation that this agent has."""
    zendesk = made.fakes["zendesk"]
    ref = Ref("zendesk", zendesk.customer_says(ASKS_RETURN, customer="maria@example.com"))
    assign(made, ref, assignee)
    made.settle()
    return ref


def assign(made: Desk, ref: Ref, assignee: str) -> None:
    """Somebody gets the conversation."""
    zendesk = made.fakes["zendesk"]
    zendesk.tickets[int(ref.id)]["assignee_id"] = zendesk.person(assignee, "agent") if assignee else None


def edit_link(made: Desk, ref: Ref) -> str:
    """The path of the note's link to edit and send."""
    note = next(s.delivery for s in made.deliveries(ref) if s.delivery.kind is DeliveryKind.NOTE)
    return next(f"/drafts/{b.value.rpartition('/')[2]}" for b in note.buttons if b.verdict == "edit")


def offered(page: requests.Response) -> list[str]:
    """Whom a page acts for, or lets one choose from."""
    return re.findall(r'(?:option|name="by") value="(\w+)"', page.text)


def taught(made: Desk, visitor: Visitor, by: str) -> Ref:
    """An edit of the draft is sent by link, and learned from."""
    ref = asked(made, TOMASZ.email)
    sent = visitor.send(edit_link(made, ref), by=by, text=HELD)
    assert sent.status_code == 200
    made.settle()
    return ref


def proposal(made: Desk) -> Proposal:
    """The one that there is."""
    with made.line.store.read() as conn:
        [found] = reviews.proposals(conn, list(ProposalState))
    return found


def press(made: Desk, user: str) -> str:
    """Somebody presses Approve on the newest card; what they are told."""
    slack = made.fakes["slack"]
    told: str = slack.press(slack.cards()[0].id, "accept", user)
    made.settle()
    return told


def test_a_link_acts_for_whoever_had_the_conversation_when_the_note_was_written(fernweh: Desk) -> None:
    ref, visitor = asked(fernweh, TOMASZ.email), Visitor(fernweh.url)
    assign(fernweh, ref, INES.email)

    page = visitor.get(edit_link(fernweh, ref))

    assert offered(page) == ["tomasz"]
    assert "You act for <strong>Tomasz Wilk</strong>, who has this conversation." in page.text
    assert visitor.send(edit_link(fernweh, ref), by="ines", text=HELD).status_code == 400


def test_where_nobody_had_it_a_link_acts_for_an_agent_and_never_for_a_lead(fernweh: Desk) -> None:
    ref, visitor = asked(fernweh), Visitor(fernweh.url)

    assert offered(visitor.get(edit_link(fernweh, ref))) == ["tomasz"]
    assert [visitor.send(edit_link(fernweh, ref), by=who, text=HELD).status_code for who in ("ines", "priya")] == [
        400
    ] * 2


def test_where_all_are_leads_somebody_has_to_sign_in_and_comes_back_to_the_link(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        people.remove_person(conn, "tomasz")
    ref, visitor = asked(fernweh), Visitor(fernweh.url)

    page = visitor.get(edit_link(fernweh, ref))
    assert (page.status_code, offered(page), "<button" in page.text) == (200, [], False)
    inside = signed_in(fernweh, visitor, INES)

    assert inside.url == f"{fernweh.url}{edit_link(fernweh, ref)}"
    assert "You act as <strong>Ines Duarte</strong>." in inside.text
    assert visitor.send(edit_link(fernweh, ref), by="ines", text=HELD).status_code == 200


def signed_in(made: Desk, visitor: Visitor, who: Person) -> requests.Response:
    """The page that they are led to."""
    with made.line.store.write() as conn:
        secret = passwords.give(conn, who, "test", made.clock())
    return visitor.sign_in(who.email, secret)


def test_the_audit_says_by_link_where_nobody_was_signed_in(fernweh: Desk) -> None:
    by_link = taught(fernweh, Visitor(fernweh.url), "tomasz")
    by_login = taught(fernweh, staff(fernweh.line, fernweh.url, TOMASZ), "tomasz")

    with fernweh.line.store.read() as conn:
        found = [
            [(e.who, e.what, e.detail.get("via")) for e in audit.entries(conn, fernweh.decided(ref).draft.id)[:2]]
            for ref in (by_link, by_login)
        ]
    assert found == [
        [("link:tomasz", "draft edited", None), ("tomasz", "edit", "link")],
        [("tomasz", "draft edited", None), ("tomasz", "edit", "login")],
    ]


def test_what_links_alone_have_taught_takes_two_leads(fernweh: Desk) -> None:
    taught(fernweh, Visitor(fernweh.url), "tomasz")
    assert proposal(fernweh).teachers == ("link:tomasz",)

    assert [press(fernweh, user) for user in ("U_INES", "U_INES", "U_TOMASZ")] == [
        TWO_LEADS,
        TWO_LEADS,
        "Only a lead can decide this. Ask an admin to add you to the approvers.",
    ]
    assert proposal(fernweh).state is ProposalState.OPEN
    assert press(fernweh, "U_PRIYA") == ""

    assert (proposal(fernweh).state, proposal(fernweh).decided_by) == (ProposalState.APPROVED, "priya")
    with fernweh.line.store.read() as conn:
        [ended] = [e for e in audit.entries(conn, proposal(fernweh).id) if e.what == "proposal approved"]
    assert ended.detail["one_lead"] == "False"


def test_what_an_agent_taught_signed_in_takes_one_lead(fernweh: Desk) -> None:
    taught(fernweh, Visitor(fernweh.url), "tomasz")
    taught(fernweh, staff(fernweh.line, fernweh.url, TOMASZ), "tomasz")
    assert proposal(fernweh).teachers == ("link:tomasz", "tomasz")

    assert press(fernweh, "U_INES") == ""
    assert proposal(fernweh).state is ProposalState.APPROVED


def test_a_lead_who_taught_it_too_finds_no_second_pair_of_eyes_in_a_link(fernweh: Desk) -> None:
    taught(fernweh, Visitor(fernweh.url), "tomasz")
    taught(fernweh, staff(fernweh.line, fernweh.url, INES), "ines")

    assert press(fernweh, "U_INES") == "You are the only one who taught this, so somebody else has to approve it."
    assert press(fernweh, "U_PRIYA") == ""
