"""What came of earlier answers orders what is found, and never lets anything out alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from bot import find_commands, forget
from bot.backends.embedder import HashEmbedder
from bot.backends.index import HybridIndex
from bot.brains import Hit, Passage, carries
from bot.follow import Mark
from bot.knowledge import Knowledge, with_nearest
from bot.model import Action, Decision, Entry, Evidence, Intervention, Licence, Policy, Reason, Ref, Source
from bot.recall import recall
from bot.scope import Asker
from bot.store import Store, limits
from bot.store import knowledge as rows
from bot.store.migrate import migrate
from bot.store.prepared import execute
from bot.text.page import page_of
from tests.desk import ASKS_RETURN, INES, RETURNS, Desk, desk
from tests.shell import Shell
from tests.staff import staff

ENGRAVING = Entry(
    "engraving",
    1,
    "What can be put on the aluminium?",
    "Up to three letters, for 15 euros. They are lasered by hand.",
    topic="service",
    url="https://help.fernweh.example/hc/en-us/articles/1207-Letters-and-Signs",
)
INITIALS = "Could my daughter have her monogram somewhere on it, please?"
LINKED = "Sure, we do that: https://help.fernweh.example/hc/de/articles/1207?from=mail#letters"
GIFT = Entry("gift", 1, "Is there gift wrapping?", "Yes, a blue box for 5 euros.", topic="service")
ELSE = "Please write to our partner in Porto, who looks after orders from shops."
LINK = LINKED.rsplit(maxsplit=1)[-1]
REPLY = Intervention("i-history:0", Ref("history", "0"), RETURNS.at, "", INITIALS, LINKED, (LINK,))


@pytest.fixture
def fernweh(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        made.know(ENGRAVING, GIFT)
        yield made


def told(made: Desk, ref: Ref) -> tuple[Decision, list[str]]:
    """What was decided, and the entries that the draft rests on."""
    decided = made.decided(ref)
    return decided.decision, [e.id for e in decided.draft.used]


def memory_of(made: Desk, question: str, entry: Entry) -> float:
    found = made.line.knowledge.evidence(question, Asker(made.clock()), limit=5)
    return next((e.memory for e in found if e.id == entry.id), 0.0)


def linked(made: Desk, times: int) -> None:
    """In conversations of before, as they are taken in."""
    with made.line.store.write() as conn:
        for number in range(times):
            rows.add_past(conn, replace(REPLY, id=f"i-history:{number}"))


def answered(made: Desk, question: str, answer: str, customer: str = "jonas@example.com") -> Ref:
    ref = made.ask(question, customer=customer)
    made.agent(ref, answer, status="solved")
    return ref


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (
            "https://help.fernweh.example/hc/en-us/articles/1207-Letters-and-Signs",
            "help.fernweh.example/hc/articles/1207",
        ),
        ("http://help.fernweh.example/hc/de/articles/1207/?from=mail#letters", "help.fernweh.example/hc/articles/1207"),
        ("https://www.fernweh.example/Returns/", "fernweh.example/returns"),
        ("https://support.example.org/pt-BR/kb/reset-password", "support.example.org/kb/reset-password"),
        ("https://support.example.org/kb/reset-password", "support.example.org/kb/reset-password"),
        ("https://docs.example.org/guide/go/install", "docs.example.org/guide/go/install"),
        ("https://docs.example.org/guide/js/install", "docs.example.org/guide/js/install"),
        ("https://shop.example.org/1-day-pass", "shop.example.org/1-day-pass"),
        ("https://me:x@kb.example.org:8080/view.do?id=KB2&utm_source=x", "kb.example.org:8080/view.do?id=kb2"),
        ("https://app.example.org/#/billing/cards", "app.example.org#/billing/cards"),
        ("https://fernweh.example", "fernweh.example"),
        ("mailto:help@fernweh.example", ""),
        ("https://[half", ""),
        ("", ""),
    ],
)
def test_a_page_is_the_same_however_its_address_is_written(url: str, page: str) -> None:
    assert page_of(url) == page


def test_what_people_linked_is_suggested_for_the_like_though_its_texts_are_far(fernweh: Desk) -> None:
    before = told(fernweh, fernweh.ask(INITIALS))
    linked(fernweh, 2)

    decision, used = told(fernweh, fernweh.ask(INITIALS, customer="lena@example.com"))

    assert before == (Decision(Action.HANDOFF, Reason.THIN_EVIDENCE), [])
    assert (decision.action, used) == (Action.SUGGEST, [ENGRAVING.id])


def test_what_memory_alone_speaks_for_is_never_sent_alone_however_often_it_was_right(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        limits.add_licence(conn, Licence("service", "ines", fernweh.clock(), fernweh.clock() + timedelta(days=9)))
    linked(fernweh, 12)

    decision, used = told(fernweh, fernweh.ask(INITIALS, customer="lena@example.com"))

    assert memory_of(fernweh, INITIALS, ENGRAVING) > 0.9
    assert (decision, used) == (Decision(Action.SUGGEST, Reason.FROM_MEMORY), [ENGRAVING.id])


def test_an_entry_that_was_turned_down_for_a_question_is_less_sure_for_it_and_not_for_others(fernweh: Desk) -> None:
    other = "Where is the label for my return, and until which day?"
    first, elsewhere = fernweh.ask(ASKS_RETURN), fernweh.ask(other, customer="lena@example.com")
    fernweh.agent(first, ELSE, status="solved")

    again = fernweh.ask(ASKS_RETURN, customer="jonas@example.com")
    others = fernweh.ask(other, customer="nina@example.com")

    assert memory_of(fernweh, ASKS_RETURN, RETURNS) < -0.4
    assert abs(memory_of(fernweh, other, RETURNS)) < 0.25
    lost = [fernweh.decided(a).draft.confidence - fernweh.decided(b).draft.confidence for a, b in
            ((first, again), (elsewhere, others))]  # fmt: skip
    assert lost[0] > lost[1] + 0.1


def test_a_new_version_is_not_blamed_for_the_one_before_it(fernweh: Desk) -> None:
    fernweh.agent(fernweh.ask(ASKS_RETURN), ELSE, status="solved")
    before = memory_of(fernweh, ASKS_RETURN, RETURNS)

    fernweh.know(replace(RETURNS, version=2, answer="You can return an order within 60 days."))

    assert (before < 0, memory_of(fernweh, ASKS_RETURN, RETURNS)) == (True, 0.0)


def test_memory_brings_nothing_that_is_not_for_whoever_asks(fernweh: Desk) -> None:
    fernweh.know(replace(ENGRAVING, version=2, scope=replace(ENGRAVING.scope, plan="gold")))
    answered(fernweh, INITIALS, LINKED)

    silver, gold = (
        fernweh.line.knowledge.evidence(INITIALS, Asker(fernweh.clock(), plan=plan), limit=5)
        for plan in ("silver", "gold")
    )

    assert ENGRAVING.id not in [e.id for e in silver]
    assert gold[0].id == ENGRAVING.id


class Late(Knowledge):
    """Whose index is a version behind, as while others are putting thousands."""

    def refresh(self) -> None:
        pass


def test_what_is_for_fewer_since_the_index_was_filled_is_not_found_by_the_others(fernweh: Desk, tmp_path: Path) -> None:
    store, index = fernweh.line.store, HybridIndex(HashEmbedder(), tmp_path / "index")
    Knowledge(store, index).keep_up()
    late, everybody = Late(store, index), Asker(fernweh.clock())
    before = [e.id for e in late.evidence(ENGRAVING.question, everybody, limit=1)]

    fernweh.know(replace(ENGRAVING, version=2, scope=replace(ENGRAVING.scope, plan="gold")))

    assert before == [ENGRAVING.id]
    assert ENGRAVING.id not in [e.id for e in late.evidence(ENGRAVING.question, everybody, limit=5)]
    index.close()


def test_what_a_person_changed_in_a_draft_is_not_outvoted_by_the_link_that_it_had(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    sent = fernweh.decided(ref).draft.text.replace("within 30 days", "within 60 days")
    assert RETURNS.url in sent
    fernweh.agent(ref, sent, status="solved")

    assert memory_of(fernweh, ASKS_RETURN, RETURNS) <= 0


def test_entries_of_one_page_share_what_a_link_to_it_says(store: Store) -> None:
    links = (ENGRAVING.url, "https://else.example", "no address")
    reply = Intervention("i-1", Ref("history", "1"), RETURNS.at, "", INITIALS, LINKED, links)
    with store.write() as conn:
        for number in range(2):
            rows.add_entry(conn, replace(ENGRAVING, id=f"part-{number}"))

        rows.add_past(conn, reply)
        told = recall(conn, [Hit(reply.id, 1.0, 1.0, 1.0)], lambda _: True)

    assert told == {"part-0": pytest.approx(1 / 3), "part-1": pytest.approx(1 / 3)}


def test_a_page_that_a_reply_links_again_and_again_speaks_once_and_crowds_out_no_other(store: Store) -> None:
    with store.write() as conn:
        rows.add_entry(conn, ENGRAVING)
        rows.add_past(conn, replace(REPLY, links=(*("https://else.example",) * 9, LINK, ENGRAVING.url)))
        told = recall(conn, [Hit(REPLY.id, 1.0, 1.0, 1.0)], lambda _: True)

    assert told == {ENGRAVING.id: pytest.approx(1 / 2)}


def test_a_retired_entry_and_one_that_moved_to_another_page_are_not_remembered(fernweh: Desk) -> None:
    answered(fernweh, INITIALS, LINKED)
    assert memory_of(fernweh, INITIALS, ENGRAVING) > 0.4

    fernweh.know(replace(ENGRAVING, version=2, url="https://help.fernweh.example/elsewhere"))
    assert memory_of(fernweh, INITIALS, ENGRAVING) == 0.0

    fernweh.know(replace(ENGRAVING, version=3), replace(ENGRAVING, version=4, retired=True))
    assert memory_of(fernweh, INITIALS, ENGRAVING) == 0.0


def test_a_question_that_was_forgotten_is_in_the_index_no_more(fernweh: Desk) -> None:
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.agent(ref, fernweh.decided(ref).draft.text, status="solved")
    asked = partial(fernweh.line.knowledge._index.search, ASKS_RETURN, source=Source.ASKED, limit=9)
    fernweh.line.knowledge.keep_up()
    before = asked()

    with fernweh.line.store.write() as conn:
        forget.forget(conn, [ref], "test", "a wish", fernweh.clock())
    fernweh.line.knowledge.compact()

    assert ([hit.owner for hit in before], asked()) == ([fernweh.decided(ref).draft.id], ())
    assert memory_of(fernweh, ASKS_RETURN, RETURNS) == 0.0


@pytest.mark.parametrize(
    ("told", "mark"),
    [
        ("", Mark()),
        (
            "4 2 7 returns-window 1 2026-11-22T09:30:00+00:00",
            Mark(4, 2, 7, "returns-window 1 2026-11-22T09:30:00+00:00"),
        ),
        ("0 0 7", Mark(0, 0, 7)),
        ("4 2 returns-window 1 2026-11-22T09:30:00+00:00", Mark()),  # of the version before
        ("4", Mark()),
        ("4 -2 7 x", Mark()),
    ],
)
def test_a_mark_is_read_as_it_was_written_and_anything_else_is_the_beginning(told: str, mark: Mark) -> None:
    assert Mark.parse(told) == mark
    assert Mark.parse(str(mark)) == mark


def test_an_index_with_a_mark_of_another_kind_is_filled_anew(store: Store, tmp_path: Path) -> None:
    index = HybridIndex(HashEmbedder(), tmp_path / "index")
    index.put([Passage("old", Source.ENTRY, "An answer.", "A question?")], mark=("4 2 old 1 2026-11-22", ""))
    with store.write() as conn:
        rows.add_entry(conn, RETURNS)

    found = Knowledge(store, index).search(ASKS_RETURN, limit=5)

    assert [e.id for e in found] == [RETURNS.id]
    assert [hit.owner for hit in index.search("A question?", source=Source.ENTRY, limit=5)] == []
    index.close()


def test_an_index_of_a_store_in_which_something_else_came_of_a_draft_is_filled_anew(
    fernweh: Desk, tmp_path: Path
) -> None:
    """As after a back-up was brought back: all but the last outcome is as it was."""
    ref = fernweh.ask(ASKS_RETURN)
    fernweh.agent(ref, fernweh.decided(ref).draft.text, status="solved")
    index = HybridIndex(HashEmbedder(), tmp_path / "index")
    Knowledge(fernweh.line.store, index).keep_up()
    index.put([Passage("old", Source.ASKED, "Of the other store?")])
    with fernweh.line.store.write() as conn:
        execute(conn, "UPDATE signal SET id = 's-a-else@1' WHERE seq = (SELECT max(seq) FROM signal)", ())

    Knowledge(fernweh.line.store, index).keep_up()

    found = [hit.owner for hit in index.search("Of the other store?", source=Source.ASKED, limit=5)]
    assert "old" not in found
    index.close()


def test_a_process_of_an_older_version_beside_us_keeps_nobody_waiting(store: Store, tmp_path: Path) -> None:
    index = HybridIndex(HashEmbedder(), tmp_path / "index")
    knowledge = Knowledge(store, index)
    with store.write() as conn:
        rows.add_entry(conn, RETURNS)
    knowledge.keep_up()
    index.put([], mark=("9 9 returns-window 1 2026-11-22", index.mark()))
    with store.write() as conn:
        rows.add_entry(conn, GIFT)

    knowledge.keep_up()

    assert [e.id for e in knowledge.search("Is there gift wrapping?", limit=1)] == [GIFT.id]
    assert [e.id for e in knowledge.search(ASKS_RETURN, limit=1)] == [RETURNS.id]
    assert knowledge.whole()
    index.close()


def test_while_the_index_is_far_behind_nothing_is_answered_alone(fernweh: Desk) -> None:
    with fernweh.line.store.write() as conn:
        limits.add_licence(conn, Licence("returns", "ines", fernweh.clock(), fernweh.clock() + timedelta(days=9)))
    fernweh.policy(Policy(reply_at=0.1))
    before = fernweh.decided(fernweh.ask(ASKS_RETURN)).decision
    fernweh.know(*(replace(GIFT, id=f"gift-{number}", question=f"Gift {number}?") for number in range(140)))

    meanwhile = fernweh.decided(fernweh.ask(ASKS_RETURN, customer="lena@example.com")).decision
    fernweh.line.knowledge.keep_up()
    after = fernweh.decided(fernweh.ask(ASKS_RETURN, customer="nina@example.com")).decision

    assert (before.action, after.action) == (Action.REPLY, Action.REPLY)
    assert meanwhile == Decision(Action.SUGGEST, Reason.UNCOMPARED)


def test_an_upgrade_tells_which_page_each_entry_comes_from(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path}/old.db")
    migrate(made, "0008")
    sql = "INSERT INTO entry (id, topic, version, value, at) VALUES (?, ?, 1, ?, '2026-11-22 09:30:00')"
    for known in (ENGRAVING, replace(GIFT, url="")):
        value = TypeAdapter(Entry).dump_json(known).decode()
        with made.engine.begin() as conn:
            conn.exec_driver_sql(sql, (known.id, known.topic, value))

    migrate(made)

    with made.read() as conn:
        pages = execute(conn, "SELECT id, page FROM entry ORDER BY id")
        assert [e.id for e in rows.newest_of(conn, (), [page_of(LINK)])] == [ENGRAVING.id]
    made.close()
    assert pages == [(ENGRAVING.id, "help.fernweh.example/hc/articles/1207"), (GIFT.id, "")]


def test_the_knowledge_page_says_what_memory_is_worth(fernweh: Desk) -> None:
    linked(fernweh, 3)

    page = staff(fernweh.line, fernweh.url, INES).get("/knowledge", ask=INITIALS).text

    assert "memory +0.75" in page
    assert ENGRAVING.question in page


def test_the_knowledge_page_asks_as_a_customer_with_a_plan(fernweh: Desk) -> None:
    fernweh.know(replace(GIFT, version=2, scope=replace(GIFT.scope, plan="gold")))
    visitor = staff(fernweh.line, fernweh.url, INES)

    nobody, gold = (visitor.get("/knowledge", ask=GIFT.question, plan=plan).text for plan in ("", "gold"))

    assert ("kept back: only for the plan gold" in nobody, "only for the plan" in gold) == (True, False)
    assert 'name="plan" value="gold"' in gold


def test_somebody_who_asks_waits_a_few_seconds_for_an_index_and_is_told_what_is_missing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_commands, "PATIENCE", 0.0)
    with shell.store().write() as conn:
        for number in range(300):
            rows.add_entry(conn, replace(GIFT, id=f"gift-{number}", question=f"Gift {number}?"))

    told = shell("ask", "Gift 3?").out

    assert "236 more are not in the index yet" in told
    assert "\nEntries\n" in told


def test_ask_says_what_memory_is_worth_and_how_past_replies_begin(shell: Shell) -> None:
    with shell.store().write() as conn:
        rows.add_entry(conn, ENGRAVING)
        rows.add_past(conn, REPLY)

    told = shell("ask", INITIALS).out

    assert ", memory +0.50)" in told
    assert f"\n       {LINKED}\n" in told


def evidence(id: str, score: float, memory: float = 0.0) -> Evidence:
    return Evidence(Source.ENTRY, id, 1, id, "So it is.", score, topic="service", memory=memory)


@pytest.mark.parametrize(
    ("scores", "limit", "kept"),
    [
        ([0.5, 0.4, 0.3], 2, [0.5, 0.4]),
        ([0.1, 0.2, 0.6, 0.7], 3, [0.1, 0.6, 0.7]),
        ([0.1, 0.7, 0.2, 0.6], 4, [0.1, 0.7, 0.2, 0.6]),
        ([0.1, 0.7], 1, [0.1]),
        ([], 3, []),
    ],
)
def test_the_two_nearest_are_among_what_is_found_whatever_memory_thinks_of_them(
    scores: list[float], limit: int, kept: list[float]
) -> None:
    found = with_nearest([evidence(f"e{score}", score) for score in scores], limit)

    assert [e.score for e in found] == kept


@pytest.mark.parametrize(("score", "memory", "says"), [(0.24, 0.0, True), (0.23, 0.49, False), (0.0, 0.5, True)])
def test_what_is_near_or_well_remembered_carries_an_answer(score: float, memory: float, says: bool) -> None:
    assert carries(evidence("e", score, memory)) is says


def test_memory_puts_what_was_linked_before_what_is_a_little_nearer(fernweh: Desk) -> None:
    """By their texts the one on wrapping comes first."""
    asked = "Is there a gift box, or letters on the aluminium?"
    found = partial(fernweh.line.knowledge.evidence, asked, Asker(fernweh.clock()), limit=2)
    before = [e.id for e in found()]
    with fernweh.line.store.write() as conn:
        for number in range(9):
            rows.add_past(conn, replace(REPLY, id=f"i-history:{number}", question=asked))

    assert (before[0], next(e.id for e in found())) == (GIFT.id, ENGRAVING.id)


def test_the_newest_links_count_where_the_same_was_asked_more_often_than_is_looked_at(fernweh: Desk) -> None:
    to_gift = replace(REPLY, links=("https://help.fernweh.example/gift",))
    fernweh.know(replace(GIFT, version=2, url="https://help.fernweh.example/gift"))
    with fernweh.line.store.write() as conn:
        for number in range(60):
            rows.add_past(conn, replace(REPLY if number < 30 else to_gift, id=f"i-history:{number}"))

    assert memory_of(fernweh, INITIALS, ENGRAVING) == 0.0
    assert memory_of(fernweh, INITIALS, GIFT) > 0.9
