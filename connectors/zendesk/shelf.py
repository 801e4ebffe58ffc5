"""What a Zendesk account keeps beside open tickets: the articles of its help centre, macros, and resolved tickets."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from bot.model import Ref
from bot.ports import Article, Patience, Translation
from bot.text.markup import from_html, to_html
from connectors.http import shape
from connectors.zendesk import shapes
from connectors.zendesk.reading import NAME
from connectors.zendesk.wire import Desk, listed

SECOND = timedelta(seconds=1)  # stamps have whole seconds
RESOLVED = ("solved", "closed")
FILLED_IN = re.compile(r"\{\{.{0,200}?\}\}")
LOGIC = "{%"
SALUTE = 6  # words of a line that greets or signs


def articles(desk: Desk, since: datetime | None, audiences: Mapping[str, str]) -> Iterator[Article]:
    """`audiences` by the id of a user segment: whom its articles are for; those of others are withheld."""
    found = _all(desk) if since is None else _touched(desk, int((desk.drift.theirs(since) - SECOND).timestamp()))
    return (_article(desk, one, audiences) for one in found)


def _all(desk: Desk) -> Iterator[shapes.Article]:
    return desk.every(shapes.Article, "articles", "help_center/articles.json", include="translations")


def _touched(desk: Desk, start: int) -> Iterator[shapes.Article]:
    """The export pages by time, so that it stands still where more were touched within a second than a page holds:
    then all are asked for."""
    while True:
        page = desk.get("help_center/incremental/articles.json", start_time=str(start), include="translations")
        found, export = listed(shapes.Article, "articles", page), shape(shapes.Export, page, NAME)
        yield from found
        if not (export.next_page and found):
            return
        if (export.end_time or 0) <= start:
            yield from _all(desk)
            return
        start = export.end_time or 0


def _article(desk: Desk, one: shapes.Article, audiences: Mapping[str, str]) -> Article:
    audience, withheld = _for_whom(one.segments, audiences)
    if withheld:
        return Article(one.id, (), one.updated_at, withheld=withheld)
    wordings = one.translations
    if wordings is None:
        wordings = list(desk.every(shapes.Wording, "translations", f"help_center/articles/{one.id}/translations.json"))
    texts = tuple(Translation(w.locale, w.title, w.body, w.html_url) for w in wordings if not w.draft and w.body)
    return Article(one.id, texts, one.updated_at, audience, "" if texts else "a draft")


def _for_whom(segments: frozenset[str], audiences: Mapping[str, str]) -> tuple[str, str]:
    """(audience, why it is withheld): Zendesk's segments are not ours, so only what a setting says of them counts."""
    found = {audiences[id_] for id_ in segments & audiences.keys()}
    if not segments or len(found) == 1:
        return "".join(found), ""
    named = " and ".join(sorted(segments))
    return "", f"for the user segment {named} only (ZENDESK_AUDIENCES says who they are)"


def macros(desk: Desk) -> Iterator[Article]:
    """Those that every agent may use and that write something to the customer."""
    return (_macro(one) for one in desk.every(shapes.Macro, "macros", "macros.json", active="true"))


def _macro(one: shapes.Macro) -> Article:
    said = from_html(one.html) if one.html else one.plain
    lines = [line for line in said.splitlines() if not _salutes(line)]
    text = "\n".join(lines).strip()
    why = (
        "for some agents only" if one.restriction
        else "an internal note" if not one.public
        else "writes nothing" if not text
        else "fills in what only a ticket knows" if LOGIC in text or FILLED_IN.search(text)
        else ""
    )  # fmt: skip
    return Article(one.id, (Translation("", one.title, to_html(text)),), one.updated_at, withheld=why)


def _salutes(line: str) -> bool:
    """`Hi {{ticket.requester.first_name}},`: a draft has a greeting of its own."""
    rest, many = FILLED_IN.subn("", line)
    return many > 0 and len(rest.split()) <= SALUTE


def history(desk: Desk, since: datetime, patiently: Patience) -> Iterator[tuple[Ref, str]]:
    """By the export, as lists leave out what was archived; admins alone may have it, ten times a minute."""
    asked = {"start_time": str(int(desk.drift.theirs(since).timestamp()))}
    while True:
        page = patiently(partial(desk.get, "incremental/tickets/cursor.json", **asked))
        export = shape(shapes.Export, page, NAME)
        tickets = listed(shapes.Touched, "tickets", page)
        yield from ((Ref(NAME, t.id), t.updated_at.isoformat()) for t in tickets if t.status in RESOLVED)
        if export.end_of_stream or not export.after_cursor:
            return
        asked = {"cursor": export.after_cursor}
