"""What the fake vendor remembers, in the vendor's own JSON."""

import itertools
import json
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nh3

Json = dict[str, Any]

FERNWEH: Json = json.loads(Path(__file__).with_name("fake.json").read_text(encoding="utf-8"))
BOT = "900"
OPEN, INNER = "125", "126"  # collections
TEAM: dict[str, Json] = {key: admin for admin in FERNWEH["admins"] for key in (admin["id"], admin["email"])}
APP: str = FERNWEH["app"]["id_code"]
TOPICS = {"note": "admin.noted", "close": "admin.closed"}  # by the part's type, else by its author's
SAID_BY = {"user": "user.replied", "bot": "operator.replied", "admin": "admin.replied"}
CLEANER = nh3.Cleaner(
    tags={"p", "strong", "b", "i", "ul", "ol", "li", "br", "a"},
    attributes={"a": {"href"}},
    url_schemes={"http", "https"},
    link_rel=None,
    set_tag_attribute_values={"p": {"class": "no-margin"}, "a": {"target": "_blank"}},
)


class World:
    """Conversations and people. Ids count up; times are whole seconds, as with the vendor.

    `tell` hears the topic of every change and what the notification shows of the conversation. Lists of parts are
    replaced and never changed, so whoever reads needs no lock.
    """

    def __init__(self, tell: Callable[[str, Json], None]) -> None:
        self._tell, self._lock = tell, threading.Lock()
        self.conversations: dict[str, Json] = {}
        self.contacts: dict[str, Json] = {}
        self.articles: dict[str, Json] = {}
        self._ids = itertools.count(1001)

    def new_id(self) -> str:
        return str(next(self._ids))

    def contact(self, who: str) -> Json:
        """A customer by id or address, made at first sight."""
        if who not in self.contacts:
            name = who.partition("@")[0].replace(".", " ").title()
            made = {"type": "user", "id": f"{next(self._ids):024x}", "name": name, "email": who}
            self.contacts |= {who: made, made["id"]: made}
        return self.contacts[who]

    def newest(self) -> list[Json]:
        """Last touched first."""
        return sorted(self.conversations.values(), key=lambda c: (c["updated_at"], int(c["id"])), reverse=True)

    def begin(self, author: Json, body: str, subject: str) -> Json:
        """A conversation that a customer starts."""
        now = int(time.time())
        made: Json = deepcopy(FERNWEH["conversation"])
        made |= {"id": self.new_id(), "title": subject or None, "created_at": now, "updated_at": now}
        made["contacts"]["contacts"].append({"type": "contact", "id": author["id"]})
        made["source"] |= {"id": self.new_id(), "author": author, "body": body}
        if subject:
            made["source"] |= {"type": "email", "subject": subject, "url": None}
        self.conversations[made["id"]] = made
        self._tell("user.created", made)
        return made

    def add(self, id: str, kind: str, author: Json, body: str = "", *, state: str = "", **more: object) -> Json:
        """A new part; `state` becomes the conversation's. The conversation as the vendor shows it then: with that part
        alone."""
        now = int(time.time())
        said = {"id": self.new_id(), "part_type": kind, "author": author, "body": body or None}
        part = FERNWEH["part"] | said | {"created_at": now, "updated_at": now} | more
        with self._lock:
            found = self.conversations[id]
            parts = [*found["conversation_parts"]["conversation_parts"], part][-500:]
            state = state or found["state"]
            found |= {"updated_at": now, "state": state, "open": state == "open", "conversation_parts": _listed(parts)}
        shown = found | {"conversation_parts": _listed([part])}
        self._tell(TOPICS.get(kind) or SAID_BY[author["type"]], shown)
        return shown

    def article(
        self, title: str, html: str, *, id: str = "", draft: bool = False, restricted: bool = False, locale: str = "en"
    ) -> str:
        """Someone writes an article, or anew the one with that id, or in another language; its id. What is `restricted`
        is in another collection, as the API has no other word for it."""
        number, now = id or self.new_id(), int(time.time())
        url = f"https://help.fernweh.example/{locale}/articles/{number}"
        wording = {"type": "article_content", "title": title, "body": html, "author_id": 901, "url": url}
        wording |= {"state": "draft" if draft else "published", "created_at": now, "updated_at": now}
        old = self.articles.get(number, {"default_locale": locale, "translated_content": {}})
        texts = {**old["translated_content"], "type": "article_translated_content", locale: wording}
        parent = INNER if restricted else OPEN
        row = {"id": number, "workspace_id": APP, "parent_id": int(parent), "parent_type": "collection"}
        row |= {"parent_ids": [int(parent)], "translated_content": texts, "default_locale": old["default_locale"]}
        own = texts[row["default_locale"]]
        stamp = max(now, old.get("updated_at", 0) + 1)
        row |= own | {"type": "article", "updated_at": stamp, "url": None if own["state"] == "draft" else own["url"]}
        self.articles[number] = row
        return number

    def archive(self, id: str) -> None:
        """Someone deletes an article."""
        del self.articles[id]

    def shown(self, page: int, per_page: int) -> Json:
        """A page of the articles, the latest touched first."""
        rows = sorted(self.articles.values(), key=lambda a: (a["updated_at"], int(a["id"])), reverse=True)
        pages = {"type": "pages", "page": page, "per_page": per_page, "total_pages": -(-len(rows) // per_page)}
        found = rows[(page - 1) * per_page : page * per_page]
        return {"type": "list", "data": found, "total_count": len(rows), "pages": pages}

    def search(self, after: int, per_page: int, cursor: str | None) -> Json:
        """A page of what was touched after `after` seconds; the cursor is where it goes on."""
        touched = [c for c in self.newest() if c["updated_at"] > after]
        start = int(cursor or 0)
        end = start + per_page
        lines = [{k: v for k, v in c.items() if k != "conversation_parts"} for c in touched[start:end]]
        going_on = {"per_page": per_page, "starting_after": str(end)} if end < len(touched) else None
        pages = {"type": "pages", "page": start // per_page + 1, "per_page": per_page, "next": going_on}
        return {"type": "conversation.list", "total_count": len(touched), "conversations": lines, "pages": pages}


def _listed(parts: list[Json]) -> Json:
    return {"type": "conversation_part.list", "conversation_parts": parts, "total_count": len(parts)}
