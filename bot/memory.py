"""What past outcomes say about an entry as the answer to a question, beside what words and meaning say."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.model import Entry, Intervention, Remembered
from bot.text.page import page_of

# Over 1,291 tickets of a forum, by what was linked in earlier ones: without memory the linked article is first for .38
# and among five for .61, with it .46 and .67; flat from .3 to .5, half a prior to two, ten to fifty questions.
NEAR = 0.4  # likeness of two questions from which the one says anything about the other
NEUTRAL = 0.25  # good, of a draft that was changed in its facts: about the right thing, and not right
LINKS = 8  # pages of a reply
MOST = 20  # entries of a page
PRIOR = 1.0  # outcomes of the very same question that it takes to be half sure


def recalled(near: Iterable[tuple[Remembered, float]], versions: Mapping[str, int]) -> dict[str, float]:
    """How far past outcomes speak for (up to 1) or against (down to -1) each entry of which they say anything.

    `near`: what is remembered, with the likeness of its question to the one at hand, 0 to 1. `versions`: those in
    force; what was turned down in an older one says nothing about the one that took its place.
    """
    spoken, heard = defaultdict[str, float](float), defaultdict[str, float](float)
    for one, alike in near:
        loud, verdict = one.weight * _closeness(alike), _verdict(one.good)
        known = versions.get(one.entry_id)
        if loud > 0 and known is not None and (verdict > 0 or one.version == known):
            spoken[one.entry_id] += loud * verdict
            heard[one.entry_id] += loud
    return {id_: spoken[id_] / (PRIOR + heard[id_]) for id_ in heard}


def about(reply: Intervention) -> str:
    """The draft that a person replied instead of, or as; the reply itself where there was none."""
    return reply.draft_id or reply.id


def pages(reply: Intervention) -> list[str]:
    """The first few that it links."""
    return [page for page in dict.fromkeys(map(page_of, reply.links[: 2 * LINKS])) if page][:LINKS]


def linked(replies: Iterable[Intervention], there: Mapping[str, Sequence[Entry]]) -> Iterator[Remembered]:
    """What people answered with: the entries of the pages that they linked, which share the weight of one; of a page
    that has too many it is not known which is meant."""
    for reply in replies:
        for page in pages(reply):
            if len(known := there.get(page, ())) <= MOST:
                yield from (Remembered(about(reply), e.id, e.version, 1.0, 1.0 / len(known)) for e in known)


def _closeness(alike: float) -> float:
    """0 for questions that are not near, 1 for the same one."""
    return max(0.0, alike - NEAR) / (1 - NEAR)


def _verdict(good: float) -> float:
    """From -1 (turned down) over 0 (changed in its facts) to 1 (sent as it was)."""
    return (good - NEUTRAL) / (1 - NEUTRAL if good > NEUTRAL else NEUTRAL)
