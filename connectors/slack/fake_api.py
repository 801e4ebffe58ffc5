"""The fake Slack's Web API: what we call of it, with its answers, its limits and its ways of saying no."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.slack.fake_blocks import message_problem, view_problem

TEAM, APP, BOT, BOT_USER = "T0FERNWEH", "A0UNDERSTUDY", "B0UNDERSTUDY", "U0UNDERSTUDY"
SUPPORT, REVIEW = "C0SUPPORT", "C0REVIEW"
TRIGGER = 3.0  # seconds

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Human:
    """Somebody in the workspace. `flags`: what Slack says of them besides, such as is_restricted of a guest."""

    id: str
    name: str
    email: str
    flags: tuple[tuple[str, object], ...] = ()


class No(Exception):
    """An answer with ok:false."""


class Api:
    """Channels of threads, newest thread last, and the methods on them.

    `heard` is told of every change as an event; `wrote` of every write of ours: method, channel-thread, text, key.
    """

    def __init__(
        self, humans: tuple[Human, ...], heard: Callable[[Json], None], wrote: Callable[[str, str, str, str], None]
    ) -> None:
        self.lock = threading.RLock()
        self.humans = {h.id: h for h in humans}
        self.channels: dict[str, dict[str, list[Json]]] = {SUPPORT: {}, REVIEW: {}}
        self.whispers: list[tuple[str, str]] = []  # ephemeral messages: user, text
        self.triggers: dict[str, float] = {}
        self.view: Json | None = None
        self._heard, self._wrote, self._last = heard, wrote, 0
        self._methods: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "users.info": self._users_info,
            "users.list": lambda asked: _page("members", [_user(h) for h in self.humans.values()], asked),
            "views.open": self._views_open,
        }

    def call(self, method: str, asked: Json) -> Json:
        """The answer without its `ok`. Raises No."""
        if method not in self._methods:
            raise No("unknown_method")
        with self.lock:
            return self._methods[method](asked)

    def ts(self) -> str:
        """The time as Slack's ids have it, never the same twice."""
        with self.lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return f"{self._last // 10**6}.{self._last % 10**6:06d}"

    def say(self, channel: str, text: str, thread: str = "", **fields: Any) -> str:
        """A message by whomever `fields` name (user, bot_id); its ts."""
        with self.lock:
            message = {"type": "message", "ts": self.ts(), "text": text, **fields}
            if thread:
                message["thread_ts"] = thread
                self.thread(channel, thread).append(message)
            else:
                self._threads(channel)[message["ts"]] = [message]
            self._heard({**message, "channel": channel, "event_ts": message["ts"]})
        return str(message["ts"])

    def change(self, channel: str, ts: str, **fields: Any) -> None:
        """An edit, by a person (`edited`) or of a card."""
        with self.lock:
            message = self._find(channel, ts)
            message.update(fields)
            self._heard({**self._about(channel), "subtype": "message_changed", "message": dict(message)})

    def remove(self, channel: str, ts: str) -> None:
        """A reply is deleted."""
        with self.lock:
            gone = self._find(channel, ts)
            self.thread(channel, gone["thread_ts"]).remove(gone)
            self._heard({**self._about(channel), "subtype": "message_deleted", "previous_message": gone})

    def thread(self, channel: str, ts: str) -> list[Json]:
        """Parent and replies, oldest first."""
        threads = self._threads(channel)
        if ts not in threads:
            raise No("thread_not_found")
        return threads[ts]

    def _threads(self, channel: str) -> dict[str, list[Json]]:
        if channel not in self.channels:
            raise No("channel_not_found")
        return self.channels[channel]

    def _about(self, channel: str) -> Json:
        now = self.ts()
        return {"type": "message", "channel": channel, "ts": now, "event_ts": now}

    def _find(self, channel: str, ts: str) -> Json:
        for message in (m for thread in self._threads(channel).values() for m in thread):
            if message["ts"] == ts:
                return message
        raise No("message_not_found")

    def _auth_test(self, _: Json) -> Json:
        return {"url": "https://fernweh.slack.com/", "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT}

    def _users_info(self, asked: Json) -> Json:
        human = self.humans.get(asked["user"])
        if human is None:
            raise No("user_not_found")
        return {"user": _user(human)}

    def _replies(self, asked: Json) -> Json:
        thread = self.thread(asked["channel"], asked["ts"])
        return _page("messages", [self._shown(m, asked) for m in thread], asked)

    def _history(self, asked: Json) -> Json:
        threads = self._threads(asked["channel"])
        oldest, latest = float(asked.get("oldest", 0)), float(asked.get("latest", "inf"))
        edge = str(asked.get("inclusive", "")).lower() in ("1", "true")
        inside = [
            t[0] for ts, t in threads.items() if oldest < float(ts) < latest or (edge and float(ts) in (oldest, latest))
        ]
        return _page("messages", [self._shown(m, asked, asked["channel"]) for m in reversed(inside)], asked)

    def _shown(self, message: Json, asked: Json, channel: str = "") -> Json:
        """A message as a read gives it: metadata only when asked for, a parent with its thread's figures."""
        shown = dict(message)
        if str(asked.get("include_all_metadata", "")).lower() not in ("1", "true"):
            shown.pop("metadata", None)
        thread = self.channels[channel or asked["channel"]].get(message["ts"], [])
        if len(thread) > 1:
            last = thread[-1]["ts"]
            shown |= {"thread_ts": message["ts"], "reply_count": len(thread) - 1, "latest_reply": last}
        return shown

    def _post_message(self, asked: Json) -> Json:
        channel, thread = asked["channel"], asked.get("thread_ts", "")
        fields = self._checked(asked)
        ts = self.say(channel, asked.get("text", ""), thread, user=BOT_USER, bot_id=BOT, app_id=APP, **fields)
        self._wrote("chat.postMessage", f"{channel}-{thread or ts}", asked.get("text", ""), _key(asked))
        return {"channel": channel, "ts": ts}

    def _update(self, asked: Json) -> Json:
        channel, ts = asked["channel"], asked["ts"]
        if self._find(channel, ts).get("bot_id") != BOT:
            raise No("cant_update_message")
        self.change(channel, ts, text=asked.get("text", ""), **self._checked(asked))
        self._wrote("chat.update", f"{channel}-{ts}", asked.get("text", ""), _key(asked))
        return {"channel": channel, "ts": ts}

    def _checked(self, asked: Json) -> Json:
        blocks = asked.get("blocks") or []
        if not blocks and not asked.get("text", "").strip():
            raise No("no_text")
        if problem := message_problem(blocks):
            raise No(problem)
        return {k: asked[k] for k in ("blocks", "metadata") if k in asked}

    def _post_ephemeral(self, asked: Json) -> Json:
        self.whispers.append((asked["user"], asked["text"]))
        return {"message_ts": self.ts()}

    def _views_open(self, asked: Json) -> Json:
        made = self.triggers.pop(asked["trigger_id"], None)
        if made is None or time.monotonic() - made > TRIGGER:
            raise No("expired_trigger_id")
        if problem := view_problem(asked["view"]):
            raise No(problem)
        self.view = {**asked["view"], "id": f"V{self.ts()}", "hash": self.ts()}
        return {"view": self.view}


def _key(asked: Json) -> str:
    return str(asked.get("metadata", {}).get("event_payload", {}).get("key", ""))


def _user(human: Human) -> Json:
    """As Slack shows somebody; bots have no address."""
    profile = {"real_name": human.name, "display_name": ""} | ({"email": human.email} if human.email else {})
    who = {"id": human.id, "team_id": TEAM, "name": human.id.lower(), "profile": profile}
    return who | dict(human.flags)


def _page(what: str, found: list[Json], asked: Json) -> Json:
    start, size = int(asked.get("cursor") or 0), int(asked.get("limit") or 100)
    more = start + size < len(found)
    after = {"next_cursor": str(start + size) if more else ""}
    return {what: found[start : start + size], "has_more": more, "response_metadata": after}
