"""Logs: a line for each fact, the keys that came with it behind."""

import json
import logging
from typing import TextIO

from bot.errors import Misconfigured

USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Formatter(logging.Formatter):
    """`INFO bot.deliver: delivered delivery=d-1 state=sent`; a value with blanks or quotes in it is written as JSON."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without what a traceback adds."""
        extra = [f" {name}={_plain(str(value))}" for name, value in vars(record).items() if name not in USUAL]
        return super().formatMessage(record) + "".join(extra)


def _plain(value: str) -> str:
    return value if value and value.isprintable() and not set(value) & set(' "=') else json.dumps(value)


def start(level: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error) from `level` on. Raises Misconfigured."""
    if level.upper() not in logging.getLevelNamesMapping():
        raise Misconfigured("LOG_LEVEL", f"{level!r} is none of DEBUG, INFO, WARNING, ERROR and CRITICAL")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
