"""The writer that needs no model: the best answer that people approved, fitted to the conversation."""

import re

from bot.backends.greetings import MANNERS
from bot.model import Context, Conversation, Draft, Evidence, Rule, Source
from bot.text.redact import redact
from bot.text.said import said
from bot.text.sentences import ITEM, sentences
from bot.text.terms import language, words
from bot.text.thesaurus import topics

FLOOR = 0.28  # on the sandbox questions: 42 of 46 right answers kept, 21 of 25 questions without one stopped
LONG = 700  # characters: of a longer answer only what fits the question is said
SECOND = 0.4  # share of a second question's words that another entry must cover
GREETING = re.compile(
    r"^(?:hi|hello|hey|dear|good (?:morning|afternoon)|hallo|guten tag|liebe[rs]?|bonjour|hola)\b", re.I
)


class ExtractiveWriter:
    """Says nothing that is not in the evidence it cites. `floor`: the least retrieval score, 0 to 1."""

    def __init__(self, *, floor: float = FLOOR) -> None:
        self._floor = floor

    def write(self, context: Context) -> Draft:
        """Text "" when nothing found carries an answer; never raises."""
        used = _chosen(context, self._floor)
        parts = [_body(e, context) for e in used]
        used = tuple(e for e, part in zip(used, parts, strict=True) if part)
        speaks = language(parts[0]) if used else ""
        text = _composed(context, used, [p for p in parts if p]) if used else ""
        asked = context.conversation.asked
        return Draft(
            id=f"a-{context.event.key}",
            event_key=context.event.key,
            ref=context.event.ref,
            text=text,
            used=used,
            confidence=0.0,
            saw=asked.key if asked else "",
            topic=used[0].topic if used else "",
            language=speaks or "en",
        )


def customer_language(conversation: Conversation, question: str) -> str:
    """The language they write in, else the one the vendor knows, else English."""
    code = language(question) or conversation.customer.language[:2].lower()
    return code if code in MANNERS else "en"


def _chosen(context: Context, floor: float) -> tuple[Evidence, ...]:
    """The best entry, or the best past reply where there is none; a second entry for a second question."""
    carrying = [e for e in context.evidence if e.score >= floor]
    entries = [e for e in carrying if e.source is Source.ENTRY]
    if not entries:
        return tuple(carrying[:1])
    second = _second(context.question, entries)
    return (entries[0], second) if second else (entries[0],)


def _second(question: str, entries: list[Evidence]) -> Evidence | None:
    """The entry for a question that the first one does not answer, where two were asked."""
    asked = [s for s in sentences(question) if s.endswith("?")]
    for part in asked if len(asked) > 1 else []:
        best = max(entries, key=lambda e: _covers(part, f"{e.title} {e.passage}"))
        if best is not entries[0] and _covers(part, f"{best.title} {best.passage}") >= SECOND:
            return best
    return None


def _covers(question: str, text: str) -> float:
    """The share of the question's words that the text has, 0 to 1."""
    wanted = set(topics(question))
    return len(wanted & set(topics(text))) / len(wanted) if wanted else 0.0


def _body(evidence: Evidence, context: Context) -> str:
    """The answer without what a rule forbids, and of a long one the part that fits."""
    text = evidence.passage.removeprefix(evidence.title).strip()
    if evidence.source is Source.PAST:
        text = _impersonal(text)
    text = _fitting(text, context.question) if len(text) > LONG else text
    return _without(text, [r.must_not for r in _rules(context, evidence.topic) if r.must_not])


def _impersonal(reply: str) -> str:
    """A past reply without the other customer's greeting, their data, and the agent's name."""
    lines = said(reply).split("\n")
    return redact("\n".join(lines[1:] if GREETING.match(lines[0]) and len(lines[0]) < 40 else lines)).strip()


def _fitting(text: str, question: str) -> str:
    """The paragraphs nearest to the question, in their order, up to the length that is read; lists stay whole."""
    blocks = [b.strip() for b in re.split(r"\n\s*\n", text) if b.strip()]
    ranked = sorted(range(len(blocks)), key=lambda at: (-_covers(question, blocks[at]), at))
    kept: list[int] = ranked[:1]
    for at in ranked[1:]:
        if sum(len(blocks[k]) for k in kept) + len(blocks[at]) <= LONG and _covers(question, blocks[at]) > 0:
            kept.append(at)
    return "\n\n".join(blocks[at] for at in sorted(kept))


def _without(text: str, forbidden: list[str]) -> str:
    if not forbidden:
        return text
    kept = (line if ITEM.match(line) else " ".join(_allowed(line, forbidden)) for line in text.split("\n"))
    lines = [line for line in kept if not _says(line, forbidden)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _allowed(line: str, forbidden: list[str]) -> list[str]:
    return [s for s in sentences(line) if not _says(s, forbidden)]


def _says(text: str, forbidden: list[str]) -> bool:
    """Does it have all the words of something that must not be said?"""
    spoken = set(words(text))
    return any(set(words(phrase)) <= spoken for phrase in forbidden)


def _rules(context: Context, topic: str) -> list[Rule]:
    return [rule for rule in context.rules if rule.topic in ("", topic)]


def _composed(context: Context, used: tuple[Evidence, ...], parts: list[str]) -> str:
    manners = MANNERS[customer_language(context.conversation, context.question)]
    rules = [r for topic in dict.fromkeys(e.topic for e in used) for r in _rules(context, topic)]
    said_too = [r.must_say for r in dict.fromkeys(rules) if r.must_say and r.must_say not in "\n".join(parts)]
    urls = dict.fromkeys(e.url for e in used if e.url)
    more = [" ".join([manners.more, *urls])] if urls else []
    body = [parts[0], *(f"{manners.also}\n\n{part}" for part in parts[1:])]
    return "\n\n".join(
        [_greeting(context.conversation, manners.named, manners.unnamed), *body, *said_too, *more, manners.close]
    )


def _greeting(conversation: Conversation, named: str, unnamed: str) -> str:
    """By first name where we have one that looks like a name, not an address or a number."""
    first = conversation.customer.name.split(" ")[0].strip(",.")
    return named.format(name=first) if len(first) > 1 and first.replace("-", "").isalpha() else unnamed
