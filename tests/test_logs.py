"""What a log line holds."""

import logging

from bot.logs import Formatter

FORMAT = "%(levelname)s %(name)s: %(message)s"


def line(**extra: object) -> str:
    """How a fact with these keys is logged."""
    record = logging.getLogger("bot.deliver").makeRecord(
        "bot.deliver", logging.INFO, "deliver.py", 1, "delivered", (), None, extra=extra
    )
    return Formatter(FORMAT).format(record)


def test_a_line_holds_the_keys_of_its_fact() -> None:
    assert line(delivery="d-1", state="sent", tries=2) == (
        "INFO bot.deliver: delivered delivery=d-1 state=sent tries=2"
    )


def test_a_value_never_looks_like_another_key_or_another_line() -> None:
    assert line(why="away, tries=9", error="one\ntwo", vendor_id="") == (
        'INFO bot.deliver: delivered why="away, tries=9" error="one\\ntwo" vendor_id=""'
    )


def test_a_line_without_keys_is_the_words_alone() -> None:
    assert line() == "INFO bot.deliver: delivered"
