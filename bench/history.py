"""Taking in a team's past: `python -m bench history FOLDER [--embedder NAME] [--limit N] [--report DIR]`.

FOLDER holds the Thunderbird tickets and articles, which are converted first. Then `app.py import articles` and `app.py
import conversations` run as they are, each with the filling of the index; the second is killed with -9 after so many
seconds and begun again. Seconds are the clock's from start to end of both, with what was done twice; memory is the most
that any of the processes had.
"""

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.plot import plot
from bot.backends.encoder.files import NAME
from bot.settings import index_folder

BY = "ines@example.com"
EVERY = 0.5  # seconds between two looks at how far it is
Moment = tuple[float, float]


@dataclass
class Watched:
    """How far it was at which second: rows committed, passages in the index."""

    database: Path
    began: float = field(default_factory=time.perf_counter)
    committed: list[Moment] = field(default_factory=list)
    indexed: list[Moment] = field(default_factory=list)
    killed: float = 0.0

    def run(self, *command: str, most: float | None = None) -> bool:
        """Whether it came to its end; killed once so many seconds are over."""
        process = subprocess.Popen([sys.executable, "app.py", *command], stdout=subprocess.DEVNULL)
        until = time.perf_counter() + (most or 1e9)
        while process.poll() is None and time.perf_counter() < until:
            with suppress(subprocess.TimeoutExpired):
                process.wait(EVERY)
            self.look()
        if process.poll() is None:
            self.killed = time.perf_counter() - self.began
            process.kill()
        status = process.wait()
        if status not in {0, -9}:
            raise SystemExit(f"app.py {command[0]} ended with {status}")
        return status == 0

    def look(self) -> None:
        """Now."""
        at = time.perf_counter() - self.began
        rows = "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM past)"
        self.committed.append((at, count(self.database, rows)))
        self.indexed.append((at, count(index(self.database), "SELECT count(*) FROM passage")))


def index(database: Path) -> Path:
    """The file of its index."""
    return index_folder(f"sqlite:///{database}") / "passages.db"


def count(file: Path, query: str) -> float:
    """0 where there is nothing yet."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            return float(db.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0.0


def taken_in(material: Path, database: Path, killed_after: float) -> tuple[Watched, float]:
    """All of it, and the second at which the articles were in."""
    watched, conversations = Watched(database), ("import", "conversations", str(material / "conversations.jsonl.gz"))
    watched.run("import", "articles", str(material / "knowledge.jsonl"), "--by", BY)
    articles = time.perf_counter() - watched.began
    if not watched.run(*conversations, most=killed_after):
        watched.run(*conversations)
    watched.look()
    return watched, articles


def fastest(line: list[Moment], over: float = 20.0) -> float:
    """The most a second, in any so many seconds."""
    spans = ((b[0] - a[0], b[1] - a[1]) for a in line for b in line if over <= b[0] - a[0] < over + 2 * EVERY)
    return max((many / took for took, many in spans), default=0.0)


def report(watched: Watched, articles: float, embedder: str, to: Path) -> str:
    """As Markdown with a picture; the table."""
    seconds, committed = watched.committed[-1]
    table = {
        "seconds, all of it (reach: 300)": f"{seconds:.0f}",
        "seconds of processors, all of it": f"{spent():.0f}",
        "the articles alone": f"{articles:.1f}",
        "killed after": f"{watched.killed:.0f}" if watched.killed else "not",
        "most memory of a process, MB (reach: 1,500)": f"{most_memory():,.0f}",
        "entries and past replies": f"{committed:,.0f}",
        "passages in the index": f"{watched.indexed[-1][1]:,.0f}",
        "committed a second, in the best 20 s": f"{fastest(watched.committed):,.0f}",
        "passages into the index a second, in the best 20 s": f"{fastest(watched.indexed):,.0f}",
        "on average of the whole": f"{watched.indexed[-1][1] / seconds:,.0f}",
    }
    rows = "\n".join(("| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in table.items())))
    lines = {"committed": watched.committed, "in the index": watched.indexed}
    to.mkdir(parents=True, exist_ok=True)
    (to / "history.svg").write_text(plot("A team's past taken in", "seconds", "how many", lines, plain=True))
    text = f"`python -m bench history FOLDER`, `EMBEDDER={embedder}`; {len(os.sched_getaffinity(0))} cores."
    (to / "history.md").write_text(f"# Taking in a team's past\n\n{text}\n\n{rows}\n\n![Progress](history.svg)\n")
    return rows


def spent() -> float:
    """Seconds that all processes together kept a processor busy, which others on the machine change little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def most_memory() -> float:
    """MB of any process that was waited for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Convert, take in, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--embedder", default=NAME)
    parser.add_argument("--limit", type=int, help="no more tickets than this")
    parser.add_argument("--killed-after", type=float, default=60.0, help="seconds (default 60)")
    parser.add_argument("--report", type=Path, default=Path("bench/reports"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="history-") as made:
        folder = Path(made)
        os.environ |= {"DATABASE_URL": f"sqlite:///{folder}/understudy.db", "EMBEDDER": args.embedder}
        limit = [f"--limit={args.limit}"] if args.limit else []
        subprocess.run(
            [sys.executable, "-m", "bench", "thunderbird", str(args.folder), str(folder), *limit], check=True
        )
        subprocess.run([sys.executable, "app.py", "person", BY, "--role", "lead"], check=True)
        watched, articles = taken_in(folder, folder / "understudy.db", args.killed_after)
        print(report(watched, articles, args.embedder, args.report))


if __name__ == "__main__":
    main()
