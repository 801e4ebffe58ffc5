"""Entries by hand: written, compared, restored and retired, from a page and from the command line, as Markdown."""

import io
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot import articles, entries
from bot.errors import Misconfigured
from bot.model import (
    Conversation,
    Customer,
    Entry,
    Outcome,
    OutcomeKind,
    Page,
    Person,
    PersonRole,
    Ref,
    Scope,
    Status,
    Taint,
)
from bot.scope import Asker, asker, kept_back
from bot.store import Store, audit, counts, people, reviews
from bot.store import knowledge as rows
from bot.text import matter, typed
from bot.text.changes import changes
from tests.desk import ASKS_RETURN, INES, RETURNS, TOMASZ, Desk, desk
from tests.shell import Shell
from tests.staff import staff

pytestmark = pytest.mark.services
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
SHIPPING = Entry(
    "", 0, "Do you ship to Norway?", "Yes, within five days.", topic="shipping", url="https://help.example/n"
)


@pytest.fixture
def office(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        yield made


def write(store: Store, new: Entry, seen: int = 0, now: datetime = NOW) -> Entry:
    with store.write() as conn:
        return entries.write(conn, new, seen, "ines", now)


def test_an_entry_gets_a_name_and_each_change_is_a_version_with_its_audit(store: Store) -> None:
    first = write(store, SHIPPING)
    second = write(store, replace(first, answer="Yes, within four days."), seen=1, now=NOW + timedelta(days=1))

    assert (first.id, first.version, first.origin, first.by) == ("do-you-ship-to-norway", 1, "hand", "ines")
    assert (second.id, second.version, second.at) == (first.id, 2, NOW + timedelta(days=1))
    with store.read() as conn:
        assert rows.versions(conn, first.id) == [second, first]
        assert [(e.who, e.what, e.detail) for e in audit.entries(conn, first.id)] == [
            ("ines", "entry written", {"version": "2"}),
            ("ines", "entry written", {"version": "1"}),
        ]


def test_two_entries_about_the_same_question_have_two_names(store: Store) -> None:
    assert [write(store, replace(SHIPPING, answer=f"In {days} days.")).id for days in (5, 4, 3)] == [
        "do-you-ship-to-norway",
        "do-you-ship-to-norway-2",
        "do-you-ship-to-norway-3",
    ]
    assert write(store, replace(SHIPPING, question="送料は？")).id == "entry"


def test_who_was_not_told_that_it_is_published_says_it_again_and_it_is_there_once(store: Store) -> None:
    first, again = (write(store, SHIPPING) for _ in range(2))
    edited = replace(first, answer="Yes, within four days.")
    second, third = (write(store, edited, seen=1, now=NOW + timedelta(days=day)) for day in (1, 2))

    assert (again, third) == (first, second)
    with store.write() as conn:
        assert rows.versions(conn, first.id) == [second, first]
        assert len(audit.entries(conn, first.id)) == 2
        entries.retire(conn, first.id, "ines", "", NOW)
    assert write(store, SHIPPING).id == "do-you-ship-to-norway-2"


def test_what_nobody_changed_is_no_new_version(store: Store) -> None:
    first = write(store, SHIPPING)
    assert write(store, replace(first, answer=f" {first.answer}\r\n"), seen=1).version == 1


def test_a_change_of_what_has_changed_meanwhile_is_refused_and_nothing_is_lost(store: Store) -> None:
    first = write(store, SHIPPING)
    write(store, replace(first, answer="No."), seen=1)

    with pytest.raises(
        Misconfigured, match="version: do-you-ship-to-norway has been changed meanwhile, to version 2 by ines"
    ):
        write(store, replace(first, answer="Perhaps."), seen=1)
    with pytest.raises(Misconfigured, match="there is no nowhere to edit"):
        write(store, replace(SHIPPING, id="nowhere"), seen=3)
    with store.read() as conn:
        assert [e.answer for e in rows.versions(conn, first.id)] == ["No.", first.answer]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("question", " \u200b ", "is empty"),
        ("answer", "", "is empty"),
        ("question", "x" * 501, "is longer than 500 characters"),
        ("url", "javascript:alert(1)", "is no address"),
        ("url", "https://", "is no address"),
        ("id", "../etc", "is made of a to z"),
        ("valid_until", NOW - timedelta(seconds=1), "nobody would ever see it"),
        ("scope", Scope(language="German"), "is no code of two letters"),
        ("scope", Scope(plan="x" * 201), "is longer than 200 characters"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(field: str, value: object, says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as refused:
        entries.checked(replace(SHIPPING, **{field: value}), NOW)  # type: ignore[arg-type]
    assert refused.value.setting in (field, "language", "plan")


def test_a_retired_entry_is_not_in_force_and_any_version_comes_back(store: Store) -> None:
    first = write(store, SHIPPING)
    write(store, replace(first, answer="No."), seen=1)
    with store.write() as conn:
        gone = entries.retire(conn, first.id, "ines", "we moved", NOW)
        assert (gone.version, rows.in_force(conn, NOW)) == (3, [])
        with pytest.raises(Misconfigured, match="is retired already"):
            entries.retire(conn, first.id, "ines", "", NOW)
        with pytest.raises(Misconfigured, match="only retired it"):
            entries.restore(conn, first.id, 3, "ines", NOW)
        back = entries.restore(conn, first.id, 1, "ines", NOW)
        with pytest.raises(Misconfigured, match="is in use already"):
            entries.restore(conn, first.id, 4, "ines", NOW)
        with pytest.raises(Misconfigured, match="has versions 1 to 4"):
            entries.restore(conn, first.id, 9, "ines", NOW)
        assert rows.in_force(conn, NOW) == [back]
        assert [e.what for e in audit.entries(conn, first.id, 2)] == ["entry restored", "entry retired"]
    assert (back.version, back.answer, back.origin, back.retired) == (4, first.answer, "restored:1", False)


def test_what_was_in_force_on_a_day_is_one_query(store: Store) -> None:
    first = write(store, replace(SHIPPING, valid_until=NOW + timedelta(days=30)))
    second = write(store, replace(first, answer="No."), seen=1, now=NOW + timedelta(days=2))
    with store.read() as conn:
        known = {days: rows.in_force(conn, NOW + timedelta(days=days)) for days in (-1, 1, 3, 30)}
    assert known == {-1: [], 1: [first], 3: [second], 30: []}


def test_the_next_message_is_answered_from_what_was_just_written(office: Desk) -> None:
    with office.line.store.write() as conn:
        entries.write(
            conn, replace(RETURNS, answer="You can return an order within 45 days."), 1, "ines", office.clock()
        )
    ref = office.ask(ASKS_RETURN)
    assert "within 45 days" in office.decided(ref).draft.text
    assert "within 30 days" not in office.decided(ref).draft.text


def test_differences_name_the_field_and_the_words() -> None:
    new = replace(SHIPPING, answer="Yes, within four days.", scope=Scope(plan="pro"))
    found = {c.field: [(p.how, p.text) for p in c.pieces] for c in entries.differences(SHIPPING, new)}
    assert found == {
        "answer": [("same", "Yes, within "), ("gone", "five"), ("new", "four"), ("same", " days.")],
        "plan": [("new", "pro")],
    }


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("", "a b"), ("a  b\n", "a\nb"), ("a b c", "c b a"), ("x\n" * 3_000, "y " * 3_000)]
)
def test_the_pieces_of_a_comparison_make_both_texts_again(before: str, after: str) -> None:
    pieces = changes(before, after)
    assert "".join(p.text for p in pieces if p.how != "new") == before
    assert "".join(p.text for p in pieces if p.how != "gone") == after


ASKER = Asker(
    NOW, plan="pro", language="en", audience="admins", page="https://app.example/billing", products=frozenset({"mail"})
)


@pytest.mark.parametrize("field", ["plan", "language", "audience", "page", "product"])
def test_an_entry_is_kept_back_from_whom_it_is_not_for_and_from_whom_nothing_is_known_of(field: str) -> None:
    theirs = {"plan": "pro", "language": "en", "audience": "admins", "page": "/billing", "product": "mail"}[field]
    mine, others = (replace(SHIPPING, scope=Scope(**{field: value})) for value in (theirs, "zz"))
    assert (kept_back(mine, ASKER), kept_back(others, ASKER)) == ("", f"only for the {field} zz")
    assert kept_back(mine, Asker(NOW)) == f"only for the {field} {theirs}"
    assert (kept_back(replace(SHIPPING, retired=True), ASKER), kept_back(SHIPPING, Asker(NOW))) == ("retired", "")


def test_the_brand_and_the_tags_of_a_conversation_are_the_products_it_is_about() -> None:
    ref, customer = Ref("zendesk", "1"), Customer("c1", plan="pro", segment="admins", language="de")
    talk = Conversation(ref, "", Status.OPEN, customer, (), brand="Fernweh", tags=("beta",), page=Page("/orders"))
    assert asker(talk, NOW) == Asker(NOW, "pro", "de", "admins", "/orders", frozenset({"Fernweh", "beta"}))


FULL = Entry(
    "returns", 3, 'Can I "return" it: yes?', "Yes.\n\n- first\n- second", "returns", "https://help.example/r",
    Scope("/orders", "pro", "no", "admins", "mail"), "hand", "ines", NOW, NOW + timedelta(days=1), taint=Taint.CUSTOMER,
)  # fmt: skip


def test_an_entry_written_as_markdown_reads_back_as_it_was() -> None:
    known = replace(FULL, version=3, origin="", by="", at=datetime(1970, 1, 1, tzinfo=UTC), taint=Taint.NONE)
    assert matter.read(matter.written(FULL)) == known


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("---\nquestion: A?\n---\nB\n", "A?", "B"),
        ("\ufeff---\r\ntitle: A?\r\n---\r\nB\r\nC", "A?", "B\nC"),
        ("# A? #\n\nB", "A?", "B"),
        ("B", "file-name", "B"),
        ("---\n---\nB", "file-name", "B"),
        ("--- no matter\nB", "file-name", "--- no matter\nB"),
        ("", "file-name", ""),
    ],
)
def test_markdown_of_other_hands_is_read(text: str, question: str, answer: str) -> None:
    made = matter.read(text, "file-name")
    assert (made.question, made.answer) == (question, answer)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("a: [", "line 3: the front matter is no YAML"),
        ("- a", "is no list of `name: value`"),
        ("question: {a: b}", "question: is no plain text"),
        ("scope: en", "scope: is made of audience, language"),
        ("scope: {country: no}", "scope: is made of audience, language"),
        ("valid_until: soon", "valid_until: 'soon' is no time"),
        ("valid_until: 9999-12-31", "valid_until: '9999-12-31' is too far away"),
        ("[" * 400 + "{", "line .*: the front matter is no YAML"),
    ],
)
def test_front_matter_that_cannot_be_read_is_named(head: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        matter.read(f"---\n{head}\n---\nB")


def test_a_bomb_in_front_matter_does_nothing() -> None:
    layers = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))
    assert matter.read(f"---\nl0: &l0 [x]\n{layers}\nquestion: A?\n---\nB").question == "A?"


def test_a_day_ends_at_its_end_and_a_time_where_it_says() -> None:
    assert typed.end("f", "2026-05-03") == datetime(2026, 5, 4, tzinfo=UTC)
    assert typed.end("f", "2026-05-03T10:00+02:00") == datetime(2026, 5, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-12-24", "2026-12-24"),
        ("2026-12-25T00:00", "2026-12-24"),
        ("2026-12-24T10:00", "2026-12-24T10:00"),
        ("2026-12-24T10:00:07+02:00", "2026-12-24T08:00:07"),
        ("2026-12-24T10:00:07.25", "2026-12-24T10:00:07.250000"),
        ("0001-01-01T00:00", "0001-01-01T00:00"),
    ],
)
def test_an_end_is_shown_as_it_was_given_and_reads_back(given: str, shown: str) -> None:
    at = typed.end("f", given)

    assert (typed.until(at), typed.end("f", shown)) == (shown, at)


def test_the_last_moment_of_a_day_is_of_that_day_and_a_moment_is_itself() -> None:
    assert typed.last("f", "2026-05-03") == datetime(2026, 5, 3, 23, 59, 59, 999_999, tzinfo=UTC)
    assert typed.last("f", "2026-05-03T10:00") == datetime(2026, 5, 3, 10, tzinfo=UTC)


def test_an_entry_that_is_valid_until_a_day_is_listed_on_that_day_and_not_on_the_next(
    shell: Shell, tmp_path: Path
) -> None:
    lead(shell)
    (tmp_path / "sale.md").write_text("---\nquestion: Is there a sale?\nvalid_until: 2099-12-24\n---\nYes.\n")
    shell("entries", "write", str(tmp_path / "sale.md"), "--by", INES.email)

    listed = {on: shell("entries", "list", "--on", on).out.splitlines()[-1] for on in ("2099-12-24", "2099-12-25")}

    assert listed == {"2099-12-24": "1 of 1 entries in force on 2099-12-24.",
                      "2099-12-25": "0 of 0 entries in force on 2099-12-25."}  # fmt: skip


def lead(shell: Shell) -> None:
    shell("person", INES.email, "--name", INES.name, "--role", "lead")


def test_the_command_line_writes_shows_compares_restores_and_retires(shell: Shell, tmp_path: Path) -> None:
    lead(shell)
    file = tmp_path / "norway.md"
    file.write_text("---\nquestion: Do you ship to Norway?\n---\nWithin five days.")
    made = shell("entries", "write", str(file), "--by", INES.email)
    shown = shell("entries", "show", "do-you-ship-to-norway")
    file.write_text(shown.out.replace("five", "four"))
    tried = shell("entries", "write", str(file), "--by", INES.email, "--dry-run")
    again = shell("entries", "write", str(file), "--by", INES.email)
    once_more = shell("entries", "write", str(file), "--by", INES.email)
    file.write_text(file.read_text().replace("four", "three"))
    stale = shell("entries", "write", str(file), "--by", INES.email)
    compared = shell("entries", "compare", "do-you-ship-to-norway")
    retired = shell("entries", "retire", "do-you-ship-to-norway", "--by", INES.email, "--why", "we moved")
    none = shell("entries", "list")
    restored = shell("entries", "restore", "do-you-ship-to-norway", "1", "--by", INES.email)
    listed = shell("entries", "list", "NORWAY")

    assert made.out.endswith("do-you-ship-to-norway: version 1 is live for the next message.\n")
    assert ("version: '1'" in shown.out, "v1  " in shown.err) == (True, True)
    assert tried.out.splitlines() == ["answer: Within [-five-]{+four+} days.", "Nothing was changed."]
    assert again.out.endswith("version 2 is live for the next message.\n")
    assert (once_more.status, once_more.out) == (0, "Nothing differs from version 2 of do-you-ship-to-norway.\n")
    assert (stale.status, "has been changed meanwhile, to version 2 by" in stale.err) == (2, True)
    assert "Within [-five-]{+four+} days." in compared.out
    assert "restore do-you-ship-to-norway 2` brings it back" in retired.out
    assert none.out == "0 of 0 entries in force.\n"
    assert "version 4 says again what version 1 said" in restored.out
    assert listed.out.splitlines()[-1] == "1 of 1 entries in force."


def test_what_is_piped_in_is_written_and_only_a_lead_may(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lead(shell)

    def pipe(raw: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))

    pipe(b"# Norway?\n\nYes.")
    assert shell("entries", "write", "-", "--by", "tomasz@fernweh.example").status == 2
    pipe(b"# Norway?\n\nYes.")
    assert shell("entries", "write", "-", "--by", INES.email).status == 0
    pipe(b"\xff\xfe")
    broken = shell("entries", "write", "-", "--by", INES.email)
    assert (broken.status, "is no text in UTF-8 (byte 0)" in broken.err) == (2, True)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("show", "nothing"), "there is no entry 'nothing'; the list of entries shows them"),
        (("write", "nowhere.md", "--by", INES.email), "nowhere.md cannot be read: No such file"),
        (("list", "--on", "yesterday"), "--on: 'yesterday' is no time such as 2026-05-03"),
        (("restore", "nothing", "1", "--by", INES.email), "there is no entry 'nothing'"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(shell: Shell, argv: tuple[str, ...], says: str) -> None:
    lead(shell)
    said = shell("entries", *argv)
    assert (said.status, says in said.err) == (2, True)


def test_entries_are_taken_away_as_files_and_what_was_known_on_a_day_is_listed(shell: Shell, tmp_path: Path) -> None:
    lead(shell)
    with shell.store().write() as conn:
        for entry in (RETURNS, replace(RETURNS, id="../odd:id", question="Odd?")):
            rows.add_entry(conn, entry)
        entries.write(conn, replace(RETURNS, answer="No."), 1, "ines", datetime.now(UTC))
    exported = shell("entries", "export", str(tmp_path / "out"))
    then = shell("entries", "list", "--on", "2020-01-01")

    files = {file.name: matter.read(file.read_text()) for file in (tmp_path / "out").iterdir()}
    assert exported.out.startswith("2 entries in ")
    assert {name: made.answer for name, made in files.items()} == {
        "returns-window.md": "No.",
        "%2e.%2fodd%3aid.md": RETURNS.answer,
    }
    assert then.out.count("v1 ") == 2


def test_an_export_says_which_files_were_there_that_it_did_not_write(shell: Shell, tmp_path: Path) -> None:
    lead(shell)
    with shell.store().write() as conn:
        for entry in (RETURNS, replace(RETURNS, id="gone", question="Gone?")):
            rows.add_entry(conn, entry)
    first = shell("entries", "export", str(tmp_path))
    shell("entries", "retire", "gone", "--by", INES.email)

    again = shell("entries", "export", str(tmp_path))

    assert first.out == f"2 entries in {tmp_path}.\n"
    assert again.out == f"1 entries in {tmp_path}.\nNot written by this, but there: gone.md.\n"


def linked(there: Path, outside: Path) -> None:
    there.symlink_to(outside)


def foreign(there: Path, _: Path) -> None:
    there.write_text("# Our notes\n\nNobody has them but here.\n")


def of_another_entry(there: Path, _: Path) -> None:
    there.write_text(matter.written(replace(RETURNS, id="another")))


def hidden(there: Path, _: Path) -> None:
    there.write_text("---\nid: returns-window\ndraft: true\n---\nNot yet.\n")


def bytes_(there: Path, _: Path) -> None:
    there.write_bytes(b"\xff\xfe")


def folder_(there: Path, _: Path) -> None:
    there.mkdir()


@pytest.mark.parametrize(
    ("put", "says"),
    [
        (linked, "is a link, and nothing is written through one"),
        (foreign, "is no entry of the id returns-window"),
        (of_another_entry, "is no entry of the id returns-window"),
        (hidden, "is no entry of the id returns-window"),
        (bytes_, "is no entry of the id returns-window"),
        (folder_, "is no entry of the id returns-window"),
    ],
)
def test_an_export_writes_through_no_link_and_over_nothing_of_others(
    shell: Shell, tmp_path: Path, put: Callable[[Path, Path], None], says: str
) -> None:
    with shell.store().write() as conn:
        for entry in (replace(RETURNS, id="a-first"), RETURNS):
            rows.add_entry(conn, entry)
    outside, folder = tmp_path / "outside.md", tmp_path / "out"
    outside.write_text("kept")
    folder.mkdir()
    put(folder / "returns-window.md", outside)
    before = said_in(folder)

    refused = shell("entries", "export", str(folder))

    assert (refused.status, f"{folder / 'returns-window.md'}: {says}" in refused.err) == (2, True)
    assert "name another folder" in refused.err
    assert (outside.read_text(), said_in(folder)) == ("kept", before)


def said_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() if file.is_file() else b"" for file in folder.iterdir()}


def test_an_export_replaces_what_an_older_one_wrote_and_what_was_edited_of_it(shell: Shell, tmp_path: Path) -> None:
    with shell.store().write() as conn:
        for entry in (RETURNS, replace(RETURNS, id="../odd:id")):
            rows.add_entry(conn, entry)
    shell("entries", "export", str(tmp_path / "out"))
    exported = said_in(tmp_path / "out")
    file = tmp_path / "out" / "returns-window.md"
    file.write_text(file.read_text().replace("30 days", "60 days"))

    again = shell("entries", "export", str(tmp_path / "out"))

    assert (again.status, said_in(tmp_path / "out")) == (0, exported)


def test_where_the_disk_is_full_each_file_of_an_export_is_whole_or_as_before(tmp_path: Path) -> None:
    articles.lay(tmp_path, [RETURNS])
    before = said_in(tmp_path)

    with full_at(2_000), pytest.raises(OSError, match="File too large"):
        articles.lay(tmp_path, [replace(RETURNS, answer="Ship it. " * 1_000)])

    assert said_in(tmp_path) == before


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """No file grows beyond so many bytes, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_ask_shows_what_would_be_found_and_why(shell: Shell) -> None:
    lead(shell)
    with shell.store().write() as conn:
        rows.add_entry(conn, RETURNS)
        rows.add_entry(
            conn,
            replace(RETURNS, id="pro-returns", question="How long can I return a pro order?", scope=Scope(plan="pro")),
        )
    asked = shell("ask", "How many days do I have to return an order?")
    pro = shell("ask", "How many days do I have to return an order?", "--plan", "pro")
    nothing = shell("ask", "🙂")

    assert "returns-window v1  How long can I return an order?" in asked.out
    assert ("kept back: only for the plan pro" in asked.out, "kept back" in pro.out) == (True, False)
    assert "(words 0." in asked.out
    assert (nothing.status, nothing.out.splitlines()) == (
        0,
        ["No entry has anything of it.", "No past reply has anything of it."],
    )


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "100000000000000000000", "many", ""])
def test_ask_says_how_many_it_shows_at_the_least_and_at_the_most(shell: Shell, limit: str) -> None:
    said = shell("ask", "Do you ship?", "--limit", limit)

    assert (said.status, said.err) == (2, f"app.py: --limit: {limit!r} is no whole number from 1 to 1,000\n")


def test_how_often_an_entry_was_used_and_what_became_of_it_is_counted(office: Desk) -> None:
    first, second = (office.ask(ASKS_RETURN, customer=f"{n}@example.com") for n in range(2))
    with office.line.store.write() as conn:
        draft = office.decided(first).draft.id
        reviews.save_outcome(conn, Outcome(draft, OutcomeKind.KEPT, office.clock()))
    with office.line.store.read() as conn:
        assert counts.uses(conn, [RETURNS.id, "unknown"]) == {RETURNS.id: {"kept": 1, "open": 1}}
    assert office.decided(second).draft.used[0].id == RETURNS.id


OLA = Person("ola", "Ola Nowak", "ola@fernweh.example", PersonRole.LEAD)
FORM = {"question": "Do you ship to Norway?", "answer": "Within five days.", "version": "0"}


def test_a_lead_writes_edits_compares_retires_and_restores_on_the_page(office: Desk) -> None:
    visitor = staff(office.line, office.url, INES)
    made = visitor.post("/knowledge/write", **FORM, plan="pro", valid_until="2099-01-01")
    id_ = "do-you-ship-to-norway"
    edited = visitor.post("/knowledge/write", **FORM | {"id": id_, "version": "1", "answer": "Within four days."})
    assert ("Publish as version 2" in made.text, "Publish as version 3" in edited.text) == (True, True)
    assert "Within <del>five</del><ins>four</ins> days." in edited.text

    retired = visitor.post("/knowledge/retire", id=id_, why="we moved")
    restored = visitor.post("/knowledge/restore", id=id_, version="1")
    assert ("not used any more" in retired.text, "not used any more" in restored.text) == (True, False)
    with office.line.store.read() as conn:
        [newest, *_] = rows.versions(conn, id_)
        assert [e.what for e in audit.entries(conn, id_)] == [
            "entry restored",
            "entry retired",
            "entry written",
            "entry written",
        ]
    assert (newest.version, newest.scope.plan, newest.by) == (4, "pro", "ines")
    assert newest.valid_until == datetime(2099, 1, 2, tzinfo=UTC)


def test_a_day_until_which_an_entry_holds_is_shown_as_that_day_everywhere(office: Desk) -> None:
    visitor = staff(office.line, office.url, INES)

    made = visitor.post("/knowledge/write", **FORM, valid_until="2099-12-24")
    again = visitor.post("/knowledge/write", **FORM | {"id": "do-you-ship-to-norway", "version": "1"},
                         valid_until="2099-12-24")  # fmt: skip
    timed = visitor.post("/knowledge/write", **FORM | {"id": "do-you-ship-to-norway", "version": "1"},
                         valid_until="2099-12-24T10:30")  # fmt: skip
    over = visitor.post("/knowledge/write", **FORM, valid_until="2020-12-24")

    assert ('name="valid_until" value="2099-12-24"' in made.text, "Publish as version 2" in again.text) == (True, True)
    assert 'name="valid_until" value="2099-12-24T10:30"' in timed.text
    assert "<del>2099-12-24</del><ins>2099-12-24T10:30</ins>" in timed.text
    assert "it was valid until 2020-12-24 (UTC); nobody would ever see it" in over.text


def test_a_list_of_entries_shows_the_day_until_which_one_holds(office: Desk) -> None:
    visitor, past = staff(office.line, office.url, INES), office.clock() - timedelta(days=9)
    office.know(
        replace(RETURNS, id="soon", valid_until=datetime(2099, 12, 25, tzinfo=UTC)),
        replace(RETURNS, id="over", valid_until=datetime(2020, 12, 25, tzinfo=UTC), at=past),
    )

    assert "valid until 24 Dec 2099\n" in visitor.get("/knowledge").text
    assert "was valid until 24 Dec 2020<" in visitor.get("/knowledge/entry", id="over").text
    assert "kept back: valid until 2020-12-24" in visitor.get("/knowledge", ask=RETURNS.question).text


def test_after_a_mistake_the_page_says_so_and_keeps_what_was_typed(office: Desk) -> None:
    visitor = staff(office.line, office.url, INES)
    wrong = visitor.post("/knowledge/write", **FORM, language="Norsk", url="<b>")
    odd = visitor.post("/knowledge/write", **FORM | {"version": "x"})
    visitor.post("/knowledge/write", **FORM)
    stale = visitor.post("/knowledge/write", **FORM | {"id": "do-you-ship-to-norway", "answer": "My own words."})

    assert (wrong.status_code, "no address that begins with https://" in wrong.text) == (400, True)
    assert ('value="Norsk"' in wrong.text, 'value="&lt;b&gt;"' in wrong.text) == (True, True)
    assert (odd.status_code, "is no whole number" in odd.text) == (400, True)
    assert (stale.status_code, "My own words." in stale.text) == (409, True)
    assert '<div class="text">Within five days.</div>' in stale.text
    assert visitor.get("/knowledge/entry", id="nothing").status_code == 404


VERSION = re.compile(r'name="version" value="([^"]*)"')


def test_who_edits_what_another_has_published_meanwhile_sees_theirs_before_it_is_replaced(office: Desk) -> None:
    ines, ola = staff(office.line, office.url, INES), staff(office.line, office.url, admitted(office, OLA))
    ines.post("/knowledge/write", **FORM)
    form = FORM | {"id": "do-you-ship-to-norway", "version": "1"}
    mine = form | {"answer": "Within two weeks."}
    ola.post("/knowledge/write", **form | {"answer": "Within nine days."})

    first = ines.post("/knowledge/write", **mine)
    ola.post("/knowledge/write", **form | {"answer": "Within eight days.", "version": "2"})
    second = ines.post("/knowledge/write", **mine | {"version": "2"})
    done = ines.post("/knowledge/write", **mine | {"version": "3"})

    assert (first.status_code, second.status_code, done.status_code) == (409, 409, 200)
    assert "Ola Nowak published version 2 meanwhile" in first.text
    assert "Within <del>five</del><ins>nine</ins> days." in first.text
    assert "Ola Nowak published version 3 meanwhile" in second.text
    assert "Within <del>nine</del><ins>eight</ins> days." in second.text
    assert [VERSION.findall(page.text)[0] for page in (first, second)] == ["2", "3"]
    assert [">Within two weeks.</textarea>" in page.text for page in (first, second)] == [True, True]
    assert "a file says" not in first.text
    with office.line.store.read() as conn:
        assert [(e.version, e.by, e.answer) for e in rows.versions(conn, "do-you-ship-to-norway")][:2] == [
            (4, "ines", "Within two weeks."),
            (3, "ola", "Within eight days."),
        ]


def test_who_edits_what_another_has_retired_meanwhile_is_told_so(office: Desk) -> None:
    ines = staff(office.line, office.url, INES)
    with office.line.store.write() as conn:
        entries.retire(conn, RETURNS.id, "tomasz", "", office.clock())

    said = ines.post("/knowledge/write", **FORM | {"id": RETURNS.id, "version": "1"})

    assert (said.status_code, "Tomasz Wilk retired it meanwhile" in said.text) == (409, True)


def admitted(office: Desk, who: Person) -> Person:
    with office.line.store.write() as conn:
        people.save_person(conn, who)
    return who


def test_an_agent_reads_and_does_not_write(office: Desk) -> None:
    visitor = staff(office.line, office.url, TOMASZ)
    page = visitor.get("/knowledge/entry", id=RETURNS.id).text
    assert ("A lead changes this" in page, "<textarea" in page) == (True, False)
    assert visitor.post("/knowledge/write", **FORM).status_code == 403
    assert "Write an entry" not in visitor.get("/knowledge").text


def test_the_page_shows_what_a_question_finds_and_why(office: Desk) -> None:
    office.know(
        replace(
            RETURNS,
            id="pro-returns",
            question="How long can I return a pro order?",
            scope=Scope(plan="pro"),
            at=office.clock(),
        )
    )
    office.ask(ASKS_RETURN)
    page = staff(office.line, office.url, INES).get("/knowledge", ask=ASKS_RETURN).text
    assert ("kept back: only for the plan pro" in page, "used 1 times: 1 open" in page, "not used yet" in page) == (
        True,
        True,
        True,
    )
