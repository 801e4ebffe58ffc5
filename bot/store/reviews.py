"""What people are asked and what they said: nonces, outcomes, corrections, interventions, signals, proposals."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, select, union, update

from bot.model import Correction, Intervention, Outcome, OutcomeKind, Proposal, ProposalState, Ref, Signal
from bot.store.prepared import Prepared
from bot.store.statements import Lock, add, insert, one_at_a_time, put, stands
from bot.store.tables import correction, intervention, nonce, outcome, proposal, signal, work

NonceRow = tuple[str, str, datetime, str]
AFTER: BindParameter[int] = bindparam("after")
OF: BindParameter[str] = bindparam("of")
OUTCOME = Prepared(select(outcome).where(outcome.c.draft_id == OF))
CORRECTION = Prepared(select(correction.c.value).where(correction.c.draft_id == OF))
INTERVENTION = Prepared(select(intervention.c.value).where(intervention.c.id == OF))
LINK = Prepared(update(intervention).where(intervention.c.id == OF).values(proposal_id=bindparam("into")))
SIGNAL = Prepared(select(signal.c.value).where(signal.c.id == OF))
NEWS = Prepared(select(signal.c.seq, signal.c.value).where(signal.c.seq > AFTER).order_by(signal.c.seq))
CHANGES = Prepared(
    select(
        select(func.max(proposal.c.seq)).scalar_subquery(),
        select(func.count()).where(stands(proposal.c.digest, "")).scalar_subquery(),
    )
)
CHANGED = Prepared(select(proposal.c.id, proposal.c.state).where(proposal.c.seq > AFTER))
BEHIND = Prepared(select(intervention.c.proposal_id).where(intervention.c.ref == OF))
LISTED: dict[str, BindParameter[Any]] = {name: bindparam(name, expanding=True) for name in ("states", "ids", "entries")}
# Two parts with an index each, and no OR.
MEANT = union(
    select(proposal.c.id).where(proposal.c.id.in_(LISTED["ids"])),
    select(proposal.c.id).where(proposal.c.entry_id.in_(LISTED["entries"])),
)
BESIDE = (
    select(proposal.c.value)
    .where(proposal.c.id.in_(MEANT), proposal.c.state.in_(LISTED["states"]), stands(proposal.c.rival, ""))
    .order_by(proposal.c.at, proposal.c.id)
)


def add_nonce(conn: Connection, id: str, about: str, digest: str, expires: datetime) -> None:
    """One question that can be answered once. `about`: `draft:ID` or `proposal:ID`; `digest`: what was shown."""
    add(conn, nonce, id=id, about=about, digest=digest, expires=expires)


def get_nonce(conn: Connection, id: str) -> NonceRow | None:
    """(about, digest, expires, used_by), None when there is no such nonce."""
    columns = (nonce.c.about, nonce.c.digest, nonce.c.expires, nonce.c.used_by)
    r = conn.execute(select(*columns).where(nonce.c.id == id)).first()
    return (r.about, r.digest, r.expires, r.used_by) if r else None


def open_nonce(conn: Connection, about: str, digest: str, now: datetime) -> str:
    """The id of a question that can still be answered about just what was shown, "" where there is none."""
    asked = select(nonce.c.id).where(nonce.c.about == about, nonce.c.used_by == "")
    return conn.scalar(asked.where(nonce.c.digest == digest, nonce.c.expires > now).order_by(nonce.c.id)) or ""


def use_nonce(conn: Connection, id: str, by: str, now: datetime) -> bool:
    """True for exactly one caller."""
    change = update(nonce).where(nonce.c.id == id, nonce.c.used_by == "", nonce.c.expires > now)
    return conn.execute(change.values(used_by=by, used_at=now).returning(nonce.c.id)).first() is not None


def close_nonces(conn: Connection, about: str, by: str, now: datetime) -> None:
    """Whatever else was asked about the same thing is answered."""
    change = update(nonce).where(nonce.c.about == about, nonce.c.used_by == "")
    conn.execute(change.values(used_by=by, used_at=now))


def prune_nonces(conn: Connection, before: datetime) -> None:
    """Forget questions, sessions and passwords that ended before: whoever has one left is refused as before. Those stay
    of which a press is still to be judged."""
    pressed = select(work.c.id).where(work.c.ref == "verdict:" + nonce.c.id).exists()
    conn.execute(delete(nonce).where(nonce.c.expires < before, ~pressed))


def save_outcome(conn: Connection, what: Outcome, version: int = 1) -> bool:
    """Keep the newest version of what became of a draft; False when a newer one is known."""
    values = {"kind": what.kind.value, "by": what.by, "message_id": what.message_id, "version": version, "at": what.at}
    row = insert(conn.dialect.name, outcome).values(draft_id=what.draft_id, **values)
    newer = row.on_conflict_do_update(index_elements=["draft_id"], set_=values, where=outcome.c.version <= version)
    return conn.execute(newer.returning(outcome.c.draft_id)).first() is not None


def outcome_of(conn: Connection, draft_id: str) -> Outcome | None:
    """What became of a draft, None while nothing has."""
    row = OUTCOME.first(conn, of=draft_id)
    if row is None:
        return None
    _, kind, by, message_id, _, at = row
    return Outcome(draft_id, OutcomeKind(kind), at, by, message_id)


def outcome_counts(conn: Connection) -> dict[str, int]:
    """How many drafts ended how."""
    rows = conn.execute(select(outcome.c.kind, func.count()).group_by(outcome.c.kind))
    return {r[0]: r[1] for r in rows}


def save_correction(conn: Connection, what: Correction, now: datetime) -> None:
    """Keep the newest comparison of a draft."""
    put(conn, correction, "draft_id", draft_id=what.draft_id, value=what, at=now)


def correction_of(conn: Connection, draft_id: str) -> Correction | None:
    """The comparison of a draft with what was sent."""
    found: Correction | None = CORRECTION.value(conn, of=draft_id)
    return found


def save_intervention(conn: Connection, what: Intervention) -> None:
    """Keep the newest version of what a person did."""
    put(conn, intervention, "id", id=what.id, ref=str(what.ref), value=what, at=what.at)


def get_intervention(conn: Connection, id: str) -> Intervention | None:
    """By id."""
    found: Intervention | None = INTERVENTION.value(conn, of=id)
    return found


def interventions_in(conn: Connection, ref: Ref) -> list[Intervention]:
    """Of a conversation, oldest first."""
    query = select(intervention.c.value).where(intervention.c.ref == str(ref))
    return list(conn.scalars(query.order_by(intervention.c.at)))


def proposals_from(conn: Connection, ref: Ref) -> list[Proposal]:
    """What a conversation gave rise to, oldest first."""
    ids = select(intervention.c.proposal_id).where(intervention.c.ref == str(ref))
    return list(conn.scalars(select(proposal.c.value).where(proposal.c.id.in_(ids)).order_by(proposal.c.at)))


def behind(conn: Connection, ref: Ref) -> frozenset[str]:
    """Ids of the proposals that a conversation's interventions went into."""
    return frozenset(id_ for (id_,) in BEHIND.all(conn, of=str(ref)) if id_)


def link_intervention(conn: Connection, id: str, proposal_id: str) -> None:
    """Note which proposal an intervention went into."""
    LINK.all(conn, of=id, into=proposal_id)


def add_signal(conn: Connection, what: Signal) -> None:
    """Append; a signal stored already stays as it is."""
    one_at_a_time(conn, Lock.SIGNALS)
    add(conn, signal, id=what.id, value=what, at=what.at)


def get_signal(conn: Connection, id: str) -> Signal | None:
    """By id."""
    found: Signal | None = SIGNAL.value(conn, of=id)
    return found


def signals_about(conn: Connection, prefix: str) -> list[Signal]:
    """Those of one source in order: their ids are `prefix` and a number from 1."""
    found: list[Signal] = []
    while value := get_signal(conn, f"{prefix}{len(found) + 1}"):
        found.append(value)
    return found


def signals_after(conn: Connection, seq: int) -> list[tuple[int, Signal]]:
    """(seq, signal) added after `seq`, in the order they came: how a learner catches up."""
    return [(at, found) for at, found in NEWS.all(conn, after=seq)]


def save_proposal(conn: Connection, what: Proposal, digest: str) -> None:
    """Add a proposal or its next version. `digest` is what buttons are bound to."""
    one_at_a_time(conn, Lock.CHAIN)  # whoever proposes or decides has it, and they number their changes under it
    put(
        conn, proposal, "id",
        id=what.id, state=what.state.value, entry_id=what.entry_id, digest=digest,
        clash=what.rival.clash.value if what.rival else "", rival=what.rival.id if what.rival else "",
        teachers=len(what.teachers), refs=what.seen, seq=changes(conn)[0] + 1, value=what, at=what.at,
    )  # fmt: skip


def get_proposal(conn: Connection, id: str) -> Proposal | None:
    """By id."""
    found: Proposal | None = conn.scalar(select(proposal.c.value).where(proposal.c.id == id))
    return found


def proposals(conn: Connection, states: Iterable[ProposalState], limit: int = 1_000) -> list[Proposal]:
    """Oldest first."""
    query = select(proposal.c.value).where(proposal.c.state.in_([s.value for s in states]))
    return list(conn.scalars(query.order_by(proposal.c.at, proposal.c.id).limit(limit)))


def waiting_best(conn: Connection, room: int) -> list[Proposal]:
    """Whose turn is next, at most `room`, pairs left out: most teachers first, then most conversations, then the
    oldest."""
    turn = (proposal.c.teachers.desc(), proposal.c.refs.desc(), proposal.c.at, proposal.c.id)
    waiting = select(proposal.c.id).where(proposal.c.state == ProposalState.WAITING.value, proposal.c.rival == "")
    best = waiting.order_by(*turn).limit(max(0, room))
    return list(conn.scalars(select(proposal.c.value).where(proposal.c.id.in_(best)).order_by(*turn)))


def changes(conn: Connection) -> tuple[int, int]:
    """(number of the newest change of a proposal, how many were forgotten): the same while none has changed."""
    newest, forgotten = CHANGES.first(conn) or (0, 0)
    return newest or 0, forgotten


def proposals_changed(conn: Connection, seq: int) -> list[tuple[str, ProposalState]]:
    """(id, state) of those that were saved after the change numbered `seq`; -1 gives all."""
    return [(id_, ProposalState(state)) for id_, state in CHANGED.all(conn, after=seq)]


def proposals_beside(
    conn: Connection, states: Iterable[ProposalState], ids: Sequence[str], entries: Sequence[str] = ()
) -> list[Proposal]:
    """Those with one of `ids` (hundreds at most) or for one of `entries`, oldest first, without pairs."""
    given = {"states": [s.value for s in states], "ids": ids, "entries": entries}
    return list(conn.scalars(BESIDE, given))
