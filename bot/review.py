"""People's verdicts on drafts and proposals: checked against what is stored, acted on once, written down."""

import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Connection

from bot import compose, entries, work
from bot.allow import LEADS
from bot.answer import digest
from bot.deliver import approve
from bot.errors import Misconfigured, Unavailable
from bot.line import Line
from bot.model.conversation import Person, Ref
from bot.model.drafting import Button, Delivery, Draft, Verdict
from bot.model.kinds import OutcomeKind, ProposalState, Taint, VerdictKind
from bot.model.knowledge import Entry
from bot.model.learning import Outcome, Proposal
from bot.policy import overtaken
from bot.ports import Panel
from bot.store import audit, conversations, drafts, limits, people, reviews
from bot.store import knowledge as rows
from bot.store.people import BY_LINK
from bot.store.statements import Lock, one_at_a_time

log = logging.getLogger(__name__)
VERDICT = TypeAdapter(Verdict)
NEWER = "newer version"
CHANGED = "The proposal has changed since this card was posted; please use the newest card."
BY_LINKS_ALONE = (
    "Only links that were used without signing in have taught this, so it takes two leads who press Approve. "
    "Or whoever taught it answers so once more: signed in, or in the helpdesk itself."
)
STRANGER = "Only members of the team's own workspace can decide here: no guests, and nobody who left."
PROPOSAL_LIVES = timedelta(days=14)
LABELS = {VerdictKind.ACCEPT: "Approve", VerdictKind.EDIT: "Edit", VerdictKind.REJECT: "Reject"}


def proposal_digest(made: Proposal) -> str:
    """What the buttons of a proposal are bound to."""
    return digest(made.id, str(made.version), made.entry_id, made.question, made.answer, made.before)


def refusal(conn: Connection, verdict: Verdict, now: datetime) -> str:
    """Why a verdict must not be acted on, in words for whoever gave it; "" when it may."""
    row = reviews.get_nonce(conn, verdict.token)
    if row is None:
        return "This button is not ours."
    if verdict.stranger:
        return STRANGER
    about, shown, expires, used_by = row
    if used_by == NEWER:
        return CHANGED
    if used_by:
        return "This was decided already."
    if now >= expires:
        return "This has expired; a new card comes when it is needed again."
    if about.startswith("draft:"):
        return _draft_refusal(conn, verdict, about.removeprefix("draft:"), shown)
    return _proposal_refusal(conn, verdict, about.removeprefix("proposal:"), shown)


def _draft_refusal(conn: Connection, verdict: Verdict, id: str, shown: str) -> str:
    if people.person_of(conn, verdict.by) is None:
        return "You are not on the team. Ask an admin to add you (`app.py person`)."
    decided = drafts.get_draft(conn, id)
    if decided is None or digest(decided.draft.text) != shown:
        return "The draft has changed since it was shown."
    conversation = conversations.snapshot(conn, decided.draft.ref)
    if conversation is None or overtaken(conversation, decided.draft.saw):
        return "The customer wrote again, or somebody has answered: this draft is void."
    return ""


def _proposal_refusal(conn: Connection, verdict: Verdict, id: str, shown: str) -> str:
    made = reviews.get_proposal(conn, id)
    if made is None or proposal_digest(made) != shown:
        return CHANGED
    if made.state is not ProposalState.OPEN:
        return f"This was {made.state} already."
    who = people.person_of(conn, verdict.by)
    if who is None or who.role not in LEADS:
        return "Only a lead can decide this. Ask an admin to add you to the approvers."
    if verdict.kind is VerdictKind.REJECT:
        return ""
    if _outdated(conn, made):
        return "The entry has changed since this was proposed; reject it, and a new proposal will build on it."
    if limits.current_policy(conn).one_lead or not _taught_alone(made, who):
        return ""
    if made.edited_by or not all(by.startswith(BY_LINK) for by in made.teachers):
        return "You are the only one who taught this, so somebody else has to approve it."
    return "" if _seconded(conn, verdict.token, who) else BY_LINKS_ALONE


def _outdated(conn: Connection, made: Proposal) -> bool:
    """Would it overwrite something that whoever proposed it has not seen?"""
    old = rows.latest(conn, made.entry_id) if made.entry_id else None
    return bool(made.entry_id) and (old is None or old.retired or old.answer != made.before)


def _taught_alone(made: Proposal, who: Person) -> bool:
    """Is this person its only teacher, or the lead who edited it, whoever taught more since? Then somebody else
    approves, unless the policy of a one-lead team says so. Whoever acted by a link without signing in may have been
    anybody, so this person, too."""
    known, me = {by for by in made.teachers if not by.startswith(BY_LINK)}, {who.id, *who.vendor_ids}
    return made.edited_by in me or (bool(made.teachers) and known <= me)


def _seconded(conn: Connection, token: str, who: Person) -> bool:
    """Has another lead pressed Approve on this very card, and been told that it takes two?"""
    asked = [e.who for e in audit.entries(conn, token) if (e.about, e.why) == (token, BY_LINKS_ALONE)
             and e.detail.get("verdict") == VerdictKind.ACCEPT]  # fmt: skip
    others = [other for other in (people.person_of(conn, by) for by in asked) if other and other.id != who.id]
    return any(other.role in LEADS for other in others)


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
    alone = not rejected and _taught_alone(made, who) and not _seconded(conn, verdict.token, who)
    _end(line, conn, made, who.id, said, edited=str(edited), one_lead=str(alone))
    if not rejected:
        publish(conn, made, who.id, line.now())
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
    """End what nobody decided in time; open waiting proposals while there is room: many experts first."""
    shown = reviews.proposals(conn, [ProposalState.OPEN])
    late = [made for made in shown if made.expires <= line.now()]
    for made in late:
        _end(line, conn, replace(made, state=ProposalState.EXPIRED), "understudy", "Nobody decided in time")
    room = limits.current_policy(conn).open_cards - len(shown) + len(late)
    for made in reviews.waiting_best(conn, room):
        _open(line, conn, replace(made, state=ProposalState.OPEN, expires=line.now() + PROPOSAL_LIVES))


def _open(line: Line, conn: Connection, made: Proposal, edited: Proposal | None = None) -> None:
    """Put it on the review channel, and end its older buttons. `edited`: what it was until a lead edited it."""
    made = replace(made, card=made.card or compose.card_key(made))
    shown, nonce = proposal_digest(made), secrets.token_urlsafe(16)
    reviews.close_nonces(conn, f"proposal:{made.id}", NEWER, line.now())
    reviews.save_proposal(conn, made, shown)
    reviews.add_nonce(conn, nonce, f"proposal:{made.id}", shown, made.expires)
    buttons = tuple(Button(v, LABELS[v], nonce) for v in VerdictKind)
    snapshots = [conversations.snapshot(conn, ref) for ref in made.refs]
    urls = tuple(s.url if s else "" for s in snapshots)
    editor = "".join(people.called(conn, (made.edited_by,))) if made.edited_by else ""
    named = replace(made, teachers=people.called(conn, made.teachers), edited_by=editor)
    before = edited and replace(edited, teachers=people.called(conn, edited.teachers))
    _show(line, conn, compose.proposal_card(named, Ref(line.review, "review"), buttons, urls, before))


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
