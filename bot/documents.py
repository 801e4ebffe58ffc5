"""What stands elsewhere, and the entries that are made of it: one, or one for each part under a heading."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from bot.articles import cleaned, slug
from bot.errors import Misconfigured, Unavailable
from bot.model import Entry, Provenance, Scope
from bot.ports import Article, Translation
from bot.text.sections import Section, split

MAKING = "2"  # counts how entries are made: with another number everything is made anew
NAMING = "1"  # is in their ids, which stay
PARTS = 1_000  # of one page
NAMED = 88  # characters of an id that say what it is; the rest tells it from others


@dataclass(frozen=True, slots=True)
class Document:
    """`id` names it in its place for as long as it is there; `digest` changes when it does. `withheld`: why nothing of
    it may reach a customer, "" when it may. `entries` makes them, with ids; raises Misconfigured where it is not clear
    for whom they are, and Unavailable where what was made before may stay."""

    id: str
    where: str
    digest: str
    entries: Callable[[], tuple[Entry, ...]]
    withheld: str = ""


def withheld(id: str, where: str, why: str) -> Document:
    """One that is to be let go, or never taken in."""
    return Document(id, where, "", tuple, why)


def of_article(source: str, article: Article) -> Document:
    """A vendor's article, in all its languages."""
    where = next((text.url or text.title for text in article.texts), f"{source} {article.id}")
    if article.withheld or not article.texts:
        return withheld(article.id, where, article.withheld or "has no published text")
    made = partial(_of_texts, source, article)
    return Document(article.id, where, digest(repr((article.texts, article.audience))), made)


def _of_texts(source: str, article: Article) -> tuple[Entry, ...]:
    """For whom it is the vendor says beside the text, so that one that is too long takes nothing back."""
    try:
        return tuple(entry for text in article.texts for entry in _of_text(source, article, text))
    except Misconfigured as err:
        raise Unavailable(str(err)) from err


def _of_text(source: str, article: Article, text: Translation) -> Iterator[Entry]:
    name = f"{article.id}-{text.language.lower()}" if text.language else article.id
    scope = Scope(language=text.language.lower().split("-")[0], audience=article.audience)
    stands = Provenance(text.url, article.updated_at.isoformat())
    page = Entry("", 0, text.title, "", url=text.url, scope=scope, source=stands)
    return in_parts(source, name, page, split(cleaned(text.html)))


def in_parts(source: str, name: str, page: Entry, sections: Iterable[Section]) -> Iterator[Entry]:
    """An entry for each part of a page, whose id is made of the page's name and its headings. Misconfigured where there
    are too many."""
    sections = tuple(sections)
    if len(sections) > PARTS:
        raise Misconfigured("size", f"more than {PARTS:,} headings; split it")
    met = Counter[tuple[str, ...]]()
    for section in sections:
        met[section.path] += 1
        again = (str(met[section.path]),) if met[section.path] > 1 else ()
        id_ = page.id if page.id and not section.path + again else identity(source, name, *section.path, *again)
        yield replace(page, id=id_, question=_asked(page.question, section.path), answer=section.text)


def _asked(title: str, path: tuple[str, ...]) -> str:
    """A heading that asks says enough by itself."""
    return path[-1] if path and path[-1].endswith("?") else ": ".join((title, *path))


def identity(source: str, name: str, *path: str) -> str:
    """An id that says what it is, the same for ever, and of nothing else; `source` has no dash in it."""
    plain, whole = slug("-".join((source, name, *path))), "\0".join((source, name, *path))
    return plain if plain == f"{source}-{name}" and not path else f"{plain[:NAMED]}-{_hash(NAMING, whole)[:10]}"


def digest(text: str) -> str:
    """Of what entries are made of."""
    return _hash(MAKING, text)


def _hash(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
