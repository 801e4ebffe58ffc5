"""The fake's help centre, macros and exports, in the vendor's JSON.

The API: https://developer.zendesk.com/api-reference/help_center/help-center-api/articles.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from connectors.zendesk.book import ADMIN, Book, Json, text

SITE = "https://fernweh.zendesk.com/hc"
SEGMENT = 360_001  # signed-in people, as an account's first segment


def page(things: str, rows: list[Json]) -> Json:
    """A page of a list by cursor."""
    start = int(request.args.get("page[after]", 0))
    end = start + int(request.args["page[size]"])
    return {things: rows[start:end], "meta": {"has_more": len(rows) > end, "after_cursor": str(end)}}


class Guide:
    """`export`: rows of a page of an incremental export; `beside`: does it send translations when it is asked to?"""

    def __init__(self, book: Book) -> None:
        self.book, self.export, self.beside = book, 1000, True
        self.articles: dict[int, Json] = {}
        self.macros: dict[int, Json] = {}

    def article(
        self, title: str, html: str, *, id: str = "", draft: bool = False, restricted: bool = False,
        locale: str = "en-us",
    ) -> str:  # fmt: skip
        """Someone writes an article, or anew the one with that id, or in another language; its id."""
        number = int(id) if id else next(self.book.next)
        with self.book.lock:
            old: Json = self.articles.get(number, {"id": number, "source_locale": locale, "translations": []})
            wording = {
                "id": next(self.book.next), "locale": locale, "title": title, "body": html, "draft": draft,
                "outdated": False, "html_url": f"{SITE}/{locale}/articles/{number}",
            }  # fmt: skip
            others = [t for t in old["translations"] if t["locale"] != locale]
            segment = SEGMENT if restricted else None
            self.articles[number] = self._stamped(
                old | {"user_segment_id": segment, "translations": [*others, wording]}
            )
        return str(number)

    def archive(self, id: str) -> None:
        """Someone takes an article away; lists have it no more, and nothing tells."""
        del self.articles[int(id)]

    def macro(self, title: str, reply: str, **values: Any) -> str:
        """Someone saves a reply; `values` of the macro; its id."""
        acts = [{"field": "comment_value_html", "value": reply}, {"field": "status", "value": "solved"}]
        made: Json = {"id": next(self.book.next), "title": title, "active": True, "restriction": None, "actions": acts}
        self.macros[made["id"]] = self._stamped(made | values)
        return str(made["id"])

    def _stamped(self, row: Json) -> Json:
        """Every change counts, whatever it was; one second later at least than the change before."""
        now = self.book.clock()
        last = datetime.fromisoformat(row["updated_at"]) + timedelta(seconds=1) if "updated_at" in row else now
        return row | {"author_id": ADMIN, "updated_at": text(max(now, last))}

    def views(self) -> dict[str, Callable[..., ResponseReturnValue]]:
        """By method and path."""
        return {
            "GET help_center/articles.json": lambda: jsonify(page("articles", self._shown())),
            "GET help_center/incremental/articles.json": self._since,
            "GET help_center/articles/<int:article>/translations.json": lambda article: jsonify(
                page("translations", self.articles[article]["translations"])
            ),
            "GET macros.json": lambda: jsonify(page("macros", [m for m in self.macros.values() if m["active"]])),
            "GET incremental/tickets/cursor.json": self._tickets,
        }

    def _shown(self) -> list[Json]:
        """Each as it stands in its own language; translations beside it where they are asked for."""
        rows = []
        for row in list(self.articles.values()):
            own = next(t for t in row["translations"] if t["locale"] == row["source_locale"])
            beside = self.beside and "translations" in request.args.get("include", "").split(",")
            kept = row if beside else {name: value for name, value in row.items() if name != "translations"}
            rows.append(own | kept | {"locale": own["locale"]})
        return rows

    def _since(self) -> ResponseReturnValue:
        """By time; a page ends with the time at which the next one begins, so what changed then comes again."""
        start = int(request.args["start_time"])
        rows = sorted((r for r in self._shown() if _seconds(r) >= start), key=_seconds)
        found, more = rows[: self.export], len(rows) > self.export
        end = _seconds(found[-1]) if found else start
        address = f"{request.base_url}?start_time={end}" if more else None
        return jsonify(articles=found, count=len(found), next_page=address, end_time=end)

    def _tickets(self) -> ResponseReturnValue:
        """The cursor holds where it goes on."""
        start, _, at = request.args.get("cursor", request.args.get("start_time", "")).partition("-")
        with self.book.lock:
            rows = sorted((t for t in self.book.tickets.values() if _seconds(t) >= int(start)), key=_seconds)
        end = int(at or 0) + self.export
        return jsonify(tickets=rows[int(at or 0) : end], after_cursor=f"{start}-{end}", end_of_stream=end >= len(rows))


def _seconds(row: Json) -> int:
    return int(datetime.fromisoformat(row["updated_at"]).timestamp())
