"""What came of past drafts, for a search that follows it: which entry was cited for which question, and how it went."""

from collections.abc import Iterator, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select

from bot.model import Decided, Judged, Remembered, Signal, Source
from bot.store.prepared import Prepared
from bot.store.reviews import AFTER, add_signal, signals_about
from bot.store.tables import draft, intervention, signal

PAGE = 500
SENT = 0.9  # good, of a draft that nobody changed in its facts
MARK = "forgotten"  # instead of a number at the end of a signal's id: what its draft was asked is not known any more
LIMIT: BindParameter[int] = bindparam("limit")
NEWS = Prepared(select(signal.c.seq, signal.c.value).where(signal.c.seq > AFTER).order_by(signal.c.seq).limit(LIMIT))


def remembered_after(conn: Connection, seq: int, limit: int = PAGE) -> tuple[int, list[Remembered]]:
    """The number to go on from, and what changed after `seq`, from at most `limit` signals; with the same number there
    is no more. Each takes the place of what was remembered of the same draft and entry; one without a question, or of
    no weight, takes it away."""
    found = NEWS.all(conn, after=seq, limit=limit)
    last = {draft_of(said): said for _, said in found if said.weight >= 0}  # what is taken back is said anew
    made = select(draft.c.value).where(draft.c.id.in_(last)).order_by(draft.c.id)
    changed = [one for decided in conn.scalars(made) for one in _of(decided, last[decided.draft.id])]
    return (found[-1][0] if found else seq), changed


def _of(decided: Decided, said: Signal) -> Iterator[Remembered]:
    cited = {e.id: e.version for e in decided.draft.used if e.source is Source.ENTRY}
    for id_, version in cited.items():
        yield Remembered(decided.draft.id, id_, version, decided.question, said.good, said.weight)


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
    found = tuple(e for e in decided.found if e.source is Source.ENTRY)
    cited = frozenset(e.id for e in decided.draft.used if e.source is Source.ENTRY)
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
