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
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bot.errors import Misconfigured
from bot.model import Entry, Provenance, Scope
from bot.text import typed

MATTER = re.compile(r"---[ \t]*\n(.{0,20000}?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"\s{0,100}#{1,6}[ \t]+([^\n]+)")
VERSION = re.compile(r"[0-9]{1,9}")
OURS = "taint"  # a word that nobody else's files have
KEPT = ("version", "origin", "taint", "by", "at")  # of these only the version is read back: the one that was edited
SCOPES = tuple(field.name for field in fields(Scope))
UNPUBLISHED, PUBLISHED = {"draft", "hidden", "private", "unlisted", "internal"}, {"published", "public"}
LICENCE = ("licence", "license", "spdx")  # the names it goes by


def written(entry: Entry) -> str:
    """One entry as a file holds it."""
    import yaml  # noqa: PLC0415 - which only commands over entries need

    head: dict[str, object] = {"id": entry.id, "question": entry.question}
    head |= {name: getattr(entry, name) for name in ("topic", "url") if getattr(entry, name)}
    scope = {field.name: getattr(entry.scope, field.name) for field in fields(Scope)}
    head |= {"scope": {name: value for name, value in scope.items() if value}} if any(scope.values()) else {}
    head |= {"valid_until": entry.valid_until.isoformat()} if entry.valid_until else {}
    head |= {name: str(getattr(entry, name)) for name in KEPT if getattr(entry, name)}
    source = {field.name: getattr(entry.source, field.name) for field in fields(Provenance)}
    head |= {"source": {name: value for name, value in source.items() if value}} if any(source.values()) else {}
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10_000)}---\n{entry.answer}\n"


def read(text: str, name: str = "") -> Entry:
    """The entry that a file holds, with the version that it says it is, 0 where it does not; `name` asks where nothing
    else does. Misconfigured names the field."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found = MATTER.match(text)
    head = _head(found[1]) if found else {}
    for_everybody(head)
    body = text[found.end() :] if found else text
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
        scope=_scope(head.get("scope") or ({"language": head["language"]} if "language" in head else {})),
        valid_until=typed.end("valid_until", until) if until else None,
        source=Provenance(licence=next((word for name in LICENCE if (word := _word(head, name))), "")),
    )


def for_everybody(head: Mapping[str, object]) -> None:
    """Misconfigured where it says that it is not, in words of which we would make nothing: what we do not understand
    must not become public."""
    for name in (set(SCOPES) - {"language"}) & head.keys():
        raise Misconfigured(name, f"write whom it is for as `scope: {{{name}: …}}`")
    for name in UNPUBLISHED & head.keys():
        if str(head[name]).casefold() in ("true", "yes", "on", "1"):
            raise Misconfigured(name, "it is not published")
    for name in PUBLISHED & head.keys():
        if str(head[name]).casefold() in ("false", "no", "off", "0"):
            raise Misconfigured(name, "it is not published")


def ours(text: str) -> bool:
    """Did `written` write it, so that the text below is plain and no Markdown?"""
    found = MATTER.match(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    return found is not None and f"\n{OURS}: " in f"\n{found[1]}"


def _head(text: str) -> dict[str, Any]:
    """All of it as text: YAML would make a language of `no` false, and values that refer to others can grow without
    end where somebody looks into them."""
    import yaml  # noqa: PLC0415 - as above

    try:
        head = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - this loader makes nothing but text
    except (yaml.YAMLError, RecursionError) as err:
        line = getattr(getattr(err, "problem_mark", None), "line", 0) + 2
        raise Misconfigured(f"line {line}", f"the front matter is no YAML: {getattr(err, 'problem', err)}") from err
    if head and not isinstance(head, dict):
        raise Misconfigured("line 2", "the front matter is no list of `name: value`")
    return head or {}


def _word(head: dict[str, Any], name: str) -> str:
    value = head.get(name, "")
    if not isinstance(value, str):
        raise Misconfigured(name, "is no plain text")
    return value.strip()


def _scope(scope: Any) -> Scope:
    if not isinstance(scope, dict) or not scope.keys() <= set(SCOPES):
        raise Misconfigured("scope", f"is made of {', '.join(sorted(SCOPES))}, each one word, such as {{language: en}}")
    return Scope(**{name: _word(scope, name) for name in scope})
