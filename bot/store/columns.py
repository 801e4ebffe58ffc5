"""Kinds of columns: times that keep their zone, and values of `bot.model`."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import DateTime, Dialect, Text, TypeDecorator


class Utc(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out (SQLite forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Value(TypeDecorator[Any]):
    """A value of `bot.model`, kept as JSON text. As many as are `kept`, frozen ones, are not read anew from the same
    text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Any], kept: int = 0) -> None:
        super().__init__()
        self.kind = kind
        self.json = TypeAdapter(kind)
        self._read: Callable[[str], Any] = lru_cache(kept)(self.json.validate_json) if kept else self.json.validate_json

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else self.json.dump_json(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From JSON."""
        return None if value is None else self._read(value)
