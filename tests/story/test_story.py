"""The story that all this is for, on the sandbox's page in a real browser; a picture of each step is kept."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import app
from bot.model import CorrectionKind, Ref
from bot.settings import Settings
from bot.store import audit, drafts, knowledge, reviews
from bot.web import company
from bot.web.stages import World
from connectors.stage import Server
from tests.services import end, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.services]
ROOT = Path(__file__).parent.parent.parent
SECRET = "0123456789abcdef0123456789abcdef"
QUESTION = "Can you engrave my initials on the aluminium trolley?"
OTHER_WORDS = "Is it possible to have letters engraved on my aluminium trolley?"
ANSWER = (
    "Yes, we engrave the aluminium trolley with up to three letters. It costs 15 euros and takes four working days. "
    "Write the letters into the comment field of your order."
)
APPROVED = ANSWER.replace("15 euros", "19 euros")
SENT = "It costs 25 euros and takes four working days."


@contextmanager
def sandbox(database_url: str, redis_url: str | None) -> Iterator[World]:
    """A world with its page served; with Redis its workers are a process of their own, as in production."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    chosen = Settings(database_url, redis_url or "", url, SECRET.encode(), port=port)
    with app.miniature(chosen) as world:
        server = Server(world.app, port)
        worker = elsewhere(world, chosen) if redis_url else None
        try:
            yield world
        finally:
            if worker:
                end(worker, subprocess.signal.SIGTERM)  # type: ignore[attr-defined]
            server.close()


def elsewhere(world: World, chosen: Settings) -> "subprocess.Popen[bytes]":
    """`app.py worker` with the same database, Redis and helpdesks."""
    ours = {"DATABASE_URL": chosen.database_url, "REDIS_URL": chosen.redis_url}
    ours |= {"SECRET_KEY": SECRET, "PUBLIC_URL": chosen.public_url}
    for stage in world.stages.values():
        ours |= stage.settings()
    return subprocess.Popen([sys.executable, "app.py", "worker"], cwd=ROOT, env={**os.environ, **ours})


class Album:
    """Pictures of the page, numbered."""

    def __init__(self, page: "Page", folder: Path) -> None:
        self.page, self.folder, self.count = page, folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str) -> None:
        """One more, when the page has come to rest."""
        self.count += 1
        self.page.wait_for_timeout(800)
        self.page.screenshot(path=self.folder / f"{self.count:02d}-{name}.png")


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the pictures go: UNDERSTUDY_SHOTS, or the test's own folder."""
    kind = f"{request.config.getoption('--store')}-{request.config.getoption('--queue')}"
    return Path(os.environ.get("UNDERSTUDY_SHOTS", tmp_path)) / kind


def ask(page: "Page", text: str, customer: str) -> None:
    """A customer writes a request."""
    page.locator("#customer .picker select").select_option(label=customer)
    page.locator("#customer .new[aria-current]").wait_for()
    page.locator("#customer .composer textarea").fill(text)
    page.locator("#customer .composer .primary").click()


def answer(page: "Page", text: str) -> None:
    """The agent answers and solves the open ticket."""
    page.locator("#agent .composer textarea").fill(text)
    page.locator("#agent select[name=status]").select_option("solved")
    page.locator("#agent .composer .primary").click()


def edit_and_approve(page: "Page", text: str, album: Album) -> None:
    """The lead edits the proposal in Slack, which approves it."""
    page.locator("#slack .card button", has_text="Edit").first.click()
    page.locator("dialog.modal").wait_for()
    album.keep("lead-edits")
    page.locator("dialog.modal textarea").last.fill(text)
    page.locator("dialog.modal .primary").click()
    page.locator("#line .badge.approved").wait_for()


def change_a_sentence(page: "Page", before: str, after: str, album: Album) -> None:
    """The agent opens the note's link, changes one sentence and sends."""
    page.locator("#agent .mail.note a", has_text="Edit").click()
    text = page.locator("textarea[name=text]")
    text.fill(text.input_value().replace(before, after))
    page.locator("select[name=by]").select_option(label="Priya Nair")
    album.keep("agent-changes-a-sentence")
    page.get_by_role("button", name="Send this to the customer").click()
    page.get_by_text("On its way").wait_for()
    album.keep("on-its-way")


def test_a_question_nobody_could_answer_is_answered_rightly_the_next_time_and_a_correction_is_learned(
    chromium: "Browser", database_url: str, redis_url: str | None, folder: Path
) -> None:
    with sandbox(database_url, redis_url) as world:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(15_000)
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        album = Album(page, folder)
        page.goto(f"{world.line.links.public_url}/?d=zendesk&i=zendesk&a=tomasz@fernweh.example")
        album.keep("nothing-yet")

        ask(page, QUESTION, "Maria Keller")
        page.locator("#agent .mail.note").wait_for()
        assert "handoff" in page.locator("#line .badge.handoff").inner_text()
        album.keep("handed-to-a-person")

        answer(page, ANSWER)
        page.locator("#slack .card button.primary").wait_for()
        album.keep("proposal-in-slack")

        edit_and_approve(page, APPROVED, album)
        album.keep("approved")

        ask(page, OTHER_WORDS, "Jonas Brandt")
        page.locator("#line .badge.suggest").wait_for()
        page.locator("#agent .list a").first.click()
        page.locator("#agent .mail.note a", has_text="Edit").wait_for()
        assert "19 euros" in page.locator("#line .letter").first.inner_text()
        album.keep("next-customer-gets-the-right-draft")

        change_a_sentence(page, "19 euros", "25 euros", album)
        page.goto(f"{world.line.links.public_url}/?d=zendesk&i=zendesk&c=jonas@example.com")
        page.locator("#line .badge.material").wait_for()
        assert "fact wrong" in page.locator("#line .edits").inner_text()
        assert "25 euros" in page.locator("#customer .theirs .bubble").inner_text()
        page.locator("#slack .card", has_text="Change an entry?").wait_for()
        album.keep("stored-as-what-it-is")

        with world.line.store.read() as conn:
            draft = drafts.drafts_of(conn, Ref("zendesk", "2"))[-1].draft
            correction = reviews.correction_of(conn, draft.id)
            learned = [e for _, e in knowledge.entries_after(conn, 0, 1000) if e.origin.startswith("proposal:")]
        assert correction is not None
        assert [(e.kind, e.after) for e in correction.edits] == [(CorrectionKind.FACT_WRONG, SENT)]
        assert [(e.version, e.answer, e.by) for e in learned] == [(1, APPROVED, "ines")]
        assert wrong == []
        page.close()


def test_the_board_keeps_what_is_being_typed_and_works_in_the_dark_and_on_a_telephone(
    chromium: "Browser", database_url: str, redis_url: str | None, folder: Path
) -> None:
    with sandbox(database_url, redis_url) as world:
        page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        page.set_default_timeout(15_000)
        album = Album(page, folder / "dark")
        page.goto(world.line.links.public_url)
        page.locator("#customer .examples button").first.click()
        page.locator("#line .badge.suggest").wait_for()

        page.locator("#agent .composer textarea").fill("I am still typing")
        world.stages["intercom"].customer_says("Are you open on Sundays in Hamburg?", customer="aiko@example.com")
        page.locator("#agent .list", has_text="Sundays").wait_for()

        assert page.locator("#agent .composer textarea").input_value() == "I am still typing"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        album.keep("telephone")
        page.set_viewport_size({"width": 1440, "height": 900})
        album.keep("desktop")
        page.close()


def test_the_staffs_pages_ask_who_it_is_and_the_board_does_not(
    chromium: "Browser", database_url: str, redis_url: str | None, folder: Path
) -> None:
    with sandbox(database_url, redis_url) as world:
        context = chromium.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.set_default_timeout(15_000)
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        album = Album(page, folder / "login")
        page.goto(world.line.links.public_url)
        page.get_by_role("button", name="Stop everything").click()
        page.get_by_role("button", name="Stopped: send again").click()

        page.get_by_role("link", name="Control").click()
        album.keep("who-is-it")
        page.goto(company.invitation(world.line).rpartition("or at ")[2])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Stop everything").click()
        page.get_by_role("button", name="Send again").click()
        album.keep("control")

        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        context.close()

        assert wrong == []
        with world.line.store.read() as conn:
            switched = [(e.who, e.what) for e in audit.entries(conn, "everything")]
        assert switched == [("ines", "let go"), ("ines", "stopped")] * 2
