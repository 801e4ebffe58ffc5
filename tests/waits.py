"""Waiting for what another thread or process does."""

import threading
import time
from collections.abc import Callable


def until(happened: Callable[[], bool]) -> None:
    """Look again and again; a failure when it has not happened within ten seconds."""
    ends = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < ends, "it did not happen in time"
        threading.Event().wait(0.005)
