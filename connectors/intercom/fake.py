"""Intercom on loopback: its API as far as we call it, its webhooks signed its way, its people on request.

The vendor's quirks are kept: HTML it rewrites, times in whole seconds, a notification with the new part only,
a limit told by `X-RateLimit-Reset`, and a search whose pages hang together by a cursor.
"""

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, request

from bot.ports import StageMessage, StageThread
from bot.text.markup import from_html, to_html
from connectors.intercom.world import ADMINS, BOT, World, clean, parts_of
from connectors.stage import Courier, Knobs, Ledger, Server, Write, stage

TOKEN = "fake-intercom-token"
SECRET = "fake-intercom-client-secret"
WINDOW = 10  # seconds over which the vendor counts calls
VERSION = "2.14"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of the API as it came in and was answered."""

    method: str
    path: str
    sent: bytes
    status: int
    answered: bytes


class Fake:
    """The vendor: `knobs` make it go wrong, `ledger` holds what the bot wrote, `exchanges` the newest calls."""

    name = "intercom"

    def __init__(self, port: int = 0) -> None:
        self.knobs, self.ledger, self.world = Knobs(), Ledger(), World()
        self.exchanges: deque[Exchange] = deque(maxlen=2000)
        self.courier = Courier(self.knobs, sign)
        self._lock = threading.RLock()
        self._notified = 0
        self.server = Server(self._app(), port)
        self.url = self.server.url

    def settings(self) -> dict[str, str]:
        """As the port says."""
        return {
            "INTERCOM_TOKEN": TOKEN,
            "INTERCOM_CLIENT_SECRET": SECRET,
            "INTERCOM_ADMIN_ID": BOT,
            "INTERCOM_APP_ID": World.app,
            "INTERCOM_BASE_URL": self.url,
        }

    def hook(self, url: str) -> None:
        """As the port says."""
        self.courier.url = f"{url}/webhooks/intercom"

    def close(self) -> None:
        """Stop serving."""
        self.server.close()

    def customer_says(self, text: str, *, customer: str, conversation: str = "", subject: str = "") -> str:
        """As the port says; a subject makes it an e-mail."""
        with self._lock:
            author = self.world.contact(customer)
            if not conversation:
                made = self.world.begin(author, to_html(text), subject)
                self._notify("conversation.user.created", made)
                return str(made["id"])
            # A reply to a closed conversation opens it, and then "open" is the part's type.
            kind = "comment" if self.world.conversations[conversation]["open"] else "open"
            self._part(conversation, kind, author, "conversation.user.replied", to_html(text), state="open")
            return conversation

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """As the port says."""
        author = self.world.admin(agent)
        kind, topic = ("comment", "conversation.admin.replied") if public else ("note", "conversation.admin.noted")
        part = self._part(conversation, kind, author, topic, to_html(text))
        if status in ("closed", "solved"):
            self._part(conversation, "close", author, "conversation.admin.closed", state="closed")
        return part

    def fin_answers(self, text: str, *, conversation: str, state: str = "assumed_resolution") -> str:
        """The vendor's own bot answers, with that resolution state; the part's id."""
        with self._lock:
            author = self.world.fin(conversation, state)
            return self._part(conversation, "comment", author, "conversation.operator.replied", to_html(text))

    def attach(self, conversation: str, name: str, *, customer: str, inline: bool = False) -> str:
        """A customer sends a file and no words; `inline` as a picture in the text; the part's id."""
        url = f"https://downloads.example/{name}?expires=1"
        file = {"type": "upload", "name": name, "url": url, "content_type": "image/png", "filesize": 48213}
        body = f'<div class="container"><img src="{url}"></div>' if inline else ""
        author, files = self.world.contact(customer), [] if inline else [file]
        return self._part(conversation, "comment", author, "conversation.user.replied", body, attachments=files)

    def threads(self) -> tuple[StageThread, ...]:
        """As the port says."""
        with self._lock:
            return tuple(_thread(c) for c in self.world.newest())

    def _part(self, conversation: str, kind: str, author: Json, topic: str, body: str = "", **more: Any) -> str:
        with self._lock:
            part = self.world.add(conversation, kind, author, body, **more)
            self._notify(topic, self.world.conversations[conversation], part)
            return str(part["id"])

    def _notify(self, topic: str, conversation: Json, part: Json | None = None) -> None:
        self._notified += 1
        told = {
            "type": "notification_event",
            "app_id": World.app,
            "id": f"notif_{self._notified:08d}",
            "topic": topic,
            "data": {
                "type": "notification_event_data",
                "item": conversation | {"conversation_parts": parts_of([part] if part else [])},
            },
            "created_at": int(time.time()),
        }
        self.courier.send(json.dumps(told).encode())

    def _app(self) -> Flask:
        app = stage(f"intercom-{id(self)}", self.knobs)
        app.before_request(self._admitted)
        app.after_request(self._kept)
        app.get("/me", endpoint="me")(lambda: _json(self.world.me()))
        app.get("/admins", endpoint="admins")(lambda: _json(self.world.team()))
        app.get("/conversations/<id>")(self._find)
        app.post("/conversations/<id>/reply")(self._reply)
        app.post("/conversations/search")(self._search)
        return app

    def _admitted(self) -> Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "unauthorized", "Access Token Invalid")
        if request.headers.get("Intercom-Version") != VERSION:
            return _error(400, "intercom_version_invalid", "The requested version could not be found")
        return None

    def _kept(self, response: Response) -> Response:
        response.headers["X-RateLimit-Reset"] = str((int(time.time()) // WINDOW + 1) * WINDOW)
        answer = b"" if response.is_streamed else response.get_data()
        self.exchanges.append(Exchange(request.method, request.path, request.get_data(), response.status_code, answer))
        return response

    def _find(self, id: str) -> Response:
        with self._lock:
            found = self.world.conversations.get(id)
            return _json(found) if found else _error(404, "not_found", "Resource Not Found")

    def _reply(self, id: str) -> Response:
        asked = request.get_json()
        kind, admin = asked.get("message_type"), str(asked.get("admin_id"))
        with self._lock:
            if id not in self.world.conversations:
                return _error(404, "conversation_not_found", "Resource Not Found")
            if admin not in ADMINS or kind not in ("comment", "note") or not asked.get("body"):
                return _error(422, "parameter_invalid", "Admin, message type or body is not valid")
            topic = "conversation.admin.replied" if kind == "comment" else "conversation.admin.noted"
            author, body = self.world.admin(admin), clean(asked["body"])
            part = self._part(id, kind, author, topic, body)
            self.ledger.add(Write(kind, id, from_html(body), "", datetime.now(UTC), kind == "comment"))
            return _json(self.world.only(id, part))

    def _search(self) -> Response:
        asked = request.get_json()
        query, paging = asked["query"], asked.get("pagination") or {}
        if (query.get("field"), query.get("operator")) != ("updated_at", ">"):
            return _error(400, "parameter_invalid", "Only updated_at with > is played here")
        with self._lock:
            return _json(self.world.search(query["value"], paging.get("per_page", 20), paging.get("starting_after")))


def sign(body: bytes, _at: datetime) -> dict[str, str]:
    """The vendor's seal: SHA-1, no time."""
    return {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()}


def _json(data: object, status: int = 200) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json")


def _error(status: int, code: str, message: str) -> Response:
    errors = [{"code": code, "message": message}]
    return _json({"type": "error.list", "request_id": None, "errors": errors}, status)


def _thread(c: Json) -> StageThread:
    source = c["source"]
    first = StageMessage(source["id"], "customer", source["author"]["name"], source["body"], _at(c["created_at"]))
    parts = [p for p in c["conversation_parts"]["conversation_parts"] if p["body"] or p["attachments"]]
    title = c["title"] or source["subject"] or from_html(source["body"])[:60]
    return StageThread(c["id"], title, c["state"], source["author"]["email"], (first, *map(_message, parts)))


def _message(part: Json) -> StageMessage:
    author = part["author"]
    side = {"user": "customer", "bot": "bot"}.get(author["type"], "bot" if author["id"] == BOT else "agent")
    shown = clean(part["body"] or "") + "".join(to_html(f"[{a['name']}]") for a in part["attachments"])
    side = "note" if part["part_type"] == "note" else side
    return StageMessage(part["id"], side, author["name"], shown, _at(part["created_at"]))


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
