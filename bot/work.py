"""The queue of record: rows with a lease and a fence. Whoever wakes us is only believed to have woken us."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Case,
    ColumnElement,
    Connection,
    String,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    not_,
    select,
    update,
)

from bot.errors import Held, Unavailable
from bot.model import Ref
from bot.store.prepared import Prepared
from bot.store.statements import Insert, add, insert, stands
from bot.store.tables import pace, work

Effect = Callable[[Connection], object]  # what is written in the transaction that ends the row
Handler = Callable[["Job"], Effect | None]
Dead = Callable[[Connection, "Job", str], object]

LEASE = timedelta(seconds=90)
LEAST_WAIT = 0.05  # seconds
CALLS = ("look", "deliver")  # kinds that call a helpdesk


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


def call_off(conn: Connection, kind: str, key: str) -> None:
    """A piece of work that nobody has begun is not needed any more."""
    waits = work.c.key == f"{kind}|{key}", stands(work.c.state, "ready")
    conn.execute(update(work).where(*waits).values(state="done"))


def _open(dialect: str) -> ColumnElement[bool]:
    """May a row be worked on, as far as its helpdesk goes? Not while that is left alone (`bot.pace`), nor while it is
    `full`: whoever claims has no worker to spare for it."""
    place = func.strpos if dialect == "postgresql" else func.instr
    desk = func.substr(work.c.ref, 1, place(work.c.ref, ":") - 1)
    alone = select(pace.c.connector).where(pace.c.until > bindparam("now"))  # one list, however many rows wait
    blank = literal_column("' '", String)
    full = place(bindparam("full", type_=String), blank + desk + blank) > 0
    return not_(work.c.kind.in_([literal_column(f"'{kind}'") for kind in CALLS]) & (desk.in_(alone) | full))


@cache
def _claim(dialect: str) -> Prepared:
    other = work.alias()
    same = select(other.c.id).where(other.c.ref == work.c.ref)
    running = same.where(stands(other.c.state, "running")).exists()
    earlier = same.where(other.c.kind == work.c.kind, stands(other.c.state, "ready"), other.c.id < work.c.id).exists()
    due = select(work.c.id).where(stands(work.c.state, "ready"), work.c.run_at <= bindparam("now"), _open(dialect))
    due = due.where(~running, ~earlier).order_by(work.c.run_at, work.c.id).limit(1)
    if dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    mine = update(work).where(work.c.id == due.scalar_subquery(), stands(work.c.state, "ready"))
    mine = mine.values(state="running", lease_until=bindparam("until"), fence=work.c.fence + 1)
    return Prepared(mine.returning(*(work.c[name] for name in FIELDS)))


def claim(conn: Connection, now: datetime, full: Iterable[str] = (), lease: timedelta = LEASE) -> Job | None:
    """The oldest row that is due; one at a time for each conversation, in the order they were asked for. None that
    calls one of the helpdesks that are `full`."""
    row = _claim(conn.dialect.name).first(conn, now=now, until=now + lease, full=_listed(full))
    named = dict(zip(FIELDS, row, strict=True)) if row else {}
    return Job(**named | {"ref": Ref.parse(named["ref"])}) if named else None


def _listed(names: Iterable[str]) -> str:
    return "".join(f" {name} " for name in names)


def _mine(job: Job) -> ColumnElement[bool]:
    return (work.c.id == job.id) & (work.c.fence == job.fence) & (stands(work.c.state, "running"))


def held(conn: Connection, job: Job) -> bool:
    """Is the claim still ours? Asked in the transaction that writes what only its holder may write."""
    return conn.execute(select(work.c.id).where(_mine(job)).with_for_update()).first() is not None


RENEW = Prepared(
    update(work)
    .where(work.c.id == bindparam("job"), work.c.fence == bindparam("held"), stands(work.c.state, "running"))
    .values(lease_until=bindparam("until"))
)


def renew(conn: Connection, job: Job, now: datetime, lease: timedelta = LEASE) -> None:
    """A whole lease from now on, for a call that must not be overtaken by somebody else's."""
    RENEW.all(conn, job=job.id, held=job.fence, until=now + lease)


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


def at_once(conn: Connection, now: datetime) -> None:
    """What waits for its time is due now, and no lease ends later than if it were taken now."""
    later = stands(work.c.state, "ready"), work.c.run_at > now
    conn.execute(update(work).where(*later).values(run_at=now))
    longer = stands(work.c.state, "running"), work.c.lease_until > now + LEASE
    conn.execute(update(work).where(*longer).values(lease_until=now + LEASE))


def prune(conn: Connection, before: datetime) -> int:
    """Forget what was done before; events, deliveries and nonces know by themselves what has been. How many rows."""
    gone = delete(work).where(stands(work.c.state, "done"), work.c.at < before)
    return len(conn.execute(gone.returning(work.c.id)).all())


@cache
def _next(dialect: str) -> Prepared:
    soonest = select(work.c.run_at).where(stands(work.c.state, "ready"), _open(dialect))
    return Prepared(soonest.order_by(work.c.run_at).limit(1))


def due_in(conn: Connection, now: datetime, full: Iterable[str] = ()) -> float | None:
    """Seconds until the next row is due that may be worked on (0 when one is), None when nothing waits."""
    at = _next(conn.dialect.name).value(conn, now=now, full=_listed(full))
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


def reason(error: str) -> str:
    """The last line of an error that says something of its own."""
    lines = [line for line in error.strip().splitlines() if line.strip() and not line.startswith("(Background on")]
    return lines[-1] if lines else "unknown"
