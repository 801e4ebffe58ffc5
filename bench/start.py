"""The first start: `python -m bench start [--rounds N]`.

What is committed is cloned into an empty folder, `make run` is called there, and the seconds count until its page
answers and until a search there by meaning does: with all that comes from the package registries, warm or cold. Prints
one JSON object.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
MOST = 600.0  # seconds
LOOK = 0.1


def free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Does it, now?"""
    try:
        with urlopen(url, timeout=5) as page:
            return bool(page.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def once() -> dict[str, object]:
    """From `git clone` on."""
    port = free()
    with tempfile.TemporaryDirectory(prefix="start-") as folder:
        began = time.perf_counter()
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        running = subprocess.Popen(
            ["make", "run", f"PORT={port}"], cwd=clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            while not answers(f"http://127.0.0.1:{port}/") and running.poll() is None:
                if time.perf_counter() - began > MOST:
                    break
                time.sleep(LOOK)
            took = time.perf_counter() - began
            there = answers(f"http://127.0.0.1:{port}/knowledge?ask=Can+I+send+it+back")
            found = list((clone / ".venv").glob("lib/*/site-packages/*minilm*"))
            return {"seconds": round(took, 1), "answers": there, "model": bool(found)}
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            running.wait(30)


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    print(json.dumps({"rounds": [once() for _ in range(args.rounds)]}))


if __name__ == "__main__":
    main()
