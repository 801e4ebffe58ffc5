"""What is changed in a process of ours before it starts, by name: where it dies, and faults that must be found.

The product knows none of this: each change replaces one function of it, in that process alone.
"""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import update

import app
import connectors
from bot import answer, deliver, egress, settings, sweep, work, worker
from bot.backends import rq_queue
from bot.line import Line
from bot.model import Context, DeliveryState, Draft, Event, Ref
from bot.store import Store, connections, drafts, reviews
from bot.store.tables import delivery
from bot.text.links import ANYWHERE
from connectors import http
from connectors.intercom import connector as intercom
from connectors.slack import web
from connectors.zendesk import connector as zendesk

DEFERRED, SOON = 0.3, 0.3  # seconds


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freeze() -> None:
    """With nobody in a transaction on SQLite: whoever stands still in one keeps the file to itself (PROMISES.md)."""
    with ExitStack() as held:
        for store in [made for made in gc.get_objects() if isinstance(made, Store) and made.sqlite]:
            held.enter_context(store._writing)
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.5)  # the main thread takes the signal: this one must not go on into a transaction meanwhile


def _swap(owner: Any, **new: object) -> None:
    """AttributeError when the product has no such thing any more: then nothing would be changed."""
    for name, value in new.items():
        getattr(owner, name)
        setattr(owner, name, value)


def _before(owner: Any, name: str, happens: Callable[[], None], when: Callable[..., bool] | None = None) -> None:
    """Always, or where `when` says so of its arguments."""
    real = getattr(owner, name)

    def changed(*args: Any, **kwargs: Any) -> Any:
        if when is None or when(*args, **kwargs):
            happens()
        return real(*args, **kwargs)

    setattr(owner, name, changed)


def _after(owner: Any, name: str, happens: Callable[[], None], when: Callable[..., bool] | None = None) -> None:
    """Whether it returns something or raises; not for an empty hand, unless `when` says so of its arguments."""
    real = getattr(owner, name)

    def changed(*args: Any, **kwargs: Any) -> Any:
        result: Any = True
        try:
            result = real(*args, **kwargs)
        finally:
            if when(*args, **kwargs) if when else result:
                happens()
        return result

    setattr(owner, name, changed)


def _around_the_call(change: Callable[[Any, str, Callable[[], None]], None], happens: Callable[[], None]) -> None:
    real = app.connect

    def connect(env: Any) -> Any:
        made = real(env)
        for desk in made.values():
            change(type(desk), "deliver", happens)
        return made

    app.connect = connect


def _die_soon() -> None:
    threading.Timer(SOON, _die).start()


def _delivers(_worker: object, job: work.Job, *_rest: object, **_more: object) -> bool:
    return job.kind == "deliver"


def _was_sent(_conn: object, _key: str, state: DeliveryState, *_rest: object, **_more: object) -> bool:
    return state is DeliveryState.SENT


def _tries_again(_conn: object, _key: str, _state: object, _now: object, _vendor: str = "", error: str = "") -> bool:
    return "one more try" in error


def _gate_open(conn: Any, key: str, job: int, fence: int, now: Any) -> bool:
    """The gate without its fence: whoever comes, goes through."""
    values = {"state": DeliveryState.SENDING.value, "sending_at": now, "tries": delivery.c.tries + 1}
    conn.execute(update(delivery).where(delivery.c.key == key).values(values))
    return True


def _acknowledged_first(store: Store, run: Any, item: Any) -> None:
    """Handed to a thread, as so many receivers do."""

    def later() -> None:
        with store.write() as conn:
            run(conn, [item])

    threading.Timer(DEFERRED, later).start()


def _waits_for_nothing(real: Callable[[Any, str], None], conn: Any, _synchronous: str) -> None:
    """No commit waits for the disk."""
    real(conn, "NORMAL")


def _unsynced() -> None:
    _swap(connections, _wait_for_disk=partial(_waits_for_nothing, connections._wait_for_disk))
    _swap(Store, flush=lambda _store: None)


def _anchors_often() -> None:
    """The audit's head is anchored every second, not every day."""
    vars(sweep)["DAY"] = timedelta()
    real = sweep.reclaim

    def reclaim(line: Line) -> int:
        sweep.anchor(line, settings.anchors(os.environ))
        return real(line)

    vars(sweep)["reclaim"] = reclaim


def _keyed_by_the_attempt(event: Event) -> str:
    return f"{event.ref.connector}-{event.ref.id}-{event.kind}-{event.object_id}-{uuid4().hex}"


class Obedient:
    """A writer that says what the customer asks it to say, to whom it likes."""

    def write(self, context: Context) -> Draft:
        """Their words are its words."""
        newest = context.conversation.messages[-1].text
        return Draft("a-theirs", "e-theirs", Ref("zendesk", "1"), newest, context.evidence[:1], 1.0, "m1", "returns")


def _ungated() -> None:
    """Whatever the writer says, to this conversation, with links to anywhere."""

    def passed(context: Context, draft: Draft) -> tuple[Draft, tuple[str, ...], None]:
        own = answer._nothing(context)
        return replace(own, text=draft.text, used=draft.used, topic=draft.topic), ANYWHERE, None

    _swap(egress, passed=passed, last_look=lambda *_: "")


POINTS: dict[str, Callable[[], None]] = {
    "claimed": lambda: _after(worker.Worker, "_claim", _die),
    "with the delivery claimed": lambda: _before(worker.Worker, "_handle", _die, _delivers),
    "before the look": lambda: _before(deliver, "_now", _die),
    "after the look": lambda: _before(deliver, "overtaken", _die),
    "frozen before the gate": lambda: _before(deliver, "_send", _freeze),
    "before the gate's commit": lambda: _after(drafts, "start_sending", _die),
    "before the call": lambda: _around_the_call(_before, _die),
    "frozen behind the gate": lambda: _around_the_call(_before, _freeze),
    "in the call": lambda: _around_the_call(_before, _die_soon),
    "after the call": lambda: _around_the_call(_after, _die),
    "after the doubt was noted": lambda: _after(deliver, "deliver", _die),
    "before the end's commit": lambda: _after(drafts, "end_sending", _die, _was_sent),
    "after the end's commit": lambda: _after(worker.Worker, "_end", _die, _delivers),
    "before the read-back": lambda: _before(deliver, "_read_back", _die),
    "after the read-back": lambda: _after(deliver, "_read_back", _die),
    "before the second try's commit": lambda: _after(drafts, "end_sending", _die, _tries_again),
}
HELD: dict[str, Callable[[], None]] = {  # what the dead held is not taken back for now: one fault at a time
    "no reclaim": lambda: _swap(sweep, reclaim=lambda _line: 0),
}
OFTEN: dict[str, Callable[[], None]] = {"anchors": _anchors_often}
WRITERS: dict[str, Callable[[], None]] = {"obedient": lambda: _swap(app, ExtractiveWriter=Obedient)}
PLANTED: dict[str, Callable[[], None]] = {
    "fence": lambda: _swap(drafts, start_sending=_gate_open),
    "read-back": lambda: _swap(deliver, _read_back=lambda *_: None),
    "polling": lambda: _swap(rq_queue, repeat=lambda *_: None),
    "de-duplication": lambda: _swap(Event, key=property(_keyed_by_the_attempt)),
    "egress": _ungated,
    "nonce": lambda: _swap(reviews, use_nonce=lambda *_: True),
    "orphan": lambda: _swap(app, end_with_parent=lambda: None),
    "commit": lambda: _swap(Store, together=_acknowledged_first),
    "sync": _unsynced,
}


def _patience(seconds: int) -> None:
    """How long our connectors wait for an answer."""
    for owner in (zendesk.connect, intercom.connect, web.Web.__init__):
        owner.__defaults__ = (seconds,)


def _clock(file: Path) -> None:
    """Wherever the product asks for the time, it is off by the seconds that the file says at that moment.
    (libfaketime cannot jump while processes run: sleeping fails with EINVAL then, Debian's 0.9.10.)"""

    class Off(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=float(file.read_text()))

    for module in (app, http, web):
        vars(module)["datetime"] = Off


def make(name: str) -> None:
    """Change this process: a point, a planted fault, `lease=SECONDS`, `patience=SECONDS`, `horizon=SECONDS`,
    `clock=FILE`, `only=HELPDESK` for its calls, or a setting such as `WORKERS=0`."""
    what, _, value = name.partition("=")
    if what.isupper():
        os.environ[what] = value
    elif what == "lease":
        lease = timedelta(seconds=float(value))
        _swap(worker, claim=partial(work.claim, lease=lease))
        _swap(work, renew=partial(work.renew, lease=lease))
        _swap(deliver, IN_TIME=lease.total_seconds() / 3)
    elif what == "patience":
        _patience(int(value))
    elif what == "clock":
        _clock(Path(value))
    elif what == "only":
        _swap(worker.Worker, _full=lambda _self: [desk for desk in connectors.found() if desk != value])
    elif what == "horizon":
        _swap(deliver, HORIZON=float(value))
    else:
        (POINTS | HELD | OFTEN | WRITERS | PLANTED)[what]()
