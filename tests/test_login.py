"""Who gets in: one-time passwords, sessions that end, roles, tokens of forms, and how often anybody may try."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from flask import Flask, request
from werkzeug.test import Client

import app
from bot import passwords
from bot.backends.workers import Bell
from bot.errors import Forged
from bot.line import Links
from bot.model import PersonRole, VerdictKind
from bot.settings import Settings
from bot.store import audit, limits, people
from bot.web import company, guard, sandbox
from bot.web.server import listen
from tests.desk import INES, TOMASZ, Desk, desk
from tests.staff import Visitor, staff

pytestmark = pytest.mark.services
ADMIN = replace(INES, role=PersonRole.ADMIN)
OPEN = {
    "static", "pages.health", "pages.nowhere", "pages.draft", "pages.judge",
    "pages.login", "pages.password", "pages.begin", "pages.back",
}  # fmt: skip
BOARD = {"pages.front", *(f"sandbox.{act}" for act in ("board", "ask", "reply", "press", "submit", "knob", "stop"))}


@pytest.fixture
def office(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        yield made


def password(made: Desk, email: str = INES.email) -> str:
    """One that works once."""
    with made.line.store.write() as conn:
        who = people.by_email(conn, email)
        assert who is not None
        return passwords.give(conn, who, "test", made.clock())


def test_a_password_signs_in_once_and_leads_to_the_page_that_was_asked_for(office: Desk) -> None:
    visitor, secret = Visitor(office.url), password(office)

    asked = visitor.get("/audit", about="ines")
    assert (asked.url, "Sign in" in asked.text) == (f"{office.url}/login", True)
    inside = visitor.sign_in("Ines@Fernweh.example", secret)
    assert (inside.status_code, inside.url) == (200, f"{office.url}/audit?about=ines")
    assert "Ines Duarte, lead" in inside.text

    again = Visitor(office.url).sign_in(INES.email, secret)
    assert (again.status_code, "it was used already" in again.text) == (401, True)
    with office.line.store.read() as conn:
        did = [(e.who, e.what, e.detail) for e in audit.entries(conn, "session:ines")]
    assert did == [("ines", "signed in", {"via": "password"})]


def test_a_password_used_many_times_at_once_signs_in_once(office: Desk) -> None:
    secret, visitors = password(office), [Visitor(office.url) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda visitor: visitor.sign_in(INES.email, secret).status_code, visitors))

    assert (answers.count(200), answers.count(401)) == (1, 7)


def test_opening_the_link_of_a_password_fills_in_the_form_and_uses_nothing_up(office: Desk) -> None:
    visitor, secret = Visitor(office.url), password(office)
    link = passwords.invitation("", INES, secret).rpartition(" at ")[2]

    for _ in range(2):
        assert f'value="{secret}"' in visitor.get(link).text

    assert visitor.sign_in(INES.email, secret).status_code == 200


@pytest.mark.parametrize("wrong", ["another's", "newer", "late", "removed", "made up", "a session"])
def test_a_password_that_is_not_good_signs_nobody_in(office: Desk, wrong: str) -> None:
    secret, email = password(office), INES.email
    if wrong == "another's":
        email = TOMASZ.email
    if wrong == "newer":
        password(office)
    if wrong == "late":
        office.clock.forward(hours=25)
    if wrong == "removed":
        with office.line.store.write() as conn:
            people.remove_person(conn, "ines")
    if wrong == "made up":
        secret = "x" * 16

    answer = Visitor(office.url).sign_in(email, secret if wrong != "a session" else "")

    assert (answer.status_code, "not the password of this address" in answer.text) == (401, True)


def test_signing_out_ends_the_session_even_for_a_copy_of_its_cookie(office: Desk) -> None:
    visitor = staff(office.line, office.url, INES)
    copy = Visitor(office.url)
    copy.browser.cookies.update(visitor.browser.cookies)
    assert copy.get("/control").url == f"{office.url}/control"

    assert visitor.post("/logout").url == f"{office.url}/login"

    assert copy.get("/control").url == f"{office.url}/login"


def test_a_session_ends_after_twelve_hours_and_with_the_person(office: Desk) -> None:
    late, gone = staff(office.line, office.url, INES), staff(office.line, office.url, TOMASZ)
    with office.line.store.write() as conn:
        people.remove_person(conn, "tomasz")
    assert gone.get("/control").url == f"{office.url}/login"

    office.clock.forward(hours=11)
    assert late.get("/control").url == f"{office.url}/control"
    office.clock.forward(hours=1)
    assert late.get("/control").url == f"{office.url}/login"


def test_signing_in_gives_a_new_secret_so_that_one_planted_before_is_worth_nothing(office: Desk) -> None:
    visitor = Visitor(office.url)
    visitor.get("/login")
    planted = dict(visitor.browser.cookies)

    visitor.sign_in(INES.email, password(office))

    other = Visitor(office.url)
    other.browser.cookies.update(planted)
    assert other.get("/control").url == f"{office.url}/login"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(office: Desk) -> None:
    plain = requests.get(f"{office.url}/login", timeout=5).headers["Set-Cookie"]

    assert plain.startswith("understudy=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(plain.split("; "))
    assert "Secure" not in plain  # on this machine alone


def test_behind_https_the_cookie_never_travels_without(tmp_path: Path) -> None:
    answer = elsewhere(tmp_path).test_client().get("/login", base_url="https://bot.fernweh.example")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-understudy=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_sessions_and_links_signed_with_the_previous_secret_go_on_and_those_of_older_ones_do_not(office: Desk) -> None:
    old = staff(office.line, office.url, INES).browser.cookies["understudy"]
    link = office.line.links.make("n", VerdictKind.ACCEPT).rpartition("/")[2]

    for previous, status in ((office.line.links.secret, 200), (b"", 303)):
        links = Links(office.url, b"n" * 32, previous)
        client = app.web(replace(office.line, links=links)).test_client()
        client.set_cookie("understudy", old, domain="127.0.0.1")

        assert client.get("/control", base_url=office.url).status_code == status
        assert known(links, link) == bool(previous)
        assert known(links, links.make("n", VerdictKind.EDIT).rpartition("/")[2])


def known(links: Links, token: str) -> bool:
    """Is it read?"""
    try:
        return links.read(token)[0] == "n"
    except Forged:
        return False


def elsewhere(folder: Path) -> Flask:
    """The app of a bot on the internet."""
    chosen = Settings(f"sqlite:///{folder}/https.db", "", "https://bot.fernweh.example", b"0" * 32)
    return app.web(app.build(chosen, {}, Bell()))


def routes(made: Flask) -> dict[str, set[str]]:
    """Every endpoint with its methods."""
    return {rule.endpoint: set(rule.methods or ()) for rule in made.url_map.iter_rules()}


def test_every_route_has_its_least_role_and_only_these_are_open(tmp_path: Path) -> None:
    known = routes(elsewhere(tmp_path))

    assert set(known) == set(guard.NEEDS)
    assert {name for name, need in guard.NEEDS.items() if need is None} == OPEN


def test_in_the_sandbox_the_board_alone_is_open_too(tmp_path: Path) -> None:
    with app.miniature(Settings(f"sqlite:///{tmp_path}/s.db", "", secret=b"0" * 32)) as world:
        known = routes(world.app)

    assert set(known) == set(sandbox.PLAYED)
    assert {name for name, need in sandbox.PLAYED.items() if need is None} == OPEN | BOARD


def test_a_route_that_nobody_has_named_is_closed(tmp_path: Path) -> None:
    made = elsewhere(tmp_path)
    made.add_url_rule("/new", "new", lambda: "secrets")

    answer = made.test_client().get("/new", base_url="https://bot.fernweh.example")

    assert (answer.status_code, "secrets" in answer.text) == (403, False)


@pytest.mark.parametrize("role", [None, *PersonRole])
def test_each_role_reaches_what_is_its_own_and_nothing_above(office: Desk, role: PersonRole | None) -> None:
    if role:
        with office.line.store.write() as conn:
            people.save_person(conn, replace(INES, role=role))
    visitor = staff(office.line, office.url, INES) if role else Visitor(office.url)
    order = [None, *PersonRole]
    made = app.web(office.line)

    for rule in made.url_map.iter_rules():
        need = guard.NEEDS[rule.endpoint]
        if need is None or rule.endpoint == "pages.logout":
            continue
        shown = "GET" in (rule.methods or ())
        answer = visitor.get(rule.rule, follow=False) if shown else visitor.post(rule.rule)
        allowed = order.index(role) >= order.index(need)
        refused = 403 if role else 303 if shown else 401
        assert (rule.rule, answer.status_code) in [(rule.rule, n) for n in ((200, 400) if allowed else (refused,))]


def test_a_form_carries_the_token_of_its_own_session(office: Desk) -> None:
    ines, tomasz = staff(office.line, office.url, INES), staff(office.line, office.url, TOMASZ)
    foreign = guard_token(tomasz)

    for token in ("", "x", foreign, "é"):
        answer = ines.send("/control/stop", token=token)
        assert (answer.status_code, "Too old" in answer.text) == (403, True)
    without = ines.send("/control/stop")
    assert without.status_code == 403

    with office.line.store.read() as conn:
        assert not limits.stopped(conn)


def guard_token(visitor: Visitor) -> str:
    """The token of a visitor's forms."""
    return visitor.get("/control").text.partition('name="token" value="')[2].partition('"')[0]


def test_ten_wrong_passwords_are_all_for_an_account_from_whatever_address(office: Desk) -> None:
    secret = password(office)

    answers = [Visitor(office.url).sign_in(INES.email, f"wrong {n}").status_code for n in range(11)]
    assert answers == [401] * 10 + [429]
    assert Visitor(office.url).sign_in(INES.email, secret).status_code == 429

    office.clock.forward(minutes=16)
    assert Visitor(office.url).sign_in(INES.email, secret).status_code == 200


def test_ten_wrong_passwords_are_all_for_an_address_whatever_the_account(office: Desk) -> None:
    answers = [Visitor(office.url).sign_in(f"a{n}@fernweh.example", "x").status_code for n in range(11)]

    assert answers == [401] * 10 + [429]


def test_many_at_once_have_ten_tries_together_since_the_database_counts(office: Desk) -> None:
    processes = [app.web(office.line) for _ in range(8)]  # made here: CPython 3.11 cannot parse in two threads at once

    def guess(n: int) -> int:
        client = processes[n % 8].test_client()
        with client.session_transaction(base_url=office.url) as cookie:
            cookie["token"] = "t"
        form = {"token": "t", "email": INES.email, "password": f"guess {n}"}
        return client.post("/login", data=form, base_url=office.url, headers={"Origin": office.url}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(40)))

    assert (answers.count(401), answers.count(429)) == (10, 30)


def test_whoever_signs_in_has_all_tries_again(office: Desk) -> None:
    for n in range(9):
        Visitor(office.url).sign_in(INES.email, f"wrong {n}")
    assert Visitor(office.url).sign_in(INES.email, password(office)).status_code == 200

    assert Visitor(office.url).sign_in(INES.email, "wrong").status_code == 401


def test_without_a_provider_the_page_says_how_to_get_a_password(office: Desk) -> None:
    page = Visitor(office.url).get("/login").text

    assert "app.py password you@example.com" in page
    assert "OIDC_ISSUER" in page
    assert Visitor(office.url).get("/login/begin").url == f"{office.url}/login"


@pytest.mark.parametrize("path", ["//evil.example/control", "/\\evil.example", "/login?next=https://evil.example"])
def test_nobody_is_led_elsewhere_after_signing_in(office: Desk, path: str) -> None:
    visitor = Visitor(office.url)
    visitor.get(path)

    inside = visitor.sign_in(INES.email, password(office))

    assert inside.url.startswith(f"{office.url}/")
    assert "evil" not in inside.url


def test_the_sandboxes_admin_signs_in_with_what_is_printed(tmp_path: Path) -> None:
    with app.miniature(Settings(f"sqlite:///{tmp_path}/s.db", "", secret=b"0" * 32)) as world:
        printed = company.invitation(world.line).splitlines()

    assert printed[0] == "ines@fernweh.example (admin) signs in once within 24 hours, with"
    assert re.fullmatch(r"password: [\w-]{16}", printed[1])
    assert printed[2].startswith("or at http://127.0.0.1:8000/login?email=ines%40fernweh.example&password=")


def test_the_proxy_in_front_says_who_it_was_and_nobody_else_does() -> None:
    for trusted, seen in (("127.0.0.1", "203.0.113.9"), ("", "127.0.0.1")):
        assert remote(trusted) == seen


def remote(trusted: str) -> str:
    """The address that a page sees of a request which says that it comes from 203.0.113.9."""
    made = Flask("seen")
    made.add_url_rule("/", "seen", lambda: request.remote_addr or "")
    server = listen(made, Settings(port=0, trusted_proxy=trusted))
    client = Client(server.application)
    seen = client.get("/", headers={"X-Forwarded-For": "203.0.113.9"}, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    server.close()
    return seen.text
