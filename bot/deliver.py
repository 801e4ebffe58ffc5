"""From an approved delivery to the vendor's message id: once, or a person is asked."""

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot import compose, egress, work
from bot.errors import Held, Refused, Unavailable
from bot.line import Line
from bot.model import Action, Conversation, Delivery, DeliveryKind, DeliveryState, Reason, Ref
from bot.policy import in_turn, out_of_reach, overtaken, topics
from bot.ports import Settles
from bot.store import audit, conversations, drafts, knowledge, limits, pairs
from bot.store.counts import OPEN
from bot.store.drafts import Sending
from bot.work import Effect, Job

log = logging.getLogger(__name__)
HORIZON = 15.0  # seconds; after this a vendor's reads show what it wrote, or it did not write it
IN_TIME = 30.0  # seconds from the gate to the wire; at the lease's end others read back what they cannot find
MAX_TRIES = 2
STOPPED_WAIT = 2.0  # seconds
DIGITS = re.compile(r"\d+")  # two reasons that differ in a ticket's number are one
TITLES = {DeliveryState.REFUSED: "Refused by the helpdesk", DeliveryState.VOID: "Not sent"}


@dataclass(frozen=True, slots=True)
class Passed:
    """A delivery that is on its way; `late` once it took too long to get there."""

    delivery: Delivery
    late: Callable[[], bool]


def approve(conn: Connection, line: Line, what: Delivery, draft_id: str = "", by: str = "") -> bool:
    """Store a delivery and the work that carries it; False when its key is known."""
    if not drafts.add_delivery(conn, what, line.now(), draft_id, by):
        return False
    work.ask(conn, "deliver", what.key, what.ref, line.now())
    return True


def deliver(line: Line, job: Job) -> Effect | None:
    """Carry one delivery as far as it can go now; the effect writes down that it was sent.

    Raises Unavailable when it has to wait. A worker whose claim was taken over meanwhile changes nothing any more:
    whoever took it over reads back what was sent.
    """
    with line.store.read() as conn:
        row = drafts.get_delivery(conn, job.key.removeprefix("deliver|"))
        if row is None or row.state not in OPEN:
            return None
        if row.state is DeliveryState.APPROVED:
            _not_stopped(conn)  # before the vendor is asked anything
        known = conversations.snapshot(conn, row.delivery.ref) if row.delivery.saw else None
    if row.state is not DeliveryState.APPROVED:
        return _settle(line, job, row)
    conversation = _now(line, row, known)
    if conversation is not None and overtaken(conversation, row.delivery.saw):
        return _void(line, row, "the customer wrote again, or somebody has answered")
    return _send(line, job, row, conversation)


def _now(line: Line, row: Sending, known: Conversation | None) -> Conversation | None:
    """The conversation that a delivery rests on: read anew before a customer sees anything, and before a second try."""
    anew = row.delivery.saw and (row.delivery.kind is DeliveryKind.REPLY or row.error)
    if not anew:
        return known
    conversation = line.connector(row.delivery.ref.connector).fetch(row.delivery.ref)
    with line.store.read() as conn:
        return in_turn(conversation, drafts.answered(conn, conversation.ref))


def _forbidden(conn: Connection, line: Line, row: Sending, conversation: Conversation | None) -> str:
    """Why a reply that nobody read may not go out any more, "" when it may: limits may have changed since."""
    if row.delivery.kind is not DeliveryKind.REPLY or row.by or conversation is None:
        return ""
    policy, now = limits.current_policy(conn), line.now()
    if gone := out_of_reach(policy, conversation, conversation.unanswered[-1].at, now):
        return gone.words
    if conversation.bot_active:
        return Reason.OTHER_BOT.words
    if conversation.ref.connector in policy.draft_only:
        return Reason.DRAFT_ONLY.words
    decided = drafts.get_draft(conn, row.draft_id)
    if decided is None or not topics(decided.draft) <= limits.licensed(conn, now):
        return "the topic's licence has ended"
    if not pairs.compared(conn):  # first: what is found in between is among what is disputed
        return Reason.UNCOMPARED.words
    if pairs.disputes(conn, decided.draft, now):
        return Reason.DISPUTED.words
    rests = [(used.version, knowledge.latest(conn, used.id)) for used in decided.draft.used]
    if not all(entry and entry.version == version and entry.in_force(now) for version, entry in rests):
        return "the knowledge it rests on has changed"
    may = egress.allowed(conversation, (entry for _, entry in rests if entry), knowledge.rules(conn), policy)
    return egress.last_look(row.delivery, may)


def _void(line: Line, row: Sending, why: str) -> Effect:
    """Nobody misses what the bot alone wanted to say; what a person asked for goes back to people."""
    if row.by:
        return partial(_hand_back, line=line, row=row, state=DeliveryState.VOID, why=why)

    def void(conn: Connection) -> None:
        _end(conn, line, row, DeliveryState.VOID, error=why)
        work.ring(conn, [row.delivery.ref], line.now())

    return void


def _send(line: Line, job: Job, row: Sending, conversation: Conversation | None) -> Effect | None:
    """The last gate, committed, and then the vendor, with nothing in between."""
    delivery = row.delivery
    passed = line.store.share(partial(_gate, line=line, job=job, row=row, conversation=conversation))
    if not isinstance(passed, Passed):
        return passed
    try:
        line.store.flush()
        vendor_id = line.connector(delivery.ref.connector).deliver(passed.delivery, passed.late)
    except Unavailable as err:
        _not_sent(line, job, row, err)
        raise
    except Refused as err:
        return partial(_hand_back, line=line, row=row, state=DeliveryState.REFUSED, why=str(err))
    return partial(_end, line=line, row=row, state=DeliveryState.SENT, vendor_id=vendor_id)


def _gate(
    conn: Connection, line: Line, job: Job, row: Sending, conversation: Conversation | None
) -> Passed | Effect | None:
    """On its way from here on, or what is to be written instead."""
    _not_stopped(conn)
    if forbidden := _forbidden(conn, line, row, conversation):
        return partial(_hand_back, line=line, row=row, state=DeliveryState.VOID, why=forbidden)
    if not drafts.start_sending(conn, row.delivery.key, job.id, job.fence, line.now()):
        return None
    work.renew(conn, job, line.now())
    going = replace(_addressed(conn, row.delivery), stamp=conversation.stamp if conversation else "")
    return Passed(going, partial(_late, line, line.steady(), line.now()))


def _late(line: Line, steady: float, now: datetime) -> bool:
    """Whichever clock noticed: one stands still while the machine sleeps, the other can be set."""
    return line.steady() - steady > IN_TIME or (line.now() - now).total_seconds() > IN_TIME


def _not_stopped(conn: Connection) -> None:
    if limits.stopped(conn):
        raise Held("everything is stopped", retry_after=STOPPED_WAIT)


def _addressed(conn: Connection, delivery: Delivery) -> Delivery:
    """With the vendor's id of the card that it replaces, in place of our key."""
    card = drafts.get_delivery(conn, delivery.replaces) if delivery.replaces else None
    return replace(delivery, replaces=card.vendor_id if card else "")


def _not_sent(line: Line, job: Job, row: Sending, err: Unavailable) -> None:
    """Back to `approved` where it surely was not sent, else `unknown`: by whoever still holds the claim."""
    if err.maybe:
        line.doubts[row.delivery.key, row.tries + 1] = line.steady()  # `row` is from before this try was counted
    with line.store.write() as conn:
        if not work.held(conn, job):
            return
        _end(conn, line, row, DeliveryState.UNKNOWN if err.maybe else DeliveryState.APPROVED, error=str(err))
        if not err.maybe:
            drafts.not_tried(conn, row.delivery.key)


def _end(
    conn: Connection, line: Line, row: Sending, state: DeliveryState, *, vendor_id: str = "", error: str = ""
) -> None:
    delivery = row.delivery
    drafts.end_sending(conn, delivery.key, state, line.now(), vendor_id, error)
    if state is not DeliveryState.APPROVED:
        audit.record(conn, line.now(), row.by or "understudy", state.value, delivery.key, error, id=vendor_id)
    if state is DeliveryState.SENT and row.by and delivery.kind is DeliveryKind.REPLY:  # an outcome
        work.ask(conn, "learn", f"sent-{delivery.key}", delivery.ref, line.now(), payload=f"sent:{delivery.key}")
        work.ring(conn, [delivery.ref], line.now())
    log.info("delivered", extra={"delivery": delivery.key, "state": state, "vendor_id": vendor_id})


def _settle(line: Line, job: Job, row: Sending) -> Effect:
    """`unknown` is settled by reading back, never by sending again blindly."""
    found = _read_back(line, row.delivery, row)
    this_try, now = (row.delivery.key, row.tries), line.steady()
    missed = now - line.doubts.setdefault(this_try, now)
    if not found and missed < HORIZON:
        raise Unavailable("not there yet", retry_after=min(HORIZON - missed, 1.0))
    line.doubts.pop(this_try, None)
    if found:
        return partial(_end, line=line, row=row, state=DeliveryState.SENT, vendor_id=found)
    if row.tries < MAX_TRIES:
        with line.store.write() as conn:
            if work.held(conn, job):
                _end(conn, line, row, DeliveryState.APPROVED, error="surely absent: one more try")
        raise Unavailable("one more try", retry_after=0.05)
    why = "The helpdesk took it twice without an answer and does not show it. Was it sent?"
    return partial(_hand_back, line=line, row=row, state=DeliveryState.ASKED, why=why)


def _read_back(line: Line, delivery: Delivery, row: Sending) -> str | None:
    connector = line.connector(delivery.ref.connector)
    if isinstance(connector, Settles):
        with line.store.read() as conn:
            what, others = _addressed(conn, delivery), {d.vendor_id for d in drafts.deliveries_of(conn, delivery.ref)}
        return connector.settled(what, row.sending_at or row.at, others)
    messages = connector.fetch(delivery.ref).messages
    return next((m.id for m in messages if m.mark == delivery.key), None)


def _hand_back(conn: Connection, line: Line, row: Sending, state: DeliveryState, why: str) -> None:
    """A reply that does not go out: people get it as a note in its place, and on the review channel if there is one."""
    delivery = row.delivery
    _end(conn, line, row, state, error=why)
    if delivery.kind is DeliveryKind.REPLY:
        _note(conn, line, delivery, why, row.draft_id)
    if state is not DeliveryState.VOID or row.by:
        facts = (("Conversation", str(delivery.ref)), ("What happened", why), ("Text", compose.short(delivery.text)))
        _notice(conn, line, delivery.key, delivery.ref, TITLES.get(state, "Was this sent?"), facts)


def _note(conn: Connection, line: Line, about: Delivery, why: str, draft_id: str = "") -> None:
    """Whoever takes the conversation over reads why it is theirs."""
    desk = line.connectors.get(about.ref.connector)
    kind = compose.kind_of(Action.HANDOFF, desk.can) if desk else None
    if kind is not None:
        approve(conn, line, compose.handed_back(about, kind, why), draft_id)


def _notice(conn: Connection, line: Line, about: str, ref: Ref, title: str, facts: compose.Pairs) -> None:
    if line.review and ref.id != "review":
        approve(conn, line, compose.notice(about, Ref(line.review, "review"), title, facts))


def give_up(line: Line, conn: Connection, job: Job, error: str) -> None:
    """A row that only a person can help, in the transaction that buries it: written down, and told to people in the
    conversation and on the review channel. Of looks once a day for each conversation, and for each reason: our own note
    rings for the next look, which dies of the same; and what a vendor changes befalls every conversation at once."""
    last, key, today = work.reason(error), job.key.removeprefix("deliver|"), f"{line.now():%Y-%m-%d}"
    audit.record(conn, line.now(), "understudy", "gave up", job.key, last, ref=str(job.ref))
    about = Delivery(f"d-dead-{job.key}-{today}", job.ref, DeliveryKind.REPLY, "")
    alike = hashlib.sha256(DIGITS.sub("", last).encode()).hexdigest()[:16]
    card = f"dead-{job.ref.connector}-{alike}-{today}"
    if job.kind == "deliver":  # what stays `sending` would block its conversation for ever
        drafts.end_sending(conn, key, DeliveryState.ASKED, line.now(), error=last)
        row = drafts.get_delivery(conn, key)
        about, card = row.delivery if row else about, f"dead-{job.key}-{job.fence}"
    if about.kind is DeliveryKind.REPLY and job.ref.id != "review":  # a note that cannot be left needs no second one
        _note(conn, line, about, last)
    facts = (("Conversation", str(job.ref)), ("What happened", last))
    _notice(conn, line, card, job.ref, "A person is needed", facts)
