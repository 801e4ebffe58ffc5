"""`python -m tests.chaos [NAME...] [--plant FAULT]`: faults by a seed (CHAOS_SEED, else random and printed).

Exit status 1 when anything was lost, sent twice or to somebody else, or did not come to rest. `--planted` runs what
must find each planted fault, and then 1 says that one was not found.
"""

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from tests import services
from tests.chaos import changes, gates, report, scenarios
from tests.chaos.scenarios import Outcome
from tests.chaos.town import NEVER, Plan, Town, town

LONGEST = 600  # seconds that a run may take, whatever happens
LEASE = "lease=10"  # seconds, instead of 90, so that what the dead held comes back within a small run


@dataclass(frozen=True, slots=True)
class Run:
    """One test at one size. `limit`: seconds for coming to rest."""

    act: Callable[[Town, int, float], Outcome]
    size: int
    services: bool = False
    copies: int = 1
    sweep: str = NEVER
    limit: float = 300.0


RUNS = {
    "A1-sqlite": Run(scenarios.killed, 860, copies=10),
    "A1-services": Run(scenarios.killed, 860, services=True, copies=10),
    "A2-sqlite": Run(scenarios.points, 1),
    "A2-services": Run(scenarios.points, 1, services=True),
    "A3-sqlite": Run(scenarios.orphaned, 1),
    "A3-services": Run(scenarios.orphaned, 1, services=True),
    "A4-sqlite": Run(scenarios.claimed, 50),
    "A4-services": Run(scenarios.claimed, 50, services=True),
    "A5-services": Run(scenarios.wiped, 200, services=True, limit=60),
    "A9-sqlite": Run(scenarios.silent, 240, sweep="5", limit=30),
    "A9-services": Run(scenarios.silent, 240, services=True, sweep="5", limit=30),
    "A12-sqlite": Run(gates.obeyed, 60),
    "A17-sqlite": Run(gates.pressed, 8),
}
FOUND_BY = {
    "fence": "A2-sqlite",
    "read-back": "A2-sqlite",
    "polling": "A5-services",
    "de-duplication": "A9-sqlite",
    "commit": "A1-sqlite",
    "orphan": "A3-sqlite",
    "egress": "A12-sqlite",
    "nonce": "A17-sqlite",
}


class Grounds:
    """Databases and queues for one run after another; the servers are started when first asked for."""

    def __init__(self, open_: ExitStack) -> None:
        self._open, self._numbers = open_, count(1)
        self._servers: tuple[services.Postgres, str] | None = None

    @contextmanager
    def plan(self, run: Run, seed: int, planted: tuple[str, ...]) -> Iterator[Plan]:
        """Fresh ones."""
        with services.folder() as folder, ExitStack() as used:
            database, redis = f"sqlite:///{folder}/understudy.db", ""
            if run.services:
                self._servers = self._servers or self._start()
                database, redis = used.enter_context(self._servers[0].clone()), self._servers[1]
            yield Plan(seed, database, redis, folder, (LEASE, *planted), run.copies, run.sweep)

    def _start(self) -> tuple[services.Postgres, str]:
        return self._open.enter_context(services.postgres()), self._open.enter_context(services.redis())


def perform(grounds: Grounds, name: str, seed: int, planted: tuple[str, ...]) -> report.Row:
    """One run, told on the way; with a fault planted a third of it is enough, and not waited for so long."""
    run = RUNS[name]
    if planted:
        run = replace(run, size=max(1, run.size // 3), limit=45.0)
    signal.alarm(LONGEST)
    with grounds.plan(run, seed, planted) as plan, town(plan) as made:
        found = run.act(made, run.size, run.limit)
        row = report.Row(name, found, tuple(made.events), tuple(made.samples))
        log = (plan.folder / "log").read_text(errors="replace")
    print(report.line(row), *report.complaints(row), sep="\n", flush=True)
    if not found.fine and not planted:
        print(log[-3000:], file=sys.stderr)
    return row


def search(grounds: Grounds, seed: int) -> int:
    """1 when a planted fault goes unnoticed."""
    missed = []
    for fault, name in FOUND_BY.items():
        print(f"without {fault}:", flush=True)
        if perform(grounds, name, seed, (fault,)).outcome.fine:
            missed.append(fault)
    print(f"not found: {', '.join(missed)}" if missed else f"all {len(FOUND_BY)} planted faults found")
    return 1 if missed else 0


def main() -> int:
    """As above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(RUNS))
    parser.add_argument("--plant", action="append", default=[], choices=changes.PLANTED)
    parser.add_argument("--planted", action="store_true", help="every planted fault, one at a time")
    parser.add_argument("--report", type=Path, help="where the table and the picture go")
    args = parser.parse_args()
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    for end in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(end, lambda number, _: sys.exit(128 + number))  # what was started is ended all the same
    print(f"CHAOS_SEED={seed}", flush=True)
    began = time.monotonic()
    with ExitStack() as stack:
        grounds = Grounds(stack)
        if args.planted:
            return search(grounds, seed)
        rows = [perform(grounds, name, seed, tuple(args.plant)) for name in args.names or RUNS]
    print(f"{time.monotonic() - began:.0f} s in all")
    if args.report:
        report.write(args.report, seed, rows)
    return 0 if all(row.outcome.fine for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
