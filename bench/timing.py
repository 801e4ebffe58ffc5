"""Does the time that a refusal takes tell how near a forged seal was? `python -m bench timing [--rounds N]`.

Seals wrong in their first letter and wrong in their last, at each helpdesk's `receive`, without a network in between:
the sharpest ears that a forger could have. Each round has 500 of either, in random order and fifty copies, as where one
lies in memory shows; what counts is the difference of the two medians. A t-test over the rounds, which follow the
machine's moods while single refusals do not; p above 0.01 is no difference that shows.
"""

import argparse
import json
import random
import statistics
import time
from statistics import NormalDist

from bot.errors import Forged
from bot.ports import Connector, Request
from connectors import load
from tests.forgeries import CURRENT, NOW, SENDERS, Sender

NORMAL = NormalDist()
ROUND = 500  # of either kind
SECRETS = ("ZENDESK_WEBHOOK_SECRET", "INTERCOM_CLIENT_SECRET", "SLACK_SIGNING_SECRET")


def wrong(sender: Sender, at: int) -> Request:
    """A request whose seal differs in one letter."""
    post = sender.post()
    seal = post.value(sender.seal_header).decode()
    at = at + len(sender.prefix) if at >= 0 else at + len(seal)
    other = "1" if seal[at] == "0" else "0"
    forged = post.having(sender.seal_header, (seal[:at] + other + seal[at + 1 :]).encode())
    headers = {name.lower(): value.decode() for name, value in forged.headers}
    return Request("POST", forged.path, headers, forged.body, NOW)


def taken(connector: Connector, request: Request) -> int:
    """Nanoseconds of one refusal."""
    began = time.perf_counter_ns()
    try:
        connector.receive(request)
    except Forged:
        return time.perf_counter_ns() - began
    raise SystemExit("a forged request was let in")


def lead(connector: Connector, requests: list[list[Request]]) -> float:
    """How many nanoseconds later, by the medians of one round, those wrong in their first letter are refused."""
    times: tuple[list[int], list[int]] = ([], [])
    for which in random.sample([0, 1] * ROUND, 2 * ROUND):
        times[which].append(taken(connector, random.choice(requests[which])))
    return statistics.median(times[0]) - statistics.median(times[1])


def tested(leads: list[float]) -> dict[str, float]:
    """The mean lead, and the p of its being 0; a hundred rounds are as good as normal."""
    mean, error = statistics.fmean(leads), statistics.stdev(leads) / len(leads) ** 0.5
    return {
        "lead_ns": round(mean, 1),
        "error_ns": round(error, 1),
        "p": round(2 * (1 - NORMAL.cdf(abs(mean / error))), 3),
    }


def main() -> None:
    """Print one JSON object, by helpdesk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds, found = parser.parse_args().rounds, {}
    for name in ("zendesk", "intercom", "slack events"):
        sender = SENDERS[name]
        env = load(sender.name, "fake").Fake().settings() | dict.fromkeys(SECRETS, CURRENT)
        connector = load(sender.name).connect(env)
        requests = [[wrong(sender, at) for _ in range(50)] for at in (0, -2)]
        found[sender.name] = tested([lead(connector, requests) for _ in range(rounds)])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
