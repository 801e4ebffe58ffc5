"""A Slack workspace in miniature: the Web API as far as we call it, signed events, and people who press buttons."""

import hmac
import json
import time
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import requests
from flask import Response, jsonify, request

from bot.ports import StageMessage, StageModal, StageThread
from bot.text.markup import from_mrkdwn
from connectors.http import session
from connectors.slack import fake_blocks
from connectors.slack.fake_api import BOT_USER, REVIEW, SUPPORT, TEAM, Api, Json, No, user
from connectors.slack.shapes import moment
from connectors.slack.web import SCOPES
from connectors.stage import Courier, Knobs, Server, stage

WRITES = ("chat.postMessage", "chat.update")
TOKEN, SECRET = "xoxb-fake-0000", "fake-signing-secret"
FAILED = "Slack could not reach the app, or the app failed. Try again."
PEOPLE = json.loads((Path(__file__).parent / "fake.json").read_text(encoding="utf-8"))
STAFF = frozenset(person["id"] for person in PEOPLE["staff"])


def sign(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers by which Slack shows that it is Slack."""
    stamp = str(int(at.timestamp()))
    seal = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={seal}"}


class Fake:
    """The workspace of Fernweh, with its support and its review channel."""

    name = "slack"

    def __init__(self) -> None:
        self.knobs = Knobs()
        self.courier = Courier(self.knobs, sign, tries=4)
        self.api = Api([user(**person) for person in PEOPLE["staff"] + PEOPLE["others"]], self._tell)
        self.ledger = self.api.ledger
        app = stage("slack", self.knobs, lambda _, path: path.endswith(WRITES))
        app.add_url_rule("/api/<method>", view_func=self._call, methods=["POST"])
        self.server = Server(app)
        self.url = self.server.url
        self._panel, self._session, self._viewer = "", session(), ""

    def settings(self) -> dict[str, str]:
        """Everything that the connector asks for."""
        return {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_TEAM_ID": TEAM,
            "SLACK_SUPPORT_CHANNEL": SUPPORT,
            "SLACK_REVIEW_CHANNEL": REVIEW,
            "SLACK_STAFF": ",".join(sorted(STAFF)),
            "SLACK_BASE_URL": f"{self.url}/api/",
        }

    def hook(self, url: str) -> None:
        """Events go to `/webhooks/slack` there, interactivity to `/panels/slack`."""
        self.courier.url, self._panel = f"{url}/webhooks/slack", f"{url}/panels/slack"

    def close(self) -> None:
        """Stop accepting."""
        self.server.close()

    def customer_says(self, text: str, *, customer: str, conversation: str = "", subject: str = "") -> str:
        """In a new thread or an old one; a subject becomes the first line, Slack has none."""
        words = escape(f"{subject}\n{text}" if subject else text, quote=False)
        said = self.api.say(SUPPORT, words, conversation.removeprefix(f"{SUPPORT}-"), user=self._who(customer))
        return conversation or f"{SUPPORT}-{said}"

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """In the thread, or on the review channel where it is not public; `solved` is a check mark on the question."""
        thread = conversation.removeprefix(f"{SUPPORT}-")
        if status == "solved":
            self.api.thread(SUPPORT, thread)[0]["reactions"] = [{"name": "white_check_mark", "count": 1}]
        where = (SUPPORT, escape(text, quote=False), thread) if public else (REVIEW, escape(text, quote=False))
        return self.api.say(*where, user=self._who(agent))

    def threads(self) -> tuple[StageThread, ...]:
        """The support channel, newest thread first."""
        return tuple(self._stage_thread(thread) for thread in list(self.api.channels[SUPPORT].values())[::-1])

    def cards(self) -> tuple[StageMessage, ...]:
        """The review channel, newest first."""
        return tuple(self._stage_message(card, "card") for card, *_ in list(self.api.channels[REVIEW].values())[::-1])

    def press(self, card_id: str, action: str, user: str = "U_INES") -> str:
        """Press a button; what the user is told, "" for nothing. A modal may be open afterwards."""
        card, trigger = self.api.messages[card_id], self.api.ts()
        self.api.triggers[trigger] = time.monotonic()
        self._viewer = user  # who sees the modal that this may open
        button = next(b for b in fake_blocks.buttons(card) if b.action == action)
        pressed = {"type": "button", "action_id": action, "value": button.value, "action_ts": self.api.ts()}
        about = {"channel": {"id": REVIEW, "name": "review"}, "message": card, "trigger_id": trigger}
        said = self._interact("block_actions", **about, actions=[pressed])
        return FAILED if said is None else self.api.whispers.pop(user, "")

    def modal(self) -> StageModal | None:
        """The modal that is open now."""
        view = self.api.view
        return fake_blocks.stage_modal(view) if view else None

    def submit(self, values: dict[str, str]) -> str:
        """Send the open modal with these values by block; what the user is told, "" for nothing."""
        view = self.api.view
        if view is None:
            return "Nothing is open."
        state = fake_blocks.state(view, values)
        if state is None:
            return "Please complete this required field."
        said = self._interact("view_submission", view={**view, "state": state, "app_installed_team_id": TEAM})
        if said is None:
            return FAILED
        if "errors" in said:
            return " ".join(said["errors"].values())
        update = said.get("view")
        self.api.view = update and {**update, "id": view["id"], "hash": self.api.ts()}
        return " ".join(block["text"]["text"] for block in update["blocks"]) if update else ""

    def dismiss(self) -> None:
        """Close the modal; the bot hears nothing of it."""
        self.api.view = None

    def _call(self, method: str) -> Response:
        try:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise No("invalid_auth")
            asked = request.get_json(silent=True) or request.form.to_dict()
            answer = jsonify(ok=True, **self.api.call(method, asked))
        except No as no:
            answer = jsonify(ok=False, error=str(no))
        answer.headers["x-oauth-scopes"] = ",".join(sorted(SCOPES))
        return answer

    def _interact(self, kind: str, **about: object) -> Json | None:
        """What the app answers to whoever looks at the channel; None when it could not."""
        home = self.api.users.get(self._viewer, {}).get("team_id", TEAM)
        who = {"id": self._viewer, "username": self._viewer.lower(), "team_id": home}
        payload = {"type": kind, "user": who, "team": {"id": TEAM}, **about}
        body = urlencode({"payload": json.dumps(payload)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **sign(body, datetime.now(UTC))}
        try:
            answer = self._session.post(self._panel, data=body, headers=headers)
            answer.raise_for_status()
        except requests.RequestException:
            return None
        return dict(answer.json()) if answer.text else {}

    def _tell(self, event: Json) -> None:
        us = {"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
        about = {"type": "event_callback", "team_id": TEAM, "authorizations": [us], "event_id": f"Ev{self.api.ts()}"}
        self.courier.send(json.dumps({**about, "event": event}).encode())

    def _who(self, given: str) -> str:
        """A user's id by id or e-mail; whom nobody knows joins as a customer."""
        for human in list(self.api.users.values()):
            if given in (human["id"], human["profile"]["email"]):
                return str(human["id"])
        made = f"U_{sha256(given.encode()).hexdigest()[:8].upper()}"
        self.api.users[made] = user(made, given.partition("@")[0], given if "@" in given else "")
        return made

    def _stage_thread(self, thread: list[Json]) -> StageThread:
        first = thread[0]
        agents = STAFF - {first.get("user")}
        sides = ["bot" if "bot_id" in m else "agent" if m["user"] in agents else "customer" for m in thread]
        messages = tuple(self._stage_message(*said) for said in zip(thread, sides, strict=True))
        status = "solved" if first.get("reactions") else "open"
        title = from_mrkdwn(first["text"]).split("\n")[0][:80]
        return StageThread(f"{SUPPORT}-{first['ts']}", title, status, messages[0].author, messages)

    def _stage_message(self, message: Json, side: str) -> StageMessage:
        human = self.api.users.get(message.get("user", ""))
        author = human["profile"]["real_name"] if human else message.get("username", "")
        html, buttons = fake_blocks.html(message), fake_blocks.buttons(message)
        return StageMessage(message["ts"], side, author, html, moment(message["ts"]), buttons)
