"""What is different between two texts, word by word, for people to read."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

WORDS = re.compile(r"\S+|\s+")
LINES = re.compile(r".*\n|.+")
MANY = 2_000  # words, else lines, that are compared, because it costs the square of them; of more it is all new

How = Literal["same", "gone", "new"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a text: in both, only in the old one, or only in the new one."""

    how: How
    text: str


def changes(before: str, after: str) -> tuple[Piece, ...]:
    """The pieces of both texts in their order: without new ones they are `before`, without gone ones `after`."""
    found = next((both for unit in (WORDS, LINES) if max(map(len, both := _units(unit, before, after))) <= MANY), None)
    return tuple(piece for piece in _pieces(*(found or ([before], [after]))) if piece.text)


def _units(unit: re.Pattern[str], before: str, after: str) -> tuple[list[str], list[str]]:
    return unit.findall(before), unit.findall(after)


def _pieces(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    for what, i, j, k, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield Piece("same", "".join(old[i:j]))
        else:
            yield Piece("gone", "".join(old[i:j]))
            yield Piece("new", "".join(new[k:end]))
