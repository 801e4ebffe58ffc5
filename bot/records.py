"""The operator's commands over what is kept: dead letters, the audit, and what is held about a customer."""

import argparse
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from bot import forget, letters, settings
from bot.allow import LEADS
from bot.errors import Misconfigured, Unavailable
from bot.knowledge import Knows
from bot.model import Person, Ref
from bot.ports import patiently
from bot.store import Store, audit, conversations, people
from bot.store.letters import Letter, Which, get
from bot.store.subjects import took_part
from bot.store.verify_audit import verdict
from bot.work import reason

Run = Callable[[argparse.Namespace], None]
Add = Callable[[str, Run, str], argparse.ArgumentParser]
WHO = "command line"


def opened(*, there: bool = False) -> Store:
    """The store of the settings, on its newest schema. `there`: Misconfigured where SQLite's file is not."""
    from bot.store.migrate import migrate  # noqa: PLC0415 - alembic, which `--help` need not wait for

    store = Store(settings.database(os.environ, there=there))
    migrate(store)
    return store


def lead(conn: Connection, who: str) -> Person:
    """Who decides, by id or e-mail address. Misconfigured where it is no lead."""
    found = people.person_of(conn, who) or people.by_email(conn, who)
    if found is None or found.role not in LEADS:
        raise Misconfigured("--by", f"{who} is no lead; `app.py people` lists the team")
    return found


def register(add: Add, exports: Add, knows: Knows) -> None:
    """Add the commands, those that take something away to `exports`."""
    _dead(under(add("dead", _list, "work that failed for good: list it, show it, replay it")))
    _audit(under(add("audit", _verify, "check the chain of the audit, or export it for `verify_audit.py`")))
    whom = "their e-mail address, or connector:id such as zendesk:360012345678"
    text = "erase what a customer said; ids stay, so that nothing is sent or answered twice"
    gone = add("forget", lambda args: _forget(args, knows), text)
    gone.add_argument("customer", help=whom)
    gone.add_argument("--dry-run", action="store_true", help="only say what would go")
    gone.add_argument("--yes", action="store_true", help="really do it; it cannot be undone")
    told = exports("customer", _export, "all that is held about a customer, as JSON")
    told.add_argument("customer", help=whom)
    told.add_argument("file", type=Path)


def under(command: argparse.ArgumentParser) -> Add:
    """Adds to a command the commands below it, one of which has to be named."""
    below = command.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        made = below.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    return add


def _dead(add: Add) -> None:
    listed = add("list", _list, "dead letters, the oldest first")
    add("show", _show, "one of them, with both errors whole").add_argument("id")
    text = "give them back to the workers; what may have been sent is read back first"
    replay = add("replay", _replay, text)
    replay.add_argument("id", nargs="*", help="as `list` shows them")
    replay.add_argument("--range", default="", metavar="A-B", help="all from number A to number B")
    replay.add_argument("--dry-run", action="store_true", help="only say what would be done")
    for command in (listed, replay):
        command.add_argument(
            "--since", default="", metavar="T", help="last tried at or after T: 2026-05-03[T10:00] (UTC)"
        )


def _audit(add: Add) -> None:
    add("verify", _verify, "does every entry follow from the one before it, and from the anchors? Exit status 1: no")
    add("export", _export_audit, "write the chain for `verify_audit.py`").add_argument("file", type=Path)


def _list(args: argparse.Namespace) -> None:
    found = list(letters.everything(opened(there=True), letters.chosen([], since=args.since)))
    for letter in found:
        tries = f"{letter.attempts} tries, {letter.crashes} crashes"
        print(f"{letter.id:6} {letter.run_at:%Y-%m-%d %H:%M} {letter.key}  {tries}  {reason(letter.last_error)}")
    print(f"{len(found)} dead letters." + (" `app.py dead replay ID` tries one again." if found else ""))


def _show(args: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        letter = get(conn, (letters.chosen([args.id]).ids or (0,))[0])
    if letter is None:
        raise Misconfigured("id", f"there is no work {args.id}; `app.py dead list` shows the dead letters")
    for name, value in _facts(letter):
        print(f"{name:14} {value}")


def _facts(letter: Letter) -> Iterable[tuple[str, object]]:
    yield from (("number", letter.id), ("work", letter.key), ("conversation", letter.ref), ("state", letter.state))
    yield from (("tries", letter.attempts), ("crashes", letter.crashes))
    yield from (("asked for", letter.at), ("last tried", letter.run_at))
    yield from (("first error", letter.first_error.strip()), ("last error", letter.last_error.strip()))


def _replay(args: argparse.Namespace) -> None:
    which = letters.chosen(args.id, args.range, args.since)
    if which == Which():
        raise Misconfigured("replay", "say which: numbers, --range A-B or --since T; `app.py dead list` shows them")
    said = letters.replay(opened(there=True), which, WHO, datetime.now(UTC), dry_run=args.dry_run)
    print("\n".join(said) or "No dead letter is among them.")


def _verify(_: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        written = conversations.looked_to(conn, "anchor")
        try:
            holds, said = verdict(lambda: audit.chain(conn), _anchors(written))
        except OSError as err:
            raise Misconfigured("AUDIT_ANCHORS", f"{err.filename} cannot be read: {err.strerror}") from err
    print(said)
    if not holds:
        raise SystemExit(1)


def _anchors(written: datetime | None) -> Path | None:
    """The file, where there should be one: without it a chain that was written anew would pass."""
    file = settings.anchors(os.environ)
    if written is None and (file is None or not file.exists()):
        return None
    if file is None:
        raise Misconfigured("AUDIT_ANCHORS", f"name the file that got an anchor on {written:%d %B %Y}")
    return file


def _export_audit(args: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        count = written(args.file, lambda: audit.export(conn, args.file))
    print(f"{count} entries. Check them anywhere: python verify_audit.py {args.file} --anchors ANCHORS.jsonl")


def _export(args: argparse.Namespace) -> None:
    with opened(there=True).read() as conn:
        found = forget.conversations_of(conn, args.customer)
        count = written(args.file, lambda: forget.export(conn, found, args.file))
    print(f"{count} rows about {len(found)} conversations.")


def written(file: Path, write: Callable[[], int]) -> int:
    """What `write` returns; Misconfigured where the file cannot be written."""
    try:
        return write()
    except OSError as err:
        raise Misconfigured("file", f"{file} cannot be written: {err.strerror}") from err


def _forget(args: argparse.Namespace, knows: Knows) -> None:
    store = opened(there=True)
    with store.read() as conn:
        found = forget.conversations_of(conn, args.customer)
        counts, entries = forget.preview(conn, list(found))
    print("Held about them:", ", ".join(f"{n} {name}" for name, n in counts.items() if n))
    if others := [str(ref) for ref, wrote in found.items() if wrote]:
        print(f"Others opened these, and what they said there goes too: {', '.join(others)}")
    if entries:
        print(f"These entries were learned from them and stay, since people approved them: {', '.join(entries)}")
    if args.dry_run or not args.yes:
        print("Nothing was changed." if args.dry_run else "Nothing was changed; --yes erases it, and cannot be undone.")
        return
    _erase(store, args.customer, list(found))
    try:
        knows(store).compact()
    except Unavailable as err:
        print(f"{err}, so traces stay in its files: `app.py reindex` takes them out.")
    if not forget.compact(store):
        print("The database is busy, so traces stay in its file until SQLite's VACUUM: stop the bot and do it by hand.")
    print("Forgotten. What a helpdesk, a log or a backup holds has to be erased there.")


def _erase(store: Store, customer: str, refs: list[Ref]) -> None:
    """Until they have not written meanwhile: looking for them takes long, and must not keep everybody else waiting."""
    while refs:
        patiently(partial(_forgotten, store, refs), lambda _: None)  # PostgreSQL may have to let others go first
        with store.read() as conn:
            refs = list(took_part(conn, customer))


def _forgotten(store: Store, refs: list[Ref]) -> None:
    with store.write() as conn:
        forget.forget(conn, refs, WHO, "a customer's wish", datetime.now(UTC))
