"""Every table. Keys come from facts, so the database itself says "already"."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.model import Conversation, Correction, Delivery, Draft, Entry, Evidence, Intervention, Licence, Person
from bot.model import Policy as PolicyValue
from bot.model import Proposal as ProposalValue
from bot.model import Rule as RuleValue
from bot.model import Signal as SignalValue
from bot.store.columns import Utc, Value

meta = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}
)
Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only
RUNNING, SENDING = text("state = 'running'"), text("state = 'sending'")

inbox = Table(
    "inbox",
    meta,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("at", Utc, nullable=False),
)

work = Table(
    "work",
    meta,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("payload", Text, nullable=False, default=""),
    Column("state", String, nullable=False),
    Column("rung", Integer, nullable=False, default=1),
    Column("run_at", Utc, nullable=False),
    Column("lease_until", Utc),
    Column("fence", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("crashes", Integer, nullable=False, default=0),
    Column("first_error", Text, nullable=False, default=""),
    Column("last_error", Text, nullable=False, default=""),
    Column("at", Utc, nullable=False),
    Index("ix_work_due", "state", "run_at", "id"),
    Index("ix_work_order", "ref", "kind", "state", "id"),
    Index("uq_work_running", "ref", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING),
)

conversation = Table(
    "conversation",
    meta,
    Column("ref", String, primary_key=True),
    Column("customer", String, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("stamp", String, nullable=False),
    Column("snapshot", Value(Conversation), nullable=False),
    Column("looked_at", Utc, nullable=False, index=True),
)

event = Table(
    "event",
    meta,
    Column("key", String, primary_key=True),
    Column("ref", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("object_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
)

draft = Table(
    "draft",
    meta,
    Column("id", String, primary_key=True),
    Column("event_key", String, nullable=False, unique=True),
    Column("ref", String, nullable=False, index=True),
    Column("question", Text, nullable=False),
    Column("value", Value(Draft), nullable=False),
    Column("found", Value(tuple[Evidence, ...]), nullable=False),
    Column("action", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    Index("ix_draft_decision", "action", "reason"),
)

delivery = Table(
    "delivery",
    meta,
    Column("key", String, primary_key=True),
    Column("ref", String, nullable=False, index=True),
    Column("draft_id", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("value", Value(Delivery), nullable=False),
    Column("by", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("vendor_id", String, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("at", Utc, nullable=False),
    Column("sending_at", Utc),
    Column("sent_at", Utc),
    Index("uq_delivery_sending", "ref", unique=True, sqlite_where=SENDING, postgresql_where=SENDING),
)

outcome = Table(
    "outcome",
    meta,
    Column("draft_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("by", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("message_version", Integer, nullable=False, default=1),
    Column("at", Utc, nullable=False, index=True),
)

correction = Table(
    "correction",
    meta,
    Column("draft_id", String, primary_key=True),
    Column("value", Value(Correction), nullable=False),
    Column("at", Utc, nullable=False),
)

intervention = Table(
    "intervention",
    meta,
    Column("id", String, primary_key=True),
    Column("ref", String, nullable=False, index=True),
    Column("value", Value(Intervention), nullable=False),
    Column("proposal_id", String, nullable=False, default="", index=True),
    Column("at", Utc, nullable=False),
)

signal = Table(
    "signal",
    meta,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("value", Value(SignalValue), nullable=False),
    Column("at", Utc, nullable=False),
)

entry = Table(
    "entry",
    meta,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("topic", String, nullable=False, index=True),
    Column("value", Value(Entry), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("id", "version"),
)

past = Table(
    "past",
    meta,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("ref", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", Utc, nullable=False),
)

rule = Table(
    "rule",
    meta,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("value", Value(RuleValue), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("id", "version"),
)

policy = Table(
    "policy",
    meta,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("value", Value(PolicyValue), nullable=False),
    Column("by", String, nullable=False),
    Column("at", Utc, nullable=False),
)

licence = Table(
    "licence",
    meta,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False, index=True),
    Column("value", Value(Licence), nullable=False),
    Column("at", Utc, nullable=False),
)

proposal = Table(
    "proposal",
    meta,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("entry_id", String, nullable=False, index=True),
    Column("digest", String, nullable=False),
    Column("teachers", Integer, nullable=False, default=0),
    Column("refs", Integer, nullable=False, default=0),
    Column("value", Value(ProposalValue), nullable=False),
    Column("at", Utc, nullable=False),
    Index("ix_proposal_turn", "state", "teachers", "refs", "at"),
)

nonce = Table(
    "nonce",
    meta,
    Column("id", String, primary_key=True),
    Column("about", String, nullable=False, index=True),
    Column("digest", String, nullable=False),
    Column("expires", Utc, nullable=False),
    Column("used_by", String, nullable=False, default=""),
    Column("used_at", Utc),
)

person = Table(
    "person",
    meta,
    Column("id", String, primary_key=True),
    Column("email", String, nullable=False, unique=True),
    Column("value", Value(Person), nullable=False),
)

vendor_person = Table(
    "vendor_person",
    meta,
    Column("vendor_id", String, primary_key=True),
    Column("person_id", String, nullable=False, index=True),
)

cursor = Table("cursor", meta, Column("name", String, primary_key=True), Column("at", Utc, nullable=False))

switch = Table(
    "switch",
    meta,
    Column("name", String, primary_key=True),
    Column("on", Boolean, nullable=False),
    Column("by", String, nullable=False),
    Column("at", Utc, nullable=False),
)

audit = Table(
    "audit",
    meta,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("who", String, nullable=False, index=True),
    Column("what", String, nullable=False),
    Column("about", String, nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
