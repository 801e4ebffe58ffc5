"""Our side: real processes by name, each ended by its own id."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0  # seconds that a process may take to come to a point


class House:
    """Processes of ours, all with the same environment and the same `changes`, started through `before` (such as a
    tracer); what they say goes to `log`."""

    def __init__(self, env: Mapping[str, str], changes: Sequence[str], log: Path, before: Sequence[str] = ()) -> None:
        self.env, self._changes, self._log = env, list(changes), log
        self._started: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._running: dict[str, int] = {}
        self._frozen: list[int] = []
        self._nested: list[tuple[int, int]] = []
        pipe = subprocess.PIPE
        with log.open("ab") as errors:
            self._forge = subprocess.Popen(
                [*before, sys.executable, "-m", "tests.chaos.child"],
                cwd=ROOT, env={**os.environ, **env}, stdin=pipe, stdout=pipe, stderr=errors, text=True, bufsize=1,
            )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that run, in the order of their first start."""
        return tuple(self._running)

    def start(self, name: str, command: str = "", *more: str) -> None:
        """A `command` of `app.py` with `more` changes; the same as last time where none is given."""
        self._started[name] = (command, more) if command else self._started[name]
        command, more = self._started[name]
        self._running[name] = int(self._ask("start", [*self._changes, *more], [command]))

    def kill(self, name: str) -> None:
        """SIGKILL; gone when this returns."""
        self._ask("kill", self._running[name])

    def meet(self, *workers: Sequence[str]) -> list[str]:
        """How workers with such changes ended, by signal: SIGSTOP for one that froze at its point, SIGABRT for one that
        did not come to it."""
        numbers = [int(self._ask("start", [*self._changes, *changes], ["worker"])) for changes in workers]
        overdue = [threading.Timer(PATIENCE, _abort, (number,)) for number in numbers]
        for timer in overdue:
            timer.start()
        return [self._end_of(*pair) for pair in zip(numbers, overdue, strict=True)]

    def _end_of(self, number: int, overdue: threading.Timer) -> str:
        ended = self._ask("wait", number)
        overdue.cancel()
        if ended == "SIGSTOP":
            self._frozen.append(number)
        return ended

    def nest(self, command: str, *more: str) -> None:
        """One more process of ours, started by another one."""
        parent, child = self._ask("nest", [*self._changes, *more], [command]).split()
        self._nested.append((int(parent), int(child)))

    def orphan(self) -> None:
        """SIGKILL for whoever started those."""
        for parent, _ in self._nested:
            self._ask("kill", parent)

    def orphans(self) -> list[int]:
        """Which of those live on."""
        return [child for _, child in self._nested if lives(child)]

    def thaw(self) -> None:
        """Let those go on that froze."""
        for number in self._frozen:
            os.kill(number, signal.SIGCONT)

    def close(self) -> None:
        """End all: they go with the process that forked them, and so should those that another one started."""
        for orphan in self.orphans():
            os.kill(orphan, signal.SIGKILL)
        self._forge.kill()
        self._forge.communicate()

    def _ask(self, *what: object) -> str:
        assert self._forge.stdin is not None
        assert self._forge.stdout is not None
        self._forge.stdin.write(f"{json.dumps(what)}\n")
        heard = select.select([self._forge.stdout], [], [], 3 * PATIENCE)[0]
        answer = self._forge.stdout.readline().strip() if heard else ""
        if not answer:
            raise RuntimeError(f"{what} is not answered; see {self._log}")
        return answer


def _abort(number: int) -> None:
    with suppress(ProcessLookupError):  # it ended in this instant
        os.kill(number, signal.SIGABRT)


def lives(number: int) -> bool:
    """Does it run, or stand still? A zombie has ended."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
