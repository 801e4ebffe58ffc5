"""What redaction finds, damages and costs, and what the gate before a reply costs: `python -m bench redact [FOLDER]`.

FOLDER (see `thunderbird`) holds real sentences. Hostile text is 100 kB of one thing over and over.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

from bench.find import company
from bench.thunderbird import tickets
from bot import egress
from bot.backends.writer import ExtractiveWriter
from bot.model import (
    Context,
    Conversation,
    Customer,
    Delivery,
    DeliveryKind,
    Event,
    EventKind,
    Evidence,
    Message,
    Policy,
    Ref,
    Role,
    Source,
    Status,
)
from bot.text import redact as redaction
from bot.text.linear import Pattern, encoded
from bot.text.links import unlinked
from bot.text.markup import html_of, mrkdwn_of
from bot.text.redact import redact
from bot.text.said import said, sentences
from tests.identifiers import KINDS, SENTENCES, left

UNITS = (
    *("a", "1 ", "a@", "a@b.co ", "a@b.", "a.", "1-", "-1.", "DE89 ", "DE89370400440532013000 ", "(", "0", "1:"),
    *("a:b:", "::1 ", "1.2.3.4 ", "aA1", "aA1aA1aA1aA1aA1aA1aA1 ", "+1 555 123 4567 ", "4111 1111 1111 1112 ", "漢"),
    *("é@", "1/", "550e8400-e29b-41d4-a716-446655440000 ", f"{'1234 ' * 9}x ", f"{'12 ' * 15}x ", "//a.b", "%61"),
)
PEOPLE = ("Maria Keller", "Jonas Brandt", "Aiko Tanaka", "Ines Duarte", "Tomasz Wilk", "Priya Nair")
STREETS = ("Lindenstraße 12, 20095 Hamburg", "14 Mill Lane, York YO1 7EH", "5 rue des Lilas, 75011 Paris")
INTRODUCED = ("My name is {}.", "{} ordered it.", "Please send it to {}.", "Ask for {} at the door.")


def milliseconds(what: Callable[[], object], times: int = 1, rounds: int = 3) -> float:
    """The best of some rounds, per call."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(times):
            what()
        best = min(best, (time.perf_counter() - began) / times)
    return best * 1e3


def found() -> None:
    """Of 1,000 of each kind, and of names and postal addresses, which no pattern knows."""
    for kind, make in KINDS.items():
        random = Random(f"bench {kind}")
        made = [make(random) for _ in range(1_000)]
        missed = [v for at, v in enumerate(made) if left(v, redact(SENTENCES[at % len(SENTENCES)].format(v)))]
        print(f"{kind}: {1_000 - len(missed)} of 1,000 found")
    for what, values in (("names", PEOPLE), ("addresses", STREETS)):
        texts = [(value, shape.format(value)) for value in values for shape in INTRODUCED]
        print(f"{what}: {sum(value not in redact(text) for value, text in texts)} of {len(texts)} found")


def damaged(folder: Path) -> None:
    """Of 2,000 sentences drawn from the first 20,000 that customers wrote."""
    texts = (said(ticket["text"] or "") for ticket in tickets(folder))
    real = list(islice((s for text in texts for s in sentences(text)), 20_000))
    drawn = Random(4).sample(real, 2_000)
    print(f"damaged: {sum(redact(s) != s for s in drawn)} of {len(drawn)} real sentences")


def hostile() -> None:
    """The longest that each pattern with its check, redaction as a whole and the search for links take."""
    for name, (pattern, label) in zip(redaction.LABELS, redaction.RULES, strict=True):
        worst(name, partial(one_kind, pattern, label), 100_000)
    worst("all of redact", redact, 100_000)
    worst("links", lambda text: unlinked(text, ("help.fernweh.example",)), egress.LONGEST)


def one_kind(pattern: Pattern, label: redaction.Label, text: str) -> bytes:
    """One pattern with its check."""
    return redaction._one_kind(pattern, label, encoded(text), [])


def worst(name: str, act: Callable[[str], object], length: int) -> None:
    """Print which text of `length` characters takes it longest."""
    texts = [(unit * (length // len(unit)), unit) for unit in UNITS]
    took, unit = max((milliseconds(partial(act, text)), unit) for text, unit in texts)
    print(f"{name}: at most {took:.0f} ms on {length:,} characters, of {unit!r}")


def cost() -> None:
    """Microseconds for each draft of the sandbox company's answers."""
    ref, at = Ref("zendesk", "1"), datetime.now(UTC)
    event = Event(EventKind.CUSTOMER_MESSAGE, ref, "m1", 1, at)
    drafts = []
    for row in company("entries.jsonl"):
        asked = Message("m1", Role.CUSTOMER, "c1", row["question"], at, name="Maria Keller")
        talk = Conversation(ref, "A question", Status.OPEN, Customer("c1", "Maria Keller", "m@mail.example"), (asked,))
        entry = Evidence(Source.ENTRY, row["id"], 1, row["question"], row["answer"], 0.9, row.get("url", ""))
        context = Context(event, talk, row["question"], (entry,), Policy(), at)
        drafts.append((context, ExtractiveWriter().write(context)))
    sent = [Delivery("d", ref, DeliveryKind.NOTE, d.text, hosts=egress.passed(c, d)[1]) for c, d in drafts]
    acts: dict[str, Callable[[], object]] = {
        "redact a question": lambda: [redact(c.question) for c, _ in drafts],
        "what a writer is shown": lambda: [egress.shown(c) for c, _ in drafts],
        "the gate": lambda: [egress.passed(c, d) for c, d in drafts],
        "render and sanitise HTML": lambda: [html_of(d) for d in sent],
        "render mrkdwn": lambda: [mrkdwn_of(d) for d in sent],
    }
    for name, act in acts.items():
        print(f"{name}: {milliseconds(act, 10) / len(drafts) * 1e3:.0f} µs")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    folder = parser.parse_args().folder
    found()
    if folder:
        damaged(folder)
    hostile()
    cost()


if __name__ == "__main__":
    main()
