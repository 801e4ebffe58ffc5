"""The writer that needs no model: the best answer that people approved, fitted to the conversation."""

import re

from bot.brains import carries
from bot.model import Context, Conversation, Draft, Evidence, Rule, Source
from bot.text.greetings import MANNERS, Manners
from bot.text.markup import tidy
from bot.text.sentences import ITEM, sentences
from bot.text.terms import language, words
from bot.text.thesaurus import topics

# Of 482 tickets of a forum in which an article was linked a past reply is near 460 times at .4, and links one that is
# right 45 times; 122 and 17 at .6, 39 and 3 at .65.
PAST_FLOOR = 0.6
LONG = 700  # characters: of a longer answer only what fits the question is said
SECOND = 0.4  # share of a second question's words that another entry must cover


class ExtractiveWriter:
    """Says nothing that is not in the evidence it cites."""

    def write(self, context: Context) -> Draft:
        """Text "" when nothing found carries an answer; never raises."""
        said = {e: body for e in _chosen(context) if (body := _body(e, context))}
        used, asked = tuple(said), context.conversation.asked
        return Draft(
            id=f"a-{context.event.key}",
            event_key=context.event.key,
            ref=context.event.ref,
            text=_composed(context, said) if said else "",
            used=used,
            confidence=0.0,
            saw=asked.key if asked else "",
            topic=used[0].topic if used else "",
            language=language("\n".join(said.values())) or "en",
        )


def customer_language(conversation: Conversation, question: str) -> str:
    """The language they write in, else the one the vendor knows, else English."""
    code = language(question) or conversation.customer.language[:2].lower()
    return code if code in MANNERS else "en"


def _chosen(context: Context) -> tuple[Evidence, ...]:
    """The best entry, or the best past reply where there is none; a second entry for a second question."""
    carrying = [e for e in context.evidence if carries(e)]
    entries = [e for e in carrying if e.source is Source.ENTRY]
    if not entries:
        return tuple(e for e in carrying[:1] if e.score >= PAST_FLOOR)
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
    text = _fitting(text, context.question) if len(text) > LONG else text
    forbidden = [r.must_not for r in _rules(context, evidence.topic) if r.must_not]
    return _without(text, forbidden) if forbidden else text


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
    lines = []
    for line in text.split("\n"):
        parts = (line,) if ITEM.match(line) else sentences(line)
        kept = [s for s in parts if not _says(s, forbidden)]
        if kept or not parts:
            lines.append(" ".join(kept))
    return tidy("\n".join(lines))


def _says(text: str, forbidden: list[str]) -> bool:
    """Does it have all the words of something that must not be said?"""
    spoken = set(words(text))
    return any(set(words(phrase)) <= spoken for phrase in forbidden)


def _rules(context: Context, topic: str) -> list[Rule]:
    return [rule for rule in context.rules if rule.topic in ("", topic)]


def _composed(context: Context, said: dict[Evidence, str]) -> str:
    manners = MANNERS[customer_language(context.conversation, context.question)]
    body = f"\n\n{manners.also}\n\n".join(said.values())
    rules = dict.fromkeys(r for e in said for r in _rules(context, e.topic))
    said_too = [r.must_say for r in rules if r.must_say and r.must_say not in body]
    urls = dict.fromkeys(e.url for e in said if e.url)
    more = [" ".join([manners.more, *urls])] if urls else []
    return "\n\n".join([_greeting(context.conversation, manners), body, *said_too, *more, manners.close])


def _greeting(conversation: Conversation, manners: Manners) -> str:
    """By first name where we have one that looks like a name, not an address or a number."""
    first = conversation.customer.name.split(" ")[0].strip(",.")
    is_name = len(first) > 1 and first.replace("-", "").isalpha()
    return manners.named.format(name=first) if is_name else manners.unnamed
