"""How alike a model finds what has nothing to do with each other: some say .1 of that, others .8."""

from collections.abc import Callable, Sequence

import numpy as np

from bot.brains import Floats, Likeness

WEIGHT = 0.8  # flat between .7 and .85 on our questions and on Thunderbird's tickets, with all-MiniLM-L6-v2
SHARE = 0.75  # of the pairs lie below
SAID = (  # a shop's, each about something else
    "Where is my parcel? It should have come on Monday.",
    "How do I reset my password?",
    "The zip of the bag is stuck.",
    "Can I pay by invoice?",
    "Do you have this one in green?",
    "I would like to speak to a manager.",
    "The app crashes when I open the camera.",
    "What are the opening hours of your shop?",
    "Please delete my account and all my data.",
    "How do I wash it without spoiling the lining?",
)


def likeness(embed: Callable[[Sequence[str]], Floats]) -> Likeness:
    """Chance, as three quarters of the pairs of unrelated texts stay under it."""
    rows = embed(SAID)
    pairs = (rows @ rows.T)[~np.eye(len(rows), dtype=bool)]
    return Likeness(round(max(0.0, float(np.quantile(pairs, SHARE))), 3), WEIGHT)
