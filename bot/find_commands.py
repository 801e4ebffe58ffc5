"""The operator's commands over the search: `ask` and `reindex`."""

import argparse
import math
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from textwrap import shorten
from typing import TypeVar

from bot.backends.writer import PAST_FLOOR
from bot.knowledge import Found, Knowledge, Knows
from bot.model import Evidence
from bot.records import Add, opened
from bot.scope import Asker
from bot.store import counts
from bot.text import typed

Result = TypeVar("Result")
SHOWN, MOST = 8, 1_000  # of what was found
PATIENCE = 5.0  # seconds that somebody who asks waits for the index
REPLY = 120  # characters of a past reply


def register(add: Add, knows: Knows) -> None:
    """Add the commands."""
    ask = add("ask", lambda args: _ask(args, knows), "what the bot would find for a question, and why; changes nothing")
    ask.add_argument("question")
    ask.add_argument("--limit", default=str(SHOWN), help=f"of each kind, 1 to {MOST:,} (default {SHOWN})")
    for field, text in (("plan", "the customer's"), ("language", "such as de, where the question does not tell"),
                        ("audience", "the customer's segment"), ("page", "where in the product they are"),
                        ("product", "the brand or a tag of the conversation")):  # fmt: skip
        ask.add_argument(f"--{field}", default="", help=f"{text}, as an entry's scope has it")
    anew = "empty the search index and make it anew from the database, as after a change of the embedder"
    add("reindex", partial(_reindex, knows=knows), anew)


def fill(knowledge: Knowledge) -> None:
    """Give the index what is new, and show how far it is."""
    counted(knowledge.keep_up, "in the index")


def _reindex(_: argparse.Namespace, knows: Knows) -> None:
    knowledge = knows(opened(there=True))
    print(f"{counted(knowledge.reindex, 'in the index')[0]:,} entries, past replies and questions are in the index.")


def counted(
    take: Callable[[Callable[[int], object]], Result], what: str, seconds: float = math.inf
) -> tuple[int, Result]:
    """How many `take` said it took, and what it gave; a terminal sees the number grow. After `seconds` it is told to
    end."""
    total, until = 0, time.monotonic() + seconds

    def said(count: int) -> bool:
        nonlocal total
        total += count
        if sys.stderr.isatty():
            print(f"\r{total:,} {what} …", end="", file=sys.stderr, flush=True)
        return time.monotonic() < until

    result = take(said)
    print("\n" * sys.stderr.isatty(), end="", file=sys.stderr)
    return total, result


def _ask(args: argparse.Namespace, knows: Knows) -> None:
    store = opened(there=True)
    limit = typed.between("--limit", args.limit, 1, MOST)
    knowledge, products = knows(store), frozenset({args.product} - {""})
    counted(knowledge.keep_up, "in the index", PATIENCE)
    if missing := knowledge.missing():
        print(f"{missing:,} more are not in the index yet, and not found: `serve`, or what brings them, goes on.")
    who = Asker(datetime.now(UTC), args.plan, args.language, args.audience, args.page, products)
    found = list(islice(knowledge.explained(args.question, who, limit=limit), limit))
    with store.read() as conn:
        used = counts.uses(conn, [f.evidence.id for f in found])
    print("Entries" if found else "No entry has anything of it.")
    if (by := knowledge.weights()) and found and by.outcomes >= 1:
        print(f"ordered with words worth {by.words:.2f} and meaning the rest, by {by.outcomes:.0f} outcomes")
    for number, one in enumerate(found, 1):
        print(f"{number:3}  {_scores(one.evidence)}  {one.evidence.id} v{one.evidence.version}  {one.evidence.title}")
        _say(one, used.get(one.evidence.id, {}))
    past = knowledge.past(args.question, limit=limit)
    print("Past replies, for suggestions only" if past else "No past reply has anything of it.")
    for number, reply in enumerate(past, 1):
        print(f"{number:3}  {_scores(reply)}  {reply.title}")
        if reply.score < PAST_FLOOR:
            print(f"       kept back: too far from the question, under {PAST_FLOOR}")
        print(f"       {shorten(reply.passage, REPLY, placeholder='…')}")


def _scores(evidence: Evidence) -> str:
    told = f", memory {evidence.memory:+.2f}" if evidence.memory else ""
    return f"{evidence.score:.2f} (words {evidence.lexical:.2f}, meaning {evidence.vector:.2f}{told})"


def _say(found: Found, used: dict[str, int]) -> None:
    if found.kept_back:
        print(f"       kept back: {found.kept_back}")
    if used:
        print(f"       used {sum(used.values())} times: {', '.join(f'{n} {kind}' for kind, n in used.items())}")
