"""What we rely on in Intercom's JSON, read once here: the SDK passes wrong types and missing fields through.

A field that is null or absent is "", False or () where we can live without it. Words of the vendor are plain
text, because it adds new ones without notice.
"""

from typing import Annotated, TypeVar

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")

Text = Annotated[str, BeforeValidator(lambda v: "" if v is None else v)]
Flag = Annotated[bool, BeforeValidator(lambda v: False if v is None else v)]
Count = Annotated[int, BeforeValidator(lambda v: 0 if v is None else v)]
Many = Annotated[tuple[T, ...], BeforeValidator(lambda v: () if v is None else v)]
Known = Annotated[T, BeforeValidator(lambda v: {} if v is None else v)]
Id = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]  # a number as text; some answers have it as a number
Unix = Annotated[int, Field(strict=True, ge=0, lt=253402300800)]  # seconds, UTC


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True, coerce_numbers_to_str=True)


class Author(_Shape):
    """Who wrote: type admin, user, lead, bot, team or one we do not know yet. Blank for some channels."""

    type: Text = ""
    id: Text = ""
    name: Text = ""
    email: Text = ""
    from_ai_agent: Flag = False
    is_ai_answer: Flag = False


class Reference(_Shape):
    id: Text = ""


class Attachment(_Shape):
    """A file; `filesize` in bytes."""

    name: Text = ""
    content_type: Text = ""
    filesize: Count = 0


class Said(_Shape):
    """What source and parts have in common."""

    body: Text = ""
    author: Known[Author] = Author()
    attachments: Many[Attachment] = ()
    redacted: Flag = False


class Source(Said):
    """What started the conversation; it has no time of its own."""

    id: Text = ""
    type: Text = ""
    delivered_as: Text = ""
    subject: Text = ""
    url: Text = ""


class Part(Said):
    """Something that happened later: said, noted, assigned, closed…"""

    id: Id
    part_type: str
    created_at: Unix
    assigned_to: Reference | None = None


class Contact(_Shape):
    """A customer. The language is there only where the vendor expands the reference."""

    id: str = ""
    language_override: Text = ""


class Tag(_Shape):
    name: Text = ""


class Rating(_Shape):
    """1 to 5, None while it is only asked for. `created_at` is when it was asked for."""

    rating: int | None = None
    created_at: Unix | None = None
    updated_at: Unix | None = None
    contact: Known[Reference] = Reference()


class Conversation(_Shape):
    """A conversation as `GET /conversations/{id}` and the answer to a reply show it; at most the 500 newest parts."""

    id: Id
    created_at: Unix
    updated_at: Unix
    state: str
    source: Source
    parts: Many[Part] = Field(validation_alias=AliasPath("conversation_parts", "conversation_parts"))
    title: Text = ""
    contacts: Many[Contact] = Field((), validation_alias=AliasPath("contacts", "contacts"))
    tags: Many[Tag] = Field((), validation_alias=AliasPath("tags", "tags"))
    admin_assignee_id: Text = ""
    team_assignee_id: Text = ""
    conversation_rating: Known[Rating] = Rating()
    fin_state: Text = Field("", validation_alias=AliasPath("ai_agent", "resolution_state"))
    ai_agent_participated: Flag = False


class Found(_Shape):
    id: Id


class Page(_Shape):
    """One page of `POST /conversations/search`; `cursor` is what to ask for next, "" at the end."""

    conversations: tuple[Found, ...]
    cursor: Text = Field("", validation_alias=AliasPath("pages", "next", "starting_after"))


class Me(_Shape):
    """`GET /me`: whose token it is."""

    id: Id
    workspace: Text = Field("", validation_alias=AliasPath("app", "id_code"))
    region: Text = Field("", validation_alias=AliasPath("app", "region"))


class Admin(_Shape):
    """A teammate."""

    id: Id
    name: Text = ""
    email: Text = ""
    has_inbox_seat: Flag = False


class Admins(_Shape):
    """`GET /admins`."""

    admins: Many[Admin] = ()


class Item(_Shape):
    """What a notification is about. Parts carry the conversation's id in one of two places."""

    type: Text = ""
    id: Text = ""
    conversation_id: Text = ""
    conversation: Known[Reference] = Reference()


class Notification(_Shape):
    """A webhook. `id` is null for a ping."""

    topic: str
    item: Item = Field(validation_alias=AliasPath("data", "item"))
    created_at: Unix
    app_id: Text = ""
    id: Text = ""
