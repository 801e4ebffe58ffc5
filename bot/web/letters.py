"""The page of dead letters: what failed for good, why, and the way back to the workers."""

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response, make_response, render_template, request

from bot import letters
from bot.errors import Misconfigured
from bot.line import Line
from bot.store.letters import Which, count, dead
from bot.web.guard import signed_in
from bot.work import reason

SHOWN = 200


def routes(made: Blueprint, line: Line) -> None:
    """`/letters` and what its form posts to."""
    made.app_template_filter("reason")(reason)
    made.get("/letters", endpoint="letters")(partial(_page, line))
    made.post("/letters", endpoint="replay")(partial(_replay, line))


def _replay(line: Line) -> Response:
    form, who = request.form, signed_in()
    try:
        which = letters.chosen(form.getlist("id"), form.get("range", "").strip(), form.get("since", "").strip())
    except Misconfigured as err:
        return _page(line, 400, f"{err.setting.capitalize()}: {err.fix}.")
    if which == Which():
        return _page(line, 400, "Tick letters, or give a range or a time.")
    said = letters.replay(line.store, which, who.id, line.now())
    line.wake.wake()
    return _page(line, said=said or ["No dead letter is among them."])


def _page(line: Line, status: int = 200, wrong: str = "", said: Sequence[str] = ()) -> Response:
    with line.store.read() as conn:
        found, many = dead(conn, Which(), SHOWN), count(conn)
    page = render_template("letters.html", letters=found, many=many, wrong=wrong, said=said, form=request.form)
    return make_response(page, status)
