"""Files that anybody may have written, read a little at a time; what cannot be read is told with its place."""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.errors import Misconfigured

LARGEST = 1_000_000  # bytes of a line, or of a file that is read as a whole
LONG = 10_000_000  # bytes of a line that may be a whole conversation
GONE = (OSError, EOFError, zlib.error)  # what a file raises that is not there, or not whole
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be taken, where it stands, and why. `about`: the id that it gives, where that could be read."""

    where: str
    why: str
    about: str = ""


def text_of(raw: bytes, longest: int = LARGEST) -> str:
    """Misconfigured where it is too long, or no text in UTF-8."""
    if len(raw) > longest:
        raise Misconfigured("size", f"more than {longest:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise Misconfigured("text", f"no UTF-8 (byte {err.start}); save it as UTF-8") from err
    if "\0" in text:
        raise Misconfigured("text", "no text: it has a NUL in it")
    return text


def whole(file: Path) -> str:
    """All of it. Raises Misconfigured, and OSError where it is not there."""
    with file.open("rb") as opened:
        return text_of(opened.read(LARGEST + 1))


def rows(file: Path, kind: TypeAdapter[Row], where: str, longest: int = LARGEST) -> Iterator[tuple[str, Row | Skipped]]:
    """(where, row) of each line of FILE.jsonl or FILE.jsonl.gz that is not empty; after one that is too long (in
    bytes), or that the end of the file cuts off, nothing more."""
    number = 0
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            while raw := opened.readline(longest + 1):
                number += 1
                at = f"{where}: line {number}"
                if raw.strip():
                    row = _row(raw, kind, at, longest)
                    yield at, row
                if len(raw) > longest:
                    yield at, Skipped(at, "the rest of the file is not read")
                    return
    except GONE as err:
        yield where, Skipped(where, f"cannot be read after line {number}: {reason(err)}")


def _row(raw: bytes, kind: TypeAdapter[Row], at: str, longest: int) -> Row | Skipped:
    try:
        return kind.validate_json(text_of(raw, longest))
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False)[0]
        return Skipped(at, f"{'.'.join(map(str, first['loc'])) or 'no JSON'}: {first['msg']}", _id(raw))
    except Misconfigured as err:
        return Skipped(at, str(err), _id(raw))


def _id(raw: bytes) -> str:
    """Which it is of those that were taken before, if that much can be read of it."""
    with suppress(ValueError, RecursionError):
        row = json.loads(raw)
        return str(row.get("id", "")) if isinstance(row, dict) else ""
    return ""


def reason(err: BaseException) -> str:
    """What the system says of a file."""
    return (err.strerror if isinstance(err, OSError) else None) or str(err) or type(err).__name__
