"""The sandbox's page: customers, the line, agents and Slack on one board. `live.js` freshens it; all works without."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from bot import allow
from bot.model import Person, Ref
from bot.store import limits, people
from bot.store.people import BY_LINK
from bot.web import company, show
from bot.web.guard import NEEDS, Needs, halt
from bot.web.pages import Totals, state
from bot.web.stages import World

SHOWN = 40  # conversations in a list
LONGEST = 4_000  # characters of a message
KNOBS = {
    "lose": "Lose every third webhook",
    "duplicate": "Bring every third webhook twice",
    "reorder": "Reorder every third webhook",
    "faults": "Fail every third call",
}
SHARE = 0.34  # of webhooks, or of calls, that it befalls while a knob is on
BEHIND = re.compile(r'href="([^"]*)"[^>]*>Conversation ([\w.-]+)<')  # as `compose.proposal_card` names them
Query = dict[str, str]
Form = Mapping[str, str]


def furnish(world: World) -> None:
    """Put the board where the plain front page was, with what its forms post to, and itself alone for `live.js`."""
    made = Blueprint("sandbox", __name__, url_prefix="/sandbox")
    made.app_template_filter("took")(show.took)
    made.get("/board", endpoint="board")(partial(_fragment, world))
    for name, act in ACTS.items():
        made.post(f"/{name}", endpoint=name)(partial(_acted, world, act))
    world.app.register_blueprint(made)
    world.app.view_functions["pages.front"] = partial(_board, world, "board.html")


def _acted(world: World, act: Callable[[World, Form], Query | None]) -> Response:
    """Do it, and go back to the board with what was chosen there."""
    try:
        changed = act(world, request.form) or {}
    except (KeyError, StopIteration):  # a tab from before a restart
        halt(409, "That is not there any more", "Go back to the board and look again.")
    query = {**request.args.to_dict(), **changed}
    return make_response(redirect(_to(query, query.pop("panel", "")), 303))


def _to(query: Query, panel: str, **changes: str) -> str:
    """The address of the board with some choices changed."""
    kept = {k: v for k, v in {**query, **changes}.items() if v}
    return f"{url_for('pages.front')}?{urlencode(kept)}#{panel}"


def _text(form: Form) -> str:
    return form.get("text", "").strip().replace("\r\n", "\n")[:LONGEST]


def _ask(world: World, form: Form) -> Query | None:
    stage, text, known = world.stages[form["stage"]], _text(form), form.get("conversation", "")
    if not text:
        return None
    made = stage.customer_says(text, customer=form["customer"], conversation=known, subject=form.get("subject", ""))
    return {"own": made, "ref": f"{stage.name}:{made}", "e": ""}


def _reply(world: World, form: Form) -> None:
    stage, text = world.stages[form["stage"]], _text(form)
    public, status = form.get("public", "yes") == "yes", form.get("status", "")
    if text:
        stage.agent_says(text, agent=form["agent"], conversation=form["conversation"], public=public, status=status)


def _press(world: World, form: Form) -> None:
    world.whisper = world.channel.press(form["card"], form["press"], form["user"])


def _submit(world: World, form: Form) -> None:
    values = {k.removeprefix("field-"): v.replace("\r\n", "\n") for k, v in form.items() if k.startswith("field-")}
    if "dismiss" in form:
        world.channel.dismiss()
    else:
        world.whisper = world.channel.submit(values)


def _knob(world: World, form: Form) -> None:
    if form["name"] in KNOBS:
        for stage in world.stages.values():
            setattr(stage.knobs, form["name"], SHARE if form.get("on") == "yes" else 0.0)


def _stop(world: World, form: Form) -> None:
    with world.line.store.write() as conn:
        lead = allow.leads(conn)[0].id
        allow.stop(conn, lead, "the sandbox's button", world.line.now(), on=form.get("on") == "yes")
    world.line.wake.wake()


def _here(world: World, query: Query, card: str) -> str:
    """A card's HTML with its links to conversations leading to the board: behind the fakes are no vendors' tools."""

    def here(found: re.Match[str]) -> str:
        host, known = urlsplit(found[1]).netloc, found[2]
        name = next((n for n, s in world.stages.items() if f".{n}.com" in host or s.url.endswith(host)), "")
        where = {"r": "support"} if name == world.channel.name else {"i": name, "t": known}
        to = _to(query, "slack" if "r" in where else "agent", ref=f"{name}:{known}", e="", **where)
        return f'href="{escape(to)}">Conversation {known}<'

    return BEHIND.sub(here, card)


def _fragment(world: World) -> Response:
    response = make_response(_board(world, "parts.html"))
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def _board(world: World, template: str) -> str:
    """All of the board, or its parts alone."""
    query, line = request.args.to_dict(), world.line
    with line.store.read() as conn:
        recent = show.recent(conn)
        ref = _ref(query.get("ref", "")) or (recent[0][0].ref if recent else None)
        team = people.team(conn)
        rows = {
            "recent": recent,
            "ref": ref,
            "journey": show.journey(conn, ref, query.get("e", "")) if ref else None,
            "state": state(conn, line.now(), Totals()),
            "stopped": limits.stopped(conn),
        }
    newest = {name: recent[0][0].ref.connector for name in ("d", "i") if recent}
    chosen = {**newest, **query}
    return render_template(
        template, world=world, channel=world.channel, team=team, names=_names(team),
        knobs=KNOBS, shown=SHOWN, query=query,
        to=partial(_to, query), here=partial(_here, world, query),
        turned=[name for name in KNOBS for stage in world.stages.values() if getattr(stage.knobs, name)],
        **rows, **_customer(world, chosen), **_agent(world, chosen, team),
    )  # fmt: skip


def _names(team: list[Person]) -> dict[str, str]:
    """By id, and by what is written where somebody acted by a note's link."""
    return {p.id: p.name for p in team} | {f"{BY_LINK}{p.id}": f"{p.name} by link" for p in team}


def _ref(text: str) -> Ref | None:
    with suppress(ValueError):
        return Ref.parse(text)
    return None


def _customer(world: World, query: Query) -> dict[str, Any]:
    """The customer's side: a desk, who it is, their conversations there and the open one ("new": none)."""
    desk = _one_of(query.get("d"), world.desks)
    email = _one_of(query.get("c"), dict(company.CUSTOMERS))
    name = dict(company.CUSTOMERS)[email]
    known_as = (email, name, name.partition(" ")[0])  # by address, full name or what a fake makes of the address
    own = [thread for thread in world.stages[desk].threads() if thread.customer in known_as]
    chosen = query.get("own", "")
    thread = None if chosen == "new" else next((t for t in own if t.id == chosen), own[0] if own else None)
    return {"desk": desk, "customer": (email, name), "customers": company.CUSTOMERS,
            "own": own, "own_thread": thread, "examples": company.EXAMPLES}  # fmt: skip


def _agent(world: World, query: Query, team: list[Person]) -> dict[str, Any]:
    """The agent's side: an inbox, its conversations, the open one, and who answers."""
    inbox = _one_of(query.get("i"), world.desks)
    threads = world.stages[inbox].threads()
    agents = {p.email: p for p in team if p.role == "agent"}
    return {
        "inbox": inbox,
        "tickets": threads[:SHOWN],
        "ticket": next((t for t in threads if t.id == query.get("t")), threads[0] if threads else None),
        "agents": [(p.email, p.name) for p in agents.values()],
        "agent": agents[_one_of(query.get("a"), agents)],
    }


def _one_of(value: str | None, known: Iterable[str]) -> str:
    return value if value in (found := list(known)) else found[0]


ACTS = {"ask": _ask, "reply": _reply, "press": _press, "submit": _submit, "knob": _knob, "stop": _stop}
PLAYED: Needs = {**NEEDS, **dict.fromkeys(["pages.front", "sandbox.board", *(f"sandbox.{name}" for name in ACTS)])}
