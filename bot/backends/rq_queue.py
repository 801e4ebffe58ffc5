"""Wake-ups between machines: RQ on Redis carries "there is work" and nothing else, at most one at a time."""

import logging
import threading
from collections.abc import Callable
from functools import cache
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from bot.backends.workers import repeat
from bot.errors import Misconfigured

log = logging.getLogger(__name__)
QUEUE = "understudy"
OUTSTANDING = "understudy:wake-up"
PATIENCE = 25.0  # seconds for a send that has begun, when we are told to stop
AGAIN = 2.0  # seconds between two attempts to reach Redis
LOST_AFTER = 10  # seconds: a wake-up that nobody took by then is made again
THREADS = 2  # in a process: one that is woken, and one that looks by itself
_drain: dict[str, Callable[[], object]] = {}


@cache
def _redis(url: str) -> Redis:
    try:
        return Redis.from_url(url, socket_connect_timeout=2)
    except ValueError as err:
        # Its own words may hold a piece of the password, which may not have `#`, `/` or `?` unescaped.
        raise Misconfigured("REDIS_URL", "is not a Redis URL; write redis://:PASSWORD@HOST:6379/0, escaped") from err


class RqBell:
    """`bot.ports.Wake` over RQ. While Redis is away workers find the work by looking themselves."""

    def __init__(self, url: str) -> None:
        self._redis = _redis(url)
        self._queue = Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)
        self._away = False

    def wake(self) -> None:
        """One wake-up, unless one is on its way."""
        try:
            if self._redis.set(OUTSTANDING, 1, nx=True, ex=LOST_AFTER):
                self._queue.enqueue(
                    wake_up, result_ttl=0, failure_ttl=0, job_timeout=-1
                )  # a drain has no end of its own
            self._said(away=False)
        except RedisError:
            self._said(away=True)

    def _said(self, *, away: bool) -> None:
        if away != self._away:
            log.warning("redis away" if away else "redis back")
            self._away = away


def wake_up() -> None:
    """The job: the mark goes first, so that work stored from now on is worth a new wake-up."""
    for url, drain in list(_drain.items()):
        _redis(url).delete(OUTSTANDING)
        drain()


class _Worker(SimpleWorker):
    """Lets a drain that is running know that a signal asked for an end: RQ itself would wait for its last row."""

    stopping: threading.Event

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """As RQ does at the first signal."""
        self.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def worker_for(url: str, drain: Callable[[], object], stopping: threading.Event) -> SimpleWorker:
    """An RQ worker that drains when it is woken, and sets `stopping` when it is told to end."""
    _drain[url] = drain
    queue = Queue(QUEUE, connection=_redis(url), serializer=JSONSerializer)
    made = _Worker([queue], connection=_redis(url), serializer=JSONSerializer)
    made.stopping = stopping
    return made


def serve(url: str, drain: Callable[[Callable[[], bool]], object]) -> None:
    """Be an RQ worker in the main thread until a signal. Beside it a thread looks for work every second, whatever
    Redis says. Both end after the row they are on."""
    stopping = threading.Event()
    look = (1.0, lambda: drain(stopping.is_set), stopping)
    looks = threading.Thread(target=repeat, args=look, name="poll", daemon=True)
    looks.start()
    try:
        _be_woken(url, lambda: drain(stopping.is_set), stopping)
    finally:
        stopping.set()
        looks.join(PATIENCE)


def _be_woken(url: str, drain: Callable[[], object], stopping: threading.Event) -> None:
    """Be RQ's worker until a signal; again and again, because it ends by itself, too: with an error while Redis is
    away, and without one when Redis answers too late or with something that it does not expect (2.12)."""
    away = False
    while not stopping.is_set():
        try:
            worker_for(url, drain, stopping).work(logging_level="WARNING")
            away = False
        except RedisError as err:
            if not away:
                log.warning("redis away: looking for work every second", extra={"error": str(err)})
            away = True
        stopping.wait(AGAIN)
