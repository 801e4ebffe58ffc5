"""A Zendesk account on loopback: its HTTP API as far as we call it, its people, and its signed webhooks."""

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import nh3

from bot.ports import StageMessage, StageThread
from bot.text.markup import to_html
from connectors.stage import Courier, Knobs, Ledger, Server
from connectors.zendesk.book import ADMIN, BOT, Book, Json, said, text
from connectors.zendesk.fakeapi import CLIENT, CLIENT_SECRET, Api

ACCOUNT = 4711
SIDES = {"end-user": "customer", "agent": "agent", "admin": "agent"}


class Fake:
    """A `bot.ports.Stage` whose webhooks are those of event subscriptions."""

    name = "zendesk"

    def __init__(self, port: int = 0) -> None:
        self.book, self.knobs, self.ledger = Book(), Knobs(), Ledger()
        self.secret = secrets.token_urlsafe(24)
        self.courier = Courier(self.knobs, self._sign)
        self.api = Api(self.book, self.knobs, self.ledger, self.secret, lambda t: self._ring(t, "comment_added"))
        self.server = Server(self.api.app, port)
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

    def customer_says(
        self,
        text: str,
        *,
        customer: str,
        conversation: str = "",
        subject: str = "",
        html: str = "",
        files: Sequence[Json] = (),
    ) -> str:
        """By e-mail; a solved ticket opens again, a closed one stays closed and a new one follows."""
        user = self.book.person(customer, "end-user")["id"]
        with self.book.lock:
            ticket = self.book.tickets.get(int(conversation or 0))
            if ticket is None or ticket["status"] == "closed":
                ticket = self.book.open(user, subject or text.partition("\n")[0][:80], "email")
            opened = {"status": "open"} if ticket["status"] in ("pending", "hold", "solved") else {}
            events = [
                said(nh3.clean(html) or to_html(text), user, public=True, files=files),
                *self.book.set(ticket, opened),
            ]
            self._record(ticket, user, events, via="email")
        return str(ticket["id"])

    def agent_says(
        self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "", macro: str = ""
    ) -> str:
        """In the agent workspace, perhaps with a macro of that title; who answers first takes the ticket."""
        user = self.book.person(agent, "agent")["id"]
        used = [{"type": "AgentMacroReference", "macro_id": "77", "macro_title": macro}] if macro else []
        with self.book.lock:
            ticket = self._ticket(conversation)
            taken = {"assignee_id": ticket["assignee_id"] or user} if public else {}
            becomes = status or ("open" if ticket["status"] == "new" and public else ticket["status"])
            changes = self.book.set(ticket, taken | {"status": becomes})
            audit = self._record(ticket, user, [said(to_html(text), user, public=public), *used, *changes])
        if status:
            self._ring(ticket, "status_changed")
        return str(audit["events"][0]["id"])

    def change(self, conversation: str, *, agent: str = "tomasz@fernweh.example", **values: object) -> None:
        """Someone on the team sets fields (status, tags, brand_id, group_id…) and says nothing."""
        user, ticket = self.book.person(agent, "agent")["id"], self._ticket(conversation)
        with self.book.lock:
            self._record(ticket, user, self.book.set(ticket, values), "status_changed")

    def attach(self, name: str, *, customer: str, conversation: str = "", inline: bool = False) -> str:
        """A customer sends a picture and no word, as a file or within the text; the conversation's id."""
        url = f"{self.url}/attachments/token/abc/?name={name}"
        if inline:
            html = f'<p><img src="{url}" style="max-width: 100%"></p>'
            return self.customer_says("", customer=customer, conversation=conversation, subject="Help", html=html)
        file = {"file_name": name, "content_type": "image/png", "size": 68_000, "content_url": url}
        return self.customer_says("", customer=customer, conversation=conversation, subject="Help", files=[file])

    def rate(self, conversation: str, score: str) -> None:
        """The customer's rating: good or bad."""
        ticket = self._ticket(conversation)
        with self.book.lock:
            ticket["satisfaction_rating"] = {"score": score}
            rated = {"type": "SatisfactionRating", "score": score}
            self._record(ticket, ticket["requester_id"], [rated], "csat_received")

    def redact(self, conversation: str, message: str, word: str) -> None:
        """Blacken a word of a message, for good."""
        ticket = self._ticket(conversation)
        with self.book.lock:
            event = self.book.comment(int(message))
            event["html_body"] = event["html_body"].replace(word, "▇" * len(word))
            redacted = {"type": "CommentRedactionEvent", "comment_id": event["id"]}
            self._record(ticket, ADMIN, [redacted], "comment_redacted")

    def other_bot_says(self, text: str, *, conversation: str) -> None:
        comment = said(to_html(text), -1, public=True)
        self._record(self._ticket(conversation), -1, [comment], via="answer_bot_for_web_widget")

    def threads(self) -> tuple[StageThread, ...]:
        with self.book.lock:
            return tuple(self._thread(t) for t in self.book.newest())

    def _thread(self, ticket: Json) -> StageThread:
        spoken = [(a, e) for a in self.book.audits[ticket["id"]] for e in a["events"] if e["type"] == "Comment"]
        messages = tuple(self._message(a, e) for a, e in spoken)
        customer = self.book.users[ticket["requester_id"]]["name"]
        return StageThread(str(ticket["id"]), ticket["subject"], ticket["status"], customer, messages)

    def _message(self, audit: Json, event: Json) -> StageMessage:
        user = self.book.users.get(event["author_id"], {"name": "Answer bot", "role": ""})
        side = "bot" if event["author_id"] == BOT else SIDES.get(user["role"], "bot")
        side = side if event["public"] else "note"
        return StageMessage(
            str(event["id"]), side, user["name"], event["html_body"], datetime.fromisoformat(audit["created_at"])
        )

    def _record(
        self, ticket: Json, author: int, events: Sequence[Json], kind: str = "comment_added", via: str = "web"
    ) -> Json:
        audit = self.book.record(ticket, author, events, via=via)
        self._ring(ticket, kind)
        return audit

    def _ticket(self, id: str) -> Json:
        return self.book.tickets[int(id)]

    def _sign(self, body: bytes, at: datetime) -> dict[str, str]:
        stamp = text(at)
        seal = hmac.digest(self.secret.encode(), stamp.encode() + body, "sha256")
        return {
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            "X-Zendesk-Webhook-Signature": base64.b64encode(seal).decode(),
        }

    def _ring(self, ticket: Json, kind: str) -> None:
        """Once for each delivery, however often it is tried."""
        if self.courier.url:
            headers = {"X-Zendesk-Account-Id": str(ACCOUNT), "X-Zendesk-Webhook-Id": "01HOOK"}
            headers["X-Zendesk-Webhook-Invocation-Id"] = uuid4().hex.upper()
            self.courier.send(json.dumps(_event(ticket, kind)).encode(), headers)


def _event(ticket: Json, kind: str) -> Json:
    """An event subscription's envelope: ids are text and states upper-case, unlike anywhere else at this vendor."""
    detail = {"id": str(ticket["id"]), "status": ticket["status"].upper(), "updated_at": ticket["updated_at"]}
    return {
        "type": f"zen:event-type:ticket.{kind}", "id": str(uuid4()), "account_id": ACCOUNT,
        "time": ticket["updated_at"],
        "zendesk_event_version": "2022-11-06", "subject": f"zen:ticket:{ticket['id']}", "event": {}, "detail": detail,
    }  # fmt: skip
