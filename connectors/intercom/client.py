"""The calls we make through python-intercom: each once, each answer read by shape, each failure in our words.

Imported at the first call, because SDK and httpx take longer to import than all the rest of a start-up.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import httpx
from intercom import AdminReplyConversationRequest, Intercom, SingleFilterSearchRequest, StartingAfterPaging
from intercom.core.api_error import ApiError
from pydantic import BaseModel
from urllib3.exceptions import HTTPError, ReadTimeoutError

from bot.errors import BotError, Malformed, Refused, Unavailable
from bot.model import Ref
from bot.ports import Patience, at_once
from bot.text.markup import Safe
from connectors.http import CONNECT_TIMEOUT, Drift, Once, Shape, error_for, shape, unsent
from connectors.intercom import shapes
from connectors.intercom.door import CONVERSATION

ARTICLES = 50  # a page; the vendor names no maximum
PAGE = 150  # conversations a page, the vendor's maximum
WRAPPED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
MEND = {
    401: "the token is not valid; set INTERCOM_TOKEN to the app's access token and check INTERCOM_REGION",
    403: "the token may not do this; give the app the permission to read and write conversations",
    404: "it is not there: deleted, merged or in another workspace; or INTERCOM_ADMIN_ID is not a teammate",
    422: "the vendor cannot do this with it; INTERCOM_ADMIN_ID must be a teammate with an inbox seat",
}
UNKNOWN = timedelta(hours=1)  # so far off may our clock be until the first answer tells
VERSION = "2.14"  # of the API; without the header the workspace's own default would apply


class Whole(httpx.BaseTransport):
    """Asks once, and hands the SDK a good answer as one field that it does not know and passes on as it came.

    Its own models (5.0.1) take any type and any lack, and take five times as long to make as the call: they read the
    type hints anew for every part of a conversation.
    """

    def __init__(self, drift: Drift, timeout: float) -> None:
        self._drift, self._once = drift, Once((CONNECT_TIMEOUT, timeout))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Errors stay as they are, for the SDK to raise. Raises httpx.TransportError."""
        headers = {**request.headers, "accept-encoding": "gzip"}
        try:
            answer = self._once.ask(request.method, str(request.url), headers, request.read())
        except HTTPError as err:
            raise _failed(err) from err
        self._drift.hear(answer.headers)
        if answer.status >= 300:
            return httpx.Response(answer.status, headers=_plain(answer.headers), content=answer.data)
        return httpx.Response(answer.status, content=b'{"whole":%b}' % answer.data)

    def close(self) -> None:
        """Give the connections back."""
        self._once.close()


def _failed(err: HTTPError) -> httpx.TransportError:
    """As httpx says it."""
    if unsent(err):
        return httpx.ConnectError(str(err))
    return httpx.ReadTimeout(str(err)) if isinstance(err, ReadTimeoutError) else httpx.ReadError(str(err))


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Without what says how the body was wrapped: it has been unwrapped."""
    return {name: value for name, value in headers.items() if name.lower() not in WRAPPED}


class Client:
    """One HTTP client for all threads. `timeout` in seconds."""

    def __init__(self, base_url: str, token: str, timeout: float) -> None:
        # Neither the SDK nor httpx tries again or follows a redirect, with our token, unless told to.
        self._drift = Drift()
        http = httpx.Client(transport=Whole(self._drift, timeout), trust_env=False)
        version = {"Intercom-Version": VERSION}
        self._sdk = Intercom(base_url=base_url, token=token, headers=version, timeout=timeout, httpx_client=http)

    def conversation(self, ref: Ref) -> shapes.Conversation:
        """With its newest 500 parts. Malformed when the answer is not what we rely on."""
        with answered(f"Intercom, reading {ref}"):
            return _read(shapes.Conversation, self._sdk.conversations.find(_id(ref)))

    def theirs(self, since: datetime) -> datetime:
        """By their clock; an hour earlier until their first answer tells what it shows."""
        return self._drift.theirs(since) if self._drift.known else since - UNKNOWN

    def changed(self, since: datetime, patiently: Patience = at_once) -> Iterator[shapes.Found]:
        """Conversations updated at or after `since`, by the page."""
        # Dates know `>` and `<` alone here, and the vendor's pages differ on whether `>` includes its end.
        query = SingleFilterSearchRequest(
            field="updated_at", operator=">", value=int(self.theirs(since).timestamp()) - 1
        )
        page = shapes.Page(conversations=())
        while True:
            page = patiently(partial(self._search, query, page.cursor or None))
            yield from page.conversations
            if not page.cursor:
                return

    def _search(self, query: SingleFilterSearchRequest, cursor: str | None) -> shapes.Page:
        paging = StartingAfterPaging(per_page=PAGE, starting_after=cursor)
        with answered("Intercom, searching conversations"):
            # Not the SDK's pager: in 5.0.1 it asks for the first page again and again.
            return _read(shapes.Page, self._sdk.conversations.search(query=query, pagination=paging).response)

    def articles(self, number: int) -> shapes.Articles:
        """A page of the articles, from 1 on, the latest touched first."""
        with answered("Intercom, reading articles"):
            # Its pager goes on for as long as a page has rows, which a page beyond the last may have.
            return _read(shapes.Articles, self._sdk.articles.list(page=number, per_page=ARTICLES).response)

    def post(self, ref: Ref, admin: str, html: Safe, *, note: bool) -> shapes.Conversation:
        """Add a comment or a note; Unavailable with `maybe` where it may stand there although we cannot tell."""
        kind = "note" if note else "comment"
        request = AdminReplyConversationRequest(message_type=kind, type="admin", admin_id=admin, body=html)
        with answered(f"Intercom, posting a {kind} on {ref}", write=True):
            return _read(shapes.Conversation, self._sdk.conversations.reply(_id(ref), request=request))

    def me(self) -> shapes.Me:
        """Whose token it is."""
        with answered("Intercom, asking whose token it is"):
            return _read(shapes.Me, self._sdk.admins.identify())

    def admins(self) -> tuple[shapes.Author, ...]:
        """All teammates; the vendor does not page them."""
        with answered("Intercom, reading the teammates"):
            return _read(shapes.Admins, self._sdk.admins.list()).admins


@contextmanager
def answered(what: str, *, write: bool = False) -> Iterator[None]:
    """Failures of SDK and network as Unavailable or Refused; `maybe` where a write may have been applied."""
    try:
        yield
    except ApiError as err:
        raise _status(what, err, write) from err
    except httpx.HTTPError as err:
        maybe = write and not isinstance(err, httpx.ConnectError)
        raise Unavailable(f"{what}: {type(err).__name__}: {err}", maybe=maybe, away=True) from err
    except Malformed as err:
        if not write:
            raise
        raise Unavailable(f"{what}: {err}", maybe=True) from err
    except (ValueError, TypeError, AttributeError, RecursionError) as err:
        # JSON that is no object or nests without end, or bytes that are not UTF-8; the SDK or we trip over it.
        raise Unavailable(f"{what}: the answer cannot be read: {err}", maybe=write) from err


def _read(kind: type[Shape], answer: BaseModel | None) -> Shape:
    """The vendor's answer by our shape. ValueError where it is no object: a proxy's answer, or an outage."""
    whole = ((answer and answer.model_extra) or {}).get("whole")
    if not isinstance(whole, dict):
        raise ValueError("it is not a JSON object")
    return shape(kind, _said(whole), "intercom")


def _said(value: object) -> object:
    """JSON without its nulls: what is null is as good as absent."""
    if isinstance(value, dict):
        return {name: _said(held) for name, held in value.items() if held is not None}
    return [_said(held) for held in value] if isinstance(value, list) else value


def _status(what: str, err: ApiError, write: bool) -> BotError:
    status = err.status_code or 0
    if 200 <= status < 400:
        return Unavailable(f"{what}: HTTP {status} without a readable answer", maybe=write and status < 300)
    hint = f"; {MEND[status]}" if status in MEND else ""
    return error_for(f"{what}{hint}", status, err.headers or {}, write=write)


def _id(ref: Ref) -> str:
    """Refused unless a number: the SDK puts it into the path as it is, and `last` means something there."""
    if not CONVERSATION.fullmatch(ref.id):
        raise Refused(f"{ref} is not an Intercom conversation; its id is a number")
    return ref.id
