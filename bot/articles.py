"""Articles in files: entries written as Markdown; Markdown, HTML and JSON lines, each read as an entry or skipped with
the reason.

Nothing in them is run or fetched, and no link is followed.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import nh3
from pydantic import TypeAdapter

from bot.cases import Fact
from bot.errors import Misconfigured
from bot.files import GONE, Skipped, reason, rows, whole
from bot.model import Entry
from bot.text import matter
from bot.text.markup import LINES, from_html

MARKDOWN, HTML, JSONL = (".md", ".markdown"), (".html", ".htm"), (".jsonl", ".jsonl.gz")
LONGEST = 100_000  # characters of HTML
TOP = 20_000  # characters of HTML in which its title is looked for
TITLE = re.compile(r"<title(?:\s[^>]{0,200})?>([^<]{0,500})</title", re.I)
HEADING = re.compile(r"<h1(?:\s[^>]{0,500})?>(.{0,500}?)</h1", re.I | re.S)
# Of a page around an article; of an e-mail such tags may be the whole message.
AROUND = frozenset(
    ["nav", "header", "footer", "aside", "form", "button", "noscript", "svg", "script", "style", "title", "template"]
)
TAGS = {*LINES, "ul", "ol", "a", "thead", "tbody", "td", "th"}
ARTICLE = nh3.Cleaner(tags=TAGS, clean_content_tags=set(AROUND), attributes={"a": {"href"}}, link_rel=None)
CELL = re.compile(r"</t[dh]>", re.I)

FACT = TypeAdapter(Fact)


def lay(folder: Path, there: Iterable[Entry]) -> int:
    """Write each entry as a Markdown file; how many. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return sum((folder / f"{_file(entry.id)}.md").write_text(matter.written(entry), "utf-8") > 0 for entry in there)


def _file(id: str) -> str:
    """A name of its own that stays in its folder, on any file system."""
    kept = (c if c.isascii() and (c.isalnum() or c in "_-" or (c == "." and at)) else "" for at, c in enumerate(id))
    return "".join(same or f"%{ord(c):02x}" for same, c in zip(kept, id, strict=True))


def below(path: Path) -> Iterator[tuple[str, Entry | Skipped]]:
    """(where, what) of each article in a file, or in the files of a folder, by name; hidden ones are left out.
    Misconfigured where there is nothing."""
    if not path.exists():
        raise Misconfigured(str(path), "there is no such file or folder")
    yield from _within(path, path) if path.is_dir() else in_file(path, path.parent)


def _within(folder: Path, base: Path) -> Iterator[tuple[str, Entry | Skipped]]:
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as err:
        yield str(folder), Skipped(str(folder), f"cannot be read: {reason(err)}")
        return
    for path in found:
        if path.is_symlink():
            yield path.name, Skipped(_shown(path, base), "a link, which is not followed")
        elif path.is_dir():
            yield from _within(path, base)
        elif path.is_file() and path.name.lower().endswith((*MARKDOWN, *HTML, *JSONL)):
            yield from in_file(path, base)


def _shown(file: Path, base: Path) -> str:
    """Its place; names that are no UTF-8 can be printed, too."""
    return os.fsencode(file.relative_to(base)).decode("utf-8", "replace")


def in_file(file: Path, base: Path) -> Iterator[tuple[str, Entry | Skipped]]:
    """(where, what) of each article in a file. `base`: the folder that names are made from."""
    where = _shown(file, base)
    if not file.name.lower().endswith(JSONL):
        yield where, _one(file, where)
        return
    for at, row in rows(file, FACT, where):
        yield at, row if isinstance(row, Skipped) else _fact(row, at)


def _one(file: Path, where: str) -> Entry | Skipped:
    try:
        as_entry = _html if file.suffix.lower() in HTML else _markdown
        made = as_entry(whole(file), file.stem)
    except Misconfigured as err:
        return Skipped(where, str(err))
    except GONE as err:
        return Skipped(where, f"cannot be read: {reason(err)}")
    return replace(made, id=_name(made.id or Path(where).with_suffix("").as_posix()))


def _markdown(text: str, name: str) -> Entry:
    made = matter.read(text, name)
    if matter.ours(text):
        return made
    if len(made.answer) > LONGEST:
        raise Misconfigured("size", f"more than {LONGEST:,} characters; split it")
    from markdown_it import MarkdownIt  # noqa: PLC0415 - which only an import needs

    html = MarkdownIt("commonmark").enable("table").render(made.answer)
    return replace(made, answer=_plain(html))


def _html(text: str, name: str) -> Entry:
    found = HEADING.search(text[:TOP]) or TITLE.search(text[:TOP])
    title = " ".join(from_html(found[1]).split()) if found else ""
    answer = _plain(text)
    if found and answer.startswith(title):  # it asks; it does not answer
        answer = answer.removeprefix(title).strip()
    return Entry("", 0, title or name, answer)


def _plain(html: str) -> str:
    if len(html) > LONGEST:
        raise Misconfigured("size", f"more than {LONGEST:,} characters of HTML; split it")
    return from_html(ARTICLE.clean(CELL.sub(" ", html)))


def _fact(fact: Fact, at: str) -> Entry | Skipped:
    try:
        return fact.entry()
    except Misconfigured as err:
        return Skipped(at, str(err))


def _name(called: str) -> str:
    """An id made of what it is called, or of where it lies."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in called.lower())
    return plain.strip("-._")[:100] or "entry"
