"""A6: the power goes. What SQLite's files would be afterwards is put together from what our processes wrote and synced.

strace (of Debian) records, in one order for all processes, each write and each sync of the database and its log. At a
cut every process is killed and the files are written anew: all that was written before a sync that had come back, and
of the rest a random part, some of it torn at a sector's end. That a file was removed is taken as synced. What it cannot
show is a disk that lies about its syncs.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos import weather
from tests.chaos.house import ROOT, House
from tests.chaos.scenarios import Outcome, ask, outcome
from tests.chaos.town import Town

SECTOR = 512  # bytes
TRACER = ("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "1000000", "-e", "signal=none",
          "-e", "trace=pwrite64,ftruncate,fdatasync,fsync,unlink")  # fmt: skip
CALL = re.compile(
    r'(\d+) +(?:<\.\.\. )?(\w+)(?:\(|\s)(?:\d+<([^>]*)>|"([^"]*)")?(?:, (?:"([^"]*)", )?(\d+)(?:, (\d+))?)?'
)


@dataclass
class File:
    """`kept` is on the disk for sure, `loose` is not: (offset, data) in the order of writing, (size, None) to cut."""

    kept: bytearray = field(default_factory=bytearray)
    loose: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self, many: int) -> None:
        """The first so many loose ones are on the disk."""
        for at, data in self.loose[:many]:
            self._put(at, data)
        del self.loose[:many]

    def cut(self, random: Random) -> bytes:
        """What may be there when the power comes back."""
        for at, data in self.loose:
            if random.random() < 0.5:
                torn = data is not None and random.random() < 0.3
                self._put(at, data[: random.randrange(0, len(data) + 1, SECTOR)] if data and torn else data)
        self.loose = []
        return bytes(self.kept)

    def _put(self, at: int, data: bytes | None) -> None:
        if data is None:
            del self.kept[at:]
        else:
            self.kept.extend(bytes(max(0, at - len(self.kept))))
            self.kept[at : at + len(data)] = data


class Disk:
    """The files of a database, followed by what strace writes to `trace`."""

    def __init__(self, database: Path, trace: Path) -> None:
        self._trace, self._read = trace, 0
        self._files = {path: File() for path in (database, database.with_name(f"{database.name}-wal"))}
        self._shared = database.with_name(f"{database.name}-shm")
        self._syncing: dict[str, tuple[File, int]] = {}
        for path, file in self._files.items():
            file.kept[:] = path.read_bytes() if path.exists() else b""

    @property
    def tracer(self) -> tuple[str, ...]:
        """The command in front of our processes."""
        return (*TRACER, "-o", str(self._trace), *(part for path in self._files for part in ("-P", str(path))))

    def cut(self, random: Random) -> int:
        """Everybody is dead: the files become what the disk may hold. How many writes were not synced."""
        self._follow()
        loose = sum(len(file.loose) for file in self._files.values())
        self._shared.unlink(missing_ok=True)
        for path, file in self._files.items():
            path.unlink(missing_ok=True)
            if left := file.cut(random):
                path.write_bytes(left)
        return loose

    def _follow(self) -> None:
        with self._trace.open() as lines:
            lines.seek(self._read)
            for line in iter(lines.readline, ""):
                self._happened(line)
            self._read = lines.tell()

    def _happened(self, line: str) -> None:
        found = CALL.match(line)
        if found is None:
            return
        process, call, of, name, data, first, second = found.groups()
        if "resumed" in line:
            self._synced(process)
            return
        file = self._files[Path(_plain(of or name).decode())]
        match call:
            case "pwrite64":
                file.loose.append((int(second), _plain(data)))
            case "ftruncate":
                file.loose.append((int(first), None))
            case "unlink":
                file.kept, file.loose = bytearray(), []
            case _:
                self._syncing[process] = file, len(file.loose)
                if "unfinished" not in line:
                    self._synced(process)

    def _synced(self, process: str) -> None:
        """A sync came back; what was written while it ran stays loose."""
        file, many = self._syncing.pop(process, (File(), 0))
        file.sync(many)


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def cuts(town: Town, times: int, limit: float) -> Outcome:
    """So many power cuts while webhooks come in and replies go out; then the audit has to hold, too."""
    if (
        shutil.which("strace") is None
        or subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], check=False).returncode
    ):
        return weather.skipped(town, "nothing can be traced here")
    town.store.close()  # ours would keep the old files open
    database = Path(town.plan.database_url.removeprefix("sqlite:///"))
    disk, loose = Disk(database, town.plan.folder / "trace"), 0
    with rehoused(town, disk.tracer):
        for _ in range(times):
            weather.crew(town, *weather.HASTY, "lease=6", "anchors")
            _load(town)
            for name in town.house.names:
                town.house.kill(name)
            loose += disk.cut(town.random)
            town.note("power cut")
        weather.crew(town, *weather.HASTY, "lease=6", "anchors")
        drained = town.drained(limit)
        return outcome(town, drained, ("cuts", times), ("writes not synced", loose), wrong=_audit(town))


def _load(town: Town) -> None:
    until = town.now + town.random.uniform(1.0, 2.5)
    while town.now < until:
        ask(town, 2)
        town.sample()
        time.sleep(0.1)


def _audit(town: Town) -> tuple[str, ...]:
    command = [sys.executable, "app.py", "audit", "verify"]
    env = {**os.environ, **town.house.env}
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return () if said.returncode == 0 else (f"audit verify: {said.stdout} {said.stderr}",)


@contextmanager
def rehoused(town: Town, before: Sequence[str]) -> Iterator[None]:
    """Our processes are started through that command."""
    plan, old = town.plan, town.house
    town.house = House(old.env, plan.changes, plan.folder / "log", before)
    try:
        yield
    finally:
        town.house.close()
        town.house = old
