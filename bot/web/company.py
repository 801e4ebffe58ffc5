"""Fernweh, the company of the sandbox: what it knows, what it has decided, and who works there."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bot.line import Line
from bot.model import Entry, Person, Rule
from bot.store import knowledge, people

HERE = Path(__file__).parent / "company"
CUSTOMERS = (
    ("maria@example.com", "Maria Keller"),
    ("jonas@example.com", "Jonas Brandt"),
    ("aiko@example.com", "Aiko Tanaka"),
)
EXAMPLES = (
    ("Something it knows", "My card keeps getting rejected when I try to pay"),
    ("Something it knows, in other words", "Can I put my rucksack in the washing machine?"),
    ("Something nobody told it", "Can you engrave my initials on the aluminium trolley?"),
)


def hire(line: Line) -> None:
    """The team, with their ids at the fake helpdesks."""
    adapter = TypeAdapter(Person)
    with line.store.write() as conn:
        for row in _rows("persons"):
            people.save_person(conn, adapter.validate_python(row))


def teach(line: Line) -> None:
    """Entries and rules in force from the start."""
    now = line.now()
    with line.store.write() as conn:
        for entry in entries(now):
            knowledge.add_entry(conn, entry)
        for row in _rows("rules"):
            knowledge.add_rule(conn, TypeAdapter(Rule).validate_python(row), now)


def entries(now: datetime) -> list[Entry]:
    """What Fernweh has approved, as of `now`."""
    adapter = TypeAdapter(Entry)
    return [adapter.validate_python({"version": 1, "origin": "seed", "at": now, **row}) for row in _rows("entries")]


def _rows(name: str) -> Iterator[dict[str, Any]]:
    with (HERE / f"{name}.jsonl").open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())
