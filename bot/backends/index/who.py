"""Which rows are kept back from whoever asks: each scope is looked at once, however many rows have it."""

import math

import numpy as np
from numpy.typing import NDArray

from bot.model import Scope
from bot.scope import Asker, out_of_scope

Blocked = NDArray[np.bool_]


def blocked(
    scopes: list[Scope], scope_of: NDArray[np.int32], until: NDArray[np.float64], who: Asker | None
) -> Blocked | None:
    """(rows,) True where a row is not for `who`, here and now; None where all are. `scope_of`: each row's place in
    `scopes`; `until`: seconds since 1970."""
    if who is None:
        return None
    closed = np.array([bool(out_of_scope(scope, who)) for scope in scopes], dtype=np.bool_)
    now = who.now.timestamp()
    over = until <= now if len(until) and float(until.min()) < math.inf else None
    if not closed.any():
        return over
    return closed[scope_of] if over is None else closed[scope_of] | over
