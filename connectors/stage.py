"""What every fake vendor is made of: a server on loopback, faults on request, a ledger of what it applied,
and a courier that brings signed webhooks the way vendors do."""

import logging
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import requests
from flask import Flask, Response, g, request
from waitress import wasyncore
from waitress.server import create_server

from connectors.http import session


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `kind`: status · slow (applies and answers after `wait` seconds) · drop (applies, then
    breaks the connection) · cut (applies, then answers with half of the body) · applied (applies, then answers with
    `status`) · lost (breaks the connection without applying) · reset (the same, by RST)."""

    kind: str
    status: int = 500
    retry_after: str = ""
    wait: float = 0.0


KINDS = (Fault("status", 429, "1"), Fault("status", 500), Fault("drop"))


@dataclass
class Knobs:
    """What a test or the sandbox turns. Rates are probabilities, 0 to 1; `next` are planned faults, `kinds` those that
    come by chance, `met` how many have come."""

    faults: float = 0.0
    kinds: tuple[Fault, ...] = KINDS
    met: int = 0
    lose: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    next: deque[Fault] = field(default_factory=deque)
    writes_only: bool = False
    bodies: deque[bytes] = field(default_factory=lambda: deque(maxlen=20))  # of the newest writes, as they came
    spent: float = 0.0  # seconds that the fake itself has taken to answer so far
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - repeatable on purpose

    def chance(self, rate: float) -> bool:
        """True with probability `rate`."""
        return self.random.random() < rate

    def fault(self, write: bool) -> Fault | None:
        """The fault for the request at hand: a planned one first, else one by chance."""
        if self.writes_only and not write:
            return None
        with suppress(IndexError):
            return self.next.popleft()
        if not self.chance(self.faults):
            return None
        self.met += 1
        return self.random.choice(self.kinds)


@dataclass(frozen=True, slots=True)
class Write:
    """One write that the vendor applied. `mark` is our delivery's key where the vendor carries it."""

    action: str
    conversation: str
    text: str
    mark: str
    public: bool = True


class Ledger:
    """Every write applied, in order: what really happened, whatever anybody says."""

    def __init__(self) -> None:
        self._writes: list[Write] = []

    def add(self, write: Write) -> None:
        """Append."""
        self._writes.append(write)

    @property
    def writes(self) -> tuple[Write, ...]:
        """All so far, oldest first."""
        return tuple(self._writes)


class Courier:
    """Brings webhooks: signed anew at each attempt, tried again on 5xx, lost, doubled or reordered as the knobs say."""

    def __init__(self, knobs: Knobs, sign: Callable[[bytes, datetime], dict[str, str]], tries: int = 3) -> None:
        self.knobs, self.sign, self.tries = knobs, sign, tries
        self.url = ""
        self.answers: list[tuple[int, str]] = []
        self._queue: deque[tuple[bytes, dict[str, str]]] = deque()
        self._busy = False
        self._changed = threading.Condition()
        self._session = session()
        threading.Thread(target=self._run, name="courier", daemon=True).start()

    def send(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Queue one webhook; `headers` beside the signature's own."""
        if not self.url or self.knobs.chance(self.knobs.lose):
            return
        copies = 2 if self.knobs.chance(self.knobs.duplicate) else 1
        with self._changed:
            self._queue.extend([(body, headers or {})] * copies)
            if self.knobs.chance(self.knobs.reorder):
                self._queue.rotate(1)
            self._changed.notify_all()

    def drain(self, timeout: float = 10.0) -> bool:
        """Wait until everything queued has been brought; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """One signed attempt now: (status, body); status 0 when nobody answered."""
        signed = {"Content-Type": "application/json", **headers, **self.sign(body, datetime.now(UTC))}
        try:
            answer = self._session.post(self.url, data=body, headers=signed)
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.text

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue)
                body, headers = self._queue.popleft()
                self._busy = True
            for _ in range(self.tries):
                self.answers.append(self.post(body, headers))
                if 0 < self.answers[-1][0] < 500:
                    break


logging.getLogger("waitress").setLevel(logging.ERROR)  # it warns of every request that waits, and of planned faults


class Server:
    """A WSGI app on 127.0.0.1, in threads of this process; `url` is known as soon as it is made."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._server = create_server(app, host="127.0.0.1", port=port, threads=8, connection_limit=500)
        self.url = f"http://127.0.0.1:{self._server.effective_port}"
        self._thread = threading.Thread(target=self._server.run, name=f"{app.name} server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and wait until it has: sockets are closed by the thread that polls them."""
        if self._thread.is_alive():
            trigger = self._server.trigger
            with trigger.lock:  # else a worker's pull runs it and closes the pipe before ours is written (waitress 3)
                trigger.thunks.append(self._shut)
                trigger.pull_trigger()
            self._thread.join(5)

    def _shut(self) -> None:
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._server._map, ignore_all=True)


def changes(method: str, path: str) -> bool:
    """Does a call change a conversation? Tokens and searches are fetched by POST too."""
    return method not in ("GET", "HEAD") and not path.endswith(("/tokens", "/search"))


def stage(name: str, knobs: Knobs, is_write: Callable[[str, str], bool] = changes) -> Flask:
    """A Flask app for a vendor's API that goes wrong as `knobs` say, before or after the request is applied."""
    app = Flask(name)

    @app.before_request
    def _before() -> Response | None:
        g.began, writes = time.perf_counter(), is_write(request.method, request.path)
        g.fault = knobs.fault(writes)
        knobs.bodies.extend([request.get_data()] * writes)
        match g.fault:
            case Fault("status", status, wait):
                return _planned(status, {"Retry-After": wait} if wait else {})
            case Fault("lost"):
                return _broken()
            case Fault("reset"):
                return _reset()
            case Fault("slow"):
                threading.Event().wait(g.fault.wait)
        return None

    @app.after_request
    def _after(response: Response) -> Response:
        knobs.spent += time.perf_counter() - g.began
        return _spoiled(response, g.fault) if g.fault else response

    return app


def _spoiled(response: Response, fault: Fault) -> Response:
    """What the caller gets of an answer to something that was applied."""
    match fault:
        case Fault("drop"):
            return _broken()
        case Fault("cut"):
            return Response(response.get_data()[: len(response.get_data()) // 2], 200, mimetype="application/json")
        case Fault("applied", status):
            return _planned(status, {})
    return response


def _planned(status: int, headers: dict[str, str]) -> Response:
    return Response('{"error": "planned fault"}', status, headers, mimetype="application/json")


def _broken() -> Response:
    """An answer that breaks off: the caller cannot know what was done."""
    return Response(iter([b"{"]), headers={"Content-Length": "1000"})  # the server closes when less comes than promised


def _reset() -> Response:
    """Breaks off, and the peer is told so by RST instead of FIN."""
    channel = request.environ["waitress.client_disconnected"].__self__
    channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return _broken()
