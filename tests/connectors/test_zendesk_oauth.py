"""Signing in to Zendesk: tokens end, are renewed once, and are kept in memory alone."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.errors import Unavailable
from bot.model import Delivery, DeliveryKind, Ref
from connectors.stage import Fault
from connectors.zendesk.connector import connect
from connectors.zendesk.fake import Fake


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    made.customer_says("Where is my order?", customer="maria@example.com")
    yield made
    made.close()


REF = Ref("zendesk", "1")
NOTE = Delivery("d-1", REF, DeliveryKind.NOTE, "Hello")


def test_eight_threads_renew_an_ended_token_once(fake: Fake) -> None:
    zendesk, together = connect(fake.settings()), threading.Barrier(8)
    zendesk.fetch(REF)
    fake.tokens.clear()

    def fetch(_: int) -> str:
        together.wait(10)
        return zendesk.fetch(REF).subject

    with ThreadPoolExecutor(8) as pool:
        subjects = list(pool.map(fetch, range(8)))

    assert subjects == ["Where is my order?"] * 8
    assert fake.granted == 2


def test_a_write_with_an_ended_token_is_applied_once(fake: Fake) -> None:
    zendesk = connect(fake.settings())
    zendesk.fetch(REF)
    fake.tokens.clear()

    zendesk.deliver(NOTE)

    assert [w.mark for w in fake.ledger.writes] == ["d-1"]


def test_credentials_that_are_not_accepted_wait_for_somebody_to_mend_them(fake: Fake) -> None:
    with pytest.raises(Unavailable) as caught:
        connect(fake.settings() | {"ZENDESK_CLIENT_SECRET": "wrong"}).deliver(NOTE)

    assert (caught.value.maybe, caught.value.retry_after) == (False, 60.0)


def test_a_new_token_that_is_not_accepted_waits_for_somebody_too(fake: Fake) -> None:
    fake.knobs.writes_only = True
    fake.knobs.next.extend([Fault("status", 401), Fault("status", 401)])

    with pytest.raises(Unavailable, match="although it is new") as caught:
        connect(fake.settings()).deliver(NOTE)

    assert (caught.value.maybe, caught.value.retry_after, fake.granted) == (False, 60.0, 2)
    assert fake.ledger.writes == ()


@pytest.mark.parametrize("fault", [Fault("status", 503), Fault("status", 429, "1.5"), Fault("drop"), Fault("lost")])
def test_while_nobody_grants_tokens_nothing_was_sent(fake: Fake, fault: Fault) -> None:
    fake.knobs.next.append(fault)

    with pytest.raises(Unavailable) as caught:
        connect(fake.settings()).deliver(NOTE)

    assert not caught.value.maybe
    assert fake.ledger.writes == ()


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_redirect_is_a_vendor_being_mended_and_nobody_follows_it(fake: Fake, signed_in: bool) -> None:
    zendesk = connect(fake.settings())
    if signed_in:
        zendesk.fetch(REF)
    fake.knobs.next.append(Fault("status", 302))

    with pytest.raises(Unavailable, match="302"):
        zendesk.fetch(REF)

    assert zendesk.fetch(REF).subject == "Where is my order?"
