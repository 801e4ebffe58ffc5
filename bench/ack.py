"""Webhooks acknowledged and durable, by 16 clients at once: `python -m bench.ack [--seconds S]`.

The same server (waitress, 8 threads, a process of its own) serves the product's door on SQLite and, in turn, a bare
Flask handler that only verifies the signature; the ratio of the two is what safety costs.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import multiprocessing
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

SECRET = b"bench-secret-of-the-intercom-app"
CLIENTS = 16


def _bare(pipe: Connection) -> None:
    """Verifies and answers: what any receiver has to do."""
    from flask import Flask, Response, request

    app = Flask("bare")

    @app.post("/webhooks/intercom")
    def hook() -> Response:
        seal = "sha1=" + hmac.new(SECRET, request.get_data(), hashlib.sha1).hexdigest()
        good = hmac.compare_digest(seal, request.headers.get("X-Hub-Signature", ""))
        return Response(status=200 if good else 401)

    _serve(app, pipe)


def _door(pipe: Connection) -> None:
    """The product's door; nobody works on what comes in."""
    import app as product
    from bot.backends.workers import Bell
    from bot.settings import Settings

    env = {
        "INTERCOM_TOKEN": "t", "INTERCOM_CLIENT_SECRET": SECRET.decode(), "INTERCOM_ADMIN_ID": "1",
        "INTERCOM_BASE_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    chosen = Settings(database_url=f"sqlite:///{tempfile.mkdtemp()}/ack.db", secret=b"0" * 32)
    _serve(product.web(product.build(chosen, product.connect(env), Bell())), pipe)


def _serve(app: Any, pipe: Connection) -> None:
    from connectors.stage import Server

    pipe.send(Server(app).url)
    pipe.recv()


def bodies(client: int, count: int) -> list[bytes]:
    """Notifications of about 4 kB, each with its own id; a conversation is rung four times."""
    now = int(time.time())
    return [
        json.dumps({
            "type": "notification_event", "id": f"notif_{client}_{i}", "app_id": "a", "created_at": now,
            "topic": "conversation.user.replied",
            "data": {"type": "notification_event_data",
                     "item": {"type": "conversation", "id": str(client * 100_000 + i // 4), "filler": "x" * 3800}},
        }).encode()
        for i in range(count)
    ]  # fmt: skip


def _client(port: int, work: list[bytes], until: float, took: list[float]) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for body in work:
        seal = "sha1=" + hmac.new(SECRET, body, hashlib.sha1).hexdigest()
        start = time.perf_counter()
        if start > until:
            return
        line.request("POST", "/webhooks/intercom", body, {"Content-Type": "application/json", "X-Hub-Signature": seal})
        answer = line.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"answered {answer.status}")
        took.append((time.perf_counter() - start) * 1000)


def run(target: Any, seconds: float) -> dict[str, float]:
    """Requests a second and milliseconds at the 50th and 99th percentile."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=target, args=(theirs,), daemon=True)
    server.start()
    port = int(ours.recv().rsplit(":", 1)[1])
    _client(port, bodies(99, 50), time.perf_counter() + 5, [])
    took: list[float] = []
    work = [bodies(c, int(seconds * 800)) for c in range(CLIENTS)]
    until = time.perf_counter() + seconds
    start = time.perf_counter()
    threads = [threading.Thread(target=_client, args=(port, w, until, took)) for w in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - start
    ours.send("end")
    took.sort()
    at = {f"p{p}_ms": round(took[min(len(took) - 1, len(took) * p // 100)], 1) for p in (50, 99)}
    return {"requests": len(took), "per_second": round(len(took) / spent), **at}


def main() -> None:
    """Print one JSON object; the two are run in turn, three times, and the middle one by rate is shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    seconds = parser.parse_args().seconds
    rounds = [(run(_bare, seconds), run(_door, seconds)) for _ in range(3)]
    bare, door = sorted(rounds, key=lambda r: r[1]["per_second"] / r[0]["per_second"])[1]
    ratio = round(door["per_second"] / bare["per_second"], 2)
    print(json.dumps({"clients": CLIENTS, "bare": bare, "door": door, "ratio": ratio}))


if __name__ == "__main__":
    main()
