"""What is known, and what the bot may do with it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.model.kinds import Source, Taint


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom an entry holds; an empty field means everyone. `product` is a brand or a tag of the conversation."""

    page: str = ""
    plan: str = ""
    language: str = ""
    audience: str = ""
    product: str = ""


EVERYONE = Scope()
HAND = "hand"  # the origin of what a lead typed here


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where words stand that were taken in: `place`, an address or a file; `revision`, its commit or the vendor's time
    of its last change; `licence`, as it is named there. "" where nothing tells."""

    place: str = ""
    revision: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Approved knowledge. A change is a new version; `retired` ends it. `origin`: seed, import:FOLDER, sync:SOURCE,
    hand, restored:VERSION or proposal:ID."""

    id: str
    version: int
    question: str
    answer: str
    topic: str = ""
    url: str = ""
    scope: Scope = EVERYONE
    origin: str = ""
    by: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    valid_until: datetime | None = None
    retired: bool = False
    taint: Taint = Taint.NONE
    source: Provenance = Provenance()

    def in_force(self, now: datetime) -> bool:
        """Neither retired nor out of date."""
        return not self.retired and (self.valid_until is None or now < self.valid_until)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage found for a question. `score`: from its texts alone, 0 to 1, higher is nearer. `memory`: how far past
    outcomes of such questions speak for an entry (up to 1) or against it (down to -1)."""

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
    memory: float = 0.0


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
    """The bot's limits, versioned; version 0 is the careful default, as long as nobody has set any.

    `reply_at` and `suggest_at` are confidences, 0 to 1. `draft_only` names connectors that never send a reply
    by themselves. `other_bot`: "silent" or "suggest" where another bot is answering. `stale_after` in hours.
    `one_lead`: the only teacher of a proposal may approve it. `open_cards`: proposals on the review channel at
    a time; the rest wait their turn. `link_hosts`: where the bot's links may lead beside the entries that it cites.
    """

    version: int = 0
    pilot: Pilot = Pilot()
    reply_at: float = 0.85
    suggest_at: float = 0.35
    never_topics: tuple[str, ...] = ()
    draft_only: tuple[str, ...] = ()
    other_bot: str = "silent"
    stale_after: float = 72.0
    one_lead: bool = False
    open_cards: int = 20
    link_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Licence:
    """A topic's permission to reply without a person; ends by itself at `until`: when it is revoked, at once."""

    topic: str
    granted_by: str
    at: datetime
    until: datetime
