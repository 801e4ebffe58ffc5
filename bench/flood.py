"""Fifty valid webhooks a second beside a flood: `python -m bench flood [--seconds S] [--slow N]`.

`app.py serve` as it is started, on SQLite and a port of its own. Beside the valid ones, each on a connection of its
own: forged ones on kept connections as fast as two processes can, N connections that say nothing or say it a byte at a
time, bodies of 50 MB, JSON nested 100,000 deep, well sealed, and gzip that would unpack to 100 MB. What counts is that
each valid one is answered 200 and stands in the inbox, how long that took, and the most memory that the server had.
"""

import argparse
import gzip
import hashlib
import hmac
import http.client
import json
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

SECRET = b"bench-secret-of-the-intercom-app"
RATE = 50  # valid webhooks a second
ROOT = Path(__file__).parent.parent


def request(body: bytes, seal: bytes = b"", extra: bytes = b"", length: int = -1) -> bytes:
    """A webhook as it travels, sealed well unless another seal is given."""
    seal = seal or hmac.new(SECRET, body, hashlib.sha1).hexdigest().encode()
    head = b"POST /webhooks/intercom HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n" + extra
    size = len(body) if length < 0 else length
    return head + b"X-Hub-Signature: sha1=%s\r\nContent-Length: %d\r\n\r\n" % (seal, size) + body


def notification(number: int) -> bytes:
    """About a conversation that nobody has."""
    told = {
        "type": "notification_event", "id": f"notif_{number}", "app_id": "a", "created_at": int(time.time()),
        "topic": "conversation.user.replied",
        "data": {"type": "notification_event_data", "item": {"type": "conversation", "id": str(number)}},
    }  # fmt: skip
    return json.dumps(told).encode()


def answered(port: int, sent: bytes, timeout: float = 30.0) -> int:
    """The status, on a connection of its own; 0 when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as line:
            line.sendall(sent)
            return int(line.recv(4096).split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _forge(port: int, until: float, told: "multiprocessing.Queue[int]") -> None:
    """As many as 16 kept connections bring; how many were answered 401."""
    counts: list[int] = []

    def bring() -> None:
        forged = request(notification(1), b"0" * 40)
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 30) as line:
            while time.time() < until:
                line.sendall(forged)
                counts.append(line.recv(4096).startswith(b"HTTP/1.1 401"))

    threads = [threading.Thread(target=bring) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(sum(counts))


def _dawdle(port: int, until: float, count: int) -> None:
    """Connections that say nothing, or a header or a body a byte at a time, and begin anew when they are closed."""
    begun = [b"", request(b"")[:40], request(b"x" * 10, length=100_000)]
    lines: dict[int, socket.socket] = {}
    while time.time() < until:
        for number in range(count):
            try:
                if number not in lines:
                    lines[number] = socket.create_connection(("127.0.0.1", port), 5)
                    lines[number].sendall(begun[number % 3])
                elif number % 3:
                    lines[number].sendall(b"a")
            except OSError:
                lines.pop(number, socket.socket()).close()
        time.sleep(1)


def _batter(port: int, until: float) -> None:
    """What is far too large, too deep or unpacks too far, one after the other."""
    bomb = gzip.compress(b"0" * 10**8, 1)
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    while time.time() < until:
        for sent in (request(deep), request(bomb, extra=b"Content-Encoding: gzip\r\n"), request(b" " * 50_000_000)):
            answered(port, sent)


def memory(pid: int, what: str) -> int:
    """MB of `what` as Linux knows it: VmRSS now, VmHWM at most."""
    found = Path(f"/proc/{pid}/status").read_text().partition(f"{what}:")[2].split()[0]
    return int(found) // 1024


def valid(port: int, first: int, seconds: float) -> tuple[Counter[int], dict[str, float]]:
    """Fifty a second whatever becomes of those before: statuses, and milliseconds from when each was due."""
    took: list[float] = []
    began = time.perf_counter()

    def bring(number: int) -> int:
        due = began + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        status = answered(port, request(notification(first + number)))
        took.append((time.perf_counter() - due) * 1000)
        return status

    with ThreadPoolExecutor(200) as pool:
        statuses = Counter(pool.map(bring, range(int(RATE * seconds))))
    took.sort()
    at = {f"p{p}_ms": round(took[min(len(took) - 1, len(took) * p // 100)], 1) for p in (50, 99)}
    return statuses, at | {"max_ms": round(took[-1], 1)}


def serve(folder: str, port: int) -> "subprocess.Popen[bytes]":
    """The product; its workers look at an Intercom that is away."""
    env = {
        **os.environ, "SECRET_KEY": "0" * 32, "DATABASE_URL": f"sqlite:///{folder}/flood.db", "PORT": str(port),
        "INTERCOM_TOKEN": "t", "INTERCOM_CLIENT_SECRET": SECRET.decode(), "INTERCOM_ADMIN_ID": "1",
        "INTERCOM_BASE_URL": "http://127.0.0.1:9", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "app.py", "serve"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    while True:
        with suppress(OSError):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("GET", "/health")
            if line.getresponse().status == 200:
                return process
        time.sleep(0.1)


def flood(port: int, seconds: float, slow: int) -> Callable[[], int]:
    """Begin it; what is returned waits for its end and says how many forged ones were answered."""
    spawn, until = multiprocessing.get_context("spawn"), time.time() + seconds
    told: multiprocessing.Queue[int] = spawn.Queue()
    forgers = [spawn.Process(target=_forge, args=(port, until, told), daemon=True) for _ in range(2)]
    dawdlers = spawn.Process(target=_dawdle, args=(port, until, slow), daemon=True)
    processes = [*forgers, dawdlers, spawn.Process(target=_batter, args=(port, until), daemon=True)]
    for process in processes:
        process.start()

    def end() -> int:
        forged = told.get() + told.get()
        for process in processes:
            process.join()
        return forged

    return end


def main() -> None:
    """Print one JSON object: the valid webhooks before and beside the flood."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--slow", type=int, default=900, help="connections that dawdle")
    asked = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        process = serve(folder, port)
        try:
            alone = valid(port, 10_000_000, 5)
            end = flood(port, asked.seconds + 4, asked.slow)
            time.sleep(3)
            statuses, times = valid(port, 20_000_000, asked.seconds)
            forged, most = end(), memory(process.pid, "VmHWM")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        with sqlite3.connect(f"{folder}/flood.db") as conn:
            [kept] = conn.execute("SELECT count(*) FROM inbox WHERE id >= 'notif_2'").fetchone()
    a_second = round(forged / (asked.seconds + 4))
    beside = {"statuses": statuses, **times, "lost": sum(statuses.values()) - kept, "forged_a_second": a_second}
    print(json.dumps({"alone": alone[1], "beside": beside, "most_memory_mb": most, "slow": asked.slow}))


if __name__ == "__main__":
    main()
