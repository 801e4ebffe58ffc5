"""The files of an export: what a line of each holds, and where it is read from."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Table

from bot.model import (
    Conversation,
    Correction,
    Decided,
    Entry,
    Event,
    Intervention,
    Outcome,
    Policy,
    Proposal,
    Ref,
    Rule,
    Signal,
)
from bot.store import tables, travel
from bot.store.knowledge import HISTORY
from bot.store.taken import Taken

FORMAT = 1
ENTRIES = "entries"  # the folder of Markdown
PLAYED = "zendesk"  # where a conversation is played that was taken in from a file
ENDS = ("valid_until", "expires")  # times that may lie ahead
MOST = 2**31  # what a version is less than: a column's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Conversation):
    """A conversation, and when we looked at it. `id` (its ref) and `connector` make a `bot.cases.Case` of it."""

    id: str
    connector: str
    looked_at: datetime

    @classmethod
    def of(cls, snapshot: Conversation, looked_at: datetime) -> "Seen":
        """As a line."""
        desk = PLAYED if snapshot.ref.connector == HISTORY else snapshot.ref.connector
        return cls(**_fields(snapshot), id=str(snapshot.ref), connector=desk, looked_at=looked_at)

    @property
    def snapshot(self) -> Conversation:
        """As it is stored."""
        return Conversation(**_fields(self))


def _fields(of: Conversation) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(Conversation)}


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft and what became of it. `version` is that of the message that was sent; `compared_at` when the correction
    was made, None without one."""

    decided: Decided
    outcome: Outcome
    version: int
    correction: Correction | None = None
    compared_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An intervention, and the id of the proposal that it went into, or ""."""

    intervention: Intervention
    proposal_id: str = ""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A version of a rule, and when it came."""

    rule: Rule
    at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """A version of the policy, who put it in force, and when."""

    policy: Policy
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Something that was taken in from elsewhere, and the name of its source: by it the next look there knows it."""

    source: str
    taken: Taken


@dataclass(frozen=True, slots=True)
class Part:
    """A file. `rows`: its lines, in the order they came or by id."""

    name: str
    kind: TypeAdapter[Any]
    rows: Callable[[Connection], Iterator[object]]

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return f"{self.name}.jsonl.gz"


def _values(table: Table, key: str) -> Callable[[Connection], Iterator[object]]:
    return lambda conn: travel.values(conn, table, table.c[key])


# In the order in which they are taken in: what others rest on comes first.
PARTS = (
    Part("forgotten", TypeAdapter(Event), travel.forgotten),
    Part("entries", TypeAdapter(Entry), _values(tables.entry, "seq")),
    Part("places", TypeAdapter(Place), lambda conn: (Place(*row) for row in travel.places(conn))),
    Part("rules", TypeAdapter(Ruled), lambda conn: (Ruled(*row) for row in travel.rules(conn))),
    Part("policies", TypeAdapter(Limits), lambda conn: (Limits(*row) for row in travel.policies(conn))),
    Part("conversations", TypeAdapter(Seen), lambda conn: (Seen.of(*row) for row in travel.conversations(conn))),
    Part("corrections", TypeAdapter(Judged), lambda conn: (Judged(*row) for row in travel.judged(conn))),
    Part("interventions", TypeAdapter(Step), lambda conn: (Step(*row) for row in travel.interventions(conn))),
    Part("past", TypeAdapter(Intervention), travel.past_replies),
    Part("proposals", TypeAdapter(Proposal), travel.proposals),
    Part("signals", TypeAdapter(Signal), _values(tables.signal, "seq")),
)
NAMES = (ENTRIES, *(part.file for part in PARTS))


def oddity(value: object, latest: datetime, name: str = "") -> str:
    """What of a line cannot be, with the name of its field; "" where all is fine. Whoever wrote it may have been
    anybody: a time without a zone, or a number that is none, would fail much later and for every customer, and what has
    come after `latest` would be the newest for as long as that takes."""
    if isinstance(value, str):
        return f"{name}: a NUL in it" if "\0" in value else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{name}: no number"
    if isinstance(value, int) and name == "version":
        return "" if value < MOST else f"{name}: too high"
    if isinstance(value, datetime):
        if not _in_utc(value):
            return f"{name}: a time without its zone"
        return f"{name}: is more than a day from now" if value > latest and name not in ENDS else ""
    if isinstance(value, tuple):
        return next(filter(None, (oddity(item, latest, name) for item in value)), "")
    if isinstance(value, Ref) and (not value.connector or not value.id or ":" in value.connector):
        return f"{name}: no conversation's"
    if is_dataclass(value):
        return next(filter(None, (oddity(getattr(value, f.name), latest, f.name) for f in fields(value))), "")
    return ""


def _in_utc(at: datetime) -> bool:
    try:
        return at.tzinfo is not None and bool(at.astimezone(UTC))
    except OverflowError:
        return False
