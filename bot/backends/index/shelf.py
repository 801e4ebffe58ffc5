"""The frozen segments of an index on disk: a list that is replaced as a whole, and folders that never change."""

import fcntl
import glob
import json
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.backends.index.frozen import Arrays, Frozen, save
from bot.backends.index.harm import Lost, told
from bot.backends.index.log import FORMAT, Place
from bot.errors import Unavailable
from bot.model import Scope, Source

LIST = "segments.json"
ASIDE = f"-{'[0-9a-f]' * 8}-damaged"
BLOCK = 1 << 20
PAUSE = 0.01  # seconds
NOT_WHOLE = (FileNotFoundError, NotADirectoryError, ValueError, TypeError, EOFError)  # no other error of the system


@dataclass(frozen=True, slots=True)
class Listed:
    """Which segments there are: what the log of `epoch` had up to `seq`, by source the names of segments, oldest first;
    `sums`: a checksum for each; `gone`: up to where of what has gone they have nothing."""

    epoch: str = ""
    seq: int = 0
    segments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sums: Mapping[str, int] = field(default_factory=dict)
    gone: int = 0
    format: str = FORMAT

    @property
    def place(self) -> Place:
        """From where on it is to be followed."""
        return Place(self.epoch, self.seq, self.gone)


class Shelf:
    """A folder. Raises Lost where a segment is not what we wrote, and Unavailable where the disk is full or away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def listed(self) -> Listed:
        """What there is, nothing at first, nor where the list is not what we wrote."""
        with told(self._folder):
            try:
                check, _, text = (self._folder / LIST).read_text(encoding="utf-8").partition("\n")
                return Listed(**json.loads(text)) if int(check) == zlib.crc32(text.encode()) else Listed()
            except (FileNotFoundError, ValueError, TypeError):
                return Listed()

    def forget(self) -> None:
        """The list is of no use."""
        with told(self._folder), suppress(FileNotFoundError):
            (self._folder / LIST).unlink()

    def loaded(self, listed: Listed, *, check: bool = False) -> dict[Source, tuple[Frozen, ...]]:
        """All its segments. With `check` every byte of them is looked at."""
        for name, told_sum in listed.sums.items() if check else ():
            with self._whole(name):
                if checksum(self._folder / name) != told_sum:
                    raise Lost(f"segment {name} has changed")
        return {s: tuple(self.load(name) for name in listed.segments.get(s, ())) for s in Source}

    def load(self, name: str) -> Frozen:
        """A segment."""
        with self._whole(name):
            return Frozen(self._folder / name)

    @contextmanager
    def _whole(self, name: str) -> Iterator[None]:
        with told(self._folder):
            try:
                yield
            except NOT_WHOLE as err:
                raise Lost(f"segment {name}: {err}") from err

    def add(self, arrays: Arrays, scopes: list[Scope]) -> tuple[str, int]:
        """Write a segment; its name and checksum. Nobody sees it before it is listed."""
        name = f"segment-{secrets.token_hex(6)}"
        with told(self._folder):
            (self._folder / name).mkdir(parents=True)
            save(arrays, scopes, self._folder / name)
            for file in (self._folder / name).iterdir():
                _sync(file)
            return name, checksum(self._folder / name)

    def replace(self, listed: Listed) -> None:
        """The new list, whole or not at all; folders that are not on it go."""
        half = self._folder / f"{LIST}.{os.getpid()}"
        with told(self._folder):
            text = json.dumps(asdict(listed))
            half.write_text(f"{zlib.crc32(text.encode())}\n{text}", encoding="utf-8")
            _sync(half)
            half.replace(self._folder / LIST)
            _sync(self._folder)
            _remove(self._unlisted(listed.sums))

    def sweep(self, held: "Held", listed: Container[str]) -> None:
        """Take away what processes that were killed have left: other segments than those listed, half a list, folders
        put aside. By whoever writes segments alone, so that nobody is at it."""
        with told(self._folder):
            left = [*self._unlisted(listed), *self._folder.glob(f"{LIST}.*")]
            held.sure()  # so that what was found is of the folder that it locks
            _remove(left)
            _remove(self._folder.parent.glob(glob.escape(self._folder.name) + ASIDE))

    def _unlisted(self, listed: Container[str]) -> list[Path]:
        return [folder for folder in self._folder.glob("segment-*") if folder.name not in listed]

    @contextmanager
    def alone(self, name: str = "folding", patience: float = 0.0) -> Iterator["Held | None"]:
        """A lock, where nobody else is at it (writes segments, when it is "folding"), or has come to an end within so
        many seconds."""
        with told(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            opened = (self._folder / name).open("a")
        with opened:
            held = Held(self._folder / name, opened.fileno())
            yield held if patient(held.taken, patience, PAUSE) else None


@dataclass(frozen=True, slots=True)
class Held:
    """A lock file of the folder, and its number as an open file."""

    file: Path
    number: int

    def taken(self) -> bool:
        """Whether it is ours by now."""
        with told(self.file.parent):
            try:
                fcntl.flock(self.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def sure(self) -> None:
        """Unavailable where somebody has put the folder aside: then it locks nothing."""
        with told(self.file.parent):
            still = self.file.exists() and os.path.samestat(os.fstat(self.number), self.file.stat())
        if not still:
            raise Unavailable(f"the index in {self.file.parent} was put aside meanwhile", retry_after=1.0)


def patient(done: Callable[[], bool], patience: float, pause: float) -> bool:
    """Whether it is done within so many seconds; it is tried again after each `pause`, once at least."""
    until = time.monotonic() + patience
    while not (happened := done()) and time.monotonic() < until:
        time.sleep(pause)
    return happened


def checksum(folder: Path) -> int:
    """Of all files of a segment, by name."""
    made = 0
    for file in sorted(folder.iterdir()):
        with file.open("rb") as read:
            while block := read.read(BLOCK):
                made = zlib.crc32(block, made)
    return made


def _remove(left: Iterable[Path]) -> None:
    """Who has mapped a segment keeps it."""
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def put_aside(folder: Path) -> None:
    """Take a folder away as a whole, so that it is made anew; who has files of it open sees that they are gone."""
    gone = folder.with_name(f"{folder.name}-{secrets.token_hex(4)}-damaged")
    with told(folder), suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
