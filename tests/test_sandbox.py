"""The sandbox without a browser: its forms, its company, and playing conversations from a file."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import app
from bot import cases
from bot.errors import Misconfigured
from bot.model import Ref
from bot.scope import Asker
from bot.settings import Settings
from bot.store import conversations, drafts, people
from bot.web import company, play
from bot.web.stages import World
from connectors.stage import Server
from tests.desk import INES
from tests.services import free_port
from tests.staff import staff

DESKS = ("intercom", "slack", "zendesk")
CASE: dict[str, Any] = {
    "id": "7",
    "subject": "Zip",
    "customer": {"email": "maria@example.com"},
    "status": "solved",
    "messages": [
        {"role": "agent", "author": "Tomasz Wilk", "text": "Yes, for ten years.", "at": "2024-03-01T10:00:00Z"},
        {"role": "customer", "text": "Is the zip under warranty?", "at": "2024-03-01T09:00:00Z"},
    ],
}


def chosen(folder: Path) -> Settings:
    """Settings of a sandbox in this folder, on a free port."""
    port = free_port()
    return Settings(f"sqlite:///{folder}/understudy.db", "", f"http://127.0.0.1:{port}", b"0" * 32, port=port)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[World, str]]:
    """A sandbox and its address."""
    settings = chosen(tmp_path)
    with app.miniature(settings) as world:
        server = Server(world.app, settings.port)
        try:
            yield world, settings.public_url
        finally:
            server.close()


def post(url: str, act: str, **form: str) -> str:
    """Send one of the board's forms the way a browser without scripts does; the page afterwards."""
    answer = requests.post(f"{url}/sandbox/{act}", form, headers={"Origin": url}, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.text


def write(path: Path, *rows: Any) -> Path:
    """A file of one JSON text per line, gzipped where its name says so."""
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_everything_on_the_board_works_without_a_script(place: tuple[World, str]) -> None:
    world, url = place

    post(url, "ask", stage="zendesk", customer="maria@example.com", text="Do you engrave <b>trolleys</b>?")
    assert play.settle(world)
    page = requests.get(url, {"i": "zendesk"}, timeout=5).text
    assert "Do you engrave &lt;b&gt;trolleys&lt;/b&gt;?" in page
    assert "nothing approved answers this well enough" in page
    assert "no entries came near enough" in page
    assert page.count("<script") == 1

    answer = "Yes, we engrave trolleys for 15 euros. It takes four working days."
    form = {"stage": "zendesk", "agent": "tomasz@fernweh.example", "conversation": "1"}
    post(url, "reply", text=answer, status="solved", **form)
    assert play.settle(world)
    card = world.channel.cards()[0]
    shown = requests.get(url, timeout=5).text
    assert "1 expert: Tomasz Wilk" in shown
    assert re.search(r'href="/\?[^"]*t=1#agent">Conversation 1<', shown)

    post(url, "press", card=card.id, press="accept", user="U_TOMASZ")
    assert "Only a lead can decide this" in requests.get(url, timeout=5).text
    post(url, "press", card=card.id, press="edit", user="U_INES")
    assert "Edit and approve" in requests.get(url, timeout=5).text
    assert "Edit and approve" not in post(url, "submit", dismiss="yes")
    post(url, "press", card=card.id, press="edit", user="U_INES")
    post(url, "submit", **{"field-answer0": answer.replace("15", "19")})
    assert play.settle(world)
    assert "19 euros" in staff(world.line, url, INES).get("/knowledge", q="engrave").text


def test_the_board_alone_is_sent_only_when_it_has_changed(place: tuple[World, str]) -> None:
    _, url = place

    first = requests.get(f"{url}/sandbox/board", timeout=5)
    again = requests.get(f"{url}/sandbox/board", headers={"If-None-Match": first.headers["ETag"]}, timeout=5)

    assert (first.status_code, again.status_code, again.text) == (200, 304, "")


def test_knobs_turn_every_helpdesk(place: tuple[World, str]) -> None:
    world, url = place

    assert 'aria-pressed="true"' in post(url, "knob", name="lose", on="yes")
    assert [s.knobs.lose for s in world.stages.values()] == [0.34, 0.34, 0.34]

    post(url, "knob", name="lose", on="no")
    assert [s.knobs.lose for s in world.stages.values()] == [0.0, 0.0, 0.0]


def test_the_team_is_known_at_every_helpdesk(place: tuple[World, str]) -> None:
    world, _ = place
    for name, stage in world.stages.items():
        asked = stage.customer_says("Do you ship to Norway?", customer="maria@example.com")
        stage.agent_says("Yes, we do.", agent="priya@fernweh.example", conversation=asked)
        said = world.line.connector(name).fetch(Ref(name, asked)).messages[-1]
        with world.line.store.read() as conn:
            who = people.person_of(conn, f"{name}:{said.author}")
        assert who is not None
        assert who.id == "priya"


def test_fernweh_has_enough_to_say_and_the_examples_are_what_they_say(place: tuple[World, str]) -> None:
    world, _ = place
    assert len(world.line.knowledge.entries()) >= 30

    asked = [Ref("intercom", world.stages["intercom"].customer_says(t, customer="maria@example.com"))
             for _, t in company.EXAMPLES]  # fmt: skip
    assert play.settle(world)

    with world.line.store.read() as conn:
        actions = [drafts.drafts_of(conn, ref)[-1].decision.action for ref in asked]
    assert actions == ["suggest", "suggest", "handoff"]


def test_conversations_of_a_file_are_played_in_the_order_of_time(place: tuple[World, str], tmp_path: Path) -> None:
    world, url = place
    told: list[str] = []

    play.play(world, cases.script(write(tmp_path / "cases.jsonl.gz", CASE), DESKS), told.append)

    assert told[-1].startswith("1 conversations, 2 messages in ")
    assert "\n  decisions: 1 suggest (" in told[-1]
    assert "2 of 2 messages played" in requests.get(url, timeout=5).text
    with world.line.store.read() as conn:
        snapshot = conversations.snapshot(conn, Ref("zendesk", "1"))
    assert snapshot is not None
    assert [m.name for m in snapshot.messages if m.public] == ["Maria Keller", "Tomasz Wilk"]
    assert (snapshot.status, snapshot.subject) == ("solved", "Zip")


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({**CASE, "messages": [{"role": "robot", "text": "Hi", "at": "2024-03-01T10:00:00Z"}]}, "messages.0.role"),
        ({**CASE, "messages": [{"role": "agent", "text": "Hi", "at": "2024-03-01T10:00:00"}]}, "messages.0.at"),
        ("{no json", "no JSON"),
        ({"id": "8"}, "messages"),
        (CASE, "id: '7' is the id of line 1 already"),
    ],
)
def test_a_bad_line_is_named_by_file_number_and_field(tmp_path: Path, bad: Any, named: str) -> None:
    path = write(tmp_path / "cases.jsonl", CASE, "", bad)

    with pytest.raises(Misconfigured, match=rf"^{path}: line 3: {named}"):
        cases.script(path, DESKS)


def test_a_conversation_on_no_helpdesk_of_ours_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "cases.jsonl", CASE, {**CASE, "id": "8", "connector": "teams"})

    with pytest.raises(
        Misconfigured, match=f"^{path}: conversation 8: connector: 'teams' is none of intercom, slack, "
    ):
        cases.script(path, DESKS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.jsonl", None),
        ("torn.jsonl.gz", b"\x1f\x8b\x08\x00"),
        ("plain.jsonl.gz", b"{}"),
        ("corrupt.jsonl.gz", gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 20),
    ],
)
def test_a_file_that_cannot_be_read_ends_the_command_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert app.main(["sandbox", "--data", str(path)]) == 2
    assert f"{path}: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "99999", "http"])
def test_a_port_that_is_none_ends_the_command_with_2(capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert app.main(["sandbox", "--port", port]) == 2
    assert capsys.readouterr().err.startswith("app.py: PORT: ")


def test_knowledge_of_a_file_takes_the_place_of_fernwehs(tmp_path: Path) -> None:
    fact = {"id": "f1", "question": "How do I import mail?", "answer": "Open Tools, then Import.", "topic": "import"}
    facts = write(tmp_path / "facts.jsonl", fact)

    with app.miniature(chosen(tmp_path), facts) as world:
        assert [(e.id, e.version, e.origin) for e in world.line.knowledge.entries()] == [("f1", 1, "import")]


def test_an_entry_of_a_file_may_end_on_a_day(tmp_path: Path) -> None:
    fact = {"id": "f1", "question": "How do I import mail?", "answer": "Open Tools.", "valid_until": "2099-05-03"}
    with app.miniature(chosen(tmp_path), write(tmp_path / "facts.jsonl", fact)) as world:
        [found] = world.line.knowledge.explained("import mail", Asker(world.line.now()), limit=1)
    assert (found.evidence.id, found.kept_back) == ("f1", "")


def test_real_conversations_start_with_an_empty_head(tmp_path: Path) -> None:
    with app.miniature(chosen(tmp_path), strangers=True) as world:
        assert list(world.line.knowledge.entries()) == []


def test_a_file_in_which_nobody_asks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nobody asks anything"):
        cases.script(write(tmp_path / "nobody.jsonl", {**CASE, "messages": CASE["messages"][:1]}), DESKS)


def test_a_limit_cuts_the_file_short(tmp_path: Path) -> None:
    path = write(tmp_path / "cases.jsonl", CASE, {**CASE, "id": "8"})

    assert {case.id for case, _ in cases.script(path, DESKS, 1)} == {"7"}
    with pytest.raises(Misconfigured, match=r"^LIMIT: -3 is no number of conversations"):
        cases.script(path, DESKS, -3)
