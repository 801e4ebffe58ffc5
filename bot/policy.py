"""How far the bot may go: pure rules over a context. When in doubt, a person gets it."""

import hashlib
from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import datetime, timedelta

from bot.brains import FLOOR
from bot.model.conversation import Conversation, Message
from bot.model.drafting import Context, Decision, Draft
from bot.model.kinds import Action, DeliveryKind, Reason, Source, Status
from bot.model.knowledge import Pilot, Policy
from bot.text.said import asks_for_person, is_auto_reply, is_bounce, is_thanks, language, said, words
from bot.text.terms import is_stop

TELLING = 3  # words of a question, stop words left out


def in_pilot(pilot: Pilot, conversation: Conversation) -> bool:
    """Does the bot take part in this conversation? The share is drawn by the ref, so it never changes its mind."""
    return (
        (not pilot.brands or conversation.brand in pilot.brands)
        and (not pilot.groups or conversation.group in pilot.groups)
        and (not pilot.tags or bool(set(pilot.tags) & set(conversation.tags)))
        and (not pilot.agents or conversation.assignee in pilot.agents)
        and _share(str(conversation.ref)) < pilot.share
    )


def _share(ref: str) -> float:
    return int.from_bytes(hashlib.sha256(ref.encode()).digest()[:4], "big") / 2**32


def triage(context: Context) -> Decision | None:
    """What needs no draft, and why; None when a draft should be written."""
    asked = context.conversation.asked
    this = (context.event.object_id, context.event.version)
    if asked is None or (asked.id, asked.version) != this or asked not in context.conversation.unanswered:
        return Decision(Action.IGNORE, Reason.OVERTAKEN)
    gone = out_of_reach(context.policy, context.conversation, asked.at, context.now)
    if ignored := gone or _not_a_question(context, asked):
        return Decision(Action.IGNORE, ignored)
    kept = _for_a_person(context, asked)
    return Decision(Action.HANDOFF, kept) if kept else None


def _first(*reasons: tuple[bool, Reason]) -> Reason | None:
    return next((reason for holds, reason in reasons if holds), None)


def in_turn(conversation: Conversation, answered: Mapping[str, str]) -> Conversation:
    """Our replies moved up behind what they answer, so that whatever came while one was being sent is not answered.

    `answered`: the key of the message that a reply answers, by the reply's id.
    """
    at = {message.key: place for place, message in enumerate(conversation.messages)}

    def place(message: Message) -> tuple[int, bool]:
        saw = answered.get(message.id, "")
        return at.get(saw, at[message.key]), saw in at

    return replace(conversation, messages=tuple(sorted(conversation.messages, key=place)))


def overtaken(conversation: Conversation, saw: str) -> bool:
    """Has the customer written since the message with key `saw`, or has it been answered in public?"""
    waiting = conversation.unanswered
    return not waiting or waiting[-1].key != saw


def out_of_reach(policy: Policy, conversation: Conversation, asked: datetime, now: datetime) -> Reason | None:
    """Why the bot has nothing to say in a conversation, whatever was asked at `asked`."""
    return _first(
        (not in_pilot(policy.pilot, conversation), Reason.OUTSIDE_PILOT),
        (conversation.status in (Status.SOLVED, Status.CLOSED), Reason.NOT_OPEN),
        (now - asked > timedelta(hours=policy.stale_after), Reason.STALE),
        (conversation.bot_active and policy.other_bot == "silent", Reason.OTHER_BOT),
    )


def _not_a_question(context: Context, asked: Message) -> Reason | None:
    if len(context.conversation.unanswered) > 1:
        return None  # "Thanks!" behind an open question does not close it
    subject, text = context.conversation.subject, asked.text
    return _first(
        (is_auto_reply(subject, text) or is_bounce(asked.author, subject, text), Reason.AUTO_REPLY),
        (is_thanks(text), Reason.THANKS),
        (not said(text) and not asked.attachments, Reason.NOTHING_ASKED),
    )


def _for_a_person(context: Context, asked: Message) -> Reason | None:
    wordless = not words(said(asked.text))
    return _first(
        (wordless and bool(asked.attachments), Reason.ONLY_ATTACHMENT),
        (wordless, Reason.THIN_EVIDENCE),
        (any(asks_for_person(said(m.text)) for m in context.conversation.unanswered), Reason.ASKED_FOR_PERSON),
        (_on_a_never_topic(context.policy, context.question), Reason.NEVER_TOPIC),
    )


def _on_a_never_topic(policy: Policy, text: str) -> bool:
    """Do all words of one occur in the text?"""
    spoken = set(words(text))
    return any(words(t) and set(words(t)) <= spoken for t in policy.never_topics)


def decide(
    context: Context,
    draft: Draft,
    licensed: Set[str],
    can: Set[DeliveryKind],
    *,
    away: bool = False,
    objection: Reason | None = None,
    disputed: bool = False,
    compared: bool = True,
) -> Decision:
    """How far a draft goes. Only approved entries, a licence for each of their topics and confidence answer alone.

    `licensed`: topics with an open licence. `away`: the writer could not answer, and the embedded one stood in.
    `objection`: why its text must not leave. `disputed`: does it rest on what people have not settled yet?
    `compared`: would anything that contradicts it, or is nearer, be known?
    """
    if objection:
        return Decision(Action.HANDOFF, objection)
    if not draft.text or draft.confidence < context.policy.suggest_at:
        return Decision(Action.HANDOFF, Reason.THIN_EVIDENCE)
    doubted = Reason.WRITER_UNAVAILABLE if away else Reason.DISPUTED if disputed else None
    held = doubted or _held_back(context, draft, licensed, can) or (None if compared else Reason.UNCOMPARED)
    return Decision(Action.SUGGEST, held) if held else Decision(Action.REPLY, Reason.LICENSED)


def topics(draft: Draft) -> frozenset[str]:
    """Of everything that a draft says; an entry without a topic counts as topic ""."""
    return frozenset(e.topic for e in draft.used)


def _held_back(context: Context, draft: Draft, licensed: Set[str], can: Set[DeliveryKind]) -> Reason | None:
    policy, conversation = context.policy, context.conversation
    return _first(
        (any(e.source is Source.PAST for e in draft.used), Reason.PAST_REPLY_ONLY),
        (any(e.score < FLOOR for e in draft.used), Reason.FROM_MEMORY),
        (conversation.bot_active, Reason.OTHER_BOT),
        (_speaks(context) not in ("", draft.language), Reason.OTHER_LANGUAGE),
        (DeliveryKind.REPLY not in can, Reason.CANNOT_REPLY),
        (conversation.ref.connector in policy.draft_only, Reason.DRAFT_ONLY),
        (any(r.ask_first and r.topic in {"", *topics(draft)} for r in context.rules), Reason.NEVER_TOPIC),
        (not topics(draft) <= licensed, Reason.NOT_LICENSED),
        (draft.confidence < policy.reply_at, Reason.LOW_CONFIDENCE),
        (_vague(context), Reason.TOO_SHORT),
    )


def _vague(context: Context) -> bool:
    """One or two words match too much to be answered alone, however well they match."""
    return len({w for w in words(context.question) if not is_stop(w)}) < TELLING


def _speaks(context: Context) -> str:
    """The customer's language, "" when nothing tells."""
    return language(context.question) or context.conversation.customer.language[:2].lower()
