"""What a person did where the bot did not or could not: the question, the answer they gave, and what they used."""

import re
from collections.abc import Iterable
from datetime import timedelta
from itertools import takewhile

from bot.model import Conversation, Draft, Intervention, Message, Role
from bot.text.markup import tidy
from bot.text.said import links, redact, said, sentences
from bot.text.sentences import ITEM
from learning import lexicon
from learning.facts import is_courtesy, teaching

MACRO_NEAR = timedelta(minutes=5)
LONGEST = 2_000  # characters of a question


def intervention(conversation: Conversation, message: Message, draft: Draft | None) -> Intervention:
    """Of a public message of a person. The id names the message, not its version: an edited one replaces it."""
    return Intervention(
        id=f"i-{conversation.ref}-{message.id}",
        ref=conversation.ref,
        at=message.at,
        by=message.author,
        question=question_before(conversation, message),
        answer=answer_of(message.text, (conversation.customer.name, message.name)),
        links=links(said(message.text)),
        macros=_macros(conversation, message),
        draft_id=draft.id if draft else "",
    )


def question_before(conversation: Conversation, message: Message) -> str:
    """All that the customer said and nobody had answered, oldest first, redacted; the subject where they said nothing.

    A question back ("which model is it?") is no answer: what was asked before it still counts.
    """
    asked: list[str] = []
    before = takewhile(lambda m: m.id != message.id, conversation.messages)
    for earlier in reversed([m for m in before if m.public]):
        if earlier.role is Role.CUSTOMER:
            asked.insert(0, said(earlier.text, earlier.name))
        elif asked and earlier.role is not Role.OTHER_BOT and teaching(earlier.text):
            return _joined(asked)
    return _joined(asked) or (redact(conversation.subject.strip()) if asked else "")


def _joined(parts: list[str]) -> str:
    return redact("\n".join(p for p in parts if p.strip()))[:LONGEST]


def answer_of(text: str, names: Iterable[str]) -> str:
    """The answer alone, its lists as written: no greeting, closing, courtesy or names of people, redacted."""
    first, *rest = said(text).split("\n")
    first = lexicon.GREETING.sub("", first, count=1).strip()
    lines = map(_told, (first[:1].upper() + first[1:], *rest))
    answer = tidy("\n".join(line for line in lines if line is not None))
    return redact(nameless(answer, names))


def _told(line: str) -> str | None:
    """The line without courtesy; None when there was nothing else on it. Empty lines and list items stay."""
    if not line.strip() or ITEM.match(line):
        return line
    return " ".join(s for s in sentences(line) if not is_courtesy(s)) or None


def nameless(text: str, names: Iterable[str]) -> str:
    """Without the names of people where they are spoken to: `…, Maria.`"""
    for part in sorted({n for name in names for n in (name, *name.split()) if len(n) > 2}, key=len, reverse=True):
        text = re.sub(rf"^{re.escape(part)}, ?|, ?{re.escape(part)}(?=[,.!?]|$)", "", text, flags=re.M)
    return text


def _macros(conversation: Conversation, message: Message) -> tuple[str, ...]:
    near = (c for c in conversation.changes if c.field == "macro" and abs(c.at - message.at) <= MACRO_NEAR)
    return tuple(dict.fromkeys(c.value for c in near if c.by in ("", message.author)))
