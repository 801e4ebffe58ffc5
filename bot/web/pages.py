"""What the staff sees: signed links, login, control, health, audit and knowledge."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, make_response, render_template, request
from sqlalchemy import Connection

from bot import pace, work
from bot.line import Line
from bot.store import audit, counts, drafts, limits
from bot.store.letters import Which, dead
from bot.store.letters import count as many_dead
from bot.text import typed
from bot.web import control, entries, letters, links, login, pairs
from bot.web.guard import AWAY, said

if TYPE_CHECKING:
    from bot.web.oidc import Provider

TRUE_FOR = timedelta(seconds=5)


def pages(line: Line, refused: Counter[str], provider: "Provider | None" = None) -> Blueprint:
    """All pages of production. `refused` counts webhooks by connector and status; `provider` signs the staff in."""
    made = Blueprint("pages", __name__)
    made.app_template_filter("clock")(clock)
    made.app_template_filter("day")(day)
    made.app_template_filter("until")(until)
    links.routes(made, line)
    control.routes(made, line)
    letters.routes(made, line)
    entries.routes(made, line)
    pairs.routes(made, line)
    login.routes(made, line, provider)
    totals = Totals()
    made.get("/", endpoint="front")(partial(_front, line, totals))
    made.get("/health", endpoint="health")(partial(_health, line, refused, totals))
    made.get("/audit", endpoint="audit")(partial(_audit, line))
    made.get("/<path:_>", endpoint="nowhere")(lambda _: said(404, "Not here", "There is no page at this address."))
    return made


def clock(at: datetime | None) -> str:
    """Local hours, minutes and seconds."""
    return f"{at.astimezone():%H:%M:%S}" if at else ""


def day(at: datetime | None) -> str:
    """Local date and time."""
    return f"{at.astimezone():%d %b %Y, %H:%M}" if at else ""


def until(end: datetime | None) -> str:
    """The day that it is the end of, else the local date and time."""
    last = typed.last_day(end) if end else None
    return f"{last:%d %b %Y}" if last else day(end)


class Totals:
    """How much there is, counted anew once in TRUE_FOR: whoever asks for `/health`, and that may be anybody, would have
    whole tables counted each time."""

    def __init__(self) -> None:
        self._found, self._since = dict[str, int](), datetime.min.replace(tzinfo=UTC)

    def __call__(self, conn: Connection, now: datetime) -> dict[str, int]:
        """As they were TRUE_FOR ago or later."""
        if not timedelta() <= now - self._since < TRUE_FOR:
            self._found, self._since = counts.totals(conn), now
        return self._found


def state(conn: Connection, now: datetime, totals: Totals) -> dict[str, object]:
    """How the line is: what waits, what is dead, what it has done."""
    return {
        "waiting": work.waiting(conn),
        "oldest_seconds": round(work.oldest(conn, now), 1),
        "dead": many_dead(conn),
        "stopped": limits.stopped(conn),
        "left_alone": {name: until.isoformat() for name, until, _ in pace.waiting(conn, now)},
        "undelivered": counts.undelivered(conn),
        **totals(conn, now),
    }


def _front(line: Line, totals: Totals) -> str:
    with line.store.read() as conn:
        now = line.now()
        failed = [(letter.ref, work.reason(letter.last_error)) for letter in dead(conn, Which(), 20)]
        decisions, left_alone = drafts.decision_counts(conn), pace.waiting(conn, now)
        found = state(conn, now, totals)
        return render_template("front.html", state=found, decisions=decisions, dead=failed, left_alone=left_alone)


def _health(line: Line, refused: Counter[str], totals: Totals) -> Response:
    try:
        with line.store.read() as conn:
            found = state(conn, line.now(), totals)
    except AWAY:
        return make_response(jsonify(store=False, refused=dict(refused)), 503)
    index = all(fine for _, fine, _ in line.knowledge.check())  # why not is for the staff: anybody may ask here
    return make_response(jsonify(store=True, index=index, refused=dict(refused), **found), 200 if index else 503)


def _audit(line: Line) -> str:
    words = request.args.get("about", "").strip()
    with line.store.read() as conn:
        found = audit.entries(conn, words)
    return render_template("audit.html", entries=found, about=words)
