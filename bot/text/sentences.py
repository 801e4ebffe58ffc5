"""Text in sentences. Every pattern is linear-time, without look-around."""

import re

from bot.text.phrases import WORDS

ITEM = re.compile(r"^\s{0,8}(?:[-*•–]|\d{1,2}[.)])\s+")
STOPS = re.compile(r"[.!?…]+[\"'”’)\]]{0,2}\s+|[。！？]+")


def sentences(text: str) -> tuple[str, ...]:
    """In order; a list item is one sentence, without its mark."""
    found: list[str] = []
    for line in _unwrapped(text.split("\n")):
        item = ITEM.match(line)
        found.extend([line[item.end() :]] if item else _split(line))
    return tuple(s.strip() for s in found if s.strip())


def _unwrapped(lines: list[str]) -> list[str]:
    """Lines that a mail program broke are joined again: long, and the next goes on in lower case."""
    joined: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        if len(before) >= 50 and line[:1].islower():
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return joined


def _split(line: str) -> list[str]:
    parts, start = [], 0
    for stop in STOPS.finditer(line):
        if not _is_abbreviated(line[max(start, stop.start() - 20) : stop.start()], line[stop.end() : stop.end() + 12]):
            parts.append(line[start : stop.end()])
            start = stop.end()
    return [*parts, line[start:]]


def _is_abbreviated(before: str, after: str) -> bool:
    last = before.rsplit(" ", maxsplit=1)[-1].lstrip("(\"'").casefold()
    if last in ("a.m", "p.m"):
        return after[:1].islower()
    if last in WORDS["abbreviations"]:
        return before[-1:] != "o" or after[:1].isdigit()  # "No. 5", but also "No. That is wrong."
    if last.isdigit() and len(last) <= 2:
        return after[:1].islower() or after.split(" ", maxsplit=1)[0].casefold().rstrip(".,") in WORDS["months"]
    return len(last) == 1 and last.isalpha() and last != "i" and after[:1].isupper()
