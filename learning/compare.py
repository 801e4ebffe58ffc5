"""A draft against what a person sent: sentences aligned wherever they stand, and each change named."""

from bisect import insort
from collections.abc import Sequence
from functools import lru_cache

from bot.model import CorrectionKind, SentenceEdit
from bot.text.markup import NUMBER
from bot.text.said import links, said
from bot.text.terms import words
from learning import lexicon
from learning.facts import content, exchanged, facts, is_courtesy, is_own, level, material, own_words

NEAR = 0.45  # weighted overlap from which two sentences are one that was changed
HELD = 0.8  # share of a sentence's carrying words that another holds: it was merged into it
LEFT = 0.25  # share of a draft that must be left for it to be the same answer
FUNCTION = 0.3  # weight of a word that carries nothing, beside 1
WHOLE = (CorrectionKind.WRONG_TOPIC, CorrectionKind.NEEDED_TOOL)


# Sentences of the draft, and what they became; one of both may be empty.
Pair = tuple[tuple[str, ...], tuple[str, ...]]


def compare(draft_text: str, sent_text: str, names: Sequence[str] = ()) -> tuple[SentenceEdit, ...]:
    """Every change in the order of the draft, additions last; () when nothing was changed.

    Greeting, quotes and signature do not count; a sentence that only moved is no edit, a step that moved is.
    Where hardly anything of the draft is left, one edit holds both texts whole. `names` of people are no facts.
    """
    sent = own_words(sent_text)
    pairs = align(own_words(draft_text), sent)
    if left(pairs) < LEFT:
        own = any(map(is_own, sent))
        kind = CorrectionKind.NEEDED_TOOL if own else CorrectionKind.WRONG_TOPIC
        return (SentenceEdit(kind, said(draft_text), said(sent_text)),)
    ignore = frozenset(part.casefold() for name in names for part in name.split())
    moved = _steps_edit(_steps(draft_text), _steps(sent_text))
    inside = {NUMBER.sub("", line) for edit in moved for line in f"{edit.before}\n{edit.after}".split("\n")}
    edits = [_edit(old, new, ignore) for old, new in pairs if not inside & {*old, *new}]
    return (*moved, *(e for e in edits if e is not None))


def replaced(edits: Sequence[SentenceEdit]) -> bool:
    """Did something else altogether take the place of the draft?"""
    return any(e.kind in WHOLE and e.before for e in edits)


def align(before: Sequence[str], after: Sequence[str]) -> tuple[Pair, ...]:
    """Each sentence once, the most alike first; what was split or merged stays together."""
    ranked = sorted(
        ((-similar(b, a), abs(i - j), i, j) for i, b in enumerate(before) for j, a in enumerate(after)),
    )
    into: dict[int, int] = {}
    for score, _, i, j in ranked:
        if -score >= NEAR and i not in into and j not in into.values():
            into[i] = j
    groups = [([i], [into[i]] if i in into else []) for i in range(len(before))]
    groups += [([], [j]) for j in range(len(after)) if j not in into.values()]
    _merge(groups, (before, after))
    return tuple((tuple(before[i] for i in old), tuple(after[j] for j in new)) for old, new in groups)


def _merge(groups: list[tuple[list[int], list[int]]], texts: tuple[Sequence[str], Sequence[str]]) -> None:
    """Sentences that stand alone join the pair whose other side holds their words."""
    whole = [g for g in groups if all(g)]
    for group in [g for g in groups if not all(g)]:
        here, there = (0, 1) if group[0] else (1, 0)
        [at] = group[here]
        home = next((g for g in whole if _held(texts[here][at], [texts[there][n] for n in g[there]])), None)
        if home is not None:
            groups.remove(group)
            insort(home[here], at)


def _held(sentence: str, others: Sequence[str]) -> bool:
    carrying = content(sentence)
    common = (carrying & content(" ".join(others))).total()
    return carrying.total() >= 2 and common >= HELD * carrying.total()


def similar(a: str, b: str) -> float:
    """Overlap of words, 0 to 1; those that carry the sentence weigh more, numbers and addresses half."""
    old, new = _weights(a), _weights(b)
    whole = sum(old.values()) + sum(new.values())
    return 2 * sum(min(w, new[k]) for k, w in old.items() if k in new) / whole if whole else 0.0


@lru_cache(maxsize=2_000)
def _weights(sentence: str) -> dict[str, float]:
    carrying = content(sentence)
    found = {w: 1.0 if w in carrying else 0.5 if w[0].isdigit() else FUNCTION for w in words(level(sentence))}
    return found | dict.fromkeys(links(sentence), 0.5)


def left(pairs: Sequence[Pair]) -> float:
    """The share of the draft's carrying words whose sentence is still there in some form, 0 to 1."""
    sizes = [(content(" ".join(old)).total(), new) for old, new in pairs if not all(map(is_courtesy, old))]
    whole = sum(size for size, _ in sizes)
    return sum(size for size, new in sizes if new) / whole if whole else 1.0


def _edit(old: tuple[str, ...], new: tuple[str, ...], ignore: frozenset[str]) -> SentenceEdit | None:
    before, after = " ".join(old), " ".join(new)
    kind = _changed(before, after, ignore) if before and after else _alone(before, after)
    return SentenceEdit(kind, before, after) if kind else None


def _changed(before: str, after: str, ignore: frozenset[str]) -> CorrectionKind | None:
    if _plain(before) == _plain(after):
        return None
    if _renumbered(before, after):
        return CorrectionKind.FACT_WRONG
    if len(lexicon.CONDITION.findall(after)) > len(lexicon.CONDITION.findall(before)):
        return CorrectionKind.RULE_MISAPPLIED
    wrong, more = material(before, after, ignore)
    lost, gained = exchanged(before, after)
    if wrong or (more and lost) or _asks(before) != _asks(after):
        return CorrectionKind.FACT_WRONG
    if more or (len(gained) >= 3 and len(lost) <= 1):
        return CorrectionKind.FACT_MISSING
    # One word put in the place of another is hardly ever done for its sound, and three left out hardly ever for style.
    if len(lost) == len(gained) == 1 or (len(lost) >= 3 and len(gained) <= 1):
        return CorrectionKind.FACT_WRONG
    return CorrectionKind.TONE if _toneless(before) == _toneless(after) else CorrectionKind.WORDING


def _renumbered(before: str, after: str) -> bool:
    """Has another number taken the place of one?"""
    old, new = ({fact for fact in facts(s).hard if fact[0].isdigit()} for s in (before, after))
    return bool(old - new and new - old)


def _alone(removed: str, added: str) -> CorrectionKind:
    if is_courtesy(removed or added):
        return CorrectionKind.TONE
    if removed:
        pointer = links(removed) and content(removed).total() <= 2  # "More about this: https://…"
        return CorrectionKind.WORDING if pointer else CorrectionKind.FACT_WRONG
    if is_own(added):
        return CorrectionKind.NEEDED_TOOL
    return CorrectionKind.RULE_MISAPPLIED if lexicon.CONDITION.search(added) else CorrectionKind.FACT_MISSING


def _asks(sentence: str) -> bool:
    """A real question; "could you send a photo?" is a request."""
    return sentence.rstrip().endswith("?") and not sentence.casefold().startswith(("can you", "could you", "would you"))


def _plain(sentence: str) -> str:
    return "".join(c for c in sentence.casefold() if c.isalnum() or c in "€$£%+-/")


def _toneless(sentence: str) -> list[str]:
    return [w for w in words(sentence) if w not in lexicon.TONE]


def _steps(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in said(text).split("\n") if NUMBER.match(line))


def _steps_edit(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[SentenceEdit, ...]:
    """Steps are one thing: where one was added, left out or moved, the whole list is the edit."""
    if not before or not after:
        return ()
    old, new = [NUMBER.sub("", s) for s in before], [NUMBER.sub("", s) for s in after]
    into = [new.index(became[0]) if became else -1 for step, became in align(old, new) if step]
    in_order = -1 not in into and into == sorted(into) and len(into) == len(old)
    if in_order and len(new) == len(old):
        return ()
    kind = CorrectionKind.FACT_MISSING if in_order else CorrectionKind.FACT_WRONG
    return (SentenceEdit(kind, "\n".join(before), "\n".join(after)),)
