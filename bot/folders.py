"""Folders and checkouts of Markdown, HTML and JSON lines, as documents. Nothing in them is run, fetched or followed: of
`.git` only the files are read that name the commit."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot.articles import JSONL, LINK, files, in_file, in_sections
from bot.documents import Document, digest, in_parts, withheld
from bot.errors import Misconfigured, Unavailable
from bot.files import GONE, Skipped, reason, whole
from bot.model import Entry, Provenance

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SPDX = re.compile(r"SPDX-License-Identifier:\s*(\S{1,60})")
LICENCES = ("LICENSE", "LICENCE", "LICENSE.md", "LICENCE.md", "LICENSE.txt", "LICENCE.txt", "COPYING")
FIRST = 2_000  # characters of a licence in which it is named
SHORT = 8  # digits of a commit that people read


def documents(source: str, path: Path) -> Iterator[tuple[str, Document | Skipped]]:
    """(where, what) of each document; whoever gets a Skipped was not told all. Misconfigured where nothing is there."""
    found = files(path)
    base = path if path.is_dir() else path.parent
    stands = Provenance(revision=commit(base), licence=licence(base))
    met = dict[str, str]()
    for where, file in found:
        if isinstance(file, Skipped):
            yield where, withheld(where, where, LINK) if file.why == LINK else file
        elif met.setdefault(f"file {where}", str(file)) != str(file):
            yield where, Skipped(where, "its name cannot be told from another's; give it one in UTF-8")
        elif file.name.lower().endswith(JSONL):
            yield from ((at, _of_row(source, at, row, stands, met)) for at, row in in_file(file, base))
        else:
            yield where, _of_file(source, where, file, stands)


def _of_file(source: str, where: str, file: Path, stands: Provenance) -> Document:
    try:
        text = whole(file)
    except Misconfigured as err:
        return withheld(where, where, str(err))
    except GONE as err:
        return Document(where, where, "", partial(_unreadable, f"cannot be read: {reason(err)}"))
    made = partial(_in_file, source, where, file, text, stands)
    return Document(where, where, digest(f"{stands.licence}\0{text}"), made)


def _unreadable(why: str) -> tuple[Entry, ...]:
    raise Unavailable(why)


def _in_file(source: str, where: str, file: Path, text: str, stands: Provenance) -> tuple[Entry, ...]:
    page, sections = in_sections(text, file)
    found = Provenance(f"{source}:{where}", stands.revision, page.source.licence or stands.licence)
    name = Path(where).with_suffix("").as_posix()
    return tuple(in_parts(source, name, replace(page, source=found), sections))


def _of_row(source: str, at: str, row: Entry | Skipped, stands: Provenance, met: dict[str, str]) -> Document | Skipped:
    """`met`: where each id was seen first."""
    id_ = row.about if isinstance(row, Skipped) else row.id
    first = met.setdefault(id_, at) if id_ else at
    if isinstance(row, Skipped):
        return withheld(f"#{id_}", at, row.why) if id_ and first == at else row
    if first != at:
        return withheld(at, at, f"its id {row.id} is that of {first}")
    entry = replace(row, source=replace(stands, place=f"{source}:{at}"))
    return Document(f"#{row.id}", at, digest(repr(row)), lambda: (entry,))


def commit(folder: Path) -> str:
    """The first digits of the commit that a folder is a checkout of, "" where it is none."""
    found = next((above / ".git" for above in (folder.resolve(), *folder.resolve().parents) if _is_git(above)), None)
    return _head(found)[:SHORT] if found else ""


def _is_git(folder: Path) -> bool:
    with suppress(OSError):
        return (folder / ".git").exists()
    return False


def _head(git: Path) -> str:
    """A worktree's `.git` is a file that says where its own lies; what it shares with others is further up."""
    if git.is_file():
        git = git.parent / _said(git).removeprefix("gitdir:").strip()
    head = _said(git / "HEAD")
    if not head.startswith("ref:"):
        return head if COMMIT.fullmatch(head) else ""
    name, shared = head.removeprefix("ref:").strip(), git / (_said(git / "commondir") or ".")
    packed = (line.partition(" ") for line in _said(shared / "packed-refs").splitlines())
    places = [_said(git / name), _said(shared / name), *(sha for sha, _, ref in packed if ref == name)]
    return next((found for found in places if COMMIT.fullmatch(found)), "")


def licence(folder: Path) -> str:
    """What the licence beside the documents calls itself, "" where there is none."""
    said = next((text for name in LICENCES if (text := _said(folder / name))), "")[:FIRST]
    if found := SPDX.search(said):
        return found[1]
    lines = [line.strip("# \t") for line in said.splitlines() if line.strip("# \t")]
    return " ".join(lines[: 1 + any(line.startswith("Version") for line in lines[1:2])])[:100]


def _said(file: Path) -> str:
    """All that a small file says, "" where there is none. It may name any place: what is no plain file is not opened,
    and what is in it goes nowhere but where it looks like a commit."""
    with suppress(Misconfigured, OSError, ValueError):
        return whole(file).strip() if file.is_file() and not file.is_symlink() else ""
    return ""
