"""What the index costs and misses: `python -m bench index FOLDER [--counts 10000,100000] [--report DIR]`.

FOLDER holds the Thunderbird tickets and articles. Their texts are cut into passages of 60 words, and their vectors made
once by the model (kept in `out`, which takes minutes); beyond them passages are the same again with noise on their
vectors. Each count is filled here and measured in a process of its own; recall is against the same index made to look
at everything, of a million passages for 40 questions.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from bench.plot import plot
from bench.thunderbird import tickets
from bot.backends import chosen
from bot.backends.index import HybridIndex
from bot.backends.index.frozen import Looks
from bot.backends.index.owners import Fusion
from bot.brains import Embedder, Floats, Passage
from bot.model import Source
from bot.ports import Fine

WORDS = 60  # of a passage
NOISE = 0.02  # of each number of a vector, where a passage is a copy: cosine .93 to the real one
ASKED = 300
LOOKED_AT = 40_000_000  # passages that searches which look at everything look at, at most: of a million, 40 questions
ABOUT = 12  # words of what was published that it is asked for by; titles have 4 to 14
TOGETHER = 1000  # passages in a put, while it is filled
MOST_PLAIN = 200_000  # passages that are also searched by plain numpy, which takes 1.5 kB of memory for each
KEPT = Path("out")


def texts(folder: Path) -> Iterator[str]:
    """Tickets, replies and articles, each in pieces."""
    for ticket in tickets(folder):
        for whole in (f"{ticket['title']}\n{ticket['text'] or ''}", *(r["text"] for r in ticket["replies"])):
            yield from _pieces(whole)
    for path in sorted(folder.glob("kb-2*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield from _pieces(str(json.loads(line)["text"]))


def _pieces(whole: str) -> Iterator[str]:
    words = whole.split()
    for start in range(0, len(words), WORDS):
        yield " ".join(words[start : start + WORDS])


class Known:
    """An embedder that knows the vectors of numbered passages ("17 …" is passage 17) and of `asked`."""

    def __init__(self, model: Embedder, vectors: Floats, asked: dict[str, Floats]) -> None:
        self.name, self.dim, self.likeness = model.name, vectors.shape[1], model.likeness
        self._vectors, self._asked = vectors, asked

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        """Each looked up."""
        return np.array([self._asked[t] if t in self._asked else self.vector(int(t.split(" ", 1)[0])) for t in texts])

    def check(self) -> Fine:
        """It is for this measurement alone."""
        return ()

    def vector(self, number: int) -> Floats:
        """Real, or real with noise."""
        real: Floats = self._vectors[number % len(self._vectors)]
        if number < len(self._vectors):
            return real
        noisy = real + np.random.default_rng(number).normal(0, NOISE, len(real)).astype(np.float32)
        return np.asarray(noisy / np.linalg.norm(noisy), dtype=np.float32)


def known(model: Embedder, real: list[str], asked: list[str]) -> Known:
    """Their vectors, made now where they are not kept."""
    file = KEPT / f"vectors-{model.name.replace('/', '-')}-{len(real)}.npy"
    if not file.exists():
        KEPT.mkdir(exist_ok=True)
        made = []
        for start in range(0, len(real), TOGETHER):
            made.append(model.embed(real[start : start + TOGETHER], query=False).astype(np.float16))
            print(f"\r{start:,} of {len(real):,} vectors …", end="", file=sys.stderr)
        np.save(file, np.concatenate(made))
    vectors = np.load(file).astype(np.float32)
    return Known(model, vectors, dict(zip(asked, model.embed(asked, query=True), strict=True)))


def passage(number: int, real: list[str]) -> Passage:
    """By number, which leads its text."""
    return Passage(f"p{number}", Source.PAST, f"{number} {real[number % len(real)]}")


def fill(by: Known, at: Path, real: list[str], count: int) -> float:
    """Seconds that it took."""
    began, index = time.perf_counter(), HybridIndex(by, at)
    for start in range(0, count, TOGETHER):
        index.put([passage(number, real) for number in range(start, min(start + TOGETHER, count))])
        print(f"\r{start:,} of {count:,} passages …", end="", file=sys.stderr)
    index.close()
    return time.perf_counter() - began


def questions(folder: Path) -> list[str]:
    """Titles of tickets, which are no passages by themselves."""
    titles = sorted({t["title"] for t in tickets(folder) if 4 <= len(t["title"].split()) <= 14})
    return random.Random(1).sample(titles, ASKED)


def found(index: HybridIndex, question: str) -> list[str]:
    """The ten best."""
    return [hit.owner for hit in index.search(question, source=Source.PAST, limit=10)]


def ends(took: list[float]) -> tuple[float, float]:
    """(p50, p99)"""
    took = sorted(took)
    return statistics.median(took), took[min(len(took) - 1, int(0.99 * len(took)))]


def searched(index: HybridIndex, asked: list[str]) -> tuple[float, float]:
    """(p50, p99) in milliseconds, the making of the query's vector left out."""
    took = []
    for question in asked:
        began = time.perf_counter()
        found(index, question)
        took.append((time.perf_counter() - began) * 1e3)
    return ends(took)


def plain(by: Known, count: int, asked: list[str]) -> float:
    """p50 milliseconds of what anybody would write first, for the ratio in one run: all float32 vectors times that of
    the question, the ten best, and no words."""
    vectors, took = np.stack([by.vector(number) for number in range(count)]), []
    for question in by.embed(asked, query=True):
        began = time.perf_counter()
        np.argpartition(-(vectors @ question), 10)[:10]
        took.append((time.perf_counter() - began) * 1e3)
    return ends(took)[0]


def recall(index: HybridIndex, whole: HybridIndex, asked: list[str]) -> float:
    """Of the ten best by `whole`, the share that `index` finds."""
    best = [(set(found(whole, question)), set(found(index, question))) for question in asked]
    return statistics.fmean(len(right & seen) / len(right) for right, seen in best if right)


def looking_at_everything(index: HybridIndex) -> HybridIndex:
    """None is left out before it is compared in full."""
    index.mark()
    for part in index._spaces[Source.PAST].frozen:
        part.looks = Looks(nearest=len(part), covering=len(part), dense=sys.maxsize)
    return index


def memory() -> float:
    """Megabytes that are resident, the files that are mapped among them."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(by: Known, at: Path, real: list[str], asked: list[str]) -> dict[str, float]:
    """Of an index that is there, in this process."""
    before, began = memory(), time.perf_counter()
    index = HybridIndex(by, at)
    index.mark()
    made = {"start_s": time.perf_counter() - began}
    searched(index, asked[:30])
    made["p50_ms"], made["p99_ms"] = searched(index, asked)
    made["memory_mb"] = memory() - before
    if (count := index._spaces.live) <= MOST_PLAIN:
        made["plain_numpy_p50_ms"] = plain(by, count, asked)
    here, there = published(index, by, at, real, asked)
    made |= {"here_p50_ms": here[0], "here_p99_ms": here[1], "there_p50_ms": there[0], "there_p99_ms": there[1]}
    asked = asked[: LOOKED_AT // count]
    made["recall"] = recall(index, looking_at_everything(HybridIndex(by, at)), asked)
    nearest = [HybridIndex(by, at, fusion=Fusion(0.0, 1.0)) for _ in range(2)]
    made["recall_of_vectors"] = recall(nearest[0], looking_at_everything(nearest[1]), asked)
    return {name: round(value, 4 if name.startswith("recall") else 2) for name, value in made.items()}


def published(
    index: HybridIndex, by: Known, at: Path, real: list[str], asked: list[str]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """(p50, p99) milliseconds from before a put until it is found here, and from then until another process has it."""
    spawn, here, there = multiprocessing.get_context("spawn"), list[float](), list[float]()
    ours, theirs = spawn.Pipe()
    other = spawn.Process(target=look, args=(theirs, by, at, asked[:30]))
    other.start()
    ours.recv()
    for number in range(200):
        new = replace(passage(10**7 + number, real), owner=f"new{number}")
        question = " ".join(new.text.split()[:ABOUT])
        began = time.perf_counter()
        index.put([new])
        if found(index, question)[0] != new.owner:
            raise SystemExit("what was put is not found")
        here.append((time.perf_counter() - began) * 1e3)
        began = time.perf_counter()
        ours.send((question, new.owner))
        if not ours.recv():
            raise SystemExit("what another process put is not found")
        there.append((time.perf_counter() - began) * 1e3)
    ours.send(None)
    other.join()
    index.put([], drop=[f"new{number}" for number in range(200)])
    return ends(here), ends(there)


def look(ask: Connection, by: Known, at: Path, asked: list[str]) -> None:
    """What the other process does, which has searched before, as ours has."""
    index = HybridIndex(by, at)
    ask.send(searched(index, asked))
    while told := ask.recv():
        question, owner = told
        ask.send(found(index, question)[0] == owner)


REACH = ((10_000, 0.7), (100_000, 4.0), (1_000_000, 25.0))  # passages, and p50 in milliseconds


def report(rows: dict[int, dict[str, float]], real: int, words: str, to: Path) -> None:
    """As Markdown with pictures."""
    names = list(next(iter(rows.values())))
    table = [f"| | {' | '.join(f'{count:,}' for count in rows)} |", f"|---|{'---|' * len(rows)}"]
    table += [f"| {name.replace('_', ' ')} | {' | '.join(str(rows[n][name]) for n in rows)} |" for name in names]
    text = "\n".join(table)
    speeds = {name: [(n, rows[n][f"{name}_ms"]) for n in rows] for name in ("p50", "p99")}
    to.mkdir(parents=True, exist_ok=True)
    (to / "index.svg").write_text(plot("Hybrid search", "passages", "ms", speeds, REACH))
    (to / "index.md").write_text(
        f"# The index\n\n`python -m bench index FOLDER`: {real:,} real passages with vectors of {words}; beyond them "
        f"the same again, with noise of {NOISE} on each number. Milliseconds are without the making of vectors "
        f"(`python -m bench embed`), memory is what an index adds to a process.\n\n{text}\n\n![Search](index.svg)\n"
    )


def main() -> None:
    """Fill, measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--most", type=int, default=130_000, help="real passages, at most")
    parser.add_argument("--report", type=Path, default=Path("bench/reports"))
    args = parser.parse_args()
    model, asked = chosen.embedder(), questions(args.folder)
    real = list(islice(dict.fromkeys(texts(args.folder)), args.most))
    by, rows = known(model, real, asked), dict[int, dict[str, float]]()
    for count in map(int, args.counts.split(",")):
        with tempfile.TemporaryDirectory() as at:
            filled = fill(by, Path(at), real, count)
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
                rows[count] = {
                    "filled_s": round(filled, 1),
                    **fresh.submit(measured, by, Path(at), real, asked).result(),
                }
        print(json.dumps({count: rows[count]}), flush=True)
    report(rows, len(real), model.name, args.report)


if __name__ == "__main__":
    main()
