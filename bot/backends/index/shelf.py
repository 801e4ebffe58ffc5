"""The frozen segments of an index on disk: a list that is replaced as a whole, and folders that never change."""

import fcntl
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.backends.index.frozen import Arrays, Frozen, save
from bot.backends.index.log import FORMAT, Damaged
from bot.errors import Unavailable
from bot.model import Scope

LIST = "segments.json"
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """Which segments there are: what the log of `epoch` had up to `seq`, by source the names of segments, oldest first;
    `sums`: a checksum for each."""

    epoch: str = ""
    seq: int = 0
    segments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sums: Mapping[str, int] = field(default_factory=dict)
    format: str = FORMAT


class Shelf:
    """A folder. Raises Damaged where it is not what we wrote, and Unavailable where the disk is full or away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def listed(self) -> Listed:
        """What there is, nothing at first."""
        try:
            told = Listed(**json.loads((self._folder / LIST).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Listed()
        except (OSError, ValueError, TypeError) as err:
            raise Damaged(f"{LIST}: {err}") from err
        return told if told.format == FORMAT else Listed()

    def load(self, name: str, sum: int | None = None) -> Frozen:
        """A segment. With `sum` every byte of it is looked at."""
        folder = self._folder / name
        try:
            if sum is not None and checksum(folder) != sum:
                raise Damaged(f"segment {name} has changed")
            return Frozen(folder)
        except (OSError, ValueError, TypeError) as err:
            raise Damaged(f"segment {name}: {err}") from err

    def add(self, arrays: Arrays, scopes: list[Scope]) -> tuple[str, int]:
        """Write a segment; its name and checksum. Nobody sees it before it is listed."""
        name = f"segment-{secrets.token_hex(6)}"
        with _told(self._folder):
            (self._folder / name).mkdir(parents=True)
            save(arrays, scopes, self._folder / name)
            for file in (self._folder / name).iterdir():
                _sync(file)
            return name, checksum(self._folder / name)

    def replace(self, listed: Listed) -> None:
        """The new list, whole or not at all; folders that are not on it go."""
        half = self._folder / f"{LIST}.{os.getpid()}"
        with _told(self._folder):
            half.write_text(json.dumps(asdict(listed)), encoding="utf-8")
            _sync(half)
            half.replace(self._folder / LIST)
            for folder in self._folder.glob("segment-*"):  # who has mapped one keeps it
                if folder.name not in listed.sums:
                    shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """True where no other process is writing segments."""
        with _told(self._folder), (self._folder / "folding").open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def checksum(folder: Path) -> int:
    """Of all files of a segment, by name."""
    made = 0
    for file in sorted(folder.iterdir()):
        with file.open("rb") as read:
            while block := read.read(BLOCK):
                made = zlib.crc32(block, made)
    return made


def _sync(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise Unavailable(f"the index in {folder} cannot be written: {err.strerror}", retry_after=1.0) from err


def put_aside(folder: Path) -> None:
    """Take everything out of an index's folder, so that it is made anew."""
    for there in folder.iterdir() if folder.is_dir() else ():
        if there.is_dir():
            shutil.rmtree(there, ignore_errors=True)
        else:
            with suppress(OSError):
                there.unlink()
