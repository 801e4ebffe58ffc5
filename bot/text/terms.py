"""Words for finding, and the language they are in. Every pattern is linear-time, without look-around."""

import re
import unicodedata
from functools import lru_cache

from bot.text import phrases

WORD = re.compile("[0-9]+(?:[.,][0-9]+)*|[\\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u109f]+(?:['’]\\w+)?")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
PLACEHOLDER = re.compile(r"\[(?:email|phone|card|iban|ip|id|number)\]")
PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})
LONGEST = 64  # characters of a word that count
VOWEL = re.compile("[aeiouy]")
# An ending, what stands for it, and how much of the word must be left.
PLURALS = (("ies", "y", 2), ("ied", "y", 2), ("sses", "ss", 2), ("xes", "x", 2), ("ches", "ch", 2), ("shes", "sh", 2))
SUFFIXES = tuple(
    (ending, "", least)
    for ending, least in (("ation", 4), ("ment", 3), ("ing", 3), ("able", 4), ("ed", 3), ("ion", 4), ("ly", 3))
)


def words(text: str) -> tuple[str, ...]:
    """For finding: casefolded, accents folded, English stemmed; scripts without spaces as pairs of characters."""
    plain = PLACEHOLDER.sub(" ", text).casefold().replace("e-mail", "email")
    return tuple(piece for token in WORD.findall(plain) for piece in _pieces(token))


def _pieces(token: str) -> tuple[str, ...]:
    if not UNSPACED.search(token):
        return _stems(token[:LONGEST])
    pairs = [run[at : at + 2] for run in UNSPACED.findall(token) for at in range(max(1, len(run) - 1))]
    return (*pairs, *_stems(UNSPACED.sub("", token)[:LONGEST]))


@lru_cache(maxsize=20_000)
def _stems(token: str) -> tuple[str, ...]:
    if "'" in token or "’" in token:
        head, _, tail = token.replace("’", "'").partition("'")
        if tail == "t":
            return (head + tail,)
        return _stems(head) + (() if tail in ("s", "re", "ve", "ll", "d", "m") else _stems(tail))
    plain = _folded(token).replace("_", "")
    return (stem(plain),) if plain else ()


def _folded(token: str) -> str:
    if token.isascii() or max(token) > "\u052f":
        return token
    return "".join(c for c in unicodedata.normalize("NFD", token.translate(PLAIN)) if not unicodedata.combining(c))


def stem(word: str) -> str:
    """A light English stem: the same for `ship`, `ships`, `shipped`, `shipping` and `shipment`."""
    return _stem(word) if len(word) <= LONGEST else word  # which would be kept, however long


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    word = phrases.IRREGULAR.get(word, word)
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return word
    word = _cut(word, PLURALS)
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    word = _cut(word, SUFFIXES)
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 6 and word.endswith("y"):
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou" else word


def _cut(word: str, endings: tuple[tuple[str, str, int], ...]) -> str:
    for ending, instead, least in endings:
        rest = word.removesuffix(ending)
        if least <= len(rest) < len(word) and VOWEL.search(rest + instead):
            return rest + instead
    return word


def language(text: str) -> str:
    """ISO 639-1 code of en de fr es it pt nl pl by function words; "" when unsure."""
    found = {token.replace("’", "'") for token in LETTERS.findall(text[:4000].casefold())}
    scores = sorted(
        ((sum(_weight(w) for w in found & stop), code) for code, stop in phrases.STOP.items()), reverse=True
    )
    (best, code), (second, _) = scores[:2]
    return code if best >= 1.0 and best >= 1.3 * second else ""


@lru_cache(maxsize=2_000)
def _weight(word: str) -> float:
    return 1.0 / sum(word in stop for stop in phrases.STOP.values())


@lru_cache(maxsize=1)
def _function_words() -> frozenset[str]:
    return frozenset(stem for stop in phrases.STOP.values() for word in stop for stem in words(word))


def is_stop(word: str) -> bool:
    """Is this one of `words` a function word of any language that we know?"""
    return word in _function_words()
