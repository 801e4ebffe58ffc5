"""The operator's command over knowledge that lives elsewhere."""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from bot import settings
from bot.entry_commands import progress, summed
from bot.errors import Misconfigured, Unavailable
from bot.imports import How
from bot.ports import Connector
from bot.records import WHO, Add, opened
from bot.sync import sources, sync

Made = TypeVar("Made")
TRIES = 5  # until a vendor that is crowded or away has had its chance


def register(add: Add, desks: Callable[[], Mapping[str, Connector]]) -> None:
    """Add the command."""
    text = (
        "take in help centres and folders (SYNC_FOLDERS) as they are now; `serve` keeps in step what was taken in once"
    )
    command = add("sync", lambda args: _sync(args, desks()), text)
    command.add_argument("name", nargs="*", help="of a helpdesk or folder; all without one")
    command.add_argument("--overwrite", action="store_true", help="also what people have changed here since")
    command.add_argument("--dry-run", action="store_true", help="only say what would be")


def _sync(args: argparse.Namespace, desks: Mapping[str, Connector]) -> None:
    known = sources(desks, settings.sync_folders(os.environ))
    if odd := [name for name in args.name if name not in known]:
        raise Misconfigured("name", f"{odd[0]} is none of {', '.join(known) or 'nothing: no source is set up'}")
    if not known:
        raise Misconfigured("SYNC_FOLDERS", "is not set, and no helpdesk with a help centre is set up; see README.md")
    store, how = opened(), How(WHO, args.overwrite, args.dry_run)
    for name in args.name or known:
        act = partial(sync, store, known[name], how, lambda: datetime.now(UTC), partial(progress, f"of {name}"))
        summed(f"of {name}", patiently(act), args.dry_run)


def patiently(act: Callable[[], Made], wait: Callable[[float], None] = time.sleep) -> Made:
    """What it gives, tried again for as long as a vendor says or a second at least; it must go on where it was."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except Unavailable as err:
            wait(max(1.0, err.retry_after))
    return act()
