"""Everything around us goes wrong at once or goes away: the vendors' answers, their network, our clock, disk and
database. Each scenario ends the fault, and what is left has to mend itself."""

import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from bot.store import Store
from bot.store.migrate import migrate
from connectors.stage import Fault
from tests.chaos.judge import Judgement
from tests.chaos.scenarios import WORKERS, Outcome, ask, brought, outcome
from tests.chaos.town import Town, furnish
from tests.chaos.wire import TOXICS, Wire
from tests.services import Postgres

STORM = (  # what one call in three meets; "slow" is longer than we wait, so it is applied after we gave up
    Fault("status", 429, "1"),
    Fault("status", 500),
    Fault("applied", 502),
    Fault("slow", wait=2.0),
    Fault("reset"),
    Fault("drop"),
    Fault("cut"),
)
HASTY = ("patience=1", "horizon=4")  # seconds, instead of 10 and 15
RATE = 0.3
LONGEST = 0.4  # seconds of storm for each question
STARTED = 60.0  # seconds that the first answers may take
DISK, POSTGRES = 40, 140  # MB: SQLite's log alone takes 16, an empty PostgreSQL so much more
OFF = 600  # seconds
ADDRESSES = ("ZENDESK_BASE_URL", "INTERCOM_BASE_URL", "SLACK_BASE_URL", "DATABASE_URL", "REDIS_URL")
PORT = re.compile(r"(?<=:)\d+(?=/|$)")


def crew(town: Town, *changes: str) -> None:
    """`serve` and two `worker` processes, changed."""
    town.house.start("serve", "serve", *changes)
    for name in WORKERS:
        town.house.start(name, "worker", *changes)


def turn(town: Town, **knobs: object) -> None:
    """The knobs of all vendors."""
    for vendor in town.vendors.values():
        for name, value in knobs.items():
            vendor.call("knobs.__setattr__", name, value)
    town.note(f"{knobs}")


def total(town: Town, path: str) -> int:
    """A number that every vendor has, added up."""
    return sum(int(vendor.call(path)) for vendor in town.vendors.values())


def written(town: Town) -> int:
    """How much stands in the ledgers."""
    return total(town, "ledger.writes.__len__")


def stormy(town: Town, questions: int, limit: float) -> Outcome:
    """A10: three calls in ten of every kind go wrong, until two questions of three are answered all the same."""
    crew(town, *HASTY, "WORKERS=3")
    turn(town, faults=RATE, kinds=STORM, writes_only=False)
    until = town.now + LONGEST * questions
    while written(town) < questions * 2 // 3 and town.now < until:
        ask(town, min(10, questions - town.asked))
        town.sample()
        time.sleep(0.1)
    turn(town, faults=0.0)
    ask(town, questions - town.asked)
    return outcome(town, town.drained(limit), ("calls gone wrong", total(town, "knobs.met")))


def under_way(town: Town) -> None:
    """Wait for the first answers."""
    while written(town) < 5 and town.now < STARTED:
        time.sleep(0.05)


def skipped(town: Town, why: str) -> Outcome:
    """Nothing was tried, and why."""
    drained = None if os.environ.get("UNDERSTUDY_CI") else 0.0
    return Outcome(Judgement((), (), (), (), 0), drained, max(town.now, 1.0), (("skipped", why),))


def locked(town: Town, seconds: int, limit: float) -> Outcome:
    """A10: somebody outside locks the database for so many seconds while work is under way and webhooks come in."""
    crew(town, "lease=8")
    ask(town, 60)
    under_way(town)
    with lock(town.plan.database_url):
        town.note("locked")
        until = town.now + seconds
        while town.now < until:
            ask(town, 2)
            town.sample()
            time.sleep(0.2)
    town.note("unlocked")
    brought(town)
    return outcome(town, town.drained(limit), ("webhooks put off", total(town, "courier.put_off")))


@contextmanager
def lock(url: str) -> Iterator[None]:
    """No one else writes (SQLite), no one else reads or writes work (PostgreSQL)."""
    connection: Any
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    else:
        import psycopg

        connection = psycopg.connect(url.replace("+psycopg", ""))
        connection.execute("LOCK TABLE work IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def full(town: Town, questions: int, limit: float) -> Outcome:
    """A10: the disk under the database fills up while work is under way and webhooks come in; then there is room."""
    disk = town.plan.folder / "disk"
    disk.mkdir()
    size = DISK + (POSTGRES if town.plan.servers else 0)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "none", disk], check=False).returncode:
        return skipped(town, "a small disk cannot be mounted here")
    with ExitStack() as stack:
        stack.callback(lambda: subprocess.run(["umount", disk], check=True))
        server = Postgres(disk) if town.plan.servers else None
        if server:
            stack.callback(server.close)
        url = server.url("template") if server else f"sqlite:///{disk}/understudy.db"
        changed = stack.enter_context(moved(town, url))
        return _full(town, questions, limit, disk / "filler", changed, server)


def _full(town: Town, questions: int, limit: float, filler: Path, changed: str, server: Postgres | None) -> Outcome:
    crew(town, changed, "lease=8")
    ask(town, questions // 3)
    under_way(town)
    fill(filler)
    town.note("disk full")
    ask(town, questions // 3)
    time.sleep(5)  # a while without a byte of room
    put_off = total(town, "courier.put_off")
    filler.unlink()
    if server:
        server.revive()
    town.note("room again")
    ask(town, questions - town.asked)
    brought(town)
    found = outcome(town, town.drained(limit), ("webhooks put off", put_off))
    for name in town.house.names:
        town.house.kill(name)
    return found


def fill(file: Path) -> None:
    """Until not a byte more fits."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


@contextmanager
def moved(town: Town, url: str) -> Iterator[str]:
    """The database is there; the change by which our processes know."""
    before, town.store = town.store, Store(url)
    try:
        migrate(town.store)
        furnish(town.store)
        yield f"DATABASE_URL={url}"
    finally:
        town.store.close()
        town.store = before


def clocks(town: Town, questions: int, limit: float) -> Outcome:
    """A10: our clock is ten minutes ahead, then behind, then jumps to and fro in the middle of sends. Webhooks with a
    timestamp are refused meanwhile, so the sweep has to find what they were about."""
    clock = town.plan.folder / "clock"
    set_clock(town, clock, OFF)
    crew(town, *HASTY, f"clock={clock}")
    drained = _off(town, questions // 3, limit)
    set_clock(town, clock, -OFF)
    drained = drained and _off(town, questions // 3, limit)
    drained = drained and _jumping(town, questions - town.asked, clock, limit)
    return outcome(town, drained, ("webhooks refused", total(town, "courier.refused")))


def set_clock(town: Town, file: Path, seconds: int) -> None:
    """Of all our processes, so far from the vendors'."""
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+d}")
    new.rename(file)
    town.note(f"clock {seconds:+d} s")


def _off(town: Town, questions: int, limit: float) -> float | None:
    for _ in range(2):  # the second half comes when the sweep has already looked
        ask(town, questions // 2)
        brought(town)
        drained = found_all(town, limit)
    return drained


def found_all(town: Town, limit: float) -> float | None:
    """Wait until everything is answered and nothing moves any more; None when that takes longer than `limit`."""
    until = town.now + limit
    while not town.judge().fine and town.now < until:
        town.sample()
        time.sleep(0.5)
    return town.drained(limit)


def _jumping(town: Town, questions: int, clock: Path, limit: float) -> float | None:
    turn(town, faults=RATE, kinds=(Fault("slow", wait=2.0),), writes_only=True)
    until = town.now + 15
    for number in count():
        if town.now > until:
            break
        ask(town, min(5, questions))
        questions -= min(5, questions)
        set_clock(town, clock, (0, OFF, 0, -OFF)[number % 4])
        town.sample()
        time.sleep(town.random.uniform(0.5, 2.0))
    set_clock(town, clock, 0)
    turn(town, faults=0.0)
    return found_all(town, limit)


def network(town: Town, questions: int, limit: float) -> Outcome:
    """A10: the network to every vendor (and to PostgreSQL and Redis) is late, crumbles, swallows or cuts everything,
    something else every second or two."""
    before = {name: url for name, url in town.house.env.items() if name in ADDRESSES and PORT.search(url)}
    wires = {name: Wire(int(PORT.findall(url)[0]), Random(f"{town.plan.seed} {name}")) for name, url in before.items()}
    through = [f"{name}={PORT.sub(str(wire.port), before[name], count=1)}" for name, wire in wires.items()]
    crew(town, *HASTY, "lease=8", "WORKERS=3", *through)
    ask(town, 20)
    under_way(town)
    until = town.now + LONGEST * questions
    while written(town) < questions * 2 // 3 and town.now < until:
        ask(town, min(10, questions - town.asked))
        for name, wire in wires.items():
            toxic = town.random.choice(TOXICS)
            wire.turn(toxic)
            town.note(f"{name.partition('_')[0].lower()}: {toxic}")
        town.sample()
        time.sleep(town.random.uniform(1, 2))
    for wire in wires.values():
        wire.turn("")
    town.note("network mended")
    ask(town, questions - town.asked)
    return outcome(town, town.drained(limit), ("wires", len(wires)))
