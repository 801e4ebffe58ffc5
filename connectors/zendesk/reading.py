"""A ticket and what was done to it as a conversation. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from bot.model import Attachment, Change, Conversation, Customer, Message, Ref, Role, Status
from bot.text.markup import from_html
from connectors.zendesk.shapes import EDITS, SAID, Event, Named, Ticket, TicketAnswer, User

NAME = "zendesk"
STATUSES = {s.value: s for s in Status} | {"new": Status.OPEN, "hold": Status.PENDING}
API = frozenset({"api", "web_service"})  # the same thing in REST and in the table of via types
RATINGS = ("good", "bad")  # else offered or unoffered
SYSTEM = "-1"  # the author of what Zendesk itself says
INLINE = re.compile(r"<img\b[^<>]{0,2000}?\bsrc=[\"'][^\"'<>]{0,2000}?/attachments/([^\"'<>]{0,2000})", re.I)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is who by user id: the one we write as, and everyone who is no person: that one, Zendesk, other bots."""

    author: str
    bots: frozenset[str]


def conversation(
    answer: TicketAnswer, events: Sequence[Event], users: Mapping[str, User], staff: Staff, brand: str, site: str
) -> Conversation:
    """`events` oldest first; `users` holds whoever the vendor still knows."""
    ticket = answer.ticket
    spoken = comments(events)
    roles = [role_of(e, ticket, users.get(e.by), staff) for e in spoken]
    return Conversation(
        ref=Ref(NAME, ticket.id),
        subject=ticket.subject,
        status=STATUSES.get(ticket.status, Status.OTHER),
        customer=customer_of(answer, users),
        messages=tuple(message(e, r, users.get(e.by)) for e, r in zip(spoken, roles, strict=True)),
        changes=tuple(Change(e.id, *what, e.at, e.by) for e in events if (what := changed(e))),
        stamp=ticket.updated_at,
        rating=ticket.rating if ticket.rating in RATINGS else "",
        assignee=ticket.assignee_id,
        brand=brand,
        group=next((g.name for g in answer.groups if g.id == ticket.group_id), ticket.group_id),
        tags=tuple(ticket.tags),
        channel=ticket.channel,
        bot_active=bot_active(spoken, roles),
        url=f"{site}/agent/tickets/{ticket.id}",
    )


def comments(events: Sequence[Event]) -> list[Event]:
    """What was said, with later edits: Zendesk shows the text as it is now and remembers that it was changed."""
    edits = Counter(e.comment_id for e in events if e.type in EDITS)
    public = {e.comment_id: e.public for e in events if e.type == "CommentPrivacyChange"}
    return [
        e.model_copy(update={"version": 1 + edits[e.id], "public": public.get(e.id, e.public)})
        for e in events
        if e.type in SAID
    ]


def role_of(said: Event, ticket: Ticket, author: User | None, staff: Staff) -> Role:
    """Whoever is not known to be staff counts as a customer: their word never becomes knowledge by itself."""
    if said.by == staff.author:
        return Role.SELF if said.mark or said.channel in API else Role.AGENT
    if said.by in staff.bots:
        return Role.OTHER_BOT
    if author is None or said.by == ticket.requester_id or author.role == "end-user":
        return Role.CUSTOMER
    if said.mark:  # as whom we wrote once
        return Role.SELF
    automatic = said.channel == "rule" or said.channel.startswith("answer_bot")
    return Role.OTHER_BOT if automatic else Role.AGENT


def bot_active(spoken: Sequence[Event], roles: Sequence[Role]) -> bool:
    """Did another bot speak last on our side? A trigger's comment is an acknowledgement, not an answer."""
    ours = [(e, r) for e, r in zip(spoken, roles, strict=True) if e.public and r is not Role.CUSTOMER]
    return bool(ours) and ours[-1][1] is Role.OTHER_BOT and ours[-1][0].channel != "rule"


def message(said: Event, role: Role, author: User | None) -> Message:
    return Message(
        id=said.id,
        role=role,
        author=said.by,
        text=from_html(said.html_body) if said.html_body else said.body,
        at=said.at,
        public=said.public,
        name=author.name if author else "",
        version=said.version,
        attachments=attachments(said),
        mark=said.mark if role is Role.SELF else "",
        email=author.email if author and role is Role.CUSTOMER else "",
    )


def attachments(said: Event) -> tuple[Attachment, ...]:
    """Files, and pictures within the text, which a list of attachments leaves out (mail of one screenshot)."""
    files = [Attachment(f.name, f.type, f.size or 0) for f in said.attachments]
    names = [url.partition("name=")[2].partition("&")[0] for url in INLINE.findall(said.html_body)]
    inline = {unquote_plus(name) or "image" for name in names} - {f.name for f in files}
    return (*files, *(Attachment(name, "image/*", 0) for name in sorted(inline)))


def changed(event: Event) -> tuple[str, str] | None:
    """Status (folded), assignee (id), rating or macro (title); None for the rest."""
    match event.type, event.field_name:
        case (("Change" | "Create"), "status"):
            return "status", STATUSES.get(event.value, Status.OTHER).value
        case (("Change" | "Create"), "assignee_id") if event.value or event.type == "Change":
            return "assignee", event.value
        case "SatisfactionRating", _ if event.score in RATINGS:
            return "rating", event.score
        case "AgentMacroReference", _:
            return "macro", event.macro_title or event.macro_id
    return None


def customer_of(answer: TicketAnswer, users: Mapping[str, User]) -> Customer:
    """The requester; plan and segment from fields of that name on the user, else on the organization."""
    ticket = answer.ticket
    user = users.get(ticket.requester_id) or User(id=ticket.requester_id)
    works_at = next((o for o in answer.organizations if o.id == ticket.organization_id), Named(id="", name=""))
    return Customer(
        id=user.id,
        name=user.name,
        email=user.email,
        plan=user.plan or works_at.plan,
        segment=user.segment or works_at.segment,
        language=user.locale.partition("-")[0].lower(),
    )
