"""What is done to the line, one function each; what must hold is in `judge.py`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.stage import Fault
from tests.chaos.judge import Judgement
from tests.chaos.town import NOTED, REPLIED, VENDORS, Town

if TYPE_CHECKING:
    from redis import Redis

KILL_EVERY = 2.0  # seconds
PER_KILL = 25  # questions, so that a slow machine is not killed all the time
SWEEP = 5.0  # seconds
PATIENCE = 40.0  # seconds that webhooks may take to be acknowledged, and anything else that is waited for
HANGS, SHORT = 8.0, "lease=4"  # seconds
AT_MOST = 900.0  # seconds of killing
AT_ONCE = 10  # workers that are killed side by side
WORKERS = ("worker 1", "worker 2")
MORE = ("worker 3", "worker 4")  # for thousands at once


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `drained` in seconds, None for never; `seconds` in all; `facts` as (what, how much)."""

    judgement: Judgement
    drained: float | None
    seconds: float
    facts: tuple[tuple[str, str], ...]
    wrong: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Everything held."""
        return self.judgement.fine and self.drained is not None and not self.wrong


def outcome(
    town: Town,
    drained: float | None,
    *facts: tuple[str, object],
    wrong: tuple[str, ...] = (),
    judgement: Judgement | None = None,
) -> Outcome:
    """Judge a town that came to rest within `drained` seconds; in the usual way where no `judgement` is given."""
    counted = (("webhooks", town.webhooks()), ("questions", town.asked), *facts)
    return Outcome(judgement or town.judge(), drained, town.now, tuple((k, str(v)) for k, v in counted), wrong)


def crew(town: Town, *changes: str) -> None:
    """`serve` and two `worker` processes."""
    town.house.start("serve", "serve", *changes)
    for name in WORKERS:
        town.house.start(name, "worker", *(change for change in changes if change != "WORKERS=0"))


def reinforce(town: Town) -> None:
    """Two more workers."""
    for name in MORE:
        town.house.start(name, "worker")


def ask(town: Town, many: int, text: str = "") -> None:
    """So many questions by customers of any vendor."""
    for _ in range(many):
        town.ask(text=text)


def brought(town: Town) -> None:
    """Wait until every webhook was acknowledged, but not for ever."""
    wait_for(town, lambda: not town.busy())


def wait_for(town: Town, what: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Until it is so, but not for ever."""
    until = town.now + seconds
    while not what() and town.now < until:
        town.sample()
        time.sleep(0.1)


def killed(town: Town, questions: int, limit: float) -> Outcome:
    """A1: a random process, of ours or a server's, is killed every two seconds while webhooks come in."""
    crew(town)
    due, kills = KILL_EVERY, 0
    while (town.asked < questions or town.busy()) and town.now < AT_MOST:
        ask(town, min(10, questions - town.asked))
        if town.now >= due and kills < questions // PER_KILL:
            _kill_one(town)
            due, kills = town.now + KILL_EVERY, kills + 1
        town.sample()
        time.sleep(0.05)
    return outcome(town, town.drained(limit), ("kills", kills))


def _kill_one(town: Town) -> None:
    """And start it anew; the servers take part."""
    servers = town.plan.servers._asdict() if town.plan.servers else {}
    name = town.random.choice([*town.house.names, *servers])
    if name in servers:
        servers[name].kill()
    else:
        town.house.kill(name)
        town.house.start(name)
    town.note(f"kill {name}")


def rest(town: Town) -> None:
    """From now on as usual."""
    town.house.kill("serve")
    crew(town)


def orphaned(town: Town, times: int, limit: float) -> Outcome:
    """A3: whoever started a worker is killed while the worker's call hangs for longer than its lease."""
    town.house.start("serve", "serve", "WORKERS=0")
    for _ in range(times):
        for name, vendor in town.vendors.items():
            town.ask(name, REPLIED)
            vendor.call("knobs.next.append", Fault("slow", wait=HANGS))
            town.house.nest("worker", SHORT)
    brought(town)
    wait_for(town, lambda: not any(vendor.call("knobs.next.__len__") for vendor in town.vendors.values()))
    town.house.orphan()
    town.note("parents killed")
    for name in WORKERS:
        town.house.start(name, "worker")
    drained = town.drained(limit)
    wait_for(town, lambda: not town.house.orphans(), HANGS)
    wrong = tuple(f"worker {number} outlived its parent" for number in town.house.orphans())
    return outcome(town, drained, ("orphaned", times * len(VENDORS)), wrong=wrong)


def claimed(town: Town, times: int, limit: float) -> Outcome:
    """A4: a worker is killed right after its claim, so many times."""
    town.house.start("serve", "serve", "WORKERS=0", "no reclaim")
    ask(town, 2 * times, NOTED)  # a worker has two threads, and both may claim before the signal comes
    brought(town)
    ends = set[str]()
    for _ in range(times // AT_ONCE):
        ends.update(town.house.meet(*[["claimed"]] * AT_ONCE))
        town.note(f"{AT_ONCE} workers killed")
    rest(town)
    return outcome(town, town.drained(limit), ("workers killed", times), wrong=tuple(ends - {"SIGKILL"}))


def wiped(town: Town, questions: int, limit: float) -> Outcome:
    """A5: Redis forgets everything while work is in flight, and once while nobody works."""
    from redis import Redis

    crew(town)
    reinforce(town)
    assert town.plan.servers is not None
    redis, wipes = Redis.from_url(town.plan.servers.redis.url), 1
    while (town.asked < questions // 2 or town.busy()) and town.now < 2 * PATIENCE:
        ask(town, min(10, questions // 2 - town.asked))
        _wipe(town, redis)
        wipes += 1
        time.sleep(0.5)
    town.drained(limit)  # so that no lease of the dead comes back and rings for all
    for name in WORKERS + MORE:
        town.house.kill(name)
    ask(town, questions - town.asked)
    brought(town)
    _wipe(town, redis)
    for name in WORKERS + MORE:
        town.house.start(name)
    return outcome(town, town.drained(limit), ("wipes", wipes))


def _wipe(town: Town, redis: "Redis") -> None:
    redis.flushall()
    town.note("FLUSHALL")
    town.sample()


def silent(town: Town, questions: int, limit: float) -> Outcome:
    """A9: vendors lose one webhook in twenty, then all of them; the sweep finds what they were about."""
    crew(town)
    for share in (0.05, 1.0, 0.05):
        for vendor in town.vendors.values():
            vendor.call("knobs.__setattr__", "lose", share)
        town.note(f"webhooks lost: {share:.0%}")
        ask(town, questions // 3)
        brought(town)
    heard = town.now
    wait_for(town, lambda: town.judge().fine, limit)
    found = town.now - heard
    time.sleep(SWEEP)  # one more sweep must change nothing; it never rests, since it looks back for minutes
    lost = sum(vendor.call("courier.lost") for vendor in town.vendors.values())
    return outcome(town, found, ("webhooks lost", lost))
