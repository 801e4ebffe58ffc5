"""What a look at a conversation shows that was not seen before."""

from collections.abc import Set
from dataclasses import replace
from datetime import datetime

from bot.model import Conversation, Event, EventKind, Message, Ref, Role

KIND = {
    Role.CUSTOMER: EventKind.CUSTOMER_MESSAGE,
    Role.AGENT: EventKind.AGENT_MESSAGE,
    Role.SELF: EventKind.BOT_MESSAGE,
    Role.OTHER_BOT: EventKind.BOT_MESSAGE,
}
FORGOTTEN = "forgotten@"  # how the object id of the event begins that a customer was forgotten; its time follows


def news(conversation: Conversation, seen: Set[str]) -> tuple[Event, ...]:
    """Events whose key is not in `seen`, oldest first; the same snapshot twice has no news."""
    messages = [Event(_kind(m), conversation.ref, m.id, m.version, m.at) for m in conversation.messages]
    changes = [Event(EventKind.CHANGE, conversation.ref, c.id, 1, c.at) for c in conversation.changes]
    unseen = {e.key: e for e in messages + changes if e.key not in seen}
    return tuple(sorted(unseen.values(), key=lambda e: e.at))


def _kind(message: Message) -> EventKind:
    if message.role is Role.AGENT and not message.public:
        return EventKind.NOTE
    return KIND[message.role]


def forgotten(ref: Ref, at: datetime) -> Event:
    """The fact that all said in a conversation up to `at` (aware UTC) was forgotten."""
    return Event(EventKind.CHANGE, ref, f"{FORGOTTEN}{at.isoformat()}", 1, at)


def forgotten_at(ref: Ref, seen: Set[str]) -> datetime | None:
    """Up to when all said in a conversation was forgotten, by the keys of its events; None where nothing was."""
    mark = f"{ref.connector}-{ref.id}-{EventKind.CHANGE}-{FORGOTTEN}"
    return max((datetime.fromisoformat(key.removeprefix(mark)) for key in seen if key.startswith(mark)), default=None)


def gone(ref: Ref, at: datetime) -> Event:
    """The fact that the vendor refused for good to show a conversation."""
    return Event(EventKind.CHANGE, ref, "gone", 1, at)


def remembered(conversation: Conversation, seen: Set[str]) -> Conversation | None:
    """What may be kept of it: all, or since its customer was forgotten only what came later, and nothing at all (None)
    while they have not written again."""
    since = forgotten_at(conversation.ref, seen)
    if since is None:
        return conversation
    messages = tuple(m for m in conversation.messages if m.at > since)
    changes = tuple(c for c in conversation.changes if c.at > since)
    new = replace(conversation, subject="", messages=messages, changes=changes)
    return new if new.asked else None
