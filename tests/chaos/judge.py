"""What the fake vendors say became of every conversation. Nothing of ours is asked."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.ports import StageThread
from connectors.stage import Write

NUMBER = re.compile(r"\border (\d+)")  # each message of a customer names one of its own
MARK = re.compile(
    r"d-[a-z]+-(?P<conversation>.+)-customer_message-(?P<message>[\d.]+)-(?P<kind>[a-z]+)(?P<back>-back)?"
)
# A look or an event that nobody could carry out, handed to a person
DEAD = re.compile(r"d-dead-[a-z]+\|[a-z]+[:-](?P<conversation>.+?)(-customer_message-.+)?-\d{4}-\d\d-\d\d-back")
BACK = re.compile("Not sent|What happened:")  # where a vendor carries no mark: to a person instead


@dataclass(frozen=True, slots=True)
class Judgement:
    """Lines about what went wrong; `asked` are the conversations that ended with a question to a person."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]
    wrong: tuple[str, ...]
    asked: tuple[str, ...]
    answered: int

    @property
    def fine(self) -> bool:
        """Nothing lost, nothing twice, nothing to somebody else."""
        return not (self.lost or self.twice or self.wrong)


@dataclass(frozen=True, slots=True)
class Question:
    """The newest thing that the customer of a conversation said; `number` is the one in it."""

    vendor: str
    conversation: str
    message: str
    number: str

    def __str__(self) -> str:
        return f"{self.vendor} {self.conversation}, order {self.number}"


def question(vendor: str, thread: StageThread) -> Question:
    """The one that a conversation waits with."""
    newest = [m for m in thread.messages if m.side == "customer"][-1]
    return Question(vendor, thread.id, newest.id, NUMBER.findall(newest.html)[-1])


def judge(worlds: Mapping[str, Sequence[StageThread]], ledgers: Mapping[str, Sequence[Write]]) -> Judgement:
    """Each newest question has exactly one answer or a person was asked; nothing stands twice or elsewhere."""
    found = {vendor: near(writes) for vendor, writes in ledgers.items()}
    questions = [question(vendor, thread) for vendor, threads in worlds.items() for thread in threads]
    about = {q: found[q.vendor][q.conversation] + found[q.vendor][f"order {q.number}"] for q in questions}
    counted = {q: len({at for at, write in about[q] if answers(write, q)}) for q in questions}
    notices = [w.mark for writes in ledgers.values() for w in writes if w.mark.startswith("d-notice-")]
    asked = {q for q in questions if any(_asks(write, q) for _, write in about[q]) or _noticed(notices, q)}
    return Judgement(
        lost=tuple(str(q) for q, count in counted.items() if not count and q not in asked),
        twice=(
            *(f"{q}: {count} answers" for q, count in counted.items() if count > 1),
            *(f"{vendor}: {what}" for vendor, writes in ledgers.items() for what in repeated(writes)),
        ),
        wrong=tuple(line for q in questions for line in misplaced(q, dict(about[q]).values())),
        asked=tuple(str(q) for q in questions if q in asked),
        answered=sum(count == 1 for count in counted.values()),
    )


def near(writes: Sequence[Write]) -> Mapping[str, list[tuple[int, Write]]]:
    """The writes that may have to do with a conversation or an order, numbered: nothing else need be looked at."""
    found = defaultdict[str, list[tuple[int, Write]]](list)
    for at, write in enumerate(writes):
        marked = MARK.fullmatch(write.mark) or DEAD.fullmatch(write.mark)
        named = {f"order {number}" for number in NUMBER.findall(write.text)}
        for name in named | {write.conversation, marked["conversation"] if marked else ""}:
            found[name].append((at, write))
    return found


def answers(write: Write, q: Question) -> bool:
    """Is it an answer to this question: by its mark; where the vendor carries none, by its place and its words?"""
    if found := MARK.fullmatch(write.mark):
        return (found["conversation"], found["message"]) == (q.conversation, q.message) and not found["back"]
    about = write.public or q.number in NUMBER.findall(write.text)
    return not write.mark and write.conversation == q.conversation and about and not BACK.search(write.text)


def _asks(write: Write, q: Question) -> bool:
    """Is it handed to whoever takes the conversation over?"""
    if found := DEAD.fullmatch(write.mark):
        return found["conversation"] == q.conversation
    if found := MARK.fullmatch(write.mark):
        return found["conversation"] == q.conversation and bool(found["back"])
    return not write.mark and write.conversation == q.conversation and bool(BACK.search(write.text))


def _noticed(notices: Sequence[str], q: Question) -> bool:
    named = re.compile(rf"\b{q.vendor}[:-]{re.escape(q.conversation)}\b")
    return any(named.search(notice) for notice in notices)


def repeated(writes: Sequence[Write]) -> list[str]:
    """What stands more than once: by mark, or by place and words where the vendor carries none."""
    keys = Counter(w.mark or f"{w.conversation}: {w.text}" for w in writes if w.action != "chat.update")
    return [f"{key[:120]} {count} times" for key, count in keys.items() if count > 1]


def misplaced(q: Question, writes: Iterable[Write]) -> list[str]:
    """What was meant for this conversation and stands in another one, reviewers' cards apart."""
    ours = [w for w in writes if meant_for(w, q) and (w.public or w.action != "chat.postMessage")]
    return [f"{q} answered in {w.conversation}" for w in ours if w.conversation != q.conversation]


def meant_for(write: Write, q: Question) -> bool:
    """By its mark, or by its words."""
    found = MARK.fullmatch(write.mark)
    return found["conversation"] == q.conversation if found else q.number in NUMBER.findall(write.text)
