"""The fakes as the sandbox holds them: `app.py` hands them down, since `bot` imports no sibling."""

from typing import Protocol, runtime_checkable

from bot.ports import Stage, StageMessage, StageModal


class Knobs(Protocol):
    """What can be made to go wrong: rates, 0 to 1."""

    lose: float
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
