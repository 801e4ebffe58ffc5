#!/usr/bin/env python3
"""Checks an audit that was exported with `app.py audit export FILE.jsonl`. Needs this file and Python alone.

    python verify_audit.py FILE.jsonl --anchors ANCHORS.jsonl

Each entry is sealed with the one before it, so whatever is changed, moved, added or taken out between two entries is
found. An anchor is the newest entry's number and hash as they were on a day, kept where whoever can write to the
database cannot: it finds that the whole chain was written anew, or that its end is missing. What came after the last
anchor can still be cut off or written anew by the owner of the database.

`why` is in people's own words, so it is not in the chain, only a salted digest of it (`words`). Where a customer was
forgotten, `why` and `salt` are empty and an entry `forgot` names the numbers; the chain holds as before.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FIRST = "0" * 64  # what the first entry follows
SEALED = ("seq", "at", "who", "what", "about", "words", "detail")
FIELDS = {*SEALED, "why", "salt", "previous", "hash"}
ANCHOR = {"date", "seq", "hash"}
KINDS = {"seq": int, "detail": dict}  # all else is text
SALT = 32  # characters: of any other length, some of its words could pass for salt
FORGOT = "forgot"
Row = Mapping[str, Any]


class Broken(ValueError):
    """What does not hold, and where first."""


def digest(salt: str, why: str) -> str:
    """What the chain holds of words that can be forgotten: SHA-256, "" for no words. `salt`: SALT hex characters."""
    return hashlib.sha256((salt + why).encode()).hexdigest() if why else ""


def seal(previous: str, row: Row) -> str:
    """SHA-256 over the hash before and the sealed fields, as a JSON list. `at` is UTC, such as
    `2026-05-03T10:00:00.000000+00:00`."""
    return hashlib.sha256(plain([previous, *(row[name] for name in SEALED)]).encode()).hexdigest()


def plain(value: object) -> str:
    """The one way in which a value is written: ASCII, names sorted, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def check(rows: Iterable[Row], anchors: Sequence[Row] = ()) -> int:
    """How many entries there are. Broken names the first that was changed, moved, added or taken out."""
    previous, count = FIRST, 0
    known, erased, announced = _by_seq(anchors), set[int](), set[str]()
    for count, row in enumerate(rows, 1):
        if row["seq"] != count or row["previous"] != previous or row["hash"] != seal(previous, row):
            raise Broken(f"audit entry {count} was changed, moved, added or taken out")
        if row["hash"] not in known.get(count, {row["hash"]}):
            raise Broken(f"the chain up to audit entry {count} was written anew: an anchor knows it otherwise")
        if row["words"] and not row["salt"] and not row["why"]:
            erased.add(count)
        elif row["words"] != digest(row["salt"], row["why"]) or len(row["salt"]) != (SALT if row["why"] else 0):
            raise Broken(f"the words of audit entry {count} were changed")
        if row["what"] == FORGOT:
            announced.update(str(row["detail"].get("entries", "")).split())
        previous = row["hash"]
    if missing := [seq for seq in known if seq > count]:
        raise Broken(f"the end is missing: there are {count} entries, and an anchor knows entry {max(missing)}")
    if secret := [seq for seq in erased if str(seq) not in announced]:
        raise Broken(f"the words of audit entry {min(secret)} were taken out, and no customer was forgotten for it")
    return count


def _by_seq(anchors: Sequence[Row]) -> dict[int, set[str]]:
    known: dict[int, set[str]] = {}
    for anchor in anchors:
        known.setdefault(anchor["seq"], set()).add(anchor["hash"])
    if twice := [seq for seq, hashes in known.items() if len(hashes) > 1]:
        raise Broken(f"two anchors of entry {twice[0]} differ: the chain was written anew between them")
    known.pop(0, None)  # taken while there was no entry yet
    return known


def read(file: Path, fields: set[str]) -> Iterator[Row]:
    """The objects of a file, one a line, each written as `plain` does. Broken names the first line that is not."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            row = _object(line)
            if row is None or row.keys() != fields or plain(row).encode() + b"\n" != line:
                raise Broken(f"line {number} of {file.name} was changed or cut off")
            yield row


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and all(type(row[name]) is KINDS.get(name, str) for name in row) else None


def verdict(rows: Callable[[], Iterable[Row]], anchors: Path | None) -> tuple[bool, str]:
    """Does it hold, and in a sentence what was found; `anchors` None for none."""
    try:
        taken = list(read(anchors, ANCHOR)) if anchors else []
        count = check(rows(), taken)
    except Broken as err:
        return False, f"The audit does not hold: {err}."
    if not taken:
        return True, f"{count} entries follow from each other. Without an anchor, a chain written anew is not found."
    last = taken[-1]
    return True, f"{count} entries follow from each other and from {len(taken)} anchors, the last of {last['date']}."


def main(argv: list[str]) -> int:
    """Exit status: 0 it holds, 1 it does not, 2 a file cannot be read."""
    parser = argparse.ArgumentParser(description="Checks an exported audit.")
    parser.add_argument("export", type=Path, help="what `app.py audit export FILE.jsonl` wrote")
    parser.add_argument("--anchors", type=Path, help="the anchors, from where nobody could change them")
    args = parser.parse_args(argv)
    try:
        holds, said = verdict(lambda: read(args.export, FIELDS), args.anchors)
    except OSError as err:
        print(f"{err.filename}: {err.strerror}", file=sys.stderr)
        return 2
    print(said)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
