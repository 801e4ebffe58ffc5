"""The file format of conversations and knowledge that the sandbox plays.

FILE.jsonl or FILE.jsonl.gz, one JSON object per line:

    {"id": "7", "connector": "zendesk", "at": "2024-03-01T09:00:00Z", "subject": "Zip", "tags": ["repair"],
     "customer": {"id": "c1", "name": "Maria Keller", "email": "maria@example.com", "language": "en", "plan": "plus"},
     "messages": [{"id": "1", "role": "customer", "author": "c1", "text": "…", "at": "2024-03-01T09:00:00Z"},
                  {"id": "2", "role": "agent", "author": "Tomasz Wilk", "text": "…", "at": "2024-03-01T10:00:00Z",
                   "public": true}],
     "status": "solved"}

Needed are `id`, and of each message `role` (customer or agent), `text` and `at` (with its zone, or in UTC). The rest
may be missing: `connector` is then zendesk, `public` true. Of `customer` the e-mail (else the name, else the id) tells
customers apart. A knowledge file has `id`, `question`, `answer`, and perhaps `url`, `topic` and `language`.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.errors import Misconfigured

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked."""

    id: str = ""
    name: str = ""
    email: str = ""
    language: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a file."""

    role: Literal["customer", "agent"]
    text: str
    at: datetime
    id: str = ""
    author: str = ""
    public: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation of a file."""

    id: str
    messages: tuple[Said, ...]
    connector: str = "zendesk"
    at: datetime | None = None
    subject: str = ""
    customer: Asker = Asker()
    status: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of a knowledge file."""

    id: str
    question: str
    answer: str
    url: str = ""
    topic: str = ""
    language: str = ""


def read(path: Path, kind: type[Row], bad: Callable[[str], None]) -> Iterator[Row]:
    """The rows of a file; a line that cannot be read is told to `bad` by number and field, and left out.

    Raises Misconfigured when there is no such file, or it is not what its name says.
    """
    adapter = TypeAdapter(kind)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
            for number, text in enumerate(file, 1):
                try:
                    if text.strip():
                        yield adapter.validate_json(text)
                except ValidationError as err:
                    first = err.errors(include_input=False, include_url=False)[0]
                    where = ".".join(str(part) for part in first["loc"]) or "line"
                    bad(f"{path}: line {number}: {where}: {first['msg']}; left out")
    except (OSError, UnicodeDecodeError, EOFError) as err:
        why = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        raise Misconfigured(str(path), f"cannot be read ({why}); it has to be FILE.jsonl or FILE.jsonl.gz") from err


def once(cases: Iterable[Case], bad: Callable[[str], None]) -> Iterator[Case]:
    """Cases that somebody asks in, each id once; the others are told to `bad`."""
    ids: set[str] = set()
    for case in cases:
        if case.id in ids:
            bad(f"conversation {case.id}: id: stands there twice; the second is left out")
        elif not any(said.role == "customer" for said in case.messages):
            bad(f"conversation {case.id}: messages: nobody asks anything; left out")
        else:
            ids.add(case.id)
            yield case
