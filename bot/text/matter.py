"""Entries as Markdown with front matter, the form in which they are taken away, read back and edited by hand.

    ---
    id: returns-window
    question: How long can I return an order?
    topic: returns
    scope: {language: en, plan: pro}
    valid_until: 2027-05-03
    ---
    You can return an order within 30 days of delivery.

Needed is an answer below the second line of dashes; without `question` (or `title`) the first heading asks it.
"""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import fields
from typing import Any

from bot.errors import Misconfigured
from bot.model import Entry, Provenance, Scope
from bot.text import typed
from bot.text.public import SCOPES, for_everybody, plain

MATTER = re.compile(r"\s*---[ \t]*\n(.{0,20000}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
# That of other tools, or with a slip in it.
LIKE_IT = re.compile(r"\s*(?:(?:-{3,}|\+{3,}|;{3,})[ \t]*(?:\n|\Z)|\{\s*[\n\"])")
HEADING = re.compile(r"\s{0,100}#{1,6}[ \t]+([^\n]+)")
VERSION = re.compile(r"[0-9]{1,9}")
OURS = "taint"  # a word that nobody else's files have
KEPT = ("version", "origin", "taint", "by", "at")  # of these only the version is read back: the one that was edited
LICENCE = ("licence", "license", "spdx")  # the names it goes by


def written(entry: Entry) -> str:
    """One entry as a file holds it."""
    import yaml  # noqa: PLC0415 - which only commands over entries need

    head: dict[str, object] = {"id": entry.id, "question": entry.question}
    head |= {name: getattr(entry, name) for name in ("topic", "url") if getattr(entry, name)}
    scope = {field.name: getattr(entry.scope, field.name) for field in fields(Scope)}
    head |= {"scope": {name: value for name, value in scope.items() if value}} if any(scope.values()) else {}
    head |= {"valid_until": typed.until(entry.valid_until)} if entry.valid_until else {}
    head |= {name: str(getattr(entry, name)) for name in KEPT if getattr(entry, name)}
    source = {field.name: getattr(entry.source, field.name) for field in fields(Provenance)}
    head |= {"source": {name: value for name, value in source.items() if value}} if any(source.values()) else {}
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10_000)}---\n{entry.answer}\n"


def read(text: str, name: str = "") -> Entry:
    """The entry that a file holds, with the version that it says it is, 0 where it does not; `name` asks where nothing
    else does. Misconfigured names the field."""
    head, body = parted(text)
    for_everybody(head)
    question = _word(head, "question") or _word(head, "title")
    if not question and (heading := HEADING.match(body)):
        question, body = heading[1].rstrip(" \t#"), body[heading.end() :]
    until, version = _word(head, "valid_until"), head.get("version", "")
    return Entry(
        id=_word(head, "id"),
        version=int(version) if isinstance(version, str) and VERSION.fullmatch(version) else 0,  # else it is not ours
        question=question or name,
        answer=body.strip(),
        topic=_word(head, "topic"),
        url=_word(head, "url"),
        scope=scoped(head.get("scope") or ({"language": head["language"]} if "language" in head else {})),
        valid_until=typed.end("valid_until", until) if until else None,
        source=Provenance(licence=next((word for name in LICENCE if (word := _word(head, name))), "")),
    )


def parted(text: str) -> tuple[dict[str, Any], str]:
    """The front matter of a file, empty where there is none, and the text below. Misconfigured where there seems to be
    some that we cannot read, which may say whom the text is for."""
    text = _lines(text)
    found = MATTER.match(text)
    if not found and LIKE_IT.match(text):
        raise Misconfigured("line 1", "what may be front matter is not read: YAML between two lines of `---`, at most "
                                      "20,000 characters")  # fmt: skip
    return (_head(found[1]), text[found.end() :]) if found else ({}, text)


def id_of(text: str) -> str:
    """The id that a file gives, "" where it gives none or that cannot be read."""
    with suppress(Misconfigured):
        return _word(parted(text)[0], "id")
    return ""


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def ours(text: str) -> bool:
    """Did `written` write it, so that the text below is plain and no Markdown?"""
    found = MATTER.match(_lines(text))
    return found is not None and f"\n{OURS}: " in f"\n{found[1]}"


def _head(text: str) -> dict[str, Any]:
    """All of it as text: YAML would make a language of `no` false, and values that refer to others can grow without
    end where somebody looks into them."""
    import yaml  # noqa: PLC0415 - as above

    try:
        _once(yaml.compose(text, Loader=yaml.BaseLoader))
        head = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - this loader makes nothing but text
    except (yaml.YAMLError, RecursionError) as err:
        line = getattr(getattr(err, "problem_mark", None), "line", 0) + 2
        raise Misconfigured(f"line {line}", f"the front matter is no YAML: {getattr(err, 'problem', err)}") from err
    if head and not isinstance(head, dict):
        raise Misconfigured("line 2", "the front matter is no list of `name: value`")
    return head or {}


def _once(node: Any) -> None:
    """Misconfigured where a name stands twice, of which the last would count, or would come from elsewhere."""
    names = Counter(plain(str(key.value)) for key, _ in node.value) if node and node.id == "mapping" else Counter[str]()
    if odd := next((name for name, many in names.items() if many > 1 or name == "<<"), ""):
        raise Misconfigured(odd, "stands there twice" if odd != "<<" else "is not read; write out what it stands for")


def _word(head: dict[str, Any], name: str) -> str:
    value = head.get(name, "")
    if not isinstance(value, str):
        raise Misconfigured(name, "is no plain text")
    return value.strip()


def scoped(scope: Any) -> Scope:
    """Misconfigured where it is made of anything else, which would be lost."""
    if not isinstance(scope, dict) or not scope.keys() <= set(SCOPES):
        raise Misconfigured("scope", f"is made of {', '.join(sorted(SCOPES))}, each one word, such as {{language: en}}")
    return Scope(**{name: _word(scope, name) for name in scope})
