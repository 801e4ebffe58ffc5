"""Many callers' writes in one commit."""

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection

from bot.errors import Unavailable

BATCH = 64
Item = TypeVar("Item")
Result = TypeVar("Result")
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


@dataclass(slots=True, eq=False)
class Asked(Generic[Result]):
    """What a thread waits for. One that failed is without a `result`."""

    act: Callable[[Connection], Result]
    result: Result | None = None
    error: BaseException | None = None
    done: bool = False

    def end(self, result: Result | None = None, error: BaseException | None = None) -> None:
        """Once."""
        if not self.done:
            self.result, self.error, self.done = result, error, True


class Shared:
    """Runs what waits at the same moment in one transaction of `write`, in the thread of whoever comes first. One that
    fails is told so alone, and the others are run again without it; where the transaction itself fails, all are."""

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._write, self._lock = write, threading.Lock()
        self._waiting: deque[Asked[Any]] = deque()

    def run(self, act: Callable[[Connection], Result]) -> Result:
        """What `act` gives, once it is committed; raises what it or the commit raised. It may be run twice, in any
        thread, and must neither read from the store nor come here again by itself."""
        mine = Asked(act)
        self._waiting.append(mine)
        with self._lock:
            if not mine.done:
                self._run_all()
        if mine.error is not None:
            raise mine.error
        return cast("Result", mine.result)

    def _run_all(self) -> None:
        batch = list[Asked[Any]]()
        try:
            while self._waiting:
                batch.append(self._waiting.popleft())
            rest = batch
            while rest:
                rest = self._commit(rest)
        finally:  # an interrupt, which is for this thread alone
            for asked in batch:
                asked.end(error=None if asked.done else Unavailable("interrupted", retry_after=0.1))

    def _commit(self, batch: list[Asked[Any]]) -> list[Asked[Any]]:
        """Those that have to be run again."""
        begun, results = False, list[Any]()
        try:
            with self._write() as conn:
                begun = True
                for asked in batch:
                    results.append(asked.act(conn))
        except Exception as err:
            at = len(results)
            failed = batch[at : at + 1] if begun else []
            for asked in failed or batch:
                asked.end(error=err)
            return [asked for asked in batch if not asked.done]
        for asked, result in zip(batch, results, strict=True):
            asked.end(result)
        return []
