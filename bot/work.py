"""The queue of record: rows with a lease and a fence. Whoever wakes us is only believed to have woken us."""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import Case, ColumnElement, Connection, bindparam, case, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from bot.errors import Held, Refused, Unavailable
from bot.model import Ref
from bot.ports import Clock
from bot.store import Store
from bot.store.prepared import Prepared
from bot.store.statements import Insert, add, insert, stands
from bot.store.tables import work

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)
MAX_CRASHES = 3  # of the process, or bugs: then a person gets it
LEAST_WAIT = 0.05  # seconds
CALLS = ("look", "deliver")  # kinds that call a helpdesk
GIVE_UP = timedelta(hours=24)  # a vendor away for longer is a person's matter


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed work row. `fence` proves that the claim is still ours; `rung` how often it was asked for by then."""

    id: int
    key: str
    kind: str
    ref: Ref
    payload: str
    fence: int
    rung: int
    attempts: int
    crashes: int
    at: datetime
    last_error: str


FIELDS = [field.name for field in fields(Job)]
Effect = Callable[[Connection], object]  # what is written in the transaction that ends the row
Handler = Callable[[Job], Effect | None]
Dead = Callable[[Connection, Job, str], object]


@cache
def _ring(dialect: str) -> Insert:
    made = insert(dialect, work)
    ended = (stands(work.c.state, "done")) | (stands(work.c.state, "dead"))

    def anew(column: ColumnElement[Any], value: object) -> Case[Any]:
        return case((ended, value), else_=column)  # what waits for its time goes on waiting

    values = {
        "rung": work.c.rung + 1,
        "state": anew(work.c.state, "ready"),
        "run_at": anew(work.c.run_at, made.excluded.run_at),
        "at": anew(work.c.at, made.excluded.at),
        "crashes": anew(work.c.crashes, 0),
        "attempts": anew(work.c.attempts, 0),
    }
    return made.on_conflict_do_update(index_elements=["key"], set_=values)


def ring(conn: Connection, refs: Iterable[Ref], now: datetime) -> None:
    """Ask for a look at conversations: a row each, however often it is rung, and none lost while one is running."""
    asked = {"kind": "look", "state": "ready", "run_at": now, "at": now}
    rows = [{"key": f"look|{ref}", "ref": str(ref), **asked} for ref in refs]
    if rows:
        conn.execute(_ring(conn.dialect.name), rows)


def ask(conn: Connection, kind: str, key: str, ref: Ref, now: datetime, payload: str = "") -> None:
    """Ask for one piece of work, once for ever by (kind, key)."""
    asked = {"key": f"{kind}|{key}", "kind": kind, "ref": str(ref), "payload": payload}
    add(conn, work, **asked, state="ready", run_at=now, at=now)


@cache
def _claim(dialect: str) -> Prepared:
    other = work.alias()
    same = select(other.c.id).where(other.c.ref == work.c.ref)
    running = same.where(stands(other.c.state, "running")).exists()
    earlier = same.where(other.c.kind == work.c.kind, stands(other.c.state, "ready"), other.c.id < work.c.id).exists()
    due = select(work.c.id).where(stands(work.c.state, "ready"), work.c.run_at <= bindparam("now"), ~running, ~earlier)
    due = due.order_by(work.c.run_at, work.c.id).limit(1)
    if dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    mine = update(work).where(work.c.id == due.scalar_subquery(), stands(work.c.state, "ready"))
    mine = mine.values(state="running", lease_until=bindparam("until"), fence=work.c.fence + 1)
    return Prepared(mine.returning(*(work.c[name] for name in FIELDS)))


def claim(conn: Connection, now: datetime, lease: timedelta = LEASE) -> Job | None:
    """The oldest row that is due; one at a time for each conversation, in the order they were asked for."""
    row = _claim(conn.dialect.name).first(conn, now=now, until=now + lease)
    named = dict(zip(FIELDS, row, strict=True)) if row else {}
    return Job(**named | {"ref": Ref.parse(named["ref"])}) if named else None


def _mine(job: Job) -> ColumnElement[bool]:
    return (work.c.id == job.id) & (work.c.fence == job.fence) & (stands(work.c.state, "running"))


def held(conn: Connection, job: Job) -> bool:
    """Is the claim still ours? Asked in the transaction that writes what only its holder may write."""
    return conn.execute(select(work.c.id).where(_mine(job)).with_for_update()).first() is not None


FINISH = Prepared(
    update(work)
    .where(work.c.id == bindparam("job"), work.c.fence == bindparam("held"), stands(work.c.state, "running"))
    .values(
        state=case((work.c.rung > bindparam("known"), "ready"), else_="done"), lease_until=None, crashes=0, attempts=0
    )
    .returning(work.c.id)
)


def finish(conn: Connection, job: Job) -> bool:
    """Done, unless it was rung again meanwhile. False when the claim had been taken over."""
    return FINISH.first(conn, job=job.id, held=job.fence, known=job.rung) is not None


def later(conn: Connection, job: Job, now: datetime, err: Unavailable) -> None:
    """Again when `err` says. A wait that is our own does not count towards giving up."""
    wait = timedelta(seconds=max(err.retry_after, LEAST_WAIT * 2 ** min(job.attempts, 6)))
    again = {"state": "ready", "run_at": now + wait, "attempts": work.c.attempts + 1}
    if isinstance(err, Held):
        again["at"] = now
    conn.execute(update(work).where(_mine(job)).values(lease_until=None, **again, **_errors(str(err))))


def bury(conn: Connection, job: Job, error: str) -> bool:
    """Dead: kept with its errors until a person looks. False when the claim had been taken over."""
    change = update(work).where(_mine(job)).values(state="dead", lease_until=None, **_errors(error))
    return conn.execute(change.returning(work.c.id)).first() is not None


def crashed(conn: Connection, job: Job, now: datetime, error: str) -> None:
    """A bug: tried again a little later, counted."""
    values = {"state": "ready", "run_at": now + timedelta(seconds=2**job.crashes), "crashes": work.c.crashes + 1}
    conn.execute(update(work).where(_mine(job)).values(lease_until=None, **values, **_errors(error)))


def _errors(error: str) -> dict[str, object]:
    first = case((work.c.first_error == "", error), else_=work.c.first_error)
    return {"first_error": first, "last_error": error}


def reclaim(conn: Connection, now: datetime) -> int:
    """Give back what a dead worker held: rows whose lease is over. How many."""
    lost = update(work).where(stands(work.c.state, "running"), work.c.lease_until < now)
    change = lost.values(state="ready", lease_until=None, crashes=work.c.crashes + 1, **_errors("its worker went away"))
    return len(conn.execute(change.returning(work.c.id)).all())


def prune(conn: Connection, before: datetime) -> int:
    """Forget what was done before; events, deliveries and nonces know by themselves what has been. How many rows."""
    gone = delete(work).where(stands(work.c.state, "done"), work.c.at < before)
    return len(conn.execute(gone.returning(work.c.id)).all())


def due_in(conn: Connection, now: datetime) -> float | None:
    """Seconds until the next row is due (0 when one is), None when nothing waits."""
    query = select(func.min(work.c.run_at)).where(stands(work.c.state, "ready"))
    at = conn.scalar(query)
    return None if at is None else max(0.0, (at - now).total_seconds())


def waiting(conn: Connection) -> int:
    """How many rows are neither done nor dead."""
    query = select(func.count()).select_from(work).where(work.c.state.in_(("ready", "running")))
    return conn.scalar(query) or 0


def rung(conn: Connection, ref: Ref) -> tuple[int, datetime] | None:
    """How often a conversation was rung for, and when last."""
    r = conn.execute(select(work.c.rung, work.c.at).where(work.c.key == f"look|{ref}")).first()
    return (r.rung, r.at) if r else None


def oldest(conn: Connection, now: datetime) -> float:
    """Seconds that the row waits which is due for longest, 0 when none is."""
    at = conn.scalar(select(func.min(work.c.run_at)).where(stands(work.c.state, "ready"), work.c.run_at <= now))
    return (now - at).total_seconds() if at else 0.0


def dead(conn: Connection, limit: int = 100) -> list[tuple[str, str, str, str]]:
    """(key, ref, first error, last error) of what waits for a person, newest first."""
    columns = (work.c.key, work.c.ref, work.c.first_error, work.c.last_error)
    query = select(*columns).where(stands(work.c.state, "dead")).order_by(work.c.id.desc()).limit(limit)
    return [(r.key, r.ref, r.first_error, r.last_error) for r in conn.execute(query)]


def reason(error: str) -> str:
    """The last line of an error that says something of its own."""
    lines = [line for line in error.strip().splitlines() if line.strip() and not line.startswith("(Background on")]
    return lines[-1] if lines else "unknown"


@dataclass(frozen=True, slots=True)
class Worker:
    """Drains the table. `handlers` by kind; `dead` writes, in the transaction that buries it, that a row needs a
    person. `quiet`: until when a helpdesk that is crowded is left alone."""

    store: Store
    handlers: Mapping[str, Handler]
    dead: Dead
    now: Clock
    quiet: dict[str, datetime] = field(default_factory=dict)

    def drain(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Work until nothing is due or `stop` says so; how many rows. Ends one and claims the next in one commit."""
        count, job = 0, self._claim()
        while job is not None:
            end = self._run(job)
            job = self._end(job, end, more=not stop())
            count += 1
        return count

    def _claim(self) -> Job | None:
        while True:
            try:
                with self.store.write(durable=False) as conn:
                    return claim(conn, self.now())
            except IntegrityError:  # another process claimed the same conversation in this instant
                continue

    def _end(self, job: Job, end: Effect, *, more: bool) -> Job | None:
        try:
            with self.store.write(durable=False) as conn:
                end(conn)
                return claim(conn, self.now()) if more else None
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
            self._leave_alone(job)
            effect = self.handlers[job.kind](job)
        except Unavailable as err:
            return self._put_off(job, err)
        except Refused as err:
            return self._bury(job, str(err))
        except Exception:
            error = _bug(job)
            return lambda conn: crashed(conn, job, self.now(), error)
        return partial(_finish, job=job, effect=effect)

    def _put_off(self, job: Job, err: Unavailable) -> Effect:
        if self.now() - job.at > GIVE_UP and not isinstance(err, Held):
            return self._bury(job, str(err))
        if err.crowded:
            self.quiet[job.ref.connector] = self.now() + timedelta(seconds=err.retry_after)
        return lambda conn: later(conn, job, self.now(), err)

    def _leave_alone(self, job: Job) -> None:
        """What goes to a helpdesk that said 429 waits as long as the first call was told to."""
        left = (self.quiet.get(job.ref.connector, job.at) - self.now()).total_seconds()
        if job.kind in CALLS and left > 0:
            raise Unavailable(f"{job.ref.connector} is crowded", retry_after=left)

    def _bury(self, job: Job, error: str) -> Effect:
        return lambda conn: bury(conn, job, error) and self.dead(conn, job, error)


def _finish(conn: Connection, job: Job, effect: Effect | None) -> None:
    """Done, with its effect, in one transaction; whose claim was taken over has no effect."""
    if finish(conn, job) and effect is not None:
        effect(conn)


def _bug(job: Job) -> str:
    log.exception("crashed", extra={"job": job.key})
    return traceback.format_exc(limit=8)
