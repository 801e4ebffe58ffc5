"""What the brains in memory follow in the store: nothing is missed, and the nearest are found without reading all."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.backends.embedder import HashEmbedder
from bot.model import DeliveryState, Intervention, Proposal, ProposalState, Ref, Signal
from bot.store import Store, audit, reviews, tables
from learning.study import NEAREST, Known, study
from tests.desk import desk
from tests.learning.cases import NOW, REF

ENGRAVING = "Yes, we engrave up to three initials on aluminium trolleys for 15 euros. It takes two working days."


def proposal(name: str, question: str = "?", **more: Any) -> Proposal:
    state, later = ProposalState.WAITING, NOW + timedelta(days=14)
    made = Proposal(name, 1, state, question, f"{question} Yes.", "", "", "", (REF,), ("ines",), NOW, later)
    return replace(made, **more)


def keep(store: Store, *made: Proposal) -> None:
    with store.write() as conn:
        for one in made:
            reviews.save_proposal(conn, one, f"{one.version}{one.question}{one.answer}")


def signal(id: str) -> Signal:
    return Signal(id, NOW, "returns", "returns-window", good=1.0, weight=1.0, confidence=0.5)


def test_a_signal_is_never_numbered_below_one_that_was_read_already(store: Store) -> None:
    def append() -> None:
        with store.write() as conn:
            reviews.add_signal(conn, signal("s-late@1"))

    with ThreadPoolExecutor(1) as pool:
        with store.write() as conn:
            reviews.add_signal(conn, signal("s-early@1"))
            late = pool.submit(append)
            overtook, _ = wait([late], timeout=0.3)
        late.result()

    assert not overtook
    with store.read() as conn:
        assert [s.id for _, s in reviews.signals_after(conn, 0)] == ["s-early@1", "s-late@1"]


def test_the_proposal_of_most_teachers_then_of_most_conversations_then_the_oldest_is_next(store: Store) -> None:
    keep(
        store,
        proposal("p-new", at=NOW + timedelta(hours=1)),
        proposal("p-old"),
        proposal("p-two-refs", refs=(REF, Ref("zendesk", "8"))),
        proposal("p-two-teachers", teachers=("ines", "tomasz"), at=NOW + timedelta(hours=2)),
        proposal("p-open", teachers=("ines", "tomasz", "priya"), state=ProposalState.OPEN),
    )

    with store.read() as conn:
        assert [p.id for p in reviews.waiting_best(conn, 3)] == ["p-two-teachers", "p-two-refs", "p-old"]
        assert [p.id for p in reviews.waiting_best(conn, 9)][3:] == ["p-new"]
        assert reviews.waiting_best(conn, -1) == []
        assert len(reviews.proposals(conn, [ProposalState.OPEN])) == 1


def test_what_another_process_adds_changes_or_decides_is_followed(store: Store) -> None:
    known, asks = Known(), Intervention("i-1", REF, NOW, "ines", "Can you engrave my initials?", "")
    engrave, wash = proposal("p-1", "Which initials fit on a handle?"), proposal("p-2", "Can I wash the bag?")

    def nearest() -> str:
        with store.read() as conn:
            alike = known.alike(conn, asks, HashEmbedder())
        return max(alike, key=lambda id_: alike[id_])

    keep(store, wash)
    assert nearest() != "p-1"
    keep(store, engrave)
    assert nearest() == "p-1"
    keep(store, replace(wash, version=2, question="Can you engrave my initials?"))
    assert nearest() == "p-2"
    keep(store, replace(wash, version=2, question="Can you engrave my initials?", state=ProposalState.APPROVED))
    assert nearest() == "p-1"


def test_only_what_has_changed_is_read_until_something_is_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, asks = Known(), Intervention("i-1", REF, NOW, "ines", "Can you engrave my initials?", "")
    read, beside = list[str](), reviews.proposals_beside

    def proposals(conn: Connection, states: Iterable[ProposalState], ids: Sequence[str]) -> list[Proposal]:
        read.extend(ids)
        return beside(conn, states, ids)

    monkeypatch.setattr(reviews, "proposals_beside", proposals)

    def alike() -> tuple[list[str], list[str]]:
        read.clear()
        with store.read() as conn:
            found = known.alike(conn, asks, HashEmbedder())
        return sorted(found), sorted(read)

    keep(store, proposal("p-1", state=ProposalState.REJECTED), proposal("p-2", "Can you engrave it?"))
    assert alike() == (["p-1", "p-2"], ["p-1", "p-2"])
    assert alike() == (["p-1", "p-2"], [])
    keep(store, proposal("p-2", "Can you engrave it?", state=ProposalState.REJECTED))
    assert alike() == (["p-1", "p-2"], ["p-2"])
    with store.write() as conn:
        bare = proposal("p-2", "", answer="", state=ProposalState.REJECTED)
        conn.execute(update(tables.proposal).where(tables.proposal.c.id == "p-2").values(value=bare, digest=""))
    assert alike() == (["p-1", "p-2"], ["p-1", "p-2"])
    with store.read() as conn:
        assert known.alike(conn, asks, HashEmbedder())["p-2"] == (0.0, 0.0)


def test_of_many_proposals_the_nearest_are_found_wherever_they_stand(store: Store) -> None:
    known, asks = Known(), Intervention("i-1", REF, NOW, "ines", "Can you engrave my initials?", "")
    many = [proposal(f"p-{n:03}", f"Is trolley {n} washable?") for n in range(150)]
    keep(store, *many, proposal("p-near", "Can you engrave my initials?"))

    def nearest() -> list[str]:
        with store.read() as conn:
            alike = known.alike(conn, asks, HashEmbedder())
        assert len(alike) <= 2 * NEAREST
        return sorted(alike, key=lambda id_: alike[id_], reverse=True)[:1]

    assert nearest() == ["p-near"]
    keep(store, *(replace(p, state=ProposalState.EXPIRED) for p in many[:140]))
    assert nearest() == ["p-near"]
    keep(store, proposal("p-near", "Can you engrave my initials?", state=ProposalState.APPROVED))
    assert nearest() != ["p-near"]


def test_two_who_teach_the_same_at_once_stand_behind_one_proposal(database_url: str) -> None:
    with desk(database_url, "zendesk") as fernweh:
        line = fernweh.line
        first = Intervention("i-1", REF, NOW, "tomasz", "Can you engrave my initials?", ENGRAVING)
        second = replace(first, id="i-2", ref=Ref("zendesk", "8"), by="ines")
        with line.store.write() as conn:
            reviews.save_intervention(conn, first)
            reviews.save_intervention(conn, second)

        effects = [study(line, "i-1"), study(line, "i-2")]
        for effect in effects:
            assert effect is not None
            with line.store.write() as conn:
                effect(conn)

        with line.store.read() as conn:
            [made] = reviews.proposals(conn, tuple(ProposalState))
        assert (made.version, made.teachers) == (2, ("tomasz", "ines"))


def test_a_card_that_a_newer_version_overtakes_before_it_went_out_stays_in(database_url: str) -> None:
    with desk(database_url, "zendesk", "slack") as fernweh:
        line = fernweh.line
        first = Intervention("i-1", REF, NOW, "tomasz", "Can you engrave my initials?", ENGRAVING)
        prices = {"i-2": "20 euros", "i-3": "25 euros"}
        others = [replace(first, id=id_, answer=ENGRAVING.replace("15 euros", p)) for id_, p in prices.items()]

        for item in (first, *others):
            with line.store.write() as conn:
                reviews.save_intervention(conn, item)
            effect = study(line, item.id)
            assert effect is not None
            with line.store.write() as conn:
                effect(conn)
        fernweh.settle()

        sent, void = DeliveryState.SENT, DeliveryState.VOID
        cards = fernweh.deliveries(Ref("slack", "review"))
        assert [card.state for card in cards] == [sent, void, sent]
        assert fernweh.waiting() == 0
        assert [w.text for w in fernweh.fakes["slack"].ledger.writes] == ["New entry?", "New entry?"]
        assert "25 euros" in cards[2].delivery.text
        with line.store.read() as conn:
            [told] = audit.entries(conn, cards[1].delivery.key)
        assert (told.what, told.why) == ("void", "a newer version of the card takes its place")
