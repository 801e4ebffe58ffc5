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

    def person(self, who: str, role: str, **fields: object) -> int:
        """The id of a user by e-mail, id or name; made when unknown."""
        with self.lock:
            known = next((u for u in self.users.values() if who in (u["email"], str(u["id"]), u["name"])), None)
            if known is None:
                email = who if "@" in who else f"{who.lower().replace(' ', '.')}@example.com"
                name = who.partition("@")[0].replace(".", " ").title()
                known = _user(next(self.next), name, email, role)
                self.users[known["id"]] = known
            known.update(fields)
            return int(known["id"])

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
        user = self.person(customer, "end-user")
        with self.lock:
            ticket = self.tickets.get(int(conversation or 0))
            if ticket is None or ticket["status"] == "closed":
                ticket = self._open(user, subject or text.partition("\n")[0][:80])
            becomes = "new" if ticket["status"] == "new" else "open"
            words = said(html or to_html(text), user, public=True, files=files)
            self.record(ticket, user, words, values={"status": becomes}, via="email")
        return str(ticket["id"])

    def agent_says(
        self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "", macro: str = ""
    ) -> str:
        """In the agent workspace, perhaps with a macro of that title; who answers first takes the ticket."""
        user, ticket = self.person(agent, "agent"), self.tickets[int(conversation)]
        events = [said(to_html(text), user, public=public)]
        if macro:
            events.append({"type": "AgentMacroReference", "macro_id": "77", "macro_title": macro})
        with self.lock:
            taken = (ticket["assignee_id"] or user) if public else ticket["assignee_id"]
            becomes = status or ("open" if ticket["status"] == "new" and public else ticket["status"])
            audit = self.record(ticket, user, *events, values={"assignee_id": taken, "status": becomes})
        return str(audit["events"][0]["id"])

    def other_bot_says(self, text: str, *, conversation: str) -> None:
        ticket = self.tickets[int(conversation)]
        self.record(ticket, -1, said(to_html(text), -1, public=True), via="answer_bot_for_web_widget")

    def change(self, conversation: str, *, agent: str = "tomasz@fernweh.example", **values: object) -> None:
        """Someone on the team sets fields (status, tags, brand_id, group_id…) and says nothing."""
        self.record(self.tickets[int(conversation)], self.person(agent, "agent"), values=values)

    def attach(self, name: str, *, customer: str, conversation: str = "", inline: bool = False) -> str:
        """A customer sends a picture and no word, as a file or within the text; the conversation's id."""
        url = f"https://fernweh.zendesk.com/attachments/token/abc/?name={name}"
        html = f'<p><img src="{url}" style="max-width: 100%"></p>' if inline else ""
        file = {"file_name": name, "content_type": "image/png", "size": 68_000, "content_url": url}
        files = [] if inline else [file]
        return self.customer_says(
            "", customer=customer, conversation=conversation, subject="Help", html=html, files=files
        )

    def rate(self, conversation: str, score: str) -> None:
        """The customer's rating: good or bad."""
        ticket = self.tickets[int(conversation)]
        ticket["satisfaction_rating"] = {"score": score}
        self.record(ticket, ticket["requester_id"], {"type": "SatisfactionRating", "score": score})

    def redact(self, conversation: str, message: str, word: str) -> None:
        """Blacken a word of a message, for good."""
        ticket = self.tickets[int(conversation)]
        event = next(e for a in self.audits[ticket["id"]] for e in a["events"] if e["id"] == int(message))
        event["html_body"] = event["html_body"].replace(word, "▇" * len(word))
        self.record(ticket, ADMIN, {"type": "CommentRedactionEvent", "comment_id": event["id"]})

    def record(
        self,
        ticket: Json,
        author: int,
        *events: Json,
        values: Json | None = None,
        via: str = "web",
        custom: Json | None = None,
    ) -> Json:
        """One update: an audit with these events and one for each field that gets another value, and a new stamp."""
        with self.lock:
            now = self.clock().replace(microsecond=0)
            changed = {field: value for field, value in (values or {}).items() if ticket[field] != value}
            changes = [{"type": "Change", "field_name": field, "value": value} for field, value in changed.items()]
            audit = {
                "id": next(self.next), "ticket_id": ticket["id"], "author_id": author, "created_at": text(now),
                "via": {"channel": via}, "metadata": {"system": {}, "custom": custom or {}},
                "events": [{"id": next(self.next)} | e for e in (*events, *changes)],
            }  # fmt: skip
            self.audits[ticket["id"]].append(audit)
            after = datetime.fromisoformat(ticket["updated_at"]) + timedelta(seconds=1)
            ticket.update(changed, updated_at=text(max(now, after)))
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


def said(html: str, author: int, *, public: bool, files: Sequence[Json] = ()) -> Json:
    """A comment; the vendor keeps no scripts either."""
    event = {"type": "Comment", "public": public, "html_body": nh3.clean(html), "author_id": author}
    return event | {"attachments": list(files)}


def _user(id: int, name: str, email: str, role: str) -> Json:
    user = {"id": id, "name": name, "email": email, "role": role, "locale": "en-US"}
    return user | {"user_fields": {}, "suspended": False}
