"""The passages on disk: one SQLite file that the processes of a machine share, and that each of them follows.

What is committed survives a crash of ours. A power cut can take the newest of it together with its mark, and then its
writer writes it again.
"""

import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.backends.index.harm import Damaged, Replaced, told
from bot.errors import Misconfigured

FORMAT = "3"
SCHEMA = """
CREATE TABLE IF NOT EXISTS passage (seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, part INTEGER NOT NULL,
  source TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, scope TEXT NOT NULL, until REAL NOT NULL,
  vector BLOB NOT NULL, sum INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS passage_owner ON passage (owner);
CREATE TABLE IF NOT EXISTS gone (seq INTEGER PRIMARY KEY AUTOINCREMENT, passage INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
NEWER = "SELECT * FROM passage WHERE seq > ? ORDER BY seq"
GONE = "SELECT passage FROM gone WHERE seq > ? AND passage <= ? ORDER BY seq"  # newer ones nobody has taken
BEHIND = 100  # puts and passages, which are about 500 pages of SQLite's log
# What is forgotten is overwritten. The log is small, so that a reader never has to go through much of it; to write it
# back takes a disk 100 ms, for which no put waits unless whoever should have done it beside did not.
PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "wal_autocheckpoint=4000")
SETTLING = 1000  # milliseconds, in which nobody else can write and no thread of ours search


@dataclass(frozen=True, slots=True)
class Row:
    """A passage as it lies there. `part`: its place among its owner's, which follow one another; `until`: seconds since
    1970, infinite where it has no end; `vector`: float16."""

    owner: str
    part: int
    source: str
    title: str
    text: str
    scope: str
    until: float
    vector: bytes

    @property
    def check(self) -> int:
        """Differs where anything of it has changed."""
        words = "\0".join(
            (self.owner, str(self.part), self.source, self.title, self.text, self.scope, repr(self.until))
        )
        return zlib.crc32(self.vector, zlib.crc32(words.encode()))


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has followed; `epoch` names the file."""

    epoch: str = ""
    seq: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What came after a place, and where it leads to. `gone`: numbers of passages that there were at that place;
    `embedder`: whose vectors these are, "" before the first."""

    rows: tuple[tuple[int, Row], ...]
    gone: tuple[int, ...]
    place: Place
    mark: str
    embedder: str


class Log:
    """One connection, used by one thread at a time. Raises Damaged, and Unavailable where the disk is full or away."""

    def __init__(self, file: Path) -> None:
        self._file, self._name, self._unwritten = file, str(file), 0
        with told(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        with told(self._file.parent):
            inode = os.stat(self._name).st_ino
            for pragma in PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}")
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            with self._writing():
                self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", _born())
            self._inode, self._version = inode, -1
            if os.stat(self._name).st_ino != inode:
                raise Replaced
            if self._meta().get("format") != FORMAT:
                raise Damaged("it is of another version")

    def changed(self) -> int | None:
        """The file's version, None where nobody has written since `seen`. Replaced when it is another file by now."""
        with told(self._file.parent):
            try:
                if os.stat(self._name).st_ino != self._inode:
                    raise Replaced
            except FileNotFoundError as err:
                raise Replaced from err
            version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        return None if version == self._version else version

    def seen(self, version: int) -> None:
        """All that was written up to this version has been followed."""
        self._version = version

    def embedder(self) -> str:
        """Whose vectors these are, "" before the first."""
        with told(self._file.parent):
            return self._meta().get("embedder", "")

    def end(self) -> Place:
        """As far as anybody has written."""
        with told(self._file.parent), self._reading():
            return self._end(self._meta())

    def knows(self, place: Place) -> bool:
        """Whether it has been there, and can tell all that came after."""
        with told(self._file.parent), self._reading():
            meta = self._meta()
            end = self._end(meta)
            return place.epoch == end.epoch and place.seq <= end.seq and _pruned(meta) <= place.gone <= end.gone

    def put(self, rows: Sequence[Row], drop: Sequence[str], mark: tuple[str, str] | None, embedder: str) -> bool:
        """Replace all that the owners of `rows` had, take out what those of `drop` have, and note the mark: all or
        nothing. `mark`: what it is, and what it has to be so far; False where it is not. Raises
        Misconfigured where the file is of another embedder."""
        values = [(r.owner, r.part, r.source, r.title, r.text, r.scope, r.until, r.vector, r.check) for r in rows]
        owners = dict.fromkeys((*(row.owner for row in rows), *drop))
        with told(self._file.parent), self._writing():
            meta = self._meta()
            expect(self._file.parent, meta.get("embedder", ""), embedder)
            if mark and meta.get("mark", "") != mark[1]:
                return False
            for owner in owners:
                self._db.execute("INSERT INTO gone (passage) SELECT seq FROM passage WHERE owner = ?", (owner,))
                self._db.execute("DELETE FROM passage WHERE owner = ?", (owner,))
            self._db.executemany("INSERT INTO passage VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            said = [("embedder", embedder), *([("mark", mark[0])] if mark else [])]
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", said)
        self._unwritten += len(rows) + 1
        return True

    def clear(self, embedder: str) -> None:
        """Empty it, for vectors of this one alone; whoever follows begins anew."""
        with told(self._file.parent), self._writing():
            for emptied in ("DELETE FROM passage", "DELETE FROM gone", "DELETE FROM meta"):
                self._db.execute(emptied)
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", [*_born(), ("embedder", embedder)])

    def news(self, since: Place) -> News:
        """What came after `since`, all of one moment; everything where the file has been emptied meanwhile. Replaced
        where some of it has been pruned."""
        with told(self._file.parent), self._reading():
            try:
                meta = self._meta()
                since = since if since.epoch == meta["epoch"] else Place(meta["epoch"], 0, _pruned(meta))
                if since.gone < _pruned(meta):
                    raise Replaced
                rows = tuple(_checked(row) for row in self._db.execute(NEWER, (since.seq,)))
                gone = tuple(passage for (passage,) in self._db.execute(GONE, (since.gone, since.seq)))
                end = self._end(meta)
            except (TypeError, ValueError, KeyError) as err:
                raise Damaged(str(err)) from err
        return News(rows, gone, end, meta.get("mark", ""), meta.get("embedder", ""))

    def prune(self, place: Place) -> None:
        """Forget what had gone by then, since no segment has it any more; whoever has not followed as far begins
        anew."""
        with told(self._file.parent), self._writing():
            meta = self._meta()
            if meta["epoch"] == place.epoch and _pruned(meta) < place.gone:
                self._db.execute("DELETE FROM gone WHERE seq <= ?", (place.gone,))
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('pruned', ?)", (str(place.gone),))

    @property
    def behind(self) -> bool:
        """It is time for `write_back`."""
        return self._unwritten >= BEHIND

    def write_back(self) -> None:
        """SQLite's log into its file, while others read and write: from any thread, since the connection is another."""
        self._unwritten = 0
        there = f"{self._file.absolute().as_uri()}?mode=rw"
        with suppress(sqlite3.Error), closing(sqlite3.connect(there, uri=True)) as beside:  # else the next time
            beside.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def settle(self) -> bool:
        """Have all that was committed so far survive a power cut, too, and empty SQLite's own log; False while somebody
        keeps it busy."""
        with told(self._file.parent):
            self._db.execute(f"PRAGMA busy_timeout={SETTLING}")
            try:
                [(busy, _, _)] = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._db.execute(f"PRAGMA {PRAGMAS[0]}")
            return not busy

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _meta(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM meta"))

    def _end(self, meta: Mapping[str, str]) -> Place:
        ends = dict(self._db.execute("SELECT name, seq FROM sqlite_sequence"))
        return Place(meta["epoch"], ends.get("passage", 0), ends.get("gone", 0))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")


def emptied(file: Path, embedder: str) -> None:
    """Whatever is in it, for vectors of this one alone from now on."""
    with closing(Log(file)) as opened:
        opened.clear(embedder)


def expect(folder: Path, made: str, ours: str) -> None:
    """Misconfigured where vectors are of an embedder, and it is not ours."""
    if made not in ("", ours):
        wrong = f"holds vectors of {made}, and the embedder is {ours}"
        fix = "`app.py reindex` makes them anew, with the EMBEDDER that is to stay; what runs with another, start anew"
        raise Misconfigured(str(folder), f"{wrong}: {fix}")


def _born() -> list[tuple[str, str]]:
    return [("format", FORMAT), ("epoch", secrets.token_hex(8))]


def _pruned(meta: Mapping[str, str]) -> int:
    """Up to where nobody can be told any more what had gone."""
    return int(meta.get("pruned", 0))


def _checked(found: tuple[Any, ...]) -> tuple[int, Row]:
    seq, *fields, check = found
    row = Row(*fields)
    if row.check != check:
        raise Damaged(f"passage {seq} has changed")
    return int(seq), row
