"""What the fake vendor remembers, in the vendor's own JSON; the fake holds the lock."""

import itertools
import time
from html import escape
from html.parser import HTMLParser
from typing import Any

from bot.text.markup import safe_url

Json = dict[str, Any]

BOT = "900"
ADMINS = {
    BOT: ("Fernweh Support", "support@fernweh.example"),
    "901": ("Ines Duarte", "ines@fernweh.example"),
    "902": ("Tomasz Wilk", "tomasz@fernweh.example"),
    "903": ("Priya Nair", "priya@fernweh.example"),
}
FIN = {"type": "bot", "id": "278", "name": "Fin", "email": "operator@fernweh.example"}
CONVERSATION: Json = {
    "type": "conversation",
    "open": True,
    "state": "open",
    "admin_assignee_id": None,
    "team_assignee_id": None,
    "conversation_rating": None,
    "ai_agent": None,
    "ai_agent_participated": False,
}
PART: Json = {"type": "conversation_part", "assigned_to": None, "attachments": [], "redacted": False}
TAGS = frozenset({"p", "b", "i", "ul", "ol", "li"})


class World:
    """Conversations and people. Ids count up; times are whole seconds, as with the vendor."""

    app = "fernweh1"

    def __init__(self) -> None:
        self.conversations: dict[str, Json] = {}
        self.contacts: dict[str, Json] = {}
        self._ids = itertools.count(1001)

    def me(self) -> Json:
        """Whose token it is."""
        app = {"type": "app", "id_code": self.app, "name": "Fernweh", "region": "US"}
        return self.seat(BOT) | {"app": app}

    def admin(self, who: str) -> Json:
        """A teammate by id or address; KeyError when there is none."""
        for known, (name, email) in ADMINS.items():
            if who in (known, email):
                return {"type": "admin", "id": known, "name": name, "email": email}
        raise KeyError(f"{who} is not on Fernweh's team")

    def seat(self, who: str) -> Json:
        """A teammate as the list of them shows one."""
        return self.admin(who) | {"has_inbox_seat": True}

    def team(self) -> Json:
        """All teammates."""
        return {"type": "admin.list", "admins": [self.seat(who) for who in ADMINS]}

    def contact(self, who: str) -> Json:
        """A customer by id or address, made at first sight."""
        if who not in self.contacts:
            id_ = f"{next(self._ids):024x}"
            name = who.partition("@")[0].replace(".", " ").title()
            self.contacts[who] = self.contacts[id_] = {"type": "user", "id": id_, "name": name, "email": who}
        return self.contacts[who]

    def newest(self) -> list[Json]:
        """Last touched first."""
        return sorted(self.conversations.values(), key=lambda c: (c["updated_at"], int(c["id"])), reverse=True)

    def begin(self, author: Json, body: str, subject: str) -> Json:
        """A conversation that a customer starts."""
        id_, now = str(next(self._ids)), int(time.time())
        contact = {"type": "contact", "id": author["id"]}
        self.conversations[id_] = CONVERSATION | {
            "id": id_,
            "created_at": now,
            "updated_at": now,
            "title": subject or None,
            "source": self._source(author, body, subject),
            "contacts": {"type": "contact.list", "contacts": [contact]},
            "tags": {"type": "tag.list", "tags": []},
            "conversation_parts": parts_of([]),
        }
        return self.conversations[id_]

    def _source(self, author: Json, body: str, subject: str) -> Json:
        return {
            "type": "email" if subject else "conversation",
            "id": str(next(self._ids)),
            "delivered_as": "customer_initiated",
            "subject": subject,
            "body": body,
            "author": author,
            "attachments": [],
            "url": None if subject else "https://fernweh.example/app/lists",
            "redacted": False,
        }

    def add(self, id: str, kind: str, author: Json, body: str, **more: Any) -> Json:
        """A new part; `state` changes the conversation's."""
        conversation, now = self.conversations[id], int(time.time())
        state = more.pop("state", conversation["state"])
        said = {"id": str(next(self._ids)), "part_type": kind, "body": body or None, "author": author}
        part = PART | said | {"created_at": now, "updated_at": now} | more
        parts = conversation["conversation_parts"]
        parts["conversation_parts"].append(part)
        parts["total_count"] += 1
        conversation |= {"updated_at": now, "state": state, "open": state == "open"}
        del parts["conversation_parts"][:-500]
        return part

    def only(self, id: str, part_id: str) -> Json:
        """The conversation as the answer to a reply shows it: with the new part alone."""
        parts = [p for p in self.conversations[id]["conversation_parts"]["conversation_parts"] if p["id"] == part_id]
        return self.conversations[id] | {"conversation_parts": parts_of(parts)}

    def fin(self, id: str, state: str) -> Json:
        """The vendor's bot joins; itself as an author."""
        agent = {"resolution_state": state, "source_type": "profile"}
        self.conversations[id] |= {"ai_agent": agent, "ai_agent_participated": True}
        return FIN | {"from_ai_agent": True, "is_ai_answer": True}

    def search(self, after: int, per_page: int, cursor: str | None) -> Json:
        """A page of what was touched after `after` seconds; the cursor is where it goes on."""
        touched = [c for c in self.newest() if c["updated_at"] > after]
        start = int(cursor or 0)
        more = start + per_page < len(touched)
        lines = [{k: v for k, v in c.items() if k != "conversation_parts"} for c in touched[start : start + per_page]]
        going_on = {"per_page": per_page, "starting_after": str(start + per_page)} if more else None
        pages = {"type": "pages", "page": start // per_page + 1, "per_page": per_page, "next": going_on}
        return {"type": "conversation.list", "total_count": len(touched), "conversations": lines, "pages": pages}


def parts_of(parts: list[Json]) -> Json:
    """Parts as a conversation holds them."""
    return {"type": "conversation_part.list", "conversation_parts": parts, "total_count": len(parts)}


def clean(html: str) -> str:
    """HTML as the vendor gives it back: few tags kept, attributes rewritten, links without `rel`."""
    cleaner = _Cleaner()
    cleaner.feed(html)
    cleaner.close()
    return "".join(cleaner.out)


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or ""
        if tag == "a":
            self.out.append(f'<a href="{escape(href)}" target="_blank">' if safe_url(href) else "<a>")
        elif tag in ("br", "img"):
            self.out.append("<br>" if tag == "br" else "[image]")
        elif tag in TAGS:
            self.out.append('<p class="no-margin">' if tag == "p" else f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in TAGS or tag == "a":
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.out.append(escape(data))
