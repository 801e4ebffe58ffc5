"""Dead letters, replayed by a person: through the same gates as the first time, and never sent again blindly."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from bot.errors import Misconfigured
from bot.model import DeliveryState
from bot.store import Store, audit, drafts, letters
from bot.store.counts import OPEN
from bot.store.letters import Letter, Which
from bot.text.typed import moment


def replay(store: Store, which: Which, who: str, now: datetime, *, dry_run: bool = False) -> list[str]:
    """Give dead work back to the workers, a batch in a transaction, so that others write in between; what became of
    each, in words. A dry run only says what would."""
    said, last, others = list[str](), 0, {*(which.ids or ())}
    while True:
        with store.read() if dry_run else store.write() as conn:
            found = letters.dead(conn, which, after=last)
            said += [f"{letter.id} {letter.key}: {_replay(conn, letter, who, now, dry_run)}" for letter in found]
            others -= {letter.id for letter in found}
            if len(found) < letters.BATCH:
                return said + [_not_dead(letters.get(conn, number), number) for number in sorted(others)]
        last = found[-1].id


def everything(store: Store, which: Which) -> Iterator[Letter]:
    """All dead letters among these, oldest first."""
    last = 0
    while found := _next(store, which, last):
        yield from found
        last = found[-1].id


def _next(store: Store, which: Which, last: int) -> list[Letter]:
    with store.read() as conn:
        return letters.dead(conn, which, after=last)


def _not_dead(letter: Letter | None, number: int) -> str:
    if letter is None:
        return f"{number}: there is no such work"
    return f"{number} {letter.key}: is {letter.state}, not among the dead letters asked for, so nothing was done"


def _replay(conn: Connection, letter: Letter, who: str, now: datetime, dry_run: bool) -> str:
    row = drafts.get_delivery(conn, letter.key.removeprefix("deliver|")) if letter.kind == "deliver" else None
    over = row is not None and row.state not in (*OPEN, DeliveryState.ASKED)
    said = f"settled meanwhile ({row.state}): nothing is sent" if row and over else "goes back to the workers"
    if row and row.state is DeliveryState.ASKED:
        said = "is read back first, and sent only if it surely never arrived"
    if dry_run:
        return f"would be done: {said}"
    if over:
        letters.settle(conn, letter.id)
    elif letters.revive(conn, letter.id, now) and row:
        letters.doubt(conn, row.delivery.key)
    audit.record(conn, now, who, "settled" if over else "replayed", letter.key, ref=letter.ref)
    return said


def chosen(ids: list[str], span: str = "", since: str = "") -> Which:
    """What a person asked for; `span` as `7-12`, `since` an ISO time, UTC unless it says otherwise. Misconfigured names
    what cannot be read."""
    if wrong := [text for text in ids if not _number(text)]:
        raise Misconfigured("id", f"{wrong[0]!r} is no number of a dead letter; `app.py dead list` shows them")
    first, dash, last = span.partition("-")
    if span and not (dash and _number(first) and _number(last) and int(first) <= int(last)):
        raise Misconfigured("range", f"{span!r} is not written from-to, such as 7-12")
    ends = (int(first), int(last)) if span else None
    return Which(tuple(map(int, ids)) or None, ends, moment("since", since) if since else None)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
