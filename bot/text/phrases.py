"""Word lists and patterns by language, read once from the files beside the code."""

import re
import tomllib
from pathlib import Path


def read(module: str) -> dict[str, dict[str, str]]:
    """The tables of the TOML file beside a module (its `__file__`)."""
    tables: dict[str, dict[str, str]] = tomllib.loads(Path(module).with_suffix(".toml").read_text(encoding="utf-8"))
    return tables


def groups(text: str) -> tuple[list[str], ...]:
    """The words of `one two / three`, group by group."""
    return tuple(group.split() for group in text.split("/"))


def compiled(pattern: str) -> re.Pattern[str]:
    """Its lines joined as they are; case does not count."""
    return re.compile("".join(pattern.splitlines()), re.I)


TABLES = read(__file__)
STOP = {code: frozenset(words.split()) for code, words in TABLES["stop"].items()}
WORDS = {name: frozenset(words.split()) for name, words in TABLES["words"].items()}
PATTERNS = {name: compiled(pattern) for name, pattern in TABLES["patterns"].items()}
IRREGULAR = {form: group[0] for group in groups(TABLES["groups"]["forms"]) for form in group[1:]}
