"""Many callers' writes in one commit."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection

from bot.errors import Unavailable

BATCH = 64
Item = TypeVar("Item")
Run = Callable[[Connection, list[Item]], None]
Waiting = tuple[Run[Any], Any, "Future[None]"]


class Together:
    """Commits what waits at the same moment in one transaction of `write`, in a thread of its own that starts with the
    first item and calls `ends` when it ends."""

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]], ends: Callable[[], None]) -> None:
        self._write, self._ends = write, ends
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._lock, self._closed = threading.Lock(), False
        self._thread: threading.Thread | None = None

    def add(self, run: Run[Item], item: Item) -> None:
        """Returns once it is committed; raises what the commit raised, Unavailable after `close`."""
        done: Future[None] = Future()
        with self._lock:
            if self._closed:
                raise Unavailable("the store is closed", retry_after=1.0)
            if self._thread is None:
                self._thread = threading.Thread(target=self._commit_until_closed, name="committer", daemon=True)
                self._thread.start()
            self._waiting.put((run, item, done))
        done.result()

    def close(self) -> None:
        """What was added is committed when this returns."""
        with self._lock:
            self._closed = True
            self._waiting.put(None)
        if self._thread:
            self._thread.join()

    def _commit_until_closed(self) -> None:
        more = True
        while more:
            batch, more = self._next()
            self._commit(batch)
        self._ends()

    def _next(self) -> tuple[list[Waiting], bool]:
        """What waits, and whether more may come: not after `close`."""
        batch: list[Waiting] = []
        while not batch or (len(batch) < BATCH and not self._waiting.empty()):
            waiting = self._waiting.get()
            if waiting is None:
                return batch, False
            batch.append(waiting)
        return batch, True

    def _commit(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        try:
            with self._write() as conn:
                for run in dict.fromkeys(waiting[0] for waiting in batch):
                    run(conn, [item for asked, item, _ in batch if asked is run])
        except BaseException as err:  # every waiter is told, and raises it in its own thread
            for _, _, done in batch:
                done.set_exception(err)
            return
        for _, _, done in batch:
            done.set_result(None)
