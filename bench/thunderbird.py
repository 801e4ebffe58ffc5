"""Real support tickets in the format the sandbox plays: `python -m bench.thunderbird FOLDER OUT`.

FOLDER holds `tickets-<year>.jsonl.gz` and `kb-<date>.jsonl.gz` of the Thunderbird support forum. Writes
OUT/conversations.jsonl.gz (whoever is not the asker is an agent; a ticket someone answered counts as solved) and
OUT/knowledge.jsonl (the articles of one date). Play them with `make run DATA=… KNOWLEDGE=…`.
"""

import argparse
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SITE = "https://support.mozilla.org/kb"


def tickets(folder: Path) -> Iterator[dict[str, Any]]:
    """All years, oldest first."""
    for path in sorted(folder.glob("tickets-*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def conversation(ticket: dict[str, Any]) -> dict[str, Any]:
    """One ticket as a conversation; names of people are not in the data and are not made up."""
    asker = f"asker-{ticket['id']}@example.com"
    first = {"id": "0", "role": "customer", "text": ticket["text"] or ticket["title"], "at": ticket["at"]}
    replies = [
        {"id": str(r["id"]), "role": r["role"], "author": r["by"], "text": r["text"], "at": max(r["at"], ticket["at"])}
        for r in ticket["replies"]
        if r["text"].strip()
    ]
    answered = any(r["role"] == "agent" for r in replies)
    return {
        "id": str(ticket["id"]),
        "at": ticket["at"],
        "subject": ticket["title"],
        "customer": {"id": asker, "email": asker, "language": "en"},
        "messages": [first, *replies],
        "status": "solved" if answered else "open",
    }


def article(row: dict[str, Any]) -> dict[str, str]:
    """A knowledge base article as an entry."""
    topic = str(row["topics"]).split(";")[0] or "other"
    text = f"{row['summary']}\n\n{row['text']}".strip()
    return {"id": row["slug"], "question": row["title"], "answer": text, "url": f"{SITE}/{row['slug']}", "topic": topic}


def main() -> None:
    """Write the two files and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=int, help="no more tickets than this")
    parser.add_argument("--kb", default="2023-04-18", help="date of the articles (default 2023-04-18)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with gzip.open(args.out / "conversations.jsonl.gz", "wt", encoding="utf-8") as out:
        rows = [conversation(t) for t in itertools.islice(tickets(args.folder), args.limit)]
        out.writelines(json.dumps(row) + "\n" for row in rows)
    with gzip.open(args.folder / f"kb-{args.kb}.jsonl.gz", "rt", encoding="utf-8") as lines:
        entries = [article(json.loads(line)) for line in lines]
    (args.out / "knowledge.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries), encoding="utf-8")
    print(f"{len(rows)} conversations, {sum(len(r['messages']) for r in rows)} messages, {len(entries)} articles")


if __name__ == "__main__":
    main()
