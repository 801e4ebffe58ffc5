"""What came of past drafts, for a search that follows it: which entry was cited for which question, and how it went."""

from collections.abc import Iterator, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select

from bot.model import Decided, Judged, Remembered, Signal, Source
from bot.store.drafts import get_draft
from bot.store.prepared import Prepared
from bot.store.reviews import AFTER, add_signal, signals_about
from bot.store.tables import draft, intervention, signal
from bot.text.page import page_of

PAGE = 500
FEW = 4  # signals about a draft
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


def outcomes_of(conn: Connection, drafts: Sequence[str]) -> Iterator[Remembered]:
    """What came of each entry that they cite; nothing of those that were forgotten."""
    last = _last_signals(conn, drafts)
    for decided in conn.scalars(select(draft.c.value).where(draft.c.id.in_(last)).order_by(draft.c.id)):
        said = last[decided.draft.id]
        for entry_id, version in _cited(decided).items() if decided.question else ():
            yield Remembered(decided.draft.id, entry_id, version, said.good, said.weight)


def _last_signals(conn: Connection, drafts: Sequence[str]) -> dict[str, Signal]:
    """The last word on each draft; few have more than FEW, and those are asked again."""
    ids = [f"s-{id_}@{number}" for id_ in drafts for number in range(1, FEW + 1)]
    found = {said.id: said for said in conn.scalars(select(signal.c.value).where(signal.c.id.in_(ids)))}
    last = dict[str, Signal]()
    for id_ in drafts:
        if known := [found[at] for number in range(1, FEW + 1) if (at := f"s-{id_}@{number}") in found]:
            last[id_] = (known if len(known) < FEW else signals_about(conn, f"s-{id_}@"))[-1]
    return last


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
    pages = {page_of(link) for link in links} - {""}
    linked = frozenset(e.id for e in found if page_of(e.url) in pages)
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
