"""The operator's commands over entries: list, show, write, compare, restore, retire, export."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from bot import articles, entries
from bot.errors import Misconfigured
from bot.find_commands import counted, fill
from bot.imports import How, Summary, Told, take_articles
from bot.knowledge import Knowledge, Knows
from bot.model import Entry
from bot.ports import Clock, Connector, Patience
from bot.records import WHO, Add, lead, opened, under, written
from bot.store import Store, audit
from bot.store import knowledge as rows
from bot.text import matter, typed
from bot.text.changes import Piece

Pasts = Callable[[], "Past"]


class Past(Protocol):
    """What learning does for a command: takes in what people answered in the past, for suggestions, and holds entries
    against each other. `said` is told how far it is."""

    def remember(self, store: Store, path: Path, said: Told, *, dry_run: bool) -> Summary:
        """What became of each conversation of a file."""

    def recall(
        self, store: Store, desk: Connector, since: datetime, said: Told, patiently: Patience, *, dry_run: bool
    ) -> Summary:
        """What became of each resolved conversation of a helpdesk."""

    def macros(self, store: Store, desk: Connector, how: How, now: datetime, said: Told) -> Summary:
        """What became of each macro of a helpdesk."""

    def compare(self, store: Store, knowledge: Knowledge, now: Clock, said: Callable[[int], object]) -> int:
        """Entries held against each other; how many pairs of them wait for people."""


MANY, NAMED = 20, 5  # lines that are skipped for one reason before they are told in one, and places that it names
MARKS = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}  # as `git diff --word-diff` writes them
COLORS = {"same": "{}", "gone": "\033[31;9m{}\033[0m", "new": "\033[32m{}\033[0m"}


def register(add: Add, imports: Add, knows: Knows, past: Pasts) -> None:
    """Add the commands, those that take something in to `imports`."""
    _entries(under(add("entries", _list, "what the bot knows: list, show, write, compare, restore, retire, export")))
    _imports(imports, knows, past)


def _imports(add: Add, knows: Knows, known: Pasts) -> None:
    text = "Markdown, HTML or JSON lines, a file or a folder: as often as you like"
    articles = add("articles", lambda args: _articles(args, knows, known()), text)
    articles.add_argument("path", type=Path)
    articles.add_argument("--by", required=True, help="the lead who says so: id or e-mail")
    articles.add_argument("--overwrite", action="store_true", help="also what people have changed here since")
    text = "what people answered in the past, for suggestions only: FILE.jsonl[.gz], as often as you like"
    past = add("conversations", lambda args: _conversations(args, knows, known()), text)
    past.add_argument("path", type=Path, help="in the format that `make run DATA=…` plays; README.md has it")
    for command in (articles, past):
        command.add_argument("--dry-run", action="store_true", help="only say what would be")


def _entries(add: Add) -> None:
    listed = add("list", _list, "those in force, now or on a day")
    listed.add_argument("words", nargs="*", help="that id, topic, question or answer contain")
    listed.add_argument(
        "--on", default="", metavar="DAY", help="what was in force in the last moment of 2026-05-03 (UTC), or at a time"
    )
    shown = add("show", _show, "one entry as Markdown: `> FILE`, edit it, and `write FILE`")
    shown.add_argument("id")
    shown.add_argument("--version", type=int, default=0, help="an earlier one; all are listed below the newest")
    write = add("write", _write, "publish a Markdown file as a new entry, or as the next version of its id")
    write.add_argument("file", type=Path, help="- reads what is piped in")
    write.add_argument("--dry-run", action="store_true", help="only say what would change")
    compare = add("compare", _compare, "what changed between two versions")
    compare.add_argument("id")
    compare.add_argument("old", type=int, nargs="?", default=0, help="default: the last but one")
    compare.add_argument("new", type=int, nargs="?", default=0, help="default: the newest")
    restore = add("restore", _restore, "an earlier version anew")
    restore.add_argument("id")
    restore.add_argument("version", type=int)
    retire = add("retire", _retire, "use an entry no more; `restore` brings it back")
    retire.add_argument("id")
    retire.add_argument("--why", default="", help="kept in the audit")
    for command in (write, restore, retire):
        command.add_argument("--by", required=True, help="the lead who says so: id or e-mail")
    add("export", _export, "every entry in force as a Markdown file").add_argument("folder", type=Path)


def _list(args: argparse.Namespace) -> None:
    at = typed.last("--on", args.on) if args.on else datetime.now(UTC)
    words = " ".join(args.words).casefold()
    with opened(there=True).read() as conn:
        there = rows.in_force(conn, at)
    found = [e for e in there if words in f"{e.id} {e.topic} {e.question} {e.answer}".casefold()]
    for entry in found:
        print(f"{entry.id:40} v{entry.version:<3} {entry.topic or '-':16} {entry.question}")
    print(f"{len(found)} of {len(there)} entries in force" + (f" on {args.on}." if args.on else "."))


def _show(args: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        entry, history = entries.known(conn, args.id, args.version), rows.versions(conn, args.id)
    print(matter.written(entry), end="")
    if not args.version:
        print("\n".join(f"v{e.version}  {e.at:%Y-%m-%d %H:%M}  {entries.story(e)}" for e in history), file=sys.stderr)


def _write(args: argparse.Namespace) -> None:
    made, now = matter.read(*_text(args.file)), datetime.now(UTC)
    with opened(there=True).write() as conn:
        who = lead(conn, args.by)
        old = rows.latest(conn, made.id) if made.id else None
        new = (
            entries.next_version(conn, made, made.version, now)
            if args.dry_run
            else entries.write(conn, made, made.version, who.id, now)
        )
    for change in entries.differences(old or Entry("", 0, "", ""), new):
        print(f"{change.field}: {_pieces(change.pieces)}")
    if args.dry_run:
        print("Nothing was changed.")
    elif new.at != now:
        print(f"Nothing differs from version {new.version} of {new.id}.")
    else:
        print(f"{new.id}: version {new.version} is live for the next message.")


def _text(file: Path) -> tuple[str, str]:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig"), "" if str(file) == "-" else file.stem
    except OSError as err:
        raise Misconfigured("file", f"{file} cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise Misconfigured("file", f"{file} is no text in UTF-8 (byte {err.start})") from err


def _compare(args: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        new = entries.known(conn, args.id, args.new)
        old = entries.known(conn, args.id, args.old or max(1, new.version - 1))
    print(f"{args.id}, version {old.version} ({entries.story(old)}) and {new.version} ({entries.story(new)})")
    for change in entries.differences(old, new):
        print(f"\n{change.field}:\n{_pieces(change.pieces)}")


def _pieces(pieces: Iterable[Piece]) -> str:
    marks = COLORS if sys.stdout.isatty() else MARKS
    return "".join(marks[piece.how].format(piece.text) for piece in pieces)


def _restore(args: argparse.Namespace) -> None:
    with opened(there=True).write() as conn:
        made = entries.restore(conn, args.id, args.version, lead(conn, args.by).id, datetime.now(UTC))
    print(f"{made.id}: version {made.version} says again what version {args.version} said.")


def _retire(args: argparse.Namespace) -> None:
    with opened(there=True).write() as conn:
        made = entries.retire(conn, args.id, lead(conn, args.by).id, args.why, datetime.now(UTC))
    print(f"{made.id} is not used any more; `app.py entries restore {made.id} {made.version - 1}` brings it back.")


def _export(args: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        there = rows.in_force(conn, datetime.now(UTC))
    written(args.folder, lambda: articles.lay(args.folder, there))
    print(f"{len(there)} entries in {args.folder}.")
    if others := articles.besides(args.folder, there):
        print(f"Not written by this, but there: {', '.join(others[:NAMED])}{', …' * (len(others) > NAMED)}.")


def _articles(args: argparse.Namespace, knows: Knows, past: Past) -> None:
    store = opened(there=False)
    with store.read() as conn:
        how = How(lead(conn, args.by).id, args.overwrite, args.dry_run)
    summary = take_articles(store, args.path, how, datetime.now(UTC), partial(progress, "articles"))
    summed("articles", summary, args.dry_run)
    if not args.dry_run:
        compared(store, knows(store), past)
    _anything(summary)


def _conversations(args: argparse.Namespace, knows: Knows, past: Past) -> None:
    if not args.path.is_file():
        raise Misconfigured(str(args.path), "there is no such file")
    store = opened()
    summary = past.remember(store, args.path, partial(progress, "conversations"), dry_run=args.dry_run)
    if not args.dry_run:
        write_down(store, "conversations imported", args.path.name, summary)
    summed("conversations", summary, args.dry_run)
    if not args.dry_run:
        fill(knows(store))
    _anything(summary)


def _anything(summary: Summary) -> None:
    if summary.skipped and not summary.counts:
        raise SystemExit(1)  # so that a script notices


def compared(store: Store, knowledge: Knowledge, past: Past) -> None:
    """Give the index what is new, hold it against what is known, and tell what people have to settle."""
    fill(knowledge)
    _, many = counted(partial(past.compare, store, knowledge, partial(datetime.now, UTC)), "compared")
    if many:
        print(f"{many} pair{'s' * (many > 1)} to settle: see Slack, or /knowledge/pairs.")


def write_down(store: Store, what: str, about: str, summary: Summary) -> None:
    """In the audit: what became of everything."""
    counted = {str(became).replace(" ", "_"): str(many) for became, many in summary.counts.items()}
    with store.write() as conn:
        audit.record(conn, datetime.now(UTC), WHO, what, about, **counted)


def summed(what: str, summary: Summary, dry_run: bool) -> None:
    """Tell what became of everything; what is skipped for one reason again and again takes one line."""
    print("\n" * sys.stderr.isatty(), end="", file=sys.stderr)
    places = defaultdict[str, list[str]](list)
    for skipped in summary.skipped:
        places[skipped.why].append(skipped.where)
    for why, where in places.items():
        for place in where if len(where) <= MANY else ():
            print(f"skipped {place}: {why}")
        if len(where) > MANY:
            print(f"skipped {len(where):,}: {why} ({', '.join(where[:NAMED])}, …, {where[-1]})")
    would = "would be " if dry_run else ""
    print(f"{summary.seen:,} {what}: {would}{summary.words}.")


def progress(what: str, summary: Summary) -> None:
    """Show how far it is, to whoever watches."""
    if sys.stderr.isatty():
        print(f"\r{summary.seen:,} {what} …", end="", file=sys.stderr, flush=True)
