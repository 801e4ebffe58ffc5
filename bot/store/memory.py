"""What came of past drafts, for a search that follows it: which entry was cited for which question, and how it went."""

from collections.abc import Iterator, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select

from bot.model import Decided, Remembered, Signal, Source
from bot.store.prepared import Prepared
from bot.store.reviews import AFTER, add_signal, signals_about
from bot.store.tables import draft, signal

PAGE = 500
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


def draft_of(said: Signal) -> str:
    """The draft that a signal is about."""
    return said.id.removeprefix("s-").rpartition("@")[0]


def forget_memory(conn: Connection, drafts: Sequence[str]) -> None:
    """Tell whoever follows that these drafts have lost their questions: by a signal that teaches nothing."""
    for id_ in drafts:
        if known := signals_about(conn, f"s-{id_}@"):
            last = known[-1]
            add_signal(conn, Signal(f"s-{id_}@{MARK}", last.at, "", "", 0.0, 0.0, 0.0))
