"""The loop that takes rows and runs them, and what becomes of a row whose run failed."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from threading import get_ident

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bot import pace
from bot.errors import Held, Misconfigured, Refused, Unavailable
from bot.ports import Clock
from bot.store import Store
from bot.work import CALLS, Dead, Effect, Handler, Job, bury, claim, crashed, due_in, finish, later

log = logging.getLogger(__name__)
MAX_CRASHES = 3  # of the process, or bugs: then a person gets it
AGAIN = (0.02, 0.1, 0.5, 2.0)  # seconds between attempts to write down how a row ended
GIVE_UP = timedelta(hours=24)  # a vendor away for longer is a person's matter


@dataclass(frozen=True, slots=True)
class Worker:
    """Drains the table. `handlers` by kind; `dead` writes, in the transaction that buries it, that a row needs a
    person. `threads` share it. By helpdesk: `budgets` in looks and deliveries a minute, `failures` in a row; `calls`
    that are going on: the helpdesk that each thread calls."""

    store: Store
    handlers: Mapping[str, Handler]
    dead: Dead
    now: Clock
    threads: int = 1
    budgets: Mapping[str, float] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    calls: dict[int, str] = field(default_factory=dict)

    def drain(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Work until nothing is due or `stop` says so; how many rows. Ends one and claims the next in one commit."""
        count, job = 0, self._claim()
        while job is not None:
            end = self._run(job)
            job = self._end(job, end, more=not stop())
            count += 1
        return count

    def due_in(self) -> float | None:
        """Seconds until there is something to do, None when nothing waits."""
        with self.store.read() as conn:
            return due_in(conn, self.now(), self._full())

    def _full(self) -> list[str]:
        """Helpdesks that so many of our threads call that one is left for the others, should all those calls hang."""
        calls = Counter(list(self.calls.values()))
        return [desk for desk, many in calls.items() if many >= max(1, self.threads - 1)]

    def _take(self, conn: Connection, thread: int) -> Job | None:
        self.calls.pop(thread, None)  # where the last claim was not committed
        job = claim(conn, self.now(), self._full())
        if job and job.kind in CALLS:
            self.calls[thread] = job.ref.connector
            if job.ref.connector in self.budgets:
                pace.spend(conn, job.ref.connector, self.budgets[job.ref.connector], self.now())
        return job

    def _claim(self) -> Job | None:
        while True:
            try:
                return self.store.share(partial(self._take, thread=get_ident()))
            except IntegrityError:  # another process claimed the same conversation in this instant
                continue

    def _end(self, job: Job, end: Effect, *, more: bool) -> Job | None:
        thread = get_ident()

        def end_and_take(conn: Connection) -> Job | None:
            end(conn)
            return self._take(conn, thread) if more else None

        try:
            return self.store.share(end_and_take)
        except Unavailable:
            return self._end_later(job, end, more=more)
        except Exception:  # of the claim, as above, or a bug in the row's own effect: told apart by ending it alone
            return self._end_alone(job, end, more=more)

    def _end_later(self, job: Job, end: Effect, *, more: bool) -> Job | None:
        """The store was busy, or two transactions stood in each other's way: what was done is not thrown away."""
        for wait in AGAIN:
            time.sleep(wait)
            with suppress(Unavailable):
                return self._end_alone(job, end, more=more)
        raise Unavailable(f"the store takes no end of {job.key}")

    def _end_alone(self, job: Job, end: Effect, *, more: bool) -> Job | None:
        try:
            with self.store.write() as conn:
                end(conn)
        except Unavailable:
            raise
        except Exception:
            error = _bug(job)
            with self.store.write() as conn:
                crashed(conn, job, self.now(), error)
        return self._claim() if more else None

    def _run(self, job: Job) -> Effect:
        """Run one row; what is to be written about how it ended."""
        if job.crashes >= MAX_CRASHES:
            return self._bury(job, job.last_error)
        try:
            effect = self._handle(job)
        except Unavailable as err:
            return self._put_off(job, err)
        except Refused as err:
            return self._bury(job, str(err))
        except Exception as err:
            error = _bug(job) if not isinstance(err, Misconfigured) else _unfit(job, err)
            return lambda conn: crashed(conn, job, self.now(), error)
        if job.kind in CALLS:
            self.failures.pop(job.ref.connector, None)
        return partial(_finish, job=job, effect=effect)

    def _handle(self, job: Job) -> Effect | None:
        try:
            return self.handlers[job.kind](job)
        finally:
            self.calls.pop(get_ident(), None)

    def _put_off(self, job: Job, err: Unavailable) -> Effect:
        if self.now() - job.at > GIVE_UP and not isinstance(err, Held):
            return self._bury(job, str(err))
        self.failures[job.ref.connector] += err.away

        def put_off(conn: Connection) -> None:
            later(conn, job, self.now(), err)
            desk = job.ref.connector
            pace.slow_down(conn, desk, err, self.failures[desk], self.now())

        return put_off

    def _bury(self, job: Job, error: str) -> Effect:
        return lambda conn: bury(conn, job, error) and self.dead(conn, job, error)


def _finish(conn: Connection, job: Job, effect: Effect | None) -> None:
    """Done, with its effect, in one transaction; whose claim was taken over has no effect."""
    if finish(conn, job) and effect is not None:
        effect(conn)


def _unfit(job: Job, err: Misconfigured) -> str:
    """Nothing of ours is wrong but a setting: its words say what to do, and another process may have it right."""
    log.error("not done", extra={"job": job.key, "error": str(err)})
    return str(err)


def _bug(job: Job) -> str:
    log.exception("crashed", extra={"job": job.key})
    return traceback.format_exc(limit=8)
