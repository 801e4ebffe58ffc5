"""How often search puts the right entry of the sandbox company first: `python -m bench find [--embedder NAME]`.

Asked are the entries' own questions, and the same in other words, without the rest of the line; `s2` asks real ones.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import bot.web
from bot.backends.chosen import embedder
from bot.backends.index import HybridIndex
from bot.brains import Embedder
from bot.follow import passages
from bot.model import Entry, Source

COMPANY = Path(next(iter(bot.web.__path__))) / "company"
Asked = tuple[str, set[str]]  # a question and the ids of the entries that answer it


def company(name: str) -> list[dict[str, str]]:
    """The lines of a file of the sandbox company."""
    return [json.loads(line) for line in (COMPANY / name).read_text(encoding="utf-8").splitlines()]


def measure(name: str, rows: Sequence[dict[str, str]], asked: Iterable[Asked], by: Embedder) -> None:
    """Say how often a right entry comes first, and among five."""
    index = HybridIndex(by, Path(tempfile.mkdtemp()))
    entries = (Entry(r["id"], 1, r["question"], r["answer"]) for r in rows)
    index.put([passage for entry in entries for passage in passages(entry)])
    ranks = []
    for question, right in asked:
        hits = index.search(question, source=Source.ENTRY, limit=30)  # passages, as a draft is searched for
        owners = list(dict.fromkeys(hit.owner for hit in hits))
        ranks.append(next((n for n, owner in enumerate(owners) if owner in right), 99))
    first, five = (sum(rank < most for rank in ranks) for most in (1, 5))
    print(
        f"{name}: of {len(ranks)} first {first} ({first / len(ranks):.1%}), among five {five} ({five / len(ranks):.1%})"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", default="", help="as EMBEDDER has it")
    args = parser.parse_args()
    by = embedder(args.embedder)
    entries, questions = company("entries.jsonl"), company("questions.jsonl")
    measure("own questions", entries, [(e["question"], {e["id"]}) for e in entries], by)
    measure("questions", entries, [(q["question"], {q["entry"]}) for q in questions if q["entry"]], by)


if __name__ == "__main__":
    main()
