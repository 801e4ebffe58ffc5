"""What a message costs: `python -m bench line [--conversations N] [--desk NAME] [--calls N] [--entries N]`.

`latency`: webhook in to draft delivered, one at a time, 1,000 entries unless another number is given; the fake runs in
another process, and the time the bot waits for its answers is measured and taken off. `drain`: N conversations waiting,
two workers. With `--report DIR` both go there, with a picture of how long how many took.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, select

import app
from bench.elsewhere import Elsewhere
from bench.plot import plot
from bot import work
from bot.backends.workers import Bell, Workers
from bot.line import Line
from bot.model import Entry, Ref
from bot.settings import Settings
from bot.store import drafts
from bot.store import knowledge as rows
from bot.store.tables import inbox
from connectors.stage import Server
from tests.desk import RETURNS

TOPICS = ("strap", "zip", "wheel", "handle", "pocket", "buckle", "lining", "frame", "lock", "cover")


def entries(count: int) -> list[Entry]:
    """Different questions about made-up parts, with the returns entry among them."""
    made = [
        replace(RETURNS, id=f"part-{i}", question=f"How do I change the {TOPICS[i % 10]} of model {i}?",
                answer=f"Order part {i * 7} for the {TOPICS[i % 10]}. Open clip {i % 13}, then press it in.")
        for i in range(count - 1)
    ]  # fmt: skip
    return [RETURNS, *made]


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


FIRST = 5  # messages that do not count
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Known:
    """How many entries there are, and what texts are compared by."""

    entries: int
    embedder: str


def line_for(fake: Elsewhere, database_url: str, wake: Bell, known: Known) -> Line:
    """A fresh line that knows so much."""
    chosen = Settings(database_url=database_url, secret=SECRET.encode(), embedder=known.embedder)
    line = app.build(chosen, app.connect(fake.call("settings")), wake)
    with line.store.write() as conn:
        for entry in entries(known.entries):
            rows.add_entry(conn, entry)
    line.knowledge.keep_up()
    return line


def ask(fake: Elsewhere, name: str, number: int) -> Ref:
    """A customer of their own asks what the returns entry answers."""
    text = f"How many days do I have to return order {number}?"
    return Ref(name, fake.call("customer_says", text, customer=f"c{number}@example.com"))


def latency(name: str, count: int, known: Known) -> list[float]:
    """Milliseconds from each webhook's arrival to the vendor's answer, the fake's own time taken off."""
    fake, bell = Elsewhere(name), Bell()
    line = line_for(fake, f"sqlite:///{tempfile.mkdtemp()}/bench.db", bell, known)
    fake.call("hook", Server(app.web(line)).url)
    Workers(app.worker(line), bell).start()
    took = []
    for number in range(count):
        before = fake.call("knobs.spent")
        ref = ask(fake, name, number)
        while not any(w.conversation == ref.id for w in fake.call("ledger.writes")[-3:]):
            time.sleep(0.005)
        took.append((ref, fake.call("knobs.spent") - before))
    milliseconds = [(_seconds(line, ref) - spent) * 1000 for ref, spent in took[FIRST:]]
    fake.close()
    return milliseconds


def ends(milliseconds: list[float]) -> dict[str, float]:
    """Of all, less the first, at which the SDKs are imported."""
    return {
        "messages": len(milliseconds),
        "p50_ms": round(statistics.median(milliseconds), 1),
        "p99_ms": round(percentile(milliseconds, 0.99), 1),
    }


def _seconds(line: Line, ref: Ref) -> float:
    """From the newest webhook before the draft, stored with its time at the door, to the vendor's answer."""
    with line.store.read() as conn:
        drafted = drafts.drafts_of(conn, ref)[0].at
        rung = conn.scalar(select(func.max(inbox.c.at)).where(inbox.c.at <= drafted))
        sent = [d.sent_at for d in drafts.deliveries_of(conn, ref) if d.sent_at]
    assert rung is not None
    return float((min(sent) - rung).total_seconds())


def drain(name: str, count: int, calls: int, known: Known) -> dict[str, float]:
    """Conversations a second from all waiting to all delivered, by two `app.py worker` processes, each of which makes
    so many calls at a time."""
    fake, url = Elsewhere(name), f"sqlite:///{tempfile.mkdtemp()}/bench.db"
    line = line_for(fake, url, Bell(), known)
    warm, refs = ([ask(fake, name, number) for number in range(*span)] for span in ((0, 40), (40, 40 + count)))
    env = {**os.environ, **fake.call("settings"), "DATABASE_URL": url, "SECRET_KEY": SECRET, "WORKERS": str(calls),
           "EMBEDDER": known.embedder}  # fmt: skip
    workers = [
        subprocess.Popen([sys.executable, "app.py", "worker"], env=env, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    _drained(line, warm)  # the SDKs are imported at the first call
    seconds = _drained(line, refs)
    for worker in workers:
        worker.terminate()
        worker.wait()
    sent = len(fake.call("ledger.writes")) - len(warm)
    fake.close()
    return {"conversations": count, "sent": sent, "seconds": round(seconds, 2), "per_second": round(count / seconds, 1)}


def _drained(line: Line, refs: list[Ref]) -> float:
    """Ring for all at once; seconds until nothing waits."""
    with line.store.write() as conn:
        work.ring(conn, refs, line.now())
    start = time.perf_counter()
    while True:
        time.sleep(0.1)
        with line.store.read() as conn:
            if not work.waiting(conn):
                return time.perf_counter() - start


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--calls", type=int, default=Settings().workers, help="that a worker makes at a time")
    parser.add_argument("--desk", default="intercom")
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--embedder", default="", help="as EMBEDDER has it")
    parser.add_argument("--report", type=Path)
    args = parser.parse_args()
    known = Known(args.entries, args.embedder)
    took = latency(args.desk, args.messages, known)
    found = {
        "desk": args.desk, "entries": known.entries, "embedder": known.embedder, "latency": ends(took),
        "drain": drain(args.desk, args.conversations, args.calls, known),
    }  # fmt: skip
    print(json.dumps(found))
    if args.report:
        report(found, took, args.report)


def report(found: dict[str, object], took: list[float], to: Path) -> None:
    """As Markdown with a picture."""
    to.mkdir(parents=True, exist_ok=True)
    points = [(100 * at / len(took), milliseconds) for at, milliseconds in enumerate(sorted(took), 1)]
    drawn = plot("Webhook in to draft delivered", "percent of the messages", "ms at most", {"ours": points}, plain=True)
    (to / "line.svg").write_text(drawn)
    command = f"python -m bench line --desk {found['desk']} --entries {found['entries']} --messages {len(took) + FIRST}"
    text = f"# A message through the line\n\n`{command} --report DIR`:\n\n```\n{json.dumps(found, indent=1)}\n```\n"
    (to / "line.md").write_text(f"{text}\n![Latency](line.svg)\n")


if __name__ == "__main__":
    main()
