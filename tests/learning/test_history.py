"""Conversations of the past: taken in for suggestions, as often as one likes, and forgotten like all others."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import app
from bot import forget
from bot.imports import Became
from bot.model import Intervention, Ref, Source
from bot.store import Store
from bot.store import knowledge as rows
from learning.history import remember
from tests.shell import Shell

pytestmark = pytest.mark.services
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
ASKED = {
    "role": "customer",
    "text": "Hello, the zip of my trolley is stuck. How do I free it?",
    "at": "2024-03-01T09:00:00Z",
}
TOLD = {
    "role": "agent",
    "author": "Tomasz Wilk",
    "text": "Hi Maria, rub a candle along the zip, then pull it twice.",
    "at": "2024-03-01T10:00:00Z",
}
CASE: dict[str, Any] = {
    "id": "7", "subject": "Zip", "status": "solved", "messages": [ASKED, TOLD],
    "customer": {"id": "c1", "name": "Maria Keller", "email": "maria@example.com"},
}  # fmt: skip


def lay(folder: Path, *cases: object) -> Path:
    file = folder / "past.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(c if isinstance(c, str) else json.dumps(c) for c in cases).encode()))
    return file


def test_what_people_answered_is_found_for_suggestions(store: Store, tmp_path: Path) -> None:
    summary = remember(store, lay(tmp_path, CASE))
    [found] = app.search(store).past("My zip is stuck", limit=5)

    assert (summary.counts, summary.seen) == ({Became.NEW: 1}, 1)
    assert (found.source, found.passage) == (Source.PAST, "Rub a candle along the zip, then pull it twice.")
    assert "the zip of my trolley is stuck" in found.title
    assert app.search(store).entries() == ()


def test_taken_in_again_nothing_changes_and_what_is_new_in_it_comes(store: Store, tmp_path: Path) -> None:
    again = {"role": "customer", "text": "And how do I clean it?", "at": "2024-03-02T09:00:00Z"}
    told = {"role": "agent", "text": "Use warm water and a soft brush.", "at": "2024-03-02T10:00:00Z"}
    remember(store, lay(tmp_path, CASE))
    same = remember(store, lay(tmp_path, CASE))
    more = remember(store, lay(tmp_path, CASE | {"messages": [ASKED, TOLD, again, told]}))

    assert (same.counts, more.counts) == ({Became.SAME: 1}, {Became.NEW: 1})
    assert len(app.search(store).past("How do I clean the zip", limit=5)) == 2


def test_what_a_customer_had_forgotten_stays_forgotten(store: Store, tmp_path: Path) -> None:
    remember(store, lay(tmp_path, CASE))
    with store.write() as conn:
        refs = list(forget.conversations_of(conn, "maria@example.com"))
        forget.forget(conn, refs, "test", "a wish", NOW)

    again = remember(store, lay(tmp_path, CASE))

    assert (again.counts, [s.why for s in again.skipped]) == ({}, ["its customer was forgotten"])
    assert app.search(store).past("My zip is stuck", limit=5) == ()
    with store.read() as conn:
        kept = [
            row.value
            for table in ("past", "intervention")
            for row in conn.exec_driver_sql(f"SELECT value FROM {table}")
        ]
        kept += [row.snapshot for row in conn.exec_driver_sql("SELECT snapshot FROM conversation")]
    assert [word for word in ("candle", "maria", "Maria") if word in str(kept)] == []


def test_nothing_that_was_forgotten_comes_back_with_what_is_new(store: Store, tmp_path: Path) -> None:
    again = {"role": "customer", "text": "And how do I clean it?", "at": "2026-05-04T09:00:00Z"}
    told = {"role": "agent", "text": "Use warm water and a soft brush.", "at": "2026-05-04T10:00:00Z"}
    remember(store, lay(tmp_path, CASE))
    with store.write() as conn:
        forget.forget(conn, list(forget.conversations_of(conn, "maria@example.com")), "test", "a wish", NOW)

    more = remember(store, lay(tmp_path, CASE | {"messages": [ASKED, TOLD, again, told]}))

    assert more.counts == {Became.NEW: 1}
    assert [found.passage for found in app.search(store).past("How do I clean the stuck zip?", limit=5)] == [
        "Use warm water and a soft brush."
    ]


def test_a_reply_that_was_put_right_is_found_as_it_is_now(store: Store) -> None:
    """As when an agent edits it and the conversation is solved again."""
    reply = Intervention("i-1", Ref("zendesk", "1"), NOW, "", "My zip is stuck.", "Rub a candle along it.", ())
    knowledge = app.search(store)
    for answer in (reply.answer, "Rub soap along it."):
        with store.write() as conn:
            rows.add_past(conn, replace(reply, answer=answer))
            before = rows.newest(conn)
            rows.add_past(conn, replace(reply, answer=answer))  # the same again is nothing to read again
            assert rows.newest(conn) == before
        assert [found.passage for found in knowledge.past("My zip is stuck", limit=5)] == [answer]


def test_what_is_forgotten_comes_and_is_forgotten_again_hides_nothing_that_comes_later(store: Store) -> None:
    """As a macro that is listed, is not, and is listed again: numbers that an index follows are never given anew."""
    reply = Intervention("i-1", Ref("zendesk", "1"), NOW, "", "My zip is stuck.", "Rub a candle along it.", ())
    knowledge, ends = app.search(store), list[int]()
    for _ in range(3):
        for act in (rows.add_past, rows.forget_past):
            with store.write() as conn:
                act(conn, reply)
                ends.append(rows.newest(conn)[1])
            knowledge.keep_up()

    with store.write() as conn:
        rows.add_past(conn, replace(reply, id="i-2"))

    assert ends == sorted(set(ends))
    assert [found.id for found in knowledge.past("My zip is stuck", limit=5)] == ["i-2"]


def test_what_is_taken_in_while_its_customer_is_being_forgotten_is_forgotten(store: Store, tmp_path: Path) -> None:
    """It waits for that, on PostgreSQL too, and only then looks whether they are."""
    remember(store, lay(tmp_path, CASE))
    again = {"role": "agent", "text": "Or use soap, and pull it three times.", "at": "2024-03-01T11:00:00Z"}
    file = lay(tmp_path, CASE | {"messages": [ASKED, TOLD, again]})

    with ThreadPoolExecutor(1) as beside:
        with store.write() as conn:
            forget.forget(conn, list(forget.conversations_of(conn, "maria@example.com")), "test", "a wish", NOW)
            taken = beside.submit(remember, store, file)
            assert not wait([taken], timeout=0.3).done

        assert [s.why for s in taken.result().skipped] == ["its customer was forgotten"]
    assert app.search(store).past("My zip is stuck", limit=5) == ()


def test_a_conversation_of_a_file_is_no_ticket_of_the_same_number(store: Store, tmp_path: Path) -> None:
    remember(store, lay(tmp_path, CASE))
    with store.read() as conn:
        [ref] = forget.conversations_of(conn, "maria@example.com")
    assert ref.connector == "history"


def test_what_cannot_be_used_is_named_and_the_rest_comes(store: Store, tmp_path: Path) -> None:
    private = {**TOLD, "public": False}
    odd = [
        "{", {"id": "8"}, CASE | {"id": "9", "messages": [ASKED]}, CASE | {"id": "10", "messages": [TOLD]},
        CASE | {"id": "11", "messages": [ASKED, private]}, CASE,
    ]  # fmt: skip
    summary = remember(store, lay(tmp_path, *odd))
    nobody = "nobody asks and is answered in it"

    assert summary.counts == {Became.NEW: 1}
    assert [s.where for s in summary.skipped] == [f"past.jsonl.gz: line {n}" for n in range(1, 6)]
    assert [s.why for s in summary.skipped[1:]] == ["messages: Field required", nobody, nobody, nobody]


def test_the_command_says_what_it_took_in_and_a_dry_run_takes_nothing(shell: Shell, tmp_path: Path) -> None:
    file = str(lay(tmp_path, CASE))
    tried = shell("import", "conversations", file, "--dry-run")
    said = shell("import", "conversations", file)
    again = shell("import", "conversations", file)
    none = shell("import", "conversations", str(tmp_path / "none.jsonl"))

    assert tried.out == "1 conversations: would be 1 new, 0 changed, 0 as before, 0 skipped.\n"
    assert said.out == "1 conversations: 1 new, 0 changed, 0 as before, 0 skipped.\n"
    assert again.out == "1 conversations: 0 new, 0 changed, 1 as before, 0 skipped.\n"
    assert (none.status, "there is no such file" in none.err) == (2, True)
