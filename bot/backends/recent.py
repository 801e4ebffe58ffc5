"""What was embedded lately: a message is looked for among entries and past replies, and titles come again and again."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from bot.brains import Embedder, Floats, Likeness
from bot.ports import Fine

MOST = 1_000  # vectors: 1.5 MB at 384 numbers


class Recent:
    """Another embedder, which is not asked again for the newest `most` texts. Threads may share it."""

    def __init__(self, embedder: Embedder, most: int = MOST) -> None:
        self.name, self.dim = embedder.name, embedder.dim
        self._embedder, self._most = embedder, most
        self._rows: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str], *, query: bool) -> Floats:
        """(n, dim) float32, as the other embedder makes them; each text once."""
        keys = [_key(text, query) for text in texts]
        with self._lock:
            known = {key: row for key in keys if (row := self._rows.get(key)) is not None}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if fresh:
            made = self._embedder.embed([*fresh.values()], query=query)
            # copies, as a view would keep the whole batch
            known |= {key: row.copy() for key, row in zip(fresh, made, strict=True)}
        self._keep({key: known[key] for key in keys[-self._most :]})
        rows = np.empty((len(keys), self.dim), dtype=np.float32)
        for row, key in zip(rows, keys, strict=True):
            row[:] = known[key]
        return rows

    @property
    def likeness(self) -> Likeness:
        """As of the other embedder."""
        return self._embedder.likeness

    def check(self) -> Fine:
        """What the other one says."""
        return self._embedder.check()

    def _keep(self, rows: dict[bytes, Floats]) -> None:
        with self._lock:
            for key, row in rows.items():
                self._rows[key] = row
                self._rows.move_to_end(key)
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)


def _key(text: str, query: bool) -> bytes:
    """Of any length the same few bytes."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"query" if query else b"").digest()
