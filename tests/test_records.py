"""The commands over what is kept, and what the sweep does with it every day."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot import settings, sweep, work
from bot.errors import Misconfigured
from bot.model import Conversation, Customer, Message, Ref, Role, Status
from bot.settings import Settings
from bot.store import audit, conversations
from bot.store.letters import count
from bot.store.statements import add_all
from bot.store.tables import audit as rows
from bot.store.tables import work as table
from bot.store.verify_audit import ANCHOR, read
from tests.desk import ASKS_RETURN, desk
from tests.shell import SECRET, Shell

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
REF = Ref("zendesk", "7")
MARIA = Customer("20", "Maria Keller", "maria@example.com")


@pytest.fixture
def anchors(shell: Shell, tmp_path: Path) -> Path:
    """Where the audit's head goes."""
    shell.set(AUDIT_ANCHORS=str(tmp_path / "anchors.jsonl"))
    shell("people")  # the schema
    return tmp_path / "anchors.jsonl"


def recorded(shell: Shell, count: int = 3) -> None:
    """Some entries."""
    with shell.store().write() as conn:
        for number in range(count):
            audit.record(conn, NOW, "ines", "accept", f"a-{number}", "Maria has it")


def anchored(shell: Shell, file: Path) -> None:
    """What the sweep does."""
    with shell.store().read() as conn:
        audit.anchor(audit.head(conn), file, NOW)


def letter(shell: Shell, number: str = "7") -> int:
    """Work that failed for good; its number."""
    with shell.store().write() as conn:
        work.ask(conn, "look", f"odd-{number}", Ref("zendesk", number), NOW)
        job = work.claim(conn, NOW)
        assert job is not None
        work.bury(conn, job, "In odd.py, line 1\nRuntimeError: a bug")
    return job.id


@pytest.mark.long
def test_more_letters_than_a_batch_are_all_listed_and_all_replayed(shell: Shell) -> None:
    of = {"kind": "look", "state": "dead", "run_at": NOW, "at": NOW}
    shell("people")  # the schema
    with shell.store().write() as conn:
        add_all(conn, table, [{"key": f"look|zendesk:{n}", "ref": f"zendesk:{n}", **of} for n in range(2_100)])

    listed = shell("dead", "list")
    tried = shell("dead", "replay", "--since", "2026-05-03", "--dry-run")
    replayed = shell("dead", "replay", "--since", "2026-05-03")

    assert listed.out.splitlines()[-1] == "2100 dead letters. `app.py dead replay ID` tries one again."
    assert [len(said.out.splitlines()) for said in (listed, tried, replayed)] == [2_101, 2_100, 2_100]
    with shell.store().read() as conn:
        assert (count(conn), conn.scalar(select(func.count()).where(table.c.state == "ready"))) == (0, 2_100)


def asked(shell: Shell) -> None:
    """Maria asked something."""
    message = Message("m1", Role.CUSTOMER, "20", "Where is my zugzwang?", NOW, name="Maria Keller")
    with shell.store().write() as conn:
        conversations.save(conn, Conversation(REF, "A zugzwang", Status.OPEN, MARIA, (message,)), NOW)


def test_the_audit_is_verified_against_its_anchors(shell: Shell, anchors: Path) -> None:
    recorded(shell)
    alone = shell("audit", "verify")
    anchored(shell, anchors)

    said = shell("audit", "verify")

    assert (alone.status, alone.out) == (
        0,
        "3 entries follow from each other. Without an anchor, a chain written anew is not found.\n",
    )
    assert (said.status, said.out) == (
        0,
        "3 entries follow from each other and from 1 anchors, the last of 2026-05-03.\n",
    )


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE seq = 2", "audit entry 2 was changed, moved, added or taken out"),
        ("DELETE FROM audit WHERE seq = 2", "audit entry 2 was changed, moved, added or taken out"),
        ("UPDATE audit SET detail = 'no JSON' WHERE seq = 2", "entry 2 cannot be read"),
        ("DELETE FROM audit WHERE seq = 3", "the end is missing: there are 2 entries, and an anchor knows entry 3"),
        ("DELETE FROM audit", "the end is missing: there are 0 entries, and an anchor knows entry 3"),
    ],
)
def test_the_first_wrong_entry_is_named_and_the_status_is_1(shell: Shell, anchors: Path, sql: str, found: str) -> None:
    recorded(shell)
    anchored(shell, anchors)
    with shell.store().write() as conn:
        conn.exec_driver_sql(sql)

    said = shell("audit", "verify")

    assert (said.status, said.out) == (1, f"The audit does not hold: {found}.\n")


def test_an_audit_that_was_written_anew_is_found(shell: Shell, anchors: Path) -> None:
    recorded(shell)
    anchored(shell, anchors)
    with shell.store().write() as conn:
        conn.execute(rows.delete())
    recorded(shell, 4)

    said = shell("audit", "verify")

    assert (said.status, said.out) == (
        1,
        "The audit does not hold: the chain up to audit entry 3 was written anew: an anchor knows it otherwise.\n",
    )


def test_an_anchor_that_was_changed_is_named(shell: Shell, anchors: Path) -> None:
    recorded(shell)
    anchored(shell, anchors)
    anchors.write_text(anchors.read_text() + "{}\n")

    said = shell("audit", "verify")

    assert (said.status, said.out) == (
        1,
        "The audit does not hold: line 2 of anchors.jsonl was changed or cut off.\n",
    )


def test_anchors_that_are_gone_are_missed(shell: Shell, anchors: Path, tmp_path: Path) -> None:
    recorded(shell)
    with shell.store().write() as conn:
        conversations.set_looked_to(conn, "anchor", NOW)

    gone = shell("audit", "verify")
    shell.set(AUDIT_ANCHORS=str(tmp_path))
    folder = shell("audit", "verify")

    assert (gone.status, "anchors.jsonl cannot be read: No such file" in gone.err) == (2, True)
    assert (folder.status, "cannot be read: Is a directory" in folder.err) == (2, True)


def test_the_audit_is_exported_for_the_verifier(shell: Shell, anchors: Path, tmp_path: Path) -> None:
    recorded(shell)

    said = shell("audit", "export", str(tmp_path / "audit.jsonl"))
    nowhere = shell("audit", "export", str(tmp_path / "none" / "audit.jsonl"))

    assert said.out.startswith("3 entries. Check them anywhere: python verify_audit.py ")
    assert (nowhere.status, "cannot be written: No such file" in nowhere.err) == (2, True)


def test_dead_letters_are_listed_shown_and_replayed(shell: Shell, anchors: Path) -> None:
    number = letter(shell)

    listed, shown = shell("dead", "list"), shell("dead", "show", str(number))
    dry = shell("dead", "replay", str(number), "--dry-run")
    done = shell("dead", "replay", "--since", "2026-05-03T11:00")
    again = shell("dead", "replay", str(number))

    assert listed.out == (
        f"{number:6} 2026-05-03 12:00 look|odd-7  0 tries, 0 crashes  RuntimeError: a bug\n"
        "1 dead letters. `app.py dead replay ID` tries one again.\n"
    )
    assert "first error    In odd.py, line 1\nRuntimeError: a bug\n" in shown.out
    assert dry.out == f"{number} look|odd-7: would be done: goes back to the workers\n"
    assert done.out == f"{number} look|odd-7: goes back to the workers\n"
    assert again.out == f"{number} look|odd-7: is ready, not among the dead letters asked for, so nothing was done\n"
    with shell.store().read() as conn:
        assert [(e.who, e.what) for e in audit.entries(conn, "look|odd-7")] == [("command line", "replayed")]


def test_a_range_of_dead_letters_is_replayed(shell: Shell, anchors: Path) -> None:
    numbers = [letter(shell, str(n)) for n in range(3)]

    said = shell("dead", "replay", "--range", f"{numbers[0]}-{numbers[1]}")

    assert said.out == "".join(f"{n} look|odd-{at}: goes back to the workers\n" for at, n in enumerate(numbers[:2]))
    assert shell("dead", "list").out.endswith("1 dead letters. `app.py dead replay ID` tries one again.\n")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["dead", "replay"], "say which: numbers, --range A-B or --since T"),
        (["dead", "replay", "x"], "id: 'x' is no number of a dead letter"),
        (["dead", "show", "424242"], "id: there is no work 424242"),
        (["dead", "list", "--since", "soon"], "since: 'soon' is no time such as"),
        (["dead"], "the following arguments are required: WHAT"),
        (["audit"], "the following arguments are required: WHAT"),
        (["forget", "maria"], "write an e-mail address, or connector:id"),
        (["forget", "nobody@example.com", "--yes"], "customer: nothing is held that nobody@example.com said"),
        (["export", "customer", "nobody@example.com", "x"], "customer: nothing is held that nobody@example.com said"),
    ],
)
def test_a_command_that_cannot_be_followed_is_named(shell: Shell, anchors: Path, argv: list[str], said: str) -> None:
    answer = shell(*argv)

    assert (answer.status, said in answer.err) == (2, True)


def test_a_customer_is_forgotten_only_when_it_is_really_wanted(shell: Shell, anchors: Path) -> None:
    asked(shell)

    tried = [shell("forget", "maria@example.com", "--dry-run", "--yes"), shell("forget", "maria@example.com")]
    with shell.store().read() as conn:
        assert conversations.snapshot(conn, REF) is not None
    done = shell("forget", "maria@example.com", "--yes")

    assert [said.out.splitlines() for said in tried] == [
        ["Held about them: 1 conversation", "Nothing was changed."],
        ["Held about them: 1 conversation", "Nothing was changed; --yes erases it, and cannot be undone."],
    ]
    assert done.out.splitlines()[-1] == "Forgotten. What a helpdesk, a log or a backup holds has to be erased there."
    with shell.store().read() as conn:
        assert conversations.snapshot(conn, REF) is None
    assert "nothing is held that maria@example.com said" in shell("forget", "maria@example.com").err
    assert shell("audit", "verify").status == 0


def test_whose_conversation_it_is_that_is_forgotten_is_said_first(shell: Shell, anchors: Path) -> None:
    asked(shell)
    with shell.store().write() as conn:
        seen = conversations.snapshot(conn, REF)
        assert seen is not None
        beside = Message("m-2", Role.CUSTOMER, "21", "Mine is gone, too.", NOW, email="jonas@example.com")
        conversations.save(conn, replace(seen, messages=(*seen.messages, beside)), NOW)

    said = shell("forget", "jonas@example.com", "--dry-run")

    assert said.out.splitlines() == [
        "Held about them: 1 conversation",
        "Others opened these, and what they said there goes too: zendesk:7",
        "Nothing was changed.",
    ]


@pytest.mark.heavy  # SQLite waits for five seconds
def test_a_file_that_others_keep_busy_is_forgotten_in_and_says_so(shell: Shell, anchors: Path) -> None:
    asked(shell)
    store = shell.store()
    if not store.sqlite:
        pytest.skip("PostgreSQL vacuums by itself")
    with store.read() as conn:
        conn.exec_driver_sql("SELECT count(*) FROM conversation").all()
        said = shell("forget", "maria@example.com", "--yes")

    assert said.status == 0
    assert "The database is busy, so traces stay in its file" in said.out
    with store.read() as conn:
        assert conversations.snapshot(conn, REF) is None


def test_a_customer_is_exported(shell: Shell, anchors: Path, tmp_path: Path) -> None:
    asked(shell)

    said = shell("export", "customer", "zendesk:20", str(tmp_path / "maria.json"))

    held = json.loads((tmp_path / "maria.json").read_text(encoding="utf-8"))
    assert said.out == "1 rows about 1 conversations.\n"
    assert held["conversation"][0]["snapshot"]["messages"][0]["text"] == "Where is my zugzwang?"


def test_the_sweep_anchors_the_audit_once_a_day(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    with desk(database_url, "zendesk") as made:
        made.ask(ASKS_RETURN)
        for hours in (0, 1, 24):
            made.clock.forward(hours=hours)
            sweep.sweep(made.line, sweep.Upkeep(file))

        with made.line.store.read() as conn:
            newest = audit.head(conn)

    kept = list(read(file, ANCHOR))
    assert len(kept) == 2
    assert (kept[-1]["seq"], kept[-1]["hash"]) == newest


def test_a_place_for_anchors_that_is_away_is_tried_again_and_stops_nothing(database_url: str, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    with desk(database_url, "zendesk") as made:
        sweep.sweep(made.line, sweep.Upkeep(blocked / "anchors.jsonl"))
        blocked.unlink()

        sweep.sweep(made.line, sweep.Upkeep(blocked / "anchors.jsonl"))

    assert len(list(read(blocked / "anchors.jsonl", ANCHOR))) == 1


@pytest.mark.parametrize(
    ("env", "anchors"),
    [
        ({}, "data/understudy.db.anchors.jsonl"),
        ({"DATABASE_URL": "sqlite:////var/bot.db?timeout=5"}, "/var/bot.db.anchors.jsonl"),
        ({"DATABASE_URL": "postgresql://u:p@db/bot"}, None),
        ({"AUDIT_ANCHORS": "/mnt/worm/a.jsonl"}, "/mnt/worm/a.jsonl"),
    ],
)
def test_anchors_stand_beside_the_database_or_where_they_are_wanted(env: dict[str, str], anchors: str | None) -> None:
    assert settings.read({"SECRET_KEY": SECRET, **env}).anchors == (anchors and Path(anchors))


def test_conversations_are_kept_for_ever_unless_it_is_said_otherwise() -> None:
    assert Settings().retention_days == 0
    assert settings.read({"SECRET_KEY": SECRET, "RETENTION_DAYS": "90"}).retention_days == 90
    with pytest.raises(Misconfigured, match="RETENTION_DAYS: 'two' is not a whole number"):
        settings.read({"SECRET_KEY": SECRET, "RETENTION_DAYS": "two"})
