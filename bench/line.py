"""What a message costs: `python -m bench.line [--conversations N] [--desk NAME]`.

`latency`: webhook in to draft delivered, one at a time, 1,000 entries; the fake runs in another process, and the time
the bot waits for its answers is measured and taken off. `drain`: N conversations waiting, two workers.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from typing import Any

import app
from bench.elsewhere import Elsewhere
from bot import work
from bot.backends.workers import Bell, Workers
from bot.line import Line
from bot.model import Entry, Ref
from bot.settings import Settings
from bot.store import drafts
from bot.store import knowledge as rows
from tests.desk import RETURNS

TOPICS = ("strap", "zip", "wheel", "handle", "pocket", "buckle", "lining", "frame", "lock", "cover")


def entries(count: int) -> list[Entry]:
    """Different questions about made-up parts, with the returns entry among them."""
    made = [
        replace(RETURNS, id=f"part-{i}", question=f"How do I change the {TOPICS[i % 10]} of model {i}?",
                answer=f"Order part {i * 7} for the {TOPICS[i % 10]}. Open clip {i % 13}, take it out, press the new one in.")
        for i in range(count - 1)
    ]  # fmt: skip
    return [RETURNS, *made]


class Waits:
    """Adds up how long the line waits for a connector's calls."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.seconds = inner, 0.0
        self.name, self.can = inner.name, inner.can

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def line_for(fake: Elsewhere, wake: Bell) -> Line:
    """A fresh line on SQLite with 1,000 entries."""
    folder = tempfile.mkdtemp()
    chosen = Settings(database_url=f"sqlite:///{folder}/bench.db", secret=b"0123456789abcdef0123456789abcdef")
    line = app.build(chosen, app.connect(fake.call("settings")), wake)
    with line.store.write() as conn:
        for entry in entries(1_000):
            rows.add_entry(conn, entry)
    line.knowledge.refresh()
    return line


def until_sent(line: Line, ref: Ref, seconds: float = 10.0) -> None:
    """Wait until something was delivered in a conversation."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with line.store.read() as conn:
            if any(d.state == "sent" for d in drafts.deliveries_of(conn, ref)):
                return
        time.sleep(0.0005)
    raise SystemExit(f"{ref}: nothing delivered within {seconds} s")


def latency(name: str, count: int) -> dict[str, float]:
    """Milliseconds from the webhook's arrival to the delivered draft, the fake's own time included and not."""
    from connectors.stage import Server

    fake, bell = Elsewhere(name), Bell()
    line = line_for(fake, bell)
    server = Server(app.web(line))
    Workers(app.worker(line), bell, 2).start()
    fake.call("hook", server.url)
    whole = []
    for i in range(count):
        start = time.perf_counter()
        ref = Ref(
            name,
            fake.call("customer_says", f"How many days do I have to return order {i}?", customer=f"c{i}@example.com"),
        )
        until_sent(line, ref)
        whole.append((time.perf_counter() - start) * 1000)
    fake.close()
    return {"p50_ms": statistics.median(whole[5:]), "p99_ms": percentile(whole[5:], 0.99)}


def drain(name: str, count: int) -> dict[str, float]:
    """Conversations a second, from all waiting to all delivered, two workers."""
    fake, bell = Elsewhere(name), Bell()
    line = line_for(fake, bell)
    refs = [
        Ref(
            name,
            fake.call("customer_says", f"How many days do I have to return order {i}?", customer=f"c{i}@example.com"),
        )
        for i in range(count)
    ]
    with line.store.write() as conn:
        work.ring(conn, refs, line.now())
    start = time.perf_counter()
    Workers(app.worker(line), bell, 2).start()
    while True:
        with line.store.read() as conn:
            if not work.waiting(conn):
                break
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    sent = len(fake.call("ledger.writes"))
    fake.close()
    return {"conversations": count, "sent": sent, "seconds": round(seconds, 2), "per_second": round(count / seconds, 1)}


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--desk", default="intercom")
    args = parser.parse_args()
    print(
        json.dumps(
            {
                "desk": args.desk,
                "latency": latency(args.desk, args.messages),
                "drain": drain(args.desk, args.conversations),
            }
        )
    )


if __name__ == "__main__":
    main()
