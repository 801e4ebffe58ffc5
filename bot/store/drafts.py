"""Drafts with their decisions, and deliveries on their way into the world."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select, update

from bot.model import Action, Decided, Delivery, DeliveryKind, DeliveryState, Reason, Ref, Source
from bot.store.prepared import Prepared
from bot.store.statements import add, stands
from bot.store.tables import delivery, draft, used, work

OF: BindParameter[str] = bindparam("of")
HELD = (work.c.id == bindparam("job")) & (work.c.fence == bindparam("fence")) & stands(work.c.state, "running")
APPROVED = stands(delivery.c.state, DeliveryState.APPROVED)
START = Prepared(
    update(delivery)
    .where(delivery.c.key == OF, APPROVED, select(work.c.id).where(HELD).exists())
    .values(state=DeliveryState.SENDING.value, sending_at=bindparam("now"), tries=delivery.c.tries + 1)
    .returning(delivery.c.key)
)
END = Prepared(
    update(delivery)
    .where(delivery.c.key == OF)
    .values(state=bindparam("to"), error=bindparam("why"), vendor_id=bindparam("vendor"), sent_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Sending:
    """A stored delivery with how far it is. `by` is the person who asked for it, "" for the bot itself."""

    delivery: Delivery
    draft_id: str
    state: DeliveryState
    by: str
    tries: int
    vendor_id: str
    error: str
    at: datetime
    sending_at: datetime | None
    sent_at: datetime | None = None


FIELDS = [field.name for field in fields(Sending)]
COLUMNS = [delivery.c["value" if name == "delivery" else name] for name in FIELDS]
DRAFT = Prepared(select(draft.c.value).where(draft.c.id == OF))
DRAFTS = Prepared(select(draft.c.value).where(draft.c.ref == OF).order_by(draft.c.at, draft.c.id))
CALL_OFF = Prepared(
    update(delivery)
    .where(delivery.c.key == OF, APPROVED)
    .values(state=DeliveryState.VOID.value)
    .returning(delivery.c.key)
)
DELIVERY = Prepared(select(*COLUMNS).where(delivery.c.key == OF))
DELIVERIES = Prepared(select(*COLUMNS).where(delivery.c.ref == OF).order_by(delivery.c.at, delivery.c.key))


def save_draft(conn: Connection, made: Decided) -> bool:
    """False when the event had its draft already."""
    of, d = made.draft, made.decision
    keys = {"id": of.id, "event_key": of.event_key, "ref": str(of.ref)}
    fresh = add(conn, draft, **keys, action=d.action.value, reason=d.reason.value, value=made, at=made.at)
    shown = fresh and d.action in (Action.REPLY, Action.SUGGEST)
    for evidence in of.used if shown else ():
        if evidence.source is Source.ENTRY:
            add(conn, used, entry_id=evidence.id, draft_id=of.id, version=evidence.version)
    return fresh


def get_draft(conn: Connection, id: str) -> Decided | None:
    """By id."""
    found: Decided | None = DRAFT.value(conn, of=id)
    return found


def drafts_of(conn: Connection, ref: Ref) -> list[Decided]:
    """Of a conversation, oldest first."""
    return [made for (made,) in DRAFTS.all(conn, of=str(ref))]


def decision_counts(conn: Connection) -> dict[tuple[Action, Reason], int]:
    """How many drafts were decided how, the most frequent first."""
    many = func.count().label("many")
    rows = conn.execute(select(draft.c.action, draft.c.reason, many).group_by(draft.c.action, draft.c.reason))
    return {(Action(r[0]), Reason(r[1])): r[2] for r in sorted(rows, key=lambda r: -r[2])}


def add_delivery(conn: Connection, what: Delivery, now: datetime, draft_id: str = "", by: str = "") -> bool:
    """Approve a delivery; False when its key is known."""
    row = {"key": what.key, "ref": str(what.ref), "state": DeliveryState.APPROVED.value, "value": what}
    return add(conn, delivery, **row, draft_id=draft_id, by=by, at=now)


def _sending(row: Iterable[Any]) -> Sending:
    named = dict(zip(FIELDS, row, strict=True))
    return Sending(**named | {"state": DeliveryState(named["state"])})


def get_delivery(conn: Connection, key: str) -> Sending | None:
    """By key."""
    row = DELIVERY.first(conn, of=key)
    return _sending(row) if row else None


def deliveries_of(conn: Connection, ref: Ref) -> list[Sending]:
    """Of a conversation, oldest first."""
    return [_sending(row) for row in DELIVERIES.all(conn, of=str(ref))]


def answered(conn: Connection, ref: Ref) -> dict[str, str]:
    """The key of the message that each reply of ours in a conversation answers, by the reply's id."""
    replies = (s for s in deliveries_of(conn, ref) if s.vendor_id and s.delivery.kind is DeliveryKind.REPLY)
    return {s.vendor_id: s.delivery.saw for s in replies}


def start_sending(conn: Connection, key: str, job: int, fence: int, now: datetime) -> bool:
    """`approved -> sending`, only while `fence` of the work row `job` is still ours. The last gate before a send."""
    return START.first(conn, of=key, job=job, fence=fence, now=now) is not None


def call_off(conn: Connection, key: str) -> bool:
    """`approved -> void`; False when it is unknown, on its way or ended."""
    return CALL_OFF.first(conn, of=key) is not None


def end_sending(
    conn: Connection, key: str, state: DeliveryState, now: datetime, vendor_id: str = "", error: str = ""
) -> None:
    """Write down what became of it."""
    sent_at = now if state is DeliveryState.SENT else None
    END.all(conn, of=key, to=state.value, why=error, vendor=vendor_id, now=sent_at)


def not_tried(conn: Connection, key: str) -> None:
    """Take a try back: the vendor surely did nothing."""
    conn.execute(update(delivery).where(delivery.c.key == key).values(tries=delivery.c.tries - 1))
