"""How likely an expert is to send a draft without a material edit: a prior from retrieval, moved by what happened."""

import json
import math
import threading
from dataclasses import dataclass

from bot.brains import FLOOR
from bot.model import Context, Draft, Signal, Source
from bot.store import Store, reviews

# Log-odds: a best score of a third is an even chance; 0.56 with a lead of 0.2 reaches the usual `reply_at`. Memory
# takes as much away, and gives no more than a suggestion: easy questions must not make others easy.
BASE, SCORE, MARGIN = -2.0, 6.0, 2.0
AGAINST, FOR = 3.0, 2.8
LEAD = 0.2  # a larger one says no more: where little is known, nothing else is near
SUGGESTED = 0.6  # under every `reply_at` that makes sense: for what no person approved as an answer of its kind
USUAL = 0.7  # what an entry's record is compared with, as good drafts go
PRIOR = 4.0  # signals that the usual record is worth
MEMORY = 50.0  # signals after which old ones fade
ENTRY, TOPIC = 1.0, 0.5  # how much a record moves the log-odds


@dataclass(frozen=True, slots=True)
class Record:
    """A Beta record: weights of what went well and of all."""

    good: float = 0.0
    all: float = 0.0

    def after(self, good: float, weight: float) -> "Record":
        """With one more signal; beyond MEMORY the older ones count less."""
        whole = max(0.0, self.all + weight)
        fade = MEMORY / whole if whole > MEMORY else 1.0
        return Record(min(max(0.0, self.good + good * weight), whole) * fade, whole * fade)

    @property
    def shift(self) -> float:
        """Log-odds by which the record is better or worse than usual; 0 without one."""
        return _logit((PRIOR * USUAL + self.good) / (PRIOR + self.all)) - _logit(USUAL)


class Learner:
    """A fold over signals, oldest first; a signal with a negative weight takes an earlier one back."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def learn_one(self, signal: Signal) -> None:
        """Take in one signal; one without an entry speaks for its topic alone."""
        for kind, name in (("entry", signal.entry), ("topic", signal.topic)):
            if name:
                self._records[f"{kind} {name}"] = self._record(kind, name).after(signal.good, signal.weight)

    def _record(self, kind: str, name: str) -> Record:
        return self._records.get(f"{kind} {name}", Record())

    def confidence(self, context: Context, draft: Draft) -> float:
        """P(an expert would send it without a material edit), 0 to 1; 0 for a draft without text or evidence."""
        if not draft.text or not draft.used:
            return 0.0
        shift = TOPIC * self._record("topic", draft.topic).shift
        entries = [e for e in draft.used if e.source is Source.ENTRY]
        shift += min((ENTRY * self._record("entry", e.id).shift for e in entries), default=0.0)
        told = min(e.memory for e in draft.used)
        found = _likely(prior(context, draft) + shift + AGAINST * min(told, 0.0))
        if told > 0:
            found = max(found, min(_likely(BASE + FOR * told + shift), SUGGESTED))
        approved = all(e.source is Source.ENTRY and e.score >= FLOOR for e in draft.used)
        return found if approved else min(found, SUGGESTED)

    def to_json(self) -> str:
        """The whole state."""
        return json.dumps({name: [r.good, r.all] for name, r in self._records.items()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Learner":
        """What `to_json` gave."""
        made = cls()
        made._records = {name: Record(*record) for name, record in json.loads(text).items()}
        return made


class Learned:
    """`bot.ports.Confidence` over the store: one cheap query before each answer tells what any process has learned."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._learner = Learner()
        self._seen = 0
        self._lock = threading.Lock()

    def confidence(self, context: Context, draft: Draft) -> float:
        """As the learner says that knows every signal stored by now."""
        with self._lock:
            with self._store.read() as conn:
                fresh = reviews.signals_after(conn, self._seen)
            for seq, signal in fresh:
                self._learner.learn_one(signal)
                self._seen = seq
            return self._learner.confidence(context, draft)


def prior(context: Context, draft: Draft) -> float:
    """Log-odds from retrieval alone: the best score and its lead over what was not used."""
    best = max(e.score for e in draft.used)
    used = {(e.source, e.id) for e in draft.used}
    second = max((e.score for e in context.evidence if (e.source, e.id) not in used), default=0.0)
    return BASE + SCORE * best + MARGIN * min(best - second, LEAD)


def _likely(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
