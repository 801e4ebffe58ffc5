"""What can be wrong with an index's files: harm, which is mended by making them anew, and what only has to pass."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import Unavailable

BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
NOT_OURS = ("no such table", "Could not decode")
LOOK = "look at the disk and the system's log"
RIGHTS = "let the user that runs this read and write there"
FILES = "allow more open files (`ulimit -n`)"
ROOM = "make room on the disk"
MEND = "make it a folder that the bot may read and write, or take it away: it is made anew"
BUSY = "another process keeps it busy; it is tried again"
FIXES = {
    errno.EMFILE: FILES,
    errno.ENFILE: FILES,
    errno.ENOMEM: "give it more memory",
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EROFS: RIGHTS,
    errno.EEXIST: MEND,
    errno.ENOTDIR: MEND,
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
}
SQLITE_FIXES = {
    sqlite3.SQLITE_CANTOPEN: f"{FILES}, or {MEND}",
    sqlite3.SQLITE_READONLY: RIGHTS,
    sqlite3.SQLITE_FULL: ROOM,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
}


class Damaged(Exception):
    """The passages on disk are not what we wrote."""


class Lost(Exception):
    """A segment is not what we wrote, or has gone; the passages on disk have all of it."""


class Replaced(Exception):
    """Somebody has put another file in this one's place, or taken out of it what we have not followed."""


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Errors of the system and of SQLite as Damaged, where the file is not whole, and otherwise as Unavailable: a
    healthy index must not be emptied because something else is full, away or forbidden for a while."""
    try:
        yield
    except OSError as err:
        raise _unavailable(folder, err.strerror or str(err), FIXES.get(err.errno or 0, LOOK)) from err
    except sqlite3.DatabaseError as err:
        code = getattr(err, "sqlite_errorcode", 0) & 0xFF  # Python's own errors have none
        if broken := next((words for words in NOT_OURS if words in str(err)), ""):
            raise Damaged(broken) from err  # the rest of it may be a customer's words
        if code in BROKEN:
            raise Damaged(str(err)) from err
        if isinstance(err, sqlite3.OperationalError):
            raise _unavailable(folder, str(err), SQLITE_FIXES.get(code, LOOK)) from err
        raise


def _unavailable(folder: Path, what: str, fix: str) -> Unavailable:
    return Unavailable(f"the index in {folder} cannot be used: {what}; {fix}", retry_after=1.0)
