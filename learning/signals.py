"""From an outcome to a signal: what it says about the draft's entry and topic, and how loudly."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.model import Correction, Draft, Outcome, OutcomeKind, Signal, Source

UNTOUCHED, TOUCHED, WRONG = 1.0, 0.9, 0.2  # good: kept · edited without a material edit · with one
WHISPER = 0.1  # weight of a draft that nobody used: they may not have seen it
DOUBTED = 0.3  # good, at most, of a draft after which the customer came back or rated badly


def signal(draft: Draft, outcome: Outcome, correction: Correction | None) -> Signal:
    """What an outcome says; its id gets its number when it is kept (`revised`)."""
    cited = next((e.id for e in draft.used if e.source is Source.ENTRY), "")
    weight = WHISPER if outcome.kind is OutcomeKind.UNUSED else 1.0
    good = _good(outcome.kind, correction)
    return Signal(prefix(draft.id), outcome.at, draft.topic, cited, good, weight, draft.confidence)


def _good(kind: OutcomeKind, correction: Correction | None) -> float:
    material = correction is not None and any(e.material for e in correction.edits)
    return {OutcomeKind.KEPT: UNTOUCHED, OutcomeKind.EDITED: WRONG if material else TOUCHED}.get(kind, 0.0)


def prefix(draft_id: str) -> str:
    """How the ids of a draft's signals begin."""
    return f"s-{draft_id}@"


def revised(before: Sequence[Signal], new: Signal) -> tuple[Signal, ...]:
    """What to append so that `new` is the word on its draft: nothing when it is already, else the last one taken back
    (negative weight) and the new one. `before` are all signals of the draft, in order."""
    last = before[-1] if before else None
    if last and (last.good, last.weight) == (new.good, new.weight):
        return ()
    back = [replace(last, at=new.at, weight=-last.weight)] if last else []
    return tuple(replace(s, id=f"{new.id}{n}") for n, s in enumerate([*back, new], start=len(before) + 1))


def doubted(earlier: Signal, at: datetime) -> Signal:
    """The same signal after the conversation was reopened or rated badly at `at`; it gets its number when kept."""
    return replace(earlier, id=earlier.id.rpartition("@")[0] + "@", at=at, good=min(earlier.good, DOUBTED))
