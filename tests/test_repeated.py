"""What is done again and again beside the workers, and how it ends."""

import pickle
import threading
from collections.abc import Iterator

import pytest

from bot.backends import workers
from bot.backends.workers import repeating
from bot.errors import Misconfigured, Unavailable


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


def test_what_goes_wrong_in_the_same_way_each_time_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    stopping, left = threading.Event(), ["store away", "store away", "store away", "", "store away", "disk full"]

    def act() -> None:
        trouble = left.pop(0)
        if not left:
            stopping.set()
        if trouble:
            raise OSError(trouble)

    workers.repeat(0.0, act, stopping)

    told = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert told == ["store away", "store away", "disk full"]


def test_an_error_comes_whole_from_another_process() -> None:
    for said in (Misconfigured("EMBEDDER", "name a directory"), Unavailable("the store", retry_after=2.0)):
        known = pickle.loads(pickle.dumps(said))

        assert (type(known), str(known), vars(known)) == (type(said), str(said), vars(said))
