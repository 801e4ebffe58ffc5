"""The file format of conversations and knowledge that the sandbox plays, and that history is taken in from.

FILE.jsonl or FILE.jsonl.gz, one JSON object per line:

    {"id": "7", "connector": "zendesk", "subject": "Zip",
     "customer": {"id": "c1", "name": "Maria Keller", "email": "maria@example.com"},
     "messages": [{"role": "customer", "text": "…", "at": "2024-03-01T09:00:00Z"},
                  {"role": "agent", "author": "Tomasz Wilk", "text": "…", "at": "2024-03-01T10:00:00Z",
                   "public": true}],
     "status": "solved"}

Needed are `id`, each only once, and of each message `role` (customer or agent), `text` and `at` (with its zone). The
rest may be missing: `connector` (the name of a helpdesk) is then zendesk, `public` true, the `id` of a message its
place in the conversation, its `name` (what people call whoever wrote it) the `author`. Of `customer` the e-mail (else
the name, else the id) tells customers apart. What a bot said has the role self or other_bot: it is neither played nor
learned from. A knowledge file has `id`, `question`, `answer`, and perhaps `url`, `topic`, `scope` and `valid_until`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BeforeValidator, TypeAdapter

from bot import files
from bot.errors import Misconfigured
from bot.model import EVERYONE, Entry, Person, Role, Rule, Scope
from bot.text import matter, typed
from bot.text.public import for_everybody

Row = TypeVar("Row", bound="Case | Fact | Person | Rule")
PLAYED = (Role.CUSTOMER, Role.AGENT)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a file."""

    role: Role
    text: str
    at: AwareDatetime
    author: str = ""
    public: bool = True
    id: str = ""
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation of a file."""

    id: str
    messages: tuple[Said, ...]
    connector: str = "zendesk"
    subject: str = ""
    customer: dict[str, str | None] = field(default_factory=dict)
    status: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of a knowledge file."""

    id: str
    question: str
    answer: str
    topic: str = ""
    url: str = ""
    scope: Scope = EVERYONE
    valid_until: str = ""

    def entry(self) -> Entry:
        """As version 0. Misconfigured where its end is no time."""
        until = typed.end("valid_until", self.valid_until) if self.valid_until else None
        return Entry(self.id, 0, self.question, self.answer, self.topic, self.url, self.scope, valid_until=until)


def _public(row: object) -> object:
    if isinstance(row, dict):
        for_everybody(row)
        matter.scoped(row.get("scope") or {})
    return row


CASE, PERSON, RULE = TypeAdapter(Case), TypeAdapter(Person), TypeAdapter(Rule)
FACT: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, BeforeValidator(_public)])


def script(path: Path, desks: Collection[str], limit: int | None = None) -> list[tuple[Case, Said]]:
    """Who says what, in the order of time, in the first `limit` conversations of a file. Misconfigured where one of
    them is on no helpdesk of `desks`."""
    if limit is not None and limit < 1:
        raise Misconfigured("LIMIT", f"{limit} is no number of conversations; 1 or more is needed")
    cases = read(path, CASE)[:limit]
    if odd := next((case for case in cases if case.connector not in desks), None):
        fix = f"connector: {odd.connector!r} is none of {', '.join(sorted(desks))}"
        raise Misconfigured(f"{path}: conversation {odd.id}", fix)
    said = [(case, said) for case in cases for said in case.messages if said.text.strip() and said.role in PLAYED]
    if not any(message.role is Role.CUSTOMER for _, message in said):
        raise Misconfigured(str(path), "nobody asks anything in it")
    return sorted(said, key=lambda cue: cue[1].at)


def read(path: Path, kind: TypeAdapter[Row]) -> list[Row]:
    """The rows of a file. Misconfigured names the line and the field that cannot be read."""
    found, places = list[Row](), dict[str, str]()
    for where, row in files.rows(path, kind, str(path), files.LONG):
        if isinstance(row, files.Skipped):
            raise Misconfigured(row.where, row.why)
        if (first := places.setdefault(row.id, where)) != where:
            raise Misconfigured(where, f"id: {row.id!r} is the id of {first.removeprefix(f'{path}: ')} already")
        found.append(row)
    return found
