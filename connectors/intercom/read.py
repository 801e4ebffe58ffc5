"""An Intercom conversation in our words: pure."""

import re
from datetime import UTC, datetime
from html import unescape

from bot.model import Attachment, Change, Conversation, Customer, Message, Page, Ref, Role, Status
from bot.text.markup import from_html
from connectors.intercom import shapes

CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})
NOBODY_TYPED = frozenset({"automated", "campaigns_initiated", "operator_initiated"})
STATES = {"open": Status.OPEN, "snoozed": Status.PENDING, "closed": Status.CLOSED}
BECAME = {
    **dict.fromkeys(("open", "unsnoozed", "timer_unsnooze"), Status.OPEN),
    **dict.fromkeys(("assign_and_unsnooze", "assign_and_reopen", "note_and_reopen"), Status.OPEN),
    "snoozed": Status.PENDING,
    "close": Status.CLOSED,
}
IMAGE = re.compile(r"<img\b[^<>]{0,2000}?\ssrc=[\"']([^\"'<>]{1,2000})[\"']", re.I)


def at(seconds: int) -> datetime:
    """Unix seconds as aware UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def conversation_of(found: shapes.Conversation, admin: str, url: str = "") -> Conversation:
    """Source and parts as messages and changes, oldest first; `admin` is the teammate as whom the bot writes."""
    messages, rating = _messages(found, admin), found.conversation_rating.rating
    return Conversation(
        ref=Ref("intercom", found.id),
        subject=found.title or from_html(found.source.subject),
        status=STATES.get(found.state, Status.OTHER),
        customer=_customer(found),
        messages=messages,
        changes=_changes(found),
        stamp=str(found.updated_at),
        rating="" if rating is None else str(rating),
        assignee=_somebody(found.admin_assignee_id),
        group=_somebody(found.team_assignee_id),
        tags=tuple(t.name for t in found.tags),
        channel="chat" if found.source.type == "conversation" else found.source.type,
        page=Page(found.source.url) if found.source.url else None,
        bot_active=_fin_answers(found, messages),
        url=url,
    )


def role_of(author: shapes.Author, admin: str) -> Role:
    """Whose words they are. Fin and workflows may speak under a teammate's or a team's name."""
    if author.type in CUSTOMERS:
        return Role.CUSTOMER
    if author.type != "admin" or author.from_ai_agent or author.is_ai_answer:
        return Role.OTHER_BOT
    return Role.SELF if author.id == admin else Role.AGENT


def is_note(part: shapes.Part) -> bool:
    """Only teammates see it."""
    return part.part_type.startswith("note")


def _messages(found: shapes.Conversation, admin: str) -> tuple[Message, ...]:
    # Whatever was said is a message: a customer's reply to a closed conversation comes as a part of type "open".
    parts = sorted(found.parts, key=lambda p: p.created_at)
    later = [_message(p, p.id, p.created_at, role_of(p.author, admin), not is_note(p)) for p in parts]
    return tuple(m for m in (_first(found, admin), *later) if m is not None)


def _first(found: shapes.Conversation, admin: str) -> Message | None:
    source = found.source
    role = role_of(source.author, admin)
    if role is Role.AGENT and source.delivered_as in NOBODY_TYPED:
        role = Role.OTHER_BOT
    # Messages and parts are numbered apart, so the first one says what it is.
    return _message(source, f"source-{source.id or found.id}", found.created_at, role, True)


def _message(said: shapes.Said, id: str, when: int, role: Role, public: bool) -> Message | None:
    """None where nothing was said, and where what was said has been redacted."""
    text = from_html(said.body)
    files = tuple(Attachment(a.name or "file", a.content_type, a.filesize) for a in said.attachments)
    attachments = files + _images(said.body)
    if said.redacted or not (text or attachments):
        return None
    return Message(id, role, said.author.id, text, at(when), public, said.author.name, attachments=attachments)


def _images(body: str) -> tuple[Attachment, ...]:
    """Pictures pasted into the chat are in the HTML and not among the attachments."""
    names = [re.split(r"[?#]", unescape(src))[0].rsplit("/", 1)[-1] for src in IMAGE.findall(body)]
    return tuple(Attachment(name or "image", "image", 0) for name in names)


def _somebody(id: str) -> str:
    return "" if id == "0" else id


def _customer(found: shapes.Conversation) -> Customer:
    """The first contact; name and address as the newest thing they wrote carries them."""
    contact = found.contacts[0] if found.contacts else shapes.Contact()
    said = [found.source.author, *(p.author for p in found.parts)]
    authors = [a for a in said if a.type in CUSTOMERS and contact.id in ("", a.id)]
    author = authors[-1] if authors else shapes.Author()
    return Customer(contact.id or author.id, author.name, author.email, language=contact.language_override[:2].lower())


def _changes(found: shapes.Conversation) -> tuple[Change, ...]:
    changes: list[Change] = []
    for part in found.parts:
        when, by = at(part.created_at), part.author.id
        if part.part_type in BECAME:
            changes.append(Change(f"{part.id}-status", "status", BECAME[part.part_type], when, by))
        if part.part_type.startswith("assign") or part.assigned_to:
            whom = _somebody(part.assigned_to.id) if part.assigned_to else ""
            changes.append(Change(f"{part.id}-assignee", "assignee", whom, when, by))
    return tuple(sorted((*changes, *_rated(found.conversation_rating)), key=lambda c: c.at))


def _rated(given: shapes.Rating) -> tuple[Change, ...]:
    if given.rating is None:
        return ()
    when = given.updated_at or given.created_at or 0
    return (Change(f"rating-{when}", "rating", str(given.rating), at(when), given.contact.id),)


def _fin_answers(found: shapes.Conversation, messages: tuple[Message, ...]) -> bool:
    """Fin took part, has not handed over, and no person has answered since."""
    if not found.ai_agent_participated or found.fin_state == "routed_to_team":
        return False
    answered = [m.role for m in messages if m.public and m.role in (Role.AGENT, Role.OTHER_BOT)]
    return not answered or answered[-1] is Role.OTHER_BOT
