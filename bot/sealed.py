"""A folder of files that is written as a whole or not at all, and told from one that was changed since.

Written beside its place, under a hidden name, and moved there once every file is on the disk; `manifest.json` in it has
the number of rows and the SHA-256 of each file.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from bot.errors import Misconfigured
from bot.files import reason, whole

MANIFEST = "manifest.json"
PRODUCT: Literal["understudy"] = "understudy"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file: how many rows it has, and the SHA-256 of its bytes. Of a folder the digest is that of what `sha256sum *`
    prints in it."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Head:
    """What tells whether the rest can be read."""

    product: Literal["understudy"]
    format: int


@dataclass(frozen=True, slots=True)
class Manifest(Head):
    """What a folder holds, by name."""

    at: AwareDatetime
    files: Mapping[str, Sealed]


HEAD, WHOLE = TypeAdapter(Head), TypeAdapter(Manifest)


@contextmanager
def replacing(target: Path, names: Collection[str], newest: int) -> Iterator[Path]:
    """An empty folder that takes the place of `target` when the block ends; when the block fails, it goes, and what was
    there stays. `names` and `newest` as for `verified`: what is replaced has to be one of ours, or empty. Misconfigured
    where it is not, or the folder cannot be written, be it that the disk is full."""
    target = target.resolve()
    part, old = (target.with_name(f".{target.name}.{PRODUCT}-{ending}") for ending in ("part", "old"))
    try:
        with _own(part):
            try:
                _put_back(target, old)
                _replaceable(target, names, newest)
                yield part
                os.sync()  # also the many small files
                _move(part, target, old)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    except OSError as err:
        raise Misconfigured(str(target), f"cannot be written: {reason(err)}; what was there stays") from err


@contextmanager
def _own(part: Path) -> Iterator[None]:
    """It is ours alone, and empty of what a killed process left there."""
    part.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in part.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        yield
    except BlockingIOError as err:
        raise Misconfigured(str(part), "another process is writing there; wait until it has ended") from err
    finally:
        os.close(held)


def _replaceable(target: Path, names: Collection[str], newest: int) -> None:
    """Nothing that anybody put or changed there is lost. Misconfigured says what would be."""
    if not target.exists():
        return
    if not target.is_dir() or os.path.ismount(target):
        raise Misconfigured(str(target), "has to be a folder, or nothing yet, and no disk; name a folder on it")
    there = {path.name for path in target.iterdir()}
    if foreign := sorted(there - {MANIFEST, *names}):
        raise Misconfigured(str(target), f"{foreign[0]!r} in it is not of an export of ours; name another folder")
    if there:
        try:
            verified(target, names, newest)
        except Misconfigured as err:
            raise Misconfigured(str(target), f"is no export that could be replaced ({err}); name another") from err


def _move(part: Path, target: Path, old: Path) -> None:
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    try:
        part.rename(target)
    except OSError:
        _put_back(target, old)
        raise
    _on_disk(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _put_back(target: Path, old: Path) -> None:
    """What was there, where a process was killed exactly between taking it away and putting in the new."""
    if old.is_dir() and not target.exists():
        old.rename(target)


def _on_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_lines(file: Path, lines: Iterable[bytes]) -> Sealed:
    """Lines, packed; the same lines give the same bytes. Raises OSError."""
    count = 0
    with file.open("xb") as raw, GzipFile("", "wb", 6, raw, mtime=0) as out:
        for line in lines:
            out.write(line + b"\n")
            count += 1
    return Sealed(count, digest(file))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Raises OSError."""
    (folder / MANIFEST).write_bytes(WHOLE.dump_json(manifest, indent=1) + b"\n")


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the digests and names of the files in a folder. Raises OSError."""
    if path.is_dir():
        lines = (f"{digest(file)}  {file.name}\n" for file in sorted(path.iterdir(), key=lambda file: file.name))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def verified(folder: Path, names: Collection[str], newest: int) -> Manifest:
    """What a folder holds, where it is whole and as it was written. `names`: of all that has to be in it; `newest`: the
    format that is known here. Misconfigured names the file that is not as it should be."""
    manifest = _manifest(folder / MANIFEST, newest)
    if odd := sorted(manifest.files.keys() ^ set(names)):
        has = "names it, and no export has it" if odd[0] in manifest.files else "does not name it"
        raise Misconfigured(str(folder), f"{odd[0]!r}: {MANIFEST} {has}")
    for name, sealed in manifest.files.items():
        _hold(folder / name, sealed)
    return manifest


def _manifest(file: Path, newest: int) -> Manifest:
    try:
        if not _plain(file.parent) or not _plain(file):
            raise Misconfigured(str(file), "is not there, so this is no export, or one that was not finished")
        text = _text(file)
        if (head := HEAD.validate_json(text)).format > newest:
            raise Misconfigured(
                str(file), f"is of format {head.format}, and this version reads up to {newest}: update it first"
            )
        return WHOLE.validate_json(text)
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False)[0]
        raise Misconfigured(str(file), f"{'.'.join(map(str, first['loc'])) or 'no JSON'}: {first['msg']}") from err
    except OSError as err:
        raise Misconfigured(str(file), f"cannot be read: {reason(err)}") from err


def _text(file: Path) -> str:
    try:
        return whole(file)
    except Misconfigured as err:
        raise Misconfigured(str(file), str(err)) from err


def _hold(path: Path, sealed: Sealed) -> None:
    try:
        within = path.iterdir() if path.is_dir() else ()
        if not _plain(path) or not all(_plain(file) and file.is_file() for file in within):
            raise Misconfigured(str(path), "is missing, or no plain file or folder")
        if digest(path) != sealed.sha256:
            raise Misconfigured(str(path), "is not as it was written: cut off, damaged or changed since")
    except OSError as err:
        raise Misconfigured(str(path), f"cannot be read: {reason(err)}") from err


def _plain(path: Path) -> bool:
    """A file or a folder, and no link to somewhere else. Raises OSError."""
    return not path.is_symlink() and (path.is_file() or path.is_dir())
