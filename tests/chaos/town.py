"""A run's world: three vendors, a database, our processes, and what is measured on the way."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import app
from bench.elsewhere import Elsewhere
from bot import work
from bot.model import Licence, Policy
from bot.store import Store, limits, pairs
from bot.store import knowledge as rows
from bot.store.migrate import migrate
from tests.chaos.house import House
from tests.chaos.judge import Judgement, judge
from tests.chaos.street import vendor
from tests.desk import RETURNS
from tests.services import Postgres, Redis, free_port

VENDORS = ("zendesk", "intercom", "slack")
SECRET = "0123456789abcdef0123456789abcdef"
NEVER = "86400"  # seconds between sweeps
REPLIED, NOTED = "How many days do I have to return order {}?", "Can you engrave my initials on order {}?"


class Servers(NamedTuple):
    """Those that every run shares which needs servers."""

    postgres: Postgres
    redis: Redis


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run stands on. `copies`: how often a webhook comes at most; `changes`: as in `changes.py`."""

    seed: int
    database_url: str
    servers: Servers | None
    folder: Path
    changes: tuple[str, ...] = ()
    copies: int = 1
    sweep: str = NEVER


@dataclass
class Town:
    """Vendors, `house` and the story so far: `events` and `samples` as (seconds, what), (seconds, asked, written)."""

    plan: Plan
    random: Random
    vendors: dict[str, Elsewhere]
    house: House
    store: Store
    asked: int = 0
    talks: list[tuple[str, str]] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    def ask(self, name: str = "", text: str = "") -> None:
        """A customer writes something with a number of its own: mostly a new conversation, of any vendor."""
        name, self.asked = name or self.random.choice(VENDORS), self.asked + 1
        known = [talk for vendor, talk in self.talks if vendor == name][-20:]
        again = not text and known and self.random.random() < 0.25
        said = (text or (NOTED if again else self.random.choice((REPLIED, NOTED)))).replace("{}", str(self.asked))
        where = self.random.choice(known) if again else ""
        who = f"c{where or self.asked}@example.com"
        talk = self.vendors[name].call("customer_says", said, customer=who, conversation=where)
        if not again and "engrave" in said:  # who was answered is not asked again: that would be another question
            self.talks.append((name, talk))

    def busy(self) -> bool:
        """Is a webhook still on its way?"""
        return not all(vendor.call("courier.drain", 0.0) for vendor in self.vendors.values())

    def note(self, what: str) -> None:
        """Something that the harness did."""
        self.events.append((self.now, what))

    def sample(self) -> None:
        """How much was asked and written by now, once a second at most."""
        if not self.samples or self.now - self.samples[-1][0] >= 1:
            written = sum(vendor.call("ledger.writes.__len__") for vendor in self.vendors.values())
            self.samples.append((self.now, self.asked, written))

    def drained(self, limit: float) -> float | None:
        """Seconds until nothing is on its way or waits any more; None when that takes longer than `limit`."""
        start, quiet = time.monotonic(), 0
        while quiet < 3:
            if time.monotonic() - start > limit:
                return None
            with self.store.read() as conn:
                quiet = 0 if self.busy() or work.waiting(conn) else quiet + 1
            self.sample()
            time.sleep(0.3)
        self.note("drained")
        return time.monotonic() - start

    def webhooks(self) -> int:
        """How many different ones were brought."""
        return sum(int(vendor.call("courier.sent")) for vendor in self.vendors.values())

    def judge(self) -> Judgement:
        """By the vendors' worlds and ledgers."""
        worlds = {name: vendor.call("threads") for name, vendor in self.vendors.items()}
        return judge(worlds, {name: vendor.call("ledger.writes") for name, vendor in self.vendors.items()})


def furnish(store: Store) -> None:
    """One entry, licensed to be sent by itself; what it does not answer goes to people."""
    now = app.utc_now()
    with store.write() as conn:
        rows.add_entry(conn, RETURNS)
        pairs.set_mark(conn, rows.newest(conn)[0])  # so that the first who asks is answered as all others
        limits.add_policy(conn, Policy(reply_at=0.3, suggest_at=0.2), "chaos", now)
        limits.add_licence(conn, Licence("returns", "chaos", now, now + timedelta(days=1)))


@contextmanager
def town(plan: Plan) -> Iterator[Town]:
    """Everything but our processes is up; all of it is ended afterwards."""
    store, port = Store(plan.database_url), free_port()
    migrate(store)
    furnish(store)
    vendors = {name: vendor(name, plan.seed, plan.copies) for name in VENDORS}
    env = {k: v for fake in vendors.values() for k, v in fake.call("settings").items()}
    for fake in vendors.values():
        fake.call("hook", f"http://127.0.0.1:{port}")
    redis = plan.servers.redis.url if plan.servers else ""
    own = {"DATABASE_URL": plan.database_url, "REDIS_URL": redis, "SECRET_KEY": SECRET, "PORT": str(port),
           "WORKERS": "1", "SWEEP_EVERY": plan.sweep, "LOG_LEVEL": "ERROR"}  # fmt: skip
    house = House({**env, **own}, plan.changes, plan.folder / "log")
    try:
        yield Town(plan, Random(plan.seed), vendors, house, store)
    finally:
        house.close()
        for fake in vendors.values():
            fake.close()
        store.close()
