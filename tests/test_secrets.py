"""Secrets are never in a `repr`, a log line, the words of a start that fails, or an error page."""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

import app
from bot import settings
from bot.backends.chosen import bell
from bot.errors import Misconfigured
from bot.line import Line
from bot.logs import Formatter
from bot.web import guard
from tests.desk import ASKS_RETURN, desk

MARK = "hunter2hunter2hunter2hunter2hunter2"
MARKED = {
    "SECRET_KEY": MARK,
    "ZENDESK_SUBDOMAIN": "fernweh", "ZENDESK_AUTHOR_ID": "900", "ZENDESK_CLIENT_ID": "understudy",
    "ZENDESK_CLIENT_SECRET": MARK, "ZENDESK_WEBHOOK_SECRET": MARK, "ZENDESK_WEBHOOK_SECRET_PREVIOUS": f"{MARK}-old",
    "INTERCOM_TOKEN": MARK, "INTERCOM_CLIENT_SECRET": MARK, "INTERCOM_ADMIN_ID": "900",
    "SLACK_BOT_TOKEN": f"xoxb-{MARK}", "SLACK_SIGNING_SECRET": MARK, "SLACK_TEAM_ID": "T0FERNWEH",
    "SLACK_REVIEW_CHANNEL": "C0REVIEW",
}  # fmt: skip


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line whose every secret is the mark."""
    env = {**MARKED, "DATABASE_URL": f"sqlite:///{tmp_path / 'understudy.db'}"}
    chosen = settings.read(env)
    made = app.build(chosen, app.connect(env), bell(chosen))
    yield made
    made.store.close()


def within(thing: object, seen: dict[int, object]) -> dict[int, object]:
    """Every object of ours that can be reached from one by its attributes, its items and itself."""
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | type | None):
        return seen
    ours = type(thing).__module__.split(".")[0] in ("bot", "connectors", "learning")
    items: list[object] = list(thing.values()) if isinstance(thing, dict | MappingProxyType) else []
    items += list(thing) if isinstance(thing, tuple | list | frozenset | set) else []
    if not (ours or items):
        return seen
    seen[id(thing)] = thing
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    for inner in [*items, *vars(thing).values()] if hasattr(thing, "__dict__") else items:
        within(inner, seen)
    for name in slots:
        within(getattr(thing, name, None), seen)
    return seen


def test_no_part_of_the_line_shows_a_secret_of_its_settings(line: Line) -> None:
    parts = [part for part in within(line, {}).values() if not isinstance(part, dict | tuple | list | frozenset | set)]
    kinds = {type(part).__name__ for part in parts}

    assert kinds >= {"Line", "Store", "Links", "Zendesk", "Intercom", "Slack"}
    assert [type(part).__name__ for part in parts if MARK in f"{part!r} {part}"] == []


def test_settings_and_a_databases_password_show_nothing() -> None:
    env = {
        **MARKED,
        "DATABASE_URL": f"postgresql://bot:{MARK}@127.0.0.1:1/bot",
        "REDIS_URL": f"redis://:{MARK}@127.0.0.1:1",
    }
    chosen = settings.read(env)

    shown = [f"{thing!r} {thing}" for thing in (chosen, *app.connect(env).values())]

    assert [text for text in shown if MARK in text] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": f"postgresql://bot:{MARK}@127.0.0.1:1/bot"},
        {"DATABASE_URL": f"oracle://bot:{MARK}@127.0.0.1:1/bot"},
        {"DATABASE_URL": f"postgresql://bot:{MARK}@127.0.0.1:none/bot"},
        {"REDIS_URL": f"http://:{MARK}@127.0.0.1:1"},
        {"PUBLIC_URL": f"ftp://bot:{MARK}@127.0.0.1"},
        {"INTERCOM_ADMIN_ID": "", "PORT": "1"},
        {"SLACK_TEAM_ID": "odd team"},
        {"ZENDESK_AUTHOR_ID": "odd"},
    ],
)
def test_a_start_that_fails_says_why_without_a_secret(
    wrong: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in [name for name in os.environ if name not in ("PATH", "HOME") and not name.startswith("PYTEST")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("bot.web.server.listen", lambda *_: pytest.fail("it starts"))
    for name, value in (MARKED | {"DATABASE_URL": f"sqlite:///{tmp_path / 'understudy.db'}"} | wrong).items():
        monkeypatch.setenv(name, value)

    status = app.main(["serve"])

    out, err = capsys.readouterr()
    assert (status, len(err.splitlines())) == (2, 1)
    logged = "\n".join(map(Formatter("%(message)s").format, caplog.records))
    assert MARK not in out + err + logged


def secrets_of(made: Any) -> list[str]:
    """What is secret among a fake's settings."""
    return [value for name, value in made.settings().items() if re.search("SECRET|TOKEN", name)]


@pytest.mark.parametrize("name", ["zendesk", "intercom", "slack"])
def test_nothing_that_is_logged_while_it_works_or_fails_has_a_secret(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with desk(f"sqlite:///{tmp_path / 'understudy.db'}", name) as made:
        fake, connector = made.fakes[name], made.line.connectors[name]
        ref = made.ask(ASKS_RETURN, name)
        connector.check()  # type: ignore[attr-defined]
        fake.knobs.faults = 1.0
        made.agent(ref, "Within 30 days.")
        connector.check()  # type: ignore[attr-defined]

        logged = caplog.text
        assert logged
        assert [secret for secret in secrets_of(fake) if secret in logged] == []


class Away:
    """Knowledge that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def entries(self) -> None:
        """Raises it."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError(f"a bug beside {MARK}"), 500),
        (OperationalError(f"SELECT '{MARK}'", {"secret": MARK}, Exception(f"password={MARK}")), 503),
    ],
)
def test_an_error_page_says_nothing_of_the_error(line: Line, error: Exception, status: int) -> None:
    broken = replace(line, knowledge=Away(error))  # type: ignore[arg-type]
    browser = app.web(broken, needs=dict.fromkeys(guard.NEEDS)).test_client()

    page = browser.get("/knowledge", base_url="http://127.0.0.1:8000")

    assert page.status_code == status
    assert [word for word in (MARK, "Traceback", "SELECT", "RuntimeError") if word in page.text] == []


def test_a_wrong_value_of_a_secret_is_not_repeated() -> None:
    with pytest.raises(Misconfigured) as told:
        settings.read({"SECRET_KEY": "hunter2"})

    assert "hunter2" not in str(told.value)
