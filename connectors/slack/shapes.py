"""Slack's JSON as far as we read it, and a thread as a Conversation."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from bot.model import Attachment, Conversation, Customer, Ref, Role, Status
from bot.model import Message as Said
from bot.text.markup import from_mrkdwn

EVENT_TYPE = "understudy_delivery"
SOLVED = "white_check_mark"
SLACKBOT = "USLACKBOT"
# Everything else (joins, topics, pins, tombstones of deleted messages) is not said by anybody.
SPOKEN = frozenset({"", "bot_message", "file_share", "thread_broadcast", "me_message"})
Stamp = Annotated[str, Field(pattern=r"^[0-9]{1,12}\.[0-9]{6}$")]


class Shape(BaseModel):
    """Slack writes null for what is not there in some places and leaves it out in others."""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class Stamped(Shape):
    """An edit, or the message that a message_changed or message_deleted event is about."""

    ts: Stamp
    thread_ts: str = ""


class File(Shape):
    """A file; one from another workspace comes without a name."""

    name: str = "file"
    mimetype: str = ""
    size: int = 0


class Metadata(Shape):
    """What an app attached to its own message; anybody's app may use our event type."""

    event_type: str
    event_payload: dict[str, Any] = {}


class Message(Stamped):
    """One message of conversations.replies or .history. `ts` is its id and its time."""

    user: str = ""
    bot_id: str = ""
    username: str = ""
    subtype: str = ""
    text: str = ""
    edited: Stamped | None = None
    files: tuple[File, ...] = ()
    reactions: tuple[dict[str, Any], ...] = ()
    metadata: Metadata | None = None
    latest_reply: str = ""

    @property
    def key(self) -> str:
        """The key of the delivery that this message is, "" for all others."""
        if self.metadata is None or self.metadata.event_type != EVENT_TYPE:
            return ""
        return str(self.metadata.event_payload.get("key", ""))

    @property
    def version(self) -> int:
        """1, and for an edited message 2 + whole seconds from message to edit: the same however often we look."""
        if self.edited is None:
            return 1
        return 2 + max(0, int(moment(self.edited.ts).timestamp()) - int(moment(self.ts).timestamp()))


class MessageEvent(Stamped):
    """A `message` event."""

    channel: str
    subtype: str = ""
    message: Stamped | None = None
    previous_message: Stamped | None = None

    @property
    def thread(self) -> str:
        """The ts of the thread's first message."""
        about = self.message or self.previous_message or self
        return about.thread_ts or about.ts


class Event(Shape):
    """Any event: enough to pass it on."""

    type: str


class Envelope(BaseModel):
    """What the Events API posts, as Bolt needs it (no null event); it takes the workspace from `authorizations`."""

    type: str
    team_id: str = ""
    event_id: str = ""
    event: Event = Event(type="")
    authorizations: tuple[dict[str, Any], ...] = ()


class Me(Shape):
    """Who we are, by auth.test."""

    url: str
    team_id: str
    user_id: str
    bot_id: str


class Profile(Shape):
    """What someone shows of themselves."""

    display_name: str = ""
    real_name: str = ""
    email: str = ""


class User(Shape):
    """Somebody in Slack; `team_id` is the workspace they come from."""

    id: str
    team_id: str = ""
    name: str = ""
    profile: Profile = Profile()
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_email_confirmed: bool = True

    @property
    def member(self) -> bool:
        """A person with an account: no guest, nobody who left. Slackbot does not say that it is a bot."""
        return not (self.deleted or self.is_bot or self.is_restricted or self.id == SLACKBOT)

    @property
    def email(self) -> str:
        """Their address once they have shown that it is theirs, else ""."""
        return self.profile.email if self.is_email_confirmed else ""

    @property
    def called(self) -> str:
        """What people call them."""
        return self.profile.display_name or self.profile.real_name or self.name


class Page(Shape):
    """One page of messages or of members."""

    messages: tuple[Message, ...] = ()
    members: tuple[User, ...] = ()
    response_metadata: dict[str, Any] = {}


def moment(ts: str) -> datetime:
    """A ts as aware UTC, exact to the microsecond."""
    whole, _, micros = ts.partition(".")
    return datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=int(micros or 0))


def role(message: Message, opener: str, me: Me, staff: frozenset[str]) -> Role:
    """Who speaks. The thread's opener is the customer; a colleague writing through an app carries a bot id too."""
    if message.bot_id == me.bot_id or message.user == me.user_id:
        return Role.SELF
    if message.user and message.user in staff and message.user != opener:
        return Role.AGENT
    return Role.OTHER_BOT if message.bot_id else Role.CUSTOMER


def conversation(
    ref: Ref, messages: Sequence[Message], me: Me, staff: frozenset[str], user: Callable[[str], User]
) -> Conversation:
    """A thread, parent first, as the line knows it; `user` looks people up."""
    parent = messages[0]
    said = tuple(_said(m, parent.user, me, staff, user) for m in messages if m.subtype in SPOKEN)
    who = user(parent.user) if parent.user else User(id="")
    first = said[0].text.strip().split("\n")[0] if said else ""
    return Conversation(
        ref=ref,
        subject=first if len(first) <= 80 else first[:79] + "…",
        status=_status(parent),
        customer=Customer(who.id, who.called, who.profile.email),
        messages=said,
        stamp=parent.latest_reply or parent.ts,
        channel="slack",
        bot_active=_bot_active(said),
        url=f"{me.url.rstrip('/')}/archives/{ref.id.rpartition('-')[0]}/p{parent.ts.replace('.', '')}",
    )


def _said(message: Message, opener: str, me: Me, staff: frozenset[str], user: Callable[[str], User]) -> Said:
    speaks = role(message, opener, me, staff)
    person = speaks in (Role.CUSTOMER, Role.AGENT) and bool(message.user)
    return Said(
        id=message.ts,
        role=speaks,
        author=message.user or message.bot_id,
        text=from_mrkdwn(message.text),
        at=moment(message.ts),
        name=user(message.user).called if person else message.username,
        version=message.version,
        attachments=tuple(Attachment(f.name, f.mimetype, f.size) for f in message.files),
        mark=message.key if speaks is Role.SELF else "",
    )


def _status(parent: Message) -> Status:
    if parent.subtype == "tombstone":  # the question was deleted, its answers stay
        return Status.CLOSED
    return Status.SOLVED if any(r.get("name") == SOLVED for r in parent.reactions) else Status.OPEN


def _bot_active(said: Sequence[Said]) -> bool:
    """Another bot answered, and nobody of the team since."""
    speakers = [m.role for m in said if m.role in (Role.AGENT, Role.OTHER_BOT)]
    return bool(speakers) and speakers[-1] is Role.OTHER_BOT
