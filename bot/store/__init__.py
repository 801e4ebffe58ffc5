"""SQL: the only truth and the queue of record. SQLite by default, PostgreSQL by URL."""

from bot.store.engine import Store

__all__ = ["Store"]
