"""Pigeon: the smallest helpdesk there is. A letter comes by air, a loft is a conversation."""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from pydantic import AwareDatetime, BaseModel

from bot.errors import Unavailable
from bot.model import Conversation, Customer, Delivery, DeliveryKind, Message, Ref, Role, Status
from bot.ports import Late, Received, Request, never
from bot.text.links import unlinked
from connectors.http import error_for, fresh, need, read_json, sealed, secrets, session, shape, strict, unless


class Letter(BaseModel):
    """One letter in a loft; `by` is one of our roles."""

    id: str
    by: Role
    author: str
    text: str
    at: AwareDatetime
    public: bool = True
    mark: str = ""


class Loft(BaseModel):
    """A conversation, letters oldest first."""

    id: str
    subject: str
    customer: str
    status: Status
    letters: list[Letter]


class Flight(BaseModel):
    """A webhook: which loft got a letter."""

    flight: str
    loft: str


def connect(env: Mapping[str, str]) -> "Pigeon":
    """The connector by its settings; Misconfigured names the one that is missing."""
    return Pigeon(
        url=need(env, "PIGEON_URL", "set it to the address of the pigeon post"),
        secrets=secrets(env, "PIGEON_SECRET", "it is written under the perch"),
    )


@dataclass(frozen=True)
class Pigeon:
    """The pigeon post at `url`."""

    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    http: requests.Session = field(default_factory=session, repr=False)
    name: str = "pigeon"
    can: frozenset[DeliveryKind] = frozenset({DeliveryKind.REPLY, DeliveryKind.NOTE})

    def receive(self, request: Request) -> Received:
        """Which loft got a letter."""
        stamp = strict(request.headers, "x-pigeon-timestamp", re.compile(r"\d{10}"))
        given = strict(request.headers, "x-pigeon-signature", re.compile(r"[0-9a-f]{64}"))
        sealed([sign(secret, stamp, request.body) for secret in self.secrets], given.encode())
        fresh(datetime.fromtimestamp(int(stamp), UTC), request.at)
        flight = shape(Flight, read_json(request.body), "pigeon")
        return Received(flight.flight, (Ref("pigeon", flight.loft),))

    def fetch(self, ref: Ref) -> Conversation:
        """The loft now."""
        loft = shape(Loft, self._call("GET", f"/lofts/{ref.id}"), "pigeon")
        messages = tuple(Message(m.id, m.by, m.author, m.text, m.at, m.public, mark=m.mark) for m in loft.letters)
        return Conversation(ref, loft.subject, loft.status, Customer(loft.customer), messages)

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Lofts with a letter at or after `since`."""
        yield from (Ref("pigeon", loft) for loft in self._call("GET", f"/lofts?since={since.timestamp()}")["lofts"])

    def deliver(self, delivery: Delivery, late: Late = never) -> str:
        """A letter into the loft, marked with the delivery's key."""
        public = delivery.kind is DeliveryKind.REPLY
        letter = {"text": unlinked(delivery.text, delivery.hosts), "public": public, "mark": delivery.key}
        with unless(late):
            return str(self._call("POST", f"/lofts/{delivery.ref.id}/letters", letter)["id"])

    def _call(self, method: str, path: str, data: object = None) -> Any:
        write = method == "POST"
        try:
            answer = self.http.request(method, self.url + path, json=data)
        except requests.RequestException as err:
            raise Unavailable(f"pigeon: {method} {path}", maybe=write) from err
        if answer.status_code >= 400:
            raise error_for(f"pigeon: {method} {path}", answer.status_code, answer.headers, write=write)
        return answer.json()


def sign(secret: bytes, stamp: str, body: bytes) -> bytes:
    """The seal of a letter: hex HMAC-SHA256 over timestamp and body."""
    return hmac.new(secret, f"{stamp}.".encode() + body, "sha256").hexdigest().encode()
