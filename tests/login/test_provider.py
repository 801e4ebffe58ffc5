"""Signing in at a real OpenID Connect provider, npm's oidc-provider on loopback; `make test-login` installs it."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

import app
from bot.settings import Oidc
from bot.store import audit, people
from connectors.stage import Server
from tests.desk import INES, Desk, desk
from tests.services import end, free_port, missing, wait_until
from tests.staff import Visitor

pytestmark = pytest.mark.login
HERE = Path(__file__).parent
SECRET = "of the test alone"


@pytest.fixture
def office(database_url: str) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk") as made:
        yield made


@pytest.fixture(params=["", "full"], ids=["asked with the token", "in the ID token"])
def house(request: pytest.FixtureRequest, office: Desk, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody at a bot whose staff signs in at a provider of the test's own."""
    node = shutil.which("node") or missing("node", "nodejs")
    if not (HERE / "node_modules").exists():
        missing("oidc-provider", "npm, then: make test-login")
    port, own = free_port(), free_port()
    url = f"http://127.0.0.1:{own}"
    line = replace(office.line, links=replace(office.line.links, public_url=url))
    server = Server(app.web(line, oidc=Oidc(f"http://127.0.0.1:{port}", "understudy", SECRET)), own)
    command = [node, "provider.mjs", str(port), f"{url}/login/back"]
    env = {**os.environ, "TOKEN": request.param}
    with (tmp_path / "log").open("wb") as log:
        provider: subprocess.Popen[bytes] = subprocess.Popen(command, stdout=log, stderr=log, cwd=HERE, env=env)
        try:
            wait_until(lambda: "ready" in (tmp_path / "log").read_text(), provider, tmp_path / "log")
            yield Visitor(url)
        finally:
            end(provider, signal.SIGTERM)
            server.close()


def at_the_provider(visitor: Visitor, email: str) -> requests.Response:
    """Begin, sign in there as `email` and agree; the last page of the bot, or of the provider."""
    page = visitor.get("/login/begin")
    for form in ({"prompt": "login", "login": email, "password": "any"}, {"prompt": "consent"}):
        action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        assert action, page.text
        page = visitor.browser.post(unescape(action[1]), form, timeout=10)
    return page


def test_who_comes_back_with_a_verified_address_of_the_team_is_that_person(house: Visitor, office: Desk) -> None:
    asked = house.get("/control")
    assert "Sign in with your company account" in asked.text

    inside = at_the_provider(house, "Ines@fernweh.example")

    assert (inside.status_code, inside.url) == (200, f"{house.url}/control")
    assert "Ines Duarte, lead" in inside.text
    with office.line.store.read() as conn:
        did = [(e.who, e.what, e.detail) for e in audit.entries(conn, "session:ines")]
    assert did == [("ines", "signed in", {"via": "oidc"})]


def test_a_stranger_is_told_what_to_do_and_stays_outside(house: Visitor) -> None:
    page = at_the_provider(house, "stranger@fernweh.example")

    assert page.status_code == 403
    assert "stranger@fernweh.example is not on the team" in page.text
    assert "app.py person stranger@fernweh.example" in page.text
    assert house.get("/control").url == f"{house.url}/login"


def test_an_address_that_is_not_verified_is_nobodys(house: Visitor, office: Desk) -> None:
    with office.line.store.write() as conn:
        people.save_person(conn, replace(INES, email="ines@unverified.example"))

    page = at_the_provider(house, "ines@unverified.example")

    assert (page.status_code, "has not verified this e-mail address" in page.text) == (403, True)
    assert house.get("/control").url == f"{house.url}/login"


def test_the_request_carries_state_nonce_and_a_challenge(house: Visitor) -> None:
    sent = house.get("/login/begin", follow=False)

    asked = {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["Location"]).query).items()}
    assert (asked["response_type"], asked["scope"], asked["code_challenge_method"]) == ("code", "openid email", "S256")
    assert asked["redirect_uri"] == f"{house.url}/login/back"
    assert all(len(asked[name]) >= 20 for name in ("state", "nonce", "code_challenge"))


def test_an_answer_is_taken_once_and_in_the_browser_that_asked(house: Visitor) -> None:
    answers: list[str] = []
    house.browser.hooks["response"] = [lambda got, **_: answers.append(got.url)]
    at_the_provider(house, INES.email)
    back = next(url for url in answers if "/login/back?" in url)

    for browser in (house, Visitor(house.url)):
        again = browser.browser.get(back, timeout=10)
        assert (again.status_code, "Not signed in" in again.text) == (403, True)


def test_who_says_no_at_the_provider_is_told_so(house: Visitor) -> None:
    begun = house.get("/login/begin", follow=False)
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]

    page = house.get("/login/back", error="access_denied", state=state)

    assert (page.status_code, "start again" in page.text) == (403, True)
