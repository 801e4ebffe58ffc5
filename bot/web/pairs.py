"""The page of pairs: two entries that say the same or contradict each other, side by side, until a lead says which
stays."""

import secrets
from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from bot import entries, review
from bot.line import Line
from bot.model import ON_PAIRS, Entry, Proposal, ProposalState, Verdict, VerdictKind
from bot.refusals import proposal_digest
from bot.review import PROPOSAL_LIVES, STAYS
from bot.store import counts, pairs, people, reviews
from bot.store.statements import Lock, one_at_a_time
from bot.web.guard import signed_in

SHOWN = 50
SETTLED = (ProposalState.APPROVED, ProposalState.REJECTED)
LOGIN = "login"  # in the audit: who it was is known
UNKNOWN = "There is no such pair, or it was no question of which entry stays."


def routes(made: Blueprint, line: Line) -> None:
    """`/knowledge/pairs` and what its forms post to."""
    made.get("/knowledge/pairs", endpoint="pairs")(partial(_page, line))
    made.post("/knowledge/pairs", endpoint="pair_settle")(partial(_settle, line))


def _settle(line: Line) -> Response:
    form, kind = request.form, request.form.get("keep", "")
    if kind not in ON_PAIRS:
        return _page(line, 400, "Say which of the two stays.")
    token = _question(line, form.get("id", ""), form.get("shown", ""))
    verdict = Verdict(VerdictKind(kind), token, signed_in().id, line.now(), workspace=LOGIN)
    why = review.judge(line, verdict) if token else UNKNOWN
    return _page(line, 409, why) if why else make_response(redirect(url_for("pages.pairs", settled=form["id"]), 303))


def _question(line: Line, id: str, shown: str) -> str:
    """What is answered once, as with a button of a card: that of the card where there is one, so that two leads who
    are needed may use either; "" where there is no such pair. `shown`: the digest of what was seen."""
    now, about = line.now(), f"proposal:{id}"
    with line.store.write() as conn:
        one_at_a_time(conn, Lock.CHAIN)
        made = reviews.get_proposal(conn, id)
        if made is None or made.rival is None:
            return ""
        known, nonce = reviews.open_nonce(conn, about, shown, now), secrets.token_urlsafe(16)
        if not known:
            reviews.add_nonce(conn, nonce, about, shown, now + PROPOSAL_LIVES)
        return known or nonce


def _page(line: Line, status: int = 200, wrong: str = "") -> Response:
    with line.store.read() as conn:
        waiting = pairs.unsettled(conn, SHOWN)
        found = [(p, proposal_digest(p), _sides(conn, p)) for p in waiting if not pairs.changed(conn, p, line.now())]
        names = {who.id: who.name for who in people.team(conn)}
        used = counts.uses(conn, [entry.id for _, _, sides in found for _, entry, _ in sides])
        more, done = pairs.count(conn) - len(waiting), _settled(conn, request.args.get("settled", ""))
    page = render_template(
        "pairs.html", pairs=found, more=more, names=names, used=used, stays=STAYS, wrong=wrong, done=done
    )
    return make_response(page, status)


def _settled(conn: Connection, id: str) -> tuple[Proposal, Entry | None] | None:
    """A pair that was, and which of its entries is retired now, as it was compared."""
    made = reviews.get_proposal(conn, id) if id else None
    if made is None or made.rival is None or made.state not in SETTLED:
        return None
    sides = [entry for _, entry, _ in _sides(conn, made)]
    return made, next((entry for entry in sides if entries.known(conn, entry.id).retired), None)


def _sides(conn: Connection, made: Proposal) -> list[tuple[str, Entry, tuple[str, ...]]]:
    """A and B: each as it was compared, and the names of those who taught it."""
    if made.rival is None:
        return []
    one = entries.known(conn, made.entry_id, made.rival.against)
    other = entries.known(conn, made.rival.id, made.rival.version)
    taught = (people.called(conn, by) for by in (made.teachers, made.rival.teachers))
    return list(zip("AB", (one, other), taught, strict=True))
