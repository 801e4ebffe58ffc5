"""From what one person did to a proposal: a new entry, a changed one, more support for one that waits, or nothing."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.model import Correction, Entry, Intervention, Proposal, ProposalState, Ref, SentenceEdit
from bot.text.markup import tidy
from bot.text.said import redact, sentences
from bot.text.sentences import ITEM
from learning.compare import WHOLE, align, compare, left, replaced, similar
from learning.facts import is_holding, is_own, own_words, teaching
from learning.gather import nameless

LIVES = timedelta(days=14)
NEAR = 0.45  # retrieval score from which an entry speaks about the same thing
TOPIC = 0.3  # retrieval score from which a new entry goes to the topic of the nearest
ABOUT = 0.4  # share of an answer that an entry must hold to be what the answer changes
SAME, SAME_QUESTION, SAME_ANSWER = 0.75, 0.35, 0.7  # likeness of questions; or of questions and answers together
REPEATED = 0.8  # likeness of an answer to a rejected one
FOUND = 0.75  # likeness of a sentence of an entry to the one that was changed
SHORT = 200  # characters of a question on a card
NAMED = 10  # conversations that a proposal names; those beyond are counted
WAITS = (ProposalState.WAITING, ProposalState.OPEN)


@dataclass(frozen=True, slots=True)
class Near:
    """An entry found for the question; `score` is retrieval's, 0 to 1."""

    entry: Entry
    score: float


@dataclass(frozen=True, slots=True)
class Case:
    """An intervention and what belongs to it: `cited` are entries in force that the corrected draft rested on, `near`
    those found for the question, best first, `names` those of people, `behind` the ids of proposals that its
    conversation went into already."""

    item: Intervention
    correction: Correction | None
    cited: tuple[Entry, ...]
    near: tuple[Near, ...]
    names: tuple[str, ...] = ()
    behind: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Like:
    """A proposal beside the intervention: how alike the questions and the answers are, each 0 to 1."""

    proposal: Proposal
    question: float
    answer: float

    @property
    def same(self) -> bool:
        """Is it the same question?"""
        return self.question >= SAME or (self.question >= SAME_QUESTION and self.answer >= SAME_ANSWER)


@dataclass(frozen=True, slots=True)
class _Change:
    """What an intervention asks for: `edits` to `entry`, or a new entry where that is None."""

    entry: Entry | None
    edits: tuple[SentenceEdit, ...]


def propose(case: Case, likes: Sequence[Like], now: datetime) -> Proposal | None:
    """The next version of a waiting proposal, or a new one, or None: nothing general was taught, it is known already,
    or the same person was told no before."""
    change = _change(case)
    if change is None:
        return None
    waiting = next((k.proposal for k in likes if k.proposal.state in WAITS and _fits(k, change)), None)
    if waiting is not None:
        return _grown(waiting, case, change)
    fresh = _fresh(case, change, now)
    return None if any(_refused(k, fresh, case.item.by) for k in likes) else fresh


def _change(case: Case) -> _Change | None:
    """Of an entry that was cited, else a new entry, or a change of the near one that the answer is about; None where
    nothing general was taught, or that entry says it all already."""
    item, edits = case.item, case.correction.edits if case.correction else ()
    if case.cited and case.correction and not replaced(edits):
        general = (replace(e, after=redact(nameless(e.after, case.names))) for e in edits if _keeps(e))
        return _changed(case.cited, tuple(general))
    if not item.question.strip() or not teaching(item.answer):
        return None
    for entry in (n.entry for n in case.near if n.score >= NEAR):
        if left(align(own_words(item.answer), own_words(entry.answer))) >= ABOUT:
            return _changed([entry], tuple(e for e in compare(entry.answer, item.answer) if e.after and _keeps(e)))
    return _Change(None, ())


def _changed(entries: Sequence[Entry], edits: tuple[SentenceEdit, ...]) -> _Change | None:
    changed = next((e for e in entries if applied(e.answer, edits) != e.answer), None)
    return _Change(changed, edits) if changed else None


def _keeps(edit: SentenceEdit) -> bool:
    """Does the change hold for every customer?"""
    fleeting = is_own(edit.after) or is_holding(edit.after) or (edit.after.endswith("?") and not edit.before)
    return edit.material and edit.kind not in WHOLE and not fleeting


def applied(answer: str, edits: Sequence[SentenceEdit]) -> str:
    """The entry's own words with the changed sentences put in and new ones behind; what cannot be found stays."""
    for edit in edits:
        if not edit.before:
            answer = _appended(answer, edit.after)
        elif old := _found(answer, edit.before):
            answer = tidy(answer.replace(old, edit.after, 1))
    return "\n".join(line for line in answer.split("\n") if not ITEM.fullmatch(f"{line} "))


def _appended(answer: str, sentence: str) -> str:
    if sentence in answer:
        return answer
    last = answer.rstrip().rsplit("\n", maxsplit=1)[-1]
    return f"{answer.rstrip()}{chr(10) * 2 if ITEM.match(last) else ' '}{sentence}".strip()


def _found(answer: str, sentence: str) -> str:
    """The words of the entry that a draft's sentence came from, "" when there are none."""
    exact = re.search(r"\s+".join(map(re.escape, sentence.split())), answer)
    if exact:
        return exact.group()
    best = max(sentences(answer), key=lambda s: similar(s, sentence), default="")
    return best if best in answer and similar(best, sentence) >= FOUND else ""


def _fits(like: Like, change: _Change) -> bool:
    if change.entry is not None:
        return like.proposal.entry_id == change.entry.id
    return not like.proposal.entry_id and like.same


def _grown(waiting: Proposal, case: Case, change: _Change) -> Proposal | None:
    """With this intervention behind it; None when it was already and nothing is new.

    Experts who agree leave the text as it is, else the latest is believed. Any growth is a new version, because
    the card shows who taught it.
    """
    item = case.item
    answer = applied(waiting.answer, change.edits) if change.entry else item.answer
    new, known = not agree(waiting.answer, answer), waiting.id in case.behind or item.ref in waiting.refs
    grown = replace(
        waiting if known else _seen(waiting, item.ref),
        answer=answer if new else waiting.answer,
        words=_whose(waiting, case, change, answer) if new else waiting.words or waiting.refs,
        teachers=tuple(dict.fromkeys((*waiting.teachers, item.by))),
    )
    return None if grown == waiting else replace(grown, version=waiting.version + 1)


def _whose(waiting: Proposal, case: Case, change: _Change, answer: str) -> tuple[Ref, ...]:
    """The conversations whose words are in it with a new `answer`: earlier ones where anything of theirs may be left,
    such as the question of the first."""
    earlier, own = waiting.words, {e.after for e in change.edits}
    if not earlier:  # from before this was noted
        earlier = waiting.refs
    elif change.entry is None:
        earlier = earlier[:1]
    elif all(s in own or s in waiting.before for s in sentences(answer)):
        earlier = ()
    return tuple(dict.fromkeys((*earlier, case.item.ref)))


def _seen(waiting: Proposal, ref: Ref) -> Proposal:
    """In one conversation more."""
    if len(waiting.refs) < NAMED:
        return replace(waiting, refs=(*waiting.refs, ref))
    return replace(waiting, more=waiting.more + 1)


def agree(one: str, other: str) -> bool:
    """Do two answers say the same, whatever the words?"""
    return not any(e.material for e in compare(one, other))


def _fresh(case: Case, change: _Change, now: datetime) -> Proposal:
    item = case.item
    topic = case.near[0].entry.topic if case.near and case.near[0].score >= TOPIC else ""
    entry = change.entry or Entry("", 0, asked(item.question), "", topic)
    answer = applied(entry.answer, change.edits) if change.entry else item.answer
    return Proposal(
        id=f"p-{hashlib.sha256(f'{item.id}|{answer}'.encode()).hexdigest()[:12]}",
        version=1,
        state=ProposalState.WAITING,
        question=entry.question,
        answer=answer,
        before=entry.answer,
        topic=entry.topic,
        entry_id=entry.id,
        refs=(item.ref,),
        teachers=(item.by,),
        at=now,
        expires=now + LIVES,
        words=(item.ref,),
    )


def asked(question: str) -> str:
    """A question short enough for a card: what ends in a question mark, else how it begins."""
    if len(question) <= SHORT:
        return " ".join(question.split())
    parts = own_words(question)
    chosen = " ".join([s for s in parts if s.endswith("?")] or parts[:2])
    return chosen if len(chosen) <= SHORT else f"{chosen[: SHORT - 1]}…"


def _refused(like: Like, fresh: Proposal, by: str) -> bool:
    """Was the same person told no to the same thing?"""
    old = like.proposal
    if old.state is not ProposalState.REJECTED or old.entry_id != fresh.entry_id or by not in old.teachers:
        return False
    return agree(old.answer, fresh.answer) or (not old.entry_id and like.same and like.answer >= REPEATED)
