"""The words of the line: frozen values, aware UTC times, tuples oldest first."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Role(StrEnum):
    """Who speaks in a conversation."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SELF = "self"
    OTHER_BOT = "other_bot"


class Status(StrEnum):
    """How far a conversation is; a vendor's own states are folded into these."""

    OPEN = "open"
    PENDING = "pending"
    SOLVED = "solved"
    CLOSED = "closed"
    OTHER = "other"


class EventKind(StrEnum):
    """What was not seen before. Handled by the table in `app.py`."""

    CUSTOMER_MESSAGE = "customer_message"
    AGENT_MESSAGE = "agent_message"
    NOTE = "note"
    BOT_MESSAGE = "bot_message"
    CHANGE = "change"


class DeliveryKind(StrEnum):
    """What can be put into the world."""

    REPLY = "reply"
    NOTE = "note"
    HANDOFF = "handoff"
    CARD = "card"
    CALL = "call"


class Action(StrEnum):
    """How far a draft may go."""

    REPLY = "reply"
    SUGGEST = "suggest"
    HANDOFF = "handoff"
    IGNORE = "ignore"


class Reason(StrEnum):
    """Why a decision fell as it did: one of these, always."""

    LICENSED = "licensed"
    NOT_LICENSED = "not_licensed"
    LOW_CONFIDENCE = "low_confidence"
    PAST_REPLY_ONLY = "past_reply_only"
    OTHER_LANGUAGE = "other_language"
    DRAFT_ONLY = "draft_only"
    CANNOT_REPLY = "cannot_reply"
    OTHER_BOT = "other_bot"
    THIN_EVIDENCE = "thin_evidence"
    NEVER_TOPIC = "never_topic"
    ASKED_FOR_PERSON = "asked_for_person"
    ONLY_ATTACHMENT = "only_attachment"
    WRITER_UNAVAILABLE = "writer_unavailable"
    OUTSIDE_PILOT = "outside_pilot"
    OVERTAKEN = "overtaken"
    STALE = "stale"
    NOT_OPEN = "not_open"
    THANKS = "thanks"
    AUTO_REPLY = "auto_reply"
    NOTHING_ASKED = "nothing_asked"


class DeliveryState(StrEnum):
    """`approved -> sending (committed) -> sent | unknown`; the rest are ends without a send."""

    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    VOID = "void"
    REFUSED = "refused"
    ASKED = "asked"


class VerdictKind(StrEnum):
    """A person's answer on a draft or a proposal; approving a proposal is `ACCEPT`."""

    ACCEPT = "accept"
    EDIT = "edit"
    REJECT = "reject"


class OutcomeKind(StrEnum):
    """What became of a draft."""

    KEPT = "kept"
    EDITED = "edited"
    REPLACED = "replaced"
    REJECTED = "rejected"
    UNUSED = "unused"


class CorrectionKind(StrEnum):
    """What a changed sentence changed. The first two are never material."""

    TONE = "tone"
    WORDING = "wording"
    FACT_WRONG = "fact_wrong"
    FACT_MISSING = "fact_missing"
    RULE_MISAPPLIED = "rule_misapplied"
    NEEDED_TOOL = "needed_tool"
    WRONG_TOPIC = "wrong_topic"


class PersonRole(StrEnum):
    """What someone on the team may do; each includes the one before."""

    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


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
    """One thing said. `author` is the vendor's id, `name` what people call them; `text` is plain.

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
    title: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who asks. `language` is an ISO 639-1 code, "" when unknown."""

    id: str
    name: str = ""
    email: str = ""
    plan: str = ""
    segment: str = ""
    language: str = ""
    account: str = ""


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


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom an entry holds; an empty field means everyone."""

    page: str = ""
    plan: str = ""
    language: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Approved knowledge. A change is a new version; `retired` ends it. `origin`: seed, proposal:ID, import…"""

    id: str
    version: int
    question: str
    answer: str
    topic: str = ""
    url: str = ""
    scope: Scope = Scope()
    origin: str = ""
    by: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    valid_until: datetime | None = None
    retired: bool = False


class Source(StrEnum):
    """Where evidence comes from; only an entry may carry a reply that no person reads."""

    ENTRY = "entry"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage found for a question. `score`: retrieval only, 0 to 1, higher is nearer."""

    source: Source
    id: str
    version: int
    title: str
    passage: str
    score: float
    url: str = ""
    topic: str = ""
    lexical: float = 0.0
    vector: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """What the business decided, in plain words; `topic` "" means every topic."""

    id: str
    version: int
    topic: str = ""
    must_say: str = ""
    must_not: str = ""
    ask_first: bool = False


@dataclass(frozen=True, slots=True)
class Pilot:
    """Where the bot takes part; an empty tuple means everywhere. `share`: of conversations, 0 to 1."""

    brands: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Policy:
    """The bot's limits, versioned.

    `reply_at` and `suggest_at` are confidences, 0 to 1. `draft_only` names connectors that never send a reply
    by themselves. `other_bot`: "silent" or "suggest" where another bot is answering. `stale_after` in hours.
    `one_lead`: the only teacher of a proposal may approve it. `open_cards`: proposals on the review channel at
    a time; the rest wait their turn.
    """

    version: int = 1
    pilot: Pilot = Pilot()
    reply_at: float = 0.85
    suggest_at: float = 0.35
    never_topics: tuple[str, ...] = ()
    draft_only: tuple[str, ...] = ()
    other_bot: str = "silent"
    stale_after: float = 72.0
    one_lead: bool = False
    open_cards: int = 20


@dataclass(frozen=True, slots=True)
class Licence:
    """A topic's permission to reply without a person; ends by itself at `until`."""

    topic: str
    granted_by: str
    at: datetime
    until: datetime
    revoked: bool = False


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
    """What we would say. `used` is the evidence it cites; `saw` the id of the newest customer message it knew."""

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
    caveat: bool = False


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
    text of a note or card; `before` is what `text` would replace, for a diff. `stamp` is compared by vendors
    that can. `replaces` is the card that this one changes: its delivery's key in the store, the vendor's id for a
    connector. `ref` of a card that belongs to no conversation is `Ref(connector, "review")`.
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """A button pressed or a link confirmed. `token` is the button's value; `by` a vendor id as `slack:U1`.

    `workspace` is the vendor's account it came from; `text` the edited text, `question` the edited question of a
    proposal ("" leaves it as it is), `reason` why it was rejected.
    """

    kind: VerdictKind
    token: str
    by: str
    at: datetime
    text: str = ""
    reason: str = ""
    workspace: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True)
class SentenceEdit:
    """One sentence changed: "" before means added, "" after means removed."""

    kind: CorrectionKind
    before: str
    after: str

    @property
    def material(self) -> bool:
        """Does it change a fact, a step, a link, a number, a promise or the question asked?"""
        return self.kind not in (CorrectionKind.TONE, CorrectionKind.WORDING)


@dataclass(frozen=True, slots=True)
class Correction:
    """Draft against what the person sent, sentence by sentence."""

    draft_id: str
    edits: tuple[SentenceEdit, ...]


@dataclass(frozen=True, slots=True)
class Intervention:
    """What a person did where the bot did not or could not answer."""

    id: str
    ref: Ref
    at: datetime
    by: str
    question: str
    answer: str
    links: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    draft_id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a draft. `message_id` is the message that was sent instead or as it."""

    draft_id: str
    kind: OutcomeKind
    at: datetime
    by: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """One dated, weighted piece of evidence. `good` in 0 to 1; `entry` the entry it speaks about."""

    id: str
    at: datetime
    topic: str
    entry: str
    good: float
    weight: float
    confidence: float


class ProposalState(StrEnum):
    """A proposal waits for a card, is open on one, and ends."""

    WAITING = "waiting"
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suggested new (`entry_id` "") or changed entry. `refs` and `teachers` are what it rests on."""

    id: str
    version: int
    state: ProposalState
    question: str
    answer: str
    before: str
    topic: str
    entry_id: str
    refs: tuple[Ref, ...]
    teachers: tuple[str, ...]
    at: datetime
    expires: datetime
    card: str = ""
    decided_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object, when and why. Rows are chained by hash and never changed."""

    at: datetime
    who: str
    what: str
    about: str
    why: str = ""
    detail: dict[str, str] = field(default_factory=dict)
