"""Plays real conversations through the sandbox; `bot/cases.py` has the format of the files."""

import threading
import time
from collections.abc import Callable, Iterable
from zlib import crc32

from bot import work
from bot.cases import Case, Said
from bot.line import Line
from bot.model import ProposalState, Role
from bot.store import drafts, people, reviews
from bot.web.stages import World

PAUSE = 0.003  # seconds between two looks at the work table
PATIENCE = 60.0  # seconds that one message may take before the player goes on


def play(world: World, script: list[tuple[Case, Said]], say: Callable[[str], None]) -> None:
    """Every message in the order of time, each when the line has drained what came before."""
    started, ids = time.monotonic(), dict[str, str]()
    world.total = len(script)
    for case, said in script:
        _act(world, case, said, ids)
        settle(world)
        world.done += 1
        if world.done % max(1, world.total // 20) == 0:
            say(f"played {world.done} of {world.total} messages")
    played = f"{len(ids)} conversations, {world.total} messages in {time.monotonic() - started:.0f} s"
    world.summary = f"{played}\n{summary(world.line)}"
    say(world.summary)


def _act(world: World, case: Case, said: Said, ids: dict[str, str]) -> None:
    """Somebody speaks, and perhaps the conversation ends with it. `ids`: the helpdesk's own, by the file's."""
    stage = world.stages[case.connector]
    known = ids.get(case.id, "")
    if said.role is Role.CUSTOMER:
        names = (case.customer.get(name) for name in ("email", "name", "id"))
        who = next(filter(None, names), f"customer {case.id}")
        subject = "" if known else case.subject
        ids[case.id] = stage.customer_says(said.text, customer=who, conversation=known, subject=subject)
    elif known:
        last = max(case.messages, key=lambda message: message.at).at == said.at
        status = case.status if last and case.status in ("solved", "closed", "pending") else ""
        who = _agent(world.line, stage.name, said.name or said.author)
        stage.agent_says(said.text, agent=who, conversation=known, public=said.public, status=status)


def _agent(line: Line, connector: str, author: str) -> str:
    """Zendesk hires whoever writes; elsewhere a stranger is played by one of the team, always by the same one."""
    with line.store.read() as conn:
        team = people.team(conn)
    known = next((p.email for p in team if author in (p.id, p.name, p.email)), "")
    hired = author if connector == "zendesk" else ""
    return known or hired or team[crc32(author.encode()) % len(team)].email


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


def summary(line: Line) -> str:
    """What the store says became of all conversations."""
    with line.store.read() as conn:
        decided = [(f"{action} ({reason})", n) for (action, reason), n in drafts.decision_counts(conn).items()]
        proposed = [(state.value, len(reviews.proposals(conn, [state], 100_000))) for state in ProposalState]
        outcomes = reviews.outcome_counts(conn).items()
    found = (("decisions", decided), ("outcomes", outcomes), ("proposals", proposed))
    return "\n".join(f"  {what}: {_counted(counts)}" for what, counts in found)


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts if n) or "none"
