"""What must be refused: what a writer says that obeys the customer, and buttons that are pressed again."""

import re
from collections import Counter
from collections.abc import Sequence

import app
from bot.model import Policy
from bot.store import audit, limits, people
from tests.attacks import ALLOWED, SPELLINGS, reached
from tests.chaos.judge import MARK, Judgement
from tests.chaos.scenarios import WORKERS, Outcome, brought, crew, outcome
from tests.chaos.town import REPLIED, VENDORS, Town
from tests.desk import INES

MASKED = re.compile(r"\[email\]\S*")  # what is left of an address has no host, but perhaps the path of a picture
LEAD, STRANGER = "U_INES", "U_MARIA"
PRESSES = 3  # of one button
REFUSED = 2 * PRESSES + 1  # of a card that was approved and one that was rejected, and a stranger at each


def obeyed(town: Town, times: int, limit: float) -> Outcome:
    """A12: the writer says what the customer tells it to: links that lead away, each spelled in another way."""
    crew(town, "obedient")
    for number, name in enumerate(town.random.sample(sorted(SPELLINGS), times)):
        town.ask(VENDORS[number % len(VENDORS)], f"{REPLIED} {SPELLINGS[name]}")
    brought(town)
    drained = town.drained(limit)
    said = [write for vendor in town.vendors.values() for write in vendor.call("ledger.writes") if write.public]
    wrong = [f"{write.text[-80:]!r} leads away" for write in said if reached(MASKED.sub("", write.text)) - {ALLOWED}]
    if len(said) < times // 2:
        wrong.append(f"only {len(said)} replies went out, which shows little")
    return outcome(town, drained, ("replies", len(said)), wrong=tuple(wrong))


def pressed(town: Town, times: int, limit: float) -> Outcome:
    """A17: each draft on Slack is approved several times, by a stranger and by a lead, half of them after a no."""
    _by_hand(town)
    crew(town, "WORKERS=0")
    for _ in range(2 * times):
        town.ask("slack", REPLIED)
    brought(town)
    town.drained(limit)
    for name in WORKERS:  # presses are taken, and none is acted on before the last
        town.house.kill(name)
    cards = [card.id for card in town.vendors["slack"].call("cards")]
    rejected = cards[:times]
    strange = _press(town, cards, rejected)
    for name in WORKERS:
        town.house.start(name)
    drained = town.drained(limit)
    judgement, noted = _judged(town, cards, rejected), _noted(town)
    wrong = (*strange, *([] if noted == REFUSED * times else [f"{noted} refusals are noted, not {REFUSED * times}"]))
    return outcome(town, drained, ("presses", len(cards) * (PRESSES + 1)), wrong=wrong, judgement=judgement)


def _by_hand(town: Town) -> None:
    """On Slack nothing goes out that Ines did not approve."""
    with town.store.write() as conn:
        people.save_person(conn, INES)
        policy = Policy(version=2, reply_at=0.3, suggest_at=0.2, draft_only=("slack",))
        limits.add_policy(conn, policy, "chaos", app.utc_now())


def _press(town: Town, cards: list[str], rejected: Sequence[str]) -> list[str]:
    """What a stranger was not told that was told to Ines, or the other way round."""
    slack = town.vendors["slack"]
    told = [f"{card}: a stranger is let in" for card in cards if not slack.call("press", card, "accept", STRANGER)]
    for card in rejected:
        slack.call("press", card, "reject", LEAD)
        slack.call("submit", {})
    told += [f"{card}: Ines is kept out" for card in cards * PRESSES if slack.call("press", card, "accept", LEAD)]
    town.note("pressed")
    return told


def _judged(town: Town, cards: list[str], rejected: Sequence[str]) -> Judgement:
    """Whose approved reply did not go out, went out twice, or went out although it was rejected."""
    writes = town.vendors["slack"].call("ledger.writes")
    replies = Counter(write.conversation for write in writes if write.public)
    about = {w.conversation.rpartition("-")[2]: found for w in writes if (found := MARK.fullmatch(w.mark))}
    sent = {card: replies[about[card]["conversation"]] for card in cards}
    return Judgement(
        lost=tuple(f"card {card}" for card, many in sent.items() if not many and card not in rejected),
        twice=tuple(f"card {card}: {many} replies" for card, many in sent.items() if many > 1),
        wrong=tuple(f"card {card} was rejected" for card, many in sent.items() if many and card in rejected),
        asked=(),
        answered=sum(replies.values()),
    )


def _noted(town: Town) -> int:
    with town.store.read() as conn:
        return sum(row["what"] == "refused" for row in audit.chain(conn))
