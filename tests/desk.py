"""A whole desk for a test: real fakes over loopback, the door on a real server, the line on a real database.

Nothing runs by itself: `settle` brings the webhooks and drains the work, so a test says when things happen, and the
clock moves only when a test moves it.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import app
from bot.backends.chosen import bell
from bot.backends.workers import Bell
from bot.line import Line
from bot.model import Decided, Entry, Person, PersonRole, Policy, Ref
from bot.settings import Settings
from bot.store import drafts, limits, pairs, people
from bot.store import knowledge as rows
from bot.store.drafts import Sending
from bot.work import waiting
from bot.worker import Worker
from connectors import load
from connectors.stage import Server

INES = Person("ines", "Ines Duarte", "ines@fernweh.example", PersonRole.LEAD, ("slack:U_INES",))
TOMASZ = Person("tomasz", "Tomasz Wilk", "tomasz@fernweh.example", PersonRole.AGENT, ("slack:U_TOMASZ",))
RETURNS = Entry(
    "returns-window",
    1,
    "How long can I return an order?",
    "You can return an order within 30 days of delivery. Log in, open the order and choose Return. "
    "The label arrives by e-mail within 10 minutes.",
    topic="returns",
    url="https://help.fernweh.example/returns/window",
)
ASKS_RETURN = "How many days do I have to return my order?"
ASKS_UNKNOWN = "Can you engrave my initials on the aluminium trolley?"


class Clock:
    """Time that tests move by hand; it starts at the real now, because signatures carry it."""

    def __init__(self) -> None:
        self.ahead = self.off = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead + self.off

    def steady(self) -> float:
        """In seconds, from anywhere, and whatever it was set to."""
        return time.monotonic() + self.ahead.total_seconds()

    def set(self, **off: float) -> None:
        """Somebody sets it, so far from the right time, as `timedelta` takes it."""
        self.off = timedelta(**off)

    def forward(self, **much: float) -> None:
        """Move on, as `timedelta` takes it."""
        self.ahead += timedelta(**much)


@dataclass
class Desk:
    """The parts of a desk and the few moves that tests make."""

    line: Line
    worker: Worker
    clock: Clock
    fakes: dict[str, Any]
    url: str
    refused: Counter[str] = field(default_factory=Counter)
    redis_url: str | None = None

    def settle(self) -> None:
        """Bring every webhook and do every piece of work that is due, until nothing moves."""
        for _ in range(20):
            for fake in self.fakes.values():
                assert fake.courier.drain()
            if not self.woken() + self.worker.drain():
                return
        raise AssertionError("the desk never comes to rest")

    def woken(self) -> int:
        """What the wake-ups alone lead to: RQ's own worker takes them, or the bell was rung; how many rows."""
        counts: list[int] = []
        if self.redis_url is None:
            return self.worker.drain() if cast("Bell", self.line.wake).wait(-1, 0) else 0
        from bot.backends.rq_queue import worker_for

        rq = worker_for(self.redis_url, lambda: counts.append(self.worker.drain()), threading.Event())
        while (found := rq.dequeue_job_and_maintain_ttl(None)) is not None:
            rq.execute_job(*found)
        return sum(counts)

    def ask(self, text: str, desk: str = "zendesk", customer: str = "maria@example.com", **more: str) -> Ref:
        """A customer writes, and everything that follows happens."""
        ref = Ref(desk, self.fakes[desk].customer_says(text, customer=customer, **more))
        self.settle()
        return ref

    def agent(self, ref: Ref, text: str, agent: str = "tomasz@fernweh.example", **more: Any) -> str:
        """Someone on the team writes, and everything that follows happens."""
        said: str = self.fakes[ref.connector].agent_says(text, agent=agent, conversation=ref.id, **more)
        self.settle()
        return said

    def decided(self, ref: Ref) -> Decided:
        """The newest draft with its decision."""
        with self.line.store.read() as conn:
            return drafts.drafts_of(conn, ref)[-1]

    def deliveries(self, ref: Ref) -> list[Sending]:
        """Of a conversation, oldest first."""
        with self.line.store.read() as conn:
            return drafts.deliveries_of(conn, ref)

    def sent(self, ref: Ref) -> list[str]:
        """What the vendor says it applied of ours in a conversation."""
        return [w.text for w in self.fakes[ref.connector].ledger.writes if w.conversation == ref.id]

    def policy(self, policy: Policy) -> None:
        """Put a policy in force."""
        with self.line.store.write() as conn:
            limits.add_policy(conn, policy, "test", self.clock())

    def know(self, *entries: Entry) -> None:
        """Approve entries, and say that nothing contradicts them."""
        self.publish(*entries)
        with self.line.store.write() as conn:
            pairs.set_mark(conn, rows.newest(conn)[0])

    def publish(self, *entries: Entry) -> None:
        """Approve entries that nobody has held against the rest yet."""
        with self.line.store.write() as conn:
            for entry in entries:
                rows.add_entry(conn, entry)

    def waiting(self) -> int:
        """Rows neither done nor dead."""
        with self.line.store.read() as conn:
            return waiting(conn)


@contextmanager
def desk(database_url: str, *names: str, redis_url: str | None = None) -> Iterator[Desk]:
    """A desk with these helpdesks (all three where none is named), Fernweh's returns entry and two of its people.

    With `redis_url` its workers are woken through RQ.
    """
    fakes = {name: load(name, "fake").Fake() for name in names or ("zendesk", "intercom", "slack")}
    env = {k: v for fake in fakes.values() for k, v in fake.settings().items()}
    clock, refused = Clock(), Counter[str]()
    secret = b"0123456789abcdef0123456789abcdef"
    chosen = Settings(database_url=database_url, redis_url=redis_url or "", secret=secret)
    line = replace(app.build(chosen, app.connect(env), bell(chosen), clock), steady=clock.steady)
    server = Server(app.web(line, refused))
    for fake in fakes.values():
        fake.hook(server.url)
    made = Desk(line, app.worker(line), clock, fakes, server.url, refused, redis_url)
    with line.store.write() as conn:
        people.save_person(conn, INES)
        people.save_person(conn, TOMASZ)
    made.know(RETURNS)
    try:
        yield made
    finally:
        server.close()
        for fake in fakes.values():
            fake.close()
        line.store.close()
