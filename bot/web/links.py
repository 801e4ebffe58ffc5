"""The pages behind the signed links of a note. Opening one changes nothing: mail scanners open links too."""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, make_response, render_template, request
from flask import session as cookie
from sqlalchemy import Connection

from bot import review
from bot.errors import Forged
from bot.line import Line
from bot.model import ON_WORDS, Conversation, Decided, Person, PersonRole, Verdict, VerdictKind
from bot.refusals import refusal
from bot.store import conversations, drafts, people, reviews
from bot.store.people import BY_LINK
from bot.web.guard import halt, said
from bot.web.session import person

log = logging.getLogger(__name__)
NOT_OURS = "Not one of our links"
LINK, LOGIN = "link", "login"  # in the audit: is it known who it was, or was it whoever has the link?
REASONS = ("Something in it is wrong", "It is out of date", "It does not answer this question", "Other")
DONE = {
    VerdictKind.ACCEPT: ("On its way", "The reply goes to the customer now."),
    VerdictKind.EDIT: ("On its way", "Your version goes to the customer now. What you changed is learned from."),
    VerdictKind.REJECT: ("Rejected", "The draft is not used, and the customer got nothing."),
}


@dataclass(frozen=True, slots=True)
class No:
    """Why nothing can be done with a link, as a page says it."""

    status: int
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Link:
    """What a link holds, but for its verdict. `whose`: the vendor id of whoever had the conversation, "" for nobody."""

    nonce: str
    whose: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A link with all that its page shows. `whose`: as whom its visitor acts, None where nobody has the conversation:
    then as one of `team`."""

    link: Link
    verdict: VerdictKind
    decided: Decided
    conversation: Conversation
    whose: Person | None
    team: list[Person]


def routes(made: Blueprint, line: Line) -> None:
    """`/drafts/<token>`."""
    made.get("/drafts/<token>", endpoint="draft")(partial(_open, line))
    made.post("/drafts/<token>", endpoint="judge")(partial(_act, line))


def _open(line: Line, token: str) -> Response:
    return _page(line, _shown(line, token), status=200)


def _act(line: Line, token: str) -> Response:
    shown = _shown(line, token)
    form = {k: request.form.get(k, "").strip().replace("\r\n", "\n") for k in ("by", "text", "reason", "more")}
    if form["by"] not in {p.id for p in shown.team}:
        return _page(line, shown, status=400, wrong="by")
    if shown.verdict is VerdictKind.EDIT and not form["text"]:
        return _page(line, shown, status=400, wrong="text")
    reason = ": ".join(part for part in (form["reason"], form["more"]) if part)
    by, via = (form["by"], LOGIN) if person() else (f"{BY_LINK}{form['by']}", LINK)
    verdict = Verdict(shown.verdict, shown.link.nonce, by, line.now(), form["text"], reason, workspace=via)
    why = review.judge(line, verdict)
    return said(409, "Not done", why) if why else said(200, *DONE[shown.verdict])


def _shown(line: Line, token: str) -> Shown:
    """What the link is about; ends the request in words where it is forged, expired, used or overtaken.

    A form that is refused is written down, a page is not: whatever scans mail opens pages.
    """
    try:
        nonce, verdict, whose = line.links.read(token)
    except Forged:
        log.info("link refused", extra={"why": "forged"})
        halt(404, NOT_OURS, "The address is damaged or was not made by this bot.")
    with line.store.read() as conn:
        found = _found(conn, Link(nonce, whose), verdict, line.now())
    if isinstance(found, No):
        if request.method == "POST":
            who = person()
            review.refuse(line, Verdict(verdict, nonce, who.id if who else LINK, line.now()), found.why)
        halt(found.status, found.title, found.why)
    return found


def _found(conn: Connection, link: Link, verdict: VerdictKind, now: datetime) -> Shown | No:
    row = reviews.get_nonce(conn, link.nonce)
    if row is None or not row[0].startswith("draft:"):
        return No(404, NOT_OURS, "There is no draft behind this address.")
    if row[3]:
        return No(409, "Decided already", f"{_name(conn, row[3])} has answered this draft. Each link works once.")
    if now >= row[2]:
        return No(410, "Expired", "This link was good for a week. The draft is still in the helpdesk's note.")
    decided = drafts.get_draft(conn, row[0].removeprefix("draft:"))
    conversation = conversations.snapshot(conn, decided.draft.ref) if decided else None
    if decided is None or conversation is None:
        return No(404, NOT_OURS, "The draft is gone.")
    now_with = f"{conversation.ref.connector}:{conversation.assignee}"
    whose = person() or people.person_of(conn, link.whose or now_with) or people.person_of(conn, now_with)
    everybody = people.team(conn)
    team = [whose] if whose else [one for one in everybody if one.role is PersonRole.AGENT]
    anyone = next((one.id for one in (*team, *everybody)), "")  # the answer is the same for all of them
    why = refusal(conn, Verdict(verdict, link.nonce, anyone, now), now)
    return No(409, "Not now", why) if why else Shown(link, verdict, decided, conversation, whose, team)


def _name(conn: Connection, by: str) -> str:
    who = people.person_of(conn, by)
    return who.name if who else "Somebody"


def _page(line: Line, shown: Shown, *, status: int, wrong: str = "") -> Response:
    if person() is None:
        cookie["next"] = request.path  # whoever signs in comes back here
    link, whose = shown.link, shown.whose.id if shown.whose else ""
    others = {v: line.links.make(link.nonce, v, link.whose).rpartition("/")[2] for v in ON_WORDS}
    form = {"by": whose, "text": shown.decided.draft.text, **request.form.to_dict()}
    page = render_template("draft.html", shown=shown, others=others, form=form, reasons=REASONS, wrong=wrong)
    return make_response(page, status)
