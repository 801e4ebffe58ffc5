"""What came of past drafts, for a search that follows it: which entry was cited for which question, and how it went."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial

from sqlalchemy import BindParameter, Connection, bindparam, select

from bot.model import Decided, Intervention, Judged, Remembered, Signal, Source
from bot.store.drafts import get_draft
from bot.store.knowledge import entries_of
from bot.store.prepared import Prepared
from bot.store.reviews import AFTER, add_signal, signals_about
from bot.store.tables import draft, intervention, signal
from bot.text.page import page_of

PAGE = 500
LONGEST = 2_000  # characters of a question
SENT = 0.9  # good, of a draft that nobody changed in its facts
MARK = "forgotten"  # instead of a number at the end of a signal's id: what its draft was asked is not known any more
LIMIT: BindParameter[int] = bindparam("limit")
NEWS = Prepared(select(signal.c.seq, signal.c.value).where(signal.c.seq > AFTER).order_by(signal.c.seq).limit(LIMIT))


def asked_after(conn: Connection, seq: int, limit: int = PAGE) -> tuple[int, list[tuple[str, str]]]:
    """The number to go on from, and of each draft that at most `limit` signals after `seq` are about its id and what
    was asked, redacted; "" where nothing is remembered of it, so that whoever has it drops it. With the same number
    there is no more."""
    found = NEWS.all(conn, after=seq, limit=limit)
    drafts = dict.fromkeys(draft_of(said) for _, said in found)
    return (found[-1][0] if found else seq), [(id_, _question(get_draft(conn, id_))) for id_ in drafts]


def _question(decided: Decided | None) -> str:
    return decided.question[:LONGEST] if decided and _cited(decided) else ""


def _cited(decided: Decided) -> dict[str, int]:
    return {e.id: e.version for e in decided.draft.used if e.source is Source.ENTRY}


def outcomes_of(conn: Connection, drafts: Iterable[str]) -> Iterator[Remembered]:
    """What came of each entry that they cite; nothing of those that were forgotten."""
    for id_ in drafts:
        decided, known = get_draft(conn, id_), signals_about(conn, f"s-{id_}@")
        for entry_id, version in _cited(decided).items() if decided and decided.question and known else ():
            yield Remembered(id_, entry_id, version, known[-1].good, known[-1].weight)


def linked_in(conn: Connection, replies: Iterable[Intervention]) -> Iterator[Remembered]:
    """The entries in force whose pages people linked; those of one page share its weight."""
    there_of = cache(partial(entries_of, conn))  # many link the same
    for reply in replies:
        for page in filter(None, dict.fromkeys(map(page_of, reply.links))):
            there = there_of(page)
            yield from (Remembered(about(reply), e.id, e.version, 1.0, 1.0 / len(there)) for e in there)


def about(reply: Intervention) -> str:
    """The draft that a person replied instead of, or as; the reply itself where there was none."""
    return reply.draft_id or reply.id


def judged_after(conn: Connection, seq: int, limit: int = PAGE) -> tuple[int, list[Judged]]:
    """The number to go on from, and what each signal after `seq`, of at most `limit`, says of what had been found. A
    draft that was sent as it was calls right what it cites; one that was not, what the person linked instead."""
    news = NEWS.all(conn, after=seq, limit=limit)
    if not news:
        return seq, []
    drafts = select(draft.c.value).where(draft.c.id.in_({draft_of(said) for _, said in news}))
    made: dict[str, Decided] = {decided.draft.id: decided for decided in conn.scalars(drafts)}
    did = select(intervention.c.value).where(intervention.c.ref.in_({str(d.draft.ref) for d in made.values()}))
    links = {item.draft_id: item.links for item in conn.scalars(did)}
    said_of = ((said, made.get(draft_of(said))) for _, said in news)
    judged = [_judged(decided, said, links.get(decided.draft.id, ())) for said, decided in said_of if decided]
    return news[-1][0], judged


def _judged(decided: Decided, said: Signal, links: Sequence[str]) -> Judged:
    found = tuple(e for e in decided.found if e.source is Source.ENTRY and e.score)  # 0: from memory alone
    cited = frozenset(_cited(decided))
    linked = frozenset(e.id for e in found if e.url and e.url in links)
    right = cited if said.good >= SENT else linked
    return Judged(found, right, frozenset() if right or said.good else cited, said.weight, decided.by)


def draft_of(said: Signal) -> str:
    """The draft that a signal is about."""
    return said.id.removeprefix("s-").rpartition("@")[0]


def forget_memory(conn: Connection, drafts: Sequence[str]) -> None:
    """Tell whoever follows that these drafts have lost their questions: by a signal that teaches nothing."""
    for id_ in drafts:
        if known := signals_about(conn, f"s-{id_}@"):
            last = known[-1]
            add_signal(conn, Signal(f"s-{id_}@{MARK}", last.at, "", "", 0.0, 0.0, 0.0))
