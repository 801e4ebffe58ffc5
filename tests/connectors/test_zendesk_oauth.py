"""Signing in to Zendesk: tokens end, are renewed once, and are kept where nobody reads them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.errors import Misconfigured, Unavailable
from bot.model import Delivery, DeliveryKind, Ref
from connectors.stage import Fault
from connectors.zendesk.connector import connect
from connectors.zendesk.fake import Fake
from connectors.zendesk.fakeapi import REFRESH

KEY = Fernet.generate_key().decode()


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    made.customer_says("Where is my order?", customer="maria@example.com")
    yield made
    made.close()


@pytest.fixture
def rotating(fake: Fake, tmp_path: Path) -> dict[str, str]:
    kept = {"ZENDESK_TOKEN_FILE": str(tmp_path / "tokens"), "ZENDESK_TOKEN_KEY": KEY}
    return fake.settings() | kept | {"ZENDESK_REFRESH_TOKEN": REFRESH}


REF = Ref("zendesk", "1")
NOTE = Delivery("d-1", REF, DeliveryKind.NOTE, "Hello")


def test_eight_threads_renew_an_ended_token_once(fake: Fake) -> None:
    zendesk, together = connect(fake.settings()), threading.Barrier(8)
    zendesk.fetch(REF)
    fake.api.tokens.expire()

    def fetch(_: int) -> str:
        together.wait(10)
        return zendesk.fetch(REF).subject

    with ThreadPoolExecutor(8) as pool:
        subjects = list(pool.map(fetch, range(8)))

    assert subjects == ["Where is my order?"] * 8
    assert fake.api.tokens.granted == 2


def test_a_write_with_an_ended_token_is_applied_once(fake: Fake) -> None:
    zendesk = connect(fake.settings())
    zendesk.fetch(REF)
    fake.api.tokens.expire()

    zendesk.deliver(NOTE)

    assert [w.mark for w in fake.ledger.writes] == ["d-1"]


def test_a_rotated_pair_outlives_the_process_and_is_not_readable(fake: Fake, rotating: dict[str, str]) -> None:
    connect(rotating).fetch(REF)
    fake.api.tokens.expire()

    connect(rotating).deliver(NOTE)

    file = Path(rotating["ZENDESK_TOKEN_FILE"])
    assert fake.api.tokens.granted == 2
    assert b"token" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


def test_a_process_takes_the_pair_that_another_one_renewed(fake: Fake, rotating: dict[str, str]) -> None:
    one, other = connect(rotating), connect(rotating)
    one.fetch(REF)
    other.fetch(REF)
    fake.api.tokens.expire()

    one.fetch(REF)
    other.fetch(REF)

    assert fake.api.tokens.granted == 2


def test_a_new_refresh_token_in_the_settings_wins_over_the_file(fake: Fake, rotating: dict[str, str]) -> None:
    connect(rotating).fetch(REF)

    with pytest.raises(Unavailable, match="refresh_token"):
        connect(rotating | {"ZENDESK_REFRESH_TOKEN": "signed-in-anew"}).fetch(REF)


def test_a_file_of_another_key_is_named(rotating: dict[str, str]) -> None:
    connect(rotating).fetch(REF)

    with pytest.raises(Misconfigured, match="ZENDESK_TOKEN_KEY"):
        connect(rotating | {"ZENDESK_TOKEN_KEY": Fernet.generate_key().decode()})


def test_credentials_that_are_not_accepted_wait_for_somebody_to_mend_them(fake: Fake) -> None:
    wrong = fake.settings() | {"ZENDESK_CLIENT_SECRET": "wrong"}
    ended = {k: v for k, v in fake.settings().items() if "CLIENT" not in k} | {"ZENDESK_ACCESS_TOKEN": "ended"}

    for env in (wrong, ended):
        with pytest.raises(Unavailable) as caught:
            connect(env).deliver(NOTE)
        assert (caught.value.maybe, caught.value.retry_after) == (False, 60.0)


@pytest.mark.parametrize("fault", [Fault("status", 503), Fault("status", 429, "1.5"), Fault("drop"), Fault("lost")])
def test_while_nobody_grants_tokens_nothing_was_sent(fake: Fake, fault: Fault) -> None:
    fake.knobs.next.append(fault)

    with pytest.raises(Unavailable) as caught:
        connect(fake.settings()).deliver(NOTE)

    assert not caught.value.maybe
    assert fake.ledger.writes == ()
