"""A worker and whoever started it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORKER = """
import signal, sys, threading
from bot.backends.workers import end_with_parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
end_with_parent()
print(threading.active_count(), flush=True)
signal.pause()
"""
ALONE = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # also where the tests run under nohup


def said_once_killed(started: str, ready: str) -> str:
    """What a worker says whose parent, a shell that starts it, is killed as soon as it has said that it is `ready`."""
    parent = subprocess.Popen(
        ["sh", "-c", started],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    assert {parent.stdout.readline(), parent.stdout.readline()} == {"started\n", f"{ready}\n"}
    parent.kill()
    return parent.communicate(timeout=10)[1]  # which waits for whoever holds the pipes


@pytest.mark.long
def test_a_worker_ends_when_whoever_started_it_is_gone() -> None:
    started = f"{sys.executable} -c '{ALONE}{WORKER}' & echo started; read line"

    assert "told to end" in said_once_killed(started, "2")


@pytest.mark.long
def test_a_worker_whose_parent_ended_while_it_was_starting_ends_too() -> None:
    late = f"import bot, os\nprint('early', flush=True)\nwhile os.getppid() == bot.STARTED[1]: pass\n{ALONE}{WORKER}"
    started = f'{sys.executable} -c "{late.replace(chr(34), chr(39))}" & echo started; read line'

    assert "told to end" in said_once_killed(started, "early")


def test_a_worker_that_was_started_to_outlive_everybody_does() -> None:
    hangs = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{WORKER.replace('signal.pause()', '')}"

    said = subprocess.run([sys.executable, "-c", hangs], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert said == "1\n"
