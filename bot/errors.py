"""The errors that have an owner; anything else is a bug and takes the conversation to a person.

BotError
├─ Misconfigured   at start-up: a setting is missing or wrong              -> exit 2
├─ Forged          a signature, timestamp or token is wrong                -> 401, counted, body not logged
├─ Malformed       signed well, but not what the vendor sends              -> 400
├─ Unavailable     429, 5xx, timeout: later                                -> retried
│  └─ Held         by our own stop                                         -> waits for as long as it takes
└─ Refused         the vendor says no for good                             -> audit and hand-off, no retry
"""


class BotError(Exception):
    """What the line knows how to answer."""


class Misconfigured(BotError):
    """A setting is missing or wrong; says which and how to mend it."""

    def __init__(self, setting: str, fix: str) -> None:
        super().__init__(setting, fix)  # so that it comes whole from another process
        self.setting = setting
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.setting}: {self.fix}"


class Forged(BotError):
    """The request does not come from whom it says, or comes too late. The text names the check, never the body."""


class Malformed(BotError):
    """A genuine sender's request that cannot be read. The text names the field."""


class Unavailable(BotError):
    """The vendor cannot answer now.

    `retry_after` is in seconds. `maybe` says that a write may have been applied all the same (timeout, reset,
    5xx): then nothing is sent again before it has been read back. `crowded` (429) and `away` (no answer, 5xx) say
    that it is about all our calls, not about this one alone.
    """

    def __init__(
        self, what: str, *, retry_after: float = 5.0, maybe: bool = False, crowded: bool = False, away: bool = False
    ) -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.maybe = maybe
        self.crowded = crowded
        self.away = away


class Held(Unavailable):
    """We hold it ourselves (the global stop): it waits as long as that takes, and nobody is blamed."""


class Refused(BotError):
    """The vendor says no for good: closed, deleted, forbidden."""
