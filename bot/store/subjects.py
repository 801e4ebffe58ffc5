"""All that is held of what customers said: found, shown, and taken out so that only ids stay."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from unicodedata import normalize

from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    case,
    delete,
    false,
    or_,
    select,
    type_coerce,
    update,
)

from bot.model import (
    Customer,
    Decided,
    Delivery,
    DeliveryState,
    Intervention,
    Proposal,
    ProposalState,
    Reason,
    Ref,
    Role,
)
from bot.news import forgotten
from bot.store.audit import erase_words
from bot.store.conversations import add_events, snapshot
from bot.store.knowledge import HISTORY, forget_past
from bot.store.memory import forget_memory
from bot.store.tables import (
    audit,
    conversation,
    correction,
    delivery,
    draft,
    entry,
    event,
    intervention,
    nonce,
    outcome,
    past,
    proposal,
    work,
)

Held = dict[Table, ColumnElement[bool]]
ROWS = 100  # conversations at a time: databases read no endless conditions
NAMED = (draft.c.id, delivery.c.key, work.c.key, intervention.c.id, proposal.c.id)  # what audit entries are about
WAITING = (ProposalState.WAITING, ProposalState.OPEN)
DOUBTFUL = (DeliveryState.SENDING.value, DeliveryState.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class _Wrote:
    """Of a message, what names its author."""

    id: str
    role: Role
    author: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class _Named:
    """Of a snapshot, what names people: a hundred thousand are read one by one, and quickly."""

    ref: Ref
    customer: Customer
    messages: tuple[_Wrote, ...]


NAMES_IN = TypeAdapter(_Named)


def took_part(conn: Connection, customer: str) -> dict[Ref, frozenset[str]]:
    """Where this customer is the one who asks (with nothing), or wrote beside whoever does (with the ids of what they
    wrote); by e-mail address or as `connector:id`, ValueError where it is neither. An address also finds what its
    owner's ids did before it was known. Compared here: SQLite knows upper and lower case of ASCII alone."""
    names = {_folded(customer)}
    if "@" in customer:
        everybody = ((seen.ref, *who) for seen in _snapshots(conn) for who in _people(seen))
        names |= {_folded(f"{ref.connector}:{id_}") for ref, id_, email in everybody if id_ and _folded(email) in names}
    else:
        Ref.parse(customer)
    found = {seen.ref: own for seen in _snapshots(conn) if (own := _own(seen, names)) is not None}
    return {ref: found[ref] for ref in sorted(found)}


def _snapshots(conn: Connection) -> Iterator[_Named]:
    """Of every conversation, by its name."""
    texts, last = select(conversation.c.ref, type_coerce(conversation.c.snapshot, Text)), ""
    while page := conn.execute(texts.where(conversation.c.ref > last).order_by(conversation.c.ref).limit(ROWS)).all():
        yield from (NAMES_IN.validate_json(text) for _, text in page)
        last = page[-1].ref


def _people(seen: _Named) -> Iterator[tuple[str, str]]:
    """(id, address) of each customer in it; whoever asks comes first."""
    yield seen.customer.id, seen.customer.email
    yield from ((m.author, m.email) for m in seen.messages if m.role is Role.CUSTOMER)


def _own(seen: _Named, names: Set[str]) -> frozenset[str] | None:
    """What they wrote in a conversation of somebody else, nothing where it is theirs, None where they are not in it."""

    def theirs(id_: str, email: str) -> bool:
        return not names.isdisjoint((_folded(email), _folded(f"{seen.ref.connector}:{id_}")))

    if theirs(seen.customer.id, seen.customer.email):
        return frozenset()
    wrote = (m.id for m in seen.messages if m.role is Role.CUSTOMER and theirs(m.author, m.email))
    return frozenset(wrote) or None


def _folded(name: str) -> str:
    return normalize("NFC", name.casefold())


def untouched(conn: Connection, before: datetime) -> list[Ref]:
    """At most ROWS conversations where nothing has changed since, the longest untouched first."""
    query = select(conversation.c.ref).where(conversation.c.looked_at < before)
    return [Ref.parse(ref) for ref in conn.scalars(query.order_by(conversation.c.looked_at).limit(ROWS))]


def held(refs: Sequence[Ref]) -> Held:
    """Which rows of each table hold something of these conversations (1 to ROWS)."""
    names = [str(ref) for ref in refs]
    drafts = select(draft.c.id).where(draft.c.ref.in_(names))
    done = select(intervention.c.id).where(intervention.c.ref.in_(names))
    quoting = or_(*(_quotes(ref) for ref in refs))
    notices = delivery.c.key.startswith("d-notice-") & _holds(
        delivery.c.value, (f'["Conversation","{n}"]' for n in names)
    )
    asked = select("draft:" + draft.c.id).where(draft.c.ref.in_(names))
    buttons = nonce.c.about.in_(asked.union(select("proposal:" + proposal.c.id).where(quoting)))
    return {
        conversation: conversation.c.ref.in_(names),
        event: event.c.ref.in_(names),
        draft: draft.c.ref.in_(names),
        delivery: delivery.c.ref.in_(names) | notices,
        outcome: outcome.c.draft_id.in_(drafts),
        correction: correction.c.draft_id.in_(drafts),
        intervention: intervention.c.ref.in_(names),
        past: past.c.id.in_(done) | _told_in(refs),
        proposal: quoting,
        nonce: buttons,
        work: work.c.ref.in_(names) | work.c.ref.in_(select("verdict:" + nonce.c.id).where(buttons)),
    }


def _told_in(refs: Sequence[Ref]) -> ColumnElement[bool]:
    """Is a past reply from one of these that were taken in from a file? Their names have no dash."""
    named = (past.c.id.startswith(f"i-{ref}-", autoescape=True) for ref in refs if ref.connector == HISTORY)
    return or_(false(), *named)


def _quotes(ref: Ref) -> ColumnElement[bool]:
    """Is a proposal in its words? One that was stored before that was noted is, where it rests on it."""
    value, noted = type_coerce(proposal.c.value, Text), '"words":['
    found = re.sub(r"([%_/])", r"/\1", f'{{"connector":"{ref.connector}","id":"{ref.id}"}}')
    within = value.like(f"%{noted}%{found}%", escape="/")
    return within | (~value.contains(f"{noted}{{") & value.like(f"%{found}%", escape="/"))


def _holds(column: Column[object], texts: Iterable[str]) -> ColumnElement[bool]:
    """Has the JSON of a column one of these in it?"""
    return or_(*(type_coerce(column, Text).contains(text, autoescape=True) for text in texts))


def shown(conn: Connection, refs: Sequence[Ref]) -> dict[str, list[dict[str, object]]]:
    """Every row that `held` finds, and the audit entries about them, by table; `refs` 1 to ROWS. Deliveries have no
    buttons."""
    which = held(refs)
    which[audit] = _recorded(conn, which, refs)
    found = {table: conn.execute(select(table).where(condition)) for table, condition in which.items()}
    rows = {table.name: [row._asdict() for row in rows] for table, rows in found.items()}
    return rows | {delivery.name: [{**row, "value": replace(row["value"], buttons=())} for row in rows[delivery.name]]}


def written(conn: Connection, ref: Ref, ids: Set[str]) -> list[dict[str, object]]:
    """These messages of a conversation, as rows."""
    seen = snapshot(conn, ref)
    return [{"ref": str(ref), **asdict(m)} for m in (seen.messages if seen else ()) if m.id in ids]


def _recorded(conn: Connection, which: Held, refs: Sequence[Ref]) -> ColumnElement[bool]:
    """Audit entries about these conversations or anything in them."""
    names = {str(ref) for ref in refs}.union(*(conn.scalars(select(c).where(which[c.table])) for c in NAMED))
    told = (audit.c.what == "gave up") & _holds(audit.c.detail, (f'"ref":"{ref}"' for ref in refs))
    return audit.c.about.in_(names) | told  # work that was pruned has no row any more that tells its name


def learned(conn: Connection, refs: Sequence[Ref]) -> list[str]:
    """Entries that people approved and that rest on these conversations: knowledge of the company."""
    proposals = conn.scalars(select(proposal.c.id).where(held(refs)[proposal]))
    origins = [f'"origin":"proposal:{id_}"' for id_ in proposals]
    return sorted(set(conn.scalars(select(entry.c.id).where(_holds(entry.c.value, origins))))) if origins else []


def erase(conn: Connection, refs: Sequence[Ref], now: datetime) -> list[int]:
    """Take out what was said in these conversations (1 to ROWS) and what quotes it elsewhere; ids stay, so that
    nothing is sent or answered again. The numbers of the audit entries whose words went."""
    which = held(refs)
    words = erase_words(conn, _recorded(conn, which, refs), keep=Reason)
    taught: list[Intervention] = list(conn.scalars(select(past.c.value).where(which[past])))
    _end_work(conn, which[work])
    forget_memory(conn, _blank_drafts(conn, which[draft]))  # before the knowledge's lock, as everywhere
    _blank_deliveries(conn, which[delivery])
    conn.execute(delete(nonce).where(which[nonce]))
    _unquote(conn, which[proposal])
    for item in taught:
        forget_past(conn, item)
    for table in (correction, intervention, conversation):
        conn.execute(delete(table).where(which[table]))
    add_events(conn, [forgotten(ref, now) for ref in refs], now)
    return words


def _end_work(conn: Connection, which: ColumnElement[bool]) -> None:
    """Whoever holds a row finds its claim taken over, so nothing comes back."""
    ended = {"state": "done", "lease_until": None, "fence": work.c.fence + 1}
    conn.execute(update(work).where(which).values(payload="", first_error="", last_error="", **ended))


def _blank_drafts(conn: Connection, which: ColumnElement[bool]) -> list[str]:
    """The ids of those that are blank now."""
    found: list[Decided] = list(conn.scalars(select(draft.c.value).where(which)))
    for made in found:
        bare = replace(made.draft, text="")
        kept = replace(made, draft=bare, question="")
        conn.execute(update(draft).where(draft.c.id == bare.id).values(value=kept))
    return [made.draft.id for made in found]


def _blank_deliveries(conn: Connection, which: ColumnElement[bool]) -> None:
    """What was not sent never is; of what may have been nobody will know."""
    ends = {
        DeliveryState.APPROVED.value: DeliveryState.VOID.value,
        **dict.fromkeys(DOUBTFUL, DeliveryState.ASKED.value),
    }
    for what in list(conn.scalars(select(delivery.c.value).where(which))):
        bare = Delivery(what.key, what.ref, what.kind, "", stamp=what.stamp, saw=what.saw, replaces=what.replaces)
        state = case(ends, value=delivery.c.state, else_=delivery.c.state)
        conn.execute(update(delivery).where(delivery.c.key == what.key).values(value=bare, error="", state=state))


def _unquote(conn: Connection, which: ColumnElement[bool]) -> None:
    """Ends what nobody has decided: without its words there is nothing to decide."""
    for made in list(conn.scalars(select(proposal.c.value).where(which))):
        state = ProposalState.EXPIRED if made.state in WAITING else made.state
        bare: Proposal = replace(made, question="", answer="", before="", reason="", state=state)
        _blank_deliveries(conn, delivery.c.key.startswith(f"d-proposal-{made.id}-", autoescape=True))
        row = {"value": bare, "state": state.value, "digest": ""}
        conn.execute(update(proposal).where(proposal.c.id == made.id).values(**row))
