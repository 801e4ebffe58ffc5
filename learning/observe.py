"""What people do comes back as events: outcome, correction, intervention and signal, once for each message version."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from bot import work
from bot.line import Line
from bot.model import (
    Action,
    Change,
    Conversation,
    Correction,
    DeliveryKind,
    Draft,
    Event,
    Intervention,
    Message,
    Outcome,
    OutcomeKind,
    Ref,
    Role,
    Status,
)
from bot.store import audit, conversations, drafts, people, reviews
from bot.store import knowledge as rows
from bot.text.said import is_thanks
from bot.work import Effect
from learning import signals, study
from learning.facts import teaching
from learning.gather import intervention
from learning.outcome import match

ENDED = (Status.SOLVED, Status.CLOSED)
BAD_RATINGS = frozenset({"bad", "badwithcomment", "1", "2", "terrible", "negative"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A public message of a person, or ours that a person asked for. `by` is the person."""

    conversation: Conversation
    message: Message
    by: str
    draft: Draft | None


def agent_message(line: Line, event: Event) -> None:
    """A person answered: with the draft, with a part of it, or with something else."""
    with line.store.write() as conn:
        seen = _message(conn, event)
        if seen is not None:
            conversation, message = seen
            by = _person(conn, event.ref, message)
            _observe(line, conn, Sent(conversation, message, by, _draft_before(conn, conversation, message)))


def note(line: Line, event: Event) -> None:
    """People talking among themselves: no customer was answered, so nothing became of a draft."""


def bot_message(line: Line, event: Event) -> None:
    """Our own reply come back: where a person accepted or edited it, that is what became of the draft."""
    with line.store.write() as conn:
        seen = _message(conn, event)
        if seen is None or seen[1].role is not Role.SELF:
            return
        conversation, message = seen
        sending = drafts.get_delivery(conn, message.mark) or drafts.by_vendor_id(conn, event.ref, message.id)
        decided = drafts.get_draft(conn, sending.draft_id) if sending else None
        if sending and decided and sending.by and sending.delivery.kind is DeliveryKind.REPLY:
            _observe(line, conn, Sent(conversation, message, sending.by, decided.draft))


def change(line: Line, event: Event) -> None:
    """Solved without the draft: it was not used. Reopened or rated badly: what went out is doubted."""
    with line.store.write() as conn:
        conversation = conversations.snapshot(conn, event.ref)
        found = [c for c in conversation.changes if c.id == event.object_id] if conversation else []
        if conversation is None or not found:
            return
        if found[0].field == "status" and found[0].value in ENDED:
            _ended(line, conn, conversation)
        elif _harmed(conversation, found[0]):
            _doubt(line, conn, conversation, found[0])


def learn(line: Line, payload: str) -> Effect | None:
    """Work that was asked for: a draft's id (it was rejected) or an intervention's (what is to be proposed?)."""
    if payload.startswith("i-"):
        return study.study(line, payload)
    with line.store.write() as conn:
        decided, outcome = drafts.get_draft(conn, payload), reviews.outcome_of(conn, payload)
        if decided and outcome:
            _signal(line, conn, decided.draft, outcome, None)
    return None


def _message(conn: Connection, event: Event) -> tuple[Conversation, Message] | None:
    """The message of an event, None when it is gone or a newer version has its own event."""
    conversation = conversations.snapshot(conn, event.ref)
    messages = conversation.messages if conversation else ()
    found = next((m for m in messages if m.id == event.object_id and m.version == event.version and m.public), None)
    return (conversation, found) if conversation and found else None


def _person(conn: Connection, ref: Ref, message: Message) -> str:
    """Who wrote it: linked by vendor id, else the one on the team with this full name, so that nobody approves alone
    what they taught under an id that nobody has linked yet."""
    who = people.person_of(conn, f"{ref.connector}:{message.author}")
    if who is not None:
        return who.id
    named = [p.id for p in people.team(conn) if p.name and p.name == message.name]
    return named[0] if len(named) == 1 else f"{ref.connector}:{message.author}"


def _draft_before(conn: Connection, conversation: Conversation, message: Message) -> Draft | None:
    """The draft for the newest customer message before `message`, unless another message was its outcome."""
    at = conversation.messages.index(message)
    asked = [m.id for m in conversation.messages[:at] if m.role is Role.CUSTOMER and m.public]
    made = [d.draft for d in drafts.drafts_of(conn, conversation.ref) if _shown(d) and asked]
    draft = next((d for d in reversed(made) if d.saw == asked[-1]), None)
    known = reviews.outcome_of(conn, draft.id) if draft else None
    taken = known is not None and known.kind is not OutcomeKind.UNUSED and known.message_id not in ("", message.id)
    return None if taken else draft


def _shown(decided: drafts.Decided) -> bool:
    """Did anyone see it? What was written before a hand-off was kept for the record only."""
    return bool(decided.draft.text) and decided.decision.action in (Action.SUGGEST, Action.REPLY)


def _observe(line: Line, conn: Connection, sent: Sent) -> None:
    names = (sent.conversation.customer.name, sent.message.name)
    if sent.draft is None:
        _intervene(line, conn, sent)
        return
    kind, edits = match(sent.draft, sent.message, names)
    outcome = _outcome(conn, Outcome(sent.draft.id, kind, sent.message.at, sent.by, sent.message.id))
    correction = Correction(sent.draft.id, edits)
    if reviews.save_outcome(conn, outcome, sent.message.version):
        audit.record(conn, line.now(), sent.by, f"draft {outcome.kind}", sent.draft.id, ref=str(sent.conversation.ref))
    reviews.save_correction(conn, correction, line.now())
    _signal(line, conn, sent.draft, outcome, correction)
    if any(e.material for e in edits) or not any(e.source == "entry" for e in sent.draft.used):
        _intervene(line, conn, sent)


def _outcome(conn: Connection, new: Outcome) -> Outcome:
    """A draft that was rejected by its button stays rejected, whatever was sent then."""
    known = reviews.outcome_of(conn, new.draft_id)
    rejected = known is not None and known.kind is OutcomeKind.REJECTED
    return replace(new, kind=OutcomeKind.REJECTED) if rejected else new


def _signal(line: Line, conn: Connection, draft: Draft, outcome: Outcome, correction: Correction | None) -> None:
    before = reviews.signals_about(conn, signals.prefix(draft.id))
    for one in signals.revised(before, signals.signal(draft, outcome, correction)):
        reviews.add_signal(conn, one)


def _intervene(line: Line, conn: Connection, sent: Sent) -> None:
    item = replace(intervention(sent.conversation, sent.message, sent.draft), by=sent.by)
    reviews.save_intervention(conn, item)
    work.ask(conn, "learn", f"{item.id}-v{sent.message.version}", item.ref, line.now(), payload=item.id)


def _ended(line: Line, conn: Connection, conversation: Conversation) -> None:
    for decided in drafts.drafts_of(conn, conversation.ref):
        draft = decided.draft
        suggested = _shown(decided) and not any(s.draft_id == draft.id for s in _replies(conn, conversation))
        if suggested and reviews.outcome_of(conn, draft.id) is None:
            outcome = Outcome(draft.id, OutcomeKind.UNUSED, line.now())
            reviews.save_outcome(conn, outcome)
            _signal(line, conn, draft, outcome, None)
    for item in reviews.interventions_in(conn, conversation.ref):
        if _worth_keeping(item):
            rows.add_past(conn, item)


def _replies(conn: Connection, conversation: Conversation) -> list[drafts.Sending]:
    sent = drafts.deliveries_of(conn, conversation.ref)
    return [s for s in sent if s.delivery.kind is DeliveryKind.REPLY]


def _worth_keeping(item: Intervention) -> bool:
    return bool(item.question.strip() and teaching(item.answer))


def _harmed(conversation: Conversation, what: Change) -> bool:
    """Reopened with more than a thank-you, or rated badly."""
    if what.field == "rating":
        return what.value.casefold() in BAD_RATINGS
    before = conversation.changes[: conversation.changes.index(what)]  # Zendesk's times are whole seconds
    earlier = [c for c in before if c.field == "status"]
    asked = conversation.asked
    reopened = what.field == "status" and what.value == Status.OPEN and bool(earlier) and earlier[-1].value in ENDED
    return reopened and asked is not None and not is_thanks(asked.text)


def _doubt(line: Line, conn: Connection, conversation: Conversation, what: Change) -> None:
    """The newest signal from before the change is lowered."""
    about = [reviews.signals_about(conn, signals.prefix(d.draft.id)) for d in drafts.drafts_of(conn, conversation.ref)]
    sent = [known for known in about if known and known[-1].at <= what.at]
    if sent:
        last = sent[-1][-1]
        doubted = replace(signals.doubted(last, what.at), id=last.id.rpartition("@")[0] + "@")
        for one in signals.revised(sent[-1], doubted):
            reviews.add_signal(conn, one)
        audit.record(conn, line.now(), "understudy", "doubted", last.id, f"{what.field} {what.value}")
