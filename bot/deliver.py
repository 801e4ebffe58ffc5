"""From an approved delivery to the vendor's message id: once, or a person is asked."""

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from bot import compose, work
from bot.errors import Held, Refused, Unavailable
from bot.line import Line
from bot.model import Action, Conversation, Delivery, DeliveryKind, DeliveryState, Ref
from bot.policy import in_pilot, overtaken, topics
from bot.ports import Settles
from bot.store import audit, conversations, drafts, knowledge, limits
from bot.store.drafts import Sending
from bot.work import Effect, Job

log = logging.getLogger(__name__)
HORIZON = timedelta(seconds=15)  # after this a vendor's reads show what it wrote, or it did not write it
MAX_TRIES = 2
STOPPED_WAIT = 2.0  # seconds
OPEN = (DeliveryState.APPROVED, DeliveryState.SENDING, DeliveryState.UNKNOWN)


def approve(conn: Connection, line: Line, what: Delivery, draft_id: str = "", by: str = "") -> bool:
    """Store a delivery and the work that carries it; False when its key is known."""
    if not drafts.add_delivery(conn, what, line.now(), draft_id, by):
        return False
    work.ask(conn, "deliver", what.key, what.ref, line.now())
    return True


def deliver(line: Line, job: Job) -> Effect | None:
    """Carry one delivery as far as it can go now; the effect writes down that it was sent.

    Raises Unavailable when it has to wait. A worker whose claim was taken over meanwhile has no effect: whoever took
    it over reads back what was sent.
    """
    key = job.key.removeprefix("deliver|")
    with line.store.read() as conn:
        row = drafts.get_delivery(conn, key)
        if row is None or row.state not in OPEN:
            return None
        known = conversations.snapshot(conn, row.delivery.ref) if row.delivery.saw else None
        forbidden = _forbidden(conn, line, row, known)
    if row.state is not DeliveryState.APPROVED:
        return _settle(line, row)
    conversation = _now(line, row, known)
    if conversation is not None and overtaken(conversation, row.delivery.saw):
        return partial(_void, line=line, row=row, why="the customer wrote again, or somebody has answered")
    if forbidden:
        return partial(_hand_back, line=line, row=row, state=DeliveryState.VOID, why=forbidden)
    return _send(line, job, row, conversation.stamp if conversation else "")


def _now(line: Line, row: Sending, known: Conversation | None) -> Conversation | None:
    """The conversation that a delivery rests on: read anew before a customer sees anything, and before a second try."""
    anew = row.delivery.saw and (row.delivery.kind is DeliveryKind.REPLY or row.error)
    return line.connector(row.delivery.ref.connector).fetch(row.delivery.ref) if anew else known


def _forbidden(conn: Connection, line: Line, row: Sending, conversation: Conversation | None) -> str:
    """Why a reply that nobody read may not go out any more, "" when it may: limits may have changed since."""
    if row.delivery.kind is not DeliveryKind.REPLY or row.by or conversation is None:
        return ""
    policy, decided = limits.current_policy(conn), drafts.get_draft(conn, row.draft_id)
    if row.delivery.ref.connector in policy.draft_only:
        return "this helpdesk is drafts only now"
    if not in_pilot(policy.pilot, conversation):
        return "the conversation is outside the pilot now"
    if row.at < line.now() - timedelta(hours=policy.stale_after):
        return "it waited for too long"
    if decided is None or not topics(decided.draft) <= limits.licensed(conn, line.now()):
        return "the topic's licence has ended"
    known = (knowledge.latest(conn, e.id) for e in decided.draft.used)
    newest = {e.id: e.version for e in known if e and not e.retired}
    fresh = all(newest.get(e.id) == e.version for e in decided.draft.used)
    return "" if fresh else "the knowledge it rests on has changed"


def _void(conn: Connection, line: Line, row: Sending, why: str) -> None:
    drafts.end_sending(conn, row.delivery.key, DeliveryState.VOID, line.now(), error=why)
    audit.record(conn, line.now(), "understudy", "void", row.delivery.key, why)
    work.ring(conn, [row.delivery.ref], line.now())


def _send(line: Line, job: Job, row: Sending, stamp: str) -> Effect | None:
    """The last gate, committed, and then the vendor, with nothing in between."""
    delivery = row.delivery
    with line.store.write() as conn:
        if limits.stopped(conn):
            raise Held("everything is stopped", retry_after=STOPPED_WAIT)
        if not drafts.start_sending(conn, delivery.key, job.id, job.fence, line.now()):
            return None
        card = drafts.get_delivery(conn, delivery.replaces) if delivery.replaces else None
    try:
        vendor_id = line.connector(delivery.ref.connector).deliver(
            replace(delivery, stamp=stamp, replaces=card.vendor_id if card else "")
        )
    except Unavailable as err:
        with line.store.write() as conn:
            _end(conn, line, row, DeliveryState.UNKNOWN if err.maybe else DeliveryState.APPROVED, error=str(err))
            if not err.maybe:
                drafts.not_tried(conn, delivery.key)
        raise
    except Refused as err:
        return partial(_hand_back, line=line, row=row, state=DeliveryState.REFUSED, why=str(err))
    return partial(_end, line=line, row=row, state=DeliveryState.SENT, vendor_id=vendor_id)


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


def _settle(line: Line, row: Sending) -> Effect:
    """`unknown` is settled by reading back, never by sending again blindly."""
    found = _read_back(line, row.delivery, row)
    if found:
        return partial(_end, line=line, row=row, state=DeliveryState.SENT, vendor_id=found)
    wait = ((row.sending_at or row.at) + HORIZON - line.now()).total_seconds()
    if wait > 0:
        raise Unavailable("not there yet", retry_after=min(wait, 1.0))
    if row.tries < MAX_TRIES:
        with line.store.write() as conn:
            _end(conn, line, row, DeliveryState.APPROVED, error="surely absent: one more try")
        raise Unavailable("one more try", retry_after=0.05)
    why = "The helpdesk took it twice without an answer and does not show it. Was it sent?"
    return partial(_hand_back, line=line, row=row, state=DeliveryState.ASKED, why=why)


def _read_back(line: Line, delivery: Delivery, row: Sending) -> str | None:
    connector = line.connector(delivery.ref.connector)
    if isinstance(connector, Settles):
        return connector.settled(delivery, row.sending_at or row.at)
    messages = connector.fetch(delivery.ref).messages
    return next((m.id for m in messages if m.mark == delivery.key), None)


def _hand_back(conn: Connection, line: Line, row: Sending, state: DeliveryState, why: str) -> None:
    """A reply that does not go out: people get it as a note in its place, and on the review channel if there is one."""
    delivery = row.delivery
    _end(conn, line, row, state, error=why)
    if delivery.kind is DeliveryKind.REPLY:
        kind = compose.kind_of(Action.HANDOFF, line.connector(delivery.ref.connector).can)
        if kind is not None:
            approve(conn, line, compose.handed_back(delivery, kind, why), row.draft_id)
    if line.review and delivery.ref.id != "review" and state is not DeliveryState.VOID:
        title = "Refused by the helpdesk" if state is DeliveryState.REFUSED else "Was this sent?"
        facts = (("Conversation", str(delivery.ref)), ("What happened", why), ("Text", compose.short(delivery.text)))
        approve(conn, line, compose.notice(delivery.key, Ref(line.review, "review"), title, facts))


def give_up(line: Line, job: Job, error: str) -> None:
    """A row that only a person can help: written down, and shown to people where there is a review channel."""
    last = (error.strip().splitlines() or ["unknown"])[-1]
    with line.store.write() as conn:
        audit.record(conn, line.now(), "understudy", "gave up", job.key, last, ref=str(job.ref))
        if job.kind == "deliver":  # what stays `sending` would block its conversation for ever
            drafts.end_sending(conn, job.key.removeprefix("deliver|"), DeliveryState.ASKED, line.now(), error=last)
        if line.review and job.ref.id != "review":
            facts = (("Conversation", str(job.ref)), ("What happened", last))
            about = f"dead-{job.key}-{job.fence}"
            approve(conn, line, compose.notice(about, Ref(line.review, "review"), "A person is needed", facts))
