"""A team's tickets, and its articles as they stood on some days: FOLDER has `tickets-<year>.jsonl.gz` and
`kb-<date>.jsonl.gz`, of any years and dates.

What is read is checked: Misconfigured names the file, the line and the field.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import AwareDatetime, TypeAdapter

from bench.thunderbird import article
from bot import files
from bot.answer import question_of
from bot.articles import slug
from bot.cases import FACT
from bot.errors import Misconfigured
from bot.model import Conversation, Customer, Entry, Intervention, Message, Ref, Role, Status
from bot.store.memory import LONGEST
from bot.text.said import links, said

DATED = re.compile(r"kb-(\d{4}-\d\d-\d\d)\.jsonl\.gz")
# Articles that help to describe a problem: linked everywhere, the answer to nothing.
GENERIC = frozenset(
    {
        "how-do-i-create-screenshot-my-problem",
        "how-to-make-screenshots",
        "mozilla-crash-reporter",
        "mozilla-crash-reporter-tb",
        "troubleshoot-mode-thunderbird",
        "safe-mode-thunderbird",
    }
)
OLD = timedelta(days=1)  # before the bot may know a reply
Row = TypeVar("Row", "Ticket", "Page")


@dataclass(frozen=True, slots=True)
class Reply:
    """`kb`: slugs of the articles that it links."""

    role: str
    kb: tuple[str, ...] = ()
    at: AwareDatetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a customer asked; `text` may be missing."""

    id: int
    at: AwareDatetime
    title: str
    text: str | None = None
    replies: tuple[Reply, ...] = ()

    def conversation(self) -> Conversation:
        """As it is when it arrives: nobody has answered, and of `tags` nothing is known."""
        asked = Message("0", Role.CUSTOMER, "asker", self.text or self.title, self.at)
        return Conversation(Ref("forum", str(self.id)), self.title, Status.OPEN, Customer("asker"), (asked,))

    def taught(self) -> Iterator[Intervention]:
        """What agents replied with a link, as it is kept once it is a day old."""
        known = self.conversation()
        for number, reply in enumerate(self.replies):
            if reply.role == "agent" and reply.at and (linked := links(said(reply.text))):
                id_, question = f"i-{known.ref}-{number}", question_of(known)[:LONGEST]
                yield Intervention(id_, known.ref, reply.at + OLD, "", question, said(reply.text), linked)


@dataclass(frozen=True, slots=True)
class Page:
    """An article as it stood on a day."""

    slug: str
    title: str
    text: str | None
    summary: str | None = ""
    topics: str | None = ""

    def entry(self) -> Entry:
        """As a knowledge file has it."""
        row = {name: value or "" for name, value in asdict(self).items()}
        return FACT.validate_python(article(row | {"slug": slug(self.slug)})).entry()


def tickets(folder: Path) -> Iterator[Ticket]:
    """All years, oldest first. Misconfigured where there are none."""
    found = sorted(folder.glob("tickets-*.jsonl.gz"))
    if not found:
        raise Misconfigured(str(folder), "there is no tickets-<year>.jsonl.gz")
    for path in found:
        yield from _read(path, TypeAdapter(Ticket))


def versions(folder: Path) -> dict[date, list[Page]]:
    """The articles by the day on which they stood so, oldest first. Misconfigured where there are none."""
    dated = ((DATED.fullmatch(path.name), path) for path in sorted(folder.glob("kb-*.jsonl.gz")))
    found = {date.fromisoformat(match[1]): list(_read(path, TypeAdapter(Page))) for match, path in dated if match}
    if not found:
        raise Misconfigured(str(folder), "there is no kb-<date>.jsonl.gz, such as kb-2023-04-18.jsonl.gz")
    return found


def _read(path: Path, kind: TypeAdapter[Row]) -> Iterator[Row]:
    for where, row in files.rows(path, kind, str(path), files.LONG):
        if isinstance(row, files.Skipped):
            raise Misconfigured(where, row.why)
        yield row


def in_force(days: Sequence[date], day: date) -> date:
    """The newest of `days` (oldest first) that had come on `day`, and before all of them the first."""
    return days[max(0, bisect_right(days, day) - 1)]


def gold(ticket: Ticket, slugs: Set[str]) -> frozenset[str]:
    """Ids of the entries made of the articles that an agent linked, as far as they are among `slugs`."""
    linked = {name for reply in ticket.replies if reply.role == "agent" for name in reply.kb}
    return frozenset(map(slug, (linked & slugs) - GENERIC))
