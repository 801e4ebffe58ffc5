"""A conversation as we saw it, and the facts found in it."""

from dataclasses import dataclass
from datetime import datetime

from bot.model.kinds import EventKind, PersonRole, Role, Status


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One conversation: the connector's name and the vendor's id. Written `zendesk:42`."""

    connector: str
    id: str

    def __str__(self) -> str:
        return f"{self.connector}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """`zendesk:42` -> Ref; ValueError where there is no colon."""
        connector, colon, id_ = text.partition(":")
        if not (connector and colon and id_):
            raise ValueError(f"{text!r} is not a ref; write connector:id, such as zendesk:42")
        return cls(connector, id_)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file someone sent: seen and named, never opened. `size` in bytes."""

    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said. `author` is the vendor's id, `name` what people call them, `email` a customer's address, so that
    whoever writes in a conversation of somebody else is found; `text` is plain.

    An edited message keeps its id and counts `version` up. `mark` is our delivery's key where the vendor
    carries it back, else "".
    """

    id: str
    role: Role
    author: str
    text: str
    at: datetime
    public: bool = True
    name: str = ""
    version: int = 1
    attachments: tuple[Attachment, ...] = ()
    mark: str = ""
    email: str = ""

    @property
    def key(self) -> str:
        """The id, with `-v2` from the second version on: what a draft has seen."""
        return f"{self.id}-v{self.version}" if self.version > 1 else self.id


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a conversation that the vendor remembers. `field`: status, assignee, rating or macro."""

    id: str
    field: str
    value: str
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Where in the product the customer is."""

    url: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Who asks. `language` is an ISO 639-1 code, "" when unknown."""

    id: str
    name: str = ""
    email: str = ""
    plan: str = ""
    segment: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A snapshot of a conversation, messages and changes oldest first.

    `stamp` is the vendor's version of it, for compare-and-set ("" where there is none). `rating` is the
    customer's, as the vendor writes it. `bot_active`: another bot is answering now. `channel`: email, web, chat…
    `url` opens it in the vendor's own tool.
    """

    ref: Ref
    subject: str
    status: Status
    customer: Customer
    messages: tuple[Message, ...]
    changes: tuple[Change, ...] = ()
    stamp: str = ""
    rating: str = ""
    assignee: str = ""
    brand: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    channel: str = ""
    page: Page | None = None
    bot_active: bool = False
    url: str = ""

    @property
    def asked(self) -> Message | None:
        """The customer's newest public message."""
        said = [m for m in self.messages if m.role is Role.CUSTOMER and m.public]
        return said[-1] if said else None

    @property
    def unanswered(self) -> tuple[Message, ...]:
        """What the customer said in public since a person or we answered; another bot's word is no answer."""
        since: list[Message] = []
        for message in reversed(self.messages):
            if message.public and message.role in (Role.AGENT, Role.SELF):
                break
            if message.public and message.role is Role.CUSTOMER:
                since.append(message)
        return tuple(reversed(since))


@dataclass(frozen=True, slots=True)
class Event:
    """A fact not seen before. `key` is the identity of the fact, the same however often we look."""

    kind: EventKind
    ref: Ref
    object_id: str
    version: int
    at: datetime

    @property
    def key(self) -> str:
        """`connector-conversation-kind-object`, with `-v2` from the second version on."""
        again = f"-v{self.version}" if self.version > 1 else ""
        return f"{self.ref.connector}-{self.ref.id}-{self.kind}-{self.object_id}{again}"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone on the team, one id across vendors; `vendor_ids` are `connector:id`."""

    id: str
    name: str
    email: str
    role: PersonRole = PersonRole.AGENT
    vendor_ids: tuple[str, ...] = ()
