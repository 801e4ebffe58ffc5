"""A11: what people send instead of a draft, and change again, is learned exactly once and as they last put it."""

import time
from collections.abc import Mapping
from itertools import cycle

from sqlalchemy import select

import app
from bot.model import Policy
from bot.store import limits
from bot.store.tables import correction, draft, intervention, outcome
from tests.chaos import scenarios
from tests.chaos.town import REPLIED, VENDORS, Town

AGENTS = {"zendesk": "tomasz@fernweh.example", "intercom": "tomasz@fernweh.example", "slack": "U_TOMASZ"}
SENT = "You can return an order within {} days of delivery. Log in, open the order and choose Return."
WAVE = 1_250  # conversations at once: thousands waiting at once are A5's
AGAIN = 1_000_000  # days more in the second version
Talks = dict[tuple[str, str], int]  # (helpdesk, conversation) -> the days that were promised there last


def edits(town: Town, many: int, limit: float) -> scenarios.Outcome:
    """People send other words than the draft's, and half of Slack's change theirs once more. Every webhook comes three
    times, shuffled."""
    with town.store.write() as conn:
        # However often a draft was edited before, and that is often here, it is suggested again.
        drafts_only = Policy(version=1, reply_at=0.3, suggest_at=0.0, draft_only=VENDORS)
        limits.add_policy(conn, drafts_only, "chaos", app.utc_now())
    for vendor in town.vendors.values():
        vendor.call("courier.__setattr__", "least", 3)
    scenarios.crew(town)
    scenarios.reinforce(town)
    talks: Talks = {}
    times: list[float | None] = []
    for begin in range(0, many, WAVE):
        wave = range(1001 + begin, 1001 + min(begin + WAVE, many))
        times += _wave(town, talks, wave, limit)
    drained = None if None in times else max(filter(None, times), default=0.0)
    return scenarios.outcome(town, drained, ("edits", many), wrong=mislearned(town, talks))


def _wave(town: Town, talks: Talks, promised: range, limit: float) -> list[float | None]:
    """So many conversations from question to edited reply, added to `talks`; how long each step took to settle."""
    asked: Talks = {(name, _asked(town, name)): days for days, name in zip(promised, cycle(VENDORS))}
    times = [town.drained(limit)]
    said = {talk: _sent(town, *talk, days) for talk, days in asked.items()}
    times.append(town.drained(limit))
    for talk in [talk for talk in asked if talk[0] == "slack"][::2]:
        asked[talk] += AGAIN
        _changed(town, said[talk], asked[talk])
    talks |= asked
    return [*times, town.drained(limit)]


def _asked(town: Town, name: str) -> str:
    town.asked += 1
    who = f"c{town.asked}@example.com"
    return str(town.vendors[name].call("customer_says", REPLIED.format(town.asked), customer=who))


def _sent(town: Town, name: str, talk: str, days: int) -> str:
    said = town.vendors[name].call("agent_says", SENT.format(days), agent=AGENTS[name], conversation=talk)
    return str(said)


def _changed(town: Town, message: str, days: int) -> None:
    edited = {"user": AGENTS["slack"], "ts": f"{time.time():.6f}"}
    town.vendors["slack"].call("api.change", "C0SUPPORT", message, text=SENT.format(days), edited=edited)


def mislearned(town: Town, talks: Talks) -> tuple[str, ...]:
    """Each conversation has one correction, one outcome and one intervention, and its newest days are in them."""
    with town.store.read() as conn:
        refs = dict(conn.execute(select(draft.c.id, draft.c.ref)).tuples().all())
        corrections = [
            (refs[key], str(value.edits))
            for key, value in conn.execute(select(correction.c.draft_id, correction.c.value))
        ]
        outcomes = [(refs[key], kind) for key, kind in conn.execute(select(outcome.c.draft_id, outcome.c.kind))]
        taught = [(ref, value.answer) for ref, value in conn.execute(select(intervention.c.ref, intervention.c.value))]
    wanted = {f"{name}:{talk}": f" {days} days" for (name, talk), days in talks.items()}
    return (
        *_unlike("corrections", corrections, wanted),
        *_unlike("outcomes", outcomes, dict.fromkeys(wanted, "edited")),
        *_unlike("interventions", taught, wanted),
    )


def _unlike(what: str, found: list[tuple[str, str]], wanted: Mapping[str, str]) -> list[str]:
    known = dict(found)
    counted = [f"{len(found)} {what} instead of {len(wanted)}"] if len(found) != len(wanted) else []
    return counted + [
        f"{what} of {ref}: {known.get(ref)}" for ref, says in wanted.items() if says not in known.get(ref, "")
    ]
