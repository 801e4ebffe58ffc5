"""Every table. Keys come from facts, so the database itself says "already"."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, text

from bot import model
from bot.store.columns import Utc, Value

meta = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"})
Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only
RUNNING, SENDING, FORGOTTEN = text("state = 'running'"), text("state = 'sending'"), text("digest = ''")


def table(name: str, *groups: list[Column[Any]]) -> Table:
    """A table of groups of columns."""
    return Table(name, meta, *(column for group in groups for column in group))


def keys(*names: str) -> list[Column[str]]:
    """The primary key."""
    return [Column(name, Text, primary_key=True) for name in names]


def serial(name: str = "seq") -> list[Column[int]]:
    """A primary key that the database counts up where none is given."""
    return [Column(name, Serial, primary_key=True)]


def strings(*names: str, default: str | None = None) -> list[Column[str]]:
    """Text, short or long."""
    return [Column(name, Text, nullable=False, default=default) for name in names]


def numbers(*names: str, default: int | None = None) -> list[Column[int]]:
    """Whole numbers."""
    return [Column(name, Integer, nullable=False, default=default) for name in names]


def times(*names: str, nullable: bool = False) -> list[Column[datetime]]:
    """Aware UTC."""
    return [Column(name, Utc, nullable=nullable) for name in names]


def value(kind: type[Any], name: str = "value") -> list[Column[Any]]:
    """A value of `bot.model` as a whole; what is searched for stands in columns beside it."""
    return [Column(name, Value(kind), nullable=False)]


inbox = table("inbox", keys("source", "id"), times("at"))
work = table(
    "work",
    serial("id"),
    strings("key", "kind", "ref", "state"),
    strings("payload", "first_error", "last_error", default=""),
    numbers("rung", default=1),
    numbers("fence", "attempts", "crashes", default=0),
    times("run_at", "at"),
    times("lease_until", nullable=True),
)
conversation = table("conversation", keys("ref"), value(model.Conversation, "snapshot"), times("looked_at"))
event = table("event", keys("key"), strings("ref"), value(model.Event), times("at", "seen_at"))
draft = table("draft", keys("id"), strings("event_key", "ref", "action", "reason"), value(model.Decided), times("at"))
delivery = table(
    "delivery",
    keys("key"),
    strings("ref", "draft_id", "state", "by"),
    strings("vendor_id", "error", default=""),
    value(model.Delivery),
    numbers("tries", default=0),
    times("at"),
    times("sending_at", "sent_at", nullable=True),
)
used = table("used", keys("entry_id", "draft_id"), numbers("version"))
outcome = table("outcome", keys("draft_id"), strings("kind", "by", "message_id"), numbers("version"), times("at"))
correction = table("correction", keys("draft_id"), value(model.Correction), times("at"))
intervention = table(
    "intervention",
    keys("id"),
    strings("ref"),
    strings("proposal_id", default=""),
    value(model.Intervention),
    times("at"),
)
signal = table("signal", serial(), strings("id"), value(model.Signal), times("at"))
entry = table(
    "entry",
    serial(),
    strings("id", "topic", "page"),
    numbers("version"),
    [Column("value", Value(model.Entry, kept=4096), nullable=False)],  # every search reads some
    times("at"),
)
taken = table("taken", keys("source", "id"), strings("digest", "made"))
followed = table("followed", keys("name"), numbers("seq"))
past = table("past", serial(), strings("id"), value(model.Intervention), times("at"))
rule = table("rule", serial(), strings("id"), numbers("version"), value(model.Rule), times("at"))
policy = table("policy", serial("version"), value(model.Policy), strings("by"), times("at"))
licence = table("licence", serial(), strings("topic"), value(model.Licence), times("at"))
proposal = table(
    "proposal",
    keys("id"),
    strings("state", "entry_id", "digest"),
    strings("clash", "rival", default=""),  # of a pair
    numbers("teachers", "refs", "seq"),
    [Column("value", Value(model.Proposal, kept=64), nullable=False)],  # long, and read again and again
    times("at"),
)
nonce = table(
    "nonce",
    keys("id"),
    strings("about", "digest"),
    strings("used_by", default=""),
    times("expires"),
    times("used_at", nullable=True),
)
person = table("person", keys("id"), strings("email"), value(model.Person))
vendor_person = table("vendor_person", keys("vendor_id"), strings("person_id"))
login_try = table("login_try", serial(), strings("who"), times("at"))
cursor = table("cursor", keys("name"), times("at"))
switch = table("switch", keys("name"), [Column("on", Boolean, nullable=False)], strings("by"), times("at"))
pace = table("pace", keys("connector"), times("until"), strings("why"))
spent = table("spent", keys("connector"), times("until"))
audit = table(
    "audit",
    serial(),
    strings("who", "what", "about", "why", "previous", "hash"),
    strings("words", "salt", default=""),
    value(dict[str, str], "detail"),
    times("at"),
)

Index(None, work.c.key, unique=True)
Index(None, work.c.state, work.c.run_at, work.c.id)
Index(None, work.c.ref, work.c.kind, work.c.state, work.c.id)
Index("uq_work_running", work.c.ref, unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING)
Index(None, conversation.c.looked_at)
Index(None, event.c.ref)
Index(None, draft.c.ref)
Index(None, draft.c.event_key, unique=True)
Index(None, draft.c.action, draft.c.reason)
Index(None, delivery.c.ref)
Index(None, delivery.c.state)
Index("uq_delivery_sending", delivery.c.ref, unique=True, sqlite_where=SENDING, postgresql_where=SENDING)
Index(None, intervention.c.ref)
Index(None, signal.c.id, unique=True)
Index(None, entry.c.id, entry.c.version, unique=True)
Index(None, entry.c.page)
Index(None, past.c.id, unique=True)
Index(None, rule.c.id, rule.c.version, unique=True)
Index(None, proposal.c.entry_id)
Index(None, proposal.c.state, proposal.c.teachers, proposal.c.refs, proposal.c.at)
Index(None, proposal.c.seq)
Index(None, proposal.c.clash, proposal.c.state)
Index("ix_proposal_forgotten", proposal.c.digest, sqlite_where=FORGOTTEN, postgresql_where=FORGOTTEN)
Index(None, nonce.c.about, nonce.c.used_by)
Index(None, person.c.email, unique=True)
Index(None, login_try.c.who)
Index(None, audit.c.who)
Index(None, audit.c.about)
