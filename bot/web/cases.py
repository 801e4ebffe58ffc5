"""The file format of conversations and knowledge that the sandbox plays.

FILE.jsonl or FILE.jsonl.gz, one JSON object per line:

    {"id": "7", "connector": "zendesk", "subject": "Zip",
     "customer": {"id": "c1", "name": "Maria Keller", "email": "maria@example.com"},
     "messages": [{"role": "customer", "text": "…", "at": "2024-03-01T09:00:00Z"},
                  {"role": "agent", "author": "Tomasz Wilk", "text": "…", "at": "2024-03-01T10:00:00Z",
                   "public": true}],
     "status": "solved"}

Needed are `id`, each only once, and of each message `role` (customer or agent), `text` and `at` (with its zone). The
rest may be missing: `connector` (the name of a helpdesk) is then zendesk, `public` true. Of `customer` the e-mail
(else the name, else the id) tells customers apart. A knowledge file has `id`, `question`, `answer`, and perhaps `url`,
`topic` and `scope`.
"""

import gzip
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from bot.errors import Misconfigured
from bot.model import Entry, Person, Rule

Row = TypeVar("Row", bound="Case | Entry | Person | Rule")


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a file."""

    role: Literal["customer", "agent"]
    text: str
    at: AwareDatetime
    author: str = ""
    public: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation of a file."""

    id: str
    messages: tuple[Said, ...]
    connector: str = "zendesk"
    subject: str = ""
    customer: dict[str, str | None] = field(default_factory=dict)
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Entry):
    """One entry of a knowledge file."""

    version: int = 1


def script(path: Path, desks: Collection[str], limit: int | None = None) -> list[tuple[Case, Said]]:
    """Who says what, in the order of time, in the first `limit` conversations of a file. Misconfigured where one of
    them is on no helpdesk of `desks`."""
    if limit is not None and limit < 1:
        raise Misconfigured("LIMIT", f"{limit} is no number of conversations; 1 or more is needed")
    cases = read(path, Case)[:limit]
    if odd := next((case for case in cases if case.connector not in desks), None):
        fix = f"connector: {odd.connector!r} is none of {', '.join(sorted(desks))}"
        raise Misconfigured(f"{path}: conversation {odd.id}", fix)
    said = [(case, said) for case in cases for said in case.messages if said.text.strip()]
    if not any(message.role == "customer" for _, message in said):
        raise Misconfigured(str(path), "nobody asks anything in it")
    return sorted(said, key=lambda cue: cue[1].at)


def read(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of a file. Misconfigured names the line and the field that cannot be read."""
    adapter = TypeAdapter(kind)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
            rows = [(n, _row(adapter, text, f"{path}: line {n}")) for n, text in enumerate(file, 1) if text.strip()]
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as err:
        why = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        raise Misconfigured(str(path), f"cannot be read ({why}); it has to be FILE.jsonl or FILE.jsonl.gz") from err
    return _each_once(path, rows)


def _each_once(path: Path, rows: list[tuple[int, Row]]) -> list[Row]:
    lines = dict[str, int]()
    for n, row in rows:
        if (first := lines.setdefault(row.id, n)) != n:
            raise Misconfigured(f"{path}: line {n}", f"id: {row.id!r} is the id of line {first} already")
    return [row for _, row in rows]


def _row(adapter: TypeAdapter[Row], text: str, where: str) -> Row:
    try:
        return adapter.validate_json(text)
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "no JSON"
        raise Misconfigured(where, f"{name}: {first['msg']}") from err
