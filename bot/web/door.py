"""The door for vendors: one recipe for every connector. Verify, one insert, commit, 200; a wake-up afterwards."""

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, request
from pydantic import TypeAdapter
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot import work
from bot.errors import BotError, Forged, Malformed, Unavailable
from bot.line import Line
from bot.model import Ref, Verdict
from bot.ports import Panel, Received, Reply, Request
from bot.review import StoredViews
from bot.store.conversations import first_time

log = logging.getLogger(__name__)
CAP = 1_048_576  # bytes of a body
VERDICT = TypeAdapter(Verdict)
TYPES = ("application/json", "application/x-www-form-urlencoded")


class TooLarge(BotError):
    """A body over the cap."""


STATUS: dict[type[BotError], int] = {TooLarge: 413, Forged: 401, Malformed: 400, Unavailable: 503}
# never 200 before the commit, never a traceback: whatever is wrong with the store, the vendor tries again
AWAY = "the store is away"


def door(line: Line, counted: Counter[str]) -> Blueprint:
    """`/webhooks/<name>` and `/panels/<name>`; refusals are counted by connector and status."""
    made = Blueprint("door", __name__)
    views = StoredViews(line)
    answer = partial(_answer, line, counted, set())

    @made.route("/webhooks/<name>", methods=["POST", "HEAD", "GET"])
    def webhook(name: str) -> Response:
        connector = line.connectors.get(name)
        if connector is None:
            return Response(status=404)
        return answer(name, connector.receive) if request.method == "POST" else Response(status=200)

    @made.post("/panels/<name>")
    def panel(name: str) -> Response:
        connector = line.connectors.get(name)
        if not isinstance(connector, Panel):
            return Response(status=404)
        return answer(name, partial(connector.panel, views=views))

    return made


def _answer(
    line: Line, counted: Counter[str], known: set[str], name: str, read: Callable[[Request], Received]
) -> Response:
    try:
        received = read(_read(line))
        _keep(line, name, received)
    except (TooLarge, Forged, Malformed, Unavailable) as err:
        return _refuse(counted, name, STATUS[type(err)], str(err))
    except SQLAlchemyError as err:
        log.error("store away", extra={"error": type(err).__name__})
        return _refuse(counted, name, 503, AWAY)
    if received.unknown and received.unknown not in known:
        known.add(received.unknown)
        log.warning("unknown event kind", extra={"connector": name, "sample_to_add": received.unknown})
    if received.refs or received.verdicts:
        line.wake.wake()
    return _reply(received.reply)


def _read(line: Line) -> Request:
    """The request, its body read once and never beyond the cap."""
    if request.mimetype not in TYPES or request.content_encoding:
        raise Malformed(f"content type {request.mimetype!r} is not JSON or a form")
    if (request.content_length or 0) > CAP:
        raise TooLarge(f"over {CAP} bytes")
    body = request.stream.read(CAP + 1)
    if len(body) > CAP:
        raise TooLarge(f"over {CAP} bytes")
    headers = {k.lower(): v for k, v in request.headers.items()}
    return Request(request.method, request.path, headers, body, line.now())


def _keep(line: Line, name: str, received: Received) -> None:
    if received.refs or received.verdicts:
        line.store.together(partial(_insert, line=line, name=name, received=received))


def _insert(conn: Connection, line: Line, name: str, received: Received) -> None:
    now = line.now()
    if received.id and not first_time(conn, name, received.id, now):
        return
    for ref in received.refs:
        work.ring(conn, ref, now)
    for verdict in received.verdicts:
        payload = VERDICT.dump_json(verdict).decode()
        # a press is one fact: this button, this person, this answer
        key = f"{received.id or verdict.token}-{verdict.kind}-{verdict.by}"
        work.ask(conn, "verdict", key, Ref(name, f"verdict-{verdict.token}"), now, payload)


def _refuse(counted: Counter[str], name: str, status: int, why: str) -> Response:
    counted[f"{name} {status}"] += 1
    log.info("refused", extra={"connector": name, "status": status, "why": why})
    return _reply(Reply(status, why, "text/plain"))


def _reply(reply: Reply) -> Response:
    return Response(reply.body, status=reply.status, mimetype=reply.type)
