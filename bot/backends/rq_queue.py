"""Wake-ups between machines: RQ on Redis carries "there is work" and nothing else, at most one at a time."""

import logging
import threading
from collections.abc import Callable
from functools import cache

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from bot.errors import Misconfigured

log = logging.getLogger(__name__)
QUEUE = "understudy"
OUTSTANDING = "understudy:wake-up"
LOST_AFTER = 10  # seconds: a wake-up that nobody took by then is made again
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


def worker_for(url: str, drain: Callable[[], object]) -> SimpleWorker:
    """An RQ worker that drains when it is woken."""
    _drain[url] = drain
    queue = Queue(QUEUE, connection=_redis(url), serializer=JSONSerializer)
    return SimpleWorker([queue], connection=_redis(url), serializer=JSONSerializer)


def serve(url: str, drain: Callable[[], object], poll: Callable[[threading.Event], None]) -> None:
    """Be an RQ worker in the main thread until a signal; `poll` runs beside it and drains without Redis."""
    stopping = threading.Event()
    worker = worker_for(url, drain)
    threading.Thread(target=poll, args=(stopping,), name="poll", daemon=True).start()
    try:
        worker.work(logging_level="WARNING")
    finally:
        stopping.set()
