"""zenpy over a session of ours: each request sent once, every error one of our own, every answer raw JSON."""

import logging
import re
import threading
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import requests
from pydantic import ValidationError

from bot.errors import BotError, Malformed, Refused, Unavailable
from connectors.http import CONNECT_TIMEOUT, Drift, OneTry, Shape, error_for, session, shape, unsent
from connectors.zendesk.oauth import Token, rejected
from connectors.zendesk.shapes import Meta, Problem

CHANGED = 1.0  # seconds until a conversation that changed under us is looked at again
DOING = {"GET": "reading", "PUT": "changing", "POST": "making"}
TICKET = re.compile(r"/tickets/(\d+)")


class Wire(OneTry):
    """Signs in, sends once, renews an ended token once, and raises our errors before zenpy sees a status.

    zenpy 2.0.57 sleeps in the thread on 429 and crashes on `Retry-After: 1.5`; it never gets to see one here.
    It only speaks to https://NAME.zendesk.com: where `site` is another, as in the sandbox, requests go there.
    """

    def __init__(self, site: str, token: Token, timeout: float, drift: Drift) -> None:
        super().__init__((CONNECT_TIMEOUT, timeout))
        self.site, self.token, self.drift = site, token, drift

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        """The answer with a status under 300. Raises Unavailable or Refused."""
        request.url = self.site + request.path_url
        used = self.token.get()
        answer = self._signed(request, used)
        if answer.status_code == 401:  # surely not applied, so a write may go again
            answer = self._signed(request, self.token.get(used))
        if answer.status_code >= 300:
            raise _error(request, answer)
        return answer

    def _signed(self, request: requests.PreparedRequest, token: str) -> requests.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            answer = super().send(request)
        except requests.RequestException as err:
            maybe = _writes(request) and not unsent(err.__cause__)
            raise Unavailable(f"Zendesk {_what(request)}: {type(err).__name__}", maybe=maybe, away=True) from err
        self.drift.hear(answer.headers)
        return answer


def _writes(request: requests.PreparedRequest) -> bool:
    return request.method != "GET"


def _what(request: requests.PreparedRequest) -> str:
    path = request.path_url.partition("?")[0]
    ticket = TICKET.search(path)
    return f"{DOING[request.method or 'GET']} {f'ticket {ticket[1]}' if ticket else path}"


def _error(request: requests.PreparedRequest, answer: requests.Response) -> BotError:
    what, status = _what(request), answer.status_code
    if status == 401:
        return rejected("our token, although it is new")
    if status == 409:
        return Unavailable(f"Zendesk {what}: it changed meanwhile (HTTP 409)", retry_after=CHANGED)
    error = error_for(f"Zendesk {what}", status, answer.headers, write=_writes(request))
    if isinstance(error, Refused):
        return Refused(f"Zendesk refused {what}: {_reason(answer)} (HTTP {status}).")
    return error


def _reason(answer: requests.Response) -> str:
    """What Zendesk says: the first detail, the description or the error's name."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return "no reason given"
    details = [said.get("description") for many in problem.details.values() for said in many]
    return next(filter(None, [*details, problem.description, problem.error, "no reason given"]))[:200]


def as_json(response: requests.Response, _mapping: object = None) -> object:
    """The answer's JSON; a page of HTML with status 200 is an outage."""
    try:
        return response.json()
    except ValueError as err:
        what = _what(response.request)
        raise Unavailable(f"Zendesk {what}: not JSON", maybe=_writes(response.request)) from err


class Desk(threading.local):
    """zenpy keeps state per client, so each thread has its own; this runs `__init__` in every thread that comes."""

    def __init__(self, subdomain: str, site: str, token: Token, timeout: float) -> None:
        self.subdomain, self.site, self.token, self.timeout = subdomain, site, token, timeout
        self.drift = Drift()

    @cached_property
    def zenpy(self) -> Any:
        """The client, made at the first call; it answers in raw JSON."""
        from zenpy import Zenpy  # noqa: PLC0415 - takes more than 100 ms to import

        logging.getLogger("zenpy").setLevel(logging.INFO)  # its debug lines hold whole tickets
        ours = session(self.timeout)
        ours.mount(f"https://{self.subdomain}.zendesk.com/", Wire(self.site, self.token, self.timeout, self.drift))
        times = (CONNECT_TIMEOUT, self.timeout)
        client = Zenpy(subdomain=self.subdomain, session=ours, anonymous=True, disable_cache=True, timeout=times)
        for api in (client.tickets, client.users, client.brands, client.webhooks, client.triggers):
            # zenpy's objects drop side-loaded users when the cache is off; the cache hands out stale tickets (2.0.57)
            api._process_response = as_json
        return client

    def every(self, kind: type[Shape], things: str, path: str, **params: object) -> Iterator[Shape]:
        """All of a list."""
        return (row for page in self.pages(path, **params) for row in listed(kind, things, page))

    def get(self, path: str, **params: object) -> object:
        """One answer, where zenpy has no call for it or one that fails (2.0.57: its help centre makes objects of what
        it knows and drops the rest)."""
        url = f"https://{self.subdomain}.zendesk.com/api/v2/{path}"
        return as_json(self.zenpy.tickets.session.get(url, params=params))

    def pages(self, path: str, **params: object) -> Iterator[object]:
        """A list by cursor, which zenpy takes nowhere here (2.0.57)."""
        params["page[size]"] = "100"
        while True:
            page = self.get(path, **params)
            yield page
            meta = shape(Meta, page, "zendesk")
            if not (meta.more and meta.after):
                return
            params["page[after]"] = meta.after


def listed(kind: type[Shape], things: str, answer: object) -> list[Shape]:
    """What an answer lists under the name `things`. Raises Malformed."""
    rows = answer.get(things) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise Malformed(f"zendesk: {things}: Field required; compare connectors/zendesk/samples")
    return [shape(kind, row, "zendesk") for row in rows]
