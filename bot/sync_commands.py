"""The operator's commands over what lives elsewhere: `sync`, and `import history`."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from bot import settings
from bot.entry_commands import Past, Pasts, compared, progress, summed, write_down
from bot.errors import BotError, Misconfigured, Unavailable
from bot.find_commands import fill
from bot.imports import How, Summary, Told
from bot.knowledge import Knows
from bot.ports import Connector, History, Macros, Made, patiently
from bot.records import WHO, Add, opened
from bot.store import Store
from bot.sync import Source, sources, sync
from bot.text import typed

Desks = Mapping[str, Connector]
Run = Callable[[Store, How, Told], Summary]


def register(add: Add, imports: Add, desks: Callable[[], Desks], knows: Knows, past: Pasts) -> None:
    """Add the commands; `imports` adds to `import`."""
    text = "take in help centres, macros and folders (SYNC_FOLDERS) as they are now, as often as you like"
    command = add("sync", lambda args: _sync(args, knows, _runs(desks(), past()), past()), text)
    command.add_argument("name", nargs="*", help="of a helpdesk, a folder, or such as zendesk-macros; all without one")
    command.add_argument("--overwrite", action="store_true", help="also what people have changed here since")
    text = "what people answered in the helpdesks' resolved conversations, for suggestions only, as often as you like"
    history = imports("history", lambda args: _history(args, desks(), knows, past()), text)
    history.add_argument("name", nargs="*", help="of a helpdesk; all without one")
    history.add_argument("--since", required=True, metavar="DAY", help="touched since, such as 2026-01-01")
    for one in (command, history):
        one.add_argument("--dry-run", action="store_true", help="only say what would be")


def _runs(desks: Desks, past: Past) -> dict[str, Run]:
    """What can be taken in, by name."""
    found = {
        name: partial(_entries, source) for name, source in sources(desks, settings.sync_folders(os.environ)).items()
    }
    some = {f"{name}-macros": partial(_macros, desk, past) for name, desk in desks.items() if isinstance(desk, Macros)}
    return {**found, **some}


def _entries(source: Source, store: Store, how: How, said: Told) -> Summary:
    return sync(store, source, how, _now, said)


def _macros(desk: Connector, past: Past, store: Store, how: How, said: Told) -> Summary:
    return past.macros(store, desk, how, _now(), said)


def _now() -> datetime:
    return datetime.now(UTC)


def _sync(args: argparse.Namespace, knows: Knows, known: Mapping[str, Run], past: Past) -> None:
    if not known:
        raise Misconfigured("SYNC_FOLDERS", "is not set, and no helpdesk with a help centre is set up; see README.md")
    store, how = opened(), How(WHO, args.overwrite, args.dry_run)

    def act(name: str) -> Summary:
        return patiently(partial(known[name], store, how, partial(progress, f"of {name}")), _wait)

    done = partial(compared, store, knows(store), past)
    _each(_chosen(args.name, known), act, "of {}", done, args.dry_run)


def _history(args: argparse.Namespace, desks: Desks, knows: Knows, past: Past) -> None:
    since, store = typed.moment("--since", args.since), opened()
    known = {name: desk for name, desk in desks.items() if isinstance(desk, History)}
    if not known:
        raise Misconfigured("helpdesks", "none whose history may be learned from is set up; see README.md")

    def act(name: str) -> Summary:
        said = partial(progress, f"conversations of {name}")
        summary = past.recall(store, known[name], since, said, _waiting, dry_run=args.dry_run)
        if not args.dry_run:
            write_down(store, "history imported", name, summary)
        return summary

    _each(_chosen(args.name, known), act, "conversations of {}", partial(fill, knows(store)), args.dry_run)


def _waiting(call: Callable[[], Made]) -> Made:
    return patiently(call, _wait)


def _wait(err: Unavailable) -> None:
    seconds = max(1.0, err.retry_after)
    print(f"{err}: tried again in {seconds:.0f} seconds", file=sys.stderr)
    time.sleep(seconds)


def _chosen(names: list[str], known: Iterable[str]) -> list[str]:
    if odd := [name for name in names if name not in known]:
        raise Misconfigured("name", f"{odd[0]} is none of {', '.join(known)}")
    return names or list(known)


def _each(
    names: list[str], act: Callable[[str], Summary], what: str, done: Callable[[], object], dry_run: bool
) -> None:
    """One after the other, and what is `done` with it all; where one fails, the others come all the same, and the exit
    status is 1."""
    failed = False
    for name in names:
        try:
            summed(what.format(name), act(name), dry_run)
        except BotError as err:
            failed = True
            print(f"{name}: {err}", file=sys.stderr)
    if not dry_run:
        done()
    if failed:
        raise SystemExit(1)
