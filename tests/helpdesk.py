"""A helpdesk under test: its connector pointed at its fake, and what the checks do with the two."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import pytest
from flask import Flask, request

from bot.errors import Forged, Misconfigured
from bot.model import Delivery, DeliveryKind, Ref
from bot.ports import Connector, Request, Settles, Stage
from connectors import load
from connectors.stage import Courier, Fault, Knobs, Ledger, Server

CUSTOMER, AGENT = "maria@example.com", "tomasz@fernweh.example"
TEAM = {
    "ines@fernweh.example": "Ines Duarte",
    "tomasz@fernweh.example": "Tomasz Wilk",
    "priya@fernweh.example": "Priya Nair",
}
QUESTION = "The strap of my backpack came off. Can I fix it myself?"
TEXT = "The kingfisher buckle holds 3 < 5 kg & no <b>more</b>.\n\n- open it\n- press until it clicks"
MARKER = "kingfisher"
ODD_HEADERS = ("", "é", "١٢٣٤٥٦٧٨٩٠", "-1", "1e9", "nan", "v0=", "sha1=", "0" * 10_000, "a, b", "\x00")
ODD_BODIES = (
    b"",
    b"{",
    b"[1]",
    b"null",
    b'"text"',
    b"{}",
    b'{"type": [7]}',
    b"\xff\xfe{}",
    b'{"a": NaN',
    b"payload=%7B",
)
DEEP = (b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}")


class Fake(Stage):
    """A fake as the checks drive it."""

    knobs: Knobs
    ledger: Ledger
    courier: Courier


@runtime_checkable
class Shelf(Protocol):
    """A fake whose vendor has a help centre."""

    def article(
        self, title: str, html: str, *, id: str = "", draft: bool = False, restricted: bool = False, locale: str = ...
    ) -> str:
        """Someone writes an article, or anew the one with that id, or in another language; its id. `restricted`: only
        for some people."""

    def archive(self, id: str) -> None:
        """Someone takes it away."""


@dataclass(frozen=True)
class Subject:
    """A helpdesk under test: its connector pointed at its fake, and one genuine webhook caught on the way."""

    name: str
    folder: Path
    connect: Callable[[dict[str, str]], Connector]
    fake: Fake
    connector: Connector
    genuine: Request

    def ask(self, text: str = QUESTION) -> Ref:
        """A customer starts a conversation."""
        return Ref(self.name, self.fake.customer_says(text, customer=CUSTOMER))

    def answer(self, ref: Ref, text: str) -> str:
        """Someone on the team answers in it; the message's id."""
        return self.fake.agent_says(text, agent=AGENT, conversation=ref.id)

    def signed(self, body: bytes) -> Request:
        """A request that is signed well, whatever it says."""
        kept = {k: v for k, v in self.genuine.headers.items() if k != "content-length"}
        seal = self.fake.courier.sign(body, self.genuine.at)
        return replace(self.genuine, body=body, headers=kept | {k.lower(): v for k, v in seal.items()})

    @property
    def seals(self) -> set[str]:
        """Names of the headers that prove where a request comes from."""
        return {name.lower() for name in self.fake.courier.sign(b"", self.genuine.at)}

    def with_header(self, name: str, value: str) -> Request:
        """The genuine webhook with one header changed."""
        return replace(self.genuine, headers={**self.genuine.headers, name: value})

    def delivery(self, ref: Ref, kind: DeliveryKind, key: str) -> Delivery:
        """Something to deliver; cards belong to no conversation."""
        to = Ref(self.name, "review") if kind is DeliveryKind.CARD else ref
        return Delivery(f"d-{ref.connector}-{ref.id}-{key}-{kind}", to, kind, TEXT, title="Strap came off")

    def applied(self, key: str = "") -> int:
        """How often the vendor put the delivery `key` into the world; by its text where it carries no mark."""
        return len([w for w in self.fake.ledger.writes if (w.mark == key if w.mark else MARKER in w.text)])


def subject(name: str, folder: Path) -> Subject:
    """Start the fake, point the connector at it, and catch a webhook."""
    fake = cast("Fake", load(name, "fake").Fake())
    caught: list[Request] = []
    fake.hook(Server(doorstep(caught)).url)
    fake.customer_says(QUESTION, customer=CUSTOMER)
    assert fake.courier.drain(), "the courier did not come to the end of its round"
    assert caught, "no webhook came when a customer wrote"
    fake.courier.url = ""
    connect = load(name).connect
    return Subject(name, folder, connect, fake, connect(fake.settings()), caught[0])


def doorstep(caught: list[Request]) -> Flask:
    """A door that lets everything in and writes it down."""
    app = Flask("doorstep")

    @app.post("/<path:path>")
    def _catch(path: str) -> str:
        headers = {name.lower(): value for name, value in request.headers.items()}
        caught.append(Request("POST", f"/{path}", headers, request.get_data(), datetime.now(UTC)))
        return ""

    return app


def reachable(thing: object, depth: int = 4) -> list[object]:
    """An object and those it holds, `depth` steps far: with attributes, whose `repr` somebody may log one day."""
    if isinstance(thing, tuple | list | dict):
        parts = thing.values() if isinstance(thing, dict) else thing
        return [found for part in parts for found in reachable(part, depth)]
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    if depth < 0 or callable(thing) or not (slots or hasattr(thing, "__dict__")):
        return []
    held = [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, name, None) for name in slots)]
    return [thing, *(found for part in held for found in reachable(part, depth - 1))]


def complaint(s: Subject, env: dict[str, str]) -> str:
    """What the connector says of its settings, "" when it is content."""
    try:
        s.connect(env)
    except Misconfigured as err:
        return str(err)
    return ""


def sealing(s: Subject) -> str:
    """The setting that holds what webhooks are signed with: with another value the genuine one is forged."""
    env = s.fake.settings()
    for name in env:
        try:
            s.connect(env | {name: env[name] + "x"}).receive(s.genuine)
        except Misconfigured:
            continue
        except Forged:
            return name
    pytest.fail("no setting makes a genuine request forged")


def fault(s: Subject, planned: Fault, *, writes_only: bool = True) -> None:
    """Plan one fault for the next request (or write); what the connector looks up once it has looked up before."""
    s.connector.fetch(s.ask("Do you ship to Norway?"))
    s.fake.knobs.writes_only = writes_only
    s.fake.knobs.next.append(planned)


def read_back(s: Subject, ref: Ref, delivery: Delivery, since: datetime) -> bool:
    """Was it applied? By its mark in the conversation, or as the connector tells."""
    if any(m.mark == delivery.key for m in s.connector.fetch(ref).messages):
        return True
    return isinstance(s.connector, Settles) and s.connector.settled(delivery, since) is not None


def reset(fake: Fake) -> None:
    """Leave no fault behind for the next check."""
    fake.knobs.next.clear()
    fake.knobs.writes_only = False
