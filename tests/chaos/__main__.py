"""`python -m tests.chaos [NAME...] [--plant FAULT]`: faults by a seed (CHAOS_SEED, else random and printed).

Exit status 1 when anything was lost, sent twice or to somebody else, or did not come to rest. `--faults` plants each
fault in turn where it must be found, and then 1 says that one was not.
"""

import argparse
import os
import pickle
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NoReturn

from tests import services
from tests.chaos import changes, edits, gates, points, power, report, scenarios, weather
from tests.chaos.scenarios import Outcome
from tests.chaos.town import NEVER, Plan, Servers, Town, town

DRAINED = 300.0  # seconds that a backlog may take
PLANTED = 75.0  # seconds with a fault planted; twice as long as any run takes without one
LONGEST = 600, 1800  # seconds that a small run and a full one may take, whatever happens
LEASE = "lease=10"  # seconds, instead of 90, so that what the dead held comes back within a small run


@dataclass(frozen=True, slots=True)
class Run:
    """One test at two sizes, `full` 0 where there is one only. `limit`: seconds for coming to rest; `takes`: about so
    many at the small size, so that those side by side end together."""

    act: Callable[[Town, int, float], Outcome]
    size: int
    full: int = 0
    services: bool = False
    copies: int = 1
    sweep: str = NEVER
    limit: float = 300.0
    takes: int = 25


RUNS = {
    "A1-sqlite": Run(scenarios.killed, 860, 5750, copies=10, takes=130),
    "A1-services": Run(scenarios.killed, 860, 5750, services=True, copies=10, takes=130),
    "A2-sqlite": Run(points.points, 1, takes=200),
    "A2-services": Run(points.points, 1, services=True, takes=200),
    "A3-sqlite": Run(scenarios.orphaned, 1, 5),
    "A3-services": Run(scenarios.orphaned, 1, 5, services=True),
    "A4-sqlite": Run(scenarios.claimed, 50, 1000),
    "A4-services": Run(scenarios.claimed, 50, 1000, services=True),
    "A5-services": Run(scenarios.wiped, 200, 6500, services=True, limit=150),
    "A9-sqlite": Run(scenarios.silent, 100, 600, sweep="5", limit=120),
    "A9-services": Run(scenarios.silent, 100, 600, services=True, sweep="5", limit=120),
    "A12-sqlite": Run(gates.obeyed, 60, 464),
    "A17-sqlite": Run(gates.pressed, 8, 60),
    "A6-sqlite": Run(power.cuts, 3, 12, limit=60),
    "A10-storm-sqlite": Run(weather.stormy, 70, 400, limit=120),
    "A10-storm-services": Run(weather.stormy, 70, 300, services=True, limit=120),
    "A10-clocks-sqlite": Run(weather.clocks, 40, 120, sweep="3", limit=60),
    "A10-clocks-services": Run(weather.clocks, 40, 120, services=True, sweep="3", limit=60),
    "A10-locked-sqlite": Run(weather.locked, 8, 30, limit=120),
    "A10-locked-services": Run(weather.locked, 8, 30, services=True, limit=120),
    "A10-disk-sqlite": Run(weather.full, 70, 300, limit=120),
    "A10-disk-services": Run(weather.full, 70, 300, services=True, limit=120),
    "A10-network-sqlite": Run(weather.network, 40, 120, limit=120),
    "A10-network-services": Run(weather.network, 30, 120, services=True, limit=120),
    "A11-sqlite": Run(edits.edits, 40, 5000, copies=3),
    "A11-services": Run(edits.edits, 40, 5000, services=True, copies=3),
}
FOUND_BY = {
    "fence": "A2-services",
    "read-back": "A2-sqlite",
    "polling": "A5-services",
    "de-duplication": "A4-sqlite",
    "commit": "A1-sqlite",
    "sync": "A6-sqlite",
    "orphan": "A3-sqlite",
    "egress": "A12-sqlite",
    "nonce": "A17-sqlite",
}


class Grounds:
    """Databases and queues for one run after another; the servers are started when first asked for."""

    def __init__(self, open_: ExitStack) -> None:
        self._open, self._numbers = open_, count(1)
        self._servers: Servers | None = None

    @contextmanager
    def plan(self, run: Run, seed: int, planted: tuple[str, ...]) -> Iterator[Plan]:
        """Fresh ones."""
        with services.folder() as folder, ExitStack() as used:
            database = f"sqlite:///{folder}/understudy.db"
            if run.services:
                self._servers = self._servers or self._start()
                database = used.enter_context(self._servers.postgres.clone())
            servers, changed = self._servers if run.services else None, (LEASE, *planted)
            yield Plan(seed, database, servers, folder, changed, run.copies, run.sweep)

    def _start(self) -> Servers:
        return Servers(self._open.enter_context(services.postgres()), self._open.enter_context(services.redis()))


def perform(grounds: Grounds, name: str, seed: int, *, full: bool = False, planted: Sequence[str] = ()) -> report.Row:
    """One run, told on the way; with a fault planted a third of it is enough, and not waited for so long."""
    run, longest = RUNS[name], LONGEST[full]
    if full:
        run = replace(run, size=run.full or run.size, limit=DRAINED)
    if planted:
        run = replace(run, size=max(1, run.size // 3), limit=PLANTED)
    signal.alarm(longest)
    with grounds.plan(run, seed, tuple(planted)) as plan, town(plan) as made:
        found = run.act(made, run.size, run.limit)
        row = report.Row(name, found, tuple(made.events), tuple(made.samples), tuple(planted))
        log = (plan.folder / "log").read_text(errors="replace")
    print(report.line(row), *report.complaints(row), sep="\n", flush=True)
    if not found.fine and not planted:
        print(log[-3000:], file=sys.stderr)
    return row


def alone(args: argparse.Namespace, seed: int) -> list[report.Row]:
    """One after the other, in this process."""
    with ExitStack() as stack:
        grounds = Grounds(stack)
        if args.faults:
            return [perform(grounds, FOUND_BY[fault], seed, planted=(fault,)) for fault in args.names]
        return [perform(grounds, name, seed, full=args.full, planted=args.plant) for name in args.names]


def shared(takes: Mapping[str, int], lanes: int) -> list[list[str]]:
    """The longest first, each to whom it leaves with the least to do."""
    made = [list[str]() for _ in range(lanes)]
    for name in sorted(takes, key=lambda name: -takes[name]):
        min(made, key=lambda lane: sum(takes[other] for other in lane)).append(name)
    return made


def abreast(args: argparse.Namespace, seed: int) -> list[report.Row]:
    """One half for what needs servers, one for the rest, each in two processes, since a small run mostly waits, or in
    one where thousands come to rest at once. RuntimeError where one of them did not come to its end."""
    each = 1 if args.full else 2
    runs = {name: RUNS[FOUND_BY.get(name, name)] for name in args.names}
    halves = ({name: run.takes for name, run in runs.items() if run.services is which} for which in (True, False))
    lanes = [lane for half in halves for lane in shared(half, each) if lane]
    more = [*(["--faults"] * args.faults), *(["--full"] * args.full), *(f"--plant={fault}" for fault in args.plant)]
    env = {**os.environ, "CHAOS_SEED": str(seed)}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = [Path(folder, str(number)) for number in range(len(lanes))]
        running = [
            subprocess.Popen([sys.executable, "-m", "tests.chaos", *lane, *more, f"--rows={file}"], env=env)
            for lane, file in zip(lanes, files, strict=True)
        ]
        for process in running:
            stack.callback(process.wait)
            stack.callback(process.terminate)
        if any(process.wait() for process in running):
            raise RuntimeError("a run did not come to its end; see above")
        return [row for file in files for row in pickle.loads(file.read_bytes())]


def _ended(number: int, _frame: object) -> NoReturn:
    print(f"ended by {signal.Signals(number).name}; SIGALRM: it took too long", file=sys.stderr)
    sys.exit(128 + number)  # what was started is ended all the same


def main() -> int:
    """As above."""
    args = parser().parse_args()
    args.names = args.names or list(FOUND_BY if args.faults else RUNS)
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    for end in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(end, _ended)
    if args.rows:
        args.rows.write_bytes(pickle.dumps(alone(args, seed)))
        return 0
    print(f"CHAOS_SEED={seed}", flush=True)
    began = time.monotonic()
    rows = sorted(abreast(args, seed), key=lambda row: args.names.index(row.planted[0] if args.faults else row.name))
    print(f"{time.monotonic() - began:.0f} s in all")
    if args.faults:
        print(report.faults(rows))
        return int(any(row.outcome.fine for row in rows))
    if args.report:
        report.write(args.report, "chaos-full" if args.full else "chaos", seed, rows)
    return int(not all(row.outcome.fine for row in rows))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("names", nargs="*", help=f"{', '.join(RUNS)}; with --faults {', '.join(FOUND_BY)}")
    made.add_argument("--plant", action="append", default=[], choices=changes.PLANTED, help="in every run")
    made.add_argument("--faults", action="store_true", help="every planted fault, one at a time")
    made.add_argument("--full", action="store_true", help="at full size")
    made.add_argument("--report", type=Path, help="where the table and the picture go")
    made.add_argument("--rows", type=Path, help=argparse.SUPPRESS)  # where one of these processes leaves what it found
    return made


if __name__ == "__main__":
    sys.exit(main())
