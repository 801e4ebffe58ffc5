"""A command line for tests, with settings of its own."""

import os
from dataclasses import dataclass

import pytest

import app
import connectors
from bot.store import Store

SECRET = "0123456789abcdef0123456789abcdef"
HIDDEN = "hunter2"
OIDC = {
    "OIDC_ISSUER": "https://login.fernweh.example",
    "OIDC_CLIENT_ID": "understudy",
    "OIDC_CLIENT_SECRET": HIDDEN,
}


@dataclass(frozen=True)
class Said:
    """What a command answered; `status` as the shell sees it."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """A command line with these settings and no others of ours."""

    url: str
    environment: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def __call__(self, *argv: str) -> Said:
        """Run a command; nothing it says may hold a traceback or a secret."""
        try:
            status = app.main(list(argv))
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = self.captured.readouterr()
        assert [word for word in ("Traceback", HIDDEN, SECRET) if word in out + err] == []
        return Said(status, out, err)

    def set(self, **settings: str) -> None:
        """Settings for the commands that follow."""
        for name, value in settings.items():
            self.environment.setenv(name, value)

    def store(self) -> Store:
        """The database as the commands left it."""
        return Store(self.url)


def shell(database_url: str, environment: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> Shell:
    """On this database, with none of the settings that whoever runs the tests has."""
    ours = (
        *OIDC,
        "TRUSTED_PROXY",
        "DATABASE_URL",
        "REDIS_URL",
        "PUBLIC_URL",
        "PORT",
        "WORKERS",
        "SWEEP_EVERY",
        "SYNC_EVERY",
        "SYNC_FOLDERS",
        "HOST",
        "LOG_LEVEL",
        "AUDIT_ANCHORS",
        "RETENTION_DAYS",
        "EMBEDDER",
    )
    vendors = tuple(f"{name.upper()}_" for name in connectors.found())
    for name in [n for n in os.environ if n in ours or n.startswith(vendors)]:
        environment.delenv(name)
    made = Shell(database_url, environment, captured)
    made.set(SECRET_KEY=SECRET, DATABASE_URL=database_url)
    return made
