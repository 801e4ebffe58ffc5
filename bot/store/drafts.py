"""Drafts with their decisions, and deliveries on their way into the world."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select, update

from bot.model import Action, Decision, Delivery, DeliveryState, Draft, Reason, Ref
from bot.store.conversations import insert
from bot.store.tables import delivery, draft, work


@dataclass(frozen=True, slots=True)
class Decided:
    """A stored draft with what was decided about it."""

    draft: Draft
    decision: Decision
    question: str
    policy_version: int
    at: datetime


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


def save_draft(conn: Connection, made: Decided) -> bool:
    """False when the event had its draft already."""
    d = made.decision
    row = insert(conn, draft).values(
        id=made.draft.id,
        event_key=made.draft.event_key,
        ref=str(made.draft.ref),
        question=made.question,
        value=made.draft,
        action=d.action.value,
        reason=d.reason.value,
        caveat=d.caveat,
        policy_version=made.policy_version,
        at=made.at,
    )
    return conn.execute(row.on_conflict_do_nothing().returning(draft.c.id)).first() is not None


def _decided(r: Row[tuple[object, ...]]) -> Decided:
    row = r._mapping
    decision = Decision(Action(row["action"]), Reason(row["reason"]), row["caveat"])
    return Decided(row["value"], decision, row["question"], row["policy_version"], row["at"])


def get_draft(conn: Connection, id: str) -> Decided | None:
    """By id."""
    r = conn.execute(select(draft).where(draft.c.id == id)).first()
    return _decided(r) if r else None


def drafts_of(conn: Connection, ref: Ref) -> list[Decided]:
    """Of a conversation, oldest first."""
    rows = conn.execute(select(draft).where(draft.c.ref == str(ref)).order_by(draft.c.at, draft.c.id))
    return [_decided(r) for r in rows]


def add_delivery(conn: Connection, what: Delivery, now: datetime, draft_id: str = "", by: str = "") -> bool:
    """Approve a delivery; False when its key is known."""
    row = insert(conn, delivery).values(
        key=what.key,
        ref=str(what.ref),
        draft_id=draft_id,
        kind=what.kind.value,
        value=what,
        by=by,
        state=DeliveryState.APPROVED.value,
        at=now,
    )
    return conn.execute(row.on_conflict_do_nothing().returning(delivery.c.key)).first() is not None


def _sending(r: Row[tuple[object, ...]]) -> Sending:
    row = r._mapping
    state = DeliveryState(row["state"])
    names = ("draft_id", "by", "tries", "vendor_id", "error", "at", "sending_at")
    return Sending(delivery=row["value"], state=state, **{n: row[n] for n in names})


def get_delivery(conn: Connection, key: str) -> Sending | None:
    """By key."""
    r = conn.execute(select(delivery).where(delivery.c.key == key)).first()
    return _sending(r) if r else None


def deliveries_of(conn: Connection, ref: Ref) -> list[Sending]:
    """Of a conversation, oldest first."""
    rows = conn.execute(select(delivery).where(delivery.c.ref == str(ref)).order_by(delivery.c.at, delivery.c.key))
    return [_sending(r) for r in rows]


def by_vendor_id(conn: Connection, ref: Ref, vendor_id: str) -> Sending | None:
    """The delivery that a vendor's message came from."""
    query = select(delivery).where(delivery.c.ref == str(ref), delivery.c.vendor_id == vendor_id)
    r = conn.execute(query).first()
    return _sending(r) if r else None


def start_sending(conn: Connection, key: str, job: int, fence: int, now: datetime) -> bool:
    """`approved -> sending`, only while `fence` of the work row `job` is still ours. The last gate before a send."""
    ours = select(work.c.id).where(work.c.id == job, work.c.fence == fence, work.c.state == "running").exists()
    change = update(delivery).where(delivery.c.key == key, delivery.c.state == DeliveryState.APPROVED.value, ours)
    values = {"state": DeliveryState.SENDING.value, "sending_at": now, "tries": delivery.c.tries + 1}
    return conn.execute(change.values(**values).returning(delivery.c.key)).first() is not None


def end_sending(
    conn: Connection, key: str, state: DeliveryState, now: datetime, vendor_id: str = "", error: str = ""
) -> None:
    """Write down what became of it."""
    values: dict[str, object] = {"state": state.value, "error": error}
    if state is DeliveryState.SENT:
        values |= {"vendor_id": vendor_id, "sent_at": now}
    conn.execute(update(delivery).where(delivery.c.key == key).values(**values))


def stuck(conn: Connection) -> list[str]:
    """Keys of deliveries that are neither done nor waiting for anything but a worker."""
    open_states = [s.value for s in (DeliveryState.APPROVED, DeliveryState.SENDING, DeliveryState.UNKNOWN)]
    return list(conn.scalars(select(delivery.c.key).where(delivery.c.state.in_(open_states)).order_by(delivery.c.at)))
