"""Understudy: a self-learning support agent. Every command is listed by `app.py --help`."""

import argparse
import logging
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported: on busy cores more threads are slower

import secrets
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

import connectors
from bot import answer, cases, console, deliver, logs, review, settings, sweep, sync
from bot.backends import chosen as backends
from bot.backends.embedder import HashEmbedder
from bot.backends.workers import Bell, Workers, end_with_parent, repeating
from bot.backends.writer import ExtractiveWriter
from bot.errors import BotError, Misconfigured
from bot.knowledge import Knowledge
from bot.line import Line, Links
from bot.model import DeliveryKind, EventKind
from bot.ports import Clock, Connector, Wake
from bot.settings import Oidc, Settings
from bot.store import Store
from bot.web.door import Door
from bot.work import Effect, Handler, Job
from bot.worker import Worker

if TYPE_CHECKING:
    from bot.entry_commands import Past
    from bot.web.guard import Needs
    from bot.web.stages import World

log = logging.getLogger("understudy")
Act = tuple[float, Callable[[], object]]  # every so many seconds
STANDS_IN = 5.0  # seconds between the looks of a worker for what `serve` should have compared
PATIENCE = 25.0  # seconds for a send that has begun, when we are told to stop: cut off, it counts as a crash


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def connect(env: Mapping[str, str]) -> dict[str, Connector]:
    """Every helpdesk that has a setting named after it."""
    wanted = [n for n in connectors.found() if any(k.startswith(f"{n.upper()}_") and env[k] for k in env)]
    made: dict[str, Connector] = {name: connectors.load(name).connect(env) for name in wanted}
    return made


def build(chosen: Settings, desks: Mapping[str, Connector], wake: Wake, now: Clock = utc_now) -> Line:
    """The line with its embedded brains, on a migrated store."""
    from bot.store.migrate import migrate
    from learning.confidence import Learned

    store = Store(chosen.database_url)
    migrate(store)
    cards = [name for name, desk in desks.items() if DeliveryKind.CARD in desk.can]
    return Line(
        store=store,
        connectors=desks,
        knowledge=search(store, chosen.embedder),
        embedder=HashEmbedder(),  # by which learning tells what is alike; its thresholds are measured with it
        writer=ExtractiveWriter(),
        confidence=Learned(store),
        wake=wake,
        now=now,
        links=Links(chosen.public_url, chosen.secret, chosen.secret_previous),
        review=cards[0] if cards else "",
    )


def search(store: Store, embedder: str = "") -> Knowledge:
    """What is known, found by the embedded index."""
    from learning.fusion import Learned as Fused

    by = backends.embedder(embedder)
    return Knowledge(store, backends.index(store.url, by), Fused(store, by))


def past() -> "Past":
    """What takes in what people answered in the past."""
    from learning import elsewhere

    return elsewhere


def handlers(line: Line) -> dict[str, Handler]:
    """Which function does which kind of work."""
    from learning import observe

    events: dict[EventKind, Callable[..., Effect | None]] = {
        EventKind.CUSTOMER_MESSAGE: answer.answer,
        EventKind.AGENT_MESSAGE: observe.agent_message,
        EventKind.CHANGE: observe.change,
    }

    def event(job: Job) -> Effect | None:
        seen = answer.EVENT.validate_json(job.payload)
        return events[seen.kind](line, seen)

    return {
        "look": lambda job: answer.look(line, job.ref),
        "event": event,
        "deliver": lambda job: deliver.deliver(line, job),
        "verdict": lambda job: _judge(line, job),
        "learn": lambda job: observe.learn(line, job.payload),
    }


def _judge(line: Line, job: Job) -> None:
    review.judge(line, review.VERDICT.validate_json(job.payload))


def worker(line: Line, chosen: Settings | None = None) -> Worker:
    """What drains the work table; what it cannot do goes to a person."""
    threads, budgets = (chosen.workers + 1, chosen.budgets) if chosen else (2, {})  # one more, for the other helpdesks
    dead = partial(deliver.give_up, line)
    return Worker(line.store, handlers(line), dead, line.now, threads=threads, budgets=budgets)


def web(
    line: Line, counted: Counter[str] | None = None, *, oidc: Oidc | None = None, needs: "Needs | None" = None
) -> Flask:
    """The app that vendors and staff reach. `needs`: the least role for each page, where not as usual."""
    from bot.web import guard, pages

    app = Flask("understudy", root_path=str(Path(__file__).parent / "bot" / "web"))
    refused = Counter[str]() if counted is None else counted
    guard.guard(app, line, needs or guard.NEEDS)
    provider = None
    if oidc:
        from bot.web.oidc import Provider  # and Authlib, which not everybody needs

        provider = Provider(app, oidc, line.links.public_url)
    app.register_blueprint(pages.pages(line, refused, provider))
    app.wsgi_app = Door(line, app.wsgi_app, refused)  # type: ignore[assignment, method-assign]
    return app


def acts(line: Line, chosen: Settings, *, sweeps: bool = True) -> list[Act]:
    """What is repeated. Everywhere the index keeps up and entries are compared, or nothing would be answered alone."""
    from learning import pairs

    always: list[Act] = [(1.0, line.knowledge.keep_up), (1.0 if sweeps else STANDS_IN, pairs.Keeper(line))]
    upkeep = sweep.Upkeep(chosen.anchors, timedelta(days=chosen.retention_days) or None, chosen.budgets)
    synced = sync.acts(line.store, line.connectors, chosen.sync_folders, line.now, chosen.sync_every)
    return [*always, *sweep.acts(line, upkeep, chosen.sweep_every), *synced] if sweeps else always


@contextmanager
def working(line: Line, chosen: Settings, *, sweeps: bool = True) -> Iterator[int]:
    """Workers and `acts` until the block ends, and how many: with REDIS_URL they are processes of their own."""
    line.knowledge.refresh()  # an index of another embedder is found out before anybody asks
    count = chosen.workers if isinstance(line.wake, Bell) else 0
    with repeating(acts(line, chosen, sweeps=sweeps)) as stopping:
        workers = Workers(worker(line, chosen), line.wake).start() if count and isinstance(line.wake, Bell) else None
        try:
            yield count
        finally:
            stopping.set()
            if workers:
                workers.stop(PATIENCE)


def run_serve(args: argparse.Namespace) -> None:
    """Web, workers and sweep in one process; the workers may also run elsewhere."""
    from bot.web.server import listen  # and waitress, which only who serves needs

    chosen = settings.read(os.environ)
    if settings.one_address(chosen):
        print(f"Careful: {settings.ONE_ADDRESS}", file=sys.stderr)
    line = build(chosen, connect(os.environ), backends.bell(chosen))
    server = listen(web(line, oidc=chosen.oidc), chosen)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with working(line, chosen) as count:
        desks = ", ".join(sorted(line.connectors)) or "no helpdesk yet (README.md names the settings of each)"
        print(f"Understudy listens on http://{chosen.host}:{chosen.port} for {desks}")
        print(f"{count or 'no'} workers here, database {line.store.engine.url}", flush=True)  # its password is starred
        server.run()


def run_worker(args: argparse.Namespace) -> None:
    """As many processes as you like; REDIS_URL wakes them at once, without it they look four times a second. Each ends
    with whoever started it."""
    chosen = settings.read(os.environ)
    line = build(chosen, connect(os.environ), backends.bell(chosen))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    end_with_parent()
    with working(line, chosen, sweeps=False):
        print("ready", flush=True)
        if isinstance(line.wake, Bell):
            signal.pause()
        from bot.backends import rq_queue

        rq_queue.serve(chosen.redis_url, worker(line, replace(chosen, workers=rq_queue.THREADS - 1)).drain)


@contextmanager
def miniature(chosen: Settings, knowledge: Path | None = None, *, strangers: bool = False) -> "Iterator[World]":
    """A support desk in miniature: fake helpdesks, a company, the line with its workers, and the page."""
    from bot.web import company, sandbox
    from bot.web.stages import World

    stages = {name: connectors.load(name, "fake").Fake() for name in connectors.found()}
    env = {name: value for stage in stages.values() for name, value in stage.settings().items()}
    line = build(chosen, connect(env), backends.bell(chosen))
    world = World(line, web(line, needs=sandbox.PLAYED), stages)
    try:
        company.move_in(line, knowledge, strangers=strangers)
        sandbox.furnish(world)
        for stage in stages.values():
            stage.hook(chosen.public_url)
        with working(line, chosen):
            yield world
    finally:
        for stage in stages.values():
            stage.close()
        line.store.close()


def run_sandbox(args: argparse.Namespace) -> None:
    """Start the miniature, print its address, serve until it is ended. Who watches is not kept waiting for a sweep."""
    from bot.web import company, play
    from bot.web.server import listen

    script = cases.script(args.data, connectors.found(), args.limit) if args.data else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the temporary folder goes too
    with tempfile.TemporaryDirectory(prefix="understudy-") as folder, suppress(KeyboardInterrupt):
        env = {"SECRET_KEY": secrets.token_hex(32), "DATABASE_URL": f"sqlite:///{folder}/understudy.db",
               "PORT": str(args.port), "PUBLIC_URL": f"http://127.0.0.1:{args.port}",
               "EMBEDDER": settings.embedder(os.environ), "SWEEP_EVERY": "60" if script else "5"}  # fmt: skip
        chosen = settings.read(env)
        with miniature(chosen, args.knowledge, strangers=bool(script)) as world:
            server = listen(world.app, chosen)
            print(f"Understudy's sandbox: {chosen.public_url}   (Ctrl+C ends it)")
            print(f"Control, knowledge and audit are for the staff:\n{company.invitation(world.line)}")
            print(f"Its database, for commands such as stop: DATABASE_URL={chosen.database_url}", flush=True)
            if script:
                threading.Thread(target=play.play, args=(world, script, print), daemon=True).start()
            server.run()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = console.Parser(prog="app.py", description=__doc__)
    commands = made.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    sandbox = add("sandbox", run_sandbox, "start a support desk in miniature: fake helpdesks, the bot, one page")
    sandbox.add_argument("--port", default=8000, help="of the page (default 8000)")
    sandbox.add_argument("--data", type=Path, help="play real conversations from FILE.jsonl[.gz]")
    sandbox.add_argument("--knowledge", type=Path, help="entries to start with, FILE.jsonl[.gz]")
    sandbox.add_argument("--limit", type=int, help="play no more conversations than this")
    add("serve", run_serve, "web, workers and sweep for real helpdesks")
    add("worker", run_worker, "one more process of workers; REDIS_URL wakes it at once")
    by = settings.embedder(os.environ)
    knows, brains = partial(search, embedder=by), partial(backends.check, by)
    console.register(add, lambda: connect(os.environ), knows, past, brains)
    return made


def main(argv: list[str]) -> int:
    """Exit status: 0 fine, 1 something found wrong, 2 a wrong command or setting."""
    args = parser().parse_args(argv)
    if args.command is None:
        parser().print_help()
        return 2
    try:
        logs.start(os.environ.get("LOG_LEVEL", "WARNING"))
        args.run(args)
        sys.stdout.flush()
    except BotError as err:  # a setting is wrong, or a vendor or the store is away or says no
        print(f"app.py: {err}", file=sys.stderr)
        return 2 if isinstance(err, Misconfigured) else 1
    except BrokenPipeError:  # whoever reads has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
