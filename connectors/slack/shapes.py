"""Slack's JSON as far as we read it, and a thread as a Conversation."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, Field

from bot.model import Attachment, Change, Conversation, Customer, Ref, Role, Status, Verdict, VerdictKind
from bot.model import Message as Said
from bot.text.markup import from_mrkdwn
from connectors.http import Shape, shape

EVENT_TYPE = "understudy_delivery"
SOLVED = "white_check_mark"
CUT_OUT = {"line": "\n", "blank": " "}  # before an input of the answer, by the end of its id
SLACKBOT = "USLACKBOT"
# Everything else (joins, topics, pins, tombstones of deleted messages) is not said by anybody.
SPOKEN = frozenset({"", "bot_message", "file_share", "thread_broadcast", "me_message"})
Stamp = Annotated[str, Field(pattern=r"^[0-9]{1,10}\.[0-9]{6}$")]


def read(kind: type[Shape], data: object) -> Shape:
    """`data` as `kind`. Slack leaves out what is not there, or writes null or "" for it."""
    return shape(kind, _there(data), "slack")


def _there(data: object) -> object:
    if isinstance(data, dict):
        return {key: _there(value) for key, value in data.items() if value not in (None, "")}
    return [_there(value) for value in data] if isinstance(data, list) else data


def at(*paths: str, default: object = "") -> Any:
    """A field that stands deeper, as `view.hash`, at the first of `paths` that is there; `...` makes it required."""
    split = [path.split(".") for path in paths]
    steps = [AliasPath(head, *(int(step) if step.isdigit() else step for step in rest)) for head, *rest in split]
    return Field(default, validation_alias=AliasChoices(*steps))


class Envelope(BaseModel):
    """What the Events API posts, as Bolt needs it (no null event); it takes the workspace from `authorizations`."""

    type: str
    event: dict[str, Any] = {}
    authorizations: tuple[dict[str, Any], ...] = ()


class Event(BaseModel):
    """A `message` event. `thread`: ts of the first message of the thread that it is about."""

    channel: str
    subtype: str = ""
    thread: Stamp = at(
        *("message.thread_ts", "message.ts", "previous_message.thread_ts", "previous_message.ts", "thread_ts", "ts"),
        default=...,
    )


class File(BaseModel):
    """A file; one from another workspace comes without a name."""

    name: str = "file"
    mimetype: str = ""
    size: int = 0


class Message(BaseModel):
    """One message of conversations.replies or .history. `ts` is its id and its time."""

    ts: Stamp
    thread_ts: str = ""
    user: str = ""
    bot_id: str = ""
    username: str = ""
    subtype: str = ""
    text: str = ""
    edited: Stamp = at("edited.ts")
    files: tuple[File, ...] = ()
    reactions: tuple[dict[str, Any], ...] = ()
    latest_reply: Stamp = ""
    event_type: str = at("metadata.event_type")
    payload_key: object = at("metadata.event_payload.key")

    @property
    def key(self) -> str:
        """The key of the delivery that this message is, "" for all others; anybody's app may use our event type."""
        return str(self.payload_key) if self.event_type == EVENT_TYPE else ""

    @property
    def version(self) -> int:
        """1, and for an edited message 2 + whole seconds from message to edit: the same however often we look."""
        return 2 + max(0, int(float(self.edited)) - int(float(self.ts))) if self.edited else 1


class Me(BaseModel):
    """Who we are, by auth.test."""

    url: str
    bot_id: str


class User(BaseModel):
    """Somebody in Slack; `team_id` is the workspace they come from. Slackbot does not say that it is a bot."""

    id: str
    team_id: str = ""
    called: str = at("profile.display_name", "profile.real_name", "name")
    address: str = at("profile.email")
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False  # a guest, of several channels or of one
    is_email_confirmed: bool = False

    def works_at(self, team: str) -> bool:
        """Is this one of the workspace's own members: no guest, no app, nobody who left or comes from another one?"""
        return self.team_id == team and self.id != SLACKBOT and not (self.deleted or self.is_bot or self.is_restricted)


class Page(BaseModel):
    """One page of messages or of members; `cursor` is where the next begins."""

    messages: tuple[Message, ...] = ()
    members: tuple[User, ...] = ()
    cursor: str = at("response_metadata.next_cursor")


class Input(BaseModel):
    """What was typed or chosen."""

    value: str = at("value", "selected_option.value")


class Interaction(BaseModel):
    """A button pressed or a modal submitted: the `kind` of verdict, the card's `token`, a `stamp` of its own.

    `inputs` are the modal's by block and action.
    """

    type: str
    user: str = at("user.id", default=...)
    workspace: str = at("user.team_id")
    channel: str = at("channel.id")
    trigger_id: str = ""
    kind: str = at("actions.0.action_id", "view.callback_id", default=...)
    token: str = at("actions.0.value", "view.private_metadata")
    stamp: str = at("actions.0.action_ts", "view.hash")
    inputs: dict[str, dict[str, Input]] = at("view.state.values", default={})

    def verdict(self, now: datetime, *, stranger: bool) -> Verdict:
        """What it says of the card, with what was typed and chosen; guests and `stranger`s see some channels, too."""
        typed = {block: held["value"].value for block, held in self.inputs.items()}
        parts = [block for block in sorted(typed) if block.startswith("answer") and typed[block]]
        answer = "".join(CUT_OUT.get(block.partition("-")[2], "") + typed[block] for block in parts)
        reason = ": ".join(filter(None, (typed.get("reason"), typed.get("more", "").strip())))
        words = {"text": answer.strip(), "question": typed.get("question", "").strip(), "reason": reason}
        by, home = f"slack:{self.user}", self.workspace
        return Verdict(VerdictKind(self.kind), self.token, by, now, workspace=home, stranger=stranger, **words)


def moment(ts: str) -> datetime:
    """A ts as aware UTC, exact to the microsecond."""
    return datetime.fromtimestamp(float(ts), UTC)


def role(message: Message, opener: str, me: Me, staff: frozenset[str]) -> Role:
    """Who speaks. The thread's opener is the customer; a colleague writing through an app carries a bot id too."""
    if message.bot_id == me.bot_id:
        return Role.SELF
    if message.user and message.user in staff and message.user != opener:
        return Role.AGENT
    return Role.OTHER_BOT if message.bot_id else Role.CUSTOMER


def conversation(
    ref: Ref, messages: Sequence[Message], me: Me, staff: frozenset[str], user: Callable[[str], User]
) -> Conversation:
    """A thread, parent first, as the line knows it; `user` looks people up."""
    parent = messages[0]
    said = tuple(_said(m, role(m, parent.user, me, staff), user) for m in messages if m.subtype in SPOKEN)
    who = user(parent.user) if parent.user else User(id="")
    first = said[0].text.strip().split("\n")[0] if said else ""
    answered = [m.role for m in said if m.role in (Role.AGENT, Role.OTHER_BOT)]
    return Conversation(
        ref=ref,
        subject=first if len(first) <= 80 else first[:79] + "…",
        status=_status(parent),
        customer=Customer(who.id, who.called, who.address),
        messages=said,
        changes=_changes(parent),
        stamp=parent.latest_reply or parent.ts,
        channel="slack",
        bot_active=answered[-1:] == [Role.OTHER_BOT],  # and nobody of the team since
        url=f"{me.url.rstrip('/')}/archives/{ref.id.rpartition('-')[0]}/p{parent.ts.replace('.', '')}",
    )


def _said(message: Message, speaks: Role, user: Callable[[str], User]) -> Said:
    person = speaks in (Role.CUSTOMER, Role.AGENT) and message.user
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
        email=user(message.user).address if speaks is Role.CUSTOMER and message.user else "",
    )


def _changes(parent: Message) -> tuple[Change, ...]:
    """The check mark, once for each thread. Slack does not tell when it was set; the newest message was there then."""
    newest = moment(parent.latest_reply or parent.ts)
    solved = _status(parent) is Status.SOLVED
    return (Change(f"solved-{parent.ts}", "status", Status.SOLVED.value, newest),) if solved else ()


def _status(parent: Message) -> Status:
    if parent.subtype == "tombstone":  # the question was deleted, its answers stay
        return Status.CLOSED
    return Status.SOLVED if any(r.get("name") == SOLVED for r in parent.reactions) else Status.OPEN
