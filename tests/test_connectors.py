"""Every helpdesk found keeps what `checks.py` asks, and a new one is one folder."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import pytest

import connectors
from connectors.http import Drift
from tests.checks import CHECKS
from tests.helpdesk import Subject, reset, subject

EXTRA = Path(__file__).parent / "extra_connectors"
PATHS = (connectors.HERE, EXTRA)
NAMES = connectors.found(PATHS)


@cache
def under_test(name: str) -> Subject:
    """A helpdesk's subject, made once: its fake is a server."""
    folder = next(path / name for path in PATHS if (path / name).exists())
    return subject(name, folder)


def test_a_vendors_clock_is_known_by_the_date_of_its_answers() -> None:
    now = datetime.now(UTC)
    right, behind, silent = Drift(), Drift(), Drift()

    right.hear({"Date": format_datetime(now - timedelta(seconds=20), usegmt=True)})
    behind.hear({"date": format_datetime(now - timedelta(minutes=10), usegmt=True)})
    silent.hear({"Date": "yesterday"})

    assert (right.known, behind.known, silent.known) == (True, True, False)
    assert (right.theirs(now), silent.theirs(now)) == (now, now)
    assert timedelta(minutes=9, seconds=58) < now - behind.theirs(now) < timedelta(minutes=10, seconds=5)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_helpdesk(name: str, check: Callable[[Subject], None]) -> None:
    helpdesk = under_test(name)
    try:
        check(helpdesk)
    finally:
        reset(helpdesk.fake)


def test_a_fourth_helpdesk_is_one_folder() -> None:
    assert "pigeon" not in connectors.found()

    assert connectors.found((EXTRA,)) == ("pigeon",)
    pigeon = connectors.load("pigeon")
    assert pigeon.connect({"PIGEON_URL": "http://127.0.0.1:9", "PIGEON_SECRET": "coo"}).name == "pigeon"


def test_a_folder_without_a_connector_is_not_a_helpdesk(tmp_path: Path) -> None:
    (tmp_path / "nest").mkdir()
    (tmp_path / "nest" / "fake.py").touch()

    assert connectors.found((tmp_path,)) == ()
