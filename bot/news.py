"""What a look at a conversation shows that was not seen before."""

from collections.abc import Set

from bot.model import Conversation, Event, EventKind, Message, Role

KIND = {
    Role.CUSTOMER: EventKind.CUSTOMER_MESSAGE,
    Role.AGENT: EventKind.AGENT_MESSAGE,
    Role.SELF: EventKind.BOT_MESSAGE,
    Role.OTHER_BOT: EventKind.BOT_MESSAGE,
}


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
