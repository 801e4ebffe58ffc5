"""Long pages in the parts that their headings make of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.text.markup import from_html

HEADING = re.compile(r"<h([1-6])>(.{0,2000}?)</h\1>", re.S)
FENCE = re.compile(r"\s{0,3}(```|~~~)")
TOP = re.compile(r"#{1,2}[ \t]")
LONG = 1_500  # characters of a page that is worth splitting


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page under its headings, the outermost first; () for what stands above them all."""

    path: tuple[str, ...]
    text: str


def split(html: str) -> tuple[Section, ...]:
    """The parts of a page that hold any words; the whole of one that is short, or has no headings. `html` was cleaned:
    its headings have no attributes, and no tag is left open."""
    plain = from_html(html)
    found = tuple(part for part in _parts(html) if part.text) if len(plain) > LONG else ()
    return found if len(found) > 1 else (Section((), plain),)


def _parts(html: str) -> Iterator[Section]:
    bits = HEADING.split(html)
    yield Section((), from_html(bits[0]))
    levels: list[tuple[int, str]] = []
    for level, heading, body in zip(*(bits[at::3] for at in (1, 2, 3)), strict=True):
        said = " ".join(from_html(heading).split())
        levels = [(depth, above) for depth, above in levels if depth < int(level)] + [(int(level), said)]
        yield Section(tuple(name for _, name in levels if name), from_html(body))


def chunks(markdown: str, most: int) -> Iterator[str]:
    """Markdown in pieces that each begin with a heading of the first two levels, as many together as `most` characters
    hold; one alone may be longer."""
    held, size = list[str](), 0
    for part in _by_heading(markdown):
        if held and size + len(part) > most:
            yield "".join(held)
            held, size = [], 0
        held.append(part)
        size += len(part)
    yield "".join(held)


def _by_heading(markdown: str) -> Iterator[str]:
    lines: list[str] = []
    fence = ""
    for line in markdown.splitlines(keepends=True):
        if mark := FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        if not fence and lines and TOP.match(line):
            yield "".join(lines)
            lines = []
        lines.append(line)
    yield "".join(lines)
