"""What the sandbox shows of the line: stored rows, gathered for one conversation."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import work
from bot.model.conversation import Conversation, Event, Ref
from bot.model.drafting import Decided
from bot.model.kinds import DeliveryKind, EventKind
from bot.model.learning import Correction, Intervention, Outcome, Proposal
from bot.store import conversations, drafts, reviews
from bot.store.drafts import Sending

RECENT = 14


@dataclass(frozen=True, slots=True)
class Journey:
    """One customer message on its way through the line; what has no row yet is None or empty."""

    conversation: Conversation
    rung: tuple[int, datetime] | None
    event: Event | None
    seen: datetime | None
    messages: tuple[Event, ...]
    decided: Decided | None
    deliveries: tuple[Sending, ...]
    outcome: Outcome | None
    correction: Correction | None
    interventions: tuple[Intervention, ...]
    proposals: tuple[Proposal, ...]

    @property
    def replied(self) -> Sending | None:
        """The reply that went to the customer from here."""
        return next((d for d in self.deliveries if d.delivery.kind is DeliveryKind.REPLY), None)


@dataclass(frozen=True, slots=True)
class Recent:
    """A conversation in the list, with the newest decision in it."""

    conversation: Conversation
    decided: Decided | None


def journey(conn: Connection, ref: Ref, event_key: str = "") -> Journey | None:
    """Of the customer message `event_key`, or of the newest one; None when the conversation is unknown."""
    conversation = conversations.snapshot(conn, ref)
    if conversation is None:
        return None
    asked = [e for e in conversations.events_of(conn, ref) if e.kind is EventKind.CUSTOMER_MESSAGE]
    event = next((e for e in asked if e.key == event_key), asked[-1] if asked else None)
    made = {d.draft.event_key: d for d in drafts.drafts_of(conn, ref)}
    decided = made.get(event.key) if event else None
    draft_id = decided.draft.id if decided else ""
    return Journey(
        conversation=conversation,
        rung=work.rung(conn, ref),
        event=event,
        seen=conversations.seen_at(conn, event.key) if event else None,
        messages=tuple(asked),
        decided=decided,
        deliveries=tuple(d for d in drafts.deliveries_of(conn, ref) if draft_id and d.draft_id == draft_id),
        outcome=reviews.outcome_of(conn, draft_id),
        correction=reviews.correction_of(conn, draft_id),
        interventions=tuple(_since(reviews.interventions_in(conn, ref), event, asked)),
        proposals=tuple(reviews.proposals_from(conn, ref)),
    )


def _since(done: list[Intervention], event: Event | None, asked: list[Event]) -> list[Intervention]:
    """What a person did after this message and before the customer's next one."""
    if event is None:
        return []
    later = [e.at for e in asked if e.at > event.at]
    return [i for i in done if i.at >= event.at and (not later or i.at < later[0])]


def recent(conn: Connection) -> list[Recent]:
    """Of those looked at last, the newest customer message first."""
    looked = [c for c in conversations.recent(conn, RECENT) if c.asked]
    found = sorted(looked, key=lambda c: (c.asked.at if c.asked else c.messages[0].at, str(c.ref)), reverse=True)
    return [Recent(c, next(reversed(drafts.drafts_of(conn, c.ref)), None)) for c in found]


def took(start: datetime | None, end: datetime | None) -> str:
    """The time between two rows, as people read it; "" where one is missing."""
    if start is None or end is None or end < start:
        return ""
    ms = (end - start) / timedelta(milliseconds=1)
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s" if ms < 60_000 else f"{ms / 60_000:.0f} min"
