"""The door for vendors: one recipe for every connector. Verify, one insert, commit, 200; a wake-up afterwards.

Plain WSGI, in front of the staff's pages: a web framework would cost as much as everything else it does.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot import work
from bot.errors import BotError, Forged, Malformed, Unavailable
from bot.line import Line
from bot.model import Ref, Verdict
from bot.ports import Panel, Received, Reply, Request
from bot.review import VERDICT, StoredViews
from bot.store.conversations import first_times

log = logging.getLogger(__name__)
CAP = 1_048_576  # bytes of a body
TYPES = ("application/json", "application/x-www-form-urlencoded")
DOORS = ("webhooks", "panels")


class TooLarge(BotError):
    """A body over the cap."""


class Elsewhere(BotError):
    """No such helpdesk, or a method that it does not take."""


STATUS: dict[type[BotError], int] = {TooLarge: 413, Forged: 401, Malformed: 400, Unavailable: 503, Elsewhere: 404}


class Door:
    """`/webhooks/<name>` and `/panels/<name>`; other paths are `behind`'s. Counts refusals by name and status."""

    def __init__(self, line: Line, behind: WSGIApplication, counted: Counter[str]) -> None:
        self._line, self._behind, self._counted = line, behind, counted
        self._views = StoredViews(line)
        self._known: set[str] = set()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        door, _, name = environ.get("PATH_INFO", "").lstrip("/").partition("/")
        if door not in DOORS:
            return self._behind(environ, start)
        reply = self._answer(door, name, environ)
        body = reply.body.encode()
        headers = [("Content-Type", reply.type), ("Content-Length", str(len(body)))]
        start(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, door: str, name: str, environ: WSGIEnvironment) -> Reply:
        try:
            if environ["REQUEST_METHOD"] in ("HEAD", "GET") and name in self._line.connectors:
                return Reply()  # vendors probe an address before they use it
            received = self._reader(door, name)(_read(self._line, environ))
            self._keep(name, received)
        except BotError as err:
            return self._refuse(name, next((s for kind, s in STATUS.items() if isinstance(err, kind)), 400), str(err))
        except SQLAlchemyError as err:
            # never 200 before the commit, never a traceback: whatever is wrong with the store, the vendor tries again
            log.error("store away", extra={"error": type(err).__name__})
            return self._refuse(name, 503, "the store is away")
        self._note(name, received)
        return received.reply

    def _reader(self, door: str, name: str) -> Callable[[Request], Received]:
        connector = self._line.connectors.get(name)
        if connector is None:
            raise Elsewhere("no such helpdesk")
        if door == "webhooks":
            return connector.receive
        if isinstance(connector, Panel):
            return partial(connector.panel, views=self._views)
        raise Elsewhere("this helpdesk has no panel")

    def _keep(self, name: str, received: Received) -> None:
        if received.refs or received.verdicts:
            presses = [_pressed(received, verdict) for verdict in received.verdicts]
            self._line.store.together(_insert, Rung(name, received.id, received.refs, presses, self._line.now()))
            self._line.wake.wake()

    def _note(self, name: str, received: Received) -> None:
        if received.unknown and received.unknown not in self._known:
            self._known.add(received.unknown)
            log.warning("unknown event kind", extra={"connector": name, "sample_to_add": received.unknown})

    def _refuse(self, name: str, status: int, why: str) -> Reply:
        known = name if name in self._line.connectors else "unknown"
        self._counted[f"{known} {status}"] += 1
        log.info("refused", extra={"connector": known, "status": status, "why": why})
        return Reply(status, why, "text/plain")


def _read(line: Line, environ: WSGIEnvironment) -> Request:
    """The request, its body read once and never beyond the cap."""
    if environ["REQUEST_METHOD"] != "POST":
        raise Elsewhere("only POST")
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in TYPES or environ.get("HTTP_CONTENT_ENCODING"):
        raise Malformed(f"content type {kind[:80]!r} is not JSON or a form")
    headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
    return Request("POST", environ["PATH_INFO"], headers | {"content-type": kind}, _body(environ), line.now())


def _body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > CAP:
        raise TooLarge(f"over {CAP} bytes")
    # without a length the server has taken chunks: read one byte more than allowed to know
    body: bytes = environ["wsgi.input"].read(int(length) if length.isdigit() else CAP + 1)
    if len(body) > CAP:
        raise TooLarge(f"over {CAP} bytes")
    return body


@dataclass(frozen=True, slots=True)
class Rung:
    """What one request brought. `presses`: (key, token, verdict as JSON)."""

    source: str
    id: str
    refs: tuple[Ref, ...]
    presses: list[tuple[str, str, str]]
    at: datetime


def _pressed(received: Received, verdict: Verdict) -> tuple[str, str, str]:
    try:
        payload = VERDICT.dump_json(verdict).decode()
    except ValueError as err:  # half a character, which no vendor sends
        raise Malformed("the text of a dialog is not Unicode") from err
    # a press is one fact: this button, this person, this answer
    return f"{received.id or verdict.token}-{verdict.kind}-{verdict.by}", verdict.token, payload


def _insert(conn: Connection, batch: list[Rung]) -> None:
    """What several requests brought, each delivery id once for ever."""
    now = max(rung.at for rung in batch)
    fresh = first_times(conn, [(rung.source, rung.id) for rung in batch if rung.id], now)
    known = {(r.source, r.id): r for r in batch if (r.source, r.id) in fresh}  # a double within the batch counts once
    new = [*known.values(), *(rung for rung in batch if not rung.id)]
    work.ring(conn, sorted({ref for rung in new for ref in rung.refs}), now)
    for key, token, payload in (press for rung in new for press in rung.presses):
        work.ask(conn, "verdict", key, Ref("verdict", token), now, payload)
