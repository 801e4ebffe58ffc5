"""What the sandbox shows of the line: stored rows, gathered for one conversation."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import work
from bot.model import Conversation, Decided, Event, EventKind, Intervention, Ref
from bot.store import conversations, drafts, reviews

RECENT = 14


def journey(conn: Connection, ref: Ref, event_key: str = "") -> dict[str, object] | None:
    """The rows of the customer message `event_key`, or of the newest one; None when the conversation is unknown."""
    if conversations.snapshot(conn, ref) is None:
        return None
    asked = [e for e in conversations.events_of(conn, ref) if e.kind is EventKind.CUSTOMER_MESSAGE]
    event = next((e for e in asked if e.key == event_key), asked[-1] if asked else None)
    made = {d.draft.event_key: d for d in drafts.drafts_of(conn, ref)}
    decided = made.get(event.key) if event else None
    draft_id = decided.draft.id if decided else ""
    return {
        "rung": work.rung(conn, ref),
        "event": event,
        "seen": conversations.seen_at(conn, event.key) if event else None,
        "messages": asked,
        "decided": decided,
        "deliveries": [d for d in drafts.deliveries_of(conn, ref) if draft_id and d.draft_id == draft_id],
        "outcome": reviews.outcome_of(conn, draft_id),
        "correction": reviews.correction_of(conn, draft_id),
        "interventions": _since(reviews.interventions_in(conn, ref), event, asked),
        "proposals": reviews.proposals_from(conn, ref),
    }


def _since(done: list[Intervention], event: Event | None, asked: list[Event]) -> list[Intervention]:
    """What a person did after this message and before the customer's next one."""
    if event is None:
        return []
    later = [e.at for e in asked if e.at > event.at]
    return [i for i in done if i.at >= event.at and (not later or i.at < later[0])]


def recent(conn: Connection) -> list[tuple[Conversation, Decided | None]]:
    """Of those looked at last, the newest customer message first, each with the newest decision in it."""
    looked = [c for c in conversations.recent(conn, RECENT) if c.asked]
    found = sorted(looked, key=lambda c: (c.asked.at if c.asked else c.messages[0].at, str(c.ref)), reverse=True)
    return [(c, next(reversed(drafts.drafts_of(conn, c.ref)), None)) for c in found]


def took(span: tuple[datetime | None, datetime | None]) -> str:
    """The time between two rows, as people read it; "" where one is missing."""
    start, end = span
    if start is None or end is None or end < start:
        return ""
    ms = (end - start) / timedelta(milliseconds=1)
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s" if ms < 60_000 else f"{ms / 60_000:.0f} min"
