"""Workers in threads of this process, woken by a condition; they also look by themselves."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from bot import STARTED
from bot.errors import BotError, Unavailable
from bot.worker import Worker

log = logging.getLogger(__name__)
POLL = 0.25  # seconds between looks when nobody wakes us
LEAST = 0.02  # seconds: what is due may have to wait for its conversation's turn
LEFT_BEHIND = 2.0  # seconds that whoever stops waits for what is repeated


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
    """As many threads as share `worker`, which drain the work table until `stop`."""

    def __init__(self, worker: Worker, bell: Bell) -> None:
        self._worker, self._bell, self._stopping = worker, bell, threading.Event()
        names = [f"worker {i + 1}" for i in range(worker.threads)]
        self._threads = [threading.Thread(target=self._run, name=n, daemon=True) for n in names]

    def start(self) -> "Workers":
        """Begin; returns itself."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds: float = 5.0) -> None:
        """Let each finish the row it is on, for `seconds` in all."""
        self._stopping.set()
        self._bell.wake()
        await_all(self._threads, seconds)

    def _run(self) -> None:
        known = 0
        while not self._stopping.is_set():
            known = self._bell.wait(known, self._work())

    def _work(self) -> float:
        """Drain; seconds until there may be more."""
        try:
            self._worker.drain(self._stopping.is_set)
            due = self._worker.due_in()
        except (Unavailable, SQLAlchemyError) as err:
            log.warning("store away", extra={"error": type(err).__name__})
            return POLL
        except Exception:  # a worker outlives whatever it meets
            log.exception("worker crashed")
            return POLL
        return POLL if due is None else min(max(due, LEAST), POLL)


def repeat(seconds: float, act: Callable[[], object], stopping: threading.Event) -> None:
    """Again and again, whatever it meets; what it meets each time is told once."""
    told = ""
    while not stopping.wait(seconds):
        try:
            act()
            told = ""
        except Exception as err:
            if str(err) != told:
                _tell(act, err)
            told = str(err)


def _tell(act: Callable[[], object], err: Exception) -> None:
    """Where a bug is, a traceback shows; of what has an owner its words say what to do."""
    if isinstance(err, BotError):
        log.error("not done", extra={"act": act, "error": str(err)})
    else:
        log.exception("crashed", extra={"act": act})


@contextmanager
def repeating(acts: Iterable[tuple[float, Callable[[], object]]]) -> Iterator[threading.Event]:
    """Do each every so many seconds, in a thread of its own, until the block ends or the event is set; what hangs then
    is left."""
    stopping = threading.Event()
    threads = [threading.Thread(target=repeat, args=(*act, stopping), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        await_all(threads, LEFT_BEHIND)


def await_all(threads: Iterable[threading.Thread], seconds: float) -> None:
    """Let all of them come to their end, for so long together."""
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def end_with_parent() -> None:
    """Be told to end (SIGTERM) within a second once whoever started us is gone: what nobody watches any more must not
    go on answering. Under `nohup` it was asked to."""
    parent = STARTED[1] if STARTED[0] == os.getpid() else os.getppid()
    told = threading.Event()

    def look() -> None:
        if os.getppid() != parent:
            told.set()
            log.warning("parent gone")
            os.kill(os.getpid(), signal.SIGTERM)

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        threading.Thread(target=repeat, args=(1.0, look, told), name="parent", daemon=True).start()
