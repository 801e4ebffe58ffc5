"""Forks every process of ours from one that has imported everything, so that a start costs little; obeys JSON lines.

`["start", [changes], [arguments of app.py]]` answers with a process id, `["nest", …]` with that of a parent that only
waits and that of ours, `["kill", id]` and `["wait", id]` with how it ended; what froze has not ended, but is told too.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

import app
import connectors
from tests.chaos import changes

ALL = ("psycopg", "slack_sdk.web", "zenpy", "bot.store.migrate", "bot.web.pages", "learning.observe",
       "learning.confidence")  # fmt: skip # what a start of ours imports beside `app`
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def tie() -> None:
    """Whatever happens to the harness, nothing of it stays behind; under `nohup` it is as without."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)


def start(wanted: list[str], arguments: list[str]) -> str:
    """The id of a new process."""
    child = os.fork()
    if not child:
        tie()
        become(wanted, arguments)
    return str(child)


def nest(wanted: list[str], arguments: list[str]) -> str:
    """The ids of a new process and of the one that it started; nothing but `app.py` lets that one end with it."""
    theirs, ours = os.pipe()
    parent = os.fork()
    if not parent:
        tie()
        child = os.fork()
        if not child:
            os.close(ours)
            become(wanted, arguments)
        os.write(ours, str(child).encode())
        os.close(ours)
        signal.pause()
    os.close(ours)
    with os.fdopen(theirs) as told:
        return f"{parent} {told.read()}"


def become(wanted: list[str], arguments: list[str]) -> NoReturn:
    """`app.py`, with these changes."""
    os.dup2(2, 1)  # what it says goes to the log
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for change in wanted:
        changes.make(change)
    sys.exit(app.main(arguments))


def kill(child: int) -> str:
    """SIGKILL; gone when this returns."""
    os.kill(child, signal.SIGKILL)
    return wait(child)


def wait(child: int) -> str:
    """The name of the signal that ended or stopped it, else its exit status."""
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return signal.Signals(os.WSTOPSIG(status)).name
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else str(code)


VERBS: dict[str, Callable[..., str]] = {"start": start, "nest": nest, "kill": kill, "wait": wait}


def main() -> None:
    """Until the input ends."""
    for module in ALL:
        import_module(module)
    for name in connectors.found():
        connectors.load(name)
    tie()
    for line in sys.stdin:
        verb, *rest = json.loads(line)
        print(VERBS[verb](*rest), flush=True)


if __name__ == "__main__":
    main()
