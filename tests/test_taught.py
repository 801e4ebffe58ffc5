"""All that a team has taught: taken away as a folder, and brought back here or elsewhere, word for word."""

import fcntl
import gzip
import hashlib
import json
import os
import random
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot import entries, forget, review, sync
from bot.answer import digest
from bot.cases import script
from bot.documents import Document, of_article, withheld
from bot.errors import Misconfigured
from bot.imports import Became, How, Summary, take_articles
from bot.model import (
    Action,
    Conversation,
    Customer,
    Decided,
    Decision,
    Draft,
    Entry,
    Evidence,
    Intervention,
    Message,
    Outcome,
    OutcomeKind,
    Policy,
    ProposalState,
    Reason,
    Ref,
    Role,
    Rule,
    Scope,
    Signal,
    Source,
    Status,
    Verdict,
    VerdictKind,
)
from bot.news import news
from bot.ports import Article, Translation
from bot.refusals import proposal_digest
from bot.sealed import MANIFEST
from bot.store import Store, audit, conversations, drafts, limits, reviews
from bot.store import knowledge as rows
from bot.store import taken as places
from bot.store.tables import meta
from bot.store.taken import Taken
from bot.taught.away import counted, take_away
from bot.taught.back import bring_back
from bot.taught.lines import NAMES, PARTS
from learning.confidence import Learner
from learning.history import remember
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, INES, RETURNS, Desk, desk
from tests.shell import Shell
from tests.test_forget import traces

pytestmark = pytest.mark.services
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
TAUGHT = "Yes, we engrave up to three initials on aluminium trolleys for 15 euros. It takes two working days."
PAST = json.dumps({
    "id": "7", "subject": "Zip", "customer": {"id": "c1", "name": "Maria Keller", "email": "maria@example.com"},
    "messages": [
        {"role": "customer", "text": "How do I free the stuck zip of my trolley?", "at": "2024-03-01T09:00:00Z"},
        {"role": "agent", "author": "Tomasz", "text": "Rub a candle along the zip.", "at": "2024-03-01T10:00:00Z"},
    ],
})  # fmt: skip
EXACT = ("entry", "taken", "rule", "policy", "conversation", "outcome", "correction", "intervention", "past", "signal")
SERIAL = ("seq",)  # numbers that each database counts up for itself
ROOT = Path(__file__).parent.parent


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None, tmp_path: Path) -> Iterator[Desk]:
    """A desk where people have taught a little of everything."""
    with desk(database_url, redis_url=redis_url) as made:
        lived_in(made, tmp_path / "past.jsonl")
        yield made


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Another installation, empty."""
    if request.config.getoption("--store") == "sqlite":
        made = Store(f"sqlite:///{copy(request.getfixturevalue('newest_schema'), tmp_path / 'elsewhere.db')}")
        yield made
        made.close()
        return
    with request.getfixturevalue("postgres").clone() as url:
        made = Store(url)
        yield made
        made.close()


def lived_in(made: Desk, past: Path) -> None:
    """Drafts kept, edited, replaced, rejected and doubted; an answer approved, one refused, one that waits; a customer
    forgotten; entries changed and retired; rules; two policies; a past that was taken in from a file."""
    made.policy(Policy(version=1))
    made.policy(Policy(version=2, open_cards=1, link_hosts=("help.fernweh.example",)))
    with made.line.store.write() as conn:
        rows.add_rule(conn, Rule("engraving", 1, "", "No refunds."), made.clock())
        rows.add_rule(conn, Rule("engraving", 2, "", "Engraved goods are not taken back."), made.clock())
        entries.write(
            conn, Entry("", 0, "Do you ship to Norway?", "Yes.", scope=Scope(plan="pro")), 0, "ines", made.clock()
        )
        entries.retire(conn, "do-you-ship-to-norway", "ines", "", made.clock())
    kept = made.ask(ASKS_RETURN)
    made.agent(kept, made.decided(kept).draft.text, status="solved")
    made.clock.forward(seconds=2)
    made.ask("The shop refused it, what now?", conversation=kept.id)
    edited = made.ask(ASKS_RETURN, "intercom", customer="jonas@example.com")
    made.agent(edited, made.decided(edited).draft.text.replace("within 30 days", "within 60 days"))
    unknown = made.ask(ASKS_UNKNOWN, "zendesk", customer="aiko@example.com", subject="Engraving")
    made.agent(unknown, f"Hi Aiko,\n\n{TAUGHT}", status="solved")
    rejected(made, made.ask(ASKS_RETURN, "slack", customer="jonas@example.com"))
    decided(made, ProposalState.OPEN, VerdictKind.REJECT, "not so")
    past.write_text(PAST)
    remember(made.line.store, past)
    with made.line.store.write() as conn:
        macro = Intervention("m-zendesk-77-abc", Ref("zendesk", "macro-77"), NOW, "", "Lost parcel", "Ask the courier.")
        rows.add_past(conn, macro)
        places.save(conn, "macros:zendesk", Taken("77", "abc", (macro.id,)))
        places.save(conn, "docs", Taken("returns.md", "def", (RETURNS.id,)))
    gone = made.ask("Is my zugzwang engraved with words?", customer="grete@example.com")
    made.agent(gone, "Yes, your zugzwang is engraved as you asked, and leaves the house on Monday.", status="solved")
    with made.line.store.write() as conn:
        forget.forget(conn, list(forget.conversations_of(conn, "grete@example.com")), "test", "a wish", made.clock())
    made.settle()


def rejected(made: Desk, ref: Ref) -> None:
    """Tomasz rejects the draft."""
    with made.line.store.read() as conn:
        draft = drafts.drafts_of(conn, ref)[-1].draft
    pressed(
        made, f"draft:{draft.id}", digest(draft.text), Verdict(VerdictKind.REJECT, f"n-{ref}", "tomasz", made.clock())
    )


def decided(made: Desk, state: ProposalState, kind: VerdictKind, why: str) -> None:
    """Ines decides the oldest proposal in this state."""
    with made.line.store.read() as conn:
        [found, *_] = reviews.proposals(conn, [state])
    verdict = Verdict(kind, f"n-{found.id}", "ines", made.clock(), reason=why)
    pressed(made, f"proposal:{found.id}", proposal_digest(found), verdict)


def pressed(made: Desk, about: str, shown: str, verdict: Verdict) -> None:
    with made.line.store.write() as conn:
        reviews.add_nonce(conn, verdict.token, about, shown, made.clock() + timedelta(1))
    assert review.judge(made.line, verdict) == ""
    made.settle()


def taken(store: Store, folder: Path, **how: bool) -> dict[str, Summary]:
    return dict(bring_back(store, folder, How("ines", **how), datetime.now(UTC)))


def counts(found: dict[str, Summary], became: Became) -> dict[str, int]:
    return {name: summary.counts[became] for name, summary in found.items() if summary.counts[became]}


def skipped(found: dict[str, Summary]) -> list[str]:
    return [f"{s.where}: {s.why}" for summary in found.values() for s in summary.skipped]


def held(store: Store, name: str) -> list[dict[str, Any]]:
    """All rows of a table but their numbers, in the order of their keys."""
    table = meta.tables[name]
    with store.read() as conn:
        found = conn.execute(select(table).order_by(*table.primary_key)).all()
    return [{name: value for name, value in row._asdict().items() if name not in SERIAL} for row in found]


def learned(store: Store) -> str:
    """What confidence is folded from every signal."""
    made = Learner()
    with store.read() as conn:
        for _, signal in reviews.signals_after(conn, 0):
            made.learn_one(signal)
    return made.to_json()


def away(made: Desk, folder: Path) -> Path:
    take_away(made.line.store, folder, "ines", NOW)
    return folder


@pytest.mark.long
def test_another_installation_has_learned_the_same(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    found = taken(elsewhere, away(fernweh, tmp_path / "taught"))

    assert skipped(found) == []
    assert {name for name, summary in found.items() if summary.counts[Became.NEW]} == {part.name for part in PARTS}
    assert learned(elsewhere) == learned(fernweh.line.store) != Learner().to_json()


def test_every_table_comes_back_as_it_was(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "taught"))

    for name in EXACT:
        source, found = held(fernweh.line.store, name), held(elsewhere, name)
        if name == "past":  # of a forgotten one an empty row follows, for indexes that have it in memory
            source = [row for row in source if row["value"].answer]
        if name == "conversation":  # whoever has the folder can press nothing
            source = json.loads(forget.without_links(json.dumps(source, default=str).encode()))
            found = json.loads(json.dumps(found, default=str))
        assert source, name
        assert found == source, name


@pytest.mark.long
def test_what_nobody_has_decided_waits_for_a_card_of_its_own(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "taught"))

    there, here = ({row["id"]: row for row in held(s, "proposal")} for s in (fernweh.line.store, elsewhere))
    assert sorted(row["state"] for row in there.values()) == ["expired", "open", "rejected"]
    assert {id_: row["state"] for id_, row in here.items()} == {
        id_: "waiting" if row["state"] == "open" else row["state"] for id_, row in there.items()
    }
    for id_, row in there.items():
        was = row["value"]
        card = "" if was.state is ProposalState.OPEN else was.card
        assert here[id_] == row | {
            "state": here[id_]["state"],
            "value": replace(was, state=here[id_]["state"], card=card),
        }


@pytest.mark.long
def test_which_drafts_rest_on_an_entry_is_known_there_too(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "taught"))

    judged = {row["draft_id"] for row in held(fernweh.line.store, "outcome")}
    assert held(elsewhere, "used") == [r for r in held(fernweh.line.store, "used") if r["draft_id"] in judged]
    assert held(elsewhere, "draft") == [r for r in held(fernweh.line.store, "draft") if r["id"] in judged]


@pytest.mark.long
def test_what_is_taken_back_at_its_source_is_let_go_where_it_was_brought_too(
    store: Store, elsewhere: Store, tmp_path: Path
) -> None:
    page = Document("returns", "returns.md", "digest", lambda: (replace(RETURNS, id="docs-returns", version=0),))
    sync.sync(store, sync.Source("docs", lambda _: [("returns.md", page)]), How("ines"), lambda: NOW)
    take_away(store, tmp_path / "taught", "ines", NOW)
    taken(elsewhere, tmp_path / "taught")
    with elsewhere.read() as conn:
        assert [e.id for e in rows.in_force(conn, NOW)] == ["docs-returns"]

    gone = withheld("returns", "returns.md", "for signed-in people only")
    sync.sync(elsewhere, sync.Source("docs", lambda _: [("returns.md", gone)]), How("ines"), lambda: NOW)

    with elsewhere.read() as conn:
        assert rows.in_force(conn, NOW) == []


@pytest.mark.long
def test_a_helpdesk_that_shows_the_same_again_has_no_news(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "taught"))

    with elsewhere.read() as conn:
        known = [c for c in conversations.recent(conn) if c.ref.connector != "history"]
        assert [news(c, conversations.seen_keys(conn, c.ref)) for c in known] == [()] * 4


@pytest.mark.long
def test_taken_in_again_nothing_changes(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    folder = away(fernweh, tmp_path / "taught")
    first = taken(elsewhere, folder)
    before = {name: held(elsewhere, name) for name in meta.tables if name != "audit"}

    again, home = taken(elsewhere, folder), taken(fernweh.line.store, folder)

    assert counts(again, Became.SAME) == counts(home, Became.SAME) == counts(first, Became.NEW)
    assert [*counts(again, Became.NEW), *counts(home, Became.NEW), *skipped(again), *skipped(home)] == []
    assert {name: held(elsewhere, name) for name in before} == before


@pytest.mark.long
def test_a_dry_run_says_the_same_and_changes_nothing(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    folder = away(fernweh, tmp_path / "taught")
    before = {name: held(elsewhere, name) for name in meta.tables}

    tried = taken(elsewhere, folder, dry_run=True)

    assert {name: held(elsewhere, name) for name in meta.tables} == before
    assert counts(tried, Became.NEW) == counts(taken(elsewhere, folder), Became.NEW)
    assert counted(fernweh.line.store).counts == counts(tried, Became.NEW)


@pytest.mark.long
def test_what_is_new_there_follows_and_what_was_changed_here_stays(
    fernweh: Desk, elsewhere: Store, tmp_path: Path
) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "first"))
    with elsewhere.write() as conn:
        entries.write(conn, replace(RETURNS, answer="Ours."), 1, "ines", NOW)
        limits.add_policy(conn, Policy(version=3, reply_at=0.99), "ines", NOW)
    with fernweh.line.store.write() as conn:
        entries.write(conn, replace(RETURNS, answer="Theirs."), 1, "ines", NOW)
        entries.restore(conn, "do-you-ship-to-norway", 1, "ines", NOW)
        limits.add_policy(conn, Policy(version=3, reply_at=0.5), "ines", NOW)
    fernweh.clock.forward(minutes=1)
    fernweh.agent(fernweh.ask(ASKS_UNKNOWN, customer="jonas@example.com"), TAUGHT)

    found = taken(elsewhere, away(fernweh, tmp_path / "second"))

    assert skipped(found) == [
        "entries.jsonl.gz: line 4: entry returns-window has been changed here, so its version 2 stays away",
        "policies.jsonl.gz: line 3: policy has been changed here, so its version 3 stays away",
    ]
    assert counts(found, Became.NEW) == {
        "entries": 1, "conversations": 1, "corrections": 1, "interventions": 1, "signals": 1,
    }  # fmt: skip
    assert counts(found, Became.CHANGED) == {"proposals": 1}  # one conversation more behind it
    with elsewhere.read() as conn:
        assert {e.id: (e.version, e.answer) for e in rows.in_force(conn, NOW + timedelta(days=1000))} == {
            "returns-window": (2, "Ours."),
            "do-you-ship-to-norway": (3, "Yes."),
        }
        assert limits.current_policy(conn).reply_at == 0.99


@pytest.mark.long
def test_what_was_learned_of_the_same_draft_here_is_not_mixed_with_theirs(
    fernweh: Desk, elsewhere: Store, tmp_path: Path
) -> None:
    folder = away(fernweh, tmp_path / "taught")
    [first, *_] = (row["value"] for row in held(fernweh.line.store, "signal"))
    own = replace(first, good=0.5)
    with elsewhere.write() as conn:
        reviews.add_signal(conn, own)

    found = taken(elsewhere, folder)["signals"]

    assert [s.why for s in found.skipped] == [
        "of a-zendesk-1-customer_message-10001 other things were learned here"
    ] * 3
    assert [row["value"].good for row in held(elsewhere, "signal")] == [0.5, 0.2, 0.0]


@pytest.mark.long
def test_what_a_customer_had_forgotten_is_not_taken_away(fernweh: Desk, tmp_path: Path) -> None:
    folder = away(fernweh, tmp_path / "taught")

    texts = {file.name: opened(file) for file in folder.rglob("*.*")}
    assert [name for name, text in texts.items() if "zugzwang" in text or "grete" in text] == []
    assert "forgotten@" in texts["forgotten.jsonl.gz"]
    assert "maria@example.com" in texts["conversations.jsonl.gz"]


def opened(file: Path) -> str:
    return (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).decode()


@pytest.mark.long
def test_what_is_forgotten_later_is_not_brought_back(fernweh: Desk, tmp_path: Path) -> None:
    folder, store = away(fernweh, tmp_path / "taught"), fernweh.line.store
    customers = ("maria@example.com", "jonas@example.com", "aiko@example.com")
    for customer in customers:
        forgotten(store, customer)
    before = {name: held(store, name) for name in meta.tables if name != "audit"}

    found = taken(store, folder)

    assert {name: held(store, name) for name in before} == before
    assert {s.why for name in ("conversations", "interventions", "past") for s in found[name].skipped} == {
        "its customer was forgotten here"
    }
    assert traces(store, ("maria", "jonas", "aiko", "initials on the", "stuck zip")) == set()


def forgotten(store: Store, customer: str) -> None:
    with store.write() as conn:
        forget.forget(conn, list(forget.conversations_of(conn, customer)), "test", "a wish", datetime.now(UTC))


@pytest.mark.long
def test_what_was_brought_can_be_forgotten_like_all_else(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "taught"))
    words = ("maria", "jonas", "aiko", "initials on the", "stuck zip", "60 days")
    assert traces(elsewhere, words)

    for customer in ("maria@example.com", "jonas@example.com", "aiko@example.com"):
        forgotten(elsewhere, customer)

    assert traces(elsewhere, words) == set()


@pytest.mark.long
def test_what_was_forgotten_there_and_is_held_here_is_told(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "first"))
    forgotten(fernweh.line.store, "aiko@example.com")

    [told] = taken(elsewhere, away(fernweh, tmp_path / "second"))["forgotten"].skipped

    assert told.why.startswith("zendesk:2 was forgotten there; `app.py forget zendesk:")
    forgotten(elsewhere, told.why.split("`")[1].removeprefix("app.py forget "))
    assert traces(elsewhere, ("aiko",)) == set()


@pytest.mark.long
def test_nobody_can_press_anything_with_what_was_taken_away(fernweh: Desk, tmp_path: Path) -> None:
    with fernweh.line.store.read() as conn:
        links = [b.value for c in conversations.recent(conn) for d in drafts.deliveries_of(conn, c.ref)
                 for b in d.delivery.buttons]  # fmt: skip
    texts = [opened(file) for file in away(fernweh, tmp_path / "taught").rglob("*.*")]

    assert len(links) > 3
    assert [link for link in links if any(link.rpartition("/")[2] in text for text in texts)] == []


@pytest.mark.long
def test_conversations_are_in_the_format_that_is_played_and_imported(
    fernweh: Desk, elsewhere: Store, tmp_path: Path
) -> None:
    file = away(fernweh, tmp_path / "taught") / "conversations.jsonl.gz"
    played = script(file, ("zendesk", "intercom", "slack"))
    took, home = remember(elsewhere, file), remember(fernweh.line.store, file)

    assert {case.id.partition(":")[0] for case, _ in played} == {"zendesk", "intercom", "slack", "history"}
    assert {said.role for _, said in played} == {"customer", "agent"}
    assert (took.counts[Became.NEW], home.counts[Became.SAME]) == (4, 1)  # that of a file is known here by its own id
    with elsewhere.read() as conn:
        assert TAUGHT in [item.answer for _, item in rows.past_after(conn, 0, 1000)]


@pytest.mark.long
def test_markdown_is_there_for_people_and_reads_back(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    folder = away(fernweh, tmp_path / "taught") / "entries"
    take_articles(elsewhere, folder, How("ines"), NOW)

    with elsewhere.read() as conn:
        assert [(e.id, e.answer) for e in rows.in_force(conn, NOW)] == [(RETURNS.id, RETURNS.answer)]


@pytest.mark.long
def test_the_audit_says_who_took_away_and_brought_back_what(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    taken(elsewhere, away(fernweh, tmp_path / "taught"))

    with fernweh.line.store.read() as there, elsewhere.read() as here:
        [gone, *_] = audit.entries(there)
        done = audit.entries(here)
        assert audit.verify(here) == len(done)
    assert (gone.who, gone.what, gone.about, gone.detail["signals"]) == ("ines", "taught exported", "taught", "5")
    assert {entry.who for entry in done} == {"ines"}
    published = ["entry imported"] * 3 + ["rule imported"] * 2 + ["policy imported"] * 2
    assert [e.what for e in reversed(done)] == ["taught import begun", *published, "taught imported"]
    assert done[0].detail["signals"] == "5 new, 0 changed, 0 as before, 0 skipped"


Spoil = Callable[[Path], object]


def resealed(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """Whoever changes a file and its digest too."""
    file, manifest = folder / name, json.loads((folder / MANIFEST).read_text())
    file.write_bytes(gzip.compress(change(opened(file)).encode()))
    manifest["files"][name]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def said(folder: Path, **fields: object) -> None:
    """A manifest that says something else."""
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | fields))


def linked(path: Path) -> None:
    """A link to the same somewhere else."""
    path.rename(path.with_name(f"moved-{path.name}"))
    path.symlink_to(path.with_name(f"moved-{path.name}"))


SPOILT: list[tuple[Spoil, str]] = [
    (lambda f: (f / MANIFEST).unlink(), "manifest.json: is not there, so this is no export, or one that was not fin"),
    (lambda f: (f / MANIFEST).write_text("{"), "manifest.json: no JSON: "),
    (lambda f: (f / MANIFEST).write_bytes(b"\xff"), "manifest.json: text: no UTF-8"),
    (lambda f: (f / MANIFEST).write_text("[" * 9_999), "manifest.json: no JSON: "),
    (lambda f: (f / MANIFEST).write_text(" " * 1_000_001), "manifest.json: size: more than"),
    (lambda f: said(f, format=2), "manifest.json: is of format 2, and this version reads up to 1: update it first"),
    (lambda f: said(f, format="x"), "manifest.json: format: Input should be a valid integer"),
    (lambda f: said(f, product="other"), "manifest.json: product: Input should be 'understudy'"),
    (lambda f: said(f, at="2026-05-03"), "manifest.json: at: "),
    (lambda f: said(f, files={}), "'conversations.jsonl.gz': manifest.json does not name it"),
    (
        lambda f: said(f, files={"../../etc/passwd": {"rows": 1, "sha256": ""}}),
        "'../../etc/passwd': manifest.json names",
    ),
    (lambda f: (f / "signals.jsonl.gz").unlink(), "signals.jsonl.gz: is missing, or no plain file"),
    (lambda f: (f / "signals.jsonl.gz").write_bytes(b""), "signals.jsonl.gz: is not as it was written"),
    (lambda f: (f / "past.jsonl.gz").write_bytes((f / "past.jsonl.gz").read_bytes()[:-9]), "past.jsonl.gz: is not as"),
    (lambda f: linked(f / "rules.jsonl.gz"), "rules.jsonl.gz: is missing, or no plain file"),
    (lambda f: linked(f / MANIFEST), "manifest.json: is not there"),
    (linked, "manifest.json: is not there"),
    (lambda f: linked(f / "entries" / "returns-window.md"), "entries: is missing, or no plain file or folder"),
    (lambda f: (f / "entries" / "returns-window.md").write_text("edited"), "entries: is not as it was written"),
    (lambda f: (f / "entries" / "more").mkdir(), "entries: is missing, or no plain file or folder"),
    (lambda f: os.mkfifo(f / "entries" / "pipe"), "entries: is missing, or no plain file or folder"),
]


@pytest.fixture(scope="module")
def folder(newest_schema: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Fernweh has taught, for tests that need no desk."""
    place = tmp_path_factory.mktemp("fernweh")
    with desk(f"sqlite:///{copy(newest_schema, place / 'fernweh.db')}") as made:
        lived_in(made, place / "past.jsonl")
        return away(made, place / "taught")


@pytest.mark.long
@pytest.mark.parametrize(("spoil", "says"), SPOILT, ids=[says[:40] for _, says in SPOILT])
def test_what_is_not_as_it_was_written_is_named_and_nothing_of_it_is_taken(
    folder: Path, store: Store, tmp_path: Path, spoil: Spoil, says: str
) -> None:
    spoil(copytree(folder, tmp_path / "taught"))

    with pytest.raises(Misconfigured) as refused:
        taken(store, tmp_path / "taught")

    assert says in str(refused.value)
    assert [name for name in meta.tables if held(store, name)] == []


Rewrite = Callable[[str], str]


def later(text: str, field: str) -> str:
    """The first time of this name is two days from now."""
    then = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    return re.sub(f'"{field}":"[^"]*"', f'"{field}":"{then}"', text, count=1)


ODD: list[tuple[str, Rewrite, str]] = [
    ("signals", lambda t: t.replace('"good":1.0', '"good":NaN', 1), "line 1: good: no number"),
    ("signals", lambda t: t.replace('"good":1.0', '"good":7', 1), "line 1: good: is not within 0 and 1"),
    ("signals", lambda t: t.replace('"weight":1.0', '"weight":-9e9', 1), "line 1: weight: is not within -1 and 1"),
    ("signals", lambda t: t.replace("@1", "", 1), "line 1: id: has no number"),
    ("signals", lambda t: t.replace('Z"', '"', 1), "line 1: at: a time without its zone"),
    ("entries", lambda t: t.replace('"question":"How', '"question":"\\u0000How', 1), "line 1: question: a NUL in it"),
    ("entries", lambda t: t.replace("https://", "javascript:", 1), "returns-window version 1: url: 'javascript:help"),
    (
        "entries",
        lambda t: t.replace('"version":1', '"version":2147483648', 1),
        "version: too high",
    ),
    ("past", lambda t: t.replace('"connector":"zendesk"', '"connector":""', 1), "line 1: ref: no conversation's"),
    ("conversations", lambda t: t.replace('"connector":"intercom"', '"connector":"a:b"', 1), "ref: no conversation's"),
    ("entries", lambda t: "{" + t, "line 1: no JSON: "),
    (
        "entries",
        lambda t: t.replace('"id":"returns-window"', '"id":"../../evil"', 1),
        "version 1: id: is made of a to z",
    ),
    ("entries", lambda t: t.replace('"id":"returns-window"', '"id":""', 1), "version 1: id: is empty"),
    ("entries", lambda t: t.replace('"id":"returns-window"', f'"id":"{"x" * 101}"', 1), "version 1: id: is made of a"),
    ("rules", lambda t: t.replace('"id":"engraving"', '"id":"../engraving"', 1), "line 1: id: is made of a to z"),
    ("proposals", lambda t: t.replace('"id":"p-', '"id":"p/../', 1), "line 1: id: is made of a to z"),
    ("entries", lambda t: later(t, "at"), "entries.jsonl.gz: line 1: at: is more than a day from now"),
    ("policies", lambda t: later(t, "at"), "policies.jsonl.gz: line 1: at: is more than a day from now"),
    ("conversations", lambda t: later(t, "looked_at"), "line 1: looked_at: is more than a day from now"),
    ("conversations", lambda t: later(t, "at"), "conversations.jsonl.gz: line 1: at: is more than a day from now"),
    ("corrections", lambda t: later(t, "at"), "corrections.jsonl.gz: line 1: at: is more than a day from now"),
    ("signals", lambda t: later(t, "at"), "signals.jsonl.gz: line 1: at: is more than a day from now"),
    ("past", lambda t: t.replace('"id":"i-', '"id":"j-', 1), "line 1: id: is not made of its conversation's"),
    (
        "past",
        lambda t: t.replace('"at":"2', '"at":"0001-01-01T00:00:00+14:00","x":"2', 1),
        "at: a time without its zone",
    ),
    ("corrections", lambda t: t.replace('"outcome":{"draft_id":"a', '"outcome":{"draft_id":"b', 1), "draft_id: is not"),
    (
        "forgotten",
        lambda t: t.replace("forgotten@", "forgot@"),
        "object_id: does not begin with forgotten@ and its time",
    ),
    (
        "forgotten",
        lambda t: t.replace("forgotten@2", "forgotten@soon2"),
        "object_id: does not begin with forgotten@ and",
    ),
    ("conversations", lambda t: t.partition("\n")[2], "conversations.jsonl.gz: has 4 lines, and the manifest says 5"),
]


@pytest.mark.long
@pytest.mark.parametrize(("name", "rewrite", "says"), ODD, ids=[says[:40] for *_, says in ODD])
def test_a_line_that_cannot_be_is_told_with_its_place_and_the_rest_is_taken(
    folder: Path, store: Store, tmp_path: Path, name: str, rewrite: Rewrite, says: str
) -> None:
    resealed(copytree(folder, tmp_path / "taught"), f"{name}.jsonl.gz", rewrite)

    found = taken(store, tmp_path / "taught")

    assert says in skipped(found)[0]
    assert found[name].counts[Became.NEW] == max(0, found[name].seen - len(found[name].skipped))
    assert found["rules"].counts[Became.NEW] == 2 - len(found["rules"].skipped)


def test_ids_and_times_that_somebody_made_up_are_refused(folder: Path, store: Store, tmp_path: Path) -> None:
    def made_up(text: str) -> str:
        return later(text.replace('"id":"returns-window"', '"id":"../../evil"', 1), "at")

    resealed(copytree(folder, tmp_path / "taught"), "entries.jsonl.gz", made_up)
    resealed(tmp_path / "taught", "policies.jsonl.gz", lambda t: later(t, "at"))

    told = skipped(taken(store, tmp_path / "taught"))

    assert told[0] == "entries.jsonl.gz: line 1: at: is more than a day from now"
    assert "policies.jsonl.gz: line 1: at: is more than a day from now" in told
    assert "../../evil" not in {row["id"] for row in held(store, "entry")}


def test_what_holds_until_a_later_day_and_what_is_of_this_hour_is_taken(
    folder: Path, store: Store, tmp_path: Path
) -> None:
    """Clocks differ by some hours where somebody has set them wrong."""
    soon = (datetime.now(UTC) + timedelta(hours=23)).isoformat()

    def until(text: str) -> str:
        text = text.replace('"valid_until":null', '"valid_until":"2199-01-01T00:00:00Z"', 1)
        return re.sub('"at":"[^"]*"', f'"at":"{soon}"', text, count=1)

    resealed(copytree(folder, tmp_path / "taught"), "entries.jsonl.gz", until)

    assert skipped(taken(store, tmp_path / "taught")) == []


def test_ids_of_every_door_come_back(store: Store, elsewhere: Store, tmp_path: Path) -> None:
    """By hand, from files, from a helpdesk's articles in several languages and parts, and learned."""
    (tmp_path / "docs" / "Ünder & über").mkdir(parents=True)
    (tmp_path / "docs" / "Ünder & über" / f"{'Long NAME ' * 15}.md").write_text("# Why?\n\nSo.\n")
    (tmp_path / "docs" / "facts.jsonl").write_text('{"id": "a_fact.2", "question": "Q?", "answer": "A."}\n')
    page = f"<p>{'Within 30 days. ' * 200}</p><h2>Größe ändern?</h2><p>Yes.</p>"
    texts = Translation("en-us", "Returns", page, "https://x.example/1"), Translation("ja", "返品", "<p>30日以内。</p>")
    document = of_article("zendesk", Article("360001234567", texts, NOW))
    with store.write() as conn:
        entries.write(conn, Entry("", 0, "日本語?", "Yes."), 0, "ines", NOW)
        entries.publish(conn, replace(RETURNS, id="learned-p-0123456789ab", by="ines", at=NOW), "entry learned", "")
    take_articles(store, tmp_path / "docs", How("ines"), NOW)
    sync.sync(store, sync.Source("zendesk", lambda _: [("1207", document)]), How("ines"), lambda: NOW)
    take_away(store, tmp_path / "taught", "ines", NOW)

    found = taken(elsewhere, tmp_path / "taught")

    assert skipped(found) == []
    assert held(elsewhere, "entry") == held(store, "entry")
    assert [row["id"] for row in held(store, "entry")] == [
        "entry", "learned-p-0123456789ab", "a_fact.2", f"nder----ber-{'long-name-' * 15}"[:100],
        "zendesk-360001234567-en-us", "zendesk-360001234567-en-us-gr--e--ndern-26ee284266", "zendesk-360001234567-ja",
    ]  # fmt: skip


@pytest.mark.long
def test_words_whose_conversation_is_not_here_are_not_taken(folder: Path, store: Store, tmp_path: Path) -> None:
    """Nobody could have them forgotten."""
    resealed(copytree(folder, tmp_path / "taught"), "conversations.jsonl.gz", lambda _: "")

    found = taken(store, tmp_path / "taught")

    assert {name: len(found[name].skipped) for name in ("corrections", "interventions", "past")} == {
        "corrections": 3, "interventions": 2, "past": 2,
    }  # fmt: skip
    assert [row["value"].question for row in held(store, "proposal")] == [""]
    assert traces(store, ("initials on the", "stuck zip", "60 days")) == set()


@pytest.mark.long
def test_numbers_and_addresses_that_somebody_wrote_into_it_are_masked(
    folder: Path, store: Store, tmp_path: Path
) -> None:
    def add(text: str) -> str:
        return text.replace("Rub a candle", "Write to zip@example.com")

    resealed(copytree(folder, tmp_path / "taught"), "past.jsonl.gz", add)

    first, again = (taken(store, tmp_path / "taught") for _ in range(2))

    assert [row["value"].answer for row in held(store, "past")][1] == "Write to [email] along the zip."
    assert (skipped(first), counts(again, Became.NEW)) == ([], {})


@pytest.mark.long
def test_an_older_export_is_replaced_and_the_same_gives_the_same_files(fernweh: Desk, tmp_path: Path) -> None:
    (tmp_path / "taught").mkdir()
    first = {file.name: file.read_bytes() for file in away(fernweh, tmp_path / "taught").iterdir() if file.is_file()}
    fernweh.know(replace(RETURNS, version=2, answer="Within 90 days."))

    second = {file.name: file.read_bytes() for file in away(fernweh, tmp_path / "taught").iterdir() if file.is_file()}

    assert {name for name in first if first[name] != second[name]} == {"entries.jsonl.gz", MANIFEST}
    assert "90 days" in (tmp_path / "taught" / "entries" / "returns-window.md").read_text()
    assert {path.name for path in tmp_path.iterdir() if "taught" in path.name} == {"taught"}
    assert (tmp_path / "taught").stat().st_mode & 0o077 == 0


@pytest.mark.long
def test_what_nobody_could_read_back_is_left_out_and_named(fernweh: Desk, elsewhere: Store, tmp_path: Path) -> None:
    huge = Conversation(Ref("zendesk", "77"), "x" * 10_000_000, Status.OPEN, Customer("77"), ())
    with fernweh.line.store.write() as conn:
        conversations.save(conn, huge, NOW)

    [left] = take_away(fernweh.line.store, tmp_path / "taught", "ines", NOW).left_out

    assert '"zendesk","id":"77"' in left.where
    assert counts(taken(elsewhere, tmp_path / "taught"), Became.NEW)["conversations"] == 5


@pytest.mark.long
@pytest.mark.parametrize(
    ("lay", "says"),
    [
        (lambda f: (f / "notes.txt").write_text("mine"), "'notes.txt' in it is not of an export of ours"),
        (lambda f: (f / MANIFEST).write_text("{}"), "is no export that could be replaced"),
        (lambda f: (f / "entries").mkdir(), "is no export that could be replaced"),
        (lambda f: (f.rmdir(), f.write_text("mine")), "has to be a folder, or nothing yet"),
    ],
)
def test_nothing_that_is_not_of_an_export_is_ever_replaced(store: Store, tmp_path: Path, lay: Spoil, says: str) -> None:
    target = tmp_path / "taught"
    target.mkdir()
    lay(target)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(Misconfigured, match=says):
        take_away(store, target, "ines", NOW)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.long
def test_an_export_that_somebody_has_edited_is_not_replaced(store: Store, tmp_path: Path) -> None:
    with store.write() as conn:
        rows.add_entry(conn, RETURNS)
    take_away(store, tmp_path / "taught", "ines", NOW)
    (tmp_path / "taught" / "entries" / "returns-window.md").write_text("edited")

    with pytest.raises(Misconfigured, match="entries: is not as it was written"):
        take_away(store, tmp_path / "taught", "ines", NOW)

    assert (tmp_path / "taught" / "entries" / "returns-window.md").read_text() == "edited"


@pytest.mark.long
def test_where_nothing_can_be_written_it_is_said_and_nothing_is_left(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "taught", Path("/proc/taught")):
        with pytest.raises(Misconfigured, match="cannot be written"):
            take_away(store, place, "ines", NOW)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.long
def test_two_at_once_do_not_write_into_each_other(store: Store, tmp_path: Path) -> None:
    (tmp_path / ".taught.understudy-part").mkdir()
    busy = pytest.raises(Misconfigured, match="another process is writing there")
    with locked(tmp_path / ".taught.understudy-part"), busy:
        take_away(store, tmp_path / "taught", "ines", NOW)
    take_away(store, tmp_path / "taught", "ines", NOW)
    assert {path.name for path in (tmp_path / "taught").iterdir()} == {*NAMES, MANIFEST}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    held = os.open(path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    yield
    os.close(held)


@pytest.mark.long
def test_who_was_killed_between_two_names_finds_the_older_one_again(store: Store, tmp_path: Path) -> None:
    take_away(store, tmp_path / "taught", "ines", NOW)
    (tmp_path / "taught").rename(tmp_path / ".taught.understudy-old")

    take_away(store, tmp_path / "taught", "ines", NOW)

    assert [path.name for path in tmp_path.iterdir() if "taught" in path.name] == ["taught"]


def bulk(store: Store, many: int) -> None:
    """So many conversations, each with a draft that was replaced, what was said instead, and a signal."""
    for start in range(0, many, 1_000):
        with store.write() as conn:
            for number in range(start, min(start + 1_000, many)):
                one(conn, number)


def one(conn: Connection, number: int) -> None:
    ref, at = Ref("zendesk", f"{number}"), NOW + timedelta(seconds=number)
    who = Customer(f"c{number}", "Maria", f"maria{number}@example.com")
    asked = Message(f"m{number}", Role.CUSTOMER, who.id, f"{ASKS_RETURN} It is number {number}.", at)
    told = Message(f"t{number}", Role.AGENT, "7", f"{TAUGHT} That is number {number}.", at)
    conversations.save(conn, Conversation(ref, "Returns", Status.SOLVED, who, (asked, told)), at)
    used = (Evidence(Source.ENTRY, RETURNS.id, 1, RETURNS.question, RETURNS.answer, 0.7),)
    draft = Draft(f"a-{number}", f"e-{number}", ref, RETURNS.answer, used, 0.7, asked.id, "returns")
    decision = Decision(Action.SUGGEST, Reason.NOT_LICENSED)
    drafts.save_draft(conn, Decided(draft, decision, asked.text, 1, at))
    reviews.save_outcome(conn, Outcome(draft.id, OutcomeKind.REPLACED, at, "tomasz", told.id))
    reviews.save_intervention(conn, Intervention(f"i-{ref}-{told.id}", ref, at, "tomasz", asked.text, told.text))
    good = (number % 7) / 7
    reviews.add_signal(conn, Signal(f"s-{draft.id}@1", at, "returns", RETURNS.id, good, 1.0, 0.7))


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bot.imports import How
from bot.store import Store
from bot.taught import away, back
url, folder, what = sys.argv[1:]
def said(*_): print(".", flush=True)
away.EVERY = 10
if what == "away":
    away.take_away(Store(url), Path(folder), "ines", datetime.now(UTC), said)
else:
    back.bring_back(Store(url), Path(folder), How("ines"), datetime.now(UTC), said)
"""


def run(store: Store, folder: Path, what: str, until: int) -> int:
    """Take away or bring back in a process of its own, which is killed once it has said so often how far it is."""
    command = [sys.executable, "-c", CHILD, store.url, str(folder), what]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(until):
            process.stdout.readline()
        process.kill()
    return process.returncode


@pytest.mark.long
def test_whoever_is_killed_anywhere_while_it_is_brought_back_has_it_all_in_the_end(
    store: Store, elsewhere: Store, tmp_path: Path
) -> None:
    bulk(store, 300)
    take_away(store, tmp_path / "taught", "ines", NOW)
    dice = random.Random(7)

    killed = [run(elsewhere, tmp_path / "taught", "back", dice.randrange(1, 10)) for _ in range(3)]
    found = taken(elsewhere, tmp_path / "taught")

    assert killed == [-9] * 3
    assert 0 < sum(counts(found, Became.SAME).values()) < 1_200
    assert skipped(found) == []
    assert {name: held(elsewhere, name) for name in EXACT} == {name: held(store, name) for name in EXACT}
    assert learned(elsewhere) == learned(store)


@pytest.mark.long
def test_whoever_is_killed_while_it_is_taken_away_leaves_the_older_one_or_a_whole_one(
    store: Store, elsewhere: Store, tmp_path: Path
) -> None:
    bulk(store, 300)
    dice = random.Random(7)
    run(store, tmp_path / "new", "away", 20)
    assert not (tmp_path / "new").exists()
    take_away(store, tmp_path / "taught", "ines", NOW)
    before = (tmp_path / "taught" / MANIFEST).read_bytes()

    for _ in range(3):
        run(store, tmp_path / "taught", "away", dice.randrange(1, 120))
        assert (tmp_path / "taught" / MANIFEST).read_bytes() == before
    take_away(store, tmp_path / "taught", "ines", NOW + timedelta(days=1))

    assert (tmp_path / "taught" / MANIFEST).read_bytes() != before
    assert counts(taken(elsewhere, tmp_path / "taught"), Became.NEW)["signals"] == 300
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".taught")] == []


@pytest.mark.long
def test_a_full_disk_is_said_and_nothing_half_is_left(store: Store, tmp_path: Path) -> None:
    bulk(store, 300)
    take_away(store, tmp_path / "taught", "ines", NOW)
    before = {file.name: file.read_bytes() for file in (tmp_path / "taught").iterdir() if file.is_file()}
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (4_096, 4_096))
    command = [sys.executable, "-c", CHILD, store.url, str(tmp_path / "taught"), "away"]

    done = subprocess.run(command, cwd=ROOT, preexec_fn=full, capture_output=True, text=True, check=False)

    assert "taught: cannot be written: File too large; what was there stays" in done.stderr.splitlines()[-1]
    assert {file.name: file.read_bytes() for file in (tmp_path / "taught").iterdir() if file.is_file()} == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".taught")] == []


@pytest.mark.long
@pytest.mark.heavy
def test_taking_away_and_bringing_back_takes_no_more_memory_for_more(
    store: Store, elsewhere: Store, tmp_path: Path
) -> None:
    measured = CHILD + "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    most = list[int]()
    for many, what in ((500, "away"), (20_000, "away"), (20_000, "back")):
        bulk(store, many)
        into = store if what == "away" else elsewhere
        command = [sys.executable, "-c", measured, into.url, str(tmp_path / "taught"), what]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        most.append(int(done.stdout.split()[-1]))

    assert max(most) - most[0] < 40_000  # kB


@pytest.mark.long
def test_the_commands_say_how_much_and_what_became_of_it(shell: Shell, folder: Path, tmp_path: Path) -> None:
    shell("person", INES.email, "--name", INES.name, "--role", "lead")
    by, target = ("--by", INES.email), str(tmp_path / "out" / "taught")
    tried = shell("import", "taught", str(folder), *by, "--dry-run")
    back = shell("import", "taught", str(folder), *by)
    again = shell("import", "taught", str(folder), *by)
    counted = shell("export", "taught", target, *by, "--dry-run")
    away = shell("export", "taught", target, *by)

    assert "3 entries: would be 3 new, 0 changed, 0 as before, 0 skipped." in tried.out
    assert back.out.splitlines()[-1] == "5 signals: 5 new, 0 changed, 0 as before, 0 skipped."
    assert again.out.splitlines()[-1] == "5 signals: 0 new, 0 changed, 5 as before, 0 skipped."
    assert "        5 signals" in away.out.splitlines()
    assert away.out.splitlines()[-1] == f"All of it is in {target}; keep it as you keep the database."
    assert counted.out == away.out.replace(away.out.splitlines()[-1], "Nothing was written.")


@pytest.mark.long
@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("export", "taught", "out", "--by", "tomasz"), "--by: tomasz is no lead"),
        (("import", "taught", "out", "--by", "tomasz"), "--by: tomasz is no lead"),
        (("import", "taught", "nowhere", "--by", INES.email), "manifest.json: is not there, so this is no export"),
        (("export", "taught", "out"), "the following arguments are required: --by"),
        (("export", "maria@example.com", "out"), "invalid choice: 'maria@example.com'"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(shell: Shell, argv: tuple[str, ...], says: str) -> None:
    shell("person", INES.email, "--role", "lead")
    done = shell(*argv)
    assert (done.status, says in done.err) == (2, True)
