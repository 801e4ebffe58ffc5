"""Which brains and wake-ups the settings ask for."""

import logging
from importlib.util import find_spec
from pathlib import Path

from bot.backends.embedder import MISSING, HashEmbedder
from bot.backends.encoder.encoder import Encoder
from bot.backends.encoder.files import NAME, brought, embedded
from bot.backends.index import HybridIndex
from bot.backends.recent import Recent
from bot.backends.workers import Bell
from bot.brains import Embedder, Index
from bot.errors import Misconfigured
from bot.ports import Fine, Wake
from bot.settings import Settings, index_folder

log = logging.getLogger(__name__)
WORDS = "words"
DEFAULT = NAME
MODELS = dict[str, Embedder]()  # a process has each once, as it takes memory, and its files a while to check


def bell(chosen: Settings) -> Wake:
    """Wake-ups within the process, or through Redis."""
    if not chosen.redis_url:
        return Bell()
    if find_spec("rq") is None:
        raise Misconfigured("REDIS_URL", "needs `pip install -r requirements-services.lock`")
    from bot.backends.rq_queue import RqBell  # noqa: PLC0415 - which only who has Redis needs

    return RqBell(chosen.redis_url)


def embedder(wanted: str = "") -> Embedder:
    """What turns text into vectors: WORDS, the model that comes with us by its NAME, or that of a directory; "" is
    DEFAULT. Raises Misconfigured."""
    name = wanted or DEFAULT
    if name == WORDS:
        return HashEmbedder()
    if (found := _model(name)) is not None:
        return found
    if wanted:
        raise Misconfigured("EMBEDDER", MISSING)
    log.warning("only words are compared: %s", MISSING)
    return HashEmbedder(resort=True)


def _model(name: str) -> Embedder | None:
    """None where the one that comes with us is not installed."""
    if name not in MODELS:
        files = embedded() if name == NAME else brought(Path(name))
        if files is None:
            return None
        MODELS[name] = Recent(Encoder(files))
    return MODELS[name]


def check(wanted: str, database_url: str) -> Fine:
    """Whether what is wanted compares texts, and the index of the database is of its vectors. Raises Misconfigured."""
    by = embedder(wanted)
    return (*by.check(), *index(database_url, by).check())


def index(database_url: str, by: Embedder) -> Index:
    """What finds the passages of a database."""
    return HybridIndex(by, index_folder(database_url))
