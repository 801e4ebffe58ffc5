"""The embedded index: words and vectors, on disk beside the database, shared by the processes of a machine."""

from bot.backends.index.hybrid import HybridIndex

__all__ = ["HybridIndex"]
