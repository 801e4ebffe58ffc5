"""An Intercom conversation in our words: pure."""

import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape

from bot.model import Attachment, Change, Conversation, Customer, Message, Page, Ref, Role, Status
from bot.text.markup import URL, from_html
from connectors.intercom.shapes import Author, Part, Said
from connectors.intercom.shapes import Conversation as Found

CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})
NOBODY_TYPED = frozenset({"automated", "campaigns_initiated", "operator_initiated"})
STATES = {"open": Status.OPEN, "snoozed": Status.PENDING, "closed": Status.CLOSED}
REOPENS = ("open", "unsnoozed", "timer_unsnooze", "assign_and_unsnooze", "assign_and_reopen", "note_and_reopen")
BECAME = {"close": Status.CLOSED, "snoozed": Status.PENDING, **dict.fromkeys(REOPENS, Status.OPEN)}
IMAGE = re.compile(r"<img\b[^<>]{0,2000}?\ssrc=[\"']([^\"'<>]{1,2000})[\"']", re.I)


def conversation_of(found: Found, admin: str, url: str = "") -> Conversation:
    """Source and parts as messages and changes, oldest first; `admin` is the teammate as whom the bot writes."""
    messages, source = _messages(found, admin), found.source
    return Conversation(
        ref=Ref("intercom", found.id),
        subject=found.title or from_html(source.subject),
        status=STATES.get(found.state, Status.OTHER),
        customer=_customer(found),
        messages=messages,
        changes=_changes(found),
        stamp=str(int(found.updated_at.timestamp())),
        rating=found.rating,
        assignee=found.admin_assignee_id,
        group=found.team_assignee_id,
        tags=tuple(t.name for t in found.tags),
        channel="chat" if source.type == "conversation" else source.type,
        page=Page(source.url) if source.url else None,
        bot_active=_fin_answers(found, messages),
        url=url,
    )


def _messages(found: Found, admin: str) -> tuple[Message, ...]:
    # Whatever was said is a message: a customer's reply to a closed conversation comes as a part of type "open".
    later = (_message(p, p.id, p.created_at, _role(p, admin), public=not p.is_note) for p in found.parts)
    # Messages and parts are numbered apart, so the first one says what it is.
    id_ = f"source-{found.source.id or found.id}"
    first = _message(found.source, id_, found.created_at, _role(found.source, admin))
    return tuple(m for m in (first, *later) if m)


def _message(said: Said, id: str, at: datetime, role: Role, *, public: bool = True) -> Message | None:
    """None where nothing was said, and where what was said has been redacted."""
    text, files = from_html(said.body), _files(said)
    if said.redacted or not (text or files):
        return None
    who, email = said.author, said.author.email if role is Role.CUSTOMER else ""
    return Message(id, role, who.id, text, at, public, who.name, attachments=files, email=email)


def _role(said: Said, admin: str) -> Role:
    """Whose words they are. Fin and workflows may speak under a teammate's or a team's name."""
    author = said.author
    if author.type in CUSTOMERS:
        return Role.CUSTOMER
    if author.type != "admin" or author.from_ai_agent or said.delivered_as in NOBODY_TYPED:
        return Role.OTHER_BOT
    return Role.SELF if author.id == admin else Role.AGENT


def _files(said: Said) -> tuple[Attachment, ...]:
    """Pictures pasted into the chat are in the HTML and not among the attachments."""
    names = [re.split(r"[?#]", unescape(src))[0].rsplit("/", 1)[-1] for src in IMAGE.findall(said.body)]
    pasted = tuple(Attachment(name or "image", "image", 0) for name in names)
    return tuple(Attachment(a.name, a.content_type, a.filesize) for a in said.attachments) + pasted


def _customer(found: Found) -> Customer:
    """The first contact; name and address as the newest thing they wrote carries them."""
    wrote = [a for a in (found.source.author, *(p.author for p in found.parts)) if a.type in CUSTOMERS]
    author = next((a for a in reversed(wrote) if found.contact in ("", a.id)), Author())
    return Customer(found.contact or author.id, author.name, author.email)


def _changes(found: Found) -> tuple[Change, ...]:
    changes = [change for part in found.parts for change in _changed(part)]
    if found.rating and found.rated_at:
        id_ = f"rating-{int(found.rated_at.timestamp())}"
        changes.append(Change(id_, "rating", found.rating, found.rated_at, found.rated_by))
    return tuple(sorted(changes, key=lambda c: c.at))


def _changed(part: Part) -> Iterator[Change]:
    if part.part_type in BECAME:
        yield Change(f"{part.id}-status", "status", BECAME[part.part_type], part.created_at, part.author.id)
    if part.part_type.startswith("assign") or part.assigned_to:
        yield Change(f"{part.id}-assignee", "assignee", part.assigned_to, part.created_at, part.author.id)


def _fin_answers(found: Found, messages: tuple[Message, ...]) -> bool:
    """Fin took part, has not handed over, and no person has answered since."""
    if not found.ai_agent_participated or found.fin_state == "routed_to_team":
        return False
    answered = [m.role for m in messages if m.public and m.role in (Role.AGENT, Role.OTHER_BOT)]
    return answered[-1:] != [Role.AGENT]


def fingerprint(html: str) -> str:
    """What survives the vendor's rewriting of tags and links: the letters and digits people read."""
    return re.sub(r"[\W_]+", "", URL.sub("", from_html(html))).casefold()
