"""A support desk in miniature: fake helpdesks, the line on a database of its own, its workers and its page."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from bot.backends.workers import Bell, Workers
from bot.line import Line
from bot.ports import Wake
from bot.settings import Settings
from bot.web.stages import Channel, Prop
from bot.work import Worker

SHARE = 0.34  # of webhooks lost, or of calls that fail, while a knob is on


@dataclass(frozen=True, slots=True)
class Parts:
    """What only `app.py` can put together."""

    stages: Callable[[], dict[str, Prop]]
    bell: Callable[[Settings], Wake]
    line: Callable[[Settings, Mapping[str, str], Wake], Line]
    worker: Callable[[Line], Worker]
    web: Callable[[Line], Flask]
    sweep: Callable[[Line, float, threading.Event], None]
    serve: Callable[[WSGIApplication, Settings], None]
    say: Callable[[str], None]


class World:
    """Everything that a reset throws away. `whisper` is what Slack told the last person who pressed."""

    def __init__(self, parts: Parts, chosen: Settings, seed: Callable[[Line], None]) -> None:
        self.stages = parts.stages()
        for stage in self.stages.values():
            stage.hook(chosen.public_url)
        wake = parts.bell(chosen)
        self.line = parts.line(chosen, self.env, wake)
        seed(self.line)
        self.line.knowledge.refresh()
        self.whisper = ""
        self.app = parts.web(self.line)
        self._stopping = threading.Event()
        self._workers = (
            Workers(parts.worker(self.line), wake, chosen.workers).start() if isinstance(wake, Bell) else None
        )
        threading.Thread(target=parts.sweep, args=(self.line, chosen.sweep_every, self._stopping), daemon=True).start()

    @property
    def env(self) -> dict[str, str]:
        """The settings that point the real connectors at the fakes."""
        return {name: value for stage in self.stages.values() for name, value in stage.settings().items()}

    @property
    def channel(self) -> Channel | None:
        """The fake with a review channel."""
        return next((s for s in self.stages.values() if isinstance(s, Channel)), None)

    def close(self) -> None:
        """Stop the workers, then the fakes, then the store."""
        self._stopping.set()
        if self._workers:
            self._workers.stop()
        for stage in self.stages.values():
            stage.close()
        self.line.store.close()


class Sandbox:
    """The world of now, as a WSGI app; a reset puts a fresh one in its place."""

    def __init__(
        self, parts: Parts, settings: Callable[[int], Settings], seed: Callable[[Line], None],
        furnish: Callable[["Sandbox", World], None],
    ) -> None:  # fmt: skip
        self.parts, self.settings, self._seed, self._furnish = parts, settings, seed, furnish
        self._count = 0
        self.world = self._made()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Any:
        """Whatever world is there when the request comes."""
        return self.world.app(environ, start)

    def reset(self) -> None:
        """Forget everything."""
        old, self.world = self.world, self._made()
        old.close()

    def close(self) -> None:
        """End it."""
        self.world.close()

    def _made(self) -> World:
        self._count += 1
        made = World(self.parts, self.settings(self._count), self._seed)
        self._furnish(self, made)
        return made


def in_folder(folder: Path, port: int, secret: bytes, sweep_every: float = 5.0) -> Callable[[int], Settings]:
    """A new SQLite file for each world. `sweep_every` in seconds: short, since people watch."""

    def settings(count: int) -> Settings:
        return Settings(
            database_url=f"sqlite:///{folder / f'understudy-{count}.db'}",
            public_url=f"http://127.0.0.1:{port}",
            secret=secret,
            port=port,
            sweep_every=sweep_every,
        )

    return settings
