"""The articles of Intercom's help centre. Its API tells neither an article's audience nor that it was deleted."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.errors import Unavailable
from bot.ports import Article, Translation
from connectors.http import NEAR
from connectors.intercom import shapes

if TYPE_CHECKING:
    from connectors.intercom.client import Client

ALL = "all"
AGAIN = 5.0  # seconds until a list that changed while it was read is read again


def articles(client: "Client", since: datetime | None, collections: Mapping[str, str]) -> Iterator[Article]:
    """`collections`: whom the articles in each are for; those of others are withheld."""
    found = _all(client) if since is None else _touched(client, client.theirs(since))
    return (_article(one, collections) for one in found)


def _touched(client: "Client", since: datetime) -> Iterator[shapes.Article]:
    """From the latest on."""
    number = 0
    while True:
        number += 1
        page = client.articles(number)
        for one in page.data:
            if one.updated_at < since.replace(microsecond=0):  # stamps have whole seconds
                return
            yield one
        if number >= page.pages:
            return


def _all(client: "Client") -> Iterator[shapes.Article]:
    """Who is touched while they are read moves to the front, so that is read once more; who is deleted moves the rest
    up, so that one may be missed: then there are fewer than before."""
    began, met, totals = datetime.now(UTC), dict[str, datetime](), list[int]()
    number, last = 0, 1
    while number < last:
        number += 1
        page = client.articles(number)
        last, totals, met = page.pages, [*totals, page.total], met | {one.id: one.updated_at for one in page.data}
        yield from page.data
    late = [one for one in _touched(client, client.theirs(began) - NEAR) if met.get(one.id) != one.updated_at]
    yield from late
    totals.append(client.articles(1).total)
    if totals != sorted(totals) or len(met.keys() | {one.id for one in late}) < totals[-1]:
        raise Unavailable("Intercom, reading articles: they changed meanwhile", retry_after=AGAIN)


def _article(one: shapes.Article, collections: Mapping[str, str]) -> Article:
    audience, withheld = _for_whom(one.parents, collections)
    if withheld:
        return Article(one.id, (), one.updated_at, withheld=withheld)
    own = shapes.Wording(title=one.title, body=one.body, state=one.state, url=one.url)
    wordings = {**one.translations, one.default_locale: own}
    texts = tuple(Translation(locale, w.title, w.body, w.url) for locale, w in wordings.items() if _published(w))
    return Article(one.id, texts, one.updated_at, audience, "" if texts else "a draft")


def _published(wording: shapes.Wording) -> bool:
    return wording.state == "published" and bool(wording.body)


def _for_whom(parents: frozenset[str], collections: Mapping[str, str]) -> tuple[str, str]:
    """(audience, why it is withheld). What is in no collection is in no help centre."""
    if not parents:
        return "", "in no collection, so the help centre does not show it"
    if ALL in collections:
        return "", ""
    found = {collections[id_] for id_ in parents & collections.keys()}
    if len(found) == 1:
        return "".join(found), ""
    named = " and ".join(sorted(parents))
    return "", f"in the collection {named} (INTERCOM_COLLECTIONS says for whom that is)"
