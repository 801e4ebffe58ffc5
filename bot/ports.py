"""The interfaces between the line and what is outside it."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar, runtime_checkable

from bot.errors import Unavailable
from bot.model import Conversation, Delivery, DeliveryKind, Ref, Verdict

Made = TypeVar("Made")
TRIES = 5  # until whoever is crowded or away has had its chance
Clock = Callable[[], datetime]
Late = Callable[[], bool]
Fine = tuple[tuple[str, bool, str], ...]  # (what, is it fine?, how to mend it)


class Patience(Protocol):
    """How a call is made that may wait."""

    def __call__(self, call: Callable[[], Made]) -> Made:
        """What it gives, tried again where it raises Unavailable. Raises that in the end."""


def at_once(call: Callable[[], Made]) -> Made:
    """The `Patience` of what must not wait."""
    return call()


def patiently(call: Callable[[], Made], wait: Callable[[Unavailable], None]) -> Made:
    """With `wait`, the `Patience` of whoever can wait: it is told why, and how long whoever is called says."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except Unavailable as err:
            wait(err)
    return call()


def never() -> bool:
    """The `Late` of what may take as long as it likes."""
    return False


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as the door read it: header names lower-case, body whole and under the cap, `at` aware UTC."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What the vendor's caller gets back."""

    status: int = 200
    body: str = ""
    type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Received:
    """What a request meant. `id` is the vendor's delivery id: the same id is acted on once, for ever; "" has none.

    `unknown` names an event kind we do not know, to be logged once.
    """

    id: str
    refs: tuple[Ref, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    reply: Reply = Reply()
    unknown: str = ""


@runtime_checkable
class Connector(Protocol):
    """A helpdesk. Errors are those of `bot.errors` and nothing else."""

    name: str
    can: frozenset[DeliveryKind]

    def receive(self, request: Request) -> Received:
        """Verify, or raise Forged (401) or Malformed (400); say which conversations changed. No I/O."""

    def fetch(self, ref: Ref) -> Conversation:
        """The truth now; oldest message first; aware UTC. Raises Unavailable, or Refused when it is gone."""

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Refs touched at or after `since` (aware UTC); may repeat one, never misses one."""

    def deliver(self, delivery: Delivery, late: Late = never) -> str:
        """Put it into the world; the vendor's message id. Never sends twice by itself, and nothing where `late`, asked
        last of all, says that it took too long to come here.

        Raises Unavailable (with `maybe` where the write may have been applied) or Refused.
        """


@runtime_checkable
class Stamped(Protocol):
    """A connector whose vendor stamps its requests: what comes later than `stale_after` raises Forged, so that the id
    of a webhook need not be known for ever."""

    stale_after: timedelta


@runtime_checkable
class Settles(Protocol):
    """A connector whose `fetch` cannot show what was delivered reads it back here."""

    def settled(self, delivery: Delivery, since: datetime, besides: Container[str] = ()) -> str | None:
        """The vendor's message id of `delivery` if it was applied at or after `since`, None if it surely was not.
        `besides`: ids known to be those of other deliveries, for vendors that keep no mark of ours.

        `since` is by our clock, which may be an hour off. Raises Unavailable when it cannot tell now.
        """


class Views(Protocol):
    """What an in-tool surface may read of the line."""

    def refusal(self, verdict: Verdict) -> str:
        """Why this press is refused now, in words for whoever pressed, and recorded; "" when it is not."""

    def shown(self, token: str) -> tuple[str, str, bool] | None:
        """(question, text, is it a proposal, whose question may be changed?) behind a button; None when unknown."""


@runtime_checkable
class Panel(Protocol):
    """A connector with surfaces that must answer at once (a modal, a sidebar)."""

    def panel(self, request: Request, views: Views) -> Received:
        """Verify like `receive`, answer within the vendor's limit, and report what was pressed."""


@runtime_checkable
class Checks(Protocol):
    """A connector that can tell whether its settings work."""

    def check(self) -> Fine:
        """For `app.py doctor`; reads only."""


@runtime_checkable
class SetsUp(Protocol):
    """A connector that can install its own webhooks."""

    def setup(self, public_url: str, dry_run: bool) -> tuple[str, ...]:
        """What was (or would be) made at the vendor, a line each."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Someone on the team as a vendor knows them; `email` "" where the vendor does not tell."""

    id: str
    name: str
    email: str


@runtime_checkable
class Team(Protocol):
    """A connector that can say who works there."""

    def team(self) -> tuple[Agent, ...]:
        """Everyone who may answer customers, bots left out. Raises Unavailable or Refused."""


@dataclass(frozen=True, slots=True)
class Translation:
    """An article in one language, as it is published. `language` as the vendor writes it, such as en-us, "" where it
    does not tell; `html` as it came."""

    language: str
    title: str
    html: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """An article of a help centre, or a macro. `audience`: whom alone it is for, "" for everybody; `withheld`: why it
    is for no customer ("a draft"), "" when it is. Whatever is not surely for everybody is withheld."""

    id: str
    texts: tuple[Translation, ...]
    updated_at: datetime
    audience: str = ""
    withheld: str = ""


@runtime_checkable
class Articles(Protocol):
    """A connector whose vendor has a help centre."""

    def articles(self, since: datetime | None = None) -> Iterator[Article]:
        """Those touched at or after `since` (aware UTC), all where it is None; what is withheld, too, so that whoever
        took it in before lets it go. May repeat one, and never misses one: what ends without an error is complete.

        Raises Unavailable, Refused, and Misconfigured where a setting has to say first what is for everybody.
        """


@runtime_checkable
class Macros(Protocol):
    """A connector whose vendor keeps saved replies."""

    def macros(self) -> Iterator[Article]:
        """All of them. Raises Unavailable or Refused."""


@runtime_checkable
class History(Protocol):
    """A connector whose past conversations may be learned from."""

    def history(self, since: datetime, patiently: Patience = at_once) -> Iterator[tuple[Ref, str]]:
        """(ref, the vendor's version of it) of each conversation that was resolved, touched at or after `since` (aware
        UTC); may repeat one, never misses one. Its calls are made `patiently`: a long list cannot begin anew each time
        that the vendor is crowded. Raises Unavailable or Refused."""


class Wake(Protocol):
    """Tells workers that there is work; losing a call is harmless."""

    def wake(self) -> None:
        """Never blocks for long, never raises."""


@dataclass(frozen=True, slots=True)
class StageButton:
    """A button as the fake vendor's tool shows it. `action` and `value` go back when it is pressed."""

    action: str
    label: str
    value: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class StageMessage:
    """A message as the fake vendor's tool shows it. `side`: customer · agent · bot · note · card. `html` is safe."""

    id: str
    side: str
    author: str
    html: str
    at: datetime
    buttons: tuple[StageButton, ...] = ()


@dataclass(frozen=True, slots=True)
class StageThread:
    """A conversation as the fake vendor's tool shows it, messages oldest first."""

    id: str
    title: str
    status: str
    customer: str
    messages: tuple[StageMessage, ...]


@dataclass(frozen=True, slots=True)
class StageModal:
    """A dialog that the bot opened. `fields`: (id, label, value, many lines); `choices`: (id, what it may be)."""

    id: str
    title: str
    submit: str
    fields: tuple[tuple[str, str, str, bool], ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Stage(Protocol):
    """A fake vendor as the sandbox and the tests drive it: its people act, the bot never knows that it is not real."""

    name: str
    url: str

    def settings(self) -> dict[str, str]:
        """The settings that point the real connector at this fake."""

    def hook(self, url: str) -> None:
        """Where webhooks go: the door's base URL, such as http://127.0.0.1:8000."""

    def customer_says(self, text: str, *, customer: str, conversation: str = "", subject: str = "") -> str:
        """A customer (by e-mail or id) writes, in a new conversation where none is given; the conversation's id."""

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """Someone on the team writes in the vendor's tool and perhaps sets a status; the message's id."""

    def threads(self) -> tuple[StageThread, ...]:
        """Newest first."""
