"""Entries by hand: written, edited, retired and restored, each as a new version that is live for the very next message.

Whoever may do so answers for it: no second person approves what a lead writes, and the audit says who did.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.errors import Misconfigured
from bot.model import HAND, Entry, Scope, Taint
from bot.store import audit
from bot.store import knowledge as rows
from bot.store.statements import Lock, one_at_a_time
from bot.text import typed
from bot.text.changes import Piece, changes
from bot.text.clean import clean
from bot.text.links import host_of

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
LANGUAGE = re.compile(r"[a-z]{2}")
LONGEST = {"question": 500, "answer": 50_000, "topic": 100, "url": 2_000}  # characters
SCOPE = 200  # characters of one field
WORDS = 8  # of a question that name its entry


class Overtaken(Misconfigured):
    """Somebody else has published another version since its writer began."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs between two versions."""

    field: str
    pieces: tuple[Piece, ...]


def write(conn: Connection, new: Entry, seen: int, who: str, now: datetime) -> Entry:
    """Publish `new` as the next version of its entry. `seen`: the version that its writer began with, 0 for none.

    Returns the newest version, which stays the old one where nothing differs: whoever was not told that it is published
    may say it again. Misconfigured names the field, and is Overtaken where `seen` is not the newest any more.
    """
    one_at_a_time(conn, Lock.CHAIN)  # so that nobody changes it between the look and the writing
    made = next_version(conn, new, seen, now)
    if made == rows.latest(conn, made.id):
        return made
    return publish(conn, replace(made, by=who, at=now), "entry written", "")


def next_version(conn: Connection, new: Entry, seen: int, now: datetime) -> Entry:
    """What `write` would publish, or the newest version where nothing differs. Misconfigured as there."""
    new = checked(new, now)
    id_ = new.id or _name(conn, new)
    old = rows.latest(conn, id_)
    if old and _says(old, new):
        return old
    if (old.version if old else 0) != seen:
        raise Overtaken("version", _overtaken(new.id, old))
    same = old is not None and (old.question, old.answer) == (new.question, new.answer)
    taint = old.taint if old and same else Taint.NONE
    source = old.source if old else new.source  # words that were changed still come from there
    return replace(new, id=id_, version=seen + 1, origin=HAND, taint=taint, retired=False, source=source)


def retire(conn: Connection, id: str, who: str, why: str, now: datetime) -> Entry:
    """Take an entry out of use; its versions stay. Misconfigured where there is none in use."""
    one_at_a_time(conn, Lock.CHAIN)
    old = known(conn, id)
    if old.retired:
        raise Misconfigured("id", f"{id} is retired already")
    made = replace(old, version=old.version + 1, origin=HAND, by=who, at=now, retired=True)
    return publish(conn, made, "entry retired", why)


def restore(conn: Connection, id: str, version: int, who: str, now: datetime) -> Entry:
    """An earlier version anew, as the newest. Misconfigured where it is unknown, in use already, or out of date."""
    one_at_a_time(conn, Lock.CHAIN)
    newest, then = known(conn, id), known(conn, id, version)
    if then.retired:
        raise Misconfigured("version", f"version {version} of {id} only retired it; restore an earlier one")
    if version == newest.version:
        raise Misconfigured("version", f"version {version} of {id} is in use already")
    _not_over(then, now)
    made = replace(then, version=newest.version + 1, origin=f"restored:{version}", by=who, at=now)
    return publish(conn, made, "entry restored", "")


def known(conn: Connection, id: str, version: int = 0) -> Entry:
    """A version of an entry, the newest without one. Misconfigured names what there is instead."""
    if not version:
        found = rows.latest(conn, id)
        if found is None:
            raise Misconfigured("id", f"there is no entry {id!r}; the list of entries shows them")
        return found
    there = {entry.version: entry for entry in rows.versions(conn, known(conn, id).id)}
    if version not in there:
        raise Misconfigured("version", f"{id} has versions 1 to {max(there)}")
    return there[version]


def differences(old: Entry, new: Entry) -> tuple[Change, ...]:
    """What people would see changed: fields of the text and of its scope, in their order."""
    before, after = dict(_shown(old)), dict(_shown(new))
    return tuple(Change(name, changes(before[name], after[name])) for name in after if before[name] != after[name])


def _shown(entry: Entry) -> Iterator[tuple[str, str]]:
    yield from ((name, getattr(entry, name)) for name in LONGEST)
    yield from ((field.name, getattr(entry.scope, field.name)) for field in fields(Scope))
    yield "valid_until", typed.until(entry.valid_until) if entry.valid_until else ""
    yield "retired", "yes" if entry.retired else ""


def checked(new: Entry, now: datetime) -> Entry:
    """Without blanks around its words. Misconfigured names the field that is missing, too long, or cannot be."""
    words: dict[str, Any] = {name: clean(getattr(new, name)).strip() for name in LONGEST}
    new = replace(new, **words)
    scope = {field.name: getattr(new.scope, field.name).strip() for field in fields(Scope)}
    for name, most in {**LONGEST, **dict.fromkeys(scope, SCOPE)}.items():
        if len(scope[name] if name in scope else words[name]) > most:
            raise Misconfigured(name, f"is longer than {most:,} characters")
    for name in ("question", "answer"):
        if not getattr(new, name):
            raise Misconfigured(name, "is empty")
    if new.id:
        named(new.id)
    if new.url and not (new.url.startswith(("https://", "http://")) and host_of(new.url)):
        raise Misconfigured("url", f"{new.url!r} is no address that begins with https://")
    if scope["language"] and not LANGUAGE.fullmatch(scope["language"]):
        raise Misconfigured("language", f"{scope['language']!r} is no code of two letters, such as en or de")
    _not_over(new, now)
    return replace(new, scope=Scope(**scope))


def named(id: str) -> None:
    """Misconfigured where no entry can have this id, through whichever door it came."""
    if not ID.fullmatch(id):
        made_of = "is made of a to z, 0 to 9, dots, dashes and underscores, at most 100 of them"
        raise Misconfigured("id", made_of if id else "is empty")


def _not_over(entry: Entry, now: datetime) -> None:
    if entry.valid_until and entry.valid_until <= now:
        was = f"it was valid until {typed.until(entry.valid_until)} (UTC)"
        raise Misconfigured("valid_until", f"{was}; nobody would ever see it")


def _says(old: Entry, new: Entry) -> bool:
    """Is it said already?"""
    return not old.retired and not differences(old, new)


def _name(conn: Connection, new: Entry) -> str:
    """An id that says what the entry is about, and that none has but one that says the same."""
    plain = unicodedata.normalize("NFKD", new.question).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall(r"[a-z0-9]+", plain)[:WORDS])[:60] or "entry"
    number, tried = 1, name
    while (old := rows.latest(conn, tried)) and not _says(old, new):
        number += 1
        tried = f"{name}-{number}"
    return tried


def _overtaken(id: str, now_there: Entry | None) -> str:
    if now_there is None:
        return f"there is no {id} to edit; write it as a new entry"
    is_now = f"{id} has been changed meanwhile, to version {now_there.version} by {now_there.by or 'nobody named'}"
    return f"{is_now}; a file says in `version` which one was edited"


def publish(conn: Connection, made: Entry, what: str, why: str) -> Entry:
    """Store a version, with the AuditEntry that says what it is: live for the very next message, in every process.
    Misconfigured when its number is taken."""
    one_at_a_time(conn, Lock.CHAIN)
    if not rows.add_entry(conn, made):
        raise Misconfigured("version", f"{made.id} has been changed in this moment; look at it again")
    audit.record(conn, made.at, made.by, what, made.id, why, version=str(made.version))
    return made


def story(entry: Entry) -> str:
    """Where a version comes from, in words."""
    what = "retired" if entry.retired else entry.origin or "unknown origin"
    return f"{what}{f', by {entry.by}' if entry.by else ''}"
