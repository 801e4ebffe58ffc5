"""Understudy: a self-learning support agent. Every command is listed by `app.py --help`."""

import argparse
import logging
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported: on busy cores more threads are slower

import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from wsgiref.types import WSGIApplication

from flask import Flask

import connectors
from bot import answer, console, deliver, logs, review, settings, sweep
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.backends.workers import Bell, Workers
from bot.backends.writer import ExtractiveWriter
from bot.errors import BotError, Misconfigured
from bot.knowledge import Knowledge
from bot.line import Line, Links
from bot.model import DeliveryKind, EventKind
from bot.ports import Clock, Connector, Wake
from bot.settings import Settings
from bot.store import Store
from bot.web.door import VERDICT, Door
from bot.work import Effect, Handler, Job, Worker

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer, MultiSocketServer

    from bot.web.world import Parts

log = logging.getLogger("understudy")
PATIENCE = 25.0  # seconds for a send that has begun, when we are told to stop: cut off, it counts as a crash


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def connect(env: Mapping[str, str]) -> dict[str, Connector]:
    """Every helpdesk that has a setting named after it."""
    wanted = [n for n in connectors.found() if any(k.startswith(f"{n.upper()}_") and env[k] for k in env)]
    made: dict[str, Connector] = {name: connectors.load(name).connect(env) for name in wanted}
    return made


def bell(chosen: Settings) -> Wake:
    """Wake-ups within the process, or through Redis."""
    if not chosen.redis_url:
        return Bell()
    if find_spec("rq") is None:
        raise Misconfigured("REDIS_URL", "needs `pip install -r requirements-services.lock`")
    from bot.backends.rq_queue import RqBell

    return RqBell(chosen.redis_url)


def build(chosen: Settings, desks: Mapping[str, Connector], wake: Wake, now: Clock = utc_now) -> Line:
    """The line with its embedded brains, on a migrated store."""
    from bot.store.migrate import migrate
    from learning.confidence import Learned

    store = Store(chosen.database_url)
    migrate(store)
    knowledge = Knowledge(store, HybridIndex(HashEmbedder()))
    cards = [name for name, desk in desks.items() if DeliveryKind.CARD in desk.can]
    return Line(
        store=store,
        connectors=desks,
        knowledge=knowledge,
        writer=ExtractiveWriter(),
        confidence=Learned(store),
        wake=wake,
        now=now,
        links=Links(chosen.public_url, chosen.secret),
        review=cards[0] if cards else "",
    )


def handlers(line: Line) -> dict[str, Handler]:
    """Which function does which kind of work."""
    from learning import observe

    events: dict[EventKind, Callable[..., Effect | None]] = {
        EventKind.CUSTOMER_MESSAGE: answer.answer,
        EventKind.AGENT_MESSAGE: observe.agent_message,
        EventKind.NOTE: observe.note,
        EventKind.BOT_MESSAGE: observe.bot_message,
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
    review.judge(line, VERDICT.validate_json(job.payload))


def worker(line: Line) -> Worker:
    """What drains the work table; what it cannot do goes to a person."""
    return Worker(line.store, handlers(line), lambda job, error: deliver.give_up(line, job, error), line.now)


def web(line: Line, counted: Counter[str] | None = None) -> Flask:
    """The app that vendors and staff reach."""
    from bot.web.pages import pages

    app = Flask("understudy", root_path=str(Path(__file__).parent / "bot" / "web"))
    refused = Counter[str]() if counted is None else counted
    app.register_blueprint(pages(line, refused))
    app.wsgi_app = Door(line, app.wsgi_app, refused)  # type: ignore[assignment, method-assign]
    return app


def sweep_for_ever(line: Line, every: float, stopping: threading.Event) -> None:
    """Every second what dead workers held, every `every` seconds what webhooks lost."""
    seconds = 0.0
    while not stopping.wait(1.0):
        seconds += 1.0
        try:
            sweep.reclaim(line)
            if seconds >= every:
                seconds = 0.0
                sweep.sweep(line)
        except Exception:
            log.exception("sweep crashed")


def listen(app: WSGIApplication, chosen: Settings) -> "BaseWSGIServer | MultiSocketServer":
    """A server whose port is bound. Bodies over the cap are refused by the door, far larger ones here."""
    import waitress

    try:
        return waitress.create_server(
            app,
            host=chosen.host,
            port=chosen.port,
            threads=8,
            connection_limit=1000,
            channel_timeout=30,
            max_request_body_size=4 * 1_048_576,
            ident="",
        )
    except (OSError, ValueError) as err:  # taken, not ours, or a host that nobody knows
        raise Misconfigured("PORT", f"cannot listen on {chosen.host}:{chosen.port}: {err}") from err


def run_serve(args: argparse.Namespace) -> None:
    """Web, workers and sweep in one process; with REDIS_URL the workers may also run elsewhere."""
    chosen = settings.read(os.environ)
    wake = bell(chosen)
    line = build(chosen, connect(os.environ), wake)
    server, stopping = listen(web(line), chosen), threading.Event()
    threading.Thread(target=sweep_for_ever, args=(line, chosen.sweep_every, stopping), daemon=True).start()
    workers = Workers(worker(line), wake, chosen.workers).start() if isinstance(wake, Bell) else None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        print(f"Understudy listens on http://{chosen.host}:{chosen.port}", flush=True)
        server.run()
    finally:
        stopping.set()
        if workers:
            workers.stop(PATIENCE)


def run_worker(args: argparse.Namespace) -> None:
    """As many processes as you like; REDIS_URL wakes them at once, without it they look four times a second."""
    chosen = settings.read(os.environ)
    wake = bell(chosen)
    draining = worker(build(chosen, connect(os.environ), wake))
    print("ready", flush=True)
    if isinstance(wake, Bell):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        workers = Workers(draining, wake, chosen.workers).start()
        try:
            signal.pause()
        finally:
            workers.stop(PATIENCE)
        return
    from bot.backends import rq_queue

    rq_queue.serve(chosen.redis_url, draining.drain, lambda stopping: poll(draining, stopping))


def poll(draining: Worker, stopping: threading.Event) -> None:
    """Look for work every second, whatever Redis says."""
    while not stopping.wait(1.0):
        try:
            draining.drain(stopping.is_set)
        except Exception:
            log.exception("poll crashed")


def parts() -> "Parts":
    """What the sandbox is made of."""
    from bot.web.world import Parts

    return Parts(
        stages=lambda: {name: connectors.load(name, "fake").Fake() for name in connectors.found()},
        line=lambda chosen, env, wake: build(chosen, connect(env), wake),
        bell=bell, worker=worker, web=web, sweep=sweep_for_ever, say=print,
        serve=lambda app, chosen: listen(app, chosen).run(),
    )  # fmt: skip


def run_sandbox(args: argparse.Namespace) -> None:
    """A support desk in miniature."""
    from bot.web import sandbox

    sandbox.run(args, parts())


class Parser(argparse.ArgumentParser):
    """Answers a wrong command with what went wrong and the whole help."""

    def error(self, message: str) -> NoReturn:
        """Exit status 2."""
        print(f"{self.prog}: {message}\n", file=sys.stderr)
        self.print_help(sys.stderr)
        self.exit(2)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = Parser(prog="app.py", description=__doc__)
    commands = made.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    sandbox = add("sandbox", run_sandbox, "start a support desk in miniature: fake helpdesks, the bot, one page")
    sandbox.add_argument("--port", type=int, default=8000, help="of the page (default 8000)")
    sandbox.add_argument("--data", type=Path, help="play real conversations from FILE.jsonl[.gz]")
    sandbox.add_argument("--knowledge", type=Path, help="entries to start with, FILE.jsonl[.gz]")
    sandbox.add_argument("--limit", type=int, help="play no more conversations than this")
    sandbox.add_argument("--keep", type=Path, help="keep the sandbox's database in this folder")
    add("serve", run_serve, "web, workers and sweep for real helpdesks")
    add("worker", run_worker, "one more process of workers; REDIS_URL wakes it at once")
    console.register(add, lambda: connect(os.environ))
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
    except Misconfigured as err:
        print(f"app.py: {err}", file=sys.stderr)
        return 2
    except BotError as err:  # a vendor or the store is away, or says no
        print(f"app.py: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
