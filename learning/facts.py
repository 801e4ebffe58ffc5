"""What a sentence states: facts that can be checked, the words that carry it, and what kind of sentence it is."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from bot.text.markup import URL
from bot.text.redact import EMAIL
from bot.text.said import language, said, sentences
from bot.text.terms import is_stop, stem, words
from learning import lexicon

TOKEN = re.compile(r"[^\W\d_][\w-]*\d[\w-]*|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[€$£%°]")
QUOTED = re.compile('["“„«]([^"“”„«»]{1,60})["”“»]')
MOST = 80  # sentences of one text that are compared; more is no reply
FEW = 6  # carrying words that good manners may have
CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d\d))?")
NEGATING = ("un", "dis", "in", "im", "non", "mis", "de")


@dataclass(frozen=True, slots=True)
class Facts:
    """`hard`: numbers with units, dates, links, addresses, codes, steps and promises; `names`: of buttons, products
    and places; `nots`: how often it says no; `spoken`: all words, as written and levelled. All casefolded."""

    hard: frozenset[str]
    names: frozenset[str]
    nots: int
    spoken: frozenset[str]


@lru_cache(maxsize=2_000)
def facts(sentence: str, ignore: frozenset[str] = frozenset()) -> Facts:
    """Read one sentence; `ignore` are casefolded names of people."""
    addresses = (*(u.rstrip("/").casefold() for u in URL.findall(sentence)), *EMAIL.findall(sentence.casefold()))
    rest = EMAIL.sub(" ", URL.sub(" ", sentence))
    tokens = TOKEN.findall(level(rest))
    low = [t.casefold() for t in tokens]
    hard = {*addresses, *_numbers(low), *(t for t in map(stem, low) if t in lexicon.DATES or t in lexicon.ACTS)}
    hard |= {t for t in low if t[0].isalpha() and any(c.isdigit() for c in t)}
    nots = sum(t in lexicon.NOT for t in low)
    return Facts(frozenset(hard), _names(rest) - ignore, nots, _words(rest).union(low))


@lru_cache(maxsize=2_000)
def level(text: str) -> str:
    """Several ways to write the same made one: contractions, currencies, units, "free of charge"."""
    for pattern, instead in lexicon.SAME:
        text = pattern.sub(instead, text)
    return text


def _numbers(tokens: list[str]) -> set[str]:
    found = set()
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        value = lexicon.NUMBERS.get(token, token)
        if not value[0].isdigit():
            continue
        unit = stem(after) if stem(after) in lexicon.UNITS else ""
        money = before if before in "€$£" else ""
        if unit in lexicon.CLOCK or ":" in value:
            found.add(_time(value, unit))
        elif unit or token not in lexicon.ONLY_WITH_UNIT:
            found.add(f"{_value(value)} {unit or money}".strip())
    return found


def _time(value: str, of_day: str) -> str:
    """`9`, `09.00` and `9:00` as `9:00`, with `pm` as `21:00`; what is none as it is."""
    if not (clock := CLOCK.fullmatch(value)):
        return value
    hour = int(clock[1]) % 12 + 12 * (of_day == "pm") if of_day in ("am", "pm") else int(clock[1])
    return f"{hour}:{clock[2] or '00'}"


def _value(number: str) -> str:
    """`4,90` as `4.9`, `1,000` as `1000`; versions as they are."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", number):
        return number.replace(",", "")
    number = number.replace(",", ".")
    return f"{float(number):g}" if re.fullmatch(r"\d+(?:\.\d+)?", number) else number


def _names(sentence: str) -> frozenset[str]:
    """Words in quotation marks, and capitals inside a sentence where the language does not write every noun so; no
    days."""
    quoted = frozenset(w for phrase in QUOTED.findall(sentence) for w in _words(phrase))
    inside = [t for s in sentences(sentence) for t in TOKEN.findall(s)[1:]]
    capitals = {t.casefold() for t in inside if t[0].isupper() and len(t) > 1}
    return quoted if language(sentence) == "de" else quoted | frozenset(w for w in capitals if not _is_day(w))


def _is_day(word: str) -> bool:
    """A day or a month, perhaps cut short."""
    return len(word) > 2 and any(day.startswith(stem(word)) for day in lexicon.DATES)


def material(before: str, after: str, ignore: frozenset[str] = frozenset()) -> tuple[bool, bool]:
    """(a fact of `before` is lost or turned round, `after` has a fact more)."""
    old, new = facts(before, ignore), facts(after, ignore)
    gone, come = old.spoken - new.spoken, new.spoken - old.spoken
    lost = old.hard - new.hard or old.names & gone
    return bool(lost or turned(old, new) or old.nots != new.nots), bool(new.hard - old.hard or new.names & come)


def turned(old: Facts, new: Facts) -> bool:
    """Does a word of one have its opposite in the other?"""
    gone, come = old.spoken - new.spoken, new.spoken - old.spoken
    return any((a in gone and b in come) or (b in gone and a in come) for a, b in lexicon.OPPOSITES)


def _words(text: str) -> frozenset[str]:
    return frozenset(t.casefold() for t in TOKEN.findall(text))


@lru_cache(maxsize=2_000)
def content(sentence: str) -> Counter[str]:
    """The stems that carry a sentence: no function words, courtesy, numbers or addresses. Not to be changed."""
    stems = words(level(EMAIL.sub(" ", URL.sub(" ", sentence))))
    return Counter(w for w in stems if not (is_stop(w) or w in lexicon.TONE or w[0].isdigit()))


def exchanged(before: str, after: str) -> tuple[list[str], list[str]]:
    """Carrying words lost and gained; a synonym, an inflection or a spelling put right is neither."""
    old, new = content(before), content(after)
    lost, gained = list((old - new).elements()), list((new - old).elements())
    for word in list(lost):
        twin = next((g for g in gained if alike(word, g)), None)
        if twin is not None:
            lost.remove(word)
            gained.remove(twin)
    return lost, gained


def alike(a: str, b: str) -> bool:
    """The same word to a reader: a synonym, or one misspelled; `locked` and `unlocked` are not."""
    if any(a in group and b in group for group in lexicon.SYNONYMS):
        return True
    short, long = sorted((a, b), key=len)
    if any(long == prefix + short for prefix in NEGATING):
        return False
    return len(short) > 3 and a[0] == b[0] and SequenceMatcher(None, a, b, autojunk=False).ratio() >= 0.8


def is_courtesy(sentence: str) -> bool:
    """Says nothing but good manners."""
    carrying = content(sentence).total()
    if carrying > FEW or (carrying and not lexicon.COURTESY.search(sentence)):
        return False  # as of most sentences, whose facts would cost more to read
    found = facts(sentence)
    return not found.hard and not (carrying and found.nots)


def is_own(sentence: str) -> bool:
    """States something about this customer's own order or account, which no knowledge could hold."""
    found = lexicon.OWN.search(sentence)
    return found is not None and not lexicon.SUPPOSED.search(sentence[: found.start()])


def is_holding(sentence: str) -> bool:
    """Only says that somebody will look."""
    return bool(lexicon.HOLDING.search(sentence))


def own_words(text: str) -> tuple[str, ...]:
    """What a person said, in sentences, without quotes, signature and greeting."""
    found = (lexicon.GREETING.sub("", s, count=1).strip() for s in sentences(said(text)))
    return tuple(s for s in found if s)[:MOST]


def teaching(text: str) -> tuple[str, ...]:
    """The sentences from which something can be learned: no courtesy, no question back, no "we are looking into it",
    nothing about this customer's own data; () when there is nothing, or when their own data are half of it."""
    told = [s for s in own_words(text) if not (is_courtesy(s) or is_holding(s) or s.endswith("?"))]
    general = [s for s in told if not is_own(s)]
    enough = any(content(s).total() >= 3 or facts(s).hard for s in general)
    return tuple(general) if enough and len(general) > len(told) / 2 else ()
