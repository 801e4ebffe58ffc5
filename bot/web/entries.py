"""The Knowledge pages: what is in force, what would be found and why, and entries written, compared and restored."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from bot import entries
from bot.backends.writer import PAST_FLOOR
from bot.errors import Misconfigured, Unavailable
from bot.knowledge import Found
from bot.line import Line
from bot.model import Entry, Evidence, Scope
from bot.scope import Asker
from bot.store import counts, pairs, people
from bot.store import knowledge as rows
from bot.text import typed
from bot.text.public import SCOPES
from bot.web.guard import halt, signed_in

SHOWN = 200  # entries on a page
FOUND = 10  # of what a question finds
Form = MultiDict[str, str]
NEW = Entry("", 0, "", "")


def routes(made: Blueprint, line: Line) -> None:
    """`/knowledge` and what its forms post to."""
    made.get("/knowledge", endpoint="knowledge")(partial(_list, line))
    made.get("/knowledge/entry", endpoint="entry")(partial(_entry, line))
    for name, act in {"write": _write, "retire": _retire, "restore": _restore}.items():
        made.post(f"/knowledge/{name}", endpoint=f"entry_{name}")(partial(_posted, line, act))


def _list(line: Line) -> Response:
    asked, words = (request.args.get(name, "").strip() for name in ("ask", "q"))
    sought = words.casefold()
    there = [e for e in line.knowledge.entries() if sought in f"{e.id} {e.topic} {e.question} {e.answer}".casefold()]
    newest = sorted(there, key=lambda e: e.at, reverse=True)[: 0 if asked else SHOWN]
    who = {name: request.args.get(name, "").strip() for name in SCOPES}
    found, past, trouble = _found(line, asked, _asker(line, **who)) if asked else ([], (), "")
    with line.store.read() as conn:
        used = counts.uses(conn, [f.evidence.id for f in found])
        shown = {"entries": newest, "many": len(there), "found": found, "past": past, "used": used, "trouble": trouble}
        shown["pairs"] = pairs.count(conn)
        shown |= {"q": words, "ask": asked, "who": who, "too_far": PAST_FLOOR, "names": _names(conn)}
        return make_response(render_template("knowledge.html", **shown), 503 if trouble else 200)


def _found(line: Line, asked: str, who: Asker) -> tuple[list[Found], tuple[Evidence, ...], str]:
    """Entries, past replies, and why nothing can be found, or ""."""
    try:
        found = list(islice(line.knowledge.explained(asked, who, limit=FOUND), FOUND))
        return found, line.knowledge.past(asked, limit=FOUND), ""
    except (Misconfigured, Unavailable) as err:
        return [], (), str(err)


def _asker(line: Line, *, product: str, **fields: str) -> Asker:
    return Asker(line.now(), **fields, products=frozenset({product} - {""}))


def _names(conn: Connection) -> dict[str, str]:
    return {person.id: person.name for person in people.team(conn)}


def _entry(line: Line) -> Response:
    return _page(line, request.args.get("id", ""), {}, 200)


def _posted(line: Line, act: Callable[[Connection, Line, Form], Entry]) -> Response:
    try:
        with line.store.write() as conn:
            made = act(conn, line, request.form)
    except entries.Overtaken:
        return _page(line, request.form.get("id", ""), {}, HTTPStatus.CONFLICT)
    except Misconfigured as err:
        return _page(line, request.form.get("id", ""), {err.setting: err.fix}, 400)
    return make_response(redirect(url_for("pages.entry", id=made.id), 303))


def _write(conn: Connection, line: Line, form: Form) -> Entry:
    made = entry_of(form)
    return entries.write(conn, made, made.version, signed_in().id, line.now())


def _retire(conn: Connection, line: Line, form: Form) -> Entry:
    return entries.retire(conn, form.get("id", ""), signed_in().id, form.get("why", ""), line.now())


def _restore(conn: Connection, line: Line, form: Form) -> Entry:
    version = typed.whole("version", form.get("version", ""))
    return entries.restore(conn, form.get("id", ""), version, signed_in().id, line.now())


def entry_of(form: Form) -> Entry:
    """What a form holds, with the version that it was shown with. Misconfigured names a field that cannot be read."""
    text: dict[str, Any] = {name: form.get(name, "") for name in ("id", "question", "answer", "topic", "url")}
    scope = Scope(**{field.name: form.get(field.name, "") for field in fields(Scope)})
    until = form.get("valid_until", "").strip()
    valid = typed.end("valid_until", until) if until else None
    return Entry(version=typed.whole("version", form.get("version", "")), scope=scope, valid_until=valid, **text)


def _page(line: Line, id: str, wrong: Mapping[str, str], status: int) -> Response:
    """One entry with its versions, or an empty one to be written; after a mistake with what was typed. Where somebody
    was overtaken, what has changed since they began is shown first: only then is their next press for this version."""
    overtaken = status == HTTPStatus.CONFLICT
    asked = {"old": request.form.get("version", "")} if overtaken else request.args
    typed_in = request.form if wrong or overtaken else {}
    with line.store.read() as conn:
        history = rows.versions(conn, id) if id else []
        if id and not history:
            halt(404, "No such entry", f"There is no entry {id}. The search on the Knowledge page finds the others.")
        newest = history[0] if history else NEW
        new, old = (_chosen(history, asked.get(name, ""), default) for name, default in (("new", 0), ("old", 1)))
        changed = entries.differences(old, new) if old and new else ()
        used = counts.uses(conn, [id]).get(id, {})
        names = _names(conn)
    return make_response(render_template(
        "entry.html", entry=newest, history=history, old=old, new=new, changes=changed, used=used, names=names,
        wrong=wrong, overtaken=overtaken, form=typed_in, now=line.now(), scopes=[field.name for field in fields(Scope)],
        ends=typed.until(newest.valid_until) if newest.valid_until else "",
    ), status)  # fmt: skip


def _chosen(history: list[Entry], asked: str, default: int) -> Entry | None:
    """The version that is asked for, else the newest but so many."""
    there = {str(entry.version): entry for entry in history}
    return there.get(asked) or (history[default] if len(history) > default else None)
