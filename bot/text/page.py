"""Which page a web address leads to, however it is written."""

import re
from urllib.parse import urlsplit

LOCALE = re.compile(r"[a-z]{2}([-_][a-z]{2,4})?")
NUMBERED = re.compile(r"(\d+)-.*")  # help centres write the title behind an article's number, and need it not


def page_of(url: str) -> str:
    """The same for addresses of one page: in any language, with or without title, place on it and query. "" where it is
    no web address."""
    try:
        parts = urlsplit(url.strip().casefold())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    path = (NUMBERED.sub(r"\1", part) for part in parts.path.split("/") if part and not LOCALE.fullmatch(part))
    return "/".join((parts.hostname.removeprefix("www."), *path))
