"""The sandbox's page: customers, the line, agents and Slack on one board. `live.js` freshens it; all works without."""

import argparse
import secrets
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from bot.allow import LEADS
from bot.errors import Misconfigured
from bot.model import Person, Ref
from bot.ports import StageThread
from bot.store import limits, people
from bot.web import company, play, show
from bot.web.cases import Case
from bot.web.guard import guard, halt
from bot.web.pages import state
from bot.web.stages import Prop
from bot.web.world import SHARE, Parts, Sandbox, World, in_folder

SHOWN = 40  # conversations in a list
LONGEST = 4_000  # characters of a message
KNOBS = (("lose", "Lose every third webhook"), ("faults", "Fail every third call"))
Query = dict[str, str]


def run(args: argparse.Namespace, parts: Parts) -> None:
    """Start it, print its address, serve until it is ended."""
    if args.keep and any(args.keep.glob("understudy-*.db")):
        raise Misconfigured("--keep", f"{args.keep} has a database already, and the fake helpdesks forgot theirs")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the temporary folder goes too
    seed, cases = play.prepare(args.data, args.knowledge, args.limit, parts.say)
    with tempfile.TemporaryDirectory(prefix="understudy-") as temporary, suppress(KeyboardInterrupt):
        every = 60.0 if cases else 5.0  # seconds: a sweep looks at all touched lately, which a player waits for
        settings = in_folder(args.keep or Path(temporary), args.port, secrets.token_bytes(32), every)
        sandbox = Sandbox(parts, settings, seed, partial(furnish, cases=cases))
        parts.say(f"Understudy's sandbox: http://127.0.0.1:{args.port}   (Ctrl+C ends it)")
        try:
            parts.serve(sandbox, settings(1))
        finally:
            sandbox.close()


def furnish(sandbox: Sandbox, world: World, cases: tuple[Case, ...] = ()) -> None:
    """Give a world its board, and the conversations that are to be played."""
    player = play.Player(world, cases, sandbox.parts.say) if cases else None
    world.app.register_blueprint(board(sandbox, world, player))
    world.app.view_functions["pages.front"] = partial(_page, world, player)  # instead of the plain front page
    if player:
        player.start()


def board(sandbox: Sandbox, world: World, player: "play.Player | None") -> Blueprint:
    """What the board's forms post to, and the board alone for `live.js`."""
    made = guard(Blueprint("sandbox", __name__, url_prefix="/sandbox"), world.line.links.public_url)
    made.app_template_filter("took")(lambda pair: show.took(*pair))
    made.get("/board", endpoint="board")(partial(_fragment, world, player))
    acts = {
        "ask": partial(_ask, world), "reply": partial(_reply, world), "press": partial(_press, world),
        "submit": partial(_submit, world), "dismiss": partial(_dismiss, world), "knob": partial(_knob, world),
        "reset": partial(_reset, sandbox), "pause": partial(_pause, player),
    }  # fmt: skip
    for name, act in acts.items():
        made.post(f"/{name}", endpoint=name)(partial(_acted, act))
    return made


def _acted(act: Any) -> Response:
    """Do it, and go back to the board with what was chosen there."""
    try:
        changed: Query = act(request.form) or {}
    except (KeyError, StopIteration):  # a tab from before a reset
        halt(409, "That is not there any more", "Go back to the board and look again.")
    query = {k: v for k, v in {**request.args.to_dict(), **changed}.items() if v}
    panel = query.pop("panel", "")
    return make_response(redirect(f"{url_for('pages.front')}?{urlencode(query)}#{panel}", 303))


def _stage(world: World, form: Mapping[str, str]) -> Prop:
    stage = world.stages.get(form.get("stage", ""))
    return stage or halt(400, "No such helpdesk", "The form names a helpdesk that is not here.")


def _text(form: Mapping[str, str]) -> str:
    return form.get("text", "").strip().replace("\r\n", "\n")[:LONGEST]


def _ask(world: World, form: Mapping[str, str]) -> Query:
    stage, text = _stage(world, form), _text(form)
    if not text:
        return {}
    made = stage.customer_says(
        text, customer=form["customer"], conversation=form.get("conversation", ""), subject=form.get("subject", "")
    )
    return {"own": made, "ref": f"{stage.name}:{made}", "e": ""}


def _reply(world: World, form: Mapping[str, str]) -> Query:
    stage, text = _stage(world, form), _text(form)
    if text:
        public, status = form.get("public", "yes") == "yes", form.get("status", "")
        stage.agent_says(text, agent=form["agent"], conversation=form["conversation"], public=public, status=status)
    return {}


def _press(world: World, form: Mapping[str, str]) -> None:
    if world.channel:
        world.whisper = world.channel.press(form["card"], form["press"], form["user"])


def _submit(world: World, form: Mapping[str, str]) -> None:
    if world.channel:
        values = {k.removeprefix("field-"): v.replace("\r\n", "\n") for k, v in form.items() if k.startswith("field-")}
        world.whisper = world.channel.submit(values)


def _dismiss(world: World, _: Mapping[str, str]) -> None:
    if world.channel:
        world.channel.dismiss()


def _knob(world: World, form: Mapping[str, str]) -> None:
    name = form.get("name")
    if name in dict(KNOBS):
        for stage in world.stages.values():
            setattr(stage.knobs, name, SHARE if form.get("on") == "yes" else 0.0)


def _reset(sandbox: Sandbox, _: Mapping[str, str]) -> Query:
    sandbox.reset()
    return dict.fromkeys(request.args, "")


def _pause(player: "play.Player | None", _: Mapping[str, str]) -> None:
    if player:
        player.toggle()


def _page(world: World, player: "play.Player | None") -> str:
    return render_template("board.html", **_context(world, player))


def _fragment(world: World, player: "play.Player | None") -> Response:
    response = make_response(render_template("parts.html", **_context(world, player)))
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def _context(world: World, player: "play.Player | None") -> dict[str, Any]:
    """All that the board shows."""
    query = request.args.to_dict()
    line = world.line
    with line.store.read() as conn:
        recent = show.recent(conn)
        ref = _ref(query.get("ref", "")) or (recent[0].conversation.ref if recent else None)
        team = people.team(conn)
        shown = {
            "recent": recent,
            "ref": ref,
            "journey": show.journey(conn, ref, query.get("e", "")) if ref else None,
            "state": state(conn, line.now()),
            "stopped": limits.stopped(conn),
            "team": team,
            "leads": [p for p in team if p.role in LEADS],
        }
    newest = recent[0].conversation.ref.connector if recent else ""
    shown |= {**_customer(world, {"d": newest, **query}), **_agent(world, {"i": newest, **query}, team)}
    return {**shown, **_slack(world, query), **_top(world),
            "query": query, "to": partial(_to, query), "progress": player.progress() if player else None}  # fmt: skip


def _to(query: Query, panel: str, **changes: str) -> str:
    """The address of the board with some choices changed."""
    kept = {k: v for k, v in {**query, **changes}.items() if v}
    return f"{url_for('pages.front')}?{urlencode(kept)}#{panel}"


def _ref(text: str) -> Ref | None:
    with suppress(ValueError):
        return Ref.parse(text)
    return None


def _top(world: World) -> dict[str, Any]:
    on = {name: any(getattr(s.knobs, name) for s in world.stages.values()) for name, _ in KNOBS}
    return {"knobs": KNOBS, "turned": on}


def _customer(world: World, query: Query) -> dict[str, Any]:
    """The customer's side: a desk, who it is, their conversations there and the open one ("new": none)."""
    desks = [name for name, stage in world.stages.items() if stage is not world.channel]
    desk = _one_of(query.get("d"), desks)
    email = _one_of(query.get("c"), [e for e, _ in company.CUSTOMERS])
    name = dict(company.CUSTOMERS)[email]
    own = _of(world.stages[desk].threads(), email, name) if desk else []
    chosen = query.get("own", "")
    thread = None if chosen == "new" else next((t for t in own if t.id == chosen), own[0] if own else None)
    return {"desks": desks, "desk": desk, "customer": (email, name), "customers": company.CUSTOMERS,
            "own": own, "own_thread": thread, "examples": company.EXAMPLES}  # fmt: skip


def _of(threads: tuple[StageThread, ...], email: str, name: str) -> list[StageThread]:
    """A customer's conversations; fakes name them by address, full name or what they made of the address."""
    return [t for t in threads if t.customer in (email, name, name.partition(" ")[0])]


def _agent(world: World, query: Query, team: list[Person]) -> dict[str, Any]:
    """The agent's side: an inbox, its conversations and the open one."""
    inboxes = [name for name, stage in world.stages.items() if stage is not world.channel]
    inbox = _one_of(query.get("i"), inboxes)
    threads = world.stages[inbox].threads()[:SHOWN] if inbox else ()
    thread = next((t for t in threads if t.id == query.get("t")), threads[0] if threads else None)
    agents = [p for p in team if p.role == "agent" and p.vendor_ids] or team
    email = _one_of(query.get("a"), [p.email for p in agents])
    return {"inboxes": inboxes, "inbox": inbox, "tickets": threads, "ticket": thread, "agents": agents,
            "agent_names": [(p.email, p.name) for p in agents], "agent": email}  # fmt: skip


def _slack(world: World, query: Query) -> dict[str, Any]:
    """The channels, and the modal that is open."""
    channel = world.channel
    if channel is None:
        return {"channel": "", "cards": (), "modal": None, "support": (), "room": "review", "whisper": ""}
    return {
        "channel": channel.name,
        "cards": channel.cards()[:SHOWN],
        "modal": channel.modal(),
        "support": channel.threads()[:SHOWN],
        "room": _one_of(query.get("r"), ["review", "support"]),
        "whisper": world.whisper,
    }


def _one_of(value: str | None, known: list[str]) -> str:
    return value if value in known else (known[0] if known else "")
