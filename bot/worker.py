"""The loop that takes rows and runs them, and what becomes of a row whose run failed."""

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bot import pace
from bot.errors import Held, Refused, Unavailable
from bot.ports import Clock
from bot.store import Store
from bot.work import CALLS, Dead, Effect, Handler, Job, bury, claim, crashed, due_in, finish, later

log = logging.getLogger(__name__)
MAX_CRASHES = 3  # of the process, or bugs: then a person gets it
SLOW = timedelta(seconds=5)  # a call that takes longer hangs
GIVE_UP = timedelta(hours=24)  # a vendor away for longer is a person's matter


@dataclass(frozen=True, slots=True)
class Worker:
    """Drains the table. `handlers` by kind; `dead` writes, in the transaction that buries it, that a row needs a
    person. `threads` share it. By helpdesk: `budgets` in looks and deliveries a minute, `failures` in a row; `calls`
    that are going on, by work row: the helpdesk and since when."""

    store: Store
    handlers: Mapping[str, Handler]
    dead: Dead
    now: Clock
    threads: int = 1
    budgets: Mapping[str, float] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    calls: dict[int, tuple[str, datetime]] = field(default_factory=dict)

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
        """Helpdesks where calls of ours hang: one of our threads at least is left for the others. Ours
        alone: what a process was doing when it died says nothing about a helpdesk."""
        now = self.now()
        hang = Counter(desk for desk, since in list(self.calls.values()) if now - since > SLOW)
        return [desk for desk, many in hang.items() if many >= max(1, self.threads - 1)]

    def _take(self, conn: Connection) -> Job | None:
        job = claim(conn, self.now(), self._full())
        if job and job.kind in CALLS and job.ref.connector in self.budgets:
            pace.spend(conn, job.ref.connector, self.budgets[job.ref.connector], self.now())
        return job

    def _claim(self) -> Job | None:
        while True:
            try:
                with self.store.write(durable=False) as conn:
                    return self._take(conn)
            except IntegrityError:  # another process claimed the same conversation in this instant
                continue

    def _end(self, job: Job, end: Effect, *, more: bool) -> Job | None:
        try:
            with self.store.write(durable=False) as conn:
                end(conn)
                return self._take(conn) if more else None
        except Unavailable:
            raise
        except Exception:  # of the claim, as above, or a bug in the row's own effect: told apart by ending it alone
            return self._end_alone(job, end, more=more)

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
        except Exception:
            error = _bug(job)
            return lambda conn: crashed(conn, job, self.now(), error)
        if job.kind in CALLS:
            self.failures.pop(job.ref.connector, None)
        return partial(_finish, job=job, effect=effect)

    def _handle(self, job: Job) -> Effect | None:
        if job.kind in CALLS:
            self.calls[job.id] = (job.ref.connector, self.now())
        try:
            return self.handlers[job.kind](job)
        finally:
            self.calls.pop(job.id, None)

    def _put_off(self, job: Job, err: Unavailable) -> Effect:
        if self.now() - job.at > GIVE_UP and not isinstance(err, Held):
            return self._bury(job, str(err))
        self.failures[job.ref.connector] += err.away

        def put_off(conn: Connection) -> None:
            later(conn, job, self.now(), err)
            self._slow_down(conn, job.ref.connector, err)

        return put_off

    def _slow_down(self, conn: Connection, connector: str, err: Unavailable) -> None:
        if err.crowded:
            until = self.now() + timedelta(seconds=err.retry_after)
            pace.leave_alone(conn, connector, until, "crowded, it says")
        elif err.away:
            pace.failed(conn, connector, self.failures[connector], self.now(), str(err))

    def _bury(self, job: Job, error: str) -> Effect:
        return lambda conn: bury(conn, job, error) and self.dead(conn, job, error)


def _finish(conn: Connection, job: Job, effect: Effect | None) -> None:
    """Done, with its effect, in one transaction; whose claim was taken over has no effect."""
    if finish(conn, job) and effect is not None:
        effect(conn)


def _bug(job: Job) -> str:
    log.exception("crashed", extra={"job": job.key})
    return traceback.format_exc(limit=8)
