"""What the embedders cost and what rounding loses: `python -m bench embed FOLDER [--report DIR]`.

FOLDER holds the Thunderbird tickets and articles. Each embedder is measured in a process of its own: the model that
comes with us exact and rounded to int8, as it is used, and the hashed words. Milliseconds are of one core's time, so
that what else the machine does counts less. Recall is of the ten nearest passages by the exact model; articles are
found for tickets in which an agent linked one, by the three best of an article's pieces, through vectors alone.
"""

import argparse
import gzip
import json
import multiprocessing
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from bench.find import Asked
from bench.index import ends, memory, questions, texts
from bench.plot import plot
from bench.thunderbird import tickets
from bot.backends.chosen import WORDS, embedder
from bot.backends.encoder.encoder import Encoder
from bot.backends.encoder.files import embedded
from bot.brains import Embedder, Floats
from bot.text.said import redact, said

PIECE, BEST = 120, 3  # words of an article's piece, and how many of its pieces stand for it
LENGTHS = (5, 10, 20, 40, 80, 160)  # words
TIMED = 96
LINK = re.compile(r"support\.mozilla\.org/(?:[a-zA-Z-]+/)?kb/([\w-]+)")
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Material:
    """What is embedded: passages of 60 words, short questions, articles in pieces, and who asked for which."""

    passages: list[str]
    questions: list[str]
    pieces: list[tuple[str, str]]  # article and text
    asked: list[Asked]


@dataclass(frozen=True, slots=True)
class Made:
    """What an embedder made of it, and what that took."""

    figures: Figures
    lengths: list[tuple[float, float]]  # words, milliseconds
    passages: Floats
    questions: Floats


def material(folder: Path, passages: int, tickets: int) -> Material:
    """The same every time."""
    real = sorted(set(islice(texts(folder), 40_000)))
    with gzip.open(folder / "kb-2023-04-18.jsonl.gz", "rt", encoding="utf-8") as lines:
        articles = [json.loads(line) for line in lines]
    pieces = [(a["slug"], f"{a['title']}. {piece}") for a in articles for piece in _pieces(str(a["text"]))]
    asked = sorted(linked(folder, {a["slug"] for a in articles}))
    drawn = random.Random(3)
    full = [text for text in real if len(text.split()) == 60]
    return Material(drawn.sample(full, passages), questions(folder), pieces, drawn.sample(asked, tickets))


def linked(folder: Path, slugs: set[str]) -> Iterator[Asked]:
    """Tickets in which an agent linked one of these articles."""
    for ticket in tickets(folder):
        texts = [r["text"] for r in ticket["replies"] if r["role"] == "agent"]
        if right := {slug for text in texts for slug in LINK.findall(text)} & slugs:
            yield redact(f"{ticket['title']}\n{said(ticket['text'] or '')}"), right


def _pieces(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[at : at + PIECE]) for at in range(0, len(words), PIECE)]


def made_by(name: str) -> Embedder:
    """`int8`, `float32` or `words`."""
    if name == "words":
        return embedder(WORDS)
    files = embedded("float32" if name == "float32" else "int8")
    if files is None:
        raise SystemExit("the model is not installed: make")
    return Encoder(files)


def measured(name: str, of: Material) -> Made:
    """In this process, which has embedded nothing yet."""
    before, began = memory(), time.perf_counter()
    by = made_by(name)
    by.embed(["Does it work?"], query=True)
    figures = {"first_text_ms": (time.perf_counter() - began) * 1e3}
    figures["query_p50_ms"], figures["query_p99_ms"] = ends(timed(by, of.questions))
    some = of.passages[:TIMED]
    figures["passages_a_second_of_one_core"] = 1e3 * TIMED / min(sum(timed(by, some)) for _ in range(3))
    figures["passages_a_second"] = TIMED / min(seconds(partial(by.embed, some, query=False)) for _ in range(3))
    passages, asked = by.embed(of.passages, query=False), by.embed(of.questions, query=True)
    words = " ".join(of.passages[:TIMED]).split()
    lengths = [(float(n), statistics.median(timed(by, [" ".join(words[at : at + n]) for at in range(0, 20 * n, n)])))
               for n in LENGTHS]  # fmt: skip
    figures |= articles(by, of)
    figures["memory_mb"] = memory() - before
    return Made(figures, lengths, passages, asked)


def timed(by: Embedder, several: Sequence[str]) -> list[float]:
    """Milliseconds of one core for each alone."""
    took = []
    for text in several:
        began = time.thread_time()
        by.embed([text], query=True)
        took.append((time.thread_time() - began) * 1e3)
    return took


def seconds(act: Callable[[], object]) -> float:
    """Of the clock."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def articles(by: Embedder, of: Material) -> Figures:
    """How often a linked article comes first, and among five."""
    owners = np.array([slug for slug, _ in of.pieces])
    pieces = by.embed([text for _, text in of.pieces], query=False)
    scores = by.embed([question for question, _ in of.asked], query=True) @ pieces.T
    slugs = sorted(set(owners))
    stands = np.stack([np.sort(scores[:, owners == slug])[:, -BEST:].mean(axis=1) for slug in slugs], axis=1)
    best = [[slugs[at] for at in row[:5]] for row in np.argsort(-stands, axis=1)]
    hits = [[slug in right for slug in five] for five, (_, right) in zip(best, of.asked, strict=True)]
    return {"article_first": statistics.fmean(h[0] for h in hits), "among_five": statistics.fmean(map(any, hits))}


def lost(made: Made, exact: Made) -> Figures:
    """Beside the exact model."""
    alike = (made.passages * exact.passages).sum(axis=1)
    ten, right = (np.argsort(-(m.questions @ m.passages.T), axis=1)[:, :10] for m in (made, exact))
    recall = statistics.fmean(len({*a} & {*b}) / 10 for a, b in zip(ten.tolist(), right.tolist(), strict=True))
    first = float((ten[:, 0] == right[:, 0]).mean())
    return {"cosine_mean": float(alike.mean()), "cosine_least": float(alike.min()), "recall_of_ten": recall,
            "same_first": first}  # fmt: skip


def report(all_made: dict[str, Made], of: Material, to: Path) -> None:
    """As Markdown with a picture."""
    names = list(dict.fromkeys(name for made in all_made.values() for name in made.figures))
    table = [f"| | {' | '.join(all_made)} |", f"|---|{'---|' * len(all_made)}"]
    for name in names:
        cells = (made.figures.get(name) for made in all_made.values())
        table.append(f"| {name.replace('_', ' ')} | {' | '.join('' if c is None else f'{c:.4g}' for c in cells)} |")
    to.mkdir(parents=True, exist_ok=True)
    lines = {name: made.lengths for name, made in all_made.items()}
    (to / "embed.svg").write_text(plot("One text, one core", "words", "ms", lines))
    (to / "embed.md").write_text(
        f"# The embedders\n\n`python -m bench embed FOLDER`: {len(of.passages):,} passages of 60 words, "
        f"{len(of.questions)} titles of tickets as queries, {len(of.asked)} tickets with a linked article. Memory is "
        f"what an embedder adds to a process in all of that.\n\n{chr(10).join(table)}\n\n![Time by length](embed.svg)\n"
    )


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--passages", type=int, default=2_000)
    parser.add_argument("--tickets", type=int, default=300)
    parser.add_argument("--report", type=Path, default=Path("bench/reports"))
    args = parser.parse_args()
    of, made = material(args.folder, args.passages, args.tickets), dict[str, Made]()
    for name in ("float32", "int8", "words"):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            made[name] = fresh.submit(measured, name, of).result()
        if name == "int8":
            made[name].figures.update(lost(made[name], made["float32"]))
        print(json.dumps({name: {what: round(value, 4) for what, value in made[name].figures.items()}}), flush=True)
    report(made, of, args.report)


if __name__ == "__main__":
    main()
