"""From passages to rows of the file, and from those to what is searched."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple
from functools import lru_cache

import numpy as np

from bot.backends.index.growing import Kept, ends
from bot.backends.index.log import Row
from bot.backends.index.words import Counts
from bot.brains import Embedder, Floats, Passage
from bot.model import Scope, Source
from bot.text.thesaurus import topics


def rows(items: Sequence[Passage], by: Embedder) -> list[Row]:
    """With their vectors, those of an owner side by side. Raises Unavailable, and ValueError where a vector is none."""
    owned = defaultdict[tuple[Source, str], list[Passage]](list)
    for passage in items:
        owned[passage.source, passage.owner].append(passage)
    numbered = [(part, passage) for passages in owned.values() for part, passage in enumerate(passages)]
    meant = [_meant(passage) for _, passage in numbered]
    once = {text: row for row, text in enumerate(dict.fromkeys(meant))}
    made = by.embed(list(once), query=False)[[once[text] for text in meant]]
    if not np.isfinite(made).all():
        raise ValueError(f"{by.name} made a vector that is none")
    return [_row(part, passage, vector) for (part, passage), vector in zip(numbered, made, strict=True)]


def _meant(passage: Passage) -> str:
    """A heading that ends in a full stop is nearer to what is asked: .38 of a forum's tickets, not .37."""
    return passage.meant or (f"{passage.title}.\n{passage.text}" if passage.title else passage.text)


def _row(part: int, passage: Passage, vector: Floats) -> Row:
    until = passage.valid_until.timestamp() if passage.valid_until else None
    return Row(
        passage.owner, part, passage.source, passage.title or passage.text, passage.text,
        json.dumps(astuple(passage.scope)), ends(until), vector.astype(np.float16).tobytes(),
    )  # fmt: skip


def taken(seq: int, row: Row) -> tuple[Kept, Counts, Floats]:
    """What a space is given of a row."""
    title = Counter(topics(row.title))
    counts = title, title if row.text == row.title else Counter(topics(row.text))
    vector = np.frombuffer(row.vector, dtype=np.float16).astype(np.float32)
    return Kept(seq, row.owner, row.part, _scope(row.scope), row.until), counts, vector


@lru_cache(maxsize=1000)
def _scope(told: str) -> Scope:
    return Scope(*json.loads(told))
