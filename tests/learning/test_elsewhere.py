"""What helpdesks keep of the past: taken in for suggestions alone, once, and forgotten like all others."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import app
from bot import forget
from bot.errors import Refused, Unavailable
from bot.imports import Became, How, Summary
from bot.model import Source
from bot.ports import patiently
from bot.store import Store, audit, conversations
from bot.store import knowledge as rows
from connectors.intercom.fake import Fake as IntercomFake
from connectors.stage import Fault
from connectors.zendesk.connector import Zendesk, connect
from connectors.zendesk.fake import Fake
from learning.elsewhere import macros, recall
from tests.shell import Shell

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ASKED, TOLD = "The zip of my trolley is stuck. How do I free it?", "Rub a candle along the zip, then pull it twice."
MARIA, TOMASZ = "maria@example.com", "tomasz@fernweh.example"


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[IntercomFake]:
    made = IntercomFake()
    yield made
    made.close()


@pytest.fixture
def zendesk(fake: Fake) -> Zendesk:
    return connect(fake.settings())


def resolved(fake: Fake, asked: str = ASKED, told: str = TOLD, customer: str = MARIA, status: str = "solved") -> str:
    ticket = fake.customer_says(asked, customer=customer)
    fake.agent_says(f"Hi Maria, {told}", agent=TOMASZ, conversation=ticket, status=status)
    return ticket


def past(store: Store, text: str = ASKED) -> list[str]:
    return [found.passage for found in app.search(store).past(text, limit=9) if found.passage]


def all_past(store: Store) -> list[str]:
    with store.read() as conn:
        return sorted(item.answer for _, item in rows.past_after(conn, 0, 1000) if item.answer)


def take_macros(store: Store, zendesk: Zendesk, **how: bool) -> Summary:
    return macros(store, zendesk, How("ines", **how), datetime.now(UTC))


def test_what_people_answered_in_resolved_conversations_is_found_for_suggestions(
    fake: Fake, zendesk: Zendesk, store: Store
) -> None:
    resolved(fake)
    resolved(fake, "Is it waterproof?", "Only with the rain cover.", status="open")

    summary = recall(store, zendesk, LONG_AGO)

    assert summary.counts == {Became.NEW: 1}
    assert all_past(store) == [TOLD]
    assert [found.source for found in app.search(store).past(ASKED, limit=5)] == [Source.PAST]
    assert app.search(store).entries() == ()


def test_what_was_taken_in_is_not_fetched_again_until_it_changes(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    ticket = resolved(fake)
    recall(store, zendesk, LONG_AGO)
    fake.seen.clear()

    assert recall(store, zendesk, LONG_AGO).counts == {Became.SAME: 1}
    assert [call for call in fake.seen if "audits" in call] == []
    fake.customer_says("And how do I clean it?", customer=MARIA, conversation=ticket)
    fake.agent_says("Use warm water and a soft brush.", agent=TOMASZ, conversation=ticket, status="solved")
    assert recall(store, zendesk, LONG_AGO).counts == {Became.NEW: 1}
    assert all_past(store) == [TOLD, "Use warm water and a soft brush."]


def test_a_customer_who_had_it_forgotten_stays_forgotten(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    ticket = resolved(fake)
    recall(store, zendesk, LONG_AGO)
    with store.write() as conn:
        forget.forget(conn, list(forget.conversations_of(conn, MARIA)), "test", "a wish", datetime.now(UTC))
    fake.alter(fake.tickets[int(ticket)], tags=["touched"])
    fake.record(fake.tickets[int(ticket)], 102)

    again = recall(store, zendesk, LONG_AGO)

    assert (again.counts, [s.why for s in again.skipped]) == ({}, ["its customer was forgotten"])
    assert (all_past(store), past(store)) == ([], [])


def test_it_is_found_by_the_id_that_the_customer_has_at_the_helpdesk(
    fake: Fake, zendesk: Zendesk, store: Store
) -> None:
    resolved(fake)
    recall(store, zendesk, LONG_AGO)

    with store.read() as conn:
        counts, _ = forget.preview(conn, list(forget.conversations_of(conn, "zendesk:201")))
    assert (counts["past"], counts["conversation"]) == (1, 1)


def test_what_the_line_has_seen_of_a_conversation_stays_as_it_is(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    ref = zendesk.fetch(next(zendesk.changed(LONG_AGO))).ref if resolved(fake) else None
    assert ref is not None
    seen = zendesk.fetch(ref)
    with store.write() as conn:
        conversations.save(conn, seen, datetime.now(UTC))
    fake.agent_says("And oil it.", agent=TOMASZ, conversation=ref.id)

    recall(store, zendesk, LONG_AGO)

    with store.read() as conn:
        assert conversations.snapshot(conn, ref) == seen


def test_a_crowded_vendor_is_waited_for_and_nothing_is_read_twice(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    fake.guide.export, waited = 10, list[float]()
    for n in range(30):
        resolved(fake, f"What about part {n}?", f"Part {n} comes with the box, as we say in the manual.")
    refs = [ref for ref, _ in zendesk.history(LONG_AGO)]
    fake.seen.clear()
    for ref in refs:
        zendesk.fetch(ref)
    once = [call for call in fake.seen if "audits" in call]
    fake.knobs.next.extend([Fault("status", 429, "7")] * 3)
    fake.seen.clear()

    def wait(err: Unavailable) -> None:
        waited.append(err.retry_after)

    summary = recall(store, zendesk, LONG_AGO, patiently=lambda call: patiently(call, wait))

    assert (summary.counts, waited) == ({Became.NEW: 30}, [7.0, 7.0, 7.0])
    assert [call for call in fake.seen if "audits" in call] == once


def test_a_conversation_that_may_not_be_read_is_named_and_the_rest_comes(
    fake: Fake, zendesk: Zendesk, store: Store
) -> None:
    ticket, _ = resolved(fake), resolved(fake, "Is it waterproof?", "Only with the rain cover, which is yellow.")
    listed = list(zendesk.history(LONG_AGO))
    zendesk.history = lambda _since, _patiently: iter(listed)  # type: ignore[method-assign, assignment, misc]
    del fake.tickets[int(ticket)]

    summary = recall(store, zendesk, LONG_AGO)

    assert (summary.counts, [s.where for s in summary.skipped]) == ({Became.NEW: 1}, ["zendesk:1"])


def test_a_helpdesk_that_does_not_offer_its_past_is_not_asked(store: Store) -> None:
    class Silent:
        name = "slack"

    with pytest.raises(Refused, match="slack keeps its past"):
        recall(store, Silent(), LONG_AGO)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="slack has no macros"):
        macros(store, Silent(), How("ines"), LONG_AGO)  # type: ignore[arg-type]


def test_macros_are_suggestions_and_no_entries(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    fake.guide.macro("Zip::Stuck", f"<p>Hi {{{{ticket.requester.first_name}}}},</p><p>{TOLD}</p>")
    fake.guide.macro("Thanks", "<p>Thank you for writing to us!</p>")

    summary = take_macros(store, zendesk)

    assert summary.counts == {Became.NEW: 1}
    assert [s.why for s in summary.skipped] == ["says nothing that could be suggested"]
    [found] = app.search(store).past("The zip is stuck", limit=5)
    assert (found.source, found.title, found.passage) == (Source.PAST, "Zip: Stuck", TOLD)
    assert app.search(store).entries() == ()
    with store.read() as conn:
        assert [(e.who, e.what) for e in audit.entries(conn, "zendesk")] == [("ines", "macros taken in")]


def test_a_macro_that_is_changed_replaces_what_was_there_and_one_that_is_gone_goes(
    fake: Fake, zendesk: Zendesk, store: Store
) -> None:
    zip_ = fake.guide.macro("Zip", f"<p>{TOLD}</p>")
    rain = fake.guide.macro("Rain", "<p>The rain cover is in the lid of the backpack.</p>")
    knowledge = app.search(store)
    take_macros(store, zendesk)
    assert len(knowledge.past("zip rain cover", limit=5)) == 2
    assert take_macros(store, zendesk).counts == {Became.SAME: 2}

    later = datetime.now(UTC) + timedelta(seconds=5)
    fake.clock = lambda: later
    changed: dict[str, Any] = {"actions": [{"field": "comment_value", "value": "Send it to us, and we mend the zip."}]}
    fake.guide.macros[int(zip_)] = fake.guide._stamped(fake.guide.macros[int(zip_)] | changed)
    fake.guide.macros[int(rain)]["active"] = False

    assert take_macros(store, zendesk).counts == {Became.CHANGED: 1, Became.RETIRED: 1}
    assert all_past(store) == ["Send it to us, and we mend the zip."]
    assert [f.passage for f in knowledge.past("zip rain cover", limit=5) if f.passage] == all_past(store)


def test_a_macro_that_is_for_some_agents_only_now_is_let_go(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    zip_ = fake.guide.macro("Zip", f"<p>{TOLD}</p>")
    take_macros(store, zendesk)
    fake.guide.macros[int(zip_)]["restriction"] = {"type": "Group", "id": 8}

    assert [s.why for s in take_macros(store, zendesk).skipped] == ["for some agents only"]
    assert all_past(store) == []


def test_a_dry_run_says_the_same_and_changes_nothing(fake: Fake, zendesk: Zendesk, store: Store) -> None:
    fake.guide.macro("Zip", f"<p>{TOLD}</p>")
    resolved(fake)

    assert take_macros(store, zendesk, dry_run=True).counts == {Became.NEW: 1}
    assert recall(store, zendesk, LONG_AGO, dry_run=True).counts == {Became.NEW: 1}
    assert all_past(store) == []


def test_the_commands_tell_what_became_of_everything(fake: Fake, other: IntercomFake, shell: Shell) -> None:
    resolved(fake)
    fake.guide.macro("Zip", f"<p>{TOLD}</p>")
    fake.article("Returns?", "<p>30 days.</p>")
    nothing = shell("import", "history", "--since", "2026-01-01")
    shell.set(**fake.settings())

    history = shell("import", "history", "--since", "2026-01-01")
    odd, when = shell("import", "history", "slack", "--since", "2026-01-01"), shell("import", "history", "--since", "x")
    synced = shell("sync")

    assert (nothing.status, odd.status, when.status) == (2, 2, 2)
    assert history.out.splitlines() == ["1 conversations of zendesk: 1 new, 0 changed, 0 as before, 0 skipped."]
    assert synced.out.splitlines() == [
        "1 of zendesk: 1 new, 0 changed, 0 as before, 0 skipped.",
        "1 of zendesk-macros: 1 new, 0 changed, 0 as before, 0 skipped.",
    ]
    shell.set(**(other.settings() | {"INTERCOM_COLLECTIONS": ""}))
    half = shell("sync")
    assert (half.status, "intercom: INTERCOM_COLLECTIONS" in half.err) == (1, True)
    assert "of zendesk-macros" in half.out


@pytest.mark.long
def test_killed_at_any_point_a_second_run_ends_with_the_same_rows(
    fake: Fake, zendesk: Zendesk, database_url: str, store: Store
) -> None:
    for n in range(90):
        resolved(fake, f"What about part {n}?", f"Part {n} comes with the box, as we say in the manual.")
    env = {**os.environ, **fake.settings(), "DATABASE_URL": database_url}
    command = [sys.executable, "app.py", "import", "history", "--since", "2026-01-01"]
    chance = random.Random(7)

    for _ in range(2):
        run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(1.2 + chance.random())
        run.send_signal(signal.SIGKILL)
        run.wait()
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)

    assert len(all_past(store)) == len(set(all_past(store))) == 90
    assert recall(store, zendesk, LONG_AGO).counts == {Became.SAME: 90}
