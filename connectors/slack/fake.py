"""A Slack workspace in miniature: the Web API as far as we call it, signed events, and people who press buttons."""

import hmac
import json
import time
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlencode

import requests
from flask import Response, jsonify, request

from bot.ports import StageMessage, StageModal, StageThread
from bot.text.markup import from_mrkdwn
from connectors.http import session
from connectors.slack import fake_blocks
from connectors.slack.fake_api import APP, BOT, BOT_USER, REVIEW, SUPPORT, TEAM, Api, Human, Json, No
from connectors.slack.shapes import moment
from connectors.slack.web import SCOPES
from connectors.stage import Courier, Knobs, Ledger, Server, Write, stage

WRITES = ("chat.postMessage", "chat.update")
TOKEN, SECRET = "xoxb-fake-0000", "fake-signing-secret"
STAFF = (
    Human("U_INES", "Ines Duarte", "ines@fernweh.example"),
    Human("U_TOMASZ", "Tomasz Wilk", "tomasz@fernweh.example"),
    Human("U_PRIYA", "Priya Nair", "priya@fernweh.example"),
)
CUSTOMERS = (
    Human("U_MARIA", "Maria Keller", "maria@example.com"),
    Human("U_JONAS", "Jonas Brandt", "jonas@example.com"),
    Human("U_AIKO", "Aiko Tanaka", "aiko@example.com", (("is_restricted", True),)),
)
BOTS = (Human("USLACKBOT", "Slackbot", ""), Human(BOT_USER, "Understudy", "", (("is_bot", True),)))


def sign(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers by which Slack shows that it is Slack."""
    stamp = str(int(at.timestamp()))
    seal = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={seal}"}


class Fake:
    """The workspace of Fernweh, with its support and its review channel."""

    name = "slack"

    def __init__(self, port: int = 0) -> None:
        self.knobs, self.ledger = Knobs(), Ledger()
        self.courier = Courier(self.knobs, sign, tries=4)
        self.api = Api(STAFF + CUSTOMERS + BOTS, self._tell, self._wrote)
        app = stage("slack", self.knobs, lambda _, path: path.endswith(WRITES))
        app.add_url_rule("/api/<method>", view_func=self._call, methods=["POST"])
        self.server = Server(app, port)
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
            "SLACK_STAFF": ",".join(h.id for h in STAFF),
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
        words = _escaped(f"{subject}\n{text}" if subject else text)
        said = self.api.say(SUPPORT, words, conversation.removeprefix(f"{SUPPORT}-"), user=self._who(customer))
        return conversation or f"{SUPPORT}-{said}"

    def agent_says(self, text: str, *, agent: str, conversation: str, public: bool = True, status: str = "") -> str:
        """In the thread, or on the review channel where it is not public; `solved` is a check mark on the question."""
        thread = conversation.removeprefix(f"{SUPPORT}-")
        if status == "solved":
            self.api.thread(SUPPORT, thread)[0]["reactions"] = [{"name": "white_check_mark", "count": 1}]
        where = (SUPPORT, _escaped(text), thread) if public else (REVIEW, _escaped(text))
        return self.api.say(*where, user=self._who(agent))

    def edits(self, text: str, *, conversation: str, message: str) -> None:
        """Somebody edits their message; Slack stamps edits with whole seconds."""
        edited = {"user": "U_MARIA", "ts": f"{int(time.time())}.000000"}
        self.api.change(conversation.rpartition("-")[0], message, text=_escaped(text), edited=edited)

    def threads(self) -> tuple[StageThread, ...]:
        """The support channel, newest thread first."""
        with self.api.lock:
            return tuple(self._stage_thread(t) for t in reversed(self.api.channels[SUPPORT].values()))

    def cards(self) -> tuple[StageMessage, ...]:
        """The review channel, newest first."""
        with self.api.lock:
            return tuple(self._stage_message(t[0], "card") for t in reversed(self.api.channels[REVIEW].values()))

    def press(self, card_id: str, action: str, user: str = "U_INES") -> str:
        """Press a button; what the user is told, "" for nothing. A modal may be open afterwards."""
        with self.api.lock:
            card, trigger, now = self.api.thread(REVIEW, card_id)[0], self.api.ts(), self.api.ts()
            self.api.triggers[trigger] = time.monotonic()
        button = next(b for b in fake_blocks.buttons(card) if b.action == action)
        self._viewer = user  # who sees the modal that this may open
        pressed = {"type": "button", "action_id": action, "value": button.value, "action_ts": now}
        about = {"channel": {"id": REVIEW, "name": "review"}, "message": card, "trigger_id": trigger}
        return self._told(self._interact("block_actions", user, {**about, "actions": [pressed]}), user)

    def modal(self) -> StageModal | None:
        """The modal that is open now."""
        view = self.api.view
        return fake_blocks.stage_modal(view) if view else None

    def submit(self, values: dict[str, str], user: str = "") -> str:
        """Send the open modal with these values by block; what the user is told, "" for nothing."""
        view, who = self.api.view, user or self._viewer
        if view is None:
            return "Nothing is open."
        if fake_blocks.missing(view, values):
            return "Please complete this required field."
        sent = {**view, "state": fake_blocks.state(view, values), "app_installed_team_id": TEAM}
        return self._told(self._interact("view_submission", who, {"view": sent}), who, view)

    def dismiss(self) -> None:
        """Close the modal; the bot hears nothing of it."""
        self.api.view = None

    def _call(self, method: str) -> Response:
        try:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise No("invalid_auth")
            answer = jsonify(ok=True, **self.api.call(method, _arguments()))
        except No as no:
            return jsonify(ok=False, error=str(no))
        answer.headers["x-oauth-scopes"] = ",".join(sorted(SCOPES))
        return answer

    def _wrote(self, action: str, conversation: str, text: str, mark: str) -> None:
        public = conversation.startswith(SUPPORT)
        self.ledger.add(Write(action, conversation, text, mark, datetime.now(UTC), public))

    def _told(self, answer: requests.Response | None, user: str, view: Json | None = None) -> str:
        if answer is None or answer.status_code != 200:
            return "Slack could not reach the app, or the app failed. Try again."
        words = [text for who, text in self.api.whispers if who == user]
        self.api.whispers.clear()
        if view is not None:
            self._close(view, answer.json() if answer.text else {}, words)
        return " ".join(words)

    def _close(self, view: Json, said: Json, words: list[str]) -> None:
        """What Slack does with a modal by the answer to its submission."""
        if "errors" in said:
            words += said["errors"].values()
            return
        update = said.get("view")
        self.api.view = {**update, "id": view["id"], "hash": self.api.ts()} if update else None
        words += [b["text"]["text"] for b in update["blocks"]] if update else []

    def _interact(self, kind: str, user: str, about: Json) -> requests.Response | None:
        who = {"id": user, "username": user.lower(), "team_id": TEAM}
        payload = {"type": kind, "user": who, "team": {"id": TEAM, "domain": "fernweh"}, "api_app_id": APP, **about}
        body = urlencode({"payload": json.dumps(payload)}).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            return self._session.post(self._panel, data=body, headers={**form, **sign(body, datetime.now(UTC))})
        except requests.RequestException:
            return None

    def _tell(self, event: Json) -> None:
        authorizations = [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}]
        about = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "authorizations": authorizations}
        stamp = self.api.ts()
        body = {**about, "event_id": f"Ev{stamp}", "event_time": int(float(stamp)), "event": event}
        self.courier.send(json.dumps(body).encode())

    def _who(self, given: str) -> str:
        """A user's id by id or e-mail; whom nobody knows joins as a customer."""
        with self.api.lock:
            for human in self.api.humans.values():
                if given in (human.id, human.email):
                    return human.id
            name = given.partition("@")[0]
            made = Human(f"U_{sha256(given.encode()).hexdigest()[:8].upper()}", name, given if "@" in given else "")
            self.api.humans[made.id] = made
        return made.id

    def _stage_thread(self, thread: list[Json]) -> StageThread:
        first, opener = thread[0], thread[0].get("user", "")
        messages = tuple(self._stage_message(m, self._side(m, opener)) for m in thread)
        status = "solved" if first.get("reactions") else "open"
        title = from_mrkdwn(first["text"]).split("\n")[0][:80]
        return StageThread(f"{SUPPORT}-{first['ts']}", title, status, self._name(first), messages)

    def _side(self, message: Json, opener: str) -> str:
        if "bot_id" in message:
            return "bot"
        staff = {h.id for h in STAFF}
        return "agent" if message["user"] in staff and message["user"] != opener else "customer"

    def _stage_message(self, message: Json, side: str) -> StageMessage:
        looks = fake_blocks.html(message), moment(message["ts"]), fake_blocks.buttons(message)
        return StageMessage(message["ts"], side, self._name(message), *looks)

    def _name(self, message: Json) -> str:
        human = self.api.humans.get(message.get("user", ""))
        return human.name if human else "Understudy" if message.get("bot_id") == BOT else message.get("username", "")


def _arguments() -> Json:
    """JSON or a form, in which objects are JSON again."""
    if request.is_json:
        return dict(request.get_json(silent=True) or {})
    form = request.form.to_dict()
    return {k: json.loads(v) if k in ("blocks", "metadata", "view") else v for k, v in form.items()}


def _escaped(text: str) -> str:
    """What people type, as Slack stores it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
