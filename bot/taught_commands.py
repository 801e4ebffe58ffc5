"""The operator's commands that take away all that a team has taught, and bring it back."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.entry_commands import Past, Pasts, compared, progress, summed
from bot.imports import How
from bot.knowledge import Knows
from bot.records import Add, lead, opened
from bot.taught.away import counted, take_away
from bot.taught.back import bring_back


def register(exports: Add, imports: Add, knows: Knows, past: Pasts) -> None:
    """Add `export taught` and `import taught`."""
    away = exports("taught", _away, "all that the team has taught, as a folder: Markdown, JSON lines and a manifest")
    text = "what `export taught` wrote, here or elsewhere: as often as you like"
    back = imports("taught", lambda args: _back(args, knows, past()), text)
    for command in (away, back):
        command.add_argument("folder", type=Path)
        command.add_argument("--by", required=True, help="the lead who says so: id or e-mail")
    away.add_argument("--dry-run", action="store_true", help="only say how much it would be")
    back.add_argument("--dry-run", action="store_true", help="only say what would be")


def _away(args: argparse.Namespace) -> None:
    store = opened(there=True)
    with store.read() as conn:
        who = lead(conn, args.by).id
    gone = counted(store) if args.dry_run else take_away(store, args.folder, who, datetime.now(UTC), _told)
    print("\n" * sys.stderr.isatty(), end="", file=sys.stderr)
    for name, many in gone.counts.items():
        print(f"{many:9,} {name}")
    for left in gone.left_out:
        print(f"left out {left.where}: {left.why}")
    done = f"All of it is in {args.folder}; keep it as you keep the database."
    print("Nothing was written." if args.dry_run else done)


def _told(name: str, many: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{many:,} {name} …", end="", file=sys.stderr, flush=True)


def _back(args: argparse.Namespace, knows: Knows, past: Past) -> None:
    store = opened()
    with store.read() as conn:
        how = How(lead(conn, args.by).id, dry_run=args.dry_run)
    found = bring_back(store, args.folder, how, datetime.now(UTC), progress)
    for name, summary in found.items():
        if summary.seen:
            summed(name, summary, args.dry_run)
    if not any(summary.seen for summary in found.values()):
        print("There is nothing in it.")
    if not args.dry_run:
        compared(store, knows(store), past)
