"""A Zendesk account on loopback: its HTTP API as far as we call it, its people, and its signed webhooks.

The API: https://developer.zendesk.com/api-reference/ticketing.
"""

import base64
import hmac
import json
import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from bot.ports import StageMessage, StageThread
from bot.text.markup import from_html
from connectors.stage import Courier, Knobs, Ledger, Server, Write, stage
from connectors.zendesk.book import ADMIN, BOT, BRAND, GROUP, Book, Json, said, text
from connectors.zendesk.guide import Guide, page

ACCOUNT = 4711
CLIENT, CLIENT_SECRET, TOKENS = "understudy", "fake-client-secret", "/oauth/tokens"
BRANDS = [{"id": BRAND, "name": "Fernweh"}, {"id": BRAND + 1, "name": "Fernweh Outlet"}]
SIDES = {"end-user": "customer", "agent": "agent", "admin": "agent"}


class Fake(Book):
    """A `bot.ports.Stage` whose webhooks are those of event subscriptions. `tokens` are the access tokens that are
    good, `granted` counts those ever given; `seen` are the newest requests, as `GET /api/v2/tickets/1.json`."""

    name = "zendesk"

    def __init__(self) -> None:
        super().__init__(self._ring)
        self.knobs, self.ledger, self.secret = Knobs(), Ledger(), secrets.token_urlsafe(24)
        self.tokens, self.granted, self.seen = set[str](), 0, deque[str](maxlen=1000)
        self.guide = Guide(self)
        self.article, self.archive = self.guide.article, self.guide.archive
        self.alone = False  # leaves out what is asked for beside audits
        self.hooks: list[Json] = []
        self.triggers: list[Json] = []
        self.courier = Courier(self.knobs, self._sign)
        self.server = Server(self._routed(stage(self.name, self.knobs)))
        self.url = self.server.url

    def settings(self) -> dict[str, str]:
        """Client credentials of this account."""
        return {
            "ZENDESK_SUBDOMAIN": "fernweh",
            "ZENDESK_BASE_URL": self.url,
            "ZENDESK_CLIENT_ID": CLIENT,
            "ZENDESK_CLIENT_SECRET": CLIENT_SECRET,
            "ZENDESK_WEBHOOK_SECRET": self.secret,
            "ZENDESK_AUTHOR_ID": str(BOT),
            "ZENDESK_ACCOUNT_ID": str(ACCOUNT),
        }

    def hook(self, url: str) -> None:
        """Webhooks go to the door there."""
        self.courier.url = f"{url}/webhooks/zendesk"

    def close(self) -> None:
        self.server.close()

    def threads(self) -> tuple[StageThread, ...]:
        return tuple(self._thread(t) for t in self.newest())

    def _thread(self, ticket: Json) -> StageThread:
        with self.lock:
            spoken = [(a, e) for a in self.audits[ticket["id"]] for e in a["events"] if e["type"] == "Comment"]
        customer = self.users[ticket["requester_id"]]["name"]
        messages = tuple(self._message(a, e) for a, e in spoken)
        return StageThread(str(ticket["id"]), ticket["subject"], ticket["status"], customer, messages)

    def _message(self, audit: Json, event: Json) -> StageMessage:
        user = self.users.get(event["author_id"], {"name": "Answer bot", "role": ""})
        side = "bot" if event["author_id"] == BOT else SIDES.get(user["role"], "bot")
        at = datetime.fromisoformat(audit["created_at"])
        return StageMessage(str(event["id"]), side if event["public"] else "note", user["name"], event["html_body"], at)

    def _sign(self, body: bytes, at: datetime) -> dict[str, str]:
        stamp = text(at)
        seal = base64.b64encode(hmac.digest(self.secret.encode(), stamp.encode() + body, "sha256")).decode()
        return {"X-Zendesk-Webhook-Signature-Timestamp": stamp, "X-Zendesk-Webhook-Signature": seal}

    def _ring(self, ticket: Json, kind: str) -> None:
        """An event subscription: ids are text and states upper-case, unlike anywhere else at this vendor. One
        invocation id for each delivery, however often it is tried."""
        event = {
            "type": f"zen:event-type:ticket.{kind}", "id": str(uuid4()), "account_id": ACCOUNT,
            "time": ticket["updated_at"], "subject": f"zen:ticket:{ticket['id']}", "event": {},
            "detail": {"id": str(ticket["id"]), "status": ticket["status"].upper()},
        }  # fmt: skip
        self.courier.send(json.dumps(event).encode(), {"X-Zendesk-Webhook-Invocation-Id": uuid4().hex.upper()})

    def _routed(self, app: Flask) -> Flask:
        app.before_request(self._refused)
        app.add_url_rule(TOKENS, "tokens", self._grant, methods=["POST"])
        views: dict[str, Callable[..., ResponseReturnValue]] = {
            "GET tickets.json": lambda: jsonify(page("tickets", self.newest())),
            "GET tickets/<int:number>.json": self._show,
            "PUT tickets/<int:number>.json": self._update,
            "GET tickets/<int:number>/audits.json": self._history,
            "GET users.json": lambda: jsonify(page("users", self._users("role", request.args.getlist("role[]")))),
            "GET users/show_many.json": lambda: jsonify(users=self._users("id", request.args["ids"].split(","))),
            "GET brands.json": lambda: jsonify(brands=BRANDS),
            "GET webhooks": lambda: jsonify(webhooks=self.hooks),
            "GET webhooks/<hook>/signing_secret": lambda hook: jsonify(signing_secret={"secret": self.secret}),
            "POST webhooks": lambda: _made("webhook", self.hooks),
            "GET triggers.json": lambda: jsonify(page("triggers", self.triggers)),
            "POST triggers.json": lambda: _made("trigger", self.triggers),
            **self.guide.views(),
        }
        for path, view in views.items():
            method, _, rule = path.partition(" ")
            app.add_url_rule(f"/api/v2/{rule}", path, view, methods=[method])
        return app

    def _refused(self) -> ResponseReturnValue | None:
        """Who is not signed in, or asks for a ticket that is not there."""
        self.seen.append(f"{request.method} {request.path}")
        if request.path == TOKENS:
            return None
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _no(401, "invalid_token", "The access token is expired")
        number = (request.view_args or {}).get("number")
        if number is not None and number not in self.tickets:
            return _no(404, "RecordNotFound", "Not found")
        return None

    def _grant(self) -> ResponseReturnValue:
        asked = request.get_json()
        if (asked["client_id"], asked["client_secret"]) != (CLIENT, CLIENT_SECRET):
            return _no(401, "invalid_client", "Client authentication failed")
        token = secrets.token_hex(16)
        self.tokens.add(token)
        self.granted += 1
        return jsonify(access_token=token, token_type="bearer", expires_in=1800)

    def _users(self, field: str, values: list[str]) -> list[Json]:
        with self.lock:
            return [user for user in self.users.values() if str(user[field]) in values]

    def _show(self, number: int) -> ResponseReturnValue:
        ticket = self.tickets[number]
        return jsonify(ticket=ticket, **self._beside(ticket["requester_id"], ticket["assignee_id"]))

    def _history(self, number: int) -> ResponseReturnValue:
        """A page of audits; where the ticket is asked for beside them, with who made these."""
        found = page("audits", self.audits[number])
        if "tickets" in request.args.get("include", "").split(",") and not self.alone:
            found |= {"tickets": [self.tickets[number]], **self._beside(*(a["author_id"] for a in found["audits"]))}
        return jsonify(found)

    def _beside(self, *users: int | None) -> Json:
        known = [self.users[user] for user in dict.fromkeys(users) if user in self.users]
        return {"users": known, "groups": [{"id": GROUP, "name": "Support"}], "organizations": []}

    def _update(self, number: int) -> ResponseReturnValue:
        asked = request.get_json()["ticket"]
        with self.lock:
            ticket = self.tickets[number]
            if ticket["status"] == "closed":
                return _no(422, "RecordInvalid", "Record validation errors", "Status: closed prevents ticket update")
            if asked.get("safe_update") and ticket["updated_at"] > asked["updated_stamp"]:
                return _no(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data")
            return jsonify(ticket=ticket, audit=self._applied(ticket, asked))

    def _applied(self, ticket: Json, asked: Json) -> Json:
        comment, mark = asked["comment"], asked["metadata"]["understudy"]
        words = said(comment["html_body"], comment["author_id"], public=comment["public"])
        audit = self.record(ticket, ADMIN, words, via="api", mark=mark)
        shown, action = from_html(words["html_body"]), "reply" if words["public"] else "note"
        self.ledger.add(Write(action, str(ticket["id"]), shown, mark, words["public"]))
        return audit


def _made(what: str, kept: list[Json]) -> Response:
    kept.append({"id": f"01HOOK{len(kept)}"} | request.get_json()[what])
    return jsonify({what: kept[-1]})


def _no(status: int, error: str, description: str, detail: str = "") -> ResponseReturnValue:
    details = {"base": [{"description": detail}]} if detail else {}
    return jsonify(error=error, description=description, details=details), status
