"""A ticket and its audits as a conversation. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from html import unescape
from urllib.parse import parse_qs, urlsplit

from bot.model import Attachment, Change, Conversation, Customer, Message, Ref, Role, Status
from bot.text.markup import from_html
from connectors.zendesk.shapes import Audit, AuditEvent, Ticket, TicketAnswer, User

NAME = "zendesk"
MARK = "understudy"
STATUSES = {
    "new": Status.OPEN,
    "open": Status.OPEN,
    "pending": Status.PENDING,
    "hold": Status.PENDING,
    "solved": Status.SOLVED,
    "closed": Status.CLOSED,
}
API = frozenset({"api", "web_service"})  # the same thing in REST and in the table of via types
SYSTEM = -1  # the author of what Zendesk itself says
EDITS = frozenset({"CommentRedactionEvent", "AttachmentRedactionEvent", "CommentPrivacyChange"})
INLINE = re.compile(r"<img\b[^>]*?\bsrc=[\"']([^\"']*/attachments/[^\"']*)[\"']", re.I)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is who: the user we write as, and the users that are other bots."""

    author: int
    bots: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """A comment and the update it came with."""

    event: AuditEvent
    audit: Audit
    version: int
    public: bool

    @property
    def by(self) -> int:
        """The author shown; the update may have been made by someone else."""
        return self.audit.author_id if self.event.author_id is None else self.event.author_id

    @property
    def channel(self) -> str:
        """An event has its own `via` only where it differs from the audit's."""
        return str((self.event.via or self.audit.via).channel or "")


def conversation(
    answer: TicketAnswer, audits: Sequence[Audit], users: Mapping[int, User], staff: Staff, brand: str, site: str
) -> Conversation:
    """`audits` oldest first; `users` holds whoever the vendor still knows."""
    ticket = answer.ticket
    spoken = comments(audits)
    roles = [role_of(s, ticket, users.get(s.by), staff) for s in spoken]
    rating = ticket.satisfaction_rating.score if ticket.satisfaction_rating else None
    return Conversation(
        ref=Ref(NAME, str(ticket.id)),
        subject=ticket.subject or "",
        status=STATUSES.get(ticket.status, Status.OTHER),
        customer=customer_of(answer, users),
        messages=tuple(message(s, r, users.get(s.by)) for s, r in zip(spoken, roles, strict=True)),
        changes=tuple(c for audit in audits for e in audit.events if (c := change(e, audit))),
        stamp=ticket.updated_at,
        rating=rating if rating in ("good", "bad") else "",
        assignee=str(ticket.assignee_id or ""),
        brand=brand,
        group=next((g.name for g in answer.groups if g.id == ticket.group_id), str(ticket.group_id or "")),
        tags=tuple(ticket.tags),
        channel=str(ticket.via.channel or ""),
        bot_active=bot_active(spoken, roles),
        url=f"{site}/agent/tickets/{ticket.id}",
    )


def comments(audits: Sequence[Audit]) -> list[Said]:
    """What was said, with later edits: Zendesk shows the text as it is now and remembers that it was changed."""
    edits = [e for a in audits for e in a.events if e.type in EDITS]
    changed = Counter(e.comment_id for e in edits)
    privacy = {e.comment_id: e.public is True for e in edits if e.type == "CommentPrivacyChange"}
    return [
        Said(e, a, 1 + changed[e.id], privacy.get(e.id, e.public is True))
        for a in audits
        for e in a.events
        if e.type in ("Comment", "VoiceComment")
    ]


def role_of(said: Said, ticket: Ticket, author: User | None, staff: Staff) -> Role:
    """Whoever is not known to be staff counts as a customer: their word never becomes knowledge by itself."""
    if said.by in staff.bots or said.by == SYSTEM:
        return Role.OTHER_BOT
    if said.by == staff.author:
        return Role.SELF if mark_of(said) or said.channel in API else Role.AGENT
    if author is None or said.by == ticket.requester_id or author.role == "end-user":
        return Role.CUSTOMER
    if mark_of(said):  # as whom we wrote once
        return Role.SELF
    automatic = said.channel == "rule" or said.channel.startswith("answer_bot")
    return Role.OTHER_BOT if automatic else Role.AGENT


def bot_active(spoken: Sequence[Said], roles: Sequence[Role]) -> bool:
    """Did another bot speak last on our side? A trigger's comment is an acknowledgement, not an answer."""
    ours = [(s, r) for s, r in zip(spoken, roles, strict=True) if s.public and r is not Role.CUSTOMER]
    return bool(ours) and ours[-1][1] is Role.OTHER_BOT and ours[-1][0].channel != "rule"


def mark_of(said: Said) -> str:
    """Our delivery's key: only staff and apps can send metadata along."""
    custom = said.audit.metadata.custom if said.audit.metadata else None
    return str((custom or {}).get(MARK) or "")


def message(said: Said, role: Role, author: User | None) -> Message:
    html = said.event.html_body or ""
    return Message(
        id=str(said.event.id),
        role=role,
        author=str(said.by),
        text=from_html(html) if html else said.event.body or "",
        at=said.audit.created_at.astimezone(UTC),
        public=said.public,
        name=(author.name if author else None) or "",
        version=said.version,
        attachments=attachments(said.event),
        mark=mark_of(said) if role is Role.SELF else "",
    )


def attachments(event: AuditEvent) -> tuple[Attachment, ...]:
    """Files, and pictures within the text, which a list of attachments leaves out (mail of one screenshot)."""
    files = [Attachment(f.file_name, f.content_type or "", f.size or 0) for f in event.attachments]
    listed = {f.name for f in files}
    inline = [_picture(url) for url in INLINE.findall(event.html_body or "")]
    return tuple(files + [Attachment(name, "image/*", 0) for name in inline if name not in listed])


def _picture(url: str) -> str:
    parts = urlsplit(unescape(url))
    return parse_qs(parts.query).get("name", [parts.path.rpartition("/")[2]])[0] or "image"


def change(event: AuditEvent, audit: Audit) -> Change | None:
    """Status (folded), assignee (id), rating or macro (title); None for the rest."""
    field, value = _changed(event)
    if not field:
        return None
    return Change(str(event.id), field, value, audit.created_at.astimezone(UTC), str(audit.author_id))


def _changed(event: AuditEvent) -> tuple[str, str]:
    value = "" if event.value is None else str(event.value)
    match event.type, event.field_name:
        case (("Change" | "Create"), "status"):
            return "status", STATUSES.get(value, Status.OTHER).value
        case (("Change" | "Create"), "assignee_id"):
            return ("assignee", value) if value or event.type == "Change" else ("", "")
        case "SatisfactionRating", _:
            return ("rating", event.score) if event.score in ("good", "bad") else ("", "")
        case "AgentMacroReference", _:
            return "macro", event.macro_title or str(event.macro_id or "")
        case _:
            return "", ""


def customer_of(answer: TicketAnswer, users: Mapping[int, User]) -> Customer:
    """The requester; plan and segment from fields of that name on the user or the organization."""
    ticket = answer.ticket
    user = users.get(ticket.requester_id) or User(id=ticket.requester_id)
    works_at = next((o for o in answer.organizations if o.id == ticket.organization_id), None)
    fields = ((works_at.organization_fields if works_at else None) or {}) | {
        k: v for k, v in (user.user_fields or {}).items() if v is not None
    }
    return Customer(
        id=str(user.id),
        name=user.name or "",
        email=user.email or "",
        plan=str(fields.get("plan") or ""),
        segment=str(fields.get("segment") or ""),
        language=(user.locale or "").partition("-")[0].lower(),
    )
