"""Values that tests of learning start from."""

from datetime import UTC, datetime, timedelta

from bot.model import Conversation, Customer, Draft, Entry, Evidence, Message, Ref, Role, Source, Status

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
REF = Ref("zendesk", "42")
MARIA = Customer("c1", "Maria Keller", "maria@example.com")
RETURNS = Entry(
    "returns-period",
    1,
    "How long do I have to return something?",
    "You can return anything unused within 60 days of delivery. Tags should still be attached. "
    "Gift cards cannot be returned.",
    topic="returns",
)
EVIDENCE = Evidence(Source.ENTRY, RETURNS.id, 1, RETURNS.question, RETURNS.answer, 0.7, topic="returns")
DRAFT = Draft("a-1", "e-1", REF, f"Hi Maria,\n\n{RETURNS.answer}", (EVIDENCE,), 0.6, saw="m1", topic="returns")


def customer(text: str, minute: int = 0, id: str = "m1") -> Message:
    """Maria writes, so many minutes after nine."""
    return Message(id, Role.CUSTOMER, "c1", text, NOW + timedelta(minutes=minute), name="Maria Keller")


def agent(text: str, minute: int = 5, id: str = "m2") -> Message:
    """Tomasz answers."""
    return Message(id, Role.AGENT, "7", text, NOW + timedelta(minutes=minute), name="Tomasz Wilk")


def conversation(*messages: Message, subject: str = "") -> Conversation:
    """Of these messages."""
    return Conversation(REF, subject, Status.OPEN, MARIA, messages)
