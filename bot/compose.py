"""What a decision looks like as a delivery: content only, the look is the connector's."""

from collections.abc import Sequence, Set
from dataclasses import asdict, replace

from bot.brains import carries
from bot.model import (
    Action,
    Button,
    Clash,
    Context,
    Decision,
    Delivery,
    DeliveryKind,
    Draft,
    Entry,
    Evidence,
    Proposal,
    ProposalState,
    Ref,
    Source,
)
from bot.text import typed
from bot.text.links import ANYWHERE

Pairs = tuple[tuple[str, str], ...]
UNSORTED = "unsorted"  # the topic of what was learned beside all known topics
SIDE, DIFFERS = 1_800, 250  # characters of an answer, and of a sentence that differs, on a card of a pair
PAIR_ENDS = {
    ProposalState.WAITING: "Waits its turn again",
    ProposalState.OPEN: "Waits its turn again",
    ProposalState.APPROVED: "Settled",
    ProposalState.REJECTED: "Settled",
    ProposalState.EXPIRED: "Nothing left to settle",
}
SHOWN = 300  # characters of a passage or question in a note
GOES_AS = {
    Action.REPLY: (DeliveryKind.REPLY,),
    Action.SUGGEST: (DeliveryKind.NOTE, DeliveryKind.CARD),
    Action.HANDOFF: (DeliveryKind.HANDOFF, DeliveryKind.NOTE, DeliveryKind.CARD),
    Action.IGNORE: (),
}


def kind_of(action: Action, can: Set[DeliveryKind]) -> DeliveryKind | None:
    """How an action goes out where the connector `can` do these; None for nothing."""
    return next((k for k in GOES_AS[action] if k in can), None)


def decided(
    context: Context,
    draft: Draft,
    decision: Decision,
    can: Set[DeliveryKind],
    buttons: tuple[Button, ...],
    hosts: tuple[str, ...],
) -> Delivery | None:
    """The one delivery that a decision asks for, None when nothing goes out. `hosts`: where its links may lead."""
    kind = kind_of(decision.action, can)
    if kind is None:
        return None
    made = _of(draft, kind, draft.text, hosts)
    if decision.action is Action.REPLY:
        return made
    if decision.action is Action.HANDOFF:
        facts, near = _for_a_person(context, decision), sources(context.evidence[:1])
        return replace(made, text="", title="For a person", facts=facts, sources=near)
    why = (("Confidence", f"{draft.confidence:.0%}"), ("Why a suggestion", decision.reason.words))
    facts = (*_asked(context), *why)
    return replace(made, title="Suggested reply", facts=facts, sources=sources(draft.used), buttons=buttons)


def reply(draft: Draft, text: str) -> Delivery:
    """What the customer gets from a person: their links may lead anywhere."""
    return _of(draft, DeliveryKind.REPLY, text, ANYWHERE)


def _of(draft: Draft, kind: DeliveryKind, text: str, hosts: tuple[str, ...]) -> Delivery:
    """Its identity is the fact's and the kind, whatever the attempt."""
    return Delivery(f"d-{draft.event_key}-{kind}", draft.ref, kind, text, saw=draft.saw, hosts=hosts)


def _for_a_person(context: Context, decision: Decision) -> Pairs:
    entries = [e for e in context.evidence if e.source is Source.ENTRY]
    near = sum(map(carries, entries))
    looked = f"looked through the knowledge, {near or 'no'} entr{'y' if near == 1 else 'ies'} came near enough"
    return (
        ("Reason", decision.reason.words),
        *_asked(context),
        ("Tried", looked if entries else "the knowledge has nothing"),
        ("Best evidence", f"{entries[0].title} ({entries[0].score:.0%} near)" if entries else "none"),
    )


def _asked(context: Context) -> Pairs:
    asked = context.conversation.asked
    names = ", ".join(a.name for a in asked.attachments) if asked else ""
    question = ("Asked", short(context.question))
    return (question, ("Attached", f"{names} (not opened)")) if names else (question,)


def handed_back(reply: Delivery, kind: DeliveryKind, why: str) -> Delivery:
    """A reply that did not go out, or could not even be written, as a note to whoever takes the conversation over."""
    to_do = "Check the text below and answer the customer yourself." if reply.text else "Answer the customer yourself."
    facts = (("Not sent" if reply.text else "What happened", why), ("What to do", to_do))
    note = replace(reply, key=f"{reply.key}-back", kind=kind, title="For a person", facts=facts)
    return replace(note, saw="")  # people are to read it whatever was said meanwhile


def sources(used: tuple[Evidence, ...]) -> Pairs:
    """(title, url or id) of what a text rests on. A past reply's title is another customer's, so it stays out."""
    titles = {Source.PAST: "A colleague's past reply"}
    return tuple((titles.get(e.source, e.title), e.url or f"{e.source} {e.id}, version {e.version}") for e in used)


def short(text: str) -> str:
    """On one line, at most SHOWN characters."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def proposal_card(
    made: Proposal, review: Ref, buttons: tuple[Button, ...], urls: tuple[str, ...], edited: Proposal | None = None
) -> Delivery:
    """The question put to a lead: what would be known, what it rests on, and how many experts say so. `edited`: what it
    was until its teacher, a lead, edited it; people by their names."""
    experts, seen, key = len(made.teachers), made.seen, card_key(made)
    facts = (
        ("Question", made.question),
        ("Seen in", f"{seen} conversation{'s' * (seen != 1)}"),
        ("Taught by", f"{experts} expert{'s' * (experts != 1)}: {', '.join(made.teachers)}"),
        ("Topic", made.topic or UNSORTED),
        *(_edit(made, edited) if edited else ()),
        *((("Edited by", f"{made.edited_by}; another lead approves it"),) if made.edited_by and not edited else ()),
    )
    card = _card(key, review, "Change an entry?" if made.entry_id else "New entry?", facts, made)
    card = replace(card, before=card.before or (edited.answer if edited else ""))
    links = tuple((f"Conversation {r.id}", url) for r, url in zip(made.refs, urls, strict=False))
    return replace(card, sources=links, buttons=buttons, replaces=made.card if made.card != key else "")


def _edit(made: Proposal, edited: Proposal) -> Pairs:
    """What a lead who did not write it has to know."""
    [author], earlier = made.teachers, ", ".join(edited.teachers)
    waits = f"{author} wrote these words, so another lead approves them (a team with one lead says so on /control)"
    asked = (("Question before", edited.question),) if made.question != edited.question else ()
    return (("Edited by", f"{author}; taught before by {earlier}"), *asked, ("Waits for", waits))


def card_key(made: Proposal) -> str:
    """The key of the card that shows this version."""
    return f"d-proposal-{made.id}-v{made.version}"


def decided_card(made: Proposal, review: Ref, said: str) -> Delivery:
    """The card once it is decided: who and why, no buttons."""
    ended = PAIR_ENDS[made.state] if made.rival else made.state.value.capitalize()
    title = f"{ended}: {made.question}"[:150]
    card = _card(f"{card_key(made)}-{made.state}", review, title, (("Decision", said),), made)
    return replace(card, replaces=made.card)


def _card(key: str, review: Ref, title: str, facts: Pairs, made: Proposal) -> Delivery:
    card = Delivery(key, review, DeliveryKind.CARD, made.answer, title=title, facts=facts, before=made.before)
    card = replace(card, text=both_texts(made), before="") if made.rival else card
    return replace(card, hosts=ANYWHERE)  # a lead has to see what it is that they approve


def pair_card(
    made: Proposal, review: Ref, sides: Sequence[tuple[Entry, tuple[str, ...]]], buttons: tuple[Button, ...]
) -> Delivery:
    """Two entries that say the same, or deny each other: A and B, each with the names of those who taught it."""
    denied = made.rival is not None and made.rival.clash is Clash.CONTRADICTION
    topics = sorted({entry.topic or UNSORTED for entry, _ in sides})
    meanwhile = f"On {', '.join(topics)} nothing is answered without a person" if denied else "Both are used"
    facts = (
        *(
            (name, f"{stands(entry, taught)}\n{entry.question}")
            for name, (entry, taught) in zip("AB", sides, strict=True)
        ),
        ("Until it is settled", meanwhile),
        ("What is retired", "is used no more; `app.py entries restore` brings it back"),
    )
    key, title = card_key(made), "Two entries contradict each other" if denied else "Two entries say the same"
    card = _card(key, review, title, facts, made)
    where = tuple((f"{name}: {entry.question}", entry.url) for name, (entry, _) in zip("AB", sides, strict=True))
    return replace(card, sources=where, buttons=buttons, replaces=made.card if made.card != key else "")


def stands(entry: Entry, taught: tuple[str, ...]) -> str:
    """For whom an entry holds and where it comes from: its version, origin, address or file, and who taught it."""
    by = f"taught by {', '.join(taught)}" if taught else f"by {entry.by}" if entry.by else ""
    until = f"until {typed.until(entry.valid_until)}" if entry.valid_until else ""
    whom = ", ".join(f"{of} {value}" for of, value in asdict(entry.scope).items() if value)
    holds = f"for {whom or 'everybody'} {until}".strip()
    parts = (holds, f"{entry.id} version {entry.version}", entry.origin, entry.source.place or entry.url, by)
    return ", ".join(part for part in parts if part)


def both_texts(made: Proposal) -> str:
    """What differs sentence by sentence, and both answers, each as far as a card holds it."""
    edits = made.rival.edits if made.rival else ()
    lines = [f"- {name}: {said}" for e in edits for name, said in (("A", e.after), ("B", e.before)) if said]
    told = "They differ in:\n" + "\n".join(_cut(line, DIFFERS) for line in lines) if lines else "No sentence differs."
    return f"{told}\n\nA says:\n{_cut(made.answer, SIDE)}\n\nB says:\n{_cut(made.before, SIDE)}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def closed(card: Delivery, said: str) -> Delivery:
    """A card once it was answered."""
    facts = (*card.facts, ("Decision", said))
    return replace(card, key=f"{card.key}-closed", facts=facts, buttons=(), replaces=card.key, saw="")


def notice(about: str, review: Ref, title: str, facts: Pairs) -> Delivery:
    """Something a person must know about, on the review channel."""
    return Delivery(f"d-notice-{about}", review, DeliveryKind.CARD, "", title=title, facts=facts)
