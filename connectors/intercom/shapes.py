"""What we rely on in Intercom's JSON, read once here: the SDK passes wrong types and missing fields through.

A field that is absent is "", False or () where we can live without it; nulls are taken out before. Words of the
vendor are plain text, because it adds new ones without notice.
"""

from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

Id = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]  # a number as text; some answers have it as a number
Somebody = Annotated[str, AfterValidator(lambda who: "" if who == "0" else who)]  # "0" is nobody


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class Author(_Shape):
    """Who wrote: type admin, user, lead, bot, team or one we do not know yet; blank for some channels. And who may."""

    type: str = ""
    id: str = ""
    name: str = ""
    email: str = ""
    from_ai_agent: bool = False
    has_inbox_seat: bool = False


class File(_Shape):
    """A file; `filesize` in bytes."""

    name: str = "file"
    content_type: str = ""
    filesize: int = 0


class Said(_Shape):
    """What source and parts have in common. `delivered_as` only the source has."""

    body: str = ""
    author: Author = Author()
    attachments: tuple[File, ...] = ()
    redacted: bool = False
    delivered_as: str = ""


class Source(Said):
    """What started the conversation; it has no time of its own."""

    id: str = ""
    type: str = ""
    subject: str = ""
    url: str = ""


class Part(Said):
    """Something that happened later: said, noted, assigned, closed…"""

    id: Id
    part_type: str
    created_at: AwareDatetime
    assigned_to: Somebody = Field("", validation_alias=AliasPath("assigned_to", "id"))

    @property
    def is_note(self) -> bool:
        """Only teammates see it."""
        return self.part_type.startswith("note")


def _oldest_first(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda p: p.created_at))


def _by_locale(said: object) -> object:
    """Without its type, which stands among the locales."""
    return {name: held for name, held in said.items() if name != "type"} if isinstance(said, dict) else said


class Tag(_Shape):
    name: str = ""


class Conversation(_Shape):
    """A conversation as `GET /conversations/{id}` and the answer to a reply show it.

    `parts` are the newest 500 at most, oldest first. `rating` is 1 to 5, "" while it is only asked for.
    """

    id: Id
    created_at: AwareDatetime
    updated_at: AwareDatetime
    state: str
    source: Source
    parts: Annotated[tuple[Part, ...], AfterValidator(_oldest_first)] = Field(
        validation_alias=AliasPath("conversation_parts", "conversation_parts")
    )
    title: str = ""
    contact: str = Field("", validation_alias=AliasPath("contacts", "contacts", 0, "id"))
    tags: tuple[Tag, ...] = Field((), validation_alias=AliasPath("tags", "tags"))
    admin_assignee_id: Somebody = ""
    team_assignee_id: Somebody = ""
    rating: str = Field("", validation_alias=AliasPath("conversation_rating", "rating"))
    rated_at: AwareDatetime | None = Field(None, validation_alias=AliasPath("conversation_rating", "updated_at"))
    rated_by: str = Field("", validation_alias=AliasPath("conversation_rating", "contact", "id"))
    fin_state: str = Field("", validation_alias=AliasPath("ai_agent", "resolution_state"))
    ai_agent_participated: bool = False


class Found(_Shape):
    """`state` is open, closed or snoozed; `updated_at` in seconds, as text."""

    id: Id
    state: str = ""
    updated_at: str = ""


class Page(_Shape):
    """One page of `POST /conversations/search`; `cursor` is what to ask for next, "" at the end."""

    conversations: tuple[Found, ...]
    cursor: str = Field("", validation_alias=AliasPath("pages", "next", "starting_after"))


class Wording(_Shape):
    """An article in one language."""

    title: str = ""
    body: str = ""
    state: str = "draft"
    url: str = ""


class Article(_Shape):
    """An article as `GET /articles` lists it; its own words are those of `default_locale`, which only help centres of
    several languages have, as have `translations` by locale. `parents`: every collection that it is in."""

    id: Id
    title: str = ""
    body: str = ""
    state: str
    url: str = ""
    updated_at: AwareDatetime
    parent_id: str = ""
    parent_ids: tuple[str, ...] = ()
    default_locale: str = ""
    translations: Annotated[dict[str, Wording], BeforeValidator(_by_locale)] = Field(
        {}, validation_alias="translated_content"
    )

    @property
    def parents(self) -> frozenset[str]:
        return frozenset({self.parent_id, *self.parent_ids} - {""})


class Articles(_Shape):
    """One page of `GET /articles`, the latest touched first."""

    data: tuple[Article, ...]
    total: int = Field(validation_alias="total_count")
    pages: int = Field(validation_alias=AliasPath("pages", "total_pages"))


class Me(_Shape):
    """`GET /me`: whose token it is."""

    workspace: str = Field("", validation_alias=AliasPath("app", "id_code"))
    region: str = Field("", validation_alias=AliasPath("app", "region"))


class Admins(_Shape):
    """`GET /admins`."""

    admins: tuple[Author, ...]


class Item(_Shape):
    """What a notification is about. Parts carry the conversation's id in one of two places."""

    type: str = ""
    id: str = ""
    conversation: str | None = Field(
        None, validation_alias=AliasChoices("conversation_id", AliasPath("conversation", "id"))
    )


class Notification(_Shape):
    """A webhook. `id` is null for a ping."""

    topic: str
    item: Item = Field(validation_alias=AliasPath("data", "item"))
    created_at: AwareDatetime
    app_id: str = ""
    id: str | None = None
