"""Articles in files: entries written as Markdown; Markdown, HTML and JSON lines, each read as an entry or skipped with
the reason.

Nothing in them is run or fetched, and no link is followed.
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import nh3

from bot.cases import FACT, Fact
from bot.errors import Misconfigured
from bot.files import GONE, Skipped, reason, rows, whole
from bot.model import Entry
from bot.text import matter
from bot.text.markup import LINES, from_html
from bot.text.sections import Section, chunks, split

MARKDOWN, HTML, JSONL = (".md", ".markdown"), (".html", ".htm"), (".jsonl", ".jsonl.gz")
READ = (*MARKDOWN, *HTML, *JSONL)
LONGEST = 100_000  # characters of HTML
TOP = 20_000  # characters of HTML in which its title is looked for
LINK = "a link, which is not followed"
TITLE = re.compile(r"<title(?:\s[^>]{0,200})?>([^<]{0,500})</title", re.I)
HEADING = re.compile(r"<h1(?:\s[^>]{0,500})?>(.{0,500}?)</h1", re.I | re.S)
# Of a page around an article; of an e-mail such tags may be the whole message.
AROUND = frozenset(
    ["nav", "header", "footer", "aside", "form", "button", "noscript", "svg", "script", "style", "title", "template"]
)
TAGS = {*LINES, "ul", "ol", "a", "thead", "tbody", "td", "th"}
ARTICLE = nh3.Cleaner(tags=TAGS, clean_content_tags=set(AROUND), attributes={"a": {"href"}}, link_rel=None)
FIRST = re.compile(r"\s*<h1>.{0,2000}?</h1>", re.S)  # which asks; it does not answer
CELL = re.compile(r"</t[dh]>", re.I)


def lay(folder: Path, there: Iterable[Entry]) -> int:
    """Write each entry as a Markdown file, each whole or not at all; how many. Raises OSError, and Misconfigured before
    any is written where one would take the place of what is no entry of its id."""
    folder.mkdir(parents=True, exist_ok=True)
    laid = [(folder / _file(entry.id), entry) for entry in there]
    for file, entry in laid:
        if wrong := _in_the_way(file, entry.id):
            raise Misconfigured(str(file), f"{wrong}; take it away, or name another folder")
    for file, entry in laid:
        _replace(file, matter.written(entry))
    return len(laid)


def _in_the_way(file: Path, id: str) -> str:
    """Why nothing may be written there, or ""."""
    if file.is_symlink():
        return "is a link, and nothing is written through one"
    if not file.exists():
        return ""
    try:
        same = file.is_file() and matter.read(whole(file)).id == id.strip()
    except Misconfigured:
        same = False
    return "" if same else f"is no entry of the id {id}, and would be lost"


def _replace(file: Path, text: str) -> None:
    """A link that is put there meanwhile is replaced itself."""
    half = file.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with half.open("x", encoding="utf-8") as out:
            out.write(text)
        half.replace(file)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def besides(folder: Path, there: Iterable[Entry]) -> list[str]:
    """Names of the Markdown files of a folder that `lay` would not have written."""
    return sorted({file.name for file in folder.glob("*.md")} - {_file(entry.id) for entry in there})


def _file(id: str) -> str:
    """A name of its own that stays in its folder, on any file system."""
    kept = (c if c.isascii() and (c.isalnum() or c in "_-" or (c == "." and at)) else "" for at, c in enumerate(id))
    return "".join(same or _escaped(c) for same, c in zip(kept, id, strict=True)) + ".md"


def _escaped(c: str) -> str:
    return "".join(f"%{byte:02x}" for byte in c.encode("utf-8", "surrogatepass"))


def below(path: Path) -> Iterator[tuple[str, Entry | Skipped]]:
    """(where, what) of each article in a file, or in the files of a folder. Misconfigured where there is nothing."""
    for where, file in files(path):
        yield from ((where, file),) if isinstance(file, Skipped) else in_file(file, _base(path))


def files(path: Path) -> Iterator[tuple[str, Path | Skipped]]:
    """(where, file) of each file that may hold articles, by name; hidden ones are left out. Misconfigured, and at once,
    where there is nothing."""
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as err:
        raise Misconfigured(str(path), f"cannot be read: {reason(err)}") from err
    if not there:
        raise Misconfigured(str(path), "there is no such file or folder")
    if not folder and not path.name.lower().endswith(READ):
        raise Misconfigured(str(path), f"only these are read: {', '.join(READ)}")
    return _within(path, path) if folder else iter([(path.name, path)])


def _base(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _within(folder: Path, base: Path) -> Iterator[tuple[str, Path | Skipped]]:
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as err:
        yield str(folder), Skipped(str(folder), f"cannot be read: {reason(err)}")
        return
    for path in found:
        where = _shown(path, base)
        if path.is_symlink():
            yield where, Skipped(where, LINK)
        elif path.is_dir():
            yield from _within(path, base)
        elif path.is_file() and path.name.lower().endswith(READ):
            yield where, path


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
    named, text = slug(Path(where).with_suffix("").as_posix()), ""
    try:
        as_entry, text = _html if file.suffix.lower() in HTML else _markdown, whole(file)
        made = as_entry(text, file.stem)
    except Misconfigured as err:
        return Skipped(where, str(err), slug(own) if (own := matter.id_of(text)) else named)
    except GONE as err:
        return Skipped(where, f"cannot be read: {reason(err)}")
    return replace(made, id=slug(made.id) if made.id else named)


def _markdown(text: str, name: str) -> Entry:
    made = matter.read(text, name)
    return made if matter.ours(text) else replace(made, answer=from_html(_rendered(made.answer)))


def _rendered(markdown: str) -> str:
    """As HTML, cleaned."""
    if len(markdown) > LONGEST:
        raise Misconfigured("size", f"more than {LONGEST:,} characters; split it")
    from markdown_it import MarkdownIt  # noqa: PLC0415 - which only an import needs

    return cleaned(MarkdownIt("commonmark").enable("table").render(markdown))


def _html(text: str, name: str) -> Entry:
    page = _page(text)
    answer = from_html(cleaned(page.answer))
    if page.question and answer.startswith(page.question):  # it asks; it does not answer
        answer = answer.removeprefix(page.question).strip()
    return replace(page, question=page.question or name, answer=answer)


def _page(text: str) -> Entry:
    """What an HTML file says of itself, in front matter, too, with its HTML as the answer and perhaps no question."""
    page = matter.read(text)
    return replace(page, question=page.question or _titled(page.answer))


def _titled(html: str) -> str:
    found = HEADING.search(html[:TOP]) or TITLE.search(html[:TOP])
    return " ".join(from_html(found[1]).split()) if found else ""


def cleaned(html: str) -> str:
    """The article alone: tags without attributes but links', and none left open. Misconfigured where it is too long."""
    if len(html) > LONGEST:
        raise Misconfigured("size", f"more than {LONGEST:,} characters of HTML; split it")
    return ARTICLE.clean(CELL.sub(" ", html))


def in_sections(text: str, file: Path) -> tuple[Entry, tuple[Section, ...]]:
    """What a Markdown or HTML file says of itself, without an answer, and its parts. Misconfigured as for others."""
    if file.suffix.lower() in HTML:
        page = _page(text)
        html = cleaned(page.answer)
        first = FIRST.match(html) if page.question else None
        made = replace(page, question=page.question or file.stem, answer="")
        return made, split(html[first.end() :] if first else html)
    made = matter.read(text, file.stem)
    if matter.ours(text):
        return replace(made, answer=""), (Section((), made.answer),)
    parts = (part for chunk in chunks(made.answer, LONGEST // 2) for part in split(_rendered(chunk)))
    return replace(made, answer=""), tuple(parts)


def _fact(fact: Fact, at: str) -> Entry | Skipped:
    try:
        return fact.entry()
    except Misconfigured as err:
        return Skipped(at, str(err), fact.id)


def slug(called: str) -> str:
    """An id made of what it is called, or of where it lies."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in called.lower())
    return plain.strip("-._")[:100] or "entry"
