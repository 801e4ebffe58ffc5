"""People's verdicts on drafts and proposals: checked against what is stored, acted on once, written down."""

import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Connection

from bot import compose, entries, work
from bot.deliver import approve
from bot.errors import Misconfigured, Unavailable
from bot.line import Line
from bot.model.conversation import Person, Ref
from bot.model.drafting import Button, Delivery, Draft, Verdict
from bot.model.kinds import ON_PAIRS, ON_WORDS, Clash, OutcomeKind, ProposalState, Taint, VerdictKind
from bot.model.knowledge import Entry
from bot.model.learning import Outcome, Proposal
from bot.ports import Panel
from bot.refusals import NEWER, kept, proposal_digest, refusal, seconded, taught_alone
from bot.store import audit, conversations, drafts, limits, pairs, people, reviews
from bot.store import knowledge as rows
from bot.store.people import BY_LINK
from bot.store.statements import Lock, one_at_a_time

log = logging.getLogger(__name__)
VERDICT = TypeAdapter(Verdict)
PROPOSAL_LIVES = timedelta(days=14)
UNDECIDED, OTHERWISE = "Nobody decided in time", "One of the two has changed meanwhile, or is out of date"
PAIRS = 5  # cards of pairs at a time, so that they leave room for what people teach
LABELS = {VerdictKind.ACCEPT: "Approve", VerdictKind.EDIT: "Edit", VerdictKind.REJECT: "Reject"}
STAYS = {VerdictKind.KEEP_ONE: "Keep A, retire B", VerdictKind.KEEP_OTHER: "Keep B, retire A",
         VerdictKind.KEEP_BOTH: "Keep both"}  # fmt: skip


def judge(line: Line, verdict: Verdict) -> str:
    """Act on a verdict, once; what to tell the person when it was refused, "" when it was done."""
    with line.store.write() as conn:
        one_at_a_time(conn, Lock.CHAIN)  # before the lock on the nonce, as everywhere, or two may wait for each other
        why = refusal(conn, verdict, line.now())
        if not why and not reviews.use_nonce(conn, verdict.token, verdict.by, line.now()):
            why = "This was decided already."
        if why:
            _refused(conn, verdict, why, line.now())
            return why
        row = reviews.get_nonce(conn, verdict.token)
        kind, _, id_ = (row[0] if row else "").partition(":")
        (_judge_draft if kind == "draft" else _judge_proposal)(line, conn, verdict, id_)
    line.wake.wake()
    log.info("judged", extra={"about": id_, "verdict": verdict.kind, "by": verdict.by})
    return ""


def refuse(line: Line, verdict: Verdict, why: str) -> None:
    """Write down that a verdict was not acted on."""
    with line.store.write() as conn:
        _refused(conn, verdict, why, line.now())


def _refused(conn: Connection, verdict: Verdict, why: str, now: datetime) -> None:
    audit.record(conn, now, verdict.by, "refused", verdict.token, why, verdict=verdict.kind)


def _judge_draft(line: Line, conn: Connection, verdict: Verdict, id: str) -> None:
    decided = drafts.get_draft(conn, id)
    if decided is None:
        return
    draft, who = decided.draft, people.person_of(conn, verdict.by)
    by, name = (who.id, who.name) if who else (verdict.by, verdict.by)
    unsigned = BY_LINK if verdict.by.startswith(BY_LINK) else ""
    detail = {"ref": str(draft.ref), "via": verdict.workspace}
    audit.record(conn, line.now(), by, verdict.kind, draft.id, verdict.reason, **detail)
    if verdict.kind is VerdictKind.REJECT:
        reviews.save_outcome(conn, Outcome(draft.id, OutcomeKind.REJECTED, line.now(), by))
        work.ask(conn, "learn", f"rejected-{draft.id}", draft.ref, line.now(), payload=draft.id)
        _close_card(line, conn, draft, f"Rejected by {name}")
        return
    text = verdict.text.strip() if verdict.kind is VerdictKind.EDIT else draft.text
    approve(conn, line, compose.reply(draft, text or draft.text), draft.id, unsigned + by)
    _close_card(line, conn, draft, f"Accepted by {name}")


def _close_card(line: Line, conn: Connection, draft: Draft, said: str) -> None:
    """A suggestion whose buttons can be pressed in place loses them."""
    if not isinstance(line.connector(draft.ref.connector), Panel):
        return
    for row in drafts.deliveries_of(conn, draft.ref):
        if row.draft_id == draft.id and row.delivery.buttons:
            approve(conn, line, compose.closed(row.delivery, said), draft.id)


def _judge_proposal(line: Line, conn: Connection, verdict: Verdict, id: str) -> None:
    made, who = reviews.get_proposal(conn, id), people.person_of(conn, verdict.by)
    if made is None or who is None:
        return
    if made.rival:
        _settle(line, conn, verdict, made, who)
        return
    shown, rejected = made, verdict.kind is VerdictKind.REJECT
    if verdict.kind is VerdictKind.EDIT:
        made = _edited(made, verdict, who)
    edited = made != shown
    if edited and not limits.current_policy(conn).one_lead:
        _ask_another(line, conn, made, shown)
        return
    state = ProposalState.REJECTED if rejected else ProposalState.APPROVED
    made = replace(made, state=state, decided_by=who.id, reason=verdict.reason)
    said = f"{state.value.capitalize()} by {who.name}" + (f": {verdict.reason}" if verdict.reason else "")
    alone = not rejected and taught_alone(made, who) and not seconded(conn, verdict, who)
    _end(line, conn, made, who.id, said, edited=str(edited), one_lead=str(alone))
    if not rejected:
        publish(conn, made, who.id, line.now())
    open_next(line, conn)


def _settle(line: Line, conn: Connection, verdict: Verdict, made: Proposal, who: Person) -> None:
    """One of the two entries is retired, or both stay and are not asked about again while they say what they say."""
    if made.rival is None:
        return
    gone = {VerdictKind.KEEP_ONE: made.rival.id, VerdictKind.KEEP_OTHER: made.entry_id}.get(verdict.kind, "")
    state = ProposalState.APPROVED if gone else ProposalState.REJECTED
    made = replace(made, state=state, decided_by=who.id, reason=verdict.reason)
    alone = any(taught_alone(side, who) for side in kept(made, verdict.kind)) and not seconded(conn, verdict, who)
    said = f"{who.name}: {STAYS[verdict.kind]}"
    _end(line, conn, made, who.id, said, choice=verdict.kind, retired=gone, one_lead=str(bool(gone) and alone))
    if gone:
        entries.retire(conn, gone, who.id, f"proposal {made.id}", line.now())
    open_next(line, conn)


def _edited(made: Proposal, verdict: Verdict, who: Person) -> Proposal:
    """With the words of whoever edits it, who alone has taught them then; as it is where only blanks were changed."""
    answer, question = verdict.text.strip() or made.answer, verdict.question.strip() or made.question
    if (answer.split(), question.split()) == (made.answer.split(), made.question.split()):
        return made
    taught = replace(made, teachers=(who.id,), edited_by=who.id)
    return replace(taught, version=made.version + 1, answer=answer, question=question)


def _ask_another(line: Line, conn: Connection, made: Proposal, shown: Proposal) -> None:
    """Nobody but their author has read these words, so they wait for another lead; of those `shown` before, the old
    card and the audit keep what they were and who taught them."""
    [author] = made.teachers
    detail = {"version": str(made.version), "taught": " ".join(shown.teachers)}
    audit.record(conn, line.now(), author, "proposal edited", made.id, **detail)
    _open(line, conn, replace(made, expires=line.now() + PROPOSAL_LIVES), shown)


def _end(line: Line, conn: Connection, made: Proposal, by: str, said: str, **detail: str) -> None:
    """Write down how a proposal ended, and say so on its card."""
    reviews.save_proposal(conn, made, proposal_digest(made))
    audit.record(conn, line.now(), by, f"proposal {made.state}", made.id, made.reason, **detail)
    _show(line, conn, compose.decided_card(made, Ref(line.review, "review"), said))


def publish(conn: Connection, made: Proposal, by: str, now: datetime) -> None:
    """The proposal as the next version of its entry: live for the very next message, in every process."""
    old = rows.latest(conn, made.entry_id) if made.entry_id else None
    old = old or Entry(f"learned-{made.id}", 0, "", "", made.topic)
    entry = replace(old, question=made.question, answer=made.answer, topic=old.topic or compose.UNSORTED)
    taint = Taint.NONE if made.edited_by else Taint.CUSTOMER
    entry = replace(entry, version=old.version + 1, origin=f"proposal:{made.id}", by=by, at=now, taint=taint)
    try:
        entries.publish(conn, entry, "entry published", f"proposal {made.id}")
    except Misconfigured as err:
        raise Unavailable(str(err), retry_after=0.1) from err


def propose(line: Line, conn: Connection, made: Proposal) -> None:
    """Store a proposal, or its next version, and put it on the review channel when its turn has come."""
    reviews.save_proposal(conn, made, proposal_digest(made))
    experts = str(len(made.teachers))
    audit.record(conn, line.now(), "understudy", "proposed", made.id, version=str(made.version), experts=experts)
    if made.state is ProposalState.OPEN:
        _open(line, conn, made)
    open_next(line, conn)


def open_next(line: Line, conn: Connection) -> None:
    """End what nobody decided in time, and pairs of which an entry has changed; open waiting proposals while there is
    room."""
    now, (until, _) = line.now(), pairs.moved(conn)
    for made in _changed(conn, now):
        _expire(line, conn, made, OTHERWISE)
    pairs.set_ended(conn, until)
    for made in _late(conn, now):
        _put_back(line, conn, made) if made.rival else _expire(line, conn, made, UNDECIDED)
    for made in _next(conn):
        if pairs.changed(conn, made, now):
            _expire(line, conn, made, OTHERWISE)
        else:
            _open(line, conn, replace(made, state=ProposalState.OPEN, expires=now + PROPOSAL_LIVES))


def _changed(conn: Connection, now: datetime) -> list[Proposal]:
    """Pairs to end: those of versions that were compared since, and those on a card that time has ended. The rest holds
    nothing back any more, and ends when it is its turn."""
    ended = [made for made in pairs.moved(conn)[1] if pairs.changed(conn, made, now)]
    shown = (made for made in reviews.proposals(conn, [ProposalState.OPEN]) if made.rival and made not in ended)
    return [*ended, *(made for made in shown if pairs.out_of_date(conn, made, now))]


def _late(conn: Connection, now: datetime) -> list[Proposal]:
    return [made for made in reviews.proposals(conn, [ProposalState.OPEN]) if made.expires <= now]


def _next(conn: Connection) -> list[Proposal]:
    """Contradictions, which hold answers back, then what people teach, and then copies."""
    shown = reviews.proposals(conn, [ProposalState.OPEN])
    room = limits.current_policy(conn).open_cards - len(shown)
    beside = PAIRS - sum(made.rival is not None for made in shown)
    first = pairs.next_pairs(conn, Clash.CONTRADICTION, min(room, beside))
    best = reviews.waiting_best(conn, room - len(first))
    copies = pairs.next_pairs(conn, Clash.SAME, min(room - len(best), beside) - len(first))
    return [*first, *best, *copies]


def _expire(line: Line, conn: Connection, made: Proposal, why: str) -> None:
    _end(line, conn, replace(made, state=ProposalState.EXPIRED), "understudy", why)


def _put_back(line: Line, conn: Connection, made: Proposal) -> None:
    """It waits for a card again, behind the others: what contradicts itself does not end by being left alone."""
    reviews.close_nonces(conn, f"proposal:{made.id}", NEWER, line.now())
    _show(line, conn, compose.decided_card(made, Ref(line.review, "review"), f"{UNDECIDED}; it waits its turn"))
    again = replace(made, state=ProposalState.WAITING, version=made.version + 1, card="", at=line.now())
    reviews.save_proposal(conn, again, proposal_digest(again))


def tend(line: Line) -> None:
    """Give cards to what waits, and take them from what is over, whoever stored or changed it."""
    with line.store.read() as conn:
        moved, now = pairs.moved(conn)[0] > pairs.ended(conn), line.now()
        if not (moved or _changed(conn, now) or _late(conn, now) or _next(conn)):
            return
    with line.store.write() as conn:
        one_at_a_time(conn, Lock.CHAIN)
        open_next(line, conn)
    line.wake.wake()


def _open(line: Line, conn: Connection, made: Proposal, edited: Proposal | None = None) -> None:
    """Put it on the review channel, and end its older buttons. `edited`: what it was until a lead edited it."""
    made = replace(made, card=made.card or compose.card_key(made))
    shown, nonce = proposal_digest(made), secrets.token_urlsafe(16)
    reviews.close_nonces(conn, f"proposal:{made.id}", NEWER, line.now())
    reviews.save_proposal(conn, made, shown)
    reviews.add_nonce(conn, nonce, f"proposal:{made.id}", shown, made.expires)
    if made.rival:
        _show_pair(line, conn, made, tuple(Button(v, STAYS[v], nonce) for v in ON_PAIRS))
        return
    buttons = tuple(Button(v, LABELS[v], nonce) for v in ON_WORDS)
    snapshots = [conversations.snapshot(conn, ref) for ref in made.refs]
    urls = tuple(s.url if s else "" for s in snapshots)
    editor = "".join(people.called(conn, (made.edited_by,))) if made.edited_by else ""
    named = replace(made, teachers=people.called(conn, made.teachers), edited_by=editor)
    before = edited and replace(edited, teachers=people.called(conn, edited.teachers))
    _show(line, conn, compose.proposal_card(named, Ref(line.review, "review"), buttons, urls, before))


def _show_pair(line: Line, conn: Connection, made: Proposal, buttons: tuple[Button, ...]) -> None:
    if made.rival:
        sides = (
            (made.entry_id, made.rival.against, made.teachers),
            (made.rival.id, made.rival.version, made.rival.teachers),
        )
        both = [(entries.known(conn, id_, version), people.called(conn, by)) for id_, version, by in sides]
        _show(line, conn, compose.pair_card(made, Ref(line.review, "review"), both, buttons))


def _show(line: Line, conn: Connection, card: Delivery) -> None:
    if line.review:
        approve(conn, line, card)


class StoredViews:
    """`bot.ports.Views` over the store."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def refusal(self, verdict: Verdict) -> str:
        """Why this press is refused now, which is recorded; "" when it is not."""
        with self._line.store.read() as conn:
            why = refusal(conn, verdict, self._line.now())
        if why:
            refuse(self._line, verdict, why)
        return why

    def shown(self, token: str) -> tuple[str, str, bool] | None:
        """(question, text, is it a proposal?) behind a button."""
        with self._line.store.read() as conn:
            kind, _, id_ = (reviews.get_nonce(conn, token) or ("",))[0].partition(":")
            if kind == "proposal":
                made = reviews.get_proposal(conn, id_)
                return (made.question, made.answer, True) if made else None
            decided = drafts.get_draft(conn, id_)
        return (decided.question, decided.draft.text, False) if decided else None
