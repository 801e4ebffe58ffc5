"""Which page a web address leads to, however it is written."""

import re
from itertools import pairwise
from urllib.parse import parse_qsl, urlencode, urlsplit

LOCALE = re.compile(r"[a-z]{2}([-_][a-z]{2,4})?")
ROOTS = ("hc", "kb", "qa")  # no languages, and behind the first a help centre says its own
NUMBERED = re.compile(r"(\d+)-.*")  # and behind "articles" a number, whose title it does not need
TRACKING = re.compile(r"utm_.*|from|ref|source|gclid|fbclid|mc_.id")


def page_of(url: str) -> str:
    """The same for addresses of one page: in any language, with or without title, place on it and where one came from.
    "" where it is no web address."""
    try:
        parts = urlsplit(url.strip().casefold())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    query = urlencode(sorted(pair for pair in parse_qsl(parts.query) if not TRACKING.fullmatch(pair[0])))
    route = parts.fragment if parts.fragment[:1] in ("/", "!") else ""
    path = "/".join((parts.netloc.rpartition("@")[2].removeprefix("www."), *_steps(parts.path)))
    return path + f"?{query}" * bool(query) + f"#{route}" * bool(route)


def _steps(path: str) -> list[str]:
    steps = [step for step in path.split("/") if step]
    at = 1 if steps[:1] == ["hc"] else 0
    if LOCALE.fullmatch("".join(steps[at : at + 1])) and steps[at] not in ROOTS:
        del steps[at]
    return [NUMBERED.sub(r"\1", step) if before == "articles" else step for before, step in pairwise(["", *steps])]
