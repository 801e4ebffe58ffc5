"""PostgreSQL, Redis and Chromium of the tests' own: private ports, started when first asked for, ended by their ids."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bot.settings import index_folder

READY = 30.0  # seconds a server may take to answer
PAUSE = 0.02  # seconds between two looks
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(program: str, package: str) -> NoReturn:
    """Fail in CI, skip elsewhere, saying what to install."""
    what = f"{program} is not here; on Debian and Ubuntu: apt-get install {package}"
    if os.environ.get("UNDERSTUDY_CI"):
        pytest.fail(what)
    pytest.skip(what)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Look until `ready`, for at most `READY` seconds or as long as `process` lives; else fail with its log."""
    pause = threading.Event()
    for _ in range(int(READY / PAUSE)):
        if ready():
            return
        if process.poll() is not None:
            break
        pause.wait(PAUSE)
    pytest.fail(f"{process.args!r} did not get ready:\n{log.read_text(errors='replace')[-2000:]}")


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End one process that we started, and wait for it."""
    process.send_signal(how)
    try:
        process.wait(READY)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that every user may enter, as PostgreSQL's own user must."""
    path = Path(tempfile.mkdtemp(prefix="understudy-tests-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Postgres:
    """A PostgreSQL server in `home`, with one database prepared once, from which each test gets a clone."""

    def __init__(self, home: Path) -> None:
        self._programs, self._home, self.port = postgres_programs(), home, free_port()
        # It refuses to be root, so for root it runs as its own user.
        self._user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []}
        if os.geteuid() == 0:
            shutil.chown(home, "postgres", "postgres")
        else:
            self._user = {}
        self._make()
        self._server = self._start()
        self._numbers = count(1)
        self._execute("CREATE DATABASE template")

    def url(self, database: str) -> str:
        """`postgresql+psycopg://…` of a database on this server."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def prepare(self, job: Callable[[str], None]) -> None:
        """Let `job` fill the database that clones are made of; it must leave no connection open."""
        job(self.url("template"))

    @contextmanager
    def clone(self) -> Iterator[str]:
        """The URL of a fresh clone, dropped afterwards with its index."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template")
        try:
            yield self.url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(index_folder(self.url(name)), ignore_errors=True)

    def kill(self) -> None:
        """It goes as in a crash, at once and with every connection, and comes back by its log."""
        self.close()
        self._server = self._start()

    def revive(self) -> None:
        """Start it where it gave up by itself."""
        if self._server.poll() is not None:
            self._server = self._start()

    def close(self) -> None:
        """What is under way is thrown away; SIGKILL would leave its children behind."""
        end(self._server, signal.SIGQUIT)

    def _make(self) -> None:
        command = [f"{self._programs}/initdb", "-D", f"{self._home}/data", "-U", "postgres", "--auth=trust"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run(command, capture_output=True, cwd=self._home, check=False, **self._user)
        if made.returncode:
            pytest.fail(f"initdb: {(made.stdout + made.stderr).decode(errors='replace')[-2000:]}")

    def _start(self) -> subprocess.Popen[bytes]:
        options = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200")
        command = [f"{self._programs}/postgres", "-D", f"{self._home}/data"]
        command += [part for option in options for part in ("-c", option)]
        log = self._home / "log"
        with log.open("ab") as out:
            kept: dict[str, Any] = {"stdout": out, "stderr": out, "cwd": self._home}
            server: subprocess.Popen[bytes] = subprocess.Popen(command, **kept, **self._user)
        wait_until(lambda: answers(self.port), server, log)
        return server

    def _execute(self, statement: str) -> None:
        with connected(self.port) as connection:
            connection.execute(statement)


def connected(port: int) -> Any:
    """A psycopg connection to the server's own database, in autocommit; psycopg.OperationalError while it starts."""
    psycopg = pytest.importorskip("psycopg", reason="make test-services installs psycopg")
    return psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres", autocommit=True)


def answers(port: int) -> bool:
    """Does PostgreSQL take connections yet?"""
    from psycopg import OperationalError

    try:
        connected(port).close()
    except OperationalError:
        return False
    return True


def postgres_programs() -> Path:
    """The newest folder with `initdb` and `postgres` in it."""
    on_path = shutil.which("initdb")
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3].split(".")[0]))
    if not (on_path or known):
        missing("postgresql", "postgresql")
    return (known[-1] if known else Path(str(on_path)).resolve()).parent


@contextmanager
def postgres() -> Iterator[Postgres]:
    """One of its own."""
    with folder() as home:
        server = Postgres(home)
        try:
            yield server
        finally:
            server.close()


class Redis:
    """A Redis server at `url` that keeps nothing on disk; its log is in `home`."""

    def __init__(self, home: Path) -> None:
        self._program = shutil.which("redis-server") or missing("redis-server", "redis-server")
        self._home, self._port = home, free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._server = self._start()

    def kill(self) -> None:
        """SIGKILL, and another one at the same address, which knows nothing."""
        end(self._server, signal.SIGKILL)
        self._server = self._start()

    def close(self) -> None:
        end(self._server, signal.SIGTERM)

    def _start(self) -> subprocess.Popen[bytes]:
        log = self._home / "log"
        command = [self._program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with log.open("ab") as out:
            server: subprocess.Popen[bytes] = subprocess.Popen(command, stdout=out, stderr=out, cwd=self._home)
        wait_until(self._answers, server, log)
        return server

    def _answers(self) -> bool:
        client = pytest.importorskip("redis", reason="make test-services installs redis")
        try:
            return bool(client.Redis.from_url(self.url).ping())
        except client.exceptions.ConnectionError:
            return False


@contextmanager
def redis() -> Iterator[Redis]:
    """One of its own."""
    with folder() as home:
        server = Redis(home)
        try:
            yield server
        finally:
            server.close()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless playwright Browser on the Chromium of the system, or the one that CHROMIUM names."""
    named = os.environ.get("CHROMIUM", "chromium")
    program = shutil.which(named) or missing(named, "chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
