"""A real support stream: `python -m bench s2 FOLDER [--embedder NAME …] [--since MONTH] [--until MONTH] [--report DIR]`

FOLDER as `bench.forum` has it. A store and an index of its own are kept in step with the articles of each day, as
`app.py sync` keeps them, and asked what the line asks when a ticket arrives: its title and first post, redacted. So far
nothing is learned, so only tickets in which an agent linked an article are asked, and the figures are those of articles
alone (`kb_only_…`); what belongs to learning is null. With several embedders the first one's figures count; each has a
process of its own. Prints one JSON object.
"""

import argparse
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
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
from bench.plot import plot
from bench.scores import Ranked
from bot.answer import question_of
from bot.backends.chosen import DEFAULT, check
from bot.documents import Document, digest
from bot.errors import BotError, Misconfigured
from bot.imports import How
from bot.knowledge import Knowledge
from bot.scope import asker
from bot.store import Store
from bot.store.migrate import migrate
from bot.sync import Source, sync

MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
SINCE, UNTIL = "2023-07", "2024-12"
LEARNED = (
    *("r1", "r3", "r5", "r10", "mrr", "coverage70", "coverage80", "coverage90"),
    *("frozen_r1", "by_quarter", "outcome_auroc", "knowledge_p10"),
)  # what only a bot that learns has
PEERS = {
    "BM25": (0.21, 0.41),
    "MiniLM, the best chunk": (0.32, 0.57),
    "MiniLM, mean of the three best chunks": (0.36, 0.60),
    "**to be reached**": (0.38, 0.63),
}
Result = dict[str, object]


@dataclass(frozen=True, slots=True)
class Stream:
    """What is played: the articles by day, the tickets of the months in question in which one was linked, by id, with
    what is right; `count` of all."""

    versions: dict[date, list[Page]]
    asked: list[tuple[Ticket, frozenset[str]]]
    count: int


@dataclass(frozen=True, slots=True)
class Played:
    """By one embedder."""

    asked: list[Ranked]
    peak_mb: int


def stream(folder: Path, since: str, until: str) -> Stream:
    """Misconfigured where something is missing, or nothing can be asked."""
    versions = forum.versions(folder)
    slugs = {page.slug for pages in versions.values() for page in pages}
    of_months = [ticket for ticket in forum.tickets(folder) if since <= f"{ticket.at:%Y-%m}" <= until]
    asked = [(ticket, right) for ticket in of_months if (right := forum.gold(ticket, slugs))]
    if not asked:
        raise Misconfigured(str(folder), f"no ticket from {since} to {until} has an agent's link to an article of it")
    return Stream(versions, sorted(asked, key=lambda one: one[0].id), len(of_months))


def play(of: Stream, embedder: str, among: int = max(scores.AMONG)) -> Iterator[Ranked]:
    """Ask each ticket in the days of the articles that were in force when it came."""
    days = list(of.versions)
    with tempfile.TemporaryDirectory(prefix="s2-") as folder:
        store = Store(f"sqlite:///{folder}/understudy.db")
        migrate(store)
        knowledge = app.search(store, embedder)
        for day, pages in of.versions.items():
            publish(store, knowledge, day, pages)
            there = {entry.id for entry in knowledge.entries()}
            for ticket, right in of.asked:
                if forum.in_force(days, ticket.at.date()) == day:
                    yield ask(knowledge, ticket, right, there, among)
        store.close()


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
    place = scores.rank([evidence.id for evidence in found], right)
    return Ranked(ticket.at.date(), place, found[0].score if found else 0.0, bool(right & there), took)


def played(of: Stream, embedder: str) -> Played:
    """In this process."""
    asked = list[Ranked]()
    for one in play(of, embedder):
        asked.append(one)
        if len(asked) % 100 == 0:
            say(f"{embedder}: {len(asked):,} of {len(of.asked):,} asked")
    return Played(asked, memory(os.getpid(), "VmHWM"))


def result(count: int, by: dict[str, Played]) -> Result:
    """What is printed; the first embedder's figures count."""
    each = {name: of_one(one) for name, one in by.items()}
    name, first = next(iter(each.items()))
    asked = by[name].asked
    return {
        "tickets": count,
        "gold_tickets": len(asked),
        **dict.fromkeys(LEARNED),
        **first,
        "kb_only_ceiling": round(statistics.fmean(one.there for one in asked), 4),
        "kb_only_by_quarter": {quarter: rounded(part) for quarter, part in scores.quarters(asked).items()},
        "embedder": name,
        "by_embedder": each,
    }


def of_one(one: Played) -> Result:
    """An embedder's figures."""
    found = {f"kb_only_{name}": value for name, value in rounded(scores.figures(one.asked)).items()}
    a_ticket = round(statistics.fmean(asked.seconds for asked in one.asked), 5)
    return {**found, "seconds_per_ticket": a_ticket, "peak_mb": one.peak_mb}


def rounded(figures: scores.Figures) -> scores.Figures:
    """To four digits."""
    return {name: round(value, 4) for name, value in figures.items()}


def report(of: Stream, by: dict[str, Played], to: Path) -> None:
    """As Markdown with a picture."""
    to.mkdir(parents=True, exist_ok=True)
    (to / "s2.svg").write_text(drawn(by))
    asked = next(iter(by.values())).asked
    first, last = min(one.day for one in asked), max(one.day for one in asked)
    ceiling = statistics.fmean(one.there for one in asked)
    text = (
        f"`python -m bench s2 FOLDER {' '.join(f'--embedder {name}' for name in by)}`: {len(asked):,} tickets from "
        f"{first} to {last} in which an agent linked an article, of {of.count:,}. Only the articles in force are "
        f"searched and nothing is learned; of {ceiling:.1%} one that was linked is among them. In brackets Wilson's "
        "interval of 95 %. Coverage: the share of tickets, by the score of what is found first, of which so many "
        "percent are right. MRR is of the first ten."
    )
    rows = ["| | R@1 | R@5 |", "|---|---|---|", *(f"| {name} | {a:.2f} | {b:.2f} |" for name, (a, b) in PEERS.items())]
    rows += [f"| ours, {name} | {among(one.asked, 1)} | {among(one.asked, 5)} |" for name, one in by.items()]
    parts = (f"# A real support stream\n\n{text}", "\n".join(rows), table(by), "![By quarter](s2.svg)")
    (to / "s2.md").write_text("\n\n".join(parts) + "\n")


def among(asked: Sequence[Ranked], many: int) -> str:
    """R@k with its interval."""
    share = scores.recall(asked, many)
    low, high = scores.interval(share, len(asked))
    return f"**{share:.3f}** ({low:.3f} to {high:.3f})"


def table(by: dict[str, Played]) -> str:
    """All figures by embedder."""
    each = {name: of_one(one) for name, one in by.items()}
    rows = [f"| | {' | '.join(each)} |", f"|---|{'---|' * len(each)}"]
    for what in next(iter(each.values())):
        name = what.removeprefix("kb_only_").replace("_", " ")
        rows.append(f"| {name} | {' | '.join(f'{one[what]:.4g}' for one in each.values())} |")
    return "\n".join(rows)


def drawn(by: dict[str, Played]) -> str:
    """R@1 and R@5 by quarter, in percent."""
    of = {name: scores.quarters(one.asked) for name, one in by.items()}
    lines = {
        f"@{k} {name}": [(float(at), 100 * part[f"r{k}"]) for at, part in enumerate(parts.values())]
        for name, parts in of.items()
        for k in (1, 5)
    }
    steps = tuple(next(iter(of.values())))
    return plot("Articles found: R@1 and R@5 by quarter", "quarter", "percent", lines, plain=True, steps=steps)


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
            check(name)  # here, and before another is played
        of = stream(args.folder, args.since, args.until)
        for name in names:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
                by[name] = fresh.submit(partial(played, of, name)).result()
    except BotError as err:
        raise SystemExit(f"bench s2: {err}") from err
    report(of, by, args.report)
    print(json.dumps(result(of.count, by)))


if __name__ == "__main__":
    main()
