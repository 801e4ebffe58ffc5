"""A2: a worker dies at every point around the send, for each vendor, for a reply and for a note."""

import time

from connectors.stage import Fault
from tests.chaos.scenarios import Outcome, brought, crew, outcome
from tests.chaos.town import NOTED, REPLIED, VENDORS, Town

AWAKE = 3.0  # seconds that what froze, in the middle of a send, gets once it goes on
SLOW = 1.0  # seconds that a vendor takes; a worker that dies "in the call" has been gone for most of them
CASES = (  # where a worker dies, and what becomes of the call: "drop" is applied and "lost" is not, both unanswered
    ("with the delivery claimed", None),
    ("before the look", None),
    ("after the look", None),
    ("before the gate's commit", None),
    ("frozen before the gate", None),
    ("before the call", None),
    ("frozen behind the gate", None),
    ("in the call", Fault("slow", wait=SLOW)),
    ("after the call", None),
    ("after the call", Fault("drop")),
    ("after the call", Fault("lost")),
    ("after the doubt was noted", Fault("drop")),
    ("after the doubt was noted", Fault("lost")),
    ("before the end's commit", None),
    ("after the end's commit", None),
)
SECOND = ("before the read-back", "after the read-back", "before the second try's commit")  # of what others left behind
HORIZON = "horizon=3"  # seconds, instead of 15, until what is not there was surely not sent


def points(town: Town, rounds: int, limit: float) -> Outcome:
    """Each case for all vendors at once, by a worker of each one's own; then those die that take it from there."""
    wrong = [said for _ in range(rounds) for said in _round(town)]
    crew(town)
    drained = town.drained(limit)
    town.house.thaw()
    town.note("thawed")
    time.sleep(AWAKE)
    met = len(VENDORS) * rounds * (2 * len(CASES) + len(SECOND))
    return outcome(town, drained and town.drained(limit) and drained, ("points met", met), wrong=tuple(wrong))


def _round(town: Town) -> list[str]:
    """Nothing that the dead held is taken back before the second half begins."""
    town.house.start("serve", "serve", "WORKERS=0", "no reclaim")
    wrong = [said for text in (REPLIED, NOTED) for case in CASES for said in _case(town, text, *case)]
    town.house.kill("serve")
    town.house.start("serve", "serve", "WORKERS=0")
    wrong += [said for point in SECOND for said in _met(town, point, HORIZON)]
    town.house.kill("serve")
    return wrong


def _case(town: Town, text: str, point: str, fault: Fault | None) -> list[str]:
    """One question at each vendor; what was not as planned."""
    for name, vendor in town.vendors.items():
        town.ask(name, text)
        if fault:
            vendor.call("knobs.next.append", fault)
    brought(town)
    return _met(town, point)


def _met(town: Town, point: str, *more: str) -> list[str]:
    """A worker for each vendor, which dies or freezes there."""
    town.note(point)
    ended = town.house.meet(*([f"only={name}", point, *more] for name in VENDORS))
    planned = "SIGSTOP" if "frozen" in point else "SIGKILL"
    return [f"{name}, {point}: {how}" for name, how in zip(VENDORS, ended, strict=True) if how != planned]
