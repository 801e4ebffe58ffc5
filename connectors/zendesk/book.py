"""What a Zendesk account holds, as far as the fake needs it, in the vendor's JSON; and what its people do there.

Stamps have whole seconds, as at the vendor; but a ticket's `updated_at` always moves, by a second at least, so that
of two updates within one second the second one is still told from the first (the vendor cannot; then nothing
is stale there that would be stale here). Times of audits are the real ones, in whole seconds.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import nh3

from bot.ports import Clock
from bot.text.markup import to_html
from connectors.http import mended

Json = dict[str, Any]
BOT, ADMIN, BRAND, GROUP = 900, 101, 7, 8
PEOPLE = (
    (BOT, "Fernweh Support", "understudy@fernweh.example", "agent"),
    (ADMIN, "Ines Duarte", "ines@fernweh.example", "admin"),
    (102, "Tomasz Wilk", "tomasz@fernweh.example", "agent"),
    (103, "Priya Nair", "priya@fernweh.example", "agent"),
    (201, "Maria Keller", "maria@example.com", "end-user"),
    (202, "Jonas Brandt", "jonas@example.com", "end-user"),
    (203, "Aiko Tanaka", "aiko@example.com", "end-user"),
)


def text(at: datetime) -> str:
    """As the vendor writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Book:
    """Every change of a ticket is one audit in `audits`, and `heard` is told of it: the ticket and what happened."""

    def __init__(self, heard: Callable[[Json, str], None]) -> None:
        self.heard = heard
        self.clock: Clock = lambda: datetime.now(UTC)
        self.lock = threading.RLock()
        self.users = {person[0]: _user(*person) for person in PEOPLE}
        self.tickets: dict[int, Json] = {}
        self.audits: dict[int, list[Json]] = {}
        self.next = count(10_000)

    def person(self, who: str, role: str) -> int:
        """The id of a user by e-mail, id or name; made when unknown."""
        with self.lock:
            known = next((u for u in self.users.values() if who in (u["email"], str(u["id"]), u["name"])), None)
            if known is None:
                email = who if "@" in who else f"{who.lower().replace(' ', '.')}@example.com"
                name = who.partition("@")[0].replace(".", " ").title()
                known = _user(next(self.next), name, email, role)
                self.users[known["id"]] = known
            return int(known["id"])

    def customer_says(self, text: str, *, customer: str, conversation: str = "", subject: str = "") -> str:
        """By e-mail, as all that customers say here."""
        return self.mail(to_html(text), customer, conversation, subject or text.partition("\n")[0][:80])

    def attach(self, name: str, *, customer: str) -> str:
        """A customer sends a picture and no word; the conversation's id."""
        return self.mail("", customer, "", "Help", [{"file_name": name, "content_type": "image/png", "size": 68_000}])

    def mail(self, html: str, customer: str, conversation: str, subject: str, files: Sequence[Json] = ()) -> str:
        """A solved ticket opens again, a closed one stays closed and a new one follows; the ticket's id."""
        user = self.person(customer, "end-user")
        with self.lock:
            ticket = self.tickets.get(int(conversation or 0))
            if ticket is None or ticket["status"] == "closed":
                ticket = self._open(user, subject)
            words = said(html, user) | {"attachments": list(files)}
            opened = self.alter(ticket, status="new" if ticket["status"] == "new" else "open")
            self.record(ticket, user, words, *opened, via="email")
        return str(ticket["id"])

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """In the agent workspace; who answers first takes the ticket."""
        user, ticket = self.person(agent, "agent"), self.tickets[int(conversation)]
        with self.lock:
            taken = self.alter(ticket, assignee_id=ticket["assignee_id"] or user) if public else []
            becomes = status or ("open" if ticket["status"] == "new" and public else ticket["status"])
            words = said(to_html(text), user, public=public)
            audit = self.record(ticket, user, words, *taken, *self.alter(ticket, status=becomes))
        return str(audit["events"][0]["id"])

    def alter(self, ticket: Json, **values: object) -> list[Json]:
        """Set fields; an event for each that got another value, to be recorded."""
        changed = {field: value for field, value in values.items() if ticket[field] != value}
        ticket.update(changed)
        return [{"type": "Change", "field_name": field, "value": value} for field, value in changed.items()]

    def record(self, ticket: Json, author: int, *events: Json, via: str = "web", mark: str = "") -> Json:
        """One update: an audit with these events, and a new stamp."""
        with self.lock:
            now = self.clock().replace(microsecond=0)
            audit = {
                "id": next(self.next), "ticket_id": ticket["id"], "author_id": author, "created_at": text(now),
                "via": {"channel": via}, "metadata": {"system": {}, "custom": {"understudy": mark} if mark else {}},
                "events": [{"id": next(self.next)} | e for e in events],
            }  # fmt: skip
            self.audits[ticket["id"]].append(audit)
            ticket["updated_at"] = text(max(now, datetime.fromisoformat(ticket["updated_at"]) + timedelta(seconds=1)))
        self.heard(ticket, "comment_added" if any(e["type"] == "Comment" for e in events) else "status_changed")
        return audit

    def _open(self, requester: int, subject: str) -> Json:
        number = len(self.tickets) + 1
        ticket = {
            "id": number, "subject": subject, "status": "new", "requester_id": requester, "assignee_id": None,
            "brand_id": BRAND, "group_id": GROUP, "organization_id": None, "tags": [], "via": {"channel": "email"},
            "updated_at": text(self.clock() - timedelta(seconds=1)), "satisfaction_rating": {"score": "unoffered"},
        }  # fmt: skip
        self.tickets[number], self.audits[number] = ticket, []
        return ticket

    def newest(self) -> list[Json]:
        """Tickets, the latest touched first."""
        with self.lock:
            return sorted(self.tickets.values(), key=lambda t: (t["updated_at"], t["id"]), reverse=True)


def said(html: str, author: int, *, public: bool = True) -> Json:
    """A comment; the vendor keeps no scripts either."""
    html = nh3.clean(str(mended(html)))
    return {"type": "Comment", "public": public, "html_body": html, "author_id": author, "attachments": []}


def _user(id: int, name: str, email: str, role: str) -> Json:
    return {"id": id, "name": name, "email": email, "role": role, "locale": "en-US", "suspended": False}
