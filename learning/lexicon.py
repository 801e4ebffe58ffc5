"""Word lists and patterns by which a sentence is read, from the file beside it."""

import re

from bot.text.phrases import compiled, groups, read
from bot.text.terms import stem

TABLES = read(__file__)
SAME = tuple((re.compile(rf"\b(?:{pattern})\b", re.I), instead) for instead, pattern in TABLES["same"].items())
NOT, ONLY_WITH_UNIT, SUPPOSING = (
    frozenset(TABLES["words"][name].split()) for name in ("not", "only_with_unit", "supposing")
)
ASKING = frozenset(map(stem, TABLES["words"]["asking"].split()))
UNITS, CLOCK, DATES, ACTS, TONE, PRICE, SAID = (
    frozenset(map(stem, TABLES["stems"][name].split()))
    for name in ("units", "clock", "dates", "acts", "tone", "price", "said")
)
OPPOSITES = groups(TABLES["groups"]["opposites"])
SYNONYMS = tuple(frozenset(map(stem, group)) for group in groups(TABLES["groups"]["synonyms"]))
NUMBERS = {word: value for value, *names in groups(TABLES["groups"]["numbers"]) for word in names}
GREETING, COURTESY, HOLDING, OWN, SUPPOSED, CONDITION = (
    compiled(TABLES["patterns"][name]) for name in ("greeting", "courtesy", "holding", "own", "supposed", "condition")
)
