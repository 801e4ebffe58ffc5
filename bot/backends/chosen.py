"""Which brains and wake-ups the settings ask for."""

from importlib.util import find_spec

from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.backends.workers import Bell
from bot.brains import Embedder, Index
from bot.errors import Misconfigured
from bot.ports import Wake
from bot.settings import Settings, index_folder


def bell(chosen: Settings) -> Wake:
    """Wake-ups within the process, or through Redis."""
    if not chosen.redis_url:
        return Bell()
    if find_spec("rq") is None:
        raise Misconfigured("REDIS_URL", "needs `pip install -r requirements-services.lock`")
    from bot.backends.rq_queue import RqBell  # noqa: PLC0415 - which only who has Redis needs

    return RqBell(chosen.redis_url)


def embedder() -> Embedder:
    """What turns text into vectors."""
    return HashEmbedder()


def index(database_url: str, by: Embedder) -> Index:
    """What finds the passages of a database."""
    return HybridIndex(by, index_folder(database_url))
