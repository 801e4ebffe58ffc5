"""The sandbox without a browser: its forms, its company, and playing conversations from a file."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import app
from bot.errors import Misconfigured
from bot.model import Ref
from bot.settings import Settings
from bot.store import conversations, counts, drafts, people
from bot.web import cases, company, play
from bot.web.sandbox import furnish
from bot.web.world import Sandbox, World, in_folder
from connectors.stage import Server
from tests.services import free_port

CASE = {
    "id": "7",
    "subject": "Zip",
    "customer": {"email": "maria@example.com"},
    "status": "solved",
    "messages": [
        {"role": "agent", "author": "Tomasz Wilk", "text": "Yes, for ten years.", "at": "2024-03-01T10:00:00Z"},
        {"role": "customer", "text": "Is the zip under warranty?", "at": "2024-03-01T09:00:00Z"},
    ],
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox and its address."""
    port = free_port()
    settings = in_folder(tmp_path, port, b"0123456789abcdef0123456789abcdef", 600.0)
    made = Sandbox(app.parts(), settings, play.prepare(None, None, None, print)[0], furnish)
    server = Server(made.world.app, port)
    try:
        yield made, f"http://127.0.0.1:{port}"
    finally:
        server.close()
        made.close()


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


def test_everything_on_the_board_works_without_a_script(place: tuple[Sandbox, str]) -> None:
    sandbox, url = place
    world = sandbox.world

    post(url, "ask", stage="zendesk", customer="maria@example.com", text="Do you engrave <b>trolleys</b>?")
    assert play.settle(world)
    page = requests.get(url, {"i": "zendesk"}, timeout=5).text
    assert "Do you engrave &lt;b&gt;trolleys&lt;/b&gt;?" in page
    assert "nothing approved answers this well enough" in page
    assert page.count("<script") == 1

    answer = "Yes, we engrave trolleys for 15 euros. It takes four working days."
    form = {"stage": "zendesk", "agent": "tomasz@fernweh.example", "conversation": "1"}
    post(url, "reply", text=answer, status="solved", **form)
    assert play.settle(world)
    assert world.channel is not None
    card = world.channel.cards()[0]

    post(url, "press", card=card.id, press="accept", user="U_TOMASZ")
    assert "Only a lead can decide this" in requests.get(url, timeout=5).text
    post(url, "press", card=card.id, press="edit", user="U_INES")
    assert "Edit and approve" in requests.get(url, timeout=5).text
    post(url, "submit", **{"field-answer0": answer.replace("15", "19")})
    assert play.settle(world)
    assert "19 euros" in requests.get(f"{url}/knowledge", {"q": "engrave"}, timeout=5).text


def test_the_board_alone_is_sent_only_when_it_has_changed(place: tuple[Sandbox, str]) -> None:
    _, url = place

    first = requests.get(f"{url}/sandbox/board", timeout=5)
    again = requests.get(f"{url}/sandbox/board", headers={"If-None-Match": first.headers["ETag"]}, timeout=5)

    assert (first.status_code, again.status_code, again.text) == (200, 304, "")


def test_a_reset_starts_from_nothing_and_knobs_turn_every_helpdesk(place: tuple[Sandbox, str]) -> None:
    sandbox, url = place
    post(url, "knob", name="lose", on="yes")
    assert [s.knobs.lose for s in sandbox.world.stages.values()] == [0.34, 0.34, 0.34]
    post(url, "ask", stage="intercom", customer="maria@example.com", text="Hello, is anybody there?")

    sandbox.reset()

    with sandbox.world.line.store.read() as conn:
        assert counts.totals(conn)["conversations"] == 0
    assert [s.knobs.lose for s in sandbox.world.stages.values()] == [0.0, 0.0, 0.0]


def test_the_team_is_known_at_every_helpdesk(place: tuple[Sandbox, str]) -> None:
    sandbox, _ = place
    world = sandbox.world
    for name, stage in world.stages.items():
        asked = stage.customer_says("Do you ship to Norway?", customer="maria@example.com")
        stage.agent_says("Yes, we do.", agent="priya@fernweh.example", conversation=asked)
        said = world.line.connector(name).fetch(Ref(name, asked)).messages[-1]
        with world.line.store.read() as conn:
            who = people.person_of(conn, f"{name}:{said.author}")
        assert who is not None
        assert who.id == "priya"


def test_fernweh_has_enough_to_say_and_the_examples_are_what_they_say(place: tuple[Sandbox, str]) -> None:
    sandbox, _ = place
    world = sandbox.world
    assert len(company.entries(world.line.now())) >= 30

    asked = [Ref("intercom", world.stages["intercom"].customer_says(t, customer="maria@example.com"))
             for _, t in company.EXAMPLES]  # fmt: skip
    assert play.settle(world)

    with world.line.store.read() as conn:
        actions = [drafts.drafts_of(conn, ref)[-1].decision.action for ref in asked]
    assert actions == ["suggest", "suggest", "handoff"]


def test_conversations_of_a_file_are_played_in_the_order_of_time(place: tuple[Sandbox, str], tmp_path: Path) -> None:
    sandbox, _ = place
    played = tuple(cases.read(write(tmp_path / "cases.jsonl.gz", CASE), cases.Case, pytest.fail))
    told: list[str] = []

    summary = play.Player(sandbox.world, played, told.append).run()

    assert (summary.conversations, summary.messages, summary.drafts) == (1, 2, 1)
    assert told[-1] == str(summary)
    with sandbox.world.line.store.read() as conn:
        snapshot = conversations.snapshot(conn, Ref("zendesk", "1"))
    assert snapshot is not None
    assert [m.name for m in snapshot.messages if m.public] == ["Maria Keller", "Tomasz Wilk"]
    assert (snapshot.status, snapshot.subject) == ("solved", "Zip")


def test_a_bad_line_is_left_out_and_named_by_file_number_and_field(tmp_path: Path) -> None:
    bad = {**CASE, "messages": [{"role": "robot", "text": "Hi", "at": "2024-03-01T10:00:00Z"}]}
    path = write(tmp_path / "cases.jsonl", CASE, bad, "", "{no json", {"id": "8"})
    complaints: list[str] = []

    found = list(cases.read(path, cases.Case, complaints.append))

    assert [c.id for c in found] == ["7"]
    assert [c.removeprefix(f"{path}: ").split(": ")[:2] for c in complaints] == [
        ["line 2", "messages.0.role"],
        ["line 4", "line"],
        ["line 5", "messages"],
    ]


@pytest.mark.parametrize(
    ("name", "content"), [("none.jsonl", None), ("torn.jsonl.gz", b"\x1f\x8b\x08\x00"), ("plain.jsonl.gz", b"{}")]
)
def test_a_file_that_cannot_be_read_ends_the_command_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert app.main(["sandbox", "--data", str(path)]) == 2
    assert f"{path}: cannot be read" in capsys.readouterr().err


def test_a_kept_folder_is_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "understudy-1.db").touch()

    assert app.main(["sandbox", "--keep", str(tmp_path)]) == 2
    assert "--keep" in capsys.readouterr().err


def test_knowledge_of_a_file_takes_the_place_of_fernwehs(tmp_path: Path) -> None:
    fact = {"id": "f1", "question": "How do I import mail?", "answer": "Open Tools, then Import.", "topic": "import"}
    facts = write(tmp_path / "facts.jsonl", fact)
    seed, _ = play.prepare(None, facts, None, pytest.fail)
    settings = in_folder(tmp_path, free_port(), b"0123456789abcdef0123456789abcdef")

    world = World(app.parts(), settings(1), seed)

    assert [(e.id, e.origin) for e in world.line.knowledge.entries()] == [("f1", "import")]
    world.close()


def test_a_file_in_which_nobody_asks_is_refused_and_doubles_are_named(tmp_path: Path) -> None:
    told: list[str] = []
    nobody = {**CASE, "messages": []}

    twice = play.prepare(write(tmp_path / "twice.jsonl", CASE, CASE), None, None, told.append)[1]

    assert [c.id for c in twice] == ["7"]
    assert told == ["conversation 7: id: stands there twice; the second is left out"]
    with pytest.raises(Misconfigured, match="nobody asks anything"):
        play.prepare(write(tmp_path / "nobody.jsonl", nobody), None, None, told.append)


def test_a_limit_cuts_the_file_short(tmp_path: Path) -> None:
    path = write(tmp_path / "cases.jsonl", CASE, {**CASE, "id": "8"})

    assert [c.id for c in play.prepare(path, None, 1, pytest.fail)[1]] == ["7"]


def test_settings_of_a_world_are_its_own(tmp_path: Path) -> None:
    settings = in_folder(tmp_path, 8000, b"x" * 32)

    assert settings(1).database_url != settings(2).database_url
    assert isinstance(settings(1), Settings)
    with pytest.raises(Misconfigured):
        play.prepare(tmp_path / "none", None, None, print)
