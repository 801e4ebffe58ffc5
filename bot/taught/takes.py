"""What becomes of each line that is brought back: what is here stays, and why something is not taken is said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from bot import entries
from bot.errors import Misconfigured
from bot.imports import Became, How
from bot.model import Entry, Event, Intervention, Policy, Proposal, ProposalState, Ref, Rule, Signal
from bot.news import FORGOTTEN, forgotten_at, news, remembered
from bot.refusals import proposal_digest
from bot.store import audit, conversations, drafts, limits, reviews, tables, taken, travel
from bot.store import knowledge as rows
from bot.store.knowledge import HISTORY
from bot.taught.lines import Judged, Limits, Place, Ruled, Seen, Step
from bot.text.redact import redact

GONE = "its customer was forgotten here"
NOBODYS = "its conversation is not here, so nobody could have it forgotten"
OTHER = "is here with other words, which stay"
PAIR = "entries are compared here, and settled here"
UNDECIDED = (ProposalState.WAITING, ProposalState.OPEN)
Words = TypeVar("Words", Intervention, Proposal)
Version = TypeVar("Version", Entry, Rule, Policy)


@dataclass(frozen=True, slots=True)
class Back:
    """How it is taken in, and when. `parted`: of what other versions are here than in the folder."""

    how: How
    now: datetime
    parted: set[str] = field(default_factory=set)

    @property
    def writes(self) -> bool:
        """Is it more than a dry run?"""
        return not self.how.dry_run


def _forgotten(back: Back, conn: Connection, mark: Event) -> Became | str:
    """Nothing here is erased because a folder says so: people are told."""
    try:
        known = forgotten_at(mark.ref, {mark.key}) == mark.at
    except ValueError:
        known = False
    if not known:
        return f"object_id: does not begin with {FORGOTTEN} and its time"
    if mark.key in conversations.seen_keys(conn, mark.ref):
        return Became.SAME
    here = conversations.snapshot(conn, mark.ref)
    if here and remembered(here, {mark.key}) != here:
        return f"{mark.ref} was forgotten there; `app.py forget {mark.ref.connector}:{here.customer.id}` does so here"
    if back.writes:
        conversations.add_events(conn, [mark], back.now)
    return Became.NEW


def _entry(back: Back, conn: Connection, there: Entry) -> Became | str:
    try:  # its end is as it was when it was written
        entries.named(there.id)
        made = replace(entries.checked(replace(there, valid_until=None), back.now), valid_until=there.valid_until)
    except Misconfigured as err:
        return f"{there.id} version {there.version}: {err}"
    became = _next(back, conn, tables.entry, made, id=made.id)
    if became is Became.NEW and back.writes:
        rows.add_entry(conn, made)
        _published(back, conn, "entry imported", made.id, made.version)
    return became


def _place(back: Back, conn: Connection, there: Place) -> Became | str:
    """What a look has found here since is newer."""
    if taken.get(conn, there.source, there.taken.id):
        return Became.SAME
    if back.writes:
        taken.save(conn, there.source, there.taken)
    return Became.NEW


def _rule(back: Back, conn: Connection, there: Ruled) -> Became | str:
    entries.named(there.rule.id)
    became = _next(back, conn, tables.rule, there.rule, id=there.rule.id)
    if became is Became.NEW and back.writes:
        rows.add_rule(conn, there.rule, there.at)
        _published(back, conn, "rule imported", there.rule.id, there.rule.version)
    return became


def _policy(back: Back, conn: Connection, there: Limits) -> Became | str:
    became = _next(back, conn, tables.policy, there.policy)
    if became is Became.NEW and back.writes:
        limits.add_policy(conn, there.policy, there.by, there.at)
        _published(back, conn, "policy imported", "policy", there.policy.version)
    return became


def _next(back: Back, conn: Connection, table: Table, made: Version, **of: str) -> Became | str:
    """NEW where it follows what is here: versions are added while those here are the folder's own."""
    name = " ".join((table.name, *of.values()))
    here = travel.stored(conn, table, **of, version=made.version)
    if here == made:
        return Became.SAME
    if here is None and name not in back.parted and travel.newest(conn, table, **of) < made.version:
        return Became.NEW
    back.parted.add(name)
    return f"{name} has been changed here, so its version {made.version} stays away"


def _published(back: Back, conn: Connection, what: str, about: str, version: int) -> None:
    audit.record(conn, back.now, back.how.who, what, about, version=str(version))


def _conversation(back: Back, conn: Connection, there: Seen) -> Became | str:
    """A newer look takes the place of an older one. Of one that is new here all is known, and nothing is answered
    again; in one that is known here the next look finds what is new."""
    seen = conversations.seen_keys(conn, there.ref)
    kept, looked_at = remembered(there.snapshot, seen), travel.looked_at(conn, there.ref)
    if kept is None:
        return GONE
    if looked_at and looked_at >= there.looked_at:
        return Became.SAME
    if back.writes:
        conversations.save(conn, kept, there.looked_at)
        if looked_at is None and kept.ref.connector != HISTORY:
            conversations.add_events(conn, news(kept, seen), back.now)
    return Became.CHANGED if looked_at else Became.NEW


def _judged(back: Back, conn: Connection, there: Judged) -> Became | str:
    made, outcome = replace(there.decided, question=redact(there.decided.question)), there.outcome
    draft, edits = made.draft, there.correction
    if {outcome.draft_id, edits.draft_id if edits else draft.id} != {draft.id}:
        return "draft_id: is not that of the draft"
    if (draft.text or made.question or edits) and (why := _unkept(back, conn, draft.ref, made.at)):
        return why
    here, known = drafts.get_draft(conn, draft.id), reviews.outcome_of(conn, draft.id)
    if here not in (None, made):
        return f"{draft.id} {OTHER}"
    if here and (known, reviews.correction_of(conn, draft.id)) == (outcome, edits):
        return Became.SAME
    if known and known.at >= outcome.at:
        return f"what became of {draft.id} is known here, and stays"
    if back.writes and not here and not drafts.save_draft(conn, made):
        return f"{draft.event_key} has another draft here"
    if back.writes and not reviews.save_outcome(conn, outcome, there.version):
        return f"of {draft.id} a newer version was sent here"
    if back.writes and edits and there.compared_at:
        reviews.save_correction(conn, edits, there.compared_at)
    return Became.CHANGED if here else Became.NEW


def _step(back: Back, conn: Connection, there: Step) -> Became | str:
    made = _masked(there.intervention)
    if why := _unkept(back, conn, made.ref, made.at):
        return why
    here = reviews.get_intervention(conn, made.id)
    if here not in (None, made):
        return f"{made.id} {OTHER}"
    if here:
        return Became.SAME
    if back.writes:
        reviews.save_intervention(conn, made)
        reviews.link_intervention(conn, made.id, there.proposal_id)
    return Became.NEW


def _past(back: Back, conn: Connection, there: Intervention) -> Became | str:
    made = _masked(there)
    macro = made.id.startswith(f"m-{made.ref.connector}-{made.ref.id.removeprefix('macro-')}-") and not made.by
    if not (macro or made.id.startswith(f"i-{made.ref}-")):
        return "id: is not made of its conversation's"
    if not macro and (why := _unkept(back, conn, made.ref, made.at)):
        return why
    if rows.has_past(conn, made.id):
        return Became.SAME
    if back.writes and not macro and made.ref.connector != HISTORY and not reviews.get_intervention(conn, made.id):
        return NOBODYS  # a helpdesk's past replies are forgotten by their interventions
    if back.writes:
        rows.add_past(conn, made)
    return Became.NEW


def _proposal(back: Back, conn: Connection, there: Proposal) -> Became | str:
    """What nobody has decided waits here for its turn on our own review channel. Pairs of entries are found here: what
    a folder says of one could settle a contradiction, or hide it and who taught its sides."""
    if there.rival:
        return PAIR
    entries.named(f"learned-{there.id}")  # what is approved is named so
    made = _waiting(_masked(there))
    blank = not made.question and not made.answer
    for ref in () if blank else made.words or made.refs:
        if why := _unkept(back, conn, ref, made.at):
            return why
    here = reviews.get_proposal(conn, made.id)
    if here and _waiting(here) == replace(made, expires=_waiting(here).expires):
        return Became.SAME
    if here and not _grows(here, made):
        return f"{made.id} is here, {here.state}, in version {here.version}, and stays"
    if back.writes:
        reviews.save_proposal(conn, made, "" if blank else proposal_digest(made))
    return Became.CHANGED if here else Became.NEW


def _waiting(made: Proposal) -> Proposal:
    return replace(made, state=ProposalState.WAITING, card="") if made.state in UNDECIDED else made


def _grows(here: Proposal, there: Proposal) -> bool:
    """Has nobody been shown the one that is here, and is all that it rests on in the other?"""
    within = {*here.refs, *here.teachers} <= {*there.refs, *there.teachers}
    return here.state is ProposalState.WAITING and here.version <= there.version and within


def _signal(back: Back, conn: Connection, there: Signal) -> Became | str:
    """In their order, so that learners come to the same; what is known here of a draft is not mixed with another's."""
    of = there.id.rpartition("@")[0]
    if not of:
        return "id: has no number"
    if not 0 <= there.good <= 1:
        return "good: is not within 0 and 1"
    if not -1 <= there.weight <= 1:
        return "weight: is not within -1 and 1"
    here = reviews.get_signal(conn, there.id)
    if here == there:
        return Became.SAME
    if here or of in back.parted:
        back.parted.add(of)
        return f"of {of.removeprefix('s-')} other things were learned here"
    if back.writes:
        reviews.add_signal(conn, there)
    return Became.NEW


def _masked(said: Words) -> Words:
    """As all is before it is learned from: whoever wrote the folder may have been anybody."""
    return replace(said, question=redact(said.question), answer=redact(said.answer))


def _unkept(back: Back, conn: Connection, ref: Ref, at: datetime) -> str:
    """Why words that are of `at` may not be kept; "" when they may."""
    forgot = forgotten_at(ref, conversations.seen_keys(conn, ref))
    if forgot and at <= forgot:
        return GONE
    return NOBODYS if back.writes and not travel.looked_at(conn, ref) else ""


TAKES: Mapping[str, Callable[[Back, Connection, Any], Became | str]] = {
    "forgotten": _forgotten,
    "entries": _entry,
    "places": _place,
    "rules": _rule,
    "policies": _policy,
    "conversations": _conversation,
    "corrections": _judged,
    "interventions": _step,
    "past": _past,
    "proposals": _proposal,
    "signals": _signal,
}
