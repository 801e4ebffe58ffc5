"""What a Zendesk account holds, as far as the fake needs it: users, tickets and their audits, in the vendor's JSON.

Stamps have whole seconds, as at the vendor; but a ticket's `updated_at` always moves, by a second at least, so that
of two updates within one second the second one is still told from the first (the vendor cannot; then nothing
is stale there that would be stale here). Times of audits are the real ones, in whole seconds.
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from bot.ports import Clock

Json = dict[str, Any]
BOT, ADMIN, BRAND, GROUP = 900, 101, 7, 8
PEOPLE = {
    "understudy@fernweh.example": (BOT, "Fernweh Support", "agent"),
    "ines@fernweh.example": (ADMIN, "Ines Duarte", "admin"),
    "tomasz@fernweh.example": (102, "Tomasz Wilk", "agent"),
    "priya@fernweh.example": (103, "Priya Nair", "agent"),
    "maria@example.com": (201, "Maria Keller", "end-user"),
    "jonas@example.com": (202, "Jonas Brandt", "end-user"),
    "aiko@example.com": (203, "Aiko Tanaka", "end-user"),
}


def text(at: datetime) -> str:
    """As the vendor writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Book:
    """One store of dicts behind one lock; every change of a ticket is one audit."""

    def __init__(self) -> None:
        self.clock: Clock = lambda: datetime.now(UTC)
        self.lock = threading.RLock()
        self.users: dict[int, Json] = {}
        self.tickets: dict[int, Json] = {}
        self.audits: dict[int, list[Json]] = {}
        self.groups = [{"id": GROUP, "name": "Support"}]
        self.brands = [{"id": BRAND, "name": "Fernweh"}, {"id": BRAND + 1, "name": "Fernweh Outlet"}]
        self.organizations: list[Json] = []
        self.next = count(10_000)
        for email, (number, name, role) in PEOPLE.items():
            self.users[number] = _user(number, name, email, role)

    def person(self, who: str, role: str, **fields: object) -> Json:
        """A user by e-mail, id or name; made when unknown."""
        with self.lock:
            known = next((u for u in self.users.values() if who in (u["email"], str(u["id"]), u["name"])), None)
            if known is None:
                email = who if "@" in who else f"{who.lower().replace(' ', '.')}@example.com"
                known = _user(next(self.next), _name(who), email, role)
                self.users[known["id"]] = known
            known.update(fields)
            return known

    def open(self, requester: int, subject: str, channel: str) -> Json:
        """A new ticket without a word in it."""
        with self.lock:
            now, number = self.clock(), len(self.tickets) + 1
            ticket = {
                "id": number, "subject": subject, "status": "new", "requester_id": requester, "submitter_id": requester,
                "assignee_id": None, "brand_id": BRAND, "group_id": GROUP, "organization_id": None, "tags": [],
                "via": {"channel": channel}, "created_at": text(now), "updated_at": text(now - timedelta(seconds=1)),
                "satisfaction_rating": {"score": "unoffered"},
            }  # fmt: skip
            self.tickets[number], self.audits[number] = ticket, []
            return ticket

    def record(
        self, ticket: Json, author: int, events: Iterable[Json], *, via: str = "web", custom: Json | None = None
    ) -> Json:
        """One update: an audit with its events, a new stamp."""
        with self.lock:
            now = self.clock().replace(microsecond=0)
            audit = {
                "id": next(self.next), "ticket_id": ticket["id"], "author_id": author, "created_at": text(now),
                "via": {"channel": via}, "metadata": {"system": {}, "custom": custom or {}},
                "events": [{"id": next(self.next)} | e for e in events],
            }  # fmt: skip
            self.audits[ticket["id"]].append(audit)
            ticket["updated_at"] = text(max(now, datetime.fromisoformat(ticket["updated_at"]) + timedelta(seconds=1)))
            return audit

    def set(self, ticket: Json, values: Mapping[str, object]) -> list[Json]:
        """Set fields; an event for each that changed."""
        events = []
        for field, value in values.items():
            if ticket[field] != value:
                events.append({"type": "Change", "field_name": field, "value": value})
                ticket[field] = value
        return events

    def comment(self, id: int) -> Json:
        with self.lock:
            return next(e for audits in self.audits.values() for a in audits for e in a["events"] if e["id"] == id)

    def newest(self) -> list[Json]:
        """Tickets, the latest touched first."""
        with self.lock:
            return sorted(self.tickets.values(), key=lambda t: (t["updated_at"], t["id"]), reverse=True)


def said(html: str, author: int, *, public: bool, files: Iterable[Json] = ()) -> Json:
    event = {"type": "Comment", "public": public, "html_body": html, "author_id": author}
    return event | {"attachments": list(files)}


def _user(id: int, name: str, email: str, role: str) -> Json:
    user = {"id": id, "name": name, "email": email, "role": role, "locale": "en-US"}
    return user | {"user_fields": {}, "suspended": False}


def _name(who: str) -> str:
    return who.partition("@")[0].replace(".", " ").title()
