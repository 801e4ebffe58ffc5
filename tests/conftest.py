"""Which database and which queue the tests run on, and a fresh one of each for every test that asks."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import TYPE_CHECKING

import pytest
from werkzeug.routing import Rule

from bot.store import Store
from bot.store.migrate import migrate
from tests import services

pytest.register_assert_rewrite("tests.checks", "tests.helpdesk")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.shell import Shell


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--store` and `--queue`; the defaults need no server."""
    parser.addoption("--store", choices=("sqlite", "postgres"), default="sqlite", help="the database under test")
    parser.addoption("--queue", choices=("threads", "rq"), default="threads", help="how workers are woken")


def pytest_configure(config: pytest.Config) -> None:
    """Without `-m`, leave out what needs a browser or minutes."""
    config.addinivalue_line("markers", "heavy: takes minutes; run by name")
    config.addinivalue_line("markers", "long: takes seconds, many of them by killing; run by `make test-long`")
    _compile_routes_once()
    if not config.option.markexpr:
        config.option.markexpr = "not browser and not heavy and not login and not long"


def _compile_routes_once() -> None:
    """Werkzeug writes and compiles code for every route of every app, and four apps for each desk took a third of the
    suite's time. The same route gives the same code, so it is made once in a process."""
    compiled, real = dict[tuple[str, str, bool], object](), Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> object:
        route = rule.rule, str(rule.defaults), append_unknown
        if route not in compiled:
            compiled[route] = real(rule, append_unknown)
        return compiled[route]

    Rule._compile_builder = once  # type: ignore[method-assign, assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for a database or a queue is a `services` test, whether or not it says so."""
    for item in items:
        if {"database_url", "redis_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("services")


@pytest.fixture(scope="session")
def postgres() -> Iterator[services.Postgres]:
    """One PostgreSQL server for the session, started when first asked for; its clones have the newest schema."""
    with services.postgres() as server:
        server.prepare(migrated)
        yield server


def migrated(url: str) -> None:
    """Bring the database at `url` to the newest schema."""
    store = Store(url)
    migrate(store)
    store.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """One Redis server for the session, started when first asked for; its URL."""
    with services.redis() as server:
        yield server.url


@pytest.fixture(scope="session")
def newest_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file without a row: to copy it takes a tenth of the time of migrating a new one."""
    made = tmp_path_factory.mktemp("schema") / "newest.db"
    migrated(f"sqlite:///{made}")
    return made


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own without a row: a SQLite file, or with `--store postgres` a clone."""
    if request.config.getoption("--store") == "sqlite":
        own = copy(request.getfixturevalue("newest_schema"), tmp_path / "understudy.db")
        yield f"sqlite:///{own}"
        return
    server: services.Postgres = request.getfixturevalue("postgres")
    with server.clone() as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """That database, open."""
    made = Store(database_url)
    yield made
    made.close()


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str | None:
    """An empty Redis with `--queue rq`, else None: workers in this process."""
    if request.config.getoption("--queue") == "threads":
        return None
    url: str = request.getfixturevalue("redis_server")
    from redis import Redis

    Redis.from_url(url).flushall()
    return url


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """One headless browser for the session; `chromium.new_page()` for each test."""
    with services.chromium() as browser:
        yield browser


@pytest.fixture
def shell(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Shell":
    """The operator's command line on a database of the test's own."""
    from tests import shell as made

    return made.shell(database_url, monkeypatch, capsys)
