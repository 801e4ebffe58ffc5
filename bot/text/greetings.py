"""What surrounds an answer, by language."""

from dataclasses import dataclass

from bot.text.phrases import read


@dataclass(frozen=True, slots=True)
class Manners:
    """`named` takes the first name; `more` stands before the source's address."""

    named: str
    unnamed: str
    more: str
    also: str
    close: str


MANNERS = {code: Manners(**said) for code, said in read(__file__).items()}
