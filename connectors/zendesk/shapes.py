"""What Zendesk sends, as far as we read it; fields we do not name are ignored. Samples: `samples/`."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasPath, BaseModel, BeforeValidator, Field, model_validator

EDITS = frozenset({"CommentRedactionEvent", "AttachmentRedactionEvent", "CommentPrivacyChange"})
SAID = frozenset({"Comment", "VoiceComment"})
READ = EDITS | SAID | {"Create", "Change", "SatisfactionRating", "AgentMacroReference"}
HANDED_DOWN = ("author_id", "created_at", "via", "metadata")

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]
Id = Annotated[Text, Field(pattern=r"^[0-9]{1,19}$")]  # text in webhooks, else a number
Moment = Annotated[datetime, AfterValidator(lambda at: at.astimezone(UTC))]


def _a_time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time needs its zone")
    return text


Stamp = Annotated[str, AfterValidator(_a_time)]


class Kind(BaseModel):
    """A webhook's event type; none where our own trigger wrote the body."""

    type: str = ""


class Rung(BaseModel):
    """A webhook about a ticket, by a trigger or an event subscription; a trigger names no account."""

    ticket: Id = Field(validation_alias=AliasChoices("ticket_id", AliasPath("detail", "id")))
    account: Text = Field("", validation_alias="account_id")


class User(BaseModel):
    """`role`: end-user, agent or admin. Suspended users cannot sign in."""

    id: Text
    name: Text = ""
    email: Text = ""
    role: Text = "end-user"
    suspended: bool = False
    locale: Text = ""
    plan: Text = Field("", validation_alias=AliasPath("user_fields", "plan"))
    segment: Text = Field("", validation_alias=AliasPath("user_fields", "segment"))


class Named(BaseModel):
    """A group, brand, organization or webhook."""

    id: Text
    name: str
    plan: Text = Field("", validation_alias=AliasPath("organization_fields", "plan"))
    segment: Text = Field("", validation_alias=AliasPath("organization_fields", "segment"))


class Ticket(BaseModel):
    """`updated_at` stays text: it goes back as it came, for compare-and-set. `rating`: good, bad, offered…
    `channel`: email, web, api, native_messaging…"""

    id: Id
    subject: Text = ""
    status: str
    requester_id: Text
    assignee_id: Text = ""
    brand_id: Text = ""
    group_id: Text = ""
    organization_id: Text = ""
    tags: list[str] = []
    channel: Text = Field("", validation_alias=AliasPath("via", "channel"))
    updated_at: Stamp
    rating: Text = Field("", validation_alias=AliasPath("satisfaction_rating", "score"))

    @property
    def updated(self) -> datetime:
        return datetime.fromisoformat(self.updated_at)


class Beside(BaseModel):
    """Whom and what an answer about a ticket names."""

    users: list[User] = []
    groups: list[Named] = []
    organizations: list[Named] = []


class TicketAnswer(Beside):
    ticket: Ticket


class File(BaseModel):
    """An attachment, `size` in bytes."""

    name: str = Field(validation_alias="file_name")
    type: Text = Field("", validation_alias="content_type")
    size: int | None = None


class Event(BaseModel):
    """One thing that an update did; which fields there are hangs on `type`. `by` is the author shown, the update may
    have been made by someone else; `mark` is our delivery's key, which only staff and apps can send along; `version`
    is counted by us."""

    id: Text
    type: str
    by: Text = Field(validation_alias="author_id")
    at: Moment = Field(validation_alias="created_at")
    channel: Text = Field("", validation_alias=AliasPath("via", "channel"))
    mark: Text = Field("", validation_alias=AliasPath("metadata", "custom", "understudy"))
    public: bool = False
    body: Text = ""
    html_body: Text = ""
    attachments: list[File] = []
    field_name: Text = ""
    value: Text = ""
    comment_id: Text = ""
    score: Text = ""
    macro_title: Text = ""
    macro_id: Text = ""
    version: int = 1


class Audit(BaseModel):
    """One update of a ticket. An event has its own author or `via` only where it differs from its update's; events of
    kinds we do not read are left out, since the vendor adds some at any time, with fields of any shape."""

    id: Text
    at: Moment = Field(validation_alias="created_at")
    events: list[Event] = []

    @model_validator(mode="before")
    @classmethod
    def _handed_down(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("events"), list):
            return data
        known = [e for e in data["events"] if isinstance(e, dict) and e.get("type") in READ]
        handed = {field: data[field] for field in HANDED_DOWN if field in data}
        return data | {"events": [handed | {k: v for k, v in e.items() if v is not None} for e in known]}


class Audits(Beside):
    """A page of what was done to a ticket, and the ticket as it was then."""

    audits: list[Audit]
    tickets: list[Ticket] = []

    def answer(self, id: str) -> TicketAnswer | None:
        """The ticket with that id and who is named beside it; None where it, its group or its organization is not."""
        found = next((ticket for ticket in self.tickets if ticket.id == id), None)
        named = {"users": self.users, "groups": self.groups, "organizations": self.organizations}
        lacks = found and {found.group_id, found.organization_id} - {
            "",
            *(n.id for n in self.groups + self.organizations),
        }
        return TicketAnswer(ticket=found, **named) if found and not lacks else None


class Updated(BaseModel):
    """The answer to an update; `audit` holds the comment that it made."""

    audit: Audit


class Touched(BaseModel):
    id: Id
    updated_at: datetime
    status: str = ""


class Wording(BaseModel):
    """An article in one language; one without `draft` is no more sure to be published than one with it."""

    locale: str
    title: str
    body: Text = ""
    draft: bool
    html_url: Text = ""


class Article(BaseModel):
    """An article; `translations` hold its own language, too, and are None where they did not come beside it. Nobody's
    segment means everybody; one that is not told is not known."""

    id: Id
    updated_at: Moment
    user_segment_id: Text = "that is not told"
    user_segment_ids: list[Text] | None = None
    translations: list[Wording] | None = None

    @property
    def segments(self) -> frozenset[str]:
        """Whom it is for, none for everybody."""
        return frozenset({self.user_segment_id, *(self.user_segment_ids or ())} - {""})


class Export(BaseModel):
    """Where an incremental export goes on: articles by time, tickets by cursor."""

    next_page: Text = ""
    end_time: int | None = None
    after_cursor: Text = ""
    end_of_stream: bool = False


class Act(BaseModel):
    """What a macro does; `value` is text, or a channel and a text."""

    field: str
    value: Any = ""

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.value[-1] if isinstance(self.value, list) and self.value else self.value or "")


class Macro(BaseModel):
    """A saved reply, as far as it writes one; `restriction` is nothing where every agent may use it."""

    id: Id
    title: str
    updated_at: Moment
    restriction: Any = None
    actions: list[Act] = []

    def _said(self, field: str) -> str:
        return next((act.text for act in self.actions if act.field == field), "")

    @property
    def html(self) -> str:
        """What it writes, "" where that is plain or nothing."""
        return self._said("comment_value_html")

    @property
    def plain(self) -> str:
        """What it writes, "" where that has marks or is nothing."""
        return self._said("comment_value")

    @property
    def public(self) -> bool:
        """Does the customer get it, as far as the macro says?"""
        return self._said("comment_mode_is_public").lower() != "false"


class Titled(BaseModel):
    """A trigger."""

    title: str


class Meta(BaseModel):
    """Where a list by cursor goes on, "" at its end."""

    more: bool = Field(False, validation_alias=AliasPath("meta", "has_more"))
    after: Text = Field("", validation_alias=AliasPath("meta", "after_cursor"))


class Hook(BaseModel):
    id: str = Field(validation_alias=AliasPath("webhook", "id"))


class Secret(BaseModel):
    secret: str = Field(validation_alias=AliasPath("signing_secret", "secret"))


class Problem(BaseModel):
    """Why an answer is an error; what the vendor says in `details` is nearest to the point."""

    error: Text = ""
    description: Text = ""
    details: dict[str, list[dict[str, Text]]] = {}
