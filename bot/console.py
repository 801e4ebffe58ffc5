"""The operator's commands: stop and go, licences, people, checks and set-up. `app.py` adds them to its own."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NoReturn

from sqlalchemy import Connection

from bot import allow, entry_commands, find_commands, passwords, records, settings, sync_commands, taught_commands
from bot.entry_commands import Pasts
from bot.errors import Misconfigured
from bot.knowledge import Knows
from bot.model import Person, PersonRole
from bot.ports import Checks, Connector, Fine, SetsUp, Team
from bot.records import WHO, Add, lead, opened, under
from bot.store import audit, people
from bot.team import link

Desks = Callable[[], Mapping[str, Connector]]


class Parser(argparse.ArgumentParser):
    """Answers a wrong command with what went wrong and the whole help."""

    def error(self, message: str) -> NoReturn:
        """Exit status 2."""
        print(f"{self.prog}: {message}\n", file=sys.stderr)
        self.print_help(sys.stderr)
        self.exit(2)


def register(add: Add, desks: Desks, knows: Knows, past: Pasts, brains: Callable[[str], Fine]) -> None:
    """Add the commands; `desks` makes the connectors that are set up, `knows` the search over a store;
    `past` takes in what people answered in the past; `brains` says whether what thinks works, over a database."""
    for name, text in (("stop", "send nothing any more, in every process"), ("go", "send again")):
        add(name, _stop, text).add_argument("--why", default="", help="kept in the audit")
    grant = add("grant", _grant, "let a topic answer alone for some days")
    for command in (grant, add("revoke", _revoke, "take a topic's licence back")):
        command.add_argument("topic")
        command.add_argument("--by", required=True, help="the lead who says so: id or e-mail")
    most = f"how long (default 7, at most {allow.LONGEST:.0f})"
    grant.add_argument("--days", type=float, default=7.0, help=most)
    _people(add, desks)
    imports = under(add("import", _list_people, "take in articles, past conversations, or what was taught elsewhere"))
    exports = under(add("export", _list_people, "take away what is held about a customer, or all that was taught"))
    records.register(add, exports, knows)
    find_commands.register(add, knows)
    entry_commands.register(add, imports, knows, past)
    sync_commands.register(add, imports, desks, knows, past)
    taught_commands.register(exports, imports, knows, past)
    add("doctor", lambda _: _doctor(desks(), brains), "check settings, tokens and webhooks; changes nothing")
    setup = add("setup", lambda args: _setup(desks(), dry_run=args.dry_run), "install webhooks at the helpdesks")
    setup.add_argument("--dry-run", action="store_true", help="only say what would be made")


def _people(add: Add, desks: Desks) -> None:
    add("people", _list_people, "who is on the team, and who may approve")
    person = add("person", _set_person, "add someone to the team, change their role and vendor ids, or remove them")
    person.add_argument("email")
    person.add_argument("--name", default="")
    person.add_argument("--role", choices=[r.value for r in PersonRole], help="leads approve; agent for someone new")
    person.add_argument("--also", action="append", default=[], metavar="VENDOR:ID", help="such as slack:U024BE7LH")
    taken = "take this id off them; `link` gives back what has their e-mail address"
    person.add_argument("--not", action="append", default=[], metavar="VENDOR:ID", dest="without", help=taken)
    person.add_argument("--remove", action="store_true", help="take them off the team")
    add("password", _password, "a password that signs someone of the team in once").add_argument("email")
    add("link", lambda _: _link(desks()), "link the helpdesks' agents to the team by e-mail address")


def _stop(args: argparse.Namespace) -> None:
    on = args.command == "stop"
    store = opened(there=True)
    with store.write() as conn:
        allow.stop(conn, WHO, args.why, datetime.now(UTC), on=on)
    print("Nothing is sent any more. `app.py go` lets it go on." if on else "Sending goes on.", f"({store.url_shown})")


def _grant(args: argparse.Namespace) -> None:
    with opened(there=True).write() as conn:
        until = allow.grant(conn, args.topic, lead(conn, args.by), args.days, datetime.now(UTC))
    print(f"{args.topic}: answers alone until {until:%d %B %Y %H:%M} UTC")


def _revoke(args: argparse.Namespace) -> None:
    with opened(there=True).write() as conn:
        allow.revoke(conn, args.topic, lead(conn, args.by), datetime.now(UTC))
    print(f"{args.topic}: no licence any more")


def _list_people(_: argparse.Namespace) -> None:
    with opened().read() as conn:
        team = people.team(conn)
    for who in team:
        print(f"{who.role:6} {who.name:24} {who.email:32} {' '.join(who.vendor_ids)}")
    if not team:
        print("Nobody yet. `app.py person ines@example.com --name Ines --role lead` adds someone.")


def _set_person(args: argparse.Namespace) -> None:
    if "@" not in args.email:
        raise Misconfigured("email", f"{args.email!r} is not an e-mail address")
    for option, given in (("--also", args.also), ("--not", args.without)):
        if any(":" not in vendor_id for vendor_id in given):
            raise Misconfigured(option, "is written vendor:id, such as slack:U024BE7LH")
    now = datetime.now(UTC)
    with opened().write() as conn:
        if args.remove:
            _remove(conn, args.email, now)
            return
        known = people.by_email(conn, args.email)
        ids = tuple(dict.fromkeys((*(known.vendor_ids if known else ()), *args.also)))
        ids = tuple(vendor_id for vendor_id in ids if vendor_id not in args.without)
        name = args.name or (known.name if known else args.email.partition("@")[0])
        role = PersonRole(args.role) if args.role else known.role if known else PersonRole.AGENT
        who = Person(known.id if known else args.email.lower(), name, args.email, role, ids)
        people.save_person(conn, who)
        audit.record(conn, now, WHO, "person", who.id, role=who.role, also=" ".join(ids))
    print(f"{who.name} is {who.role}, known as {', '.join(ids) or 'nobody at the vendors yet (`app.py link`)'}")


def _password(args: argparse.Namespace) -> None:
    url = settings.public_url(os.environ)
    with opened(there=True).write() as conn:
        who = people.by_email(conn, args.email)
        if who is None:
            raise Misconfigured("email", f"{args.email} is not on the team; `app.py people` lists it")
        print(passwords.invitation(url, who, passwords.give(conn, who, WHO, datetime.now(UTC))))


def _some(desks: Mapping[str, Connector]) -> Iterable[Connector]:
    if not desks:
        raise Misconfigured("helpdesks", "none is set up; see README.md")
    return desks.values()


def _remove(conn: Connection, email: str, now: datetime) -> None:
    known = people.by_email(conn, email)
    if known is None:
        raise Misconfigured("email", f"{email} is not on the team; `app.py people` lists it")
    people.remove_person(conn, known.id)
    passwords.shut_out(conn, known, WHO, now)
    audit.record(conn, now, WHO, "person removed", known.id)
    print(f"{known.name} is not on the team any more.")


def _link(desks: Mapping[str, Connector]) -> None:
    now = datetime.now(UTC)
    for desk in _some(desks):
        if not isinstance(desk, Team):
            continue
        found = desk.team()
        with opened().write() as conn:
            linked = link(conn, desk.name, found, now)
        print(f"{desk.name}: {len(linked)} of {len(found)} linked" + "".join(f"\n  {w.name} {w.email}" for w in linked))


def _doctor(desks: Mapping[str, Connector], brains: Callable[[str], Fine]) -> None:
    chosen = settings.read(os.environ)  # what `serve` would refuse
    rows = [("helpdesks", bool(desks), "set the settings of at least one, see README.md")]
    if settings.one_address(chosen):
        rows.append(("addresses of those who sign in", False, settings.ONE_ADDRESS))
    with opened().read() as conn:
        leads = allow.leads(conn)
    rows.append(("someone may approve", bool(leads), "add a lead: `app.py person EMAIL --role lead`"))
    rows += brains(chosen.database_url)
    for desk in desks.values():
        if isinstance(desk, Checks):
            rows += [(f"{desk.name}: {what}", fine, fix) for what, fine, fix in desk.check()]
    for what, fine, fix in rows:
        print(f"{'ok ' if fine else 'NO '} {what}" + ("" if fine else f": {fix}"))
    if not all(fine for _, fine, _ in rows):
        raise SystemExit(1)


def _setup(desks: Mapping[str, Connector], *, dry_run: bool) -> None:
    url = settings.read(os.environ).public_url
    for desk in _some(desks):
        lines = desk.setup(url, dry_run) if isinstance(desk, SetsUp) else ("by hand: see its README.md",)
        print("\n".join(f"{desk.name}: {line}" for line in lines))
