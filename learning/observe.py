"""What people do comes back as events: outcome, correction, intervention and signal, once for each message version."""

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from bot import work
from bot.line import Line
from bot.model.conversation import Change, Conversation, Event, Message, Ref
from bot.model.drafting import Decided, Draft
from bot.model.kinds import Action, DeliveryKind, OutcomeKind, Role, Source, Status
from bot.model.learning import Correction, Intervention, Outcome, Signal
from bot.store import audit, conversations, drafts, people, reviews
from bot.store import knowledge as rows
from bot.text.said import is_thanks, said
from bot.work import Effect
from learning import signals, study
from learning.facts import teaching
from learning.gather import intervention
from learning.outcome import match

ENDED = (Status.SOLVED, Status.CLOSED)
BAD_RATINGS = frozenset({"bad", "badwithcomment", "1", "2", "terrible", "negative"})


def agent_message(line: Line, event: Event) -> Effect | None:
    """A person answered: with the draft, with a part of it, or with something else."""
    with line.store.read() as conn:
        conversation = conversations.snapshot(conn, event.ref)
        message = _message(conversation, event)
        if conversation is None or message is None:
            return None
        draft = _draft_before(conn, conversation, message)
        by = _person(conn, event.ref, message)
    return _observed(line, conversation, message, by, draft)


def change(line: Line, event: Event) -> Effect | None:
    """Solved without the draft: it was not used. Reopened or rated badly: what went out is doubted."""
    with line.store.read() as conn:
        conversation = conversations.snapshot(conn, event.ref)
    found = next((c for c in conversation.changes if c.id == event.object_id), None) if conversation else None
    if conversation is None or found is None:
        return None
    if found.field == "status" and found.value in ENDED:
        return partial(_ended, line=line, conversation=conversation)
    return partial(_doubt, line=line, conversation=conversation, what=found) if _harmed(conversation, found) else None


def learn(line: Line, payload: str) -> Effect | None:
    """Work that was asked for: an intervention's id (what is to be proposed?), `sent:` and the key of a reply that a
    person accepted or edited, or the id of a draft that was rejected."""
    if payload.startswith("i-"):
        return study.study(line, payload)
    if payload.startswith("sent:"):
        return _accepted(line, payload.removeprefix("sent:"))
    return partial(_rejected, draft_id=payload)


def _accepted(line: Line, key: str) -> Effect | None:
    """The reply as it was delivered, against its draft."""
    with line.store.read() as conn:
        row = drafts.get_delivery(conn, key)
        decided = drafts.get_draft(conn, row.draft_id) if row else None
        conversation = conversations.snapshot(conn, row.delivery.ref) if row else None
        who = people.person_of(conn, row.by) if row else None
    if not (row and row.sent_at and row.by and decided and conversation):
        return None
    name = who.name if who else ""
    message = Message(row.vendor_id, Role.SELF, row.by, row.delivery.text, row.sent_at, name=name)
    return _observed(line, _up_to(conversation, row.delivery.saw), message, row.by, decided.draft)


def _up_to(conversation: Conversation, saw: str) -> Conversation:
    """As it was when it was answered: what the customer wrote since is not what a reply is about."""
    last = next((n for n, m in enumerate(conversation.messages) if saw in (m.id, m.key)), len(conversation.messages))
    return replace(conversation, messages=conversation.messages[: last + 1])


def _rejected(conn: Connection, draft_id: str) -> None:
    decided, outcome = drafts.get_draft(conn, draft_id), reviews.outcome_of(conn, draft_id)
    if decided and outcome:
        _append(conn, signals.signal(decided.draft, outcome, None))


def _message(conversation: Conversation | None, event: Event) -> Message | None:
    """The message of an event, None when it is gone or a newer version has its own event."""
    messages = conversation.messages if conversation else ()
    return next((m for m in messages if m.id == event.object_id and m.version == event.version and m.public), None)


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
    asked = [m for m in conversation.messages[:at] if m.role is Role.CUSTOMER and m.public]
    made = [d.draft for d in drafts.drafts_of(conn, conversation.ref) if _shown(d) and asked]
    draft = next((d for d in reversed(made) if d.saw in (asked[-1].id, asked[-1].key)), None)
    known = reviews.outcome_of(conn, draft.id) if draft else None
    taken = known is not None and known.kind is not OutcomeKind.UNUSED and known.message_id not in ("", message.id)
    return None if taken else draft


def _shown(decided: Decided) -> bool:
    """Did anyone see it? What was written before a hand-off was kept for the record only."""
    return bool(decided.draft.text) and decided.decision.action in (Action.SUGGEST, Action.REPLY)


def _observed(line: Line, conversation: Conversation, message: Message, by: str, draft: Draft | None) -> Effect:
    """What a message of the person `by` means: against the draft, where there is one, and as something to teach."""
    message = replace(message, text=said(message.text, message.name))
    taught = replace(intervention(conversation, message, draft), by=by)
    if draft is None:
        return partial(_teach, line=line, taught=taught, version=message.version)
    kind, edits = match(draft, message, (conversation.customer.name, message.name))
    told = any(e.material for e in edits) or not any(e.source is Source.ENTRY for e in draft.used)

    def keep(conn: Connection) -> None:
        outcome, correction = _outcome(conn, draft, message, by, kind), Correction(draft.id, edits)
        if reviews.save_outcome(conn, outcome, message.version):
            audit.record(conn, line.now(), by, f"draft {outcome.kind}", draft.id, ref=str(draft.ref))
        reviews.save_correction(conn, correction, line.now())
        _append(conn, signals.signal(draft, outcome, correction))
        if told:
            _teach(conn, line, taught, message.version)

    return keep


def _teach(conn: Connection, line: Line, taught: Intervention, version: int) -> None:
    reviews.save_intervention(conn, taught)
    work.ask(conn, "learn", f"{taught.id}-v{version}", taught.ref, line.now(), payload=taught.id)


def _outcome(conn: Connection, draft: Draft, message: Message, by: str, kind: OutcomeKind) -> Outcome:
    """A draft that was rejected by its button stays rejected, whatever was sent then."""
    known = reviews.outcome_of(conn, draft.id)
    rejected = known is not None and known.kind is OutcomeKind.REJECTED
    return Outcome(draft.id, OutcomeKind.REJECTED if rejected else kind, message.at, by, message.id)


def _append(conn: Connection, new: Signal) -> None:
    for one in signals.revised(reviews.signals_about(conn, new.id), new):
        reviews.add_signal(conn, one)


def _ended(conn: Connection, line: Line, conversation: Conversation) -> None:
    sent = drafts.deliveries_of(conn, conversation.ref)
    replied = {s.draft_id for s in sent if s.delivery.kind is DeliveryKind.REPLY}
    for decided in drafts.drafts_of(conn, conversation.ref):
        draft = decided.draft
        if _shown(decided) and draft.id not in replied and reviews.outcome_of(conn, draft.id) is None:
            outcome = Outcome(draft.id, OutcomeKind.UNUSED, line.now())
            reviews.save_outcome(conn, outcome)
            _append(conn, signals.signal(draft, outcome, None))
    for item in reviews.interventions_in(conn, conversation.ref):
        if item.question.strip() and teaching(item.answer):
            rows.add_past(conn, item)


def _harmed(conversation: Conversation, what: Change) -> bool:
    """Reopened with more than a thank-you, or rated badly."""
    if what.field == "rating":
        return what.value.casefold() in BAD_RATINGS
    before = conversation.changes[: conversation.changes.index(what)]  # Zendesk's times are whole seconds
    earlier = [c for c in before if c.field == "status"]
    asked = conversation.asked
    reopened = what.field == "status" and what.value == Status.OPEN and bool(earlier) and earlier[-1].value in ENDED
    return reopened and asked is not None and not is_thanks(asked.text)


def _doubt(conn: Connection, line: Line, conversation: Conversation, what: Change) -> None:
    """The newest signal from before the change is lowered."""
    about = [reviews.signals_about(conn, signals.prefix(d.draft.id)) for d in drafts.drafts_of(conn, conversation.ref)]
    sent = [known[-1] for known in about if known and known[-1].at <= what.at]
    if sent:
        audit.record(conn, line.now(), "understudy", "doubted", sent[-1].id, f"{what.field} {what.value}")
        _append(conn, signals.doubted(sent[-1], what.at))
