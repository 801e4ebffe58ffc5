"""What a customer may ask for: all that is held about them, and to be forgotten, down to the bytes of the file."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Text, cast, select

from bot import forget, review, sweep, work
from bot.answer import digest
from bot.errors import Misconfigured
from bot.model import (
    DeliveryState,
    Policy,
    Proposal,
    ProposalState,
    Ref,
    Role,
    Source,
    Verdict,
    VerdictKind,
)
from bot.store import Store, audit, conversations, drafts, reviews
from bot.store.tables import meta
from tests.desk import ASKS_RETURN, ASKS_UNKNOWN, INES, Desk, desk

pytestmark = pytest.mark.services
DESKS = ("zendesk", "intercom", "slack")
MARKED = "Can my quetzalcoatl trolley be engraved with the word zugzwang?"
TAUGHT = "Yes, we engrave a trolley with up to three letters. It costs 15 euros and takes four working days."
TRACES = ("quetzalcoatl", "zugzwang", "maria", "keller")


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with all helpdesks, where nobody waits for a licence."""
    with desk(database_url, redis_url=redis_url) as made:
        made.policy(Policy(version=1, open_cards=20))
        yield made


def traces(store: Store, words: tuple[str, ...] = TRACES) -> set[str]:
    """`table.column: word` of everything in the database that has one of these words in it, in any case."""
    found = set[str]()
    with store.read() as conn:
        for table in meta.sorted_tables:
            for column in table.columns:
                texts = [str(t).casefold() for t in conn.scalars(select(cast(column, Text)))]
                found |= {f"{table.name}.{column.name}: {w}" for w in words if any(w in text for text in texts)}
    return found


def refs_of(made: Desk, customer: str = "maria@example.com") -> list[Ref]:
    """Where a customer asked."""
    with made.line.store.read() as conn:
        return list(forget.conversations_of(conn, customer))


def forgotten(made: Desk, customer: str = "maria@example.com") -> list[Ref]:
    """What the command does; the conversations."""
    refs = refs_of(made, customer)
    with made.line.store.write() as conn:
        forget.forget(conn, refs, "command line", "a customer's wish", made.clock())
    return refs


def taught(made: Desk, name: str = "zendesk") -> Ref:
    """Maria asked what nobody knew, Tomasz answered and closed: a proposal in her words, and a past reply."""
    ref = made.ask(MARKED, name, subject="A zugzwang for Maria Keller")
    made.agent(ref, f"Hi Maria,\n\n{TAUGHT}", status="solved")
    return ref


def rejected(made: Desk, ref: Ref, why: str) -> None:
    """Tomasz rejects the draft, and says why in his own words."""
    with made.line.store.read() as conn:
        draft = drafts.drafts_of(conn, ref)[-1].draft
    with made.line.store.write() as conn:
        reviews.add_nonce(conn, f"n-{ref}", f"draft:{draft.id}", digest(draft.text), made.clock() + timedelta(1))
    verdict = Verdict(VerdictKind.REJECT, f"n-{ref}", "tomasz", made.clock(), reason=why)
    assert review.judge(made.line, verdict) == ""
    made.settle()


def buried(made: Desk, ref: Ref, error: str) -> None:
    """Work on a conversation that failed for good, with what a vendor said."""
    with made.line.store.write() as conn:
        work.ask(conn, "event", f"{ref}-odd", ref, made.clock(), payload='{"zugzwang": 1}')
        job = work.claim(conn, made.clock())
        assert job is not None
        work.bury(conn, job, error)
        made.worker.dead(conn, job, error)
    made.settle()


def lived_in(made: Desk) -> None:
    """Everything that can be held about Maria is held, at every helpdesk; Jonas's draft rests on her past reply."""
    for name in DESKS:
        taught(made, name)
        rejected(made, made.ask(f"{ASKS_RETURN} It is a zugzwang.", name), "Maria Keller has it already")
    buried(made, Ref("zendesk", "1"), "Zendesk refused the note: maria@example.com is suspended")
    made.ask("Can a trolley be engraved with a word?", "zendesk", customer="jonas@example.com")


def test_a_forgotten_customer_has_left_no_trace_in_any_table(fernweh: Desk) -> None:
    lived_in(fernweh)
    before = {trace.partition(":")[0] for trace in traces(fernweh.line.store)}
    assert before >= {
        "conversation.snapshot", "draft.value", "delivery.value", "intervention.value", "past.value", "proposal.value",
        "audit.why", "work.payload", "work.first_error",
    }  # fmt: skip

    forgotten(fernweh)

    assert traces(fernweh.line.store) == set()
    with fernweh.line.store.read() as conn:
        assert audit.verify(conn) == len(audit.entries(conn, limit=10_000))


def test_nor_in_the_file_once_it_is_written_anew(fernweh: Desk) -> None:
    store = fernweh.line.store
    if not store.sqlite:
        pytest.skip("PostgreSQL vacuums by itself")
    lived_in(fernweh)
    path = Path(store.engine.url.database or "")

    forgotten(fernweh)
    assert forget.compact(store)
    fernweh.line.knowledge.compact()

    whole = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file()).lower()
    assert [word for word in TRACES if word.encode() in whole] == []
    assert b"returns-window" in whole


def test_what_other_customers_said_stays(fernweh: Desk) -> None:
    taught(fernweh)
    jonas = fernweh.ask("Can a trolley be engraved with a word?", customer="jonas@example.com")
    before = fernweh.decided(jonas)
    assert "zugzwang" not in str([before, *fernweh.deliveries(jonas)])

    forgotten(fernweh)

    after = fernweh.decided(jonas)
    assert (after.question, after.draft.text, after.decision) == (before.question, before.draft.text, before.decision)
    assert [(e.id, e.score) for e in after.found] == [(e.id, e.score) for e in before.found]
    assert refs_of(fernweh, "jonas@example.com") == [jonas]


def test_a_past_reply_is_forgotten_by_processes_that_have_it_in_memory(fernweh: Desk) -> None:
    taught(fernweh)
    asked = "Can a trolley be engraved with a word?"
    first = fernweh.decided(fernweh.ask(asked, customer="jonas@example.com"))
    assert [e.source for e in first.found if e.source is Source.PAST] == [Source.PAST]

    forgotten(fernweh)

    second = fernweh.decided(fernweh.ask(asked, customer="aiko@example.com"))
    assert [e.source for e in second.found if e.source is Source.PAST] == []


def test_a_proposal_in_a_forgotten_customers_words_is_ended(fernweh: Desk) -> None:
    ref = taught(fernweh)
    with fernweh.line.store.read() as conn:
        made = reviews.proposals_from(conn, ref)[0]

    forgotten(fernweh)

    with fernweh.line.store.read() as conn:
        now = reviews.get_proposal(conn, made.id)
    assert now == replace(made, question="", answer="", before="", reason="", state=ProposalState.EXPIRED)


def test_a_proposal_that_only_rests_on_them_too_goes_on(fernweh: Desk) -> None:
    maria = taught(fernweh)
    with fernweh.line.store.read() as conn:
        made = reviews.proposals_from(conn, maria)[0]
    jonas = Ref("zendesk", "99")
    other: Proposal = replace(made, id="p-other", question="Engraved?", refs=(maria, jonas), words=(jonas,))
    with fernweh.line.store.write() as conn:
        reviews.save_proposal(conn, other, "digest")

    forgotten(fernweh)

    with fernweh.line.store.read() as conn:
        assert reviews.get_proposal(conn, "p-other") == other


def test_a_proposal_that_took_their_words_over_later_is_ended_too(fernweh: Desk) -> None:
    first = fernweh.ask(ASKS_UNKNOWN, customer="jonas@example.com")
    fernweh.agent(first, "Yes, we can engrave initials on the aluminium trolley for 15 euros.")
    again = fernweh.ask(ASKS_UNKNOWN)
    fernweh.agent(again, "No, we stopped engraving trolleys after the zugzwang.", agent="ines@fernweh.example")
    with fernweh.line.store.read() as conn:
        [before] = reviews.proposals_from(conn, first)
    assert (before.words, "zugzwang" in before.answer) == ((first, again), True)

    forgotten(fernweh)

    assert traces(fernweh.line.store) == set()
    with fernweh.line.store.read() as conn:
        after = reviews.get_proposal(conn, before.id)
    assert after
    assert (after.state, after.question, after.answer) == (ProposalState.EXPIRED, "", "")


def test_of_a_proposal_that_does_not_tell_whose_words_it_has_all_counts(fernweh: Desk) -> None:
    maria, jonas = taught(fernweh), Ref("zendesk", "99")
    with fernweh.line.store.read() as conn:
        made = reviews.proposals_from(conn, maria)[0]
    with fernweh.line.store.write() as conn:
        reviews.save_proposal(conn, replace(made, id="p-old", refs=(jonas, maria), words=()), "digest")

    forgotten(fernweh)

    with fernweh.line.store.read() as conn:
        old = reviews.get_proposal(conn, "p-old")
    assert old
    assert (old.state, old.answer) == (ProposalState.EXPIRED, "")


def test_what_was_approved_stays_and_is_named(fernweh: Desk) -> None:
    ref = taught(fernweh)
    with fernweh.line.store.write() as conn:
        made = replace(reviews.proposals_from(conn, ref)[0], question="Can trolleys be engraved?")
        review.publish(conn, made, INES.id, fernweh.clock())

    with fernweh.line.store.read() as conn:
        assert forget.preview(conn, [ref])[1] == [f"learned-{made.id}"]
    forgotten(fernweh)

    assert fernweh.line.knowledge.entry(f"learned-{made.id}") is not None


@pytest.mark.parametrize("name", DESKS)
def test_a_later_look_brings_nothing_back_and_answers_nothing_again(fernweh: Desk, name: str) -> None:
    ref = fernweh.ask(f"{ASKS_RETURN} It is a zugzwang.", name)
    sent = fernweh.sent(ref)
    forgotten(fernweh)

    fernweh.clock.forward(seconds=2)
    with fernweh.line.store.write() as conn:
        work.ring(conn, [ref], fernweh.clock())
    fernweh.settle()
    sweep.sweep(fernweh.line)
    fernweh.agent(ref, "Hi Maria, that zugzwang is solved.")

    assert traces(fernweh.line.store) == set()
    assert fernweh.sent(ref) == sent


def test_who_writes_again_is_answered_again_and_only_the_new_is_kept(fernweh: Desk) -> None:
    ref = fernweh.ask("Where is my zugzwang?", subject="A zugzwang")
    forgotten(fernweh)
    fernweh.fakes["zendesk"].clock = lambda: datetime.now(UTC) + timedelta(seconds=5)

    fernweh.ask(ASKS_RETURN, conversation=ref.id)

    with fernweh.line.store.read() as conn:
        kept = conversations.snapshot(conn, ref)
    assert fernweh.decided(ref).question == ASKS_RETURN
    assert kept is not None
    assert [m.text for m in kept.messages if m.role is Role.CUSTOMER] == [ASKS_RETURN]
    assert traces(fernweh.line.store, ("zugzwang",)) == set()


def test_what_was_not_sent_never_is(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    draft = fernweh.decided(ref).draft
    note = fernweh.deliveries(ref)[0].delivery
    open_ = {state: replace(note, key=f"d-{state}") for state in ("approved", "sending", "unknown")}
    with fernweh.line.store.write() as conn:
        for state, delivery in open_.items():
            drafts.add_delivery(conn, delivery, fernweh.clock(), draft.id)
            drafts.end_sending(conn, delivery.key, DeliveryState(state), fernweh.clock())
            work.ask(conn, "deliver", delivery.key, ref, fernweh.clock())
        running = work.claim(conn, fernweh.clock())
    assert running is not None
    before = fernweh.sent(ref)

    forgotten(fernweh)
    fernweh.clock.forward(minutes=5)
    fernweh.settle()

    assert fernweh.sent(ref) == before
    states = {s.delivery.key: s.state.value for s in fernweh.deliveries(ref)}
    assert [states[f"d-{state}"] for state in open_] == ["void", "asked", "asked"]
    with fernweh.line.store.write() as conn:
        assert work.finish(conn, running) is False


def test_the_audit_says_that_somebody_was_forgotten_and_not_who(fernweh: Desk) -> None:
    rejected(fernweh, fernweh.ask(ASKS_RETURN), "Maria Keller has it already")

    forgotten(fernweh)

    with fernweh.line.store.read() as conn:
        newest, *rest = audit.entries(conn)
    words = [e for e in rest if e.what == "reject"]
    assert (newest.who, newest.what, newest.about, newest.why) == ("command line", "forgot", "a customer's wish", "")
    assert newest.detail["conversations"] == "1"
    assert [(e.who, e.why) for e in words] == [("tomasz", "")]
    assert [e.why for e in rest if e.what == "suggest"] == ["not_licensed"]


def test_one_address_finds_every_helpdesk_and_one_id_its_own(fernweh: Desk) -> None:
    refs = [fernweh.ask(ASKS_RETURN, name) for name in DESKS]
    fernweh.ask(ASKS_RETURN, customer="jonas@example.com")
    with fernweh.line.store.read() as conn:
        seen = conversations.snapshot(conn, refs[0])
        assert seen is not None
        assert list(forget.conversations_of(conn, "MARIA@example.com")) == sorted(refs)
        assert list(forget.conversations_of(conn, f"zendesk:{seen.customer.id}")) == [refs[0]]


@pytest.mark.parametrize("name", DESKS)
def test_whoever_writes_in_somebody_elses_conversation_is_found_and_forgotten_there(fernweh: Desk, name: str) -> None:
    ref = fernweh.ask(ASKS_UNKNOWN, name, customer="jonas@example.com")
    fernweh.ask("Mine broke too: Maria Keller, about a zugzwang.", name, conversation=ref.id)
    with fernweh.line.store.read() as conn:
        seen = conversations.snapshot(conn, ref)
        assert seen is not None
        hers = next(m for m in seen.messages if "zugzwang" in m.text)
        by_address = forget.conversations_of(conn, "maria@example.com")
        by_id = forget.conversations_of(conn, f"{name}:{hers.author}")
    assert by_address == by_id == {ref: {hers.id}}

    forgotten(fernweh)

    assert traces(fernweh.line.store) == set()


@pytest.mark.parametrize("name", DESKS)
def test_an_address_is_found_however_it_is_written(fernweh: Desk, name: str) -> None:
    written = {
        "JÖRG@example.com": ("JÖRG@example.com", "jörg@example.com", "jo\u0308rg@EXAMPLE.com"),
        "İnes@example.com": ("İnes@example.com", "i\u0307nes@example.com", "İNES@EXAMPLE.COM"),
        'o"brien@example.com': ('o"brien@example.com', 'O"Brien@Example.com'),
        "o\\brien_%@example.com": ("o\\brien_%@example.com",),
    }
    asked = {address: fernweh.ask(ASKS_UNKNOWN, name, customer=address) for address in written}

    found = {address: [refs_of(fernweh, spelled) for spelled in spellings] for address, spellings in written.items()}

    assert found == {address: [[asked[address]]] * len(spellings) for address, spellings in written.items()}


@pytest.mark.parametrize(
    "unknown", ["maria", "", "nobody@example.com", "zendesk:999999", "zendesk:", "aria@example.com"]
)
def test_a_customer_who_is_not_known_is_named(fernweh: Desk, unknown: str) -> None:
    fernweh.ask(ASKS_RETURN)

    with fernweh.line.store.read() as conn, pytest.raises(Misconfigured, match="customer: "):
        forget.conversations_of(conn, unknown)


def test_an_export_holds_all_that_is_held(fernweh: Desk, tmp_path: Path) -> None:
    lived_in(fernweh)
    file = tmp_path / "maria.json"

    with fernweh.line.store.read() as conn:
        count = forget.export(conn, forget.conversations_of(conn, "maria@example.com"), file)

    held = json.loads(file.read_text(encoding="utf-8"))
    assert count == sum(
        len(rows) for name, rows in held.items() if name not in ("conversations", "entries learned from them")
    )
    assert [c["snapshot"]["customer"]["email"] for c in held["conversation"]] == ["maria@example.com"] * 6
    assert {name for name, rows in held.items() if rows} >= {
        "conversation", "event", "draft", "delivery", "intervention", "past", "proposal", "work", "audit", "outcome",
    }  # fmt: skip
    assert "Maria Keller has it already" in [entry["why"] for entry in held["audit"]]
    assert "jonas@example.com" not in file.read_text(encoding="utf-8")


def exported(made: Desk, file: Path, customer: str = "maria@example.com") -> str:
    """The text of the file."""
    with made.line.store.read() as conn:
        forget.export(conn, forget.conversations_of(conn, customer), file)
    return file.read_text(encoding="utf-8")


def test_an_export_lets_nobody_act_for_the_team(fernweh: Desk, tmp_path: Path) -> None:
    lived_in(fernweh)
    rows = [s.delivery for ref in refs_of(fernweh) for s in fernweh.deliveries(ref)]
    buttons = [button.value for row in rows for button in row.buttons]
    links = [value for value in buttons if "/drafts/" in value]
    assert (len(links) > 3, len(buttons) > len(links)) == (True, True)
    quoting = fernweh.ask(f"What is https://via.example/?u={quote(links[0], safe='')} for? And {links[1]}?")

    text = exported(fernweh, tmp_path / "maria.json")

    assert [value for value in buttons if value.rpartition("/")[2] in text] == []
    held = json.loads(text)
    assert [row["value"]["buttons"] for row in held["delivery"]] == [[]] * len(held["delivery"])
    assert "nonce" not in held
    asked = next(row["snapshot"]["messages"] for row in held["conversation"] if row["ref"] == str(quoting))
    assert "What is https://via.example/" in asked[0]["text"]


def test_an_export_holds_what_they_wrote_in_somebody_elses_conversation_and_nothing_of_others(
    fernweh: Desk, tmp_path: Path
) -> None:
    own = fernweh.ask(ASKS_RETURN)
    ref = fernweh.ask("Jonas Brandt here. My strap is torn.", customer="jonas@example.com")
    fernweh.ask("Mine is torn too.", conversation=ref.id)

    text = exported(fernweh, tmp_path / "maria.json")

    held = json.loads(text)
    assert held["conversations"] == [{"connector": "zendesk", "id": own.id}, {"connector": "zendesk", "id": ref.id}]
    assert [m["text"] for m in held["messages in conversations of others"]] == ["Mine is torn too."]
    assert [row["ref"] for row in held["conversation"]] == [str(own)]
    assert ("Jonas" in text, "jonas" in text, "strap" in text) == (False, False, False)


def test_retention_forgets_what_nobody_has_touched_for_that_long(fernweh: Desk) -> None:
    old, new = fernweh.ask("Where is my zugzwang?"), fernweh.ask(ASKS_RETURN, customer="jonas@example.com")
    fernweh.clock.forward(days=20)
    with fernweh.line.store.write() as conn:
        work.ring(conn, [new], fernweh.clock())
    fernweh.settle()
    fernweh.clock.forward(days=11)

    sweep.retain(fernweh.line, timedelta(days=30))

    with fernweh.line.store.read() as conn:
        kept = [conversations.snapshot(conn, ref) is not None for ref in (old, new)]
        newest = audit.entries(conn)[0]
        assert audit.verify(conn) > 0
    assert kept == [False, True]
    assert traces(fernweh.line.store, ("zugzwang",)) == set()
    assert (newest.who, newest.what, newest.about) == ("understudy", "forgot", "retention")


def test_retention_goes_on_until_nothing_is_left_and_once_a_day(fernweh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.subjects.ROWS", 2)
    for number in range(5):
        fernweh.ask(ASKS_RETURN, customer=f"c{number}@example.com")
    fernweh.clock.forward(days=31)

    sweep.retain(fernweh.line, None)
    sweep.retain(fernweh.line, timedelta(days=30))
    sweep.retain(fernweh.line, timedelta(days=30))

    with fernweh.line.store.read() as conn:
        forgot = [e.detail["conversations"] for e in audit.entries(conn) if e.what == "forgot"]
        assert conversations.recent(conn) == []
    assert forgot == ["1", "2", "2"]
