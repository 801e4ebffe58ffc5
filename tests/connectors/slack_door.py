"""A door for the tests of the Slack connector: what Slack's calls meant, and a line that holds two cards."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, request

from bot.errors import Forged, Malformed, Unavailable
from bot.model import Verdict
from bot.ports import Received, Request
from connectors.slack.connector import Slack, connect
from connectors.slack.fake import Fake
from connectors.stage import Server

STATUS: dict[type[Exception], int] = {Forged: 401, Malformed: 400, Unavailable: 503}


class Cards:
    """The line as a panel sees it: open tokens."""

    def __init__(self) -> None:
        self.proposals = {"tok-p": ("How do I reset the zip?", "Pull the slider back. Then wax it.")}
        self.drafts = {"tok-d": ("My zip is stuck", "Please wax the zip.")}

    def refusal(self, verdict: Verdict) -> str:
        """As in `Views`: Ines decides, and only what is open."""
        known = verdict.token in self.proposals or verdict.token in self.drafts
        if not known:
            return "This was decided already."
        return "" if verdict.by == "slack:U_INES" else "Only a lead can decide this."

    def shown(self, token: str) -> tuple[str, str, bool] | None:
        """As in `Views`."""
        found = self.proposals.get(token) or self.drafts.get(token)
        return (*found, token in self.proposals) if found else None


class Desk:
    """A fake Slack, the real connector, and a door between them on loopback."""

    def __init__(self) -> None:
        self.fake = Fake()
        self.slack: Slack = connect(self.fake.settings())
        self.cards = Cards()
        self.received: list[Received] = []
        app = Flask("door")
        app.add_url_rule("/webhooks/slack", "hook", lambda: self._take(self.slack.receive), methods=["POST"])
        app.add_url_rule(
            "/panels/slack", "panel", lambda: self._take(lambda r: self.slack.panel(r, self.cards)), methods=["POST"]
        )
        self.door = Server(app)
        self.fake.hook(self.door.url)

    def close(self) -> None:
        """Stop both servers."""
        self.fake.close()
        self.door.close()

    @property
    def verdicts(self) -> list[Verdict]:
        """All so far."""
        return [v for r in self.received for v in r.verdicts]

    def heard(self) -> list[str]:
        """Conversations that rang, once everything sent has come."""
        assert self.fake.courier.drain()
        return [ref.id for r in self.received for ref in r.refs]

    def _take(self, read: Callable[[Request], Received]) -> Response:
        headers = {k.lower(): v for k, v in request.headers.items()}
        try:
            found = read(Request("POST", request.path, headers, request.get_data(), datetime.now(UTC)))
        except (Forged, Malformed, Unavailable) as err:
            return Response("", STATUS[type(err)])
        self.received.append(found)
        return Response(found.reply.body, found.reply.status, content_type=found.reply.type)
