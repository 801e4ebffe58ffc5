"""What Zendesk sends, as far as we read it; fields we do not name are ignored. Samples: `samples/`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, StringConstraints

READ_EVENTS = frozenset({
    "Comment", "VoiceComment", "Create", "Change", "SatisfactionRating", "AgentMacroReference",
    "CommentRedactionEvent", "AttachmentRedactionEvent", "CommentPrivacyChange",
})  # fmt: skip

Id = Annotated[
    str, BeforeValidator(str), StringConstraints(pattern=r"^[0-9]{1,19}$")
]  # text in webhooks, else a number


def _readable(events: Any) -> Any:
    """Only event kinds that we read: the vendor adds others at any time, with fields of any shape."""
    return [e for e in events if isinstance(e, dict) and e.get("type") in READ_EVENTS]


class Detail(BaseModel):
    id: Id


class Kind(BaseModel):
    type: str


class Envelope(BaseModel):
    """A webhook of an event subscription."""

    account_id: Id
    detail: Detail


class Doorbell(BaseModel):
    """A webhook whose body our own trigger wrote."""

    ticket_id: Id


class Via(BaseModel):
    """How something came in: email, web, api, native_messaging, rule, answer_bot_…"""

    channel: str | int | None = None


class User(BaseModel):
    """`role`: end-user, agent or admin. Suspended users cannot sign in."""

    id: int
    name: str | None = None
    email: str | None = None
    role: str = "end-user"
    suspended: bool = False
    locale: str | None = None
    user_fields: dict[str, object] | None = None


class Named(BaseModel):
    """A group, brand, organization or webhook."""

    id: int | str
    name: str
    organization_fields: dict[str, object] | None = None


class Rating(BaseModel):
    """`score`: offered, unoffered, good or bad."""

    score: str | None = None


class Ticket(BaseModel):
    """`updated_at` stays text: it goes back as it came, for compare-and-set."""

    id: int
    subject: str | None = None
    status: str
    requester_id: int
    assignee_id: int | None = None
    brand_id: int | None = None
    group_id: int | None = None
    organization_id: int | None = None
    tags: list[str] = []
    via: Via = Via()
    updated_at: str
    satisfaction_rating: Rating | None = None


class TicketAnswer(BaseModel):
    ticket: Ticket
    users: list[User] = []
    groups: list[Named] = []
    organizations: list[Named] = []


class File(BaseModel):
    """An attachment, `size` in bytes."""

    file_name: str
    content_type: str | None = None
    size: int | None = None


class AuditEvent(BaseModel):
    """One thing that an update did; which fields there are hangs on `type`."""

    id: int
    type: str
    public: bool | None = None
    body: str | None = None
    html_body: str | None = None
    author_id: int | None = None
    attachments: list[File] = []
    via: Via | None = None
    field_name: str = ""
    value: object = None
    comment_id: int = 0
    score: str | None = None
    macro_title: str | None = None
    macro_id: str | int | None = None


class Metadata(BaseModel):
    """`custom` is what the updater sent along."""

    custom: dict[str, object] | None = None


class Audit(BaseModel):
    """One update of a ticket."""

    id: int
    author_id: int
    created_at: datetime
    via: Via = Via()
    metadata: Metadata | None = None
    events: Annotated[list[AuditEvent], BeforeValidator(_readable)] = []


class Meta(BaseModel):
    has_more: bool = False
    after_cursor: str | None = None


class Paged(BaseModel):
    """Where a list by cursor goes on."""

    meta: Meta = Meta()


class AuditPage(BaseModel):
    """Audits oldest first, with the users who made them."""

    audits: list[Audit]
    users: list[User] = []


class Updated(BaseModel):
    """The answer to an update; `audit` holds the comment that it made."""

    audit: Audit


class Touched(BaseModel):
    id: int
    updated_at: datetime


class Listed(BaseModel):
    tickets: list[Touched]


class Users(BaseModel):
    users: list[User]


class Me(BaseModel):
    user: User


class Brands(BaseModel):
    brands: list[Named]


class Webhooks(BaseModel):
    webhooks: list[Named]


class Hook(BaseModel):
    webhook: Named


class Secret(BaseModel):
    secret: str


class SigningSecret(BaseModel):
    signing_secret: Secret
