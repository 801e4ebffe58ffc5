"""Words that customers of shops and services use for the same thing."""

from bot.text.phrases import groups, read
from bot.text.terms import is_stop, words

WEAK_SHARE = 0.4


def _groups(name: str) -> list[list[str]]:
    return [[words(word)[0] for word in group] for group in groups(read(__file__)["words"][name])]


SAME = {word: group[0] for group in _groups("groups") for word in group}
WEAK = frozenset(_groups("weak")[0])
PAIRS = {(one, two): mean for one, two, mean in _groups("together")}


def topics(text: str) -> list[str]:
    """The words that carry a topic, each as the first of its group; may repeat."""
    stems = words(text)
    meant = [PAIRS[a, b] for at, a in enumerate(stems) for b in stems[at + 1 : at + 4] if (a, b) in PAIRS]
    return [SAME.get(w, w) for w in (*stems, *meant) if not is_stop(w)]


def weight(topic: str) -> float:
    """How much a word of `topics` can tell, 0 to 1."""
    return WEAK_SHARE if topic in WEAK else 1.0
