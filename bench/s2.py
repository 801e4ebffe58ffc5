"""A real support stream: `python -m bench s2 FOLDER [--embedder NAME …] [--since MONTH] [--until MONTH] [--report DIR]`

FOLDER as `bench.forum` has it. A store and an index of its own are kept in step with the articles of each day, as
`app.py sync` keeps them, and asked what the line asks when a ticket arrives: its title and first post, redacted. Only
tickets in which an agent linked an article are asked. First the articles alone are there (`kb_only_…`); then replies
with a link are taken in as past replies a day after they were given, those before the first month too, and memory works
with them; and once more only those of before 2024 (`frozen_r1`, of the tickets since). What learning will do beyond
that is null. With several embedders the first one's figures count, and learns; each has a process of its own. Prints
one JSON object.
"""

import argparse
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as clock
from functools import partial
from pathlib import Path

import app
from bench import forum, scores
from bench.flood import memory
from bench.forum import Page, Ticket
from bench.s2_report import FROZEN, Played, report, result
from bench.scores import Ranked
from bot.answer import question_of
from bot.backends.chosen import DEFAULT, embedder
from bot.documents import Document, digest
from bot.errors import BotError, Misconfigured
from bot.imports import How
from bot.knowledge import REMEMBERED, Knowledge
from bot.model import Intervention
from bot.model import Source as Kind
from bot.scope import asker
from bot.store import Store
from bot.store.knowledge import add_past
from bot.store.migrate import migrate
from bot.sync import Source, sync

MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
SINCE, UNTIL = "2023-07", "2024-12"
NEVER, ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stream:
    """What is played: the articles by day, the tickets of the months in question in which one was linked, by id, with
    what is right; `count` of all. `taught`: by when it may be known, of all tickets that came by then."""

    versions: dict[date, list[Page]]
    asked: list[tuple[Ticket, frozenset[str]]]
    count: int
    taught: list[Intervention]


def stream(folder: Path, since: str, until: str) -> Stream:
    """Misconfigured where something is missing, or nothing can be asked."""
    versions = forum.versions(folder)
    slugs = {page.slug for pages in versions.values() for page in pages}
    before = [ticket for ticket in forum.tickets(folder) if f"{ticket.at:%Y-%m}" <= until]
    of_months = [ticket for ticket in before if since <= f"{ticket.at:%Y-%m}"]
    asked = [(ticket, right) for ticket in of_months if (right := forum.gold(ticket, slugs))]
    if not asked:
        raise Misconfigured(str(folder), f"no ticket from {since} to {until} has an agent's link to an article of it")
    taught = sorted((item for ticket in before for item in ticket.taught()), key=lambda item: item.at)
    return Stream(versions, sorted(asked, key=lambda one: one[0].id), len(of_months), taught)


def play(of: Stream, embedder: str, learns: datetime, among: int = max(scores.AMONG)) -> Iterator[Ranked]:
    """Ask each ticket in the days of the articles that were in force when it came; what people linked until `learns` is
    known by then."""
    days, waiting = list(of.versions), deque(of.taught)
    with tempfile.TemporaryDirectory(prefix="s2-") as folder:
        store = Store(f"sqlite:///{folder}/understudy.db")
        migrate(store)
        knowledge = app.search(store, embedder)
        for day, pages in of.versions.items():
            publish(store, knowledge, day, pages)
            there = {entry.id for entry in knowledge.entries()}
            for ticket, right in of.asked:
                if forum.in_force(days, ticket.at.date()) == day:
                    learn(store, waiting, min(ticket.at, learns))
                    knowledge.keep_up()
                    yield ask(knowledge, ticket, right, there, among)
        store.close()


def learn(store: Store, waiting: deque[Intervention], until: datetime) -> None:
    """Take in what may be known by then."""
    while waiting and waiting[0].at <= until:
        with store.write(durable=False) as conn:
            add_past(conn, waiting.popleft())


def publish(store: Store, knowledge: Knowledge, day: date, pages: Iterable[Page]) -> None:
    """From that day on these articles are in force and no others: what differs is a new version, what vanished is
    retired."""
    source = Source("forum", lambda _: ((page.slug, document(page)) for page in pages))
    became = sync(store, source, How("bench"), lambda: datetime.combine(day, clock(), UTC))
    knowledge.keep_up()
    say(f"{day}: {became.words}", *(f"skipped {one.where}: {one.why}" for one in became.skipped))


def document(page: Page) -> Document:
    """An article is one entry."""
    return Document(page.slug, page.slug, digest(repr(page)), lambda: (page.entry(),))


def ask(knowledge: Knowledge, ticket: Ticket, right: frozenset[str], there: set[str], among: int) -> Ranked:
    """What the line would find for it."""
    began = time.perf_counter()
    conversation = ticket.conversation()
    question = question_of(conversation)
    found = knowledge.evidence(question, asker(conversation, ticket.at), limit=among)
    took = time.perf_counter() - began
    entries = [evidence for evidence in found if evidence.source is Kind.ENTRY]
    place = scores.rank([entry.id for entry in entries], right)
    score = entries[0].score + REMEMBERED * entries[0].memory if entries else 0.0
    return Ranked(ticket.at.date(), place, score, bool(right & there), took)


def played(of: Stream, embedder: str, learns: datetime = NEVER) -> Played:
    """In this process."""
    asked = list[Ranked]()
    for one in play(of, embedder, learns):
        asked.append(one)
        if len(asked) % 100 == 0:
            say(f"{embedder}: {len(asked):,} of {len(of.asked):,} asked")
    return Played(asked, memory(os.getpid(), "VmHWM"))


def say(*lines: str) -> None:
    """How far it is."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)


def month(told: str) -> str:
    """Of the command line."""
    if not MONTH.fullmatch(told):
        raise argparse.ArgumentTypeError(f"{told!r} is no month such as 2023-07")
    return told


def main() -> None:
    """Play, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--embedder", action="append", help="as EMBEDDER has it; may be given again")
    parser.add_argument("--since", type=month, default=SINCE, help=f"first month that counts (default {SINCE})")
    parser.add_argument("--until", type=month, default=UNTIL, help=f"last month that counts (default {UNTIL})")
    parser.add_argument("--report", type=Path, default=Path("bench/reports"))
    args = parser.parse_args()
    try:
        names, by = args.embedder or [DEFAULT], dict[str, Played]()
        for name in names:
            embedder(name)  # here, and before another is played
        of = stream(args.folder, args.since, args.until)
        for name in names:
            by[name] = alone(of, name, NEVER)
        live, frozen = (alone(of, names[0], until) for until in (ALWAYS, FROZEN))
    except BotError as err:
        raise SystemExit(f"bench s2: {err}") from err
    report(of.count, by, live, frozen, args.report)
    print(json.dumps(result(of.count, by, live, frozen)))


def alone(of: Stream, name: str, learns: datetime) -> Played:
    """In a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(partial(played, of, name, learns)).result()


if __name__ == "__main__":
    main()
