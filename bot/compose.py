"""What a decision looks like as a delivery: content only, the look is the connector's."""

from collections.abc import Set
from dataclasses import replace

from bot.model import (
    Action,
    Button,
    Context,
    Decision,
    Delivery,
    DeliveryKind,
    Draft,
    Evidence,
    Proposal,
    Reason,
    Ref,
    Source,
)

WHY = {
    Reason.LICENSED: "the topic is licensed",
    Reason.NOT_LICENSED: "the topic has no licence to answer alone",
    Reason.LOW_CONFIDENCE: "not sure enough to answer alone",
    Reason.PAST_REPLY_ONLY: "it rests on a colleague's past reply, not on an approved entry",
    Reason.OTHER_LANGUAGE: "the knowledge is in another language",
    Reason.DRAFT_ONLY: "this helpdesk is set to drafts only",
    Reason.CANNOT_REPLY: "replies cannot be sent here",
    Reason.OTHER_BOT: "another bot is answering",
    Reason.THIN_EVIDENCE: "nothing approved answers this well enough",
    Reason.NEVER_TOPIC: "the policy keeps this topic for people",
    Reason.ASKED_FOR_PERSON: "the customer asked for a person",
    Reason.ONLY_ATTACHMENT: "the message is only an attachment, which a person has to look at",
    Reason.WRITER_UNAVAILABLE: "the writer was away, so this is the plain fallback",
    Reason.OUTSIDE_PILOT: "outside the pilot",
    Reason.OVERTAKEN: "somebody has answered, or the customer wrote again",
    Reason.STALE: "the message is too old",
    Reason.NOT_OPEN: "the conversation is not open",
    Reason.THANKS: "the customer says thanks",
    Reason.AUTO_REPLY: "an automatic reply",
    Reason.NOTHING_ASKED: "nothing was asked",
}
SHOWN = 300  # characters of a passage or question in a note


def key(event_key: str, kind: DeliveryKind) -> str:
    """The delivery's identity: the fact's and the kind, whatever the attempt."""
    return f"d-{event_key}-{kind}"


def kind_of(action: Action, can: Set[DeliveryKind]) -> DeliveryKind | None:
    """How an action goes out where the connector `can` do these; None for nothing."""
    wanted = {
        Action.REPLY: (DeliveryKind.REPLY,),
        Action.SUGGEST: (DeliveryKind.NOTE, DeliveryKind.CARD),
        Action.HANDOFF: (DeliveryKind.HANDOFF, DeliveryKind.NOTE, DeliveryKind.CARD),
    }
    return next((k for k in wanted.get(action, ()) if k in can), None)


def decided(
    context: Context, draft: Draft, decision: Decision, can: Set[DeliveryKind], buttons: tuple[Button, ...]
) -> Delivery | None:
    """The one delivery that a decision asks for, None when nothing goes out."""
    kind = kind_of(decision.action, can)
    if kind is None:
        return None
    if decision.action is Action.REPLY:
        return reply(draft, draft.text)
    made = _suggestion(context, draft, decision, kind, buttons)
    return made if decision.action is Action.SUGGEST else _handoff(context, draft, decision, kind)


def reply(draft: Draft, text: str) -> Delivery:
    """What the customer gets."""
    return Delivery(key(draft.event_key, DeliveryKind.REPLY), draft.ref, DeliveryKind.REPLY, text, saw=draft.saw)


def _suggestion(
    context: Context, draft: Draft, decision: Decision, kind: DeliveryKind, buttons: tuple[Button, ...]
) -> Delivery:
    facts = (
        *_asked(context),
        ("Confidence", f"{draft.confidence:.0%}"),
        ("Why a suggestion", WHY[decision.reason]),
    )
    return Delivery(
        key(draft.event_key, kind),
        draft.ref,
        kind,
        draft.text,
        title="Suggested reply",
        facts=facts,
        sources=sources(draft.used),
        buttons=buttons,
        saw=draft.saw,
    )


def _handoff(context: Context, draft: Draft, decision: Decision, kind: DeliveryKind) -> Delivery:
    entries = [e for e in context.evidence if e.source is Source.ENTRY]
    tried = (
        f"looked through the knowledge, {len(entries)} entries came near" if entries else "the knowledge has nothing"
    )
    best = entries[0] if entries else None
    facts = (
        ("Reason", WHY[decision.reason]),
        *_asked(context),
        ("Tried", tried),
        ("Best evidence", f"{best.title} ({best.score:.0%} near)" if best else "none"),
    )
    return Delivery(
        key(draft.event_key, kind),
        draft.ref,
        kind,
        "",
        title="For a person",
        facts=facts,
        sources=sources(context.evidence[:1]),
        saw=draft.saw,
    )


def _asked(context: Context) -> tuple[tuple[str, str], ...]:
    asked = context.conversation.asked
    names = ", ".join(a.name for a in asked.attachments) if asked else ""
    question = ("Asked", short(context.question))
    return (question, ("Attached", f"{names} (not opened)")) if names else (question,)


def handed_back(reply: Delivery, kind: DeliveryKind, why: str) -> Delivery:
    """A reply that did not go out, as a note to whoever takes the conversation over."""
    facts = (("Not sent", why), ("What to do", "Check the text below and answer the customer yourself."))
    return Delivery(f"{reply.key}-back", reply.ref, kind, reply.text, title="For a person", facts=facts, saw=reply.saw)


def sources(used: tuple[Evidence, ...]) -> tuple[tuple[str, str], ...]:
    """(title, url or id) of what a text rests on."""
    return tuple((e.title, e.url or f"{e.source} {e.id}, version {e.version}") for e in used)


def short(text: str) -> str:
    """On one line, at most SHOWN characters."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def proposal_card(made: Proposal, review: Ref, buttons: tuple[Button, ...], urls: tuple[str, ...]) -> Delivery:
    """The question put to a lead: what would be known, what it rests on, and how many experts say so."""
    experts = len(made.teachers)
    facts = (
        ("Question", made.question),
        ("Seen in", f"{len(made.refs)} conversation{'s' * (len(made.refs) != 1)}"),
        ("Taught by", f"{experts} expert{'s' * (experts != 1)}: {', '.join(made.teachers)}"),
        ("Topic", made.topic or "new"),
    )
    return Delivery(
        card_key(made),
        review,
        DeliveryKind.CARD,
        made.answer,
        title="Change an entry?" if made.entry_id else "New entry?",
        facts=facts,
        sources=tuple((f"Conversation {r.id}", url) for r, url in zip(made.refs, urls, strict=False)),
        buttons=buttons,
        before=made.before,
        replaces=made.card if made.card != card_key(made) else "",
    )


def card_key(made: Proposal) -> str:
    """The key of the card that shows this version."""
    return f"d-proposal-{made.id}-v{made.version}"


def closed(card: Delivery, said: str) -> Delivery:
    """A card once it was answered."""
    facts = (*card.facts, ("Decision", said))
    return replace(card, key=f"{card.key}-closed", facts=facts, buttons=(), replaces=card.key, saw="")


def decided_card(made: Proposal, review: Ref, said: str) -> Delivery:
    """The card once it is decided: who and why, no buttons."""
    return Delivery(
        f"d-proposal-{made.id}-v{made.version}-{made.state}",
        review,
        DeliveryKind.CARD,
        made.answer,
        title=f"{made.state.value.capitalize()}: {made.question}"[:150],
        facts=(("Decision", said),),
        before=made.before,
        replaces=made.card,
    )


def notice(about: str, review: Ref, title: str, facts: tuple[tuple[str, str], ...]) -> Delivery:
    """Something a person must know about, on the review channel."""
    return Delivery(f"d-notice-{about}", review, DeliveryKind.CARD, "", title=title, facts=facts)
