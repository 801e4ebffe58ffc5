"""Conversations of the past, taken in from a file: what people answered then informs suggestions, and nothing more."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter
from sqlalchemy import Connection

from bot import files
from bot.cases import Case, Said
from bot.files import Skipped
from bot.imports import Became, Summary, Told, in_batches
from bot.model import Conversation, Customer, Intervention, Message, Ref, Role, Status
from bot.news import remembered
from bot.store import Store, conversations
from bot.store import knowledge as rows
from bot.store.knowledge import HISTORY
from bot.store.statements import Lock, one_at_a_time
from bot.text.markup import tidy
from bot.text.said import said as words_of
from learning.facts import teaching
from learning.gather import intervention

CASES = TypeAdapter(Case)
NAMED = re.compile(f"{HISTORY}:[0-9a-f]{{32}}")
KNOWN = ("name", "email", "plan", "segment", "language")
NOBODY = "nobody asks and is answered in it"


def remember(store: Store, path: Path, said: Told = lambda _: None, *, dry_run: bool = False) -> Summary:
    """Every conversation of FILE.jsonl[.gz] in the format of `bot.cases`. What a customer said is kept with it, so that
    it is found and forgotten with the rest of what is held about them."""
    found = ((where, _read(case)) for where, case in files.rows(path, CASES, path.name, files.LONG))
    return in_batches(store, found, partial(_took, dry_run=dry_run), said, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A conversation, and what it teaches where nothing of it was forgotten: read before anybody has to wait for it."""

    whole: Conversation
    taught: tuple[Intervention, ...]

    def since(self, conn: Connection, *, dry_run: bool) -> "tuple[Conversation, tuple[Intervention, ...]] | None":
        """What may be kept of it, and what that teaches; None where its customer was forgotten. Nobody forgets them
        until the transaction ends."""
        if not dry_run:
            one_at_a_time(conn, Lock.CHAIN)
        known = remembered(self.whole, conversations.seen_keys(conn, self.whole.ref))
        if known is None:
            return None
        return known, self.taught if known is self.whole else tuple(taught_in(known))


def _read(case: Case | Skipped) -> Lesson | Skipped:
    return case if isinstance(case, Skipped) else lesson(conversation_of(case))


def lesson(whole: Conversation) -> Lesson:
    """What it teaches."""
    return Lesson(whole, tuple(taught_in(whole)))


def _took(conn: Connection, where: str, told: Lesson, *, dry_run: bool) -> Became | Skipped:
    since = told.since(conn, dry_run=dry_run)
    if since is None:
        return Skipped(where, "its customer was forgotten")
    known, taught = since
    fresh = [item for item in taught if not rows.has_past(conn, item.id)]
    if fresh and not dry_run:
        conversations.save(conn, known, known.messages[-1].at)  # so old is it, for retention, too
        for item in fresh:
            rows.add_past(conn, item)
    return (Became.NEW if fresh else Became.SAME) if taught else Skipped(where, NOBODY)


def conversation_of(case: Case) -> Conversation:
    """As a helpdesk would have shown it, under a ref that no helpdesk gives."""
    who = next((value for name in ("email", "name", "id") if (value := case.customer.get(name))), f"customer {case.id}")
    known = {name: value for name in KNOWN if (value := case.customer.get(name))}
    customer = Customer(case.customer.get("id") or who, **known)
    spoken = sorted(case.messages, key=lambda said: said.at)
    messages = tuple(_message(said.id or str(n), said, customer) for n, said in enumerate(spoken))
    status = Status(case.status) if case.status in list(Status) else Status.OTHER
    return Conversation(_ref(case), case.subject, status, customer, messages)


def _ref(case: Case) -> Ref:
    """One that was taken in before, and taken away since, has its ref for an id."""
    if NAMED.fullmatch(case.id):
        return Ref.parse(case.id)
    named = hashlib.sha256(f"{case.connector}\0{case.id}".encode("utf-8", "surrogatepass")).hexdigest()
    return Ref(HISTORY, named[:32])


def _message(id: str, said: Said, customer: Customer) -> Message:
    author, name = said.author, said.name or said.author
    if said.role is Role.CUSTOMER:
        author, name = author or customer.id, name or customer.name
    return Message(id, said.role, author, tidy(said.text), said.at, said.public, name, email=said.email)


def taught_in(known: Conversation) -> Iterator[Intervention]:
    """What each public message of a person teaches, if anything."""
    for message in known.messages:
        if message.role is Role.AGENT and message.public:
            item = intervention(known, replace(message, text=words_of(message.text, message.name)), None)
            if item.question.strip() and teaching(item.answer):
                yield item
