"""Times and numbers as people type them: 2026-05-03 or 2026-05-03T10:00, UTC unless they say otherwise."""

from datetime import UTC, datetime, timedelta

from bot.errors import Misconfigured

DAY = len("2026-05-03")


def moment(field: str, text: str) -> datetime:
    """The moment, and of a day its beginning. Misconfigured names `field`."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as err:
        raise Misconfigured(field, f"{text!r} is no time such as 2026-05-03 or 2026-05-03T10:00 (UTC)") from err


def end(field: str, text: str) -> datetime:
    """The moment, and of a day its end. Misconfigured names `field`."""
    at = moment(field, text)
    try:
        return at + timedelta(days=1) if len(text.strip()) <= DAY else at
    except OverflowError as err:
        raise Misconfigured(field, f"{text!r} is too far away") from err


def between(field: str, text: str, low: int, high: int) -> int:
    """A whole number of that range. Misconfigured names `field` and the range."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise Misconfigured(field, f"{text!r} is no whole number from {low:,} to {high:,}")
    return int(text)


def whole(field: str, text: str) -> int:
    """A whole number from 0 on, 0 for "". Misconfigured names `field`."""
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Misconfigured(field, f"{text!r} is no whole number")
    return int(text or "0")
