"""What `app.py` hands the sandbox: the line, its web app, and the fakes, since `bot` imports no sibling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from flask import Flask

from bot.line import Line
from bot.ports import Stage, StageMessage, StageModal


class Knobs(Protocol):
    """What can be made to go wrong: rates, 0 to 1."""

    lose: float
    duplicate: float
    reorder: float
    faults: float


class Courier(Protocol):
    """Who brings the webhooks."""

    def drain(self, timeout: float = 10.0) -> bool:
        """Wait until everything has been brought; False after `timeout` seconds."""
        ...


class Prop(Stage, Protocol):
    """A fake with its knobs and its courier."""

    knobs: Knobs
    courier: Courier

    def close(self) -> None:
        """Stop answering."""
        ...


@runtime_checkable
class Channel(Prop, Protocol):
    """A fake with a review channel."""

    def cards(self) -> tuple[StageMessage, ...]:
        """Newest first."""
        ...

    def press(self, card_id: str, action: str, user: str) -> str:
        """Press a button; what the user is told, "" for nothing. A modal may be open afterwards."""
        ...

    def modal(self) -> StageModal | None:
        """The modal that is open."""
        ...

    def submit(self, values: dict[str, str]) -> str:
        """Send the modal; what the user is told, "" for nothing."""
        ...

    def dismiss(self) -> None:
        """Close the modal."""
        ...


@dataclass
class World:
    """A support desk in miniature. `whisper`: what Slack told the last who pressed; `done` of `total` messages of a
    file are played, and `summary` says what became of them."""

    line: Line
    app: Flask
    stages: Mapping[str, Prop]
    whisper: str = ""
    done: int = 0
    total: int = 0
    summary: str = ""

    @property
    def desks(self) -> list[str]:
        """The helpdesks with an inbox."""
        return [name for name, stage in self.stages.items() if not isinstance(stage, Channel)]

    @property
    def channel(self) -> Channel:
        """The fake with a review channel."""
        return next(stage for stage in self.stages.values() if isinstance(stage, Channel))
