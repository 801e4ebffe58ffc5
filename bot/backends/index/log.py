"""The passages on disk: one SQLite file that the processes of a machine share, and that each of them follows.

What is committed survives a crash of ours. A power cut can take the newest of it together with its mark, and then its
writer writes it again.
"""

import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from bot.errors import Unavailable

FORMAT = "1"
SCHEMA = """
CREATE TABLE IF NOT EXISTS passage (seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, source TEXT NOT NULL,
  title TEXT NOT NULL, text TEXT NOT NULL, scope TEXT NOT NULL, until REAL NOT NULL, vector BLOB NOT NULL,
  sum INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS passage_owner ON passage (owner);
CREATE TABLE IF NOT EXISTS gone (seq INTEGER PRIMARY KEY AUTOINCREMENT, passage INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
NEWER = "SELECT * FROM passage WHERE seq > ? ORDER BY seq"
GONE = "SELECT seq, passage FROM gone WHERE seq > ? ORDER BY seq"
# What is forgotten is overwritten. The log is small, so that a reader never has to go through much of it.
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "secure_delete=ON", "wal_autocheckpoint=1000")


class Damaged(Exception):
    """The files are not what we wrote."""


class Replaced(Exception):
    """Somebody has put another file in this one's place."""


@dataclass(frozen=True, slots=True)
class Row:
    """A passage as it lies there. `until`: seconds since 1970, infinite where it has no end; `vector`: float16."""

    owner: str
    source: str
    title: str
    text: str
    scope: str
    until: float
    vector: bytes

    @property
    def sum(self) -> int:
        """Differs where anything of it has changed."""
        return zlib.crc32(self.vector, zlib.crc32("\0".join((self.owner, self.title, self.text)).encode()))


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has followed; `epoch` names the file."""

    epoch: str = ""
    seq: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What came after a place, and where it leads to. `gone`: numbers of passages."""

    rows: tuple[tuple[int, Row], ...]
    gone: tuple[int, ...]
    place: Place
    mark: str


class Log:
    """One connection, used by one thread at a time. Raises Damaged, and Unavailable where the disk is full or away."""

    def __init__(self, file: Path) -> None:
        self._file, self._name = file, str(file)
        with _told(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            for pragma in PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(SCHEMA)
            new = [("format", FORMAT), ("epoch", secrets.token_hex(8))]
            self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", new)
            self._inode, self._version = os.stat(file).st_ino, -1
            if self._meta().get("format") != FORMAT:
                raise Damaged("it is of another version")

    def changed(self) -> bool:
        """Has anybody else written since we last asked? Replaced when it is another file by now."""
        with _told(self._file):
            try:
                if os.stat(self._name).st_ino != self._inode:
                    raise Replaced
            except FileNotFoundError as err:
                raise Replaced from err
            version = self._db.execute("PRAGMA data_version").fetchone()[0]
        before, self._version = self._version, version
        return bool(version != before)

    def embedder(self) -> str:
        """Whose vectors these are, "" before the first."""
        with _told(self._file):
            return self._meta().get("embedder", "")

    def end(self) -> Place:
        """As far as anybody has written."""
        with _told(self._file), self._reading():
            ends = dict(self._db.execute("SELECT name, seq FROM sqlite_sequence"))
            return Place(self._meta()["epoch"], ends.get("passage", 0), ends.get("gone", 0))

    def put(self, rows: Sequence[Row], drop: Sequence[str], mark: str, embedder: str) -> None:
        """Replace all that the owners of `rows` had, take out what those of `drop` have, and note the mark: all or
        nothing."""
        said = {"embedder": embedder, **({"mark": mark} if mark else {})}
        with _told(self._file), self._writing():
            for owner in dict.fromkeys((*(row.owner for row in rows), *drop)):
                self._db.execute("INSERT INTO gone (passage) SELECT seq FROM passage WHERE owner = ?", (owner,))
                self._db.execute("DELETE FROM passage WHERE owner = ?", (owner,))
            values = ((*astuple(row), row.sum) for row in rows)
            self._db.executemany("INSERT INTO passage VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", said.items())

    def news(self, since: Place) -> News:
        """What came after `since`, all of one moment; everything where the file has been emptied meanwhile."""
        with _told(self._file), self._reading():
            meta = self._meta()
            if since.epoch != meta["epoch"]:
                since = Place(meta["epoch"])
            found = self._db.execute("SELECT * FROM passage WHERE seq > ? ORDER BY seq", (since.seq,))
            rows = tuple(_checked(row) for row in found)
            gone = self._db.execute(
                "SELECT seq, passage FROM gone WHERE seq > ? ORDER BY seq", (since.gone,)
            ).fetchall()
        ends = rows[-1][0] if rows else since.seq, gone[-1][0] if gone else since.gone
        return News(rows, tuple(passage for _, passage in gone), Place(since.epoch, *ends), meta.get("mark", ""))

    def settle(self) -> None:
        """What was committed so far survives a power cut, too, when this returns, and SQLite's own log is empty unless
        somebody is reading."""
        with _told(self._file):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _meta(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM meta"))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")


def _checked(found: tuple[object, ...]) -> tuple[int, Row]:
    seq, *fields, said = found
    row = Row(*fields)  # type: ignore[arg-type]
    if row.sum != said:
        raise Damaged(f"passage {seq} has changed")
    return int(str(seq)), row


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as err:
        if "no such table" in str(err):
            raise Damaged(str(err)) from err
        raise Unavailable(f"the index in {file.parent} cannot be used: {err}", retry_after=1.0) from err
    except (sqlite3.DatabaseError, TypeError, ValueError, KeyError) as err:
        raise Damaged(str(err)) from err
