"""Workers in threads of this process, woken by a condition; they also look by themselves."""

import threading
from collections.abc import Callable

from bot.work import Worker, due_in, reclaim

POLL = 1.0  # seconds between looks when nobody wakes us


class Bell:
    """`bot.ports.Wake` within a process."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0

    def wake(self) -> None:
        """Wake whoever waits."""
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def wait(self, known: int, seconds: float) -> int:
        """Until it is rung more often than `known`, or `seconds` have passed; how often it was rung."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != known, seconds)
            return self._rung


class Workers:
    """`count` threads that drain the work table until `stop`."""

    def __init__(self, worker: Worker, bell: Bell, count: int) -> None:
        self._worker, self._bell, self._stopping = worker, bell, threading.Event()
        names = [f"worker {i + 1}" for i in range(count)]
        self._threads = [threading.Thread(target=self._run, name=n, daemon=True) for n in names]

    def start(self) -> "Workers":
        """Begin; returns itself."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds: float = 5.0) -> None:
        """Let each finish the row it is on."""
        self._stopping.set()
        self._bell.wake()
        for thread in self._threads:
            thread.join(seconds)

    def _run(self) -> None:
        known = 0
        while not self._stopping.is_set():
            self._worker.rescue(self._worker.drain_until(self._stopping.is_set))
            known = self._bell.wait(known, self._pause())

    def _pause(self) -> float:
        with self._worker.store.write() as conn:
            reclaim(conn, self._worker.now())
            due = due_in(conn, self._worker.now())
        return POLL if due is None else min(due, POLL)


Step = Callable[[], None]
