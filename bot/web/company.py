"""Fernweh, the company of the sandbox: what it knows, what it has decided, and who works there."""

from dataclasses import replace
from pathlib import Path

from bot import passwords
from bot.cases import FACT, PERSON, RULE, read
from bot.line import Line
from bot.model import PersonRole, Policy
from bot.store import knowledge as rows
from bot.store import limits, people

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


def move_in(line: Line, knowledge: Path | None = None, *, strangers: bool = False) -> None:
    """The team, with their ids at the fake helpdesks, and a file's knowledge. Without a file, Fernweh's own is for
    Fernweh's customers only: strangers' conversations start with an empty head. Raises Misconfigured."""
    own = not (knowledge or strangers)
    facts = read(knowledge or HERE / "entries.jsonl", FACT) if knowledge or own else []
    with line.store.write() as conn:
        if not limits.current_policy(conn).version:  # Ines is its only lead, and approves what she edits
            limits.add_policy(conn, Policy(version=1, one_lead=True), "sandbox", line.now())
        for who in read(HERE / "persons.jsonl", PERSON):
            people.save_person(conn, who)
        for fact in facts:
            rows.add_entry(conn, replace(fact.entry(), version=1, origin="seed" if own else "import", at=line.now()))
        for rule in read(HERE / "rules.jsonl", RULE) if own else ():
            rows.add_rule(conn, rule, line.now())
    line.knowledge.keep_up()


def invitation(line: Line) -> str:
    """How its admin signs in, once; in words."""
    admin = next(who for who in read(HERE / "persons.jsonl", PERSON) if who.role is PersonRole.ADMIN)
    with line.store.write() as conn:
        password = passwords.give(conn, admin, "sandbox", line.now())
    return passwords.invitation(line.links.public_url, admin, password)
