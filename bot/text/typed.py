"""Times and numbers as people type them: 2026-05-03 or 2026-05-03T10:00, UTC unless they say otherwise."""

from datetime import UTC, date, datetime, time, timedelta

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


def last(field: str, text: str) -> datetime:
    """The moment, and of a day the last one that belongs to it. Misconfigured names `field`."""
    at = end(field, text)
    return at if at == moment(field, text) else at - timedelta.resolution


def last_day(end: datetime) -> date | None:
    """The day whose end it is, None where it is none."""
    at = end.astimezone(UTC)
    return (at - timedelta.resolution).date() if at.time() == time() and at.date() > date.min else None


def until(at: datetime) -> str:
    """What `end` makes it of again: a day where it is one's end, else the time."""
    plain, day = at.astimezone(UTC).replace(tzinfo=None), last_day(at)
    exact = "auto" if plain.second or plain.microsecond else "minutes"
    return day.isoformat() if day else plain.isoformat(timespec=exact)


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
