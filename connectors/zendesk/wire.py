"""zenpy over a session of ours: every call we make, each sent once, every error one of our own."""

import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from bot.errors import BotError, Refused, Unavailable
from connectors.http import CONNECT_TIMEOUT, OneTry, error_for, session, shape
from connectors.zendesk.oauth import Credentials, rejected
from connectors.zendesk.shapes import Paged

SIDELOADS = ("users", "groups", "organizations")
CHANGED = 1.0  # seconds until a conversation that changed under us is looked at again
DOING = {"GET": "reading", "PUT": "changing", "POST": "making"}
TICKET = re.compile(r"/tickets/(\d+)")


class Wire(OneTry):
    """Signs in, sends once, renews an expired token once, and raises our errors before zenpy sees a status.

    zenpy 2.0.57 sleeps in the thread on 429 and crashes on `Retry-After: 1.5`; it never gets to see one here.
    """

    def __init__(self, credentials: Credentials, loopback: str, timeout: float) -> None:
        super().__init__((CONNECT_TIMEOUT, timeout))
        self.credentials, self.loopback = credentials, loopback

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """The answer with a status under 300. Raises Unavailable or Refused."""
        used = self.credentials.header()
        answer = self._once(request, used, options)
        if answer.status_code == 401:  # surely not applied, so a write may go again
            answer = self._once(request, self.credentials.renew(used), options)
        if answer.status_code >= 300:
            raise _error(request, answer)
        return answer

    def _once(self, request: requests.PreparedRequest, header: str, options: dict[str, Any]) -> requests.Response:
        request.headers["Authorization"] = header
        try:
            answer = super().send(request, **options)
            _ = answer.content  # read here, so that an answer that breaks off is caught here
        except requests.RequestException as err:
            maybe = _writes(request) and not _unsent(err)
            raise Unavailable(f"Zendesk {_what(request)}: {type(err).__name__}", maybe=maybe) from err
        return answer

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """zenpy only speaks to https://NAME.zendesk.com; for tests and the sandbox the line goes elsewhere."""
        if self.loopback:
            return self.poolmanager.connection_from_url(self.loopback)
        return super().get_connection_with_tls_context(*args, **kwargs)


def _writes(request: requests.PreparedRequest) -> bool:
    return request.method not in ("GET", "HEAD")


def _what(request: requests.PreparedRequest) -> str:
    path = request.path_url.partition("?")[0]
    ticket = TICKET.search(path)
    return f"{DOING[request.method or 'GET']} {f'ticket {ticket[1]}' if ticket else path}"


def _unsent(err: requests.RequestException) -> bool:
    """Was there no connection at all, so that nothing can have been applied?"""
    reason = getattr(err.args[0], "reason", None) if err.args else None
    return isinstance(err, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _error(request: requests.PreparedRequest, answer: requests.Response) -> BotError:
    what, status = f"Zendesk {_what(request)}", answer.status_code
    if status == 401:
        return rejected("our token, although it is new")
    if status == 409:
        return Unavailable(f"{what}: it changed meanwhile (HTTP 409)", retry_after=CHANGED)
    error = error_for(what, status, answer.headers, write=_writes(request))
    if isinstance(error, Refused):
        return Refused(f"Zendesk refused {_what(request)}: {_reason(answer)} (HTTP {status}).")
    return error


def _reason(answer: requests.Response) -> str:
    """What Zendesk says: the first detail, the description or the error's name."""
    try:
        data = answer.json()
    except ValueError:
        data = {}
    if not isinstance(data, dict):
        return "no reason given"
    details = data.get("details") or {}
    for said in [*details.values()] if isinstance(details, dict) else []:
        if said and isinstance(said, list) and isinstance(said[0], dict):
            return str(said[0].get("description"))[:200]
    return str(data.get("description") or data.get("error") or "no reason given")[:200]


class AsJson:
    """zenpy's hook for answers, giving JSON as it came: its own objects drop side-loaded users when its cache is
    off, and its cache hands out stale tickets (2.0.57)."""

    def __init__(self, api: object, mapping: object) -> None:
        pass

    @staticmethod
    def applies_to(api: object, response: requests.Response) -> bool:
        return True

    @staticmethod
    def build(response: requests.Response) -> object:
        """The answer's JSON; a page of HTML with status 200 is an outage."""
        try:
            return response.json()
        except ValueError as err:
            what = _what(response.request)
            raise Unavailable(f"Zendesk {what}: not JSON", maybe=_writes(response.request)) from err


class Desk:
    """The calls we make, answered in raw JSON. zenpy keeps state per client, so each thread has its own."""

    def __init__(self, subdomain: str, credentials: Credentials, loopback: str, timeout: float) -> None:
        self.subdomain, self.credentials, self.loopback, self.timeout = subdomain, credentials, loopback, timeout
        self._mine = threading.local()

    def ticket(self, id: str) -> object:
        """A ticket with its users, groups and organization."""
        return self._client().tickets(id=id, include=SIDELOADS)

    def audits(self, id: str) -> Iterator[object]:
        """Pages of a ticket's audits with their authors, oldest first."""
        return self._pages(f"tickets/{id}/audits.json", {"include": "users"})

    def users(self, ids: Sequence[int]) -> object:
        """Those of up to 100 users that still exist."""
        return self._client().users(ids=ids)

    def staff(self) -> Iterator[object]:
        """Pages of agents and admins."""
        return self._pages("users.json", {"role[]": ["agent", "admin"]})

    def me(self) -> object:
        """Whose token it is."""
        return self._client().users.me()

    def brands(self) -> object:
        return self._client().brands()

    def update(self, id: str, fields: Mapping[str, object]) -> object:
        """Change a ticket; the answer holds the audit."""
        from zenpy.lib.api_objects import Ticket  # noqa: PLC0415

        return self._client().tickets.update(Ticket(id=id, **fields))

    def newest(self) -> Iterator[object]:
        """Pages of tickets, the latest touched first."""
        return self._pages("tickets.json", {"sort": "-updated_at"})

    def webhooks(self) -> object:
        return self._client().webhooks.list()

    def secret(self, webhook: str) -> object:
        return self._client().webhooks.show_secret(webhook)

    def make(self, kind: str, fields: Mapping[str, object]) -> object:
        from zenpy.lib import api_objects  # noqa: PLC0415

        thing = {"webhook": api_objects.Webhook, "trigger": api_objects.Trigger}[kind](**fields)
        return getattr(self._client(), f"{kind}s").create(thing)

    def _pages(self, path: str, params: dict[str, object]) -> Iterator[object]:
        """All pages by cursor, which zenpy takes nowhere here (2.0.57)."""
        params["page[size]"] = "100"
        while True:
            url = f"https://{self.subdomain}.zendesk.com/api/v2/{path}"
            page = AsJson.build(self._client().tickets.session.get(url, params=params))
            yield page
            meta = shape(Paged, page, "zendesk").meta
            if not (meta.has_more and meta.after_cursor):
                return
            params["page[after]"] = meta.after_cursor

    def _client(self) -> Any:
        if not hasattr(self._mine, "client"):
            self._mine.client = self._connect()
        return self._mine.client

    def _connect(self) -> Any:
        from zenpy import Zenpy  # noqa: PLC0415 - takes more than 100 ms to import

        logging.getLogger("zenpy").setLevel(logging.INFO)  # its debug lines hold whole tickets
        ours = session(self.timeout)
        ours.mount(f"https://{self.subdomain}.zendesk.com/", Wire(self.credentials, self.loopback, self.timeout))
        times = (CONNECT_TIMEOUT, self.timeout)
        client = Zenpy(subdomain=self.subdomain, session=ours, anonymous=True, disable_cache=True, timeout=times)
        for api in (client.tickets, client.users, client.brands, client.webhooks, client.triggers):
            api._response_handlers = (AsJson,)
        return client
