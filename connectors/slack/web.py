"""Slack's Web API as far as we call it: one try each, its errors in our words, and who is who."""

import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from bot.errors import BotError, Refused, Unavailable
from connectors.http import Drift, error_for, not_too_late, retry_after
from connectors.slack.shapes import Me, Page, User, read

if TYPE_CHECKING:
    from slack_sdk.web import SlackResponse

TIMEOUT = 10  # seconds
PAGES = 50  # a thread of 10,000 messages; also the end of a cursor that never ends
REMEMBER = 3600.0  # seconds that names are kept
SCOPES = frozenset({"channels:history", "chat:write", "groups:history", "users:read", "users:read.email"})
LATER = {  # errors that pass: may a write have been applied all the same?
    **dict.fromkeys(("ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"), False),
    **dict.fromkeys(("internal_error", "fatal_error", "request_timeout"), True),
}
NOBODY = (ConnectionRefusedError, socket.gaierror)  # heard us; may be the reason of a URLError
MEND = {  # by what the error's code says
    "auth|token|account": "check SLACK_BOT_TOKEN",
    "channel|archived|restricted": "check SLACK_SUPPORT_CHANNEL and SLACK_REVIEW_CHANNEL, and invite the bot to both",
    "scope": "install the app again with manifest.yml, then set SLACK_BOT_TOKEN",
}


class Endless(Refused):
    """More pages than we read."""


class Web:
    """The SDK's client without its retries: by default it posts again after a dropped connection (3.47.0)."""

    def __init__(self, token: str, base_url: str, timeout: int = TIMEOUT) -> None:
        self.token, self.base_url, self._timeout = token, base_url, timeout
        self.drift = Drift()
        self._known = lru_cache(maxsize=10_000)(self.look_up)

    def ask(self, name: str, **arguments: Any) -> "SlackResponse":
        """Call one method once. Raises Unavailable (`maybe` where a write may have been applied) or Refused."""
        from slack_sdk.errors import SlackApiError  # noqa: PLC0415 - 100 ms that a start without Slack need not wait
        from slack_sdk.web import WebClient  # noqa: PLC0415

        client = WebClient(self.token, self.base_url, self._timeout, retry_handlers=[])
        writes = name.startswith(("chat.", "views."))
        not_too_late()
        try:
            answer: SlackResponse = getattr(client, name.replace(".", "_"))(**arguments)
        except SlackApiError as err:
            self.drift.hear(err.response.headers)
            raise _no(f"slack: {name}", err.response, writes) from err
        except (HTTPException, OSError, ValueError) as err:
            reached = not isinstance(getattr(err, "reason", err), NOBODY)
            raise Unavailable(f"slack: {name}: {type(err).__name__}", maybe=writes and reached, away=True) from err
        self.drift.hear(answer.headers)
        return answer

    @cached_property
    def me(self) -> Me:
        """Who we are; asked once."""
        return read(Me, self.ask("auth.test").data)

    def pages(self, name: str, limit: int = 200, **arguments: Any) -> Iterator[Page]:
        """All pages of a method, in the order Slack gives them, `limit` to a page."""
        cursor: dict[str, str] = {}
        for _ in range(PAGES):
            answer = self.ask(name, limit=limit, include_all_metadata=True, **arguments, **cursor)
            page = read(Page, answer.data)
            yield page
            if not page.cursor:
                return
            cursor = {"cursor": page.cursor}
        raise Endless(f"slack: {name}: more than {PAGES} pages")

    def user(self, id: str) -> User:
        """Someone by id; nameless where Slack will not tell."""
        return self._known(id, int(time.monotonic() / REMEMBER))

    def look_up(self, id: str, _hour: int = 0) -> User:
        """As `user`, asked anew."""
        try:
            return read(User, self.ask("users.info", user=id).get("user"))
        except Refused:
            return User(id=id)


def _no(what: str, answer: "SlackResponse", writes: bool) -> BotError:
    """What an answer that is not ok means."""
    if answer.status_code >= 400:
        return error_for(what, answer.status_code, answer.headers, write=writes)
    code = str(answer.get("error", ""))
    if code in LATER:
        wait = retry_after(answer.headers, datetime.now(UTC))
        return Unavailable(f"{what}: {code}", retry_after=wait, maybe=writes and LATER[code])
    if not re.fullmatch(r"[a-z_]{1,60}", code):  # the SDK puts a page that is not JSON here
        return Unavailable(f"{what}: the answer is not Slack's", maybe=writes)
    return Refused("; ".join([f"{what}: {code}", *(fix for words, fix in MEND.items() if re.search(words, code))]))
