"""Knowledge that lives elsewhere: taken in, split, kept in step, and let go."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot import entries, settings
from bot.documents import Document
from bot.errors import Misconfigured, Unavailable
from bot.files import Skipped
from bot.folders import commit, licence
from bot.imports import How, Summary
from bot.model import Entry, Scope
from bot.ports import Article, Translation, patiently
from bot.store import Store, audit
from bot.store import knowledge as rows
from bot.sync import Source, acts, keep_in_step, sources, sync
from tests.shell import Shell
from tests.test_imports import lay

pytestmark = pytest.mark.services
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
ROOT = Path(__file__).parent.parent
SHA = "0123456789abcdef0123456789abcdef01234567"
LONG = "This sentence is here so that the page is long enough to be worth splitting into parts. " * 10
PAGE = f"# Returns\n\nIn short: 30 days.\n\n## How long?\n\n30 days. {LONG}\n\n## Refunds\n\n### By card\n\n{LONG}\n"


def folder(path: Path, name: str = "docs") -> Source:
    return sources({}, {name: path})[name]


def shelf(*articles: Article) -> Source:
    """A help centre that holds these."""

    class Desk:
        def articles(self, since: datetime | None = None) -> Iterator[Article]:
            return iter(a for a in articles if since is None or a.updated_at >= since)

    return sources({"zendesk": Desk()}, {})["zendesk"]  # type: ignore[dict-item] # its articles are all that is asked


def article(id: str = "7", html: str = "<p>30 days.</p>", *, language: str = "en-us", **more: object) -> Article:
    texts = (Translation(language, "Returns", html, f"https://help.example/{id}"),)
    return replace(Article(id, texts, NOW), **more)  # type: ignore[arg-type]


def take(store: Store, source: Source, since: datetime | None = None, now: datetime = NOW, **how: bool) -> Summary:
    return sync(store, source, How("ines", **how), lambda: now, since=since)


def known(store: Store) -> dict[str, tuple[int, str, str]]:
    with store.read() as conn:
        return {e.id: (e.version, e.question, e.answer) for e in rows.in_force(conn, datetime.now(UTC))}


def latest(store: Store, id: str) -> Entry:
    with store.read() as conn:
        return entries.known(conn, id)


def counted(summary: Summary) -> dict[str, int]:
    return {str(became): many for became, many in summary.counts.items()} | (
        {"skipped": len(summary.skipped)} if summary.skipped else {}
    )


def test_a_long_page_becomes_an_entry_for_each_part_and_a_short_one_a_single_entry(
    store: Store, tmp_path: Path
) -> None:
    lay(tmp_path, guide__returns_md=PAGE, short_md="# Shipping?\n\n## To Norway\n\nYes.")

    take(store, folder(tmp_path))

    assert {question: answer[:20] for _, question, answer in known(store).values()} == {
        "Returns": "In short: 30 days.",
        "How long?": "30 days. This senten",
        "Returns: Refunds: By card": "This sentence is her",
        "Shipping?": "To Norway\n\nYes.",
    }
    assert {"docs-short"} < set(known(store))
    assert all(entries.ID.fullmatch(id_) for id_ in known(store))


def test_a_part_keeps_its_name_when_others_come_and_go_around_it(store: Store, tmp_path: Path) -> None:
    take(store, folder(lay(tmp_path, a_md=PAGE)))
    [refunds] = [id_ for id_, (_, question, _) in known(store).items() if "Refunds" in question]

    lay(tmp_path, a_md=PAGE.replace("## How long?", f"## Exchanges\n\nAt any time. {LONG}\n\n## How long exactly?"))
    again = take(store, folder(tmp_path))

    assert counted(again) == {"changed": 1}
    assert known(store)[refunds][0] == 1
    assert [question for _, question, _ in known(store).values()].count("How long?") == 0


def test_what_has_not_changed_is_not_even_read_again(store: Store) -> None:
    def unread() -> tuple[Entry, ...]:
        pytest.fail("it was read")

    whole = Document("a", "a.md", "1", lambda: (Entry("a", 0, "A?", "Yes."),))
    take(store, Source("docs", lambda _: [("a.md", whole)]))

    again = take(store, Source("docs", lambda _: [("a.md", replace(whole, entries=unread))]))

    assert counted(again) == {"as before": 1}


def test_what_vanished_is_retired_and_comes_back_with_its_file(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", b_md="# B?\n\nYes."))
    take(store, source)
    (tmp_path / "a.md").unlink()

    assert counted(take(store, source)) == {"as before": 1, "retired": 1}
    assert set(known(store)) == {"docs-b"}
    with store.read() as conn:
        assert next((e.who, e.what, e.why) for e in audit.entries(conn, "docs-a")) == (
            "ines",
            "entry retired",
            "docs: is not there any more",
        )
    lay(tmp_path, a_md="# A?\n\nYes.")
    assert counted(take(store, source)) == {"as before": 1, "new": 1}
    assert known(store)["docs-a"] == (3, "A?", "Yes.")


def test_nothing_is_retired_where_nothing_is_there_any_more_or_not_all_could_be_read(
    store: Store, tmp_path: Path
) -> None:
    docs = lay(
        tmp_path / "docs",
        a_md="# A?\n\nYes.",
        c_md="# C?\n\nYes.",
        b_jsonl='{"id": "b", "question": "B?", "answer": "Yes."}',
    )
    source = folder(docs)
    take(store, source)
    lay(docs, b_jsonl='{"id": "b", "question"')
    (docs / "a.md").unlink()

    half = take(store, source)
    (docs / "b.jsonl").unlink()
    (docs / "c.md").unlink()
    empty = take(store, source)

    assert [skipped.why for skipped in half.skipped][-1] == "not all of it could be read, so that nothing was retired"
    assert "which may be a mistake" in empty.skipped[0].why
    assert set(known(store)) == {"docs-a", "docs-c", "b"}
    with pytest.raises(Misconfigured):
        take(store, folder(tmp_path / "nowhere"))


@pytest.mark.parametrize("changed_here", [False, True])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("---\ndraft: true\n---\n# A?\n\nYes.", "draft: it is not published"),
        ("---\nplan: pro\n---\n# A?\n\nYes.", "plan: write whom it is for as `scope: {plan: …}`"),
        ('---\ntitle: "A\naudience: staff\n---\n# A?\n\nYes.', "the front matter is no YAML"),
        ("+++\ndraft = true\n+++\n# A?\n\nYes.", "what may be front matter is not read"),
        ("---\nvalid_until: 2020-01-01\n---\n# A?\n\nYes.", "valid_until: it was valid until 2020-01-01"),
        ("---\nquestion: A?\n---\n", "answer: is empty"),
        (b"\xff\xfe\x00", "text: no UTF-8 (byte 0); save it as UTF-8"),
    ],
)
def test_a_file_that_says_what_we_do_not_understand_is_retired_until_we_do(
    store: Store, tmp_path: Path, text: str | bytes, why: str, *, changed_here: bool
) -> None:
    """As it may say for whom it is."""
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", b_md="# B?\n\nYes."))
    take(store, source)
    if changed_here:
        with store.write() as conn:
            entries.write(conn, replace(entries.known(conn, "docs-a"), answer="Ours."), 1, "ines", NOW)
    lay(tmp_path, a_md=text)

    [skipped] = take(store, source).skipped

    assert (skipped.where, why in skipped.why, "retired" in skipped.why) == ("a.md", True, True)
    assert set(known(store)) == {"docs-b"}
    [skipped] = take(store, source).skipped
    assert (why in skipped.why, "retired" in skipped.why) == (True, False)
    lay(tmp_path, a_md="# A?\n\nYes, again.")
    take(store, source)
    assert known(store)["docs-a"][2] == "Yes, again."


def test_a_row_that_is_for_fewer_by_now_is_retired_and_the_rest_stays(store: Store, tmp_path: Path) -> None:
    rows_ = [{"id": name, "question": f"{name}?", "answer": "Yes."} for name in "abc"]
    source = folder(lay(tmp_path, all_jsonl="\n".join(map(json.dumps, rows_))))
    take(store, source)
    rows_[1]["draft"] = "true"
    lay(tmp_path, all_jsonl="\n".join(map(json.dumps, rows_)))

    for _ in range(2):
        [skipped] = take(store, source).skipped
        assert "draft: it is not published" in skipped.why
        assert set(known(store)) == {"a", "c"}


def test_of_two_rows_with_one_id_a_second_that_cannot_be_read_takes_nothing_away(store: Store, tmp_path: Path) -> None:
    good, bad = {"id": "a", "question": "A?", "answer": "Yes."}, {"id": "a", "question": "A?"}
    source = folder(lay(tmp_path, all_jsonl=f"{json.dumps(good)}\n{json.dumps(bad)}"))

    for _ in range(2):
        assert [s.where for s in take(store, source).skipped if "answer" in s.why] == ["all.jsonl: line 2"]
        assert known(store) == {"a": (1, "A?", "Yes.")}


@contextmanager
def nobody(*folders: Path) -> Iterator[None]:
    """Somebody who may come as far as these folders, and not look into the last."""
    user, kept = os.geteuid(), [folder_.stat().st_mode for folder_ in folders]
    for folder_ in folders:
        folder_.chmod(0 if folder_ is folders[-1] else 0o755)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for folder_, mode in zip(folders, kept, strict=True):
            folder_.chmod(mode)


def test_a_folder_that_may_not_be_read_is_told_and_retires_nothing(store: Store) -> None:
    with TemporaryDirectory() as made:
        docs = lay(Path(made) / "docs", a_md="# A?\n\nYes.")
        take(store, folder(docs))

        with nobody(Path(made), docs):
            found = list(folder(docs).documents(None))
        summary = take(store, Source("docs", lambda _: found))
        with nobody(Path(made)), pytest.raises(Misconfigured, match="cannot be read: Permission denied"):
            next(iter(folder(docs).documents(None)))

    assert [what.why for _, what in found if isinstance(what, Skipped)] == ["cannot be read: Permission denied"]
    assert set(known(store)) == {"docs-a"}
    assert len(summary.skipped) == 2


@pytest.mark.parametrize("scope", [Scope(plan="pro"), Scope(product="phone"), Scope(page="/billing")])
def test_what_people_have_changed_here_goes_when_it_is_for_fewer_there(
    store: Store, tmp_path: Path, scope: Scope
) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes."))
    take(store, source)
    with store.write() as conn:
        entries.write(conn, replace(entries.known(conn, "docs-a"), answer="Ours."), 1, "ines", NOW)
    name, value = next((name, value) for name, value in asdict(scope).items() if value)
    lay(tmp_path, a_md=f"---\nscope: {{{name}: {value}}}\n---\n# A?\n\nYes.")

    [skipped] = take(store, source).skipped

    assert f"It was retired: there it is for {value} alone" in skipped.why
    assert known(store) == {}


def test_what_people_have_changed_here_stays_and_is_told_until_they_say_otherwise(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes."))
    take(store, source)
    with store.write() as conn:
        entries.write(conn, replace(entries.known(conn, "docs-a"), answer="Ours."), 1, "ines", NOW)
    lay(tmp_path, a_md="# A?\n\nNo.")

    for _ in range(2):
        [skipped] = take(store, source).skipped
        assert "docs-a is here in version 2 (hand, by ines); --overwrite takes this one instead" in skipped.why
    assert known(store)["docs-a"][2] == "Ours."
    assert counted(take(store, source, overwrite=True)) == {"changed": 1}
    assert known(store)["docs-a"] == (3, "A?", "No.")


def test_what_people_have_changed_here_is_not_retired_when_it_vanishes_there(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", b_md="# B?\n\nYes."))
    take(store, source)
    with store.write() as conn:
        entries.write(conn, replace(entries.known(conn, "docs-a"), answer="Ours."), 1, "ines", NOW)
    (tmp_path / "a.md").unlink()

    [skipped] = take(store, source).skipped

    assert "people have changed docs-a here: retire it by hand" in skipped.why
    assert known(store)["docs-a"][2] == "Ours."


def test_each_entry_says_where_its_words_stand_at_which_commit_and_under_which_licence(
    store: Store, shell: Shell, tmp_path: Path
) -> None:
    lay(
        tmp_path,
        LICENSE="Apache License\n  Version 2.0, January 2004\n",
        _git__HEAD="ref: refs/heads/main\n",
        _git__refs__heads__main=f"{SHA}\n",
        docs__a_md="# A?\n\nYes.",
        docs__b_md="---\nlicense: CC-BY-4.0\n---\n# B?\n\nYes.",
        docs__LICENSE="MIT License\n\nCopyright",
    )
    take(store, folder(tmp_path / "docs"))

    a, b = latest(store, "docs-a").source, latest(store, "docs-b").source
    assert (a.place, a.revision, a.licence, b.licence) == ("docs:a.md", SHA[:8], "MIT License", "CC-BY-4.0")
    assert f"  revision: {SHA[:8]}" in shell("entries", "show", "docs-a").out.replace("'", "")
    assert licence(tmp_path) == "Apache License Version 2.0, January 2004"


def test_whoever_changes_an_entry_by_hand_does_not_lose_where_it_comes_from(store: Store, tmp_path: Path) -> None:
    take(store, folder(lay(tmp_path, a_md="---\nlicence: CC-BY-4.0\n---\n# A?\n\nYes.")))
    with store.write() as conn:
        entries.write(conn, Entry("docs-a", 0, "A?", "Ours."), 1, "ines", NOW)

    assert (latest(store, "docs-a").source.place, latest(store, "docs-a").source.licence) == ("docs:a.md", "CC-BY-4.0")


def test_a_licence_that_changes_is_a_new_version(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", LICENSE="MIT License"))
    take(store, source)
    (tmp_path / "LICENSE").write_text("Apache License\nVersion 2.0")

    assert counted(take(store, source)) == {"changed": 1}
    assert latest(store, "docs-a").source.licence == "Apache License Version 2.0"


def test_names_that_cannot_be_told_apart_are_named_and_retire_nothing(store: Store, tmp_path: Path) -> None:
    for name in (b"\xff.md", b"\xfe.md"):
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_text(f"# {name!r}?\n\nYes.")

    first, second = take(store, folder(tmp_path)), take(store, folder(tmp_path))

    assert (counted(first), counted(second)) == ({"new": 1, "skipped": 1}, {"as before": 1, "skipped": 1})


def test_a_commit_is_read_from_a_branch_a_packed_one_a_worktree_or_a_loose_head(tmp_path: Path) -> None:
    packed = f"# pack-refs\n{SHA} refs/heads/main\n"
    lay(tmp_path, one___git__HEAD=SHA, two___git__HEAD="ref: refs/heads/main", four___git="gitdir: ../two/.git/w/x")
    for name, text in {
        "two/.git/packed-refs": packed,
        "two/.git/w/x/HEAD": "ref: refs/heads/main",
        "two/.git/w/x/commondir": "../..",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert [commit(tmp_path / name) for name in ("one", "two", "four")] == [SHA[:8]] * 3


@pytest.mark.parametrize(
    "head", ["ref: /dev/zero", "ref: ../../../../etc/hostname", "ref: refs/heads/x\0y", "gitdir", ""]
)
def test_a_checkout_that_leads_elsewhere_has_no_commit_and_runs_nothing(tmp_path: Path, head: str) -> None:
    lay(tmp_path, _git__HEAD=head, _git__hooks__post_checkout="#!/bin/sh\ntouch ran")
    (tmp_path / "LICENSE").symlink_to("/etc/passwd")

    assert (commit(tmp_path), licence(tmp_path), (tmp_path / "ran").exists()) == ("", "", False)


def test_an_article_becomes_an_entry_for_each_language_and_its_audience(store: Store) -> None:
    german = Translation("de", "Rückgabe", "<p>30 Tage.</p>", "https://help.example/de/7")
    both = article()
    take(store, shelf(replace(both, texts=(*both.texts, german), audience="pro")))

    found = {id_: latest(store, id_) for id_ in known(store)}
    assert {id_: (e.scope.language, e.scope.audience, e.answer) for id_, e in found.items()} == {
        "zendesk-7-en-us": ("en", "pro", "30 days."),
        "zendesk-7-de": ("de", "pro", "30 Tage."),
    }
    assert {e.origin for e in found.values()} == {"sync:zendesk"}
    assert found["zendesk-7-de"].source.place == "https://help.example/de/7"


def test_two_files_of_one_name_do_not_overwrite_each_other(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", b_jsonl='{"id": "b", "question": "B?", "answer": "1"}\n' * 2))
    take(store, source)
    lay(tmp_path, a_html="<h1>A?</h1>No.")

    second, third = take(store, source), take(store, source)
    (tmp_path / "a.html").unlink()
    last = take(store, source)

    assert "its id docs-a is that of a.html" in {skipped.why for skipped in second.skipped}
    assert "its id b is that of b.jsonl: line 1" in {skipped.why for skipped in second.skipped}
    assert counted(third) == {"as before": 2, "skipped": 2}
    assert counted(last) == {"changed": 1, "as before": 1, "retired": 1, "skipped": 1}
    assert known(store)["docs-a"][2] == "Yes."


def test_a_file_that_gets_another_name_keeps_its_entry(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", b_md="---\nid: b\n---\n# B?\n\nYes."))
    take(store, source)
    (tmp_path / "a.md").rename(tmp_path / "a.markdown")
    (tmp_path / "b.md").rename(tmp_path / "c.md")

    take(store, source)

    assert known(store) == {"docs-a": (1, "A?", "Yes."), "b": (1, "B?", "Yes.")}


def test_an_entry_of_another_origin_is_never_retired_for_a_files_sake(store: Store, tmp_path: Path) -> None:
    with store.write() as conn:
        entries.write(conn, Entry("mine", 0, "Mine?", "Yes."), 0, "ines", NOW)
    lay(tmp_path, a_md="---\nid: mine\nscope: {audience: pro}\n---\n# Mine?\n\nNo.", b_md="# B?\n\nYes.")
    source = folder(tmp_path)

    take(store, source)
    (tmp_path / "a.md").unlink()
    take(store, source)

    assert known(store)["mine"] == (1, "Mine?", "Yes.")


def test_what_another_process_has_taken_in_meanwhile_is_not_retired(store: Store) -> None:
    def meanwhile(_since: datetime | None) -> Iterator[tuple[str, object]]:
        yield from shelf(article("7")).documents(None)
        take(store, shelf(article("7"), article("8")))

    take(store, Source("zendesk", meanwhile))  # type: ignore[arg-type]

    assert set(known(store)) == {"zendesk-7-en-us", "zendesk-8-en-us"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "bomb"),
    [
        ("x.md", "## a\n\nb\n\n" * 90_000),
        ("x.md", "# x\n\n" + "```\n" * 200_000),
        ("x.md", "#" * 900_000),
        ("x.html", "<h2>" * 24_000),
        ("x.html", "<h2>x</h2>" * 9_000),
        ("x.html", "<h2>" + "x<b>" * 20_000),
        ("x.jsonl", '{"id": "x", "question": "Q?", "answer": "A"}\n' * 4_000),
    ],
)
def test_a_bomb_is_taken_in_or_skipped_in_time(store: Store, tmp_path: Path, name: str, bomb: str) -> None:
    (tmp_path / name).write_text(bomb)
    began = time.process_time()
    take(store, folder(tmp_path))
    assert time.process_time() - began < 10.0
    assert len(known(store)) <= 1_000


def test_an_article_that_grows_too_long_stays_as_it_was_and_is_told(store: Store) -> None:
    take(store, shelf(article()))
    before, long = known(store), Translation("en-us", "Returns", "<p>30 days.</p>" * 10_000)

    [skipped] = take(store, shelf(replace(article(), texts=(long,)))).skipped

    assert skipped.why == "size: more than 100,000 characters of HTML; split it"
    assert known(store) == before != {}


def test_a_language_that_is_taken_back_is_retired_with_its_next_version(store: Store) -> None:
    german = Translation("de", "Rückgabe", "<p>30 Tage.</p>")
    take(store, shelf(replace(article(), texts=(*article().texts, german))))

    assert counted(take(store, shelf(article()))) == {"changed": 1}
    assert set(known(store)) == {"zendesk-7-en-us"}


@pytest.mark.parametrize("changed_here", [False, True])
def test_what_is_withheld_is_never_taken_in_and_let_go_at_once_whoever_has_changed_it(
    store: Store, *, changed_here: bool
) -> None:
    never = take(store, shelf(article("8", withheld="a draft"), article()))
    if changed_here:
        with store.write() as conn:
            entries.write(conn, replace(entries.known(conn, "zendesk-7-en-us"), answer="Ours."), 1, "ines", NOW)

    later = take(store, shelf(article(withheld="for signed-in people only")), since=NOW)

    assert [skipped.why for skipped in never.skipped] == ["a draft"]
    assert [skipped.why for skipped in later.skipped] == ["for signed-in people only; retired here: zendesk-7-en-us"]
    assert known(store) == {}


def test_an_entry_that_people_have_changed_goes_when_its_article_is_for_fewer(store: Store) -> None:
    take(store, shelf(article()))
    with store.write() as conn:
        entries.write(conn, replace(entries.known(conn, "zendesk-7-en-us"), answer="Ours."), 1, "ines", NOW)

    [skipped] = take(store, shelf(article(audience="pro"))).skipped

    assert "It was retired: there it is for pro alone" in skipped.why
    assert known(store) == {}


def test_what_changed_alone_is_asked_for_and_retires_nothing_that_it_does_not_name(store: Store) -> None:
    take(store, shelf(article("7"), article("8")))
    new = article("9", updated_at=NOW + timedelta(hours=1))

    assert counted(take(store, shelf(new), since=NOW + timedelta(minutes=5))) == {"new": 1}
    assert set(known(store)) == {f"zendesk-{n}-en-us" for n in (7, 8, 9)}


def test_an_error_half_way_keeps_what_came_and_retires_nothing(store: Store) -> None:
    take(store, shelf(article("7"), article("8")))

    def broken(_since: datetime | None) -> Iterator[tuple[str, object]]:
        yield from shelf(*(article(str(n)) for n in range(100, 200))).documents(None)
        raise Unavailable("the vendor is away", retry_after=7)

    with pytest.raises(Unavailable):
        take(store, Source("zendesk", broken))  # type: ignore[arg-type]
    assert len(known(store)) == 102


def test_a_dry_run_says_the_same_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    source = folder(lay(tmp_path, a_md="# A?\n\nYes.", b_md="# B?\n\nYes."))
    assert counted(take(store, source, dry_run=True)) == {"new": 2}
    assert known(store) == {}
    take(store, source)
    (tmp_path / "a.md").unlink()
    assert counted(take(store, source, dry_run=True)) == {"as before": 1, "retired": 1}
    assert set(known(store)) == {"docs-a", "docs-b"}


def test_it_is_kept_in_step_once_a_person_has_taken_it_in_and_when_it_is_due(store: Store, tmp_path: Path) -> None:
    source, hour = folder(lay(tmp_path, a_md="# A?\n\nYes.")), timedelta(hours=1)

    def look(after: timedelta) -> Summary | None:
        return keep_in_step(store, source, lambda: NOW + after, hour)

    assert look(hour) is None
    take(store, source)
    lay(tmp_path, a_md="# A?\n\nNo.")
    assert look(hour / 2) is None
    kept = look(hour)
    assert kept is not None
    assert counted(kept) == {"changed": 1}
    assert latest(store, "docs-a").by == "understudy"
    assert look(hour * 1.5) is None


def test_everything_is_asked_for_once_a_day_and_what_changed_in_between(store: Store) -> None:
    asked: list[datetime | None] = []

    def documents(since: datetime | None) -> tuple[()]:
        asked.append(since)
        return ()

    source = Source("zendesk", documents)
    take(store, source)
    for hours in (2, 4, 25):
        keep_in_step(store, source, lambda at=NOW + timedelta(hours=hours): at, timedelta(hours=1))  # type: ignore[misc]

    minutes = timedelta(minutes=3)
    assert asked == [None, NOW - minutes, NOW + timedelta(hours=2) - minutes, None]


def test_a_vendor_that_is_crowded_is_left_alone_for_as_long_as_it_says(store: Store) -> None:
    asked = list[datetime | None]()

    def crowded(since: datetime | None) -> tuple[()]:
        asked.append(since)
        if since:
            raise Unavailable("too many", retry_after=7200, crowded=True)
        return ()

    source, hour = Source("zendesk", crowded), timedelta(hours=1)
    take(store, source)

    for hours in (1.0, 2.0, 2.9, 3.1):
        assert keep_in_step(store, source, lambda at=NOW + hours * hour: at, hour) is None  # type: ignore[misc]

    assert asked == [None, NOW - timedelta(minutes=3), NOW - timedelta(minutes=3)]


def test_whoever_waits_tries_again_for_as_long_as_it_is_told() -> None:
    waited, left = list[float](), [7.0, 0.0]

    def act() -> str:
        if left:
            raise Unavailable("crowded", retry_after=left.pop(0))
        return "done"

    assert patiently(act, lambda err: waited.append(err.retry_after)) == "done"
    assert waited == [7.0, 0.0]


@pytest.mark.parametrize("odd", ["docs", "docs=", "=/x", "Docs=/x", "a-b=/x", "docs=/x docs=/y", 'docs="/x'])
def test_a_setting_that_names_no_folder_is_refused(odd: str) -> None:
    with pytest.raises(Misconfigured, match="SYNC_FOLDERS"):
        settings.sync_folders({"SYNC_FOLDERS": odd})


def test_folders_are_named_in_one_setting() -> None:
    found = settings.sync_folders({"SYNC_FOLDERS": 'docs=/srv/docs "changes=/srv/our app/CHANGELOG.md"'})
    assert found == {"docs": Path("/srv/docs"), "changes": Path("/srv/our app/CHANGELOG.md")}


def test_the_command_tells_what_became_of_everything(shell: Shell, tmp_path: Path) -> None:
    folder_ = lay(tmp_path, a_md="# A?\n\nYes.", b_md="")
    unset, shell_ = shell("sync"), shell
    shell_.set(SYNC_FOLDERS=f"docs={folder_}")
    tried, said = shell("sync", "--dry-run"), shell("sync")
    (folder_ / "a.md").unlink()
    lay(tmp_path, c_md="# C?\n\nYes.")
    again, stranger = shell("sync", "docs"), shell("sync", "wiki")

    assert (unset.status, "SYNC_FOLDERS" in unset.err) == (2, True)
    assert tried.out.splitlines()[-1] == "2 of docs: would be 1 new, 0 changed, 0 as before, 1 skipped."
    assert said.out.splitlines() == [
        "skipped b.md: docs-b: answer: is empty",
        "2 of docs: 1 new, 0 changed, 0 as before, 1 skipped.",
    ]
    assert again.out.splitlines()[-1] == "3 of docs: 1 new, 0 changed, 0 as before, 1 retired, 1 skipped."
    assert (stranger.status, "wiki is none of docs" in stranger.err) == (2, True)


def test_a_long_changelog_is_split_where_its_versions_begin(store: Store, tmp_path: Path) -> None:
    versions = "".join(f"## 1.{n}\n\n- Mended {n}. {LONG}\n\n```\n## no heading\n```\n\n" for n in range(150))
    take(store, folder(lay(tmp_path, CHANGES_md=f"# Changes\n\n{versions}"), "log"))

    found = {question: answer for _, question, answer in known(store).values()}
    assert len(versions) > 100_000
    assert (len(found), found["Changes: 1.77"][:12]) == (150, "- Mended 77.")


def test_each_source_is_looked_at_every_so_often_and_none_where_that_is_switched_off(
    store: Store, tmp_path: Path
) -> None:
    shelves = {"docs": tmp_path, "log": tmp_path}

    def every(seconds: float) -> list[float]:
        return [often for often, _ in acts(store, {}, shelves, lambda: NOW, seconds)]

    assert (every(3600), every(5), every(0)) == ([60, 60], [5, 5], [])
    with pytest.raises(Misconfigured, match="zendesk is a helpdesk"):
        sources({"zendesk": None}, {"zendesk": tmp_path})  # type: ignore[dict-item]
