"""`python -m bench NAME …` runs one measurement; without a name, those of the line, one after the other."""

import sys
from importlib import import_module

NAMES = {
    "ack": "webhooks acknowledged and durable, against a bare handler",
    "line": "webhook in to draft delivered, and 1,000 waiting conversations drained",
    "find": "how often search puts the right entry first",
    "s2": "whether the article that an agent linked is found when a ticket comes",
    "index": "what the index costs and misses, at 10,000, 100,000 and a million passages",
    "embed": "what the embedders cost, and what rounding loses",
    "start": "from a clean clone to a page that answers",
    "history": "a team's past taken in with its index, killed once on the way",
    "flood": "valid webhooks beside a flood of forged, slow and enormous ones",
    "redact": "what redaction finds, damages and costs, and what the gate costs",
    "timing": "whether the time of a refusal tells how near a forged seal was",
    "thunderbird": "converts real tickets to the format that the sandbox plays",
}


def main(args: list[str]) -> int:
    """Exit status 2 for a name that is not there."""
    if args and args[0] not in NAMES:
        print(__doc__, *(f"  {name:12} {what}" for name, what in NAMES.items()), sep="\n")
        return 2
    for name in args[:1] or ["ack", "line"]:
        sys.argv = [f"bench.{name}", *args[1:]]
        import_module(f"bench.{name}").main()  # by its own name: its functions are started in other processes
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
