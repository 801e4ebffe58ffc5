"""What we rely on in Intercom's JSON, read once here: the SDK passes wrong types and missing fields through.

A field that is null or absent is "", False or () where we can live without it. Words of the vendor are plain
text, because it adds new ones without notice.
"""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")

Text = Annotated[str, BeforeValidator(lambda v: "" if v is None else v)]
Flag = Annotated[bool, BeforeValidator(lambda v: False if v is None else v)]
Many = Annotated[tuple[T, ...], BeforeValidator(lambda v: () if v is None else v)]
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
    type: Text = ""
    id: Text = ""


class Attachment(_Shape):
    """A file; `filesize` in bytes."""

    name: Text = ""
    content_type: Text = ""
    filesize: int | None = None


class Source(_Shape):
    """What started the conversation; it has no time of its own."""

    id: Text = ""
    type: Text = ""
    delivered_as: Text = ""
    subject: Text = ""
    body: Text = ""
    url: Text = ""
    author: Author | None = None
    attachments: Many[Attachment] = ()
    redacted: Flag = False


class Part(_Shape):
    """Something that happened later: said, noted, assigned, closed…"""

    id: Id
    part_type: str
    created_at: Unix
    body: Text = ""
    author: Author | None = None
    assigned_to: Reference | None = None
    attachments: Many[Attachment] = ()
    app_package_code: Text = ""
    redacted: Flag = False


class Parts(_Shape):
    """At most the 500 newest, oldest first."""

    conversation_parts: Many[Part] = ()


class Contact(_Shape):
    """A customer. The language is there only where the vendor expands the reference."""

    id: str
    language_override: Text = ""


class Contacts(_Shape):
    contacts: Many[Contact] = ()


class Tag(_Shape):
    name: Text = ""


class Tags(_Shape):
    tags: Many[Tag] = ()


class Rating(_Shape):
    """1 to 5, None while it is only asked for. `created_at` is when it was asked for."""

    rating: int | None = None
    created_at: Unix | None = None
    updated_at: Unix | None = None
    contact: Reference | None = None


class AiAgent(_Shape):
    resolution_state: Text = ""


class Conversation(_Shape):
    """A conversation as `GET /conversations/{id}` and the answer to a reply show it."""

    id: Id
    created_at: Unix
    updated_at: Unix
    state: str
    source: Source
    conversation_parts: Parts = Parts()
    title: Text = ""
    contacts: Contacts | None = None
    admin_assignee_id: Text = ""
    team_assignee_id: Text = ""
    tags: Tags | None = None
    conversation_rating: Rating | None = None
    ai_agent: AiAgent | None = None
    ai_agent_participated: Flag = False


class Found(_Shape):
    id: Id


class Next(_Shape):
    starting_after: Text = ""


class Pages(_Shape):
    next: Next | None = None


class Page(_Shape):
    """One page of `POST /conversations/search`."""

    conversations: tuple[Found, ...]
    pages: Pages | None = None

    @property
    def cursor(self) -> str:
        """What to ask for next, "" at the end."""
        return self.pages.next.starting_after if self.pages and self.pages.next else ""


class App(_Shape):
    id_code: Text = ""
    region: Text = ""


class Me(_Shape):
    """`GET /me`: whose token it is."""

    id: Id
    app: App | None = None


class Admin(_Shape):
    """A teammate, as `GET /admins/{id}` and the list of them show one."""

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
    conversation: Reference | None = None


class Data(_Shape):
    item: Item


class Notification(_Shape):
    """A webhook. `id` is null for a ping."""

    topic: str
    data: Data
    created_at: Unix
    app_id: Text = ""
    id: Text = ""
