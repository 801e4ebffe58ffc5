"""The HTTP API of the fake, as far as the connector calls it: https://developer.zendesk.com/api-reference/ticketing."""

import secrets
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from time import monotonic

import nh3
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from bot.text.markup import from_html
from connectors.stage import Knobs, Ledger, Write, stage
from connectors.zendesk.book import ADMIN, Book, Json, said

CLIENT, CLIENT_SECRET, REFRESH = "understudy", "fake-client-secret", "first-refresh-token"
TOKENS = "/oauth/tokens"


class Tokens:
    """OAuth as the vendor does it: access tokens end, a refresh makes the old pair useless."""

    def __init__(self) -> None:
        self.ttl, self.granted = 1800.0, 0
        self._access: dict[str, float] = {}
        self._refresh = REFRESH
        self._lock = threading.Lock()

    def good(self, header: str) -> bool:
        """Is it a bearer token that has not ended?"""
        return self._access.get(header.removeprefix("Bearer "), 0.0) > monotonic()

    def expire(self) -> None:
        self._access.clear()

    def grant(self, asked: Json) -> ResponseReturnValue:
        """A new token for a client that knows its secret, and its refresh token where it has one."""
        refreshes = asked["grant_type"] == "refresh_token"
        with self._lock:
            if (asked["client_id"], asked["client_secret"]) != (CLIENT, CLIENT_SECRET):
                return jsonify(error="invalid_client"), 401
            if refreshes and asked["refresh_token"] != self._refresh:
                return jsonify(error="invalid_grant"), 400
            if refreshes:
                self._access, self._refresh = {}, secrets.token_hex(16)
            self.granted += 1
            token = secrets.token_hex(16)
            self._access[token] = monotonic() + self.ttl
            answer = {"access_token": token, "token_type": "bearer", "expires_in": int(self.ttl)}
            return jsonify(answer | ({"refresh_token": self._refresh} if refreshes else {}))


class Api:
    """Answers requests from a `Book`. `updated` hears of tickets that were
    changed; `seen` are the newest requests, as `GET /api/v2/tickets/1.json`."""

    def __init__(self, book: Book, knobs: Knobs, ledger: Ledger, secret: str, updated: Callable[[Json], None]) -> None:
        self.book, self.ledger, self.secret, self.updated = book, ledger, secret, updated
        self.tokens, self.seen = Tokens(), deque[str](maxlen=1000)
        self.hooks: list[Json] = []
        self.triggers: list[Json] = []
        self.app = self._routed(stage("zendesk", knobs))

    def _routed(self, app: Flask) -> Flask:
        app.before_request(self._signed_in)
        app.add_url_rule(TOKENS, "tokens", lambda: self.tokens.grant(request.get_json()), methods=["POST"])
        views: dict[str, Callable[..., ResponseReturnValue]] = {
            "GET tickets.json": self._list,
            "GET tickets/<int:number>.json": self._show,
            "PUT tickets/<int:number>.json": self._update,
            "GET tickets/<int:number>/audits.json": self._audits,
            "GET users.json": self._users_by_role,
            "GET users/show_many.json": self._users,
            "GET users/me.json": lambda: jsonify(user=self.book.users[ADMIN]),
            "GET brands.json": lambda: jsonify(brands=self.book.brands),
            "GET webhooks": lambda: jsonify(webhooks=self.hooks),
            "POST webhooks": self._make_hook,
            "GET webhooks/<hook>/signing_secret": self._signing_secret,
            "POST triggers.json": self._make_trigger,
        }
        for path, view in views.items():
            method, _, rule = path.partition(" ")
            app.add_url_rule(f"/api/v2/{rule}", path, view, methods=[method])
        return app

    def _signed_in(self) -> ResponseReturnValue | None:
        self.seen.append(f"{request.method} {request.path}")
        if request.path == TOKENS or self.tokens.good(request.headers.get("Authorization", "")):
            return None
        return jsonify(error="invalid_token", error_description="The access token is expired"), 401

    def _show(self, number: int) -> Response:
        with self.book.lock:
            ticket = self.book.tickets.get(number)
            if ticket is None:
                return _no(404, "RecordNotFound", "Not found")
            users = {ticket[role] for role in ("requester_id", "submitter_id", "assignee_id")} - {None}
            sides = {"groups": self.book.groups, "organizations": self.book.organizations}
            return jsonify(ticket=ticket, users=[self.book.users[u] for u in users], **sides)

    def _audits(self, number: int) -> Response:
        with self.book.lock:
            audits, meta = _page(self.book.audits.get(number, []))
            users = [self.book.users[u] for u in {a["author_id"] for a in audits} if u in self.book.users]
            return jsonify(audits=audits, users=users, meta=meta)

    def _users(self) -> Response:
        ids = [int(i) for i in request.args["ids"].split(",")]
        return jsonify(users=[self.book.users[i] for i in ids if i in self.book.users])

    def _users_by_role(self) -> Response:
        roles = request.args.getlist("role[]")
        with self.book.lock:
            users, meta = _page([u for u in self.book.users.values() if u["role"] in roles])
            return jsonify(users=users, meta=meta)

    def _list(self) -> Response:
        with self.book.lock:
            tickets, meta = _page(self.book.newest())
            return jsonify(tickets=tickets, meta=meta)

    def _update(self, number: int) -> Response:
        asked = request.get_json()["ticket"]
        with self.book.lock:
            ticket = self.book.tickets.get(number)
            if ticket is None:
                return _no(404, "RecordNotFound", "Not found")
            if ticket["status"] == "closed":
                return _no(422, "RecordInvalid", "Record validation errors", "Status: closed prevents ticket update")
            if asked.get("safe_update") and ticket["updated_at"] > asked["updated_stamp"]:
                return _no(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data")
            answer = jsonify(ticket=ticket, audit=self._applied(ticket, asked))
        self.updated(ticket)
        return answer

    def _applied(self, ticket: Json, asked: Json) -> Json:
        comment, custom = asked["comment"], asked.get("metadata", {})
        html, public = nh3.clean(comment["html_body"]), comment["public"]  # the vendor keeps no scripts either
        audit = self.book.record(
            ticket, ADMIN, [said(html, comment["author_id"], public=public)], via="api", custom=custom
        )
        action, key, at = (
            "reply" if public else "note",
            custom.get("understudy", ""),
            datetime.fromisoformat(audit["created_at"]),
        )
        self.ledger.add(Write(action, str(ticket["id"]), from_html(html), key, at, public))
        return audit

    def _make_hook(self) -> Response:
        hook = request.get_json()["webhook"] | {"id": f"01HOOK{len(self.hooks)}"}
        self.hooks.append(hook)
        return jsonify(webhook=hook)

    def _signing_secret(self, hook: str) -> Response:
        return jsonify(signing_secret={"algorithm": "SHA256", "secret": self.secret})

    def _make_trigger(self) -> Response:
        self.triggers.append(request.get_json()["trigger"])
        return jsonify(trigger=self.triggers[-1])


def _page(rows: list[Json]) -> tuple[list[Json], Json]:
    start = int(request.args.get("page[after]", 0))
    end = start + int(request.args["page[size]"])
    return rows[start:end], {"has_more": len(rows) > end, "after_cursor": str(end)}


def _no(status: int, error: str, description: str, detail: str = "") -> Response:
    details = {"base": [{"description": detail}]} if detail else {}
    response = jsonify(error=error, description=description, details=details)
    response.status_code = status
    return response
