"""What may leave: a draft is data, and is held to what this customer may be told. Pure.

Links may lead to the hosts of the entries that a draft cites and of the policy's list: of all entries would let a text
that somebody smuggled in lead customers to a place that has nothing to do with their question.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from urllib.parse import unquote

from bot.model import (
    Context,
    Conversation,
    Delivery,
    Draft,
    Entry,
    Evidence,
    Message,
    Page,
    Policy,
    Reason,
    Role,
    Rule,
    Source,
)
from bot.text.clean import clean
from bot.text.details import coded, details, masked, mild, numbers, streets
from bot.text.greetings import MANNERS
from bot.text.linear import compiled, decoded, encoded
from bot.text.links import host_of, hosts_of, unlinked
from bot.text.phrases import WORDS
from bot.text.redact import TAIL, personal, redact, veiled
from bot.text.terms import WORD, is_stop, words

LONGEST = 10_000  # characters of a draft
ALIKE = 7  # words in a row that an internal note and a draft do not have in common by chance
ACTIVE = compiled(
    r"(?i)<\s{0,9}/?(?:img|script|iframe|style|link|meta|svg|object|embed|form|base|video|audio|input|button|body|html)\b"
    r"|(?:\b|_)(?:javascript|vbscript|data):[\w(/+]|!\[[^\]\n]{0,200}\]\s?[(\[]|<[!@#][\w^|]"
)
LETTERS = compiled(r"\b[A-Z]{4,8}(?:-[A-Z]{4,8})+\b")  # of a licence or a voucher
CAPITAL = r"(?:[A-Z]|\xc3[\x80-\x9e]|[\xc4\xc5\xce\xd0].)[\w'\x80-\xff-]+"  # or perhaps one: in UTF-8 case is no range
CAPITALS = compiled(rf"{CAPITAL}(?:(?: |\xc2\xa0){CAPITAL})+")
SPOKEN_TO = compiled(
    r"(?i)\b(?:hi|hello|dear|mr|mrs|ms|herr|frau|hallo|liebe|lieber|bonjour|hola|ciao)\b\.? [\w\x80-\xff]{2,60}"
)
POLITE = " ".join(f"{m.named} {m.unnamed} {m.more} {m.also} {m.close}" for m in MANNERS.values())
OURS = frozenset(WORD.findall(POLITE.casefold())) | WORDS["thanks"] | WORDS["beside_thanks"]


@dataclass(frozen=True)
class Allowed:
    """What a text for one customer may hold: `known` is what they or everybody may read, `internal` what is the team's
    alone; of what a colleague told others (`recalled`) no more than amounts, times and versions."""

    hosts: tuple[str, ...]
    known: str
    internal: str = ""
    recalled: str = ""

    @cached_property
    def numbers(self) -> frozenset[str]:
        """And codes that may be said."""
        return numbers(self.known) | (mild(self.recalled) if self.recalled else frozenset())

    @cached_property
    def personal(self) -> frozenset[str]:
        """Numbers and addresses that redaction would mask, and may be said."""
        return personal(self.known)

    @cached_property
    def words(self) -> frozenset[str]:
        """In lower case."""
        return OURS.union(WORD.findall(self.known.casefold()))


def allowed(
    conversation: Conversation, cited: Iterable[Entry | Evidence], rules: Iterable[Rule], policy: Policy
) -> Allowed:
    """For a text in this conversation that rests on these approved entries."""
    approved = [_told(entry) for entry in cited] + [rule.must_say for rule in rules if rule.must_say]
    customer, said = conversation.customer, [m for m in conversation.messages if m.public]
    own = (conversation.subject, customer.name, customer.email, *(f"{m.name}\n{m.text}" for m in said))
    notes = (m.text for m in conversation.messages if not m.public and m.role is not Role.SELF)
    hosts = {host_of(f"https://{host}") for host in policy.link_hosts}.union(*map(hosts_of, approved)) - {""}
    return Allowed(tuple(sorted(hosts)), clean("\n".join([*own, *approved])), clean("\n".join(notes)))


def _told(entry: Entry | Evidence) -> str:
    question, answer = (entry.question, entry.answer) if isinstance(entry, Entry) else (entry.title, entry.passage)
    return f"{question}\n{answer}\n{entry.url}"


def shown(context: Context) -> Context:
    """The context as a writer, perhaps a vendor's model, sees it: what was said in public, redacted; no notes. Nothing
    says who or where the customer is but a name, and of a colleague's past reply the codes are gone."""
    talk = context.conversation
    customer = replace(talk.customer, id="", email="", name=_name(talk.customer.name))
    seen = replace(
        talk,
        subject=redact(talk.subject),
        customer=customer,
        messages=tuple(_seen(message) for message in talk.messages if message.public),
        changes=(),
        assignee="",
        tags=tuple(map(veiled, talk.tags)),
        page=Page(veiled(unquote(TAIL.split(talk.page.url, maxsplit=1)[0]))) if talk.page else None,
        url="",
    )
    return replace(context, conversation=seen, question=redact(context.question), evidence=_generalised(context))


def _seen(message: Message) -> Message:
    files = tuple(replace(file, name=veiled(file.name)) for file in message.attachments)
    name, text = _name(message.name), redact(message.text)
    return replace(message, author="", email="", name=name, text=text, attachments=files)


def _name(name: str) -> str:
    """Nobody is called by an address or a number."""
    return name if veiled(name) == name else ""


def _generalised(context: Context) -> tuple[Evidence, ...]:
    """A past reply was another customer's: its codes are, too, unless an entry or this customer has them."""
    found = context.evidence
    if not coded("\n".join(f"{e.title}\n{e.passage}" for e in found if e.source is Source.PAST)):
        return found
    may = allowed(context.conversation, (e for e in found if e.source is Source.ENTRY), (), context.policy)
    return tuple(_without_codes(e, may) if e.source is Source.PAST else e for e in found)


def _without_codes(past: Evidence, may: Allowed) -> Evidence:
    known = may.numbers | mild(past.passage)
    return replace(past, title=masked(past.title, known), passage=masked(past.passage, known))


def passed(context: Context, draft: Draft) -> tuple[Draft, tuple[str, ...], Reason | None]:
    """The draft as it may go on, the hosts it may lead to, and why it may not, in which case nothing is left of it.

    A writer gives words, citations, topic and language; whom they go to and as what is the context's, it cites
    nothing but what was found, and what it says without a citation is nothing.
    """
    used = tuple(e for e in context.evidence if (e.source, e.id) in {(u.source, u.id) for u in draft.used})
    may = allowed(context.conversation, (e for e in used if e.source is Source.ENTRY), context.rules, context.policy)
    past = "\n".join(e.passage for e in used if e.source is Source.PAST)
    may = replace(may, recalled=past) if past else may
    asked, too_long = context.conversation.asked, len(draft.text) > LONGEST
    own = replace(
        draft,
        id=f"a-{context.event.key}",
        event_key=context.event.key,
        ref=context.event.ref,
        saw=asked.key if asked else "",
        text=unlinked(draft.text, may.hosts) if used and not too_long else "",
        used=used,
    )
    active = Reason.ACTIVE_CONTENT if _is_active(draft.text, may) else None  # before its address is taken out
    objection = Reason.TOO_LONG if too_long else active or objected(own.text, may)
    return (replace(own, text="", used=()), (), objection) if objection else (own, may.hosts, None)


def last_look(reply: Delivery, may: Allowed) -> str:
    """Why a reply that nobody read may not go out now, in words; "" when it may."""
    if not set(reply.hosts) <= set(may.hosts):
        return "it may lead to places that are not allowed any more"
    objection = objected(unlinked(reply.text, reply.hosts), may)
    return objection.words if objection else ""


def objected(text: str, may: Allowed) -> Reason | None:
    """Why a text must not leave, None when it may."""
    text = clean(text)
    if len(text) > LONGEST:
        return Reason.TOO_LONG
    if _is_active(text, may):
        return Reason.ACTIVE_CONTENT
    if may.internal and _repeats(text, may):
        return Reason.INTERNAL_TEXT
    return Reason.FOREIGN_DETAILS if _is_foreign(text, may) or _names(text, may) else None


def _is_foreign(text: str, may: Allowed) -> bool:
    """Most drafts say nothing that one must know the conversation for."""
    said = details(text)
    if said.rows and not said.within(may.numbers):
        return True
    if said.streets and not said.streets <= streets(may.known):
        return True
    return bool(said.personal) and not said.personal <= may.personal


def _is_active(text: str, may: Allowed) -> bool:
    return any(decoded(found) not in may.known for found in ACTIVE.findall(encoded(text)))


def _repeats(text: str, may: Allowed) -> bool:
    """Does it have words in a row with an internal note that nobody said in public?"""
    return bool(_rows(text) & _rows(may.internal) - _rows(may.known))


def _rows(text: str) -> set[tuple[str, ...]]:
    spoken = words(text)
    return set(zip(*(spoken[at:] for at in range(ALIKE)), strict=False))


def _names(text: str, may: Allowed) -> bool:
    """Two capitalised words in a row that nobody in this conversation used and no entry has, or a stranger greeted; or
    a code of capitals."""
    raw = encoded(text)
    if any(not may.words.issuperset(WORD.findall(decoded(code).casefold())) for code in LETTERS.findall(raw)):
        return True
    if any(_strange(decoded(found).split()[-1], may) for found in SPOKEN_TO.findall(raw)):
        return True
    strange = ([_strange(word, may) for word in decoded(found).split()] for found in CAPITALS.findall(raw))
    return any(one and two for found in strange for one, two in pairwise(found))


def _strange(word: str, may: Allowed) -> bool:
    return (
        word[0].isupper()
        and not may.words.issuperset(WORD.findall(word.casefold()))
        and not any(map(is_stop, words(word)))
    )
