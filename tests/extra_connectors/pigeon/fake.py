"""The pigeon post on loopback."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from flask import Response, jsonify, request

from bot.model import Role, Status
from bot.ports import StageMessage, StageThread
from bot.text.markup import to_html
from connectors.stage import Courier, Knobs, Ledger, Server, Write, stage

from .connector import Letter, Loft, sign

SECRET = "coo-coo-coo-coo-coo"


class Fake:
    """A pigeon post of its own, with its people on stage."""

    name = "pigeon"

    def __init__(self, port: int = 0) -> None:
        self.knobs, self.ledger = Knobs(), Ledger()
        self.courier = Courier(self.knobs, _signed)
        self._lofts: dict[str, Loft] = {}
        self._ids = count(1)
        app = stage("pigeon", self.knobs)
        app.get("/lofts/<id>")(self._loft)
        app.get("/lofts")(self._since)
        app.post("/lofts/<id>/letters")(self._letter)
        self.url = Server(app, port).url

    def settings(self) -> dict[str, str]:
        """The settings that point the connector here."""
        return {"PIGEON_URL": self.url, "PIGEON_SECRET": SECRET}

    def hook(self, url: str) -> None:
        """Where webhooks go."""
        self.courier.url = f"{url}/webhooks/pigeon"

    def customer_says(self, text: str, *, customer: str, conversation: str = "", subject: str = "") -> str:
        """A customer writes; the loft's id."""
        new = Loft(id=str(next(self._ids)), subject=subject, customer=customer, status=Status.OPEN, letters=[])
        loft = self._lofts.setdefault(conversation or new.id, new)
        self._add(loft, Role.CUSTOMER, customer, text)
        return loft.id

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """Someone on the team writes; the letter's id."""
        loft = self._lofts[conversation]
        loft.status = Status(status or loft.status)
        return self._add(loft, Role.AGENT, agent, text, public=public).id

    def threads(self) -> tuple[StageThread, ...]:
        """Newest first."""
        return tuple(_thread(loft) for loft in reversed(self._lofts.values()))

    def _add(self, loft: Loft, by: Role, author: str, text: str, **more: Any) -> Letter:
        letter = Letter(id=str(next(self._ids)), by=by, author=author, text=text, at=datetime.now(UTC), **more)
        loft.letters.append(letter)
        self.courier.send(f'{{"flight": "f{letter.id}", "loft": "{loft.id}"}}'.encode())
        return letter

    def _loft(self, id: str) -> Response | tuple[str, int]:
        return jsonify(self._lofts[id].model_dump(mode="json")) if id in self._lofts else ("gone", 404)

    def _since(self) -> Response:
        since = float(request.args["since"])
        return jsonify(lofts=[loft.id for loft in self._lofts.values() if loft.letters[-1].at.timestamp() >= since])

    def _letter(self, id: str) -> Response | tuple[str, int]:
        if id not in self._lofts:
            return "gone", 404
        sent: Mapping[str, Any] = request.get_json()
        letter = self._add(self._lofts[id], Role.SELF, "bot", sent["text"], public=sent["public"], mark=sent["mark"])
        self.ledger.add(Write("letter", id, letter.text, letter.mark, letter.public))
        return jsonify(id=letter.id)


def _signed(body: bytes, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    return {"X-Pigeon-Timestamp": stamp, "X-Pigeon-Signature": sign(SECRET.encode(), stamp, body).decode()}


def _thread(loft: Loft) -> StageThread:
    sides = {Role.CUSTOMER: "customer", Role.AGENT: "agent"}
    shown = tuple(StageMessage(m.id, sides.get(m.by, "bot"), m.author, to_html(m.text), m.at) for m in loft.letters)
    return StageThread(loft.id, loft.subject, loft.status, loft.customer, shown)
