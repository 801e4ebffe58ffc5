"""What people did with a draft or instead of one, and what is proposed from it."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.model.conversation import Ref
from bot.model.kinds import Clash, CorrectionKind, OutcomeKind, ProposalState
from bot.model.knowledge import Evidence


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


@dataclass(frozen=True, slots=True)
class Remembered:
    """What came of answering a question with an entry: `good` and `weight` as in a Signal. `about`: id of the draft
    that cited this version or was not sent, or of the past reply, where there was none, that linked its page."""

    about: str
    entry_id: str
    version: int
    good: float
    weight: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The entries that were found for a question, and which of them an outcome calls right or wrong, by id. `weight` as
    in its Signal: below 0 it takes an earlier one back; `by`: which embedder compared them."""

    found: tuple[Evidence, ...]
    right: frozenset[str]
    wrong: frozenset[str]
    weight: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rival:
    """The other entry of a pair that people settle, in the version that was compared with version `against` of the
    proposal's own. `teachers` taught it; `edits` are the sentences that differ, `before` the rival's."""

    clash: Clash
    id: str
    version: int
    against: int
    question: str
    topic: str = ""
    teachers: tuple[str, ...] = ()
    edits: tuple[SentenceEdit, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suggested new (`entry_id` "") or changed entry. It rests on `refs`, so many `more` conversations, and
    `teachers`; `edited_by` is the lead who changed its words on a card; `words` are the conversations that the words of
    its question and answer come from. With a `rival` it asks which of two entries stays: `question` and `answer` are
    those of `entry_id`, which `teachers` taught, and `before` is the rival's answer."""

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
    more: int = 0
    edited_by: str = ""
    rival: Rival | None = None
    words: tuple[Ref, ...] = ()  # the last field: `bot.store.subjects` finds a ref behind its name

    @property
    def seen(self) -> int:
        """In how many conversations."""
        return len(self.refs) + self.more


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object, when and why. Rows are chained by hash and never changed."""

    at: datetime
    who: str
    what: str
    about: str
    why: str = ""
    detail: dict[str, str] = field(default_factory=dict)
