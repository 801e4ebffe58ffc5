"""From a context to something put into the world once."""

from dataclasses import dataclass
from datetime import datetime

from bot.model.conversation import Conversation, Event, Ref
from bot.model.kinds import Action, DeliveryKind, Reason, VerdictKind
from bot.model.knowledge import Evidence, Policy, Rule


@dataclass(frozen=True, slots=True)
class Context:
    """All that a draft may rest on. `question` is redacted; `evidence` best first; `now` aware UTC."""

    event: Event
    conversation: Conversation
    question: str
    evidence: tuple[Evidence, ...]
    policy: Policy
    now: datetime
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What we would say. `used` is the evidence it cites; `saw` the key of the newest customer message it knew."""

    id: str
    event_key: str
    ref: Ref
    text: str
    used: tuple[Evidence, ...]
    confidence: float
    saw: str
    topic: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Decision:
    """How far a draft goes, and the one reason."""

    action: Action
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decided:
    """A draft with what was decided about it. `found`: all that was found for it, best first, no passages; `by`: which
    embedder compared them."""

    draft: Draft
    decision: Decision
    question: str
    policy_version: int
    at: datetime
    found: tuple[Evidence, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """Something a person can press. `value` is an opaque token, or a URL where the vendor can only link."""

    verdict: VerdictKind
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to put into the world once: content only, the look is the connector's.

    `text` is plain: paragraphs, `- ` and `1. ` lists, bare URLs. `facts` are label and value, shown above the
    text of a note or card; `before` is what `text` would replace, for a diff. Links in `text` may lead to `hosts`
    only (`bot.text.links`). `stamp` is compared by vendors that can. `replaces` is the card that this one changes:
    its delivery's key in the store, the vendor's id for a connector. `ref` of a card that belongs to no conversation
    is `Ref(connector, "review")`.
    """

    key: str
    ref: Ref
    kind: DeliveryKind
    text: str
    title: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    buttons: tuple[Button, ...] = ()
    before: str = ""
    stamp: str = ""
    saw: str = ""
    replaces: str = ""
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A button pressed or a link confirmed. `token` is the button's value; `by` a vendor id as `slack:U1`.

    `workspace` is the vendor's account it came from, `stranger` says that whoever pressed is no member of our own (any
    more); `text` the edited text, `question` the edited question of a proposal ("" leaves it as it is), `reason` why it
    was rejected.
    """

    kind: VerdictKind
    token: str
    by: str
    at: datetime
    text: str = ""
    reason: str = ""
    workspace: str = ""
    question: str = ""
    stranger: bool = False
