"""From a doorbell to a stored draft and decision: look, gather, triage, write, decide."""

import hashlib
import logging
import secrets
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pydantic import TypeAdapter
from sqlalchemy import Connection

from bot import compose, egress, work
from bot.backends.writer import ExtractiveWriter
from bot.deliver import DIGITS, approve
from bot.errors import Refused, Unavailable
from bot.line import Line
from bot.model.conversation import Conversation, Event, Ref
from bot.model.drafting import Button, Context, Decided, Decision, Delivery, Draft
from bot.model.kinds import ON_WORDS, Action, EventKind, Role, Source
from bot.model.knowledge import Evidence
from bot.news import gone, news, remembered
from bot.policy import decide, in_turn, triage
from bot.scope import asker
from bot.store import audit, conversations, drafts, limits, pairs, reviews
from bot.store import knowledge as rows
from bot.text.said import redact, said
from bot.work import Effect

log = logging.getLogger(__name__)
FOUND = 5  # passages of each kind that a draft may rest on
LINK_LIVES = timedelta(days=7)
EVENT = TypeAdapter(Event)
# Notes are people talking among themselves; what became of a reply of ours is learned when it is known to be sent.
SAYS_NOTHING = frozenset({EventKind.NOTE, EventKind.BOT_MESSAGE})


def digest(*parts: str) -> str:
    """What a button is bound to: any change of what was shown kills it."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def look(line: Line, ref: Ref) -> Effect:
    """Fetch the truth; the effect keeps it and makes an event of whatever was not seen before."""
    try:
        conversation = line.connector(ref.connector).fetch(ref)
    except Refused as err:
        return partial(_refused, line=line, ref=ref, why=str(err))
    return partial(_keep, line=line, conversation=conversation)


def _refused(conn: Connection, line: Line, ref: Ref, why: str) -> None:
    """A conversation that may not be read: written down once, and told to people once a day for each reason, because
    what a vendor forbids it often forbids for every conversation at once."""
    now, fact = line.now(), gone(ref, line.now())
    if fact.key in conversations.seen_keys(conn, ref):
        return
    conversations.add_events(conn, [fact], now)
    audit.record(conn, now, "understudy", "gone", str(ref), why)
    if line.review:
        facts = (("Conversation", str(ref)), ("What happened", why), ("Others of today", "are in the audit as “gone”"))
        about = f"gone-{ref.connector}-{digest(DIGITS.sub('', why))[:16]}-{now:%Y-%m-%d}"
        approve(conn, line, compose.notice(about, Ref(line.review, "review"), "Cannot be read any more", facts))


def _keep(conn: Connection, line: Line, conversation: Conversation) -> None:
    ref, now = conversation.ref, line.now()
    seen = conversations.seen_keys(conn, ref)
    kept = remembered(conversation, seen)
    if kept is None:
        return
    fresh = news(kept, seen)
    conversations.save(conn, in_turn(kept, drafts.answered(conn, ref)), now)
    conversations.add_events(conn, fresh, now)
    for event in fresh:
        if event.kind not in SAYS_NOTHING:
            work.ask(conn, "event", event.key, ref, now, EVENT.dump_json(event).decode())
    log.info("looked", extra={"ref": str(ref), "news": len(fresh)})


def answer(line: Line, event: Event) -> Effect | None:
    """A customer's message: draft and decide; the effect stores both and approves what goes out."""
    context = gather(line, event)
    if context is None:
        return None
    decision = triage(context)
    if decision and decision.action is Action.IGNORE:
        return _outgoing(line, context, _nothing(context), decision)
    draft, away = _write(line, context)
    draft, hosts, objection = egress.passed(context, draft)
    with line.store.read() as conn:
        confidence = line.confidence.confidence(context, draft) if draft.text else 0.0
        draft, licensed = replace(draft, confidence=confidence), limits.licensed(conn, line.now())
        # First, as what is found in between is among what is disputed.
        compared = pairs.compared(conn) and line.knowledge.whole()
        disputed = bool(draft.used) and pairs.disputes(conn, draft, line.now())
    can = line.connector(event.ref.connector).can
    decision = decision or decide(
        context, draft, licensed, can, away=away, objection=objection, disputed=disputed, compared=compared
    )
    return _outgoing(line, context, draft, decision, hosts)


def gather(line: Line, event: Event) -> Context | None:
    """What a draft may rest on; None when the conversation is unknown."""
    with line.store.read() as conn:
        conversation = conversations.snapshot(conn, event.ref)
        if conversation is None:
            return None
        question = question_of(conversation)
        evidence = _evidence(line, conversation, question)
        return Context(
            event, conversation, question, evidence, limits.current_policy(conn), line.now(), rows.rules(conn)
        )


def question_of(conversation: Conversation) -> str:
    """What the customer wants to know now, redacted: all they said since anyone answered, and the subject while nobody
    has, since later they may ask something else."""
    parts = (said(message.text, message.name) for message in conversation.unanswered)
    answered = any(m.public and m.role in (Role.AGENT, Role.SELF) for m in conversation.messages)
    subject = "" if answered else conversation.subject.strip()
    text = "\n".join(p for p in parts if p)
    return redact(text if subject.casefold() in text.casefold() else f"{subject}\n{text}")


def _evidence(line: Line, conversation: Conversation, question: str) -> tuple[Evidence, ...]:
    return line.knowledge.evidence(question, asker(conversation, line.now()), limit=FOUND)


def _nothing(context: Context) -> Draft:
    asked = context.conversation.asked
    return Draft(
        f"a-{context.event.key}", context.event.key, context.event.ref, "", (), 0.0, asked.key if asked else ""
    )


def _write(line: Line, context: Context) -> tuple[Draft, bool]:
    """A draft, and whether the writer was away and the plain one stood in."""
    context = egress.shown(context)
    try:
        return line.writer.write(context), False
    except Unavailable as err:
        log.warning("writer unavailable", extra={"event": context.event.key, "error": str(err)})
        return ExtractiveWriter().write(context), True


def _outgoing(line: Line, context: Context, draft: Draft, decision: Decision, hosts: tuple[str, ...] = ()) -> Effect:
    """All that is to be stored, made before the transaction: it is the one that everybody else waits for."""
    found = tuple(replace(e, passage="") for e in _unquoted(context.evidence))
    kept = replace(draft, used=_unquoted(draft.used))
    decided = Decided(kept, decision, context.question, context.policy.version, line.now(), found, line.knowledge.by)
    nonce = secrets.token_urlsafe(16) if decision.action is Action.SUGGEST else ""
    buttons = draft_buttons(line, draft, nonce, context.conversation.assignee) if nonce else ()
    delivery = compose.decided(context, draft, decision, line.connector(draft.ref.connector).can, buttons, hosts)
    return partial(_store, line=line, decided=decided, delivery=delivery, nonce=nonce)


def _unquoted(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Another customer's words stay where they can be forgotten; whoever wants them follows the id."""
    return tuple(replace(e, title="", passage="") if e.source is Source.PAST else e for e in evidence)


def _store(conn: Connection, line: Line, decided: Decided, delivery: Delivery | None, nonce: str) -> None:
    draft, decision = decided.draft, decided.decision
    if not drafts.save_draft(conn, decided):
        return
    detail = {"ref": str(draft.ref), "policy": str(decided.policy_version)}
    audit.record(conn, line.now(), "understudy", decision.action, draft.id, decision.reason, **detail)
    if nonce:
        reviews.add_nonce(conn, nonce, f"draft:{draft.id}", digest(draft.text), line.now() + LINK_LIVES)
    if delivery is not None:
        approve(conn, line, delivery, draft.id)
    log.info("decided", extra={"event": draft.event_key, "decision": decision.action, "reason": decision.reason})


def draft_buttons(line: Line, draft: Draft, nonce: str, assignee: str) -> tuple[Button, ...]:
    """Accept, edit and reject, bound to this text: tokens where the vendor has buttons, else signed links for whoever
    has the conversation."""
    presses = hasattr(line.connector(draft.ref.connector), "panel")  # asking the protocol takes longer than the insert
    whose = f"{draft.ref.connector}:{assignee}" if assignee else ""
    values = {v: nonce if presses else line.links.make(nonce, v, whose) for v in ON_WORDS}
    return tuple(Button(v, v.value.capitalize(), values[v]) for v in ON_WORDS)
