"""What a helpdesk itself keeps of the past: resolved conversations, and macros. Both inform suggestions, and nothing
more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot.documents import digest
from bot.errors import Refused
from bot.files import Skipped
from bot.imports import Became, How, Summary, Told, in_batches
from bot.model import Conversation, Intervention, Ref
from bot.ports import Article, Connector, History, Macros, Patience, at_once
from bot.store import Store, audit, conversations, reviews, taken
from bot.store import knowledge as rows
from bot.store.taken import Taken
from bot.text.markup import from_html
from learning.facts import teaching
from learning.gather import answer_of
from learning.history import NOBODY, Lesson, lesson, remember
from learning.pairs import compare

__all__ = ["compare", "macros", "recall", "remember"]  # a `bot.entry_commands.Past`

FETCHED = 20  # conversations in one transaction: so many calls are lost where it is killed


@dataclass(frozen=True, slots=True)
class _Seen:
    """A conversation in a version, as a lesson; None where that was taken in before."""

    ref: Ref
    version: str
    lesson: Lesson | None


def recall(
    store: Store, desk: Connector, since: datetime, said: Told = lambda _: None, patiently: Patience = at_once,
    *, dry_run: bool = False,
) -> Summary:  # fmt: skip
    """Resolved conversations of a helpdesk that were touched at or after `since`, each fetched once, and again when it
    has changed; who was stopped half-way goes on. Refused where its history is not to be learned from."""
    if not isinstance(desk, History):
        raise Refused(f"{desk.name} keeps its past conversations to itself")
    take, found = partial(_recalled, desk.name, dry_run=dry_run), _seen(store, desk, since, patiently)
    return in_batches(store, found, take, said, dry_run=dry_run, batch_of=FETCHED)


def _seen(store: Store, desk: Connector, since: datetime, patiently: Patience) -> Iterator[tuple[str, _Seen | Skipped]]:
    assert isinstance(desk, History)  # noqa: S101 - as its only caller has seen
    for ref, version in desk.history(since, patiently):
        with store.read() as conn:
            known = taken.get(conn, _past_of(desk.name), ref.id)
        try:
            old = known is not None and known.digest == version
            yield str(ref), _Seen(ref, version, None if old else lesson(patiently(partial(desk.fetch, ref))))
        except Refused as err:
            yield str(ref), Skipped(str(ref), str(err))


def _past_of(name: str) -> str:
    return f"history:{name}"


def _recalled(name: str, conn: Connection, where: str, seen: _Seen, *, dry_run: bool) -> Became | Skipped:
    if seen.lesson is None:
        return Became.SAME
    known, taught = seen.lesson.since(conn, dry_run=dry_run) or (None, ())
    fresh = [item for item in taught if not rows.has_past(conn, item.id)]
    if not dry_run:
        taken.save(conn, _past_of(name), Taken(seen.ref.id, seen.version))
        if known and fresh:
            _keep(conn, known, fresh)
    if known is None:
        return Skipped(where, "its customer was forgotten")
    return (Became.NEW if fresh else Became.SAME) if taught else Skipped(where, NOBODY)


def _keep(conn: Connection, known: Conversation, fresh: Iterable[Intervention]) -> None:
    """With the customer's words, and under its own name, so that all of it is found and forgotten with what else is
    held about them. What the line has seen of it stays as it is."""
    if conversations.snapshot(conn, known.ref) is None:
        conversations.save(conn, known, known.messages[-1].at)  # so old is it, for retention, too
    for item in fresh:
        if reviews.get_intervention(conn, item.id) is None:
            reviews.save_intervention(conn, item)
        rows.add_past(conn, item)


def macros(store: Store, desk: Connector, how: How, now: datetime, said: Told = lambda _: None) -> Summary:
    """Every macro of a helpdesk as a past reply; what is there no more goes, once all have been listed. Refused where
    it has none."""
    if not isinstance(desk, Macros):
        raise Refused(f"{desk.name} has no macros that can be read")
    met = set[str]()
    take = partial(_macro, desk.name, how=how)
    summary = in_batches(store, _listed(desk.macros(), met), take, said, dry_run=how.dry_run)
    with store.read() as conn:
        gone = [id_ for id_ in taken.ids(conn, _macros_of(desk.name)) if id_ not in met] if met else []
    went = partial(_went, desk.name, how=how)
    summary = in_batches(store, ((i, i) for i in gone), went, said, dry_run=how.dry_run, summary=summary)
    _written_down(store, desk.name, summary, how, now)
    return summary


def _listed(found: Iterable[Article], met: set[str]) -> Iterator[tuple[str, Article]]:
    for macro in found:
        met.add(macro.id)
        yield f"macro {macro.id} ({macro.texts[0].title})", macro


def _macros_of(name: str) -> str:
    return f"macros:{name}"


def _macro(name: str, conn: Connection, where: str, macro: Article, *, how: How) -> Became | Skipped:
    text = macro.texts[0]
    known = taken.get(conn, _macros_of(name), macro.id)
    answer = answer_of(from_html(text.html), ())
    why = macro.withheld or ("" if teaching(answer) else "says nothing that could be suggested")
    if why:
        if known:
            _went(name, conn, where, macro.id, how=how)
        return Skipped(where, why)
    now_is = digest(repr((text.title, answer, macro.updated_at)))
    if known and known.digest == now_is:
        return Became.SAME
    ref, id_ = Ref(name, f"macro-{macro.id}"), f"m-{name}-{macro.id}-{now_is[:12]}"
    if not how.dry_run:
        _forget(conn, known)
        rows.add_past(conn, Intervention(id_, ref, macro.updated_at, "", text.title.replace("::", ": "), answer))
        taken.save(conn, _macros_of(name), Taken(macro.id, now_is, (id_,)))
    return Became.CHANGED if known else Became.NEW


def _went(name: str, conn: Connection, _where: str, id: str, *, how: How) -> Became | Skipped:
    if not how.dry_run:
        _forget(conn, taken.get(conn, _macros_of(name), id))
        taken.drop(conn, _macros_of(name), [id])
    return Became.RETIRED


def _forget(conn: Connection, known: Taken | None) -> None:
    for item in (rows.get_past(conn, id_) for id_ in (known.made if known else ())):
        if item:
            rows.forget_past(conn, item)


def _written_down(store: Store, name: str, summary: Summary, how: How, now: datetime) -> None:
    counted = {str(became): str(many) for became, many in summary.counts.items() if became is not Became.SAME}
    if counted and not how.dry_run:
        with store.write() as conn:
            audit.record(conn, now, how.who, "macros taken in", name, skipped=str(len(summary.skipped)), **counted)
