"""Plays real conversations through the sandbox; `bot/web/cases.py` has the format of the files."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot import work
from bot.errors import Misconfigured
from bot.line import Line
from bot.model import Entry, Person, ProposalState, Scope
from bot.store import drafts, knowledge, people, reviews
from bot.web import company
from bot.web.cases import Case, Fact, Said, once, read
from bot.web.world import World

PAUSE = 0.003  # seconds between two looks at the work table
PATIENCE = 60.0  # seconds that one message may take before the player goes on
SHOWN_BAD = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the conversations played."""

    conversations: int
    messages: int
    seconds: float
    drafts: int
    decisions: dict[str, int]
    outcomes: dict[str, int]
    proposals: dict[str, int]

    def __str__(self) -> str:
        head = f"{self.conversations} conversations, {self.messages} messages in {self.seconds:.0f} s"
        parts = (("decisions", self.decisions), ("outcomes", self.outcomes), ("proposals", self.proposals))
        return "\n".join([head, *(f"  {name}: {_counted(counts)}" for name, counts in parts)])


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items()) or "none"


def prepare(
    data: Path | None, facts: Path | None, limit: int | None, say: Callable[[str], None]
) -> tuple[Callable[[Line], None], tuple[Case, ...]]:
    """What fills a new world, and the conversations to play in it. Without a file of its own, Fernweh's knowledge
    is for Fernweh's customers only: real conversations start with an empty head."""
    complaints: list[str] = []
    cases = tuple(once(read(data, Case, complaints.append), complaints.append))[:limit] if data else ()
    if data and not cases:
        raise Misconfigured(str(data), "; ".join(["no conversation in it can be played", *complaints[:SHOWN_BAD]]))
    known = tuple(read(facts, Fact, complaints.append)) if facts else ()
    for text in complaints[:SHOWN_BAD]:
        say(text)
    if len(complaints) > SHOWN_BAD:
        say(f"… and {len(complaints) - SHOWN_BAD} more lines")

    def seed(line: Line) -> None:
        company.hire(line)
        if not (data or facts):
            company.teach(line)
        learn(line, known)

    return seed, cases


def learn(line: Line, known: tuple[Fact, ...]) -> None:
    """Put entries of a file in force."""
    with line.store.write() as conn:
        for f in known:
            scope = Scope(language=f.language[:2].lower())
            entry = Entry(f.id, 1, f.question, f.answer, f.topic, f.url, scope, origin="import", at=line.now())
            knowledge.add_entry(conn, entry)


@dataclass(frozen=True, slots=True)
class Cue:
    """One thing that a player does: somebody speaks, and perhaps the conversation ends with it."""

    at: datetime
    case: Case
    said: Said
    last: bool


def cues(cases: tuple[Case, ...]) -> list[Cue]:
    """In the order of time; each conversation's own order is kept."""
    made: list[Cue] = []
    for case in cases:
        ordered = sorted(case.messages, key=lambda m: _aware(m.at))
        made += [Cue(_aware(m.at), case, m, m is ordered[-1]) for m in ordered if m.text.strip()]
    return sorted(made, key=lambda c: c.at)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass
class Player:
    """Plays cases in a thread of its own; `run` does the same in the caller's."""

    world: World
    cases: tuple[Case, ...]
    say: Callable[[str], None]
    done: int = 0
    total: int = 0
    summary: Summary | None = None
    _going: threading.Event = field(default_factory=threading.Event)
    _ids: dict[str, str] = field(default_factory=dict)
    _agents: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """In the background, so that the page can be watched."""
        self._going.set()
        threading.Thread(target=self.run, name="player", daemon=True).start()

    def toggle(self) -> None:
        """Pause, or go on."""
        if self._going.is_set():
            self._going.clear()
        else:
            self._going.set()

    def progress(self) -> dict[str, Any]:
        """For the page."""
        return {"done": self.done, "total": self.total, "paused": not self._going.is_set(), "summary": self.summary}

    def run(self) -> Summary:
        """Every message in the order of time, each when the line has drained what came before."""
        self._going.set()
        _reachable(self.world.line.links.public_url)
        script, started = cues(self.cases), time.monotonic()
        self.total = len(script)
        for cue in script:
            self._going.wait()
            self._act(cue)
            settle(self.world)
            self.done += 1
            if self.done % max(1, self.total // 20) == 0:
                self.say(f"played {self.done} of {self.total} messages")
        self.summary = summary(self.world.line, len(self.cases), self.total, time.monotonic() - started)
        self.say(str(self.summary))
        return self.summary

    def _act(self, cue: Cue) -> None:
        case, said = cue.case, cue.said
        stage = self.world.stages.get(case.connector) or next(iter(self.world.stages.values()))
        known = self._ids.get(case.id, "")
        if said.role == "customer":
            who = case.customer.email or case.customer.name or case.customer.id or f"customer {case.id}"
            subject = "" if known else case.subject
            self._ids[case.id] = stage.customer_says(said.text, customer=who, conversation=known, subject=subject)
        elif known:
            status = case.status if cue.last and case.status in ("solved", "closed", "pending") else ""
            who = self._agent(stage.name, said.author)
            stage.agent_says(said.text, agent=who, conversation=known, public=said.public, status=status)

    def _agent(self, connector: str, author: str) -> str:
        """Zendesk hires whoever writes; elsewhere the file's people are played by the team, always by the same one."""
        if author in self._agents:
            return self._agents[author]
        with self.world.line.store.write() as conn:
            team = people.team(conn)
            known = next((p.email for p in team if author in (p.id, p.name, p.email)), "")
            if connector == "zendesk" and author and not known:
                name = author.partition("@")[0].replace(".", " ").title()  # as the fake will write it
                people.save_person(conn, Person(author, name, f"{author}@{connector}"))
                known = author
        self._agents[author] = known or team[len(self._agents) % len(team)].email
        return self._agents[author]


def _reachable(url: str, patience: float = PATIENCE) -> None:
    """Until somebody listens there: the first webhook has to find a door."""
    parts, end, pause = urlsplit(url), time.monotonic() + patience, threading.Event()
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 80), 1.0):
            return
        pause.wait(0.05)


def settle(world: World, patience: float = PATIENCE) -> bool:
    """Until every webhook is brought and nothing is due; False when that takes longer than `patience` seconds.

    Work that waits for its time (a vendor asked for patience) is not waited for.
    """
    end, pause = time.monotonic() + patience, threading.Event()
    while time.monotonic() < end:
        brought = all(stage.courier.drain(patience) for stage in world.stages.values())
        with world.line.store.read() as conn:
            if brought and not work.waiting(conn):
                return True
        pause.wait(PAUSE)
    return False


def summary(line: Line, conversations: int, messages: int, seconds: float) -> Summary:
    """What the store says became of them."""
    with line.store.read() as conn:
        decided = drafts.decision_counts(conn)
        proposed = {s.value: len(reviews.proposals(conn, [s], 100_000)) for s in ProposalState}
        outcomes = reviews.outcome_counts(conn)
    decisions = {f"{action} ({reason})": n for (action, reason), n in decided.items()}
    proposals = {state: n for state, n in proposed.items() if n}
    return Summary(conversations, messages, seconds, sum(decided.values()), decisions, outcomes, proposals)
