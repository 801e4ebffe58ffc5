"""Articles taken in from files: what they become, what is skipped and why, as often as one likes."""

import gzip
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import entries
from bot.articles import in_file
from bot.cases import FACT, read
from bot.entry_commands import summed
from bot.errors import Misconfigured
from bot.files import Skipped
from bot.imports import Became, How, Summary, take_articles
from bot.model import Entry
from bot.store import Store
from bot.store import knowledge as rows
from tests.desk import INES
from tests.shell import Shell

pytestmark = pytest.mark.services
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)


def lay(folder: Path, **files: str | bytes) -> Path:
    """Files by name; `__` stands for a slash, `_` for a dot."""
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def take(store: Store, path: Path, **how: bool) -> Summary:
    return take_articles(store, path, How("ines", **how), NOW)


def known(store: Store) -> dict[str, tuple[int, str, str]]:
    with store.read() as conn:
        return {e.id: (e.version, e.question, e.answer) for e in rows.in_force(conn, NOW)}


def counted(summary: Summary) -> tuple[int, ...]:
    """New, changed, as before, skipped."""
    return (*(summary.counts[became] for became in (Became.NEW, Became.CHANGED, Became.SAME)), len(summary.skipped))


def test_a_line_without_an_id_is_no_entry(store: Store, tmp_path: Path) -> None:
    (tmp_path / "facts.jsonl").write_text('{"id": "", "question": "Q?", "answer": "A."}\n')

    found = take_articles(store, tmp_path, How("ines"), NOW)

    assert [(s.where, s.why) for s in found.skipped] == [("facts.jsonl: line 1", "id: is empty")]


def test_markdown_html_and_json_lines_become_plain_entries(store: Store, tmp_path: Path) -> None:
    lay(
        tmp_path,
        ship_md="# Do you ship to Norway?\n\nYes, **in** [five days](https://help.example/n).\n\n1. Order\n2. Wait\n",
        sub__page_html="<head><title>T</title></head><nav>Home</nav><h1>Which <i>sizes</i>?</h1><p>S and M.</p>",
        more_jsonl='{"id": "l", "question": "Large?", "answer": "No.", "scope": {"plan": "pro"}}\n\n',
        notes_txt="not an article",
        _git__x_md="# hidden\n\nx",
    )
    summary = take(store, tmp_path)
    assert (counted(summary), summary.skipped) == ((3, 0, 0, 0), [])
    assert known(store) == {
        "ship": (1, "Do you ship to Norway?", "Yes, in five days (https://help.example/n).\n\n1. Order\n2. Wait"),
        "sub-page": (1, "Which sizes?", "S and M."),
        "l": (1, "Large?", "No."),
    }
    with store.read() as conn:
        made = rows.latest(conn, "l")
    assert made is not None
    assert (made.origin, made.taint, made.by, made.scope.plan) == (f"import:{tmp_path.name}", "outside", "ines", "pro")


def test_taken_in_again_nothing_changes_and_what_was_edited_there_does(store: Store, tmp_path: Path) -> None:
    folder = lay(tmp_path, a_md="# A?\n\nYes.", b_md="# B?\n\nYes.")
    assert [counted(take(store, folder)) for _ in range(2)] == [(2, 0, 0, 0), (0, 0, 2, 0)]
    lay(tmp_path, a_md="# A?\n\nNo.")
    assert counted(take(store, folder)) == (0, 1, 1, 0)
    assert known(store)["a"] == (2, "A?", "No.")


def test_what_people_have_changed_here_is_not_overwritten_unless_they_say_so(store: Store, tmp_path: Path) -> None:
    folder = lay(tmp_path, a_md="# A?\n\nYes.")
    take(store, folder)
    with store.write() as conn:
        entries.write(conn, replace(entries.known(conn, "a"), answer="Ours."), 1, "ines", NOW)

    kept = take(store, folder)
    assert kept.skipped == [
        Skipped("a.md", "a is here in version 2 (hand, by ines); --overwrite takes this one instead")
    ]
    assert known(store)["a"][2] == "Ours."
    assert counted(take(store, folder, overwrite=True)) == (0, 1, 0, 0)
    assert known(store)["a"] == (3, "A?", "Yes.")


def test_what_was_exported_reads_back_word_for_word(store: Store, shell: Shell, tmp_path: Path) -> None:
    answer = "Press _Start_ * now\nand **wait**:\n- one\n- two\n\n    indented"
    with store.write() as conn:
        rows.add_entry(conn, Entry("e", 1, "# Odd: yes?", answer, topic="t", at=NOW))
    assert shell("entries", "export", str(tmp_path / "out")).status == 0

    assert counted(take(store, tmp_path / "out")) == (0, 0, 1, 0)
    [(_, made)] = in_file(tmp_path / "out" / "e.md", tmp_path / "out")
    assert isinstance(made, Entry)
    assert (made.id, made.question, made.answer, made.topic) == ("e", "# Odd: yes?", answer, "t")


def test_what_cannot_be_read_is_named_with_its_line_and_the_rest_is_taken(store: Store, tmp_path: Path) -> None:
    lines = ['{"id": "ok", "question": "Q?", "answer": "A"}', "{", '{"id": "no", "question": "Q?"}', "[]",
             '{"id": "../up", "question": "Q?", "answer": "A"}', '{"id": "ok", "question": "Q?", "answer": "B"}',
             '{"id": "d", "question": "Q?", "answer": "A", "valid_until": "soon"}',
             '{"id": "past", "question": "Q?", "answer": "A", "valid_until": "2020-01-01"}']  # fmt: skip
    lay(
        tmp_path,
        all_jsonl="\n".join(lines),
        empty_md="",
        binary_md=b"\x00\x01",
        latin_md="# Größe?\n\nJa.".encode("latin-1"),
        huge_md=b"#" * 1_000_001,
        matter_md="---\na: [\n---\nB",
        good_md="# Good?\n\nYes.",
    )
    (tmp_path / "link.md").symlink_to("/etc/passwd")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"id": "z", "question": "Z?", "answer": "Z"}\n' * 99)[:-20])
    summary = take(store, tmp_path)
    why = {skipped.where: skipped.why for skipped in summary.skipped}

    assert set(known(store)) >= {"ok", "good"}
    assert known(store)["ok"][2] == "A"
    assert {where: text for where, text in why.items() if not where.startswith("cut")} == {
        "all.jsonl: line 2": why["all.jsonl: line 2"],
        "all.jsonl: line 3": "answer: Field required",
        "all.jsonl: line 4": why["all.jsonl: line 4"],
        "all.jsonl: line 5": "id: is made of a to z, 0 to 9, dots, dashes and underscores, at most 100 of them",
        "all.jsonl: line 6": "its id ok is that of all.jsonl: line 1",
        "all.jsonl: line 7": "valid_until: 'soon' is no time such as 2026-05-03 or 2026-05-03T10:00 (UTC)",
        "all.jsonl: line 8": "valid_until: it was valid until 2020-01-01 (UTC); nobody would ever see it",
        "binary.md": "text: no text: it has a NUL in it",
        "empty.md": "answer: is empty",
        "huge.md": "size: more than 1,000,000 bytes",
        "link.md": "a link, which is not followed",
        "latin.md": "text: no UTF-8 (byte 4); save it as UTF-8",
        "matter.md": "line 3: the front matter is no YAML: expected the node content, but found '<stream end>'",
    }
    assert any(where.startswith("cut.jsonl.gz") for where in why)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("draft: true", "it is not published"),
        ("Draft: true", "it is not published"),
        ("draft: y", "it is not published"),
        ("published: false", "it is not published"),
        ("published: 2999-01-01", "it is not published"),
        ("private: yes", "it is not published"),
        ("unpublished: true", "it is not published"),
        ("internal-only: staff", "it is not published"),
        ("status: draft", "it is not published"),
        ("publishDate: 2999-01-01", "it is not published"),
        ("date: 2999-01-01T10:00:00Z", "it is not published"),
        ("expiryDate: 2020-01-01", "write it as `valid_until`"),
        ("Valid-Until: 2020-01-01", "write it as `valid_until`"),
        ("Scope: pro", "write it as `scope`"),
        ("plan: pro", "write whom it is for as `scope: {plan: …}`"),
        ("Plan: pro", "write whom it is for as `scope: {plan: …}`"),
        ("audience: staff", "write whom it is for as `scope: {audience: …}`"),
        ("plans: pro", "write whom it is for as `scope: {audience: …}`, or leave it out"),
        ("visibility: internal", "write whom it is for as `scope: {audience: …}`, or leave it out"),
        ("access: staff", "write whom it is for as `scope: {audience: …}`, or leave it out"),
    ],
)
def test_what_says_in_other_words_that_it_is_not_for_everybody_is_skipped(tmp_path: Path, line: str, why: str) -> None:
    name, value = line.split(": ")
    row = {"id": "a", "question": "Q?", "answer": "A", name: {"true": True, "false": False}.get(value, value)}
    head = f"---\n{line}\n---\n"
    lay(tmp_path, a_md=f"{head}# Q?\n\nA", b_jsonl=json.dumps(row), c_html=f"{head}<h1>Q?</h1><p>A</p>")

    found = [made for file in sorted(tmp_path.iterdir()) for _, made in in_file(file, tmp_path)]

    assert [made.why for made in found if isinstance(made, Skipped)] == [f"{name}: {why}"] * 3


@pytest.mark.parametrize(
    "line",
    ["draft: [true]", "private: {to: staff}", "<<: {draft: true}", "draft: true\nDraft: false", "groups: [staff]"],
)
def test_what_may_mean_that_it_is_not_for_everybody_is_skipped(tmp_path: Path, line: str) -> None:
    lay(tmp_path, a_md=f"---\n{line}\n---\n# Q?\n\nA")

    [(_, made)] = in_file(tmp_path / "a.md", tmp_path)

    assert isinstance(made, Skipped)


@pytest.mark.parametrize(
    "text",
    [
        "+++\ndraft = true\n+++\nA",
        '{\n"draft": true\n}\nA',
        '{"draft": true}\nA',
        "----\ndraft: true\n----\nA",
        "---\ndraft: true\nA",
        f"---\nnote: {'x' * 20_000}\ndraft: true\n---\nA",
        "---\ndraft: true\n...\nA",
        "\n\n---\ndraft: true\n---\nA",
        "---\rdraft: true\r---\rA",
        "\ufeff---\r\ndraft: true\r\n---\r\nA",
    ],
)
def test_front_matter_of_another_kind_is_skipped_and_not_published(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.md").write_bytes(text.encode())
    (tmp_path / "b.html").write_bytes(text.encode())

    found = [made for name in ("a.md", "b.html") for _, made in in_file(tmp_path / name, tmp_path)]

    assert [type(made) for made in found] == [Skipped, Skipped]


@pytest.mark.parametrize("scope", [{"segment": "vip"}, {"Plan": "pro"}, {"plan": ["pro"]}, "pro", ["pro"]])
def test_a_row_whose_scope_is_not_ours_is_skipped(tmp_path: Path, scope: object) -> None:
    lay(tmp_path, a_jsonl=json.dumps({"id": "a", "question": "Q?", "answer": "A", "scope": scope}))

    [(_, made)] = in_file(tmp_path / "a.jsonl", tmp_path)

    assert isinstance(made, Skipped)


def test_an_html_file_has_front_matter_as_a_markdown_file_has(tmp_path: Path) -> None:
    lay(tmp_path, a_html="---\nid: zip\ntitle: Zip?\nscope: {plan: pro}\n---\n<h1>Zip?</h1><p>Wax.</p>")

    [(_, made)] = in_file(tmp_path / "a.html", tmp_path)

    assert isinstance(made, Entry)
    assert (made.id, made.question, made.answer, made.scope.plan) == ("zip", "Zip?", "Wax.", "pro")


def test_what_is_not_for_everybody_any_more_is_told_to_be_in_force_still(store: Store, tmp_path: Path) -> None:
    """As an import retires nothing."""
    row = {"id": "b", "question": "B?", "answer": "Yes."}
    own = "---\nid: own\n---\n# C?\n\nYes."
    lay(tmp_path, a_md="# A?\n\nYes.", b_jsonl=json.dumps(row), c_md=own)
    take(store, tmp_path)
    lay(
        tmp_path,
        a_md="---\ndraft: true\n---\n# A?\n\nYes.",
        b_jsonl=json.dumps(row | {"plan": "pro"}),
        c_md=own.replace("own\n", "own\nstatus: internal\n"),
    )

    told = [skipped.why for skipped in take(store, tmp_path).skipped]

    assert told == [
        "draft: it is not published; version 1 of a stays in force here, until `app.py entries retire a`",
        "plan: write whom it is for as `scope: {plan: …}`; version 1 of b stays in force here, until "
        "`app.py entries retire b`",
        "status: it is not published; version 1 of own stays in force here, until `app.py entries retire own`",
    ]
    assert set(known(store)) == {"a", "b", "own"}


def test_a_single_file_of_another_kind_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("question,answer,plan\nQ?,A,pro\n")
    shell("person", "ines@example.com", "--role", "lead")

    said = shell("import", "articles", str(tmp_path / "t.csv"), "--by", "ines@example.com")

    assert (said.status, "only these are read: .md, .markdown, .html" in said.err) == (2, True)


@pytest.mark.parametrize(
    "line",
    [
        "draft: false",
        "published: true",
        "language: de",
        "scope: {language: de}",
        "published: 2020-01-01",
        "status: published",
        "visibility: public",
        "date: 2020-01-01",
        "layout: page\nweight: 7\ntags: [a, b]\nauthor: Ines",
    ],
)
def test_what_says_that_it_is_published_or_in_which_language_is_taken(tmp_path: Path, line: str) -> None:
    lay(tmp_path, a_md=f"---\n{line}\n---\n# Q?\n\nA")

    [(_, made)] = in_file(tmp_path / "a.md", tmp_path)

    assert isinstance(made, Entry)
    assert made.scope.language == ("de" if "language" in line else "")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "bomb"),
    [
        ("x.html", "<div>" * 10_000),
        ("x.html", "<h1>" * 24_000),
        ("x.html", "<title " * 14_000),
        ("x.html", "<a href='" + "x" * 99_000),
        ("x.html", "<table><tr><td>" * 6_000),
        ("x.md", "[" * 20_000),
        ("x.md", "> " * 20_000),
        ("x.md", "# x" + " " * 900_000 + "y"),
    ],
)
def test_a_bomb_is_read_or_skipped_in_time(tmp_path: Path, name: str, bomb: str) -> None:
    (tmp_path / name).write_text(bomb)
    began = time.process_time()
    assert len(list(in_file(tmp_path / name, tmp_path))) == 1
    assert time.process_time() - began < 5.0


def test_what_is_skipped_for_one_reason_again_and_again_takes_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    skipped = [Skipped(f"a.jsonl: line {number}", "nobody asks") for number in range(1, 41)]
    summed("conversations", Summary(skipped=[*skipped, Skipped("a.jsonl: line 41", "no JSON: odd")]), dry_run=False)

    first, second, last = capsys.readouterr().out.splitlines()
    places = "a.jsonl: line 1, a.jsonl: line 2, a.jsonl: line 3, a.jsonl: line 4, a.jsonl: line 5, …, a.jsonl: line 40"
    assert first == f"skipped 40: nobody asks ({places})"
    assert second == "skipped a.jsonl: line 41: no JSON: odd"
    assert last == "41 conversations: 0 new, 0 changed, 0 as before, 41 skipped."


def test_where_nothing_can_be_read_a_script_notices(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(b"no gzip")

    said = shell("import", "conversations", str(file))

    assert (said.status, "0 new" in said.out) == (1, True)


def test_nothing_that_runs_comes_in(store: Store, tmp_path: Path) -> None:
    lay(
        tmp_path,
        a_md="# A?\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![i](https://evil.example/p.png) ok",
        b_html="<h1>B?</h1><script>alert(1)</script><a href='javascript:alert(1)'>x</a><img src=x onerror=y> ok",
    )
    take(store, tmp_path)
    for _, _, answer in known(store).values():
        assert "ok" in answer
        assert [word for word in ("<script>alert(1)</script>\n", "onerror", "evil.example") if word in answer] == []
    assert "alert" not in known(store)["b"][2]


def test_code_tables_and_loose_lists_keep_their_lines(tmp_path: Path) -> None:
    lines = (
        "# A?",
        "```\nmake run\nmake test\n```",
        "1. One",
        "2. Two",
        "| a | b |\n|---|---|\n| c | d |",
        "<!-- no -->",
    )
    text = "\n\n".join(lines)
    [(_, made)] = in_file(lay(tmp_path, x_md=text) / "x.md", tmp_path)
    assert isinstance(made, Entry)
    assert made.answer == "make run\nmake test\n\n1. One\n2. Two\n\na b\nc d"


def test_what_a_lead_retired_is_not_brought_back_by_the_next_import(store: Store, tmp_path: Path) -> None:
    folder = lay(tmp_path, a_md="# A?\n\nYes.")
    take(store, folder)
    with store.write() as conn:
        entries.retire(conn, "a", "ines", "", NOW)
    assert counted(take(store, folder)) == (0, 0, 0, 1)
    assert known(store) == {}


def test_two_folders_do_not_overwrite_each_others_articles(store: Store, tmp_path: Path) -> None:
    lay(tmp_path, docs__index_md="# Docs?\n\nYes.", blog__index_md="# Blog?\n\nYes.")
    first, second = (take(store, tmp_path / name) for name in ("docs", "blog"))
    assert (counted(first), counted(second)) == ((1, 0, 0, 0), (0, 0, 0, 1))
    assert "index is here in version 1 (import:docs, by ines)" in second.skipped[0].why


def test_a_dry_run_says_the_same_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    folder = lay(tmp_path, a_md="# A?\n\nYes.")
    assert counted(take(store, folder, dry_run=True)) == (1, 0, 0, 0)
    assert known(store) == {}


def test_the_command_tells_what_became_of_everything(shell: Shell, tmp_path: Path) -> None:
    folder = lay(tmp_path, a_md="# A?\n\nYes.", b_md="")
    shell("person", INES.email, "--role", "lead")
    tried = shell("import", "articles", str(folder), "--by", INES.email, "--dry-run")
    said = shell("import", "articles", str(folder), "--by", INES.email)
    nowhere = shell("import", "articles", str(folder / "x"), "--by", INES.email)
    stranger = shell("import", "articles", str(folder), "--by", "tomasz@fernweh.example")

    assert tried.out.splitlines()[-1] == "2 articles: would be 1 new, 0 changed, 0 as before, 1 skipped."
    assert said.out.splitlines() == [
        "skipped b.md: answer: is empty",
        "2 articles: 1 new, 0 changed, 0 as before, 1 skipped.",
    ]
    assert (nowhere.status, "there is no such file or folder" in nowhere.err, stranger.status) == (2, True, 2)


def test_a_knowledge_file_for_the_sandbox_is_refused_for_the_same_words(tmp_path: Path) -> None:
    file = tmp_path / "k.jsonl"
    file.write_text('{"id": "a", "question": "Q?", "answer": "A", "plan": "pro"}\n')

    with pytest.raises(Misconfigured, match="line 1: plan: write whom it is for as"):
        read(file, FACT)
