"""The fake Slack's Web API: what we call of it, with its answers, its limits and its ways of saying no."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from connectors.slack.fake_blocks import fits, message_fits
from connectors.stage import Ledger, Write

TEAM, BOT, BOT_USER = "T0FERNWEH", "B0UNDERSTUDY", "U0UNDERSTUDY"
SUPPORT, REVIEW = "C0SUPPORT", "C0REVIEW"
TRIGGER = 3.0  # seconds
ME = {"url": "https://fernweh.slack.com/", "team_id": TEAM, "bot_id": BOT}

Json = dict[str, Any]
Thing = TypeVar("Thing")


class No(Exception):
    """An answer with ok:false."""


def user(id: str, name: str, email: str = "", **flags: object) -> Json:
    """Somebody in the workspace, as Slack shows them; `flags` such as is_restricted of a guest."""
    profile = {"real_name": name, "display_name": "", "email": email}
    return {"id": id, "team_id": TEAM, "name": id.lower(), "profile": profile, "is_email_confirmed": True, **flags}


class Api:
    """Channels of threads, newest thread last, and the methods on them; `heard` is told of every change as an event."""

    def __init__(self, users: Sequence[Json], heard: Callable[[Json], None]) -> None:
        self.lock, self.ledger, self._heard, self._last = threading.RLock(), Ledger(), heard, 0
        self.users = {user["id"]: user for user in users}
        self.channels: dict[str, dict[str, list[Json]]] = {SUPPORT: {}, REVIEW: {}}
        self.messages: dict[str, Json] = {}
        self.whispers: dict[str, str] = {}  # ephemeral messages by user
        self.triggers: dict[str, float] = {}
        self.view: Json | None = None
        self._methods: dict[str, Callable[[Json], Json]] = {
            "auth.test": lambda _: ME,
            "chat.postEphemeral": self._whisper,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": lambda asked: _page("messages", self.thread(asked["channel"], asked["ts"]), asked),
            "users.info": lambda asked: {"user": _known(self.users, asked["user"], "user_not_found")},
            "users.list": lambda asked: _page("members", list(self.users.values()), asked),
            "views.open": self._open,
        }

    def call(self, method: str, asked: Json) -> Json:
        """The answer without its `ok`. Raises No."""
        with self.lock:
            return _known(self._methods, method, "unknown_method")(asked)

    def ts(self) -> str:
        """The time as Slack's ids have it, never the same twice."""
        with self.lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return f"{self._last // 10**6}.{self._last % 10**6:06d}"

    def thread(self, channel: str, ts: str) -> list[Json]:
        """Parent and replies, oldest first."""
        return _known(self._threads(channel), ts, "thread_not_found")

    def say(self, channel: str, text: str, thread: str = "", **fields: object) -> str:
        """A message by whomever `fields` name (user, bot_id); its ts."""
        with self.lock:
            ts = self.ts()
            message: Json = {"type": "message", "ts": ts, "text": text, **fields}
            if thread:
                message["thread_ts"], said = thread, self.thread(channel, thread)
                said.append(message)
                said[0].update(thread_ts=thread, reply_count=len(said) - 1, latest_reply=ts)
            else:
                self._threads(channel)[ts] = [message]
            self.messages[ts] = message
            self._heard({**message, "channel": channel, "event_ts": ts})
        return ts

    def change(self, channel: str, ts: str, **fields: object) -> None:
        """An edit, by a person (`edited`) or of a card."""
        message = _known(self.messages, ts, "message_not_found")
        message.update(fields)
        self._happened("message_changed", channel, message=dict(message))

    def remove(self, channel: str, ts: str) -> None:
        """A reply is deleted."""
        gone = self.messages.pop(ts)
        thread = self.thread(channel, gone["thread_ts"])
        thread.remove(gone)
        thread[0].update(reply_count=len(thread) - 1, latest_reply=thread[-1]["ts"])
        self._happened("message_deleted", channel, previous_message=gone)

    def _happened(self, subtype: str, channel: str, **about: Json) -> None:
        now = self.ts()
        self._heard({"type": "message", "subtype": subtype, "channel": channel, "ts": now, "event_ts": now, **about})

    def _threads(self, channel: str) -> dict[str, list[Json]]:
        return _known(self.channels, channel, "channel_not_found")

    def _history(self, asked: Json) -> Json:
        oldest = float(asked.get("oldest", 0))
        parents = [thread[0] for ts, thread in self._threads(asked["channel"]).items() if float(ts) > oldest]
        return _page("messages", parents[::-1], asked)

    def _post(self, asked: Json) -> Json:
        thread = asked.get("thread_ts", "")
        ts = self.say(asked["channel"], thread=thread, user=BOT_USER, bot_id=BOT, **_checked(asked))
        return self._wrote("chat.postMessage", asked, ts)

    def _update(self, asked: Json) -> Json:
        self.change(asked["channel"], asked["ts"], **_checked(asked))
        return self._wrote("chat.update", asked, asked["ts"])

    def _wrote(self, action: str, asked: Json, ts: str) -> Json:
        channel, mark = asked["channel"], asked.get("metadata", {}).get("event_payload", {}).get("key", "")
        where = f"{channel}-{asked.get('thread_ts', ts)}"
        self.ledger.add(Write(action, where, asked["text"], mark, channel == SUPPORT))
        return {"channel": channel, "ts": ts}

    def _whisper(self, asked: Json) -> Json:
        self.whispers[asked["user"]] = asked["text"]
        return {"message_ts": self.ts()}

    def _open(self, asked: Json) -> Json:
        if time.monotonic() - self.triggers.pop(asked["trigger_id"], float("-inf")) > TRIGGER:
            raise No("expired_trigger_id")
        if not fits(asked["view"]):
            raise No("invalid_arguments")
        self.view = {**asked["view"], "id": f"V{self.ts()}", "hash": self.ts()}
        return {"view": self.view}


def _known(things: Mapping[str, Thing], key: str, no: str) -> Thing:
    if key not in things:
        raise No(no)
    return things[key]


def _checked(asked: Json) -> Json:
    """What a message keeps of what was sent. Raises No."""
    said: Json = {"text": "", **{field: asked[field] for field in ("text", "blocks", "metadata") if field in asked}}
    if not said.get("blocks") and not said["text"].strip():
        raise No("no_text")
    if not message_fits(said.get("blocks", [])):
        raise No("invalid_blocks")
    return said


def _page(what: str, found: list[Json], asked: Json) -> Json:
    """A page; metadata only for whoever asks for it."""
    start, size = int(asked.get("cursor") or 0), int(asked.get("limit") or 100)
    hidden = "" if asked.get("include_all_metadata") in ("1", "true") else "metadata"
    shown = [{k: v for k, v in each.items() if k != hidden} for each in found[start : start + size]]
    after = str(start + size) if start + size < len(found) else ""
    return {what: shown, "has_more": bool(after), "response_metadata": {"next_cursor": after}}
