"""Intercom on loopback: its API as far as we call it, its webhooks signed its way, its people on request.

The vendor's quirks are kept: HTML it rewrites, times in whole seconds, a notification with the new part only,
a limit told by `X-RateLimit-Reset`, and a search whose pages hang together by a cursor.
"""

import hmac
import json
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, Response, request

from bot.ports import StageMessage, StageThread
from bot.text.markup import from_html, to_html
from connectors.intercom.world import APP, BOT, CLEANER, FERNWEH, OPEN, TEAM, Json, World
from connectors.stage import Courier, Knobs, Ledger, Server, Write, stage

TOKEN = "fake-intercom-token"
SECRET = "fake-intercom-client-secret"
WINDOW = 10  # seconds over which the vendor counts calls
VERSION = "2.14"


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
        self.knobs, self.ledger, self.world = Knobs(), Ledger(), World(self._notify)
        self.exchanges: deque[Exchange] = deque(maxlen=2000)
        self.article, self.archive = self.world.article, self.world.archive
        self.courier = Courier(self.knobs, sign)
        self.server = Server(self._app(), port)
        self.url = self.server.url

    def settings(self) -> dict[str, str]:
        """As the port says."""
        return {
            "INTERCOM_TOKEN": TOKEN,
            "INTERCOM_CLIENT_SECRET": SECRET,
            "INTERCOM_ADMIN_ID": BOT,
            "INTERCOM_APP_ID": APP,
            "INTERCOM_BASE_URL": self.url,
            "INTERCOM_COLLECTIONS": OPEN,
        }

    def hook(self, url: str) -> None:
        """As the port says."""
        self.courier.url = f"{url}/webhooks/intercom"

    def close(self) -> None:
        """Stop serving."""
        self.server.close()

    def customer_says(self, text: str, *, customer: str, conversation: str = "", subject: str = "") -> str:
        """As the port says; a subject makes it an e-mail."""
        author = self.world.contact(customer)
        if not conversation:
            return str(self.world.begin(author, to_html(text), subject)["id"])
        # A reply to a closed conversation opens it, and then "open" is the part's type.
        kind = "comment" if self.world.conversations[conversation]["open"] else "open"
        self.world.add(conversation, kind, author, to_html(text), state="open")
        return conversation

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """As the port says."""
        author = TEAM[agent]
        part = self.world.add(conversation, "comment" if public else "note", author, to_html(text))
        if status in ("closed", "solved"):
            self.world.add(conversation, "close", author, state="closed")
        return _part_id(part)

    def fin_answers(self, text: str, *, conversation: str, state: str = "assumed_resolution") -> str:
        """The vendor's own bot answers, with that resolution state; the part's id."""
        agent = {"resolution_state": state, "source_type": "profile"}
        self.world.conversations[conversation] |= {"ai_agent": agent, "ai_agent_participated": True}
        return _part_id(self.world.add(conversation, "comment", FERNWEH["fin"], to_html(text)))

    def attach(self, conversation: str, name: str, *, customer: str, inline: bool = False) -> str:
        """A customer sends a file and no words; `inline` as a picture in the text; the part's id."""
        url = f"https://downloads.example/{name}?expires=1"
        file = {"type": "upload", "name": name, "url": url, "content_type": "image/png", "filesize": 48213}
        body = f'<div class="container"><img src="{url}"></div>' if inline else ""
        author, files = self.world.contact(customer), [] if inline else [file]
        return _part_id(self.world.add(conversation, "comment", author, body, attachments=files))

    def threads(self) -> tuple[StageThread, ...]:
        """As the port says."""
        return tuple(_thread(c) for c in self.world.newest())

    def _notify(self, topic: str, item: Json) -> None:
        told = {
            "type": "notification_event",
            "app_id": APP,
            "id": f"notif_{self.world.new_id()}",
            "topic": f"conversation.{topic}",
            "data": {"type": "notification_event_data", "item": item},
            "created_at": int(time.time()),
        }
        self.courier.send(json.dumps(told).encode())

    def _app(self) -> Flask:
        app = stage("intercom", self.knobs)
        app.before_request(_admitted)
        app.after_request(self._kept)
        app.get("/me", endpoint="me")(lambda: _json(TEAM[BOT] | {"app": FERNWEH["app"]}))
        app.get("/admins")(_admins)
        app.get("/articles")(self._articles)
        app.get("/conversations/<id>")(self._find)
        app.post("/conversations/<id>/reply")(self._reply)
        app.post("/conversations/search")(self._search)
        return app

    def _kept(self, response: Response) -> Response:
        response.headers["X-RateLimit-Reset"] = str((int(time.time()) // WINDOW + 1) * WINDOW)
        answer = b"" if response.is_streamed else response.get_data()
        self.exchanges.append(Exchange(request.method, request.path, request.get_data(), response.status_code, answer))
        return response

    def _articles(self) -> Response:
        return _json(self.world.shown(int(request.args["page"]), int(request.args["per_page"])))

    def _find(self, id: str) -> Response:
        found = self.world.conversations.get(id)
        return _json(found) if found else _error(404, "not_found", "Resource Not Found")

    def _reply(self, id: str) -> Response:
        asked = request.get_json()
        kind, body = asked["message_type"], CLEANER.clean(asked["body"])
        if id not in self.world.conversations:
            return _error(404, "conversation_not_found", "Resource Not Found")
        answer = self.world.add(id, kind, TEAM[asked["admin_id"]], body)
        self.ledger.add(Write(kind, id, from_html(body), "", kind == "comment"))
        return _json(answer)

    def _search(self) -> Response:
        asked = request.get_json()
        paging = asked["pagination"]
        return _json(self.world.search(asked["query"]["value"], paging["per_page"], paging.get("starting_after")))


def sign(body: bytes, _at: datetime) -> dict[str, str]:
    """The vendor's seal: SHA-1, no time."""
    return {"X-Hub-Signature": "sha1=" + hmac.digest(SECRET.encode(), body, "sha1").hex()}


def _admitted() -> Response | None:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return _error(401, "unauthorized", "Access Token Invalid")
    if request.headers.get("Intercom-Version") != VERSION:
        return _error(400, "intercom_version_invalid", "The requested version could not be found")
    return None


def _admins() -> Response:
    return _json({"type": "admin.list", "admins": [a | {"has_inbox_seat": True} for a in FERNWEH["admins"]]})


def _json(data: object, status: int = 200) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json")


def _error(status: int, code: str, message: str) -> Response:
    errors = [{"code": code, "message": message}]
    return _json({"type": "error.list", "request_id": None, "errors": errors}, status)


def _part_id(shown: Json) -> str:
    return str(shown["conversation_parts"]["conversation_parts"][-1]["id"])


def _thread(c: Json) -> StageThread:
    source = c["source"]
    first = StageMessage(source["id"], "customer", source["author"]["name"], source["body"], _at(c["created_at"]))
    parts = [p for p in c["conversation_parts"]["conversation_parts"] if p["body"]]
    title = source["subject"] or from_html(source["body"])[:60]
    return StageThread(c["id"], title, c["state"], source["author"]["email"], (first, *map(_message, parts)))


def _message(part: Json) -> StageMessage:
    author = part["author"]
    side = {"user": "customer", "bot": "bot"}.get(author["type"], "bot" if author["id"] == BOT else "agent")
    side = "note" if part["part_type"] == "note" else side
    return StageMessage(part["id"], side, author["name"], CLEANER.clean(part["body"]), _at(part["created_at"]))


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
