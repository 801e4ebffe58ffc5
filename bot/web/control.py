"""The page that says how far the bot may go: the stop, the policy, and topics with their licences."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import MultiDict

from bot import allow
from bot.errors import Misconfigured
from bot.line import Line
from bot.model import Person, Pilot, Policy
from bot.store import audit, conversations, limits
from bot.store import knowledge as rows
from bot.text.links import host_of
from bot.web.guard import signed_in

LISTS = {  # what is compared with each is what the connectors make of a conversation
    "brands": ("brand", "names"),
    "groups": ("group", "names; at Intercom a team's id"),
    "tags": ("tags", "words"),
    "agents": ("assignee", "their ids at the helpdesk, no names"),
}
ID = re.compile(r"[\w-]*\d[\w-]*")
NAME = re.compile(r"[^\s/\\?#:@]{1,255}")  # a host alone, no address
NUMBERS = {
    "share": ("Share of conversations", 0.0, 1.0),
    "reply_at": ("To answer alone", 0.0, 1.0),
    "suggest_at": ("To suggest", 0.0, 1.0),
    "stale_after": ("Too old after", 0.1, 8_760.0),
    "open_cards": ("Proposals open at a time", 1.0, 1_000.0),
}
Form = MultiDict[str, str]
Wrong = dict[str, str]  # what is wrong with a form, by field
Act = Callable[[Line, Form, Person], Wrong]


def routes(made: Blueprint, line: Line) -> None:
    """`/control` and what its forms post to."""
    made.get("/control", endpoint="control")(partial(_page, line, 200, {}))
    acts: dict[str, Act] = {
        "stop": partial(_stop, on=True),
        "go": partial(_stop, on=False),
        "policy": _policy,
        "licence": _licence,
    }
    for name, act in acts.items():
        made.post(f"/control/{name}", endpoint=f"control_{name}")(partial(_posted, line, act))


def _posted(line: Line, act: Act) -> Response:
    wrong = act(line, request.form, signed_in())
    return _page(line, 400, wrong) if wrong else make_response(redirect(url_for("pages.control"), 303))


def _stop(line: Line, form: Form, who: Person, *, on: bool) -> Wrong:
    with line.store.write() as conn:
        allow.stop(conn, who.id, form.get("why", ""), line.now(), on=on)
    line.wake.wake()
    return {}


def _licence(line: Line, form: Form, who: Person) -> Wrong:
    topic, days = form.get("topic", ""), number(form.get("days", ""), 0.01, allow.LONGEST) or 0.0
    try:
        with line.store.write() as conn:
            if form.get("revoke") == "yes":
                allow.revoke(conn, topic, who, line.now())
            else:
                allow.grant(conn, topic, who, days, line.now())
    except Misconfigured as err:
        return {err.setting: f"{err.setting.capitalize()}: {err.fix}."}
    return {}


def _policy(line: Line, form: Form, who: Person) -> Wrong:
    with line.store.read() as conn:
        old = limits.current_policy(conn)
    new, wrong = policy_of(form, old)
    if form.get("version") != str(old.version):
        return {"version": "Somebody has changed the policy meanwhile; this is the new one."}
    if wrong:
        return wrong
    version = old.version + 1
    try:
        with line.store.write() as conn:
            limits.add_policy(conn, replace(new, version=version), who.id, line.now())
            about, why = f"policy:{version}", form.get("why", "")
            audit.record(conn, line.now(), who.id, "policy", about, why, **changes(old, new))
    except IntegrityError:
        return {"version": "Somebody has changed the policy in this moment; this is the new one."}
    return {}


def policy_of(form: Form, old: Policy) -> tuple[Policy, Wrong]:
    """The policy that a form asks for, and what is wrong with it."""
    n, wrong = dict[str, float](), Wrong()
    for name, (label, low, high) in NUMBERS.items():
        value = number(form.get(name, ""), low, high)
        if value is None:
            wrong[name] = f"{label}: a number from {low:g} to {high:g} is needed."
        n[name] = value or 0.0
    if not wrong and n["suggest_at"] > n["reply_at"]:
        wrong["suggest_at"] = "To suggest: it must not need more confidence than answering alone."
    if names := [agent for agent in listed(form.get("agents", "")) if not ID.fullmatch(agent)]:
        wrong["agents"] = f"Agents: their ids at the helpdesk are needed, no names such as {names[0]}."
    made = replace(
        old,
        pilot=Pilot(share=n["share"], **{name: listed(form.get(name, "")) for name in LISTS}),
        reply_at=n["reply_at"],
        suggest_at=n["suggest_at"],
        stale_after=n["stale_after"],
        open_cards=int(n["open_cards"]),
        never_topics=listed(form.get("never_topics", "")),
        draft_only=tuple(sorted(form.getlist("draft_only"))),
        other_bot="suggest" if form.get("other_bot") == "suggest" else "silent",
        one_lead=form.get("one_lead") == "yes",
        link_hosts=_hosts(form, wrong),
    )
    return made, wrong


def _hosts(form: Form, wrong: Wrong) -> tuple[str, ...]:
    """Hosts as links are held to them: in lower case, international ones in ASCII, each once."""
    hosts = {given: host_of(f"https://{given}") for given in listed(form.get("link_hosts", ""))}
    if odd := [given for given, host in hosts.items() if not NAME.fullmatch(given) or "." not in host]:
        wrong["link_hosts"] = f"Hosts: names alone are needed, such as help.example.com; {odd[0]} is none."
    return tuple(dict.fromkeys(hosts.values()))


def number(text: str, low: float, high: float) -> float | None:
    """A number from `low` to `high`, with a point or a comma; None for anything else."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if low <= value <= high else None


def listed(text: str) -> tuple[str, ...]:
    """What is written between commas or on lines, each once."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def changes(old: Policy, new: Policy) -> dict[str, str]:
    """`before → after` of each field that differs."""
    before, after = _flat(old), _flat(new)
    return {name: f"{before[name]} → {after[name]}" for name in after if before[name] != after[name]}


def _flat(policy: Policy) -> dict[str, str]:
    values = asdict(policy)
    values |= values.pop("pilot")
    del values["version"]
    return {name: ", ".join(v) or "none" if isinstance(v, tuple) else str(v) for name, v in values.items()}


def _seen(conn: Connection, field: str) -> str:
    """What a field held in the newest conversation that has one, as an example."""
    held = (getattr(conversation, field) for conversation in conversations.recent(conn))
    value = next(filter(None, held), "")
    return f", such as {value if isinstance(value, str) else value[0]}" if value else ""


def _page(line: Line, status: int, wrong: Mapping[str, str]) -> Response:
    with line.store.read() as conn:
        policy = limits.current_policy(conn)
        page = render_template(
            "control.html",
            policy=policy,
            history=audit.entries(conn, "policy:"),
            stopped=limits.stopped(conn),
            switched=audit.entries(conn, "everything", 1),
            topics=rows.topics(conn),
            licences=limits.licences(conn),
            desks=sorted({*line.connectors, *policy.draft_only}),  # one that is not set up now may come back
            hints={name: f"{what}{_seen(conn, field)}; empty means all" for name, (field, what) in LISTS.items()},
            now=line.now(),
            wrong=wrong,
            form=request.form,
        )
    return make_response(page, status)
