"""A fake helpdesk in a process of its own, so that its time is not the bot's."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from connectors import load


def _serve(name: str, pipe: Connection, prepare: Callable[[Any], None] | None) -> None:
    fake = load(name, "fake").Fake()
    if prepare:
        prepare(fake)
    while True:
        path, args, kwargs = pipe.recv()
        target: Any = fake
        for part in path.split("."):
            target = getattr(target, part)
        pipe.send(target(*args, **kwargs) if callable(target) else target)


class Elsewhere:
    """Calls a fake in a child process: `call("customer_says", "Hi", customer="a@example.com")`.

    `prepare` is run on the fake there, before anything is called.
    """

    def __init__(self, name: str, prepare: Callable[[Any], None] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, theirs, prepare), daemon=True)
        self._process.start()

    def call(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """The result of a method, or the value of a field, such as `ledger.writes`."""
        self._pipe.send((path, args, kwargs))
        return self._pipe.recv()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
