"""What the staff sees: links that act once and only when confirmed, control, health, audit, knowledge."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import update
from sqlalchemy.event import listen
from sqlalchemy.exc import DataError, IntegrityError

import app
from bot import pace, web
from bot.backends.workers import repeat
from bot.model import DeliveryKind, Entry, PersonRole, Pilot, Policy, Ref, VerdictKind
from bot.store import audit, drafts, limits, people, reviews
from bot.store.tables import draft
from bot.web.control import changes, listed, number
from bot.web.guard import AWAY
from tests.desk import ASKS_RETURN, INES, RETURNS, TOMASZ, Desk, desk
from tests.staff import Visitor, staff

pytestmark = pytest.mark.services


@pytest.fixture
def office(database_url: str, redis_url: str | None) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk", redis_url=redis_url) as made:
        yield made


def links(made: Desk, ref: Ref) -> dict[str, str]:
    """The note's links, on this desk's own address."""
    note = next(s.delivery for s in made.deliveries(ref) if s.delivery.kind is DeliveryKind.NOTE)
    return {b.verdict: f"{made.url}/drafts/{b.value.rpartition('/')[2]}" for b in note.buttons}


def post(url: str, **form: str) -> requests.Response:
    """A form, as a browser sends it from a page of the same site."""
    return requests.post(url, form, headers={"Referer": url}, timeout=5)


def confirm(url: str, **form: str) -> requests.Response:
    """What a person does who opens the page and presses the button."""
    return post(url, **{"by": "tomasz", **form})


def lead(made: Desk) -> Visitor:
    """Ines, signed in."""
    return staff(made.line, made.url, INES)


def act(made: Desk, name: str, **form: Any) -> requests.Response:
    """A form of the control page, from Ines."""
    return lead(made).post(f"/control/{name}", **form)


POLICY = {"share": "1", "reply_at": "0.9", "suggest_at": "0.3", "stale_after": "72", "open_cards": "20", "version": "0"}


def test_opening_a_link_changes_nothing_and_confirming_sends_once(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    accept = links(office, ref)["accept"]

    for opened in (requests.get(accept, timeout=5), requests.head(accept, timeout=5), requests.get(accept, timeout=5)):
        assert opened.status_code == 200
    office.settle()
    assert [s.delivery.kind for s in office.deliveries(ref)] == [DeliveryKind.NOTE]

    answer = confirm(accept)
    office.settle()
    assert (answer.status_code, "On its way" in answer.text) == (200, True)
    assert [(s.delivery.kind, s.state, s.by) for s in office.deliveries(ref)][1:] == [("reply", "sent", "link:tomasz")]

    with office.line.store.read() as conn:
        entry = next(e for e in audit.entries(conn, office.decided(ref).draft.id) if e.what == "accept")
    assert (entry.who, entry.detail) == ("tomasz", {"ref": str(ref), "via": "link"})

    again = requests.get(accept, timeout=5)
    assert (again.status_code, "Tomasz Wilk has answered this draft" in again.text) == (409, True)


def test_an_edit_sends_the_edited_text_and_an_empty_one_is_asked_for_again(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    edit = links(office, ref)["edit"]

    empty = confirm(edit, text="  ")
    assert (empty.status_code, "The text is empty" in empty.text) == (400, True)

    assert confirm(edit, text="Hello Maria,\r\n\r\nwithin 60 days.").status_code == 200
    office.settle()
    assert office.sent(ref)[-1] == "Hello Maria,\n\nwithin 60 days."


def test_a_link_acts_for_whoever_has_the_conversation_and_for_nobody_else_without_a_login(office: Desk) -> None:
    with office.line.store.write() as conn:
        people.save_person(conn, replace(TOMASZ, vendor_ids=("zendesk:102",)))
    ref = office.ask("Thank you!")
    office.agent(ref, "You are welcome.")
    office.ask(ASKS_RETURN, conversation=ref.id)

    accept = links(office, ref)["accept"]

    page = requests.get(accept, timeout=5).text
    assert re.findall(r'name="by" value="(\w*)"', page) == ["tomasz"]
    assert confirm(accept, by="ines").status_code == 400

    assert lead(office).send(f"/drafts/{accept.rpartition('/')[2]}", by="ines").status_code == 200
    with office.line.store.read() as conn:
        entry = next(e for e in audit.entries(conn, office.decided(ref).draft.id) if e.what == "accept")
    assert (entry.who, entry.detail["via"]) == ("ines", "login")


def test_a_reject_keeps_the_reason_and_sends_nothing(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)

    assert (
        confirm(links(office, ref)["reject"], reason="It is out of date", more="60 days since May").status_code == 200
    )
    office.settle()

    draft = office.decided(ref).draft
    with office.line.store.read() as conn:
        outcome = reviews.outcome_of(conn, draft.id)
        why = [e.why for e in audit.entries(conn, draft.id) if e.what == "reject"]
    assert (outcome and outcome.kind, why) == ("rejected", ["It is out of date: 60 days since May"])
    assert len(office.sent(ref)) == 1


def test_a_link_that_is_forged_expired_or_overtaken_says_so_kindly(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    accept = links(office, ref)["accept"]

    forged = requests.get(accept[:-3] + "abc", timeout=5)
    assert (forged.status_code, "Not one of our links" in forged.text) == (404, True)

    office.agent(ref, "I have answered this myself.")
    late = requests.get(accept, timeout=5)
    assert (late.status_code, "this draft is void" in late.text) == (409, True)

    office.clock.forward(days=8)
    expired = requests.get(accept, timeout=5)
    assert (expired.status_code, "Expired" in expired.text) == (410, True)


def test_a_link_is_good_for_its_own_draft_once_whatever_is_made_of_it(office: Desk) -> None:
    one, other = (links(office, office.ask(ASKS_RETURN, customer=f"{n}@example.com")) for n in ("maria", "jonas"))
    with office.line.store.write() as conn:
        reviews.add_nonce(conn, "n", "proposal:p", "", office.clock() + timedelta(days=1))

    assert confirm(one["accept"]).status_code == 200
    spent = [confirm(one[verdict]).status_code for verdict in ("accept", "edit", "reject")]
    token = other["accept"].rpartition("/")[2]
    mixed = f"{office.url}/drafts/{one['accept'].rpartition('/')[2].partition('.')[0]}.{token.partition('.')[2]}"
    proposal = office.line.links.make("n", VerdictKind.ACCEPT).replace(office.line.links.public_url, office.url)

    assert spent == [409, 409, 409]
    assert [confirm(mixed).status_code, confirm(proposal).status_code] == [404, 404]
    assert confirm(other["accept"]).status_code == 200


def test_many_clicks_at_once_send_once(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    accept = links(office, ref)["accept"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: confirm(accept).status_code, range(40)))
    office.settle()

    assert (answers.count(200), answers.count(409)) == (1, 39)
    assert len(office.sent(ref)) == 2


def test_a_link_shows_what_it_was_made_for_or_is_refused(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    decided = office.decided(ref)
    changed = replace(decided, draft=replace(decided.draft, text="Send us your card number."))
    with office.line.store.write() as conn:
        conn.execute(update(draft).where(draft.c.id == decided.draft.id).values(value=changed))

    answer = confirm(links(office, ref)["accept"])

    assert (answer.status_code, "The draft has changed since it was shown" in answer.text) == (409, True)
    office.settle()
    assert len(office.sent(ref)) == 1


def test_a_form_is_taken_from_our_own_page_only(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    accept = links(office, ref)["accept"]

    without = requests.post(accept, {"by": "tomasz"}, timeout=5)
    other = requests.post(accept, {"by": "tomasz"}, headers={"Origin": "https://evil.example"}, timeout=5)
    nobody = confirm(accept, by="a stranger")

    assert [a.status_code for a in (without, other, nobody)] == [403, 403, 400]
    office.settle()
    assert len(office.sent(ref)) == 1


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null", "Referer": "http://127.0.0.1:8000/control"}, False),
        ({"Referer": "https://evil.example/http://127.0.0.1:8000/"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "http://evil.example:8000", "Host": "evil.example:8000"}, False),  # DNS rebinding
        ({"Sec-Fetch-Site": "same-origin", "Host": "evil.example:8000"}, False),
        ({"Origin": "http://localhost:8001", "Host": "localhost:8001"}, True),
        ({"Origin": "http://[::1]:8001", "Host": "[::1]:8001"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Referer": "http://127.0.0.1:8000/control"}, True),  # as PUBLIC_URL says, whatever host a proxy made of it
        ({"Origin": "http://127.0.0.1:8000"}, True),
    ],
)
def test_a_form_says_that_it_comes_from_here(office: Desk, headers: dict[str, str], ours: bool) -> None:
    answer = requests.post(f"{office.url}/login", {"email": "a@b"}, headers=headers, timeout=5)

    assert answer.status_code == 403
    assert ("Too old" in answer.text) == ours  # what is asked for next is the session's token


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8000", 403),
        ("[", 403),
    ],
)
def test_pages_are_shown_under_our_own_names_alone_and_health_under_any(office: Desk, host: str, status: int) -> None:
    pages = [requests.get(f"{office.url}/{page}", headers={"Host": host}, timeout=5) for page in ("login", "health")]

    assert [page.status_code for page in pages] == [status, 200]


def test_no_page_carries_a_script_or_a_style_of_its_own() -> None:
    texts = {file.name: file.read_text() for file in (Path(web.__file__).parent / "templates").glob("*.html")}

    inline = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?! src=)", re.I)

    assert len(texts) > 10
    assert {name for name, text in texts.items() if inline.search(text)} == set()


@pytest.mark.parametrize("path", ["", "login", "health", "nowhere", "static/style.css", "drafts/x"])
def test_every_answer_has_the_strict_headers(office: Desk, path: str) -> None:
    headers = requests.get(f"{office.url}/{path}", timeout=5).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] in {"no-store", "no-cache"}


def test_what_customers_write_is_shown_as_text_and_pages_forbid_scripts(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN.replace("days", "<b>days</b>"))

    page = requests.get(links(office, ref)["accept"], timeout=5)

    assert "How many &lt;b&gt;days&lt;/b&gt; do I have" in page.text
    assert "<script" not in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_a_lead_stops_everything_on_the_page_and_an_admin_lets_it_go_on(office: Desk) -> None:
    stopped = act(office, "stop", why="wrong prices")
    assert "Everything is stopped" in stopped.text
    assert "An admin lets it go on" in stopped.text
    assert requests.get(f"{office.url}/health", timeout=5).json()["stopped"] is True

    assert act(office, "go").status_code == 403
    with office.line.store.write() as conn:
        people.save_person(conn, replace(INES, role=PersonRole.ADMIN))
    assert "Sending is on" in lead(office).post("/control/go").text

    with office.line.store.read() as conn:
        assert not limits.stopped(conn)
        assert [(e.who, e.what, e.why) for e in audit.entries(conn, "everything")] == [
            ("ines", "let go", ""),
            ("ines", "stopped", "wrong prices"),
        ]


def test_a_policy_form_makes_the_next_version_with_what_changed(office: Desk) -> None:
    assert 'name="version" value="0"' in lead(office).get("/control").text

    saved = act(office, "policy", **POLICY, tags="vip, repair", draft_only="zendesk", why="pilot")

    assert saved.status_code == 200
    with office.line.store.read() as conn:
        policy = limits.current_policy(conn)
        entry = audit.entries(conn, "policy:1")[0]
    assert (policy.version, policy.pilot.tags, policy.draft_only, policy.reply_at) == (
        1,
        ("vip", "repair"),
        ("zendesk",),
        0.9,
    )
    assert entry.detail == {
        "reply_at": "0.85 → 0.9",
        "suggest_at": "0.35 → 0.3",
        "draft_only": "none → zendesk",
        "tags": "none → vip, repair",
    }
    assert "none → vip, repair" in saved.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"reply_at": "much"}, "To answer alone: a number from 0 to 1 is needed."),
        ({"share": "2"}, "Share of conversations: a number from 0 to 1 is needed."),
        ({"suggest_at": "0.95"}, "To suggest: it must not need more confidence than answering alone."),
        ({"agents": "103, priya"}, "Agents: their ids at the helpdesk are needed, no names such as priya."),
        (
            {"link_hosts": "https://help.fernweh.example/faq"},
            "help.example.com; https://help.fernweh.example/faq is none.",
        ),
        ({"link_hosts": "*"}, "Hosts: names alone are needed, such as help.example.com; * is none."),
        ({"link_hosts": "fernweh.example\nlocalhost"}, "localhost is none."),
        ({"link_hosts": "fernweh.example@evil.example"}, "fernweh.example@evil.example is none."),
        ({"version": "7"}, "Somebody has changed the policy meanwhile"),
    ],
)
def test_a_wrong_policy_form_comes_back_with_the_field_named(office: Desk, form: dict[str, str], said: str) -> None:
    answer = act(office, "policy", **{**POLICY, **form})

    assert (answer.status_code, said in unescape(answer.text)) == (400, True)
    with office.line.store.read() as conn:
        assert limits.current_policy(conn) == Policy()


def test_hosts_that_may_be_linked_are_kept_one_a_line_and_the_audit_says_which(office: Desk) -> None:
    saved = act(
        office, "policy", **POLICY, link_hosts="Status.Fernweh.Example\r\nküche.example\r\nstatus.fernweh.example"
    )

    assert ">status.fernweh.example\nxn--kche-0ra.example</textarea>" in saved.text
    with office.line.store.read() as conn:
        assert limits.current_policy(conn).link_hosts == ("status.fernweh.example", "xn--kche-0ra.example")
        changed = audit.entries(conn, "policy:1")[0].detail["link_hosts"]
    assert changed == "none → status.fernweh.example, xn--kche-0ra.example"


def test_a_topic_is_granted_for_some_days_and_taken_back(office: Desk) -> None:
    assert act(office, "licence", topic="returns", days="3").status_code == 200
    now = office.clock()
    with office.line.store.read() as conn:
        held = limits.licences(conn)["returns"]
    assert held is not None
    assert held.granted_by == "ines"
    assert timedelta(days=2.9) < held.until - now <= timedelta(days=3)

    act(office, "licence", topic="returns", revoke="yes")
    with office.line.store.read() as conn:
        assert "returns" not in limits.licensed(conn, office.clock())

    assert "a number of days" in act(office, "licence", topic="returns", days="for ever").text
    said = unescape(act(office, "licence", topic="weather", days="3").text)
    assert "Topic: no entry speaks about 'weather'; known are returns." in said


def test_health_counts_what_waits_and_what_the_door_refused(office: Desk) -> None:
    office.ask(ASKS_RETURN)
    requests.post(f"{office.url}/webhooks/zendesk", json={}, timeout=5)

    answer = requests.get(f"{office.url}/health", timeout=5)

    health = answer.json()
    assert (answer.status_code, health["store"], health["waiting"], health["dead"]) == (200, True, 0, 0)
    assert (health["conversations"], health["refused"]) == (1, {"zendesk 401": 1})
    assert (health["drafts"], health["outcomes"], health["uncompared"]) == (1, 0, 0)
    assert health["undelivered"] == {"approved": 0, "sending": 0, "unknown": 0}


def test_health_says_until_when_a_helpdesk_is_left_alone_and_the_front_page_why(office: Desk) -> None:
    until = office.clock() + timedelta(minutes=5)
    with office.line.store.write() as conn:
        pace.leave_alone(conn, "zendesk", until, "does not answer: ReadTimeout")

    health, front = requests.get(f"{office.url}/health", timeout=5), lead(office).get()

    assert health.json()["left_alone"] == {"zendesk": until.isoformat()}
    assert "ReadTimeout" not in health.text
    assert "does not answer: ReadTimeout" in front.text


def test_whole_tables_are_counted_once_however_often_health_is_asked_for(office: Desk) -> None:
    counted = list[str]()
    listen(office.line.store.engine, "before_cursor_execute", lambda *of: counted.append(of[2]))

    many = [requests.get(f"{office.url}/health", timeout=5).json()["conversations"] for _ in range(5)]
    office.clock.forward(seconds=6)
    office.ask(ASKS_RETURN)
    later = requests.get(f"{office.url}/health", timeout=5).json()["conversations"]

    assert (many, later) == ([0] * 5, 1)
    assert len([sql for sql in counted if "count(*)" in sql and "FROM conversation" in sql]) == 2


@pytest.mark.parametrize("path", ["/audit?about=%00", "/knowledge?q=a%00", "/drafts/a%00"])
def test_what_is_no_text_is_refused_in_words(office: Desk, path: str) -> None:
    answer = lead(office).get(path)

    assert (answer.status_code, "Not text" in answer.text) == (400, True)


def test_a_mistake_of_ours_is_not_said_to_be_the_database_that_does_not_answer() -> None:
    assert [error for error in (DataError, IntegrityError) if issubclass(error, AWAY)] == []


def test_the_newest_entries_are_shown_and_how_many_there_are(office: Desk) -> None:
    office.know(*(Entry(f"e-{n}", 1, f"Question {n}?", "Yes.", at=office.clock()) for n in range(200)))

    page = lead(office).get("/knowledge").text

    assert "201 in force, the newest 200 are shown" in page
    assert (page.count('<details class="entry"'), "How long can I return an order?" in page) == (200, False)


def test_a_helpdesk_that_is_not_connected_now_goes_on_answering_nobody_alone(office: Desk) -> None:
    office.policy(Policy(version=1, draft_only=("intercom",)))
    page = lead(office).get("/control").text
    ticked = re.findall(r'name="draft_only" value="(\w+)" checked', page)

    act(office, "policy", **{**POLICY, "version": "1"}, draft_only=ticked)

    with office.line.store.read() as conn:
        assert (limits.current_policy(conn).version, limits.current_policy(conn).draft_only) == (2, ("intercom",))


def test_while_the_store_is_away_pages_say_so_and_health_answers_503(office: Desk) -> None:
    visitor = lead(office)
    with office.line.store.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE work RENAME TO work_away")

    health = requests.get(f"{office.url}/health", timeout=5)
    front = visitor.get()

    assert (health.status_code, health.json()) == (503, {"store": False, "refused": {}})
    assert (front.status_code, "The database does not answer" in front.text) == (503, True)


def test_where_the_index_is_of_another_embedder_the_page_and_health_say_so_and_the_log_has_one_line(
    office: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = lead(office)
    office.line.knowledge.keep_up()
    before = requests.get(f"{office.url}/health", timeout=5)
    app.search(office.line.store, "words").reindex()

    health = requests.get(f"{office.url}/health", timeout=5)
    page = visitor.get("/knowledge", ask="How long can I return an order?")
    repeat(0.0, office.line.knowledge.keep_up, Rounds(3))

    assert (before.status_code, before.json()["index"]) == (200, True)
    assert (health.status_code, health.json()["store"], health.json()["index"]) == (503, True, False)
    assert "understudy.db" not in health.text
    assert (page.status_code, "holds vectors of words-1" in unescape(page.text)) == (503, True)
    assert "`app.py reindex` makes them anew" in unescape(page.text)
    assert RETURNS.question in visitor.get("/knowledge").text
    [told] = [r for r in caplog.records if r.levelname == "ERROR"]
    assert (told.message, told.exc_info, "`app.py reindex`" in told.__dict__["error"]) == ("not done", None, True)

    caplog.clear()
    office.ask(ASKS_RETURN)
    [told] = [r for r in caplog.records if r.levelname == "ERROR"]
    assert (told.message, told.exc_info, "`app.py reindex`" in told.__dict__["error"]) == ("not done", None, True)


class Rounds(threading.Event):
    """So many, and then it is over."""

    def __init__(self, many: int) -> None:
        super().__init__()
        self._left = many

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        return self._left < 0


def test_audit_and_knowledge_are_found_by_words(office: Desk) -> None:
    ref = office.ask(ASKS_RETURN)
    draft = office.decided(ref).draft

    confirm(links(office, ref)["reject"])
    visitor = lead(office)
    for about in (str(ref), draft.id, draft.id[:-2], "tomasz"):
        assert draft.id in visitor.get("/audit", about=about).text
    assert "Nothing is recorded about that" in visitor.get("/audit", about="nothing").text
    assert "How long can I return an order?" in visitor.get("/knowledge", q="RETURN").text
    assert "No entry with these words" in visitor.get("/knowledge", q="weather").text
    assert "the topic has no licence" in visitor.get().text
    with office.line.store.read() as conn:
        assert sum(drafts.decision_counts(conn).values()) == 1


@pytest.mark.parametrize("path", ["nowhere", "control/none", "drafts/a/b"])
def test_an_address_without_a_page_says_so_in_our_own_style(office: Desk, path: str) -> None:
    answer = requests.get(f"{office.url}/{path}", timeout=5)

    assert (answer.status_code, "There is no page at this address" in answer.text) == (404, True)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_forms_are_read_leniently() -> None:
    assert [number(t, 0, 1) for t in ("0,5", " .5 ", "nan", "inf", "-1", "")] == [0.5, 0.5, None, None, None, None]
    assert listed("a, b\nb,, c ") == ("a", "b", "c")


def test_changes_of_a_policy_name_the_fields() -> None:
    assert changes(Policy(), Policy(version=2, pilot=Pilot(share=0.5), one_lead=True)) == {
        "one_lead": "False → True",
        "share": "1.0 → 0.5",
    }
