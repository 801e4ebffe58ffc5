"""What helpdesks keep beside conversations, over real HTTP on loopback: articles, macros, resolved conversations."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Malformed, Misconfigured, Refused, Unavailable
from bot.ports import Article, Articles, History, Macros
from connectors.http import pairs, shape
from connectors.intercom import connector as intercom_connector
from connectors.intercom import shapes as intercom_shapes
from connectors.intercom.fake import Fake as IntercomFake
from connectors.intercom.shelf import _article as of_intercom
from connectors.stage import Fault
from connectors.zendesk import shapes
from connectors.zendesk.connector import Zendesk, connect
from connectors.zendesk.fake import Fake
from connectors.zendesk.guide import SEGMENT
from connectors.zendesk.shelf import _article, _macro

ROOT = Path(__file__).parents[2] / "connectors"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MARIA, TOMASZ = "maria@example.com", "tomasz@fernweh.example"


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


@pytest.fixture
def zendesk(fake: Fake) -> Zendesk:
    return connect(fake.settings())


@pytest.fixture
def other() -> Iterator[IntercomFake]:
    made = IntercomFake()
    yield made
    made.close()


def sample(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def titles(found: Iterator[Article]) -> list[str]:
    return [text.title for article in found for text in article.texts]


def test_who_has_a_help_centre_macros_and_a_history_says_so(zendesk: Zendesk, other: IntercomFake) -> None:
    intercom = intercom_connector.connect(other.settings())

    assert [isinstance(zendesk, kind) for kind in (Articles, Macros, History)] == [True, True, True]
    assert [isinstance(intercom, kind) for kind in (Articles, Macros, History)] == [True, False, True]


def test_the_vendors_own_samples_are_read(zendesk: Zendesk) -> None:
    article = _article(zendesk.desk, shape(shapes.Article, sample("zendesk/samples/article.json"), "zendesk"), {})
    macro = _macro(shape(shapes.Macro, sample("zendesk/samples/macro.json"), "zendesk"))
    raw = sample("intercom/samples/article.json")
    raw["translated_content"].pop("fr")  # nulls are taken out before
    raw["translated_content"]["de"].pop("url")
    theirs = of_intercom(shape(intercom_shapes.Article, raw, "intercom"), {"125": ""})

    assert [(t.language, t.title) for t in article.texts] == [("en-us", "Can I wash my backpack?")]
    assert (macro.withheld, macro.texts[0].html) == ("", "<p>the label comes by e-mail.</p>")
    assert [(t.language, t.title) for t in theirs.texts] == [("en", "Can I wash my backpack?")]


@pytest.mark.parametrize(
    ("audiences", "withheld", "audience"),
    [
        ("", True, ""),
        (f"{SEGMENT}=pro", False, "pro"),
        (f"{SEGMENT}", False, ""),
        ("1=pro", True, ""),
    ],
)
def test_an_article_for_a_segment_reaches_whom_the_setting_says(
    fake: Fake, audiences: str, audience: str, *, withheld: bool
) -> None:
    fake.article("Discounts?", "<p>20 %.</p>", restricted=True)

    [found] = connect(fake.settings() | {"ZENDESK_AUDIENCES": audiences}).articles()

    assert (bool(found.withheld), found.audience, bool(found.texts)) == (withheld, audience, not withheld)


def test_of_several_segments_the_one_that_is_known_counts_and_two_are_too_many(zendesk: Zendesk) -> None:
    row = sample("zendesk/samples/article.json") | {"user_segment_id": 1, "user_segment_ids": [1, 2]}
    one = shape(shapes.Article, row, "zendesk")

    assert _article(zendesk.desk, one, {"1": "pro"}).audience == "pro"
    assert _article(zendesk.desk, one, {"1": "pro", "2": "club"}).withheld


def test_an_article_that_does_not_tell_for_whom_it_is_is_for_nobody(zendesk: Zendesk) -> None:
    row = sample("zendesk/samples/article.json")
    del row["user_segment_id"]

    assert _article(zendesk.desk, shape(shapes.Article, row, "zendesk"), {}).withheld


def test_an_article_that_does_not_tell_whether_it_is_a_draft_is_an_error() -> None:
    row = sample("zendesk/samples/article.json")
    del row["translations"][0]["draft"]

    with pytest.raises(Malformed, match=r"translations\.0\.draft"):
        shape(shapes.Article, row, "zendesk")


def test_translations_that_do_not_come_beside_an_article_are_asked_for(fake: Fake, zendesk: Zendesk) -> None:
    article = fake.article("Returns?", "<p>30 days.</p>")
    fake.article("Rückgabe?", "<p>30 Tage.</p>", id=article, locale="de")
    fake.guide.beside = False

    assert titles(zendesk.articles()) == ["Returns?", "Rückgabe?"]
    assert titles(zendesk.articles(LONG_AGO)) == ["Returns?", "Rückgabe?"]


def test_an_export_goes_on_at_the_time_at_which_its_page_ended(fake: Fake, zendesk: Zendesk) -> None:
    fake.guide.export = 3
    now = datetime.now(UTC)
    for n in range(10):
        fake.clock = lambda at=now + timedelta(seconds=n): at  # type: ignore[misc]
        fake.article(f"Q{n}", "<p>A.</p>")

    assert set(titles(zendesk.articles(LONG_AGO))) == {f"Q{n}" for n in range(10)}


def test_an_export_that_stands_still_is_given_up_for_the_whole_list(fake: Fake, zendesk: Zendesk) -> None:
    fake.guide.export = 3
    now = datetime.now(UTC)
    fake.clock = lambda: now  # more in a second than a page holds
    for n in range(10):
        fake.article(f"Q{n}", "<p>A.</p>")

    assert set(titles(zendesk.articles(LONG_AGO))) == {f"Q{n}" for n in range(10)}


@pytest.mark.parametrize(
    ("reply", "values", "why"),
    [
        ("<p>Hello {{ticket.requester.first_name}},</p><p>30 days.</p>", {}, ""),
        ("<p>Your order {{ticket.id}} comes tomorrow, as we said.</p>", {}, "fills in what only a ticket knows"),
        ("{% if ticket.tags contains 'vip' %}Yes{% endif %}", {}, "fills in what only a ticket knows"),
        ("<p>30 days.</p>", {"restriction": {"type": "User", "id": 102}}, "for some agents only"),
        ("", {}, "writes nothing"),
    ],
)  # fmt: skip
def test_a_macro_is_for_all_agents_and_writes_what_holds_for_every_ticket(
    fake: Fake, zendesk: Zendesk, reply: str, values: dict[str, Any], why: str
) -> None:
    fake.guide.macro("Returns", reply, **values)
    fake.guide.macro("Switched off", "<p>No.</p>", active=False)

    [found] = zendesk.macros()

    assert (found.texts[0].title, found.withheld) == ("Returns", why)
    assert "Hello" not in found.texts[0].html


def test_a_macro_that_writes_an_internal_note_is_for_no_customer(fake: Fake, zendesk: Zendesk) -> None:
    acts = [{"field": "comment_value", "value": "Ask Ines."}, {"field": "comment_mode_is_public", "value": "false"}]
    fake.guide.macro("Ask", "", actions=acts)

    assert [macro.withheld for macro in zendesk.macros()] == ["an internal note"]


def test_the_history_of_tickets_comes_by_pages_and_has_resolved_ones_alone(fake: Fake, zendesk: Zendesk) -> None:
    fake.guide.export = 2
    for n in range(7):
        ticket = fake.customer_says(f"Question {n}", customer=MARIA)
        fake.agent_says("Yes.", agent=TOMASZ, conversation=ticket, status="solved" if n % 2 else "open")

    assert sorted(ref.id for ref, _ in zendesk.history(LONG_AGO)) == ["2", "4", "6"]


def test_without_a_help_centre_the_vendor_says_no(fake: Fake, zendesk: Zendesk) -> None:
    list(zendesk.articles())
    fake.knobs.next.append(Fault("status", 404))

    with pytest.raises(Refused, match="articles"):
        list(zendesk.articles())


def test_intercom_has_to_be_told_which_collections_are_for_everybody(other: IntercomFake) -> None:
    other.article("For all?", "<p>Yes.</p>")
    other.article("For some?", "<p>Yes.</p>", restricted=True)
    said = {}
    for setting in ("125", "126=pro", "125 126=pro", "all"):
        made = intercom_connector.connect(other.settings() | {"INTERCOM_COLLECTIONS": setting})
        assert isinstance(made, Articles)
        said[setting] = {text.title: a.audience for a in made.articles() for text in a.texts}

    assert said == {
        "125": {"For all?": ""},
        "126=pro": {"For some?": "pro"},
        "125 126=pro": {"For all?": "", "For some?": "pro"},
        "all": {"For all?": "", "For some?": ""},
    }
    untold = intercom_connector.connect(other.settings() | {"INTERCOM_COLLECTIONS": ""})
    assert isinstance(untold, Articles)
    with pytest.raises(Misconfigured, match="INTERCOM_COLLECTIONS"):
        next(untold.articles())


def test_what_is_in_no_collection_is_not_shown_in_the_help_centre(other: IntercomFake) -> None:
    id_ = other.article("Alone?", "<p>Yes.</p>")
    other.world.articles[id_] |= {"parent_id": None, "parent_ids": []}
    made = intercom_connector.connect(other.settings() | {"INTERCOM_COLLECTIONS": "all"})
    assert isinstance(made, Articles)

    assert [article.withheld for article in made.articles()] == [
        "in no collection, so the help centre does not show it"
    ]


def test_what_moves_to_the_front_while_a_list_is_read_is_not_missed(other: IntercomFake) -> None:
    ids = [other.article(f"Q{n}", "<p>A.</p>") for n in range(120)]
    made = intercom_connector.connect(other.settings())
    assert isinstance(made, Articles)

    listing = made.articles()
    found = [next(listing)]
    other.article("Q0 anew", "<p>A.</p>", id=ids[0])
    found += listing

    assert {article.id for article in found} == set(ids)


def test_a_list_from_which_something_is_deleted_while_it_is_read_has_broken_off(other: IntercomFake) -> None:
    ids = [other.article(f"Q{n}", "<p>A.</p>") for n in range(120)]
    made = intercom_connector.connect(other.settings())
    assert isinstance(made, Articles)

    listing = made.articles()
    next(listing)
    other.archive(ids[-1])

    with pytest.raises(Unavailable, match="changed meanwhile"):
        list(listing)


@pytest.mark.parametrize("odd", ["abc", "1=", "=pro", "1=a=b", "1==", "all 125"])
def test_a_setting_of_pairs_that_cannot_be_read_is_refused(odd: str) -> None:
    with pytest.raises(Misconfigured, match="INTERCOM_COLLECTIONS"):
        pairs({"INTERCOM_COLLECTIONS": odd}, "INTERCOM_COLLECTIONS", "write 1=pro")
