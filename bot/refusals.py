"""Why a person's press must not be acted on, in words for whoever pressed."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bot.allow import LEADS
from bot.answer import digest
from bot.model import ON_PAIRS, ON_WORDS, Clash, Person, Proposal, ProposalState, Verdict, VerdictKind
from bot.policy import overtaken
from bot.store import audit, conversations, drafts, limits, pairs, people, reviews
from bot.store import knowledge as rows
from bot.store.people import BY_LINK

NEWER = "newer version"
NOT_OURS = "This button is not ours."
CHANGED = "The proposal has changed since this card was posted; please use the newest card."
ONE_CHANGED = "One of the two entries has changed since, or is out of date, so there may be nothing to settle any more."
ALONE = "You are the only one who taught this, so somebody else has to approve it."
BY_LINKS_ALONE = (
    "Only links that were used without signing in have taught this, so it takes two leads who press Approve. "
    "Or whoever taught it answers so once more: signed in, or in the helpdesk itself."
)
STRANGER = "Only members of the team's own workspace can decide here: no guests, and nobody who left."


def proposal_digest(made: Proposal) -> str:
    """What the buttons of a proposal are bound to."""
    rival = made.rival
    pair = (rival.id, str(rival.version), str(rival.against), rival.question) if rival else ()
    return digest(made.id, str(made.version), made.entry_id, made.question, made.answer, made.before, *pair)


def refusal(conn: Connection, verdict: Verdict, now: datetime) -> str:
    """Why a verdict must not be acted on, in words for whoever gave it; "" when it may."""
    row = reviews.get_nonce(conn, verdict.token)
    if row is None:
        return NOT_OURS
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
        return (
            NOT_OURS
            if verdict.kind not in ON_WORDS
            else _draft_refusal(conn, verdict, about.removeprefix("draft:"), shown)
        )
    return _proposal_refusal(conn, verdict, about.removeprefix("proposal:"), shown, now)


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


def _proposal_refusal(conn: Connection, verdict: Verdict, id: str, shown: str, now: datetime) -> str:
    made = reviews.get_proposal(conn, id)
    if made is None or proposal_digest(made) != shown:
        return CHANGED
    if verdict.kind not in (ON_PAIRS if made.rival else ON_WORDS):
        return NOT_OURS
    if made.state is not ProposalState.OPEN and not (made.rival and made.state is ProposalState.WAITING):
        return f"This was {made.state} already."
    who = people.person_of(conn, verdict.by)
    if who is None or who.role not in LEADS:
        return "Only a lead can decide this. Ask an admin to add you to the approvers."
    if verdict.kind is VerdictKind.REJECT:
        return ""
    if made.rival and pairs.changed(conn, made, now):
        return ONE_CHANGED
    if _outdated(conn, made):
        return "The entry has changed since this was proposed; reject it, and a new proposal will build on it."
    own = [side for side in kept(made, verdict.kind) if taught_alone(side, who)]
    if limits.current_policy(conn).one_lead or not own:
        return ""
    if any(side.edited_by or not all(by.startswith(BY_LINK) for by in side.teachers) for side in own):
        return ALONE
    return "" if seconded(conn, verdict, who) else BY_LINKS_ALONE


def kept(made: Proposal, kind: VerdictKind) -> tuple[Proposal, ...]:
    """As it is to be judged who may press this: of a pair, by whoever taught an entry that stays. Two that say the same
    may both stay, whoever taught them."""
    if made.rival is None:
        return (made,)
    other = replace(made, teachers=made.rival.teachers)
    if kind is VerdictKind.KEEP_BOTH:
        return (made, other) if made.rival.clash is Clash.CONTRADICTION else ()
    return (other,) if kind is VerdictKind.KEEP_OTHER else (made,)


def _outdated(conn: Connection, made: Proposal) -> bool:
    """Would it overwrite something that whoever proposed it has not seen?"""
    old = rows.latest(conn, made.entry_id) if made.entry_id else None
    return bool(made.entry_id) and not made.rival and (old is None or old.retired or old.answer != made.before)


def taught_alone(made: Proposal, who: Person) -> bool:
    """Is this person its only teacher, or the lead who edited it, whoever taught more since? Then somebody else
    approves, unless the policy of a one-lead team says so. Whoever acted by a link without signing in may have been
    anybody, so this person, too."""
    known, me = {by for by in made.teachers if not by.startswith(BY_LINK)}, {who.id, *who.vendor_ids}
    return made.edited_by in me or (bool(made.teachers) and known <= me)


def seconded(conn: Connection, verdict: Verdict, who: Person) -> bool:
    """Has another lead pressed the same on this very card (of words: Approve), and been told that it takes two?"""
    token, wanted = verdict.token, verdict.kind if verdict.kind in ON_PAIRS else VerdictKind.ACCEPT
    asked = [e.who for e in audit.entries(conn, token) if (e.about, e.why) == (token, BY_LINKS_ALONE)
             and e.detail.get("verdict") == wanted]  # fmt: skip
    others = [other for other in (people.person_of(conn, by) for by in asked) if other and other.id != who.id]
    return any(other.role in LEADS for other in others)
