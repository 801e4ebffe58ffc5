"""What is done again and again beside the workers, and how it ends."""

import threading
from collections.abc import Iterator

import pytest

from bot.backends import workers
from bot.backends.workers import repeating


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What somebody waits for until the test is over."""
    made = threading.Event()
    yield made
    made.set()


def test_what_has_begun_comes_to_its_end_before_we_go_on() -> None:
    begun, done = threading.Event(), []

    def act() -> None:
        begun.set()
        threading.Event().wait(0.02)
        done.append(True)

    with repeating([(0.0, act)]):
        assert begun.wait(5)
    count = len(done)

    assert count > 0
    assert not [thread for thread in threading.enumerate() if "repeat" in thread.name]


def test_what_hangs_keeps_nobody_from_stopping(monkeypatch: pytest.MonkeyPatch, hung: threading.Event) -> None:
    monkeypatch.setattr(workers, "LEFT_BEHIND", 0.05)
    begun, ended = threading.Event(), threading.Event()

    def act() -> None:
        begun.set()
        hung.wait(10)
        ended.set()

    with repeating([(0.0, act)]):
        assert begun.wait(5)

    assert not ended.is_set()
