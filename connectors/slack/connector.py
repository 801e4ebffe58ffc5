"""Slack: threads of the support channel are conversations, the review channel holds the cards."""

import hmac
import logging
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from bot.errors import BotError, Malformed, Misconfigured, Refused, Unavailable
from bot.model import Conversation, Delivery, DeliveryKind, Ref
from bot.ports import Agent, Late, Received, Request, Views, never
from bot.text.markup import mrkdwn_of
from connectors.http import FRESH, fresh, loopback, need, read_json, sealed, secrets, shape, strict, unless
from connectors.slack import shapes
from connectors.slack.blocks import card, shorten
from connectors.slack.web import SCOPES, Endless, Web

log = logging.getLogger(__name__)
SLACK = "https://slack.com/api/"
LOOK_BACK = timedelta(days=30)  # history lists parents only: how old a thread may be whose replies we still find
SKEW = timedelta(hours=1)  # their clock against ours, which may be set while we send
PANEL_TIMEOUT = 2  # seconds, of the three that Slack waits
MANY = 999  # questions to a page of a history, as many as Slack gives: with 200 a busy channel costs its rate limit
LONGEST = 40_000  # characters; Slack cuts the rest off without a word
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
STAMP = re.compile(r"[0-9]{10}")
ID = r"[CGTE][A-Z0-9_]{2,30}"
CARDS = frozenset({DeliveryKind.NOTE, DeliveryKind.HANDOFF, DeliveryKind.CARD})


def connect(env: Mapping[str, str]) -> "Slack":
    """The connector by its settings; Misconfigured names the one that is missing or wrong."""
    token = need(env, "SLACK_BOT_TOKEN", "take the Bot User OAuth Token of the app made from manifest.yml")
    if not token.startswith("xoxb-"):
        raise Misconfigured("SLACK_BOT_TOKEN", "is not a bot token; bot tokens begin with xoxb-")
    address = "copy its id, such as C024BE7LH, from its address in Slack; names do not work"
    review = need(env, "SLACK_REVIEW_CHANNEL", address, ID)
    support = need(env, "SLACK_SUPPORT_CHANNEL", address, ID) if env.get("SLACK_SUPPORT_CHANNEL", "").strip() else ""
    if support == review:
        raise Misconfigured("SLACK_SUPPORT_CHANNEL", "is also SLACK_REVIEW_CHANNEL; customers would read the cards")
    return Slack(
        web=Web(token, loopback(env, "SLACK_BASE_URL") or SLACK),
        secrets=secrets(env, "SLACK_SIGNING_SECRET", "it is under Basic Information of the app"),
        team=need(env, "SLACK_TEAM_ID", "set it to the workspace's id, such as T024BE7LH", ID),
        support=support,
        review=review,
        staff=frozenset(re.findall(r"[^\s,]+", env.get("SLACK_STAFF", ""))),
    )


class Slack:
    """One workspace, by slack-bolt and slack_sdk."""

    name = "slack"
    stale_after = FRESH

    def __init__(
        self, web: Web, secrets: tuple[bytes, ...], team: str, support: str, review: str, staff: frozenset[str]
    ) -> None:
        self.can = CARDS | {DeliveryKind.REPLY} if support else frozenset({DeliveryKind.CARD})
        self._web, self._secrets, self._team = web, secrets, team
        self._hasty = Web(web.token, web.base_url, PANEL_TIMEOUT)
        self._support, self._review, self._staff = support, review, staff
        self._crowded = False  # has it been said that the support channel has more questions than we read?

    def receive(self, request: Request) -> Received:
        """Events: which threads changed. Bolt parses before it verifies (1.30.0), so we verify first."""
        self._verify(request)
        shape(shapes.Envelope, read_json(request.body), "slack")
        return self._dispatch(request.body.decode(), request.at)

    def panel(self, request: Request, views: Views) -> Received:
        """Interactivity: which buttons were pressed, which modals submitted; opens modals."""
        self._verify(request)
        try:
            payload = parse_qs(request.body.decode(), max_num_fields=8).get("payload", [""])[0]
        except ValueError as err:
            raise Malformed("slack: the form cannot be read") from err
        asked = shapes.read(shapes.Interaction, read_json(payload.encode()))
        try:
            return self._dispatch(payload, request.at, asked=asked, views=views, web=self._hasty)
        except Refused as err:  # a modal that Slack no longer opens; whoever pressed sees that it failed
            raise Unavailable(str(err)) from err

    def fetch(self, ref: Ref) -> Conversation:
        """A thread, by its channel and first message."""
        messages = [message for page in self._thread(ref) for message in page.messages]
        if not messages:
            raise Refused(f"slack: thread {ref.id} is gone")
        return shapes.conversation(ref, messages, self._web.me, self._staff, self._web.user)

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Threads of the last 30 days before `since` with something newer than it, newest thread first; of the newest
        questions alone where there are more than we read."""
        if not self._support:
            return
        for message in self._questions(since - LOOK_BACK):
            newest = max(shapes.moment(ts) for ts in (message.ts, message.latest_reply, message.edited) if ts)
            if newest >= self._web.drift.theirs(since) and message.subtype in shapes.SPOKEN:
                yield Ref(self.name, f"{self._support}-{message.thread_ts or message.ts}")

    def _questions(self, oldest: datetime) -> Iterator[shapes.Message]:
        """Newest first. Where there are too many, the sweep goes on with what was found: what it never got to the end
        of, it would begin again for ever."""
        try:
            for page in self._web.pages("conversations.history", MANY, channel=self._support, oldest=_ts(oldest)):
                yield from page.messages
        except Endless as err:
            if not self._crowded:
                log.warning("threads left out", extra={"channel": self._support, "error": str(err)})
            self._crowded = True

    def deliver(self, delivery: Delivery, late: Late = never) -> str:
        """A reply into its thread; everything else as a card on the review channel. The message's ts."""
        words = self._reply(delivery) if delivery.kind is DeliveryKind.REPLY else self._card(delivery)
        words["metadata"] = {"event_type": shapes.EVENT_TYPE, "event_payload": {"key": delivery.key}}
        with unless(late):
            if delivery.replaces:
                return str(self._web.ask("chat.update", ts=delivery.replaces, **words)["ts"])
            return str(self._web.ask("chat.postMessage", unfurl_links=False, unfurl_media=False, **words)["ts"])

    def settled(self, delivery: Delivery, since: datetime, besides: Container[str] = ()) -> str | None:
        """Find the delivery by its key, in its thread or on the review channel; no other has the same."""
        messages = (message for page in self._where(delivery, since) for message in page.messages)
        return next((m.ts for m in messages if m.key == delivery.key), None)

    def team(self) -> tuple[Agent, ...]:
        """The workspace's own members, no guests and nobody who left; addresses only once confirmed."""
        everyone = (user for page in self._web.pages("users.list", limit=1000) for user in page.members)
        members = [user for user in everyone if user.works_at(self._team)]
        return tuple(Agent(u.id, u.called, u.address if u.is_email_confirmed else "") for u in members)

    def check(self) -> tuple[tuple[str, bool, str], ...]:
        """Token, workspace, scopes, and that both channels can be read."""
        try:
            answer = self._web.ask("auth.test")
        except BotError as err:
            return (("Slack token", False, str(err)),)
        channels = {"SLACK_SUPPORT_CHANNEL": self._support, "SLACK_REVIEW_CHANNEL": self._review}
        granted = str({k.lower(): v for k, v in answer.headers.items()}.get("x-oauth-scopes", ""))
        lacking = sorted(SCOPES.difference(granted.split(",")))
        return (
            ("Slack token", True, ""),
            ("Slack workspace", answer.get("team_id") == self._team, "set SLACK_TEAM_ID to the token's workspace"),
            ("Slack scopes", not lacking, f"install the app again with manifest.yml: {', '.join(lacking)}"),
            *(self._readable(what, channel) for what, channel in channels.items() if channel),
        )

    def _readable(self, setting: str, channel: str) -> tuple[str, bool, str]:
        try:
            self._web.ask("conversations.history", channel=channel, limit=1)
        except BotError as err:
            return setting, False, str(err)
        return setting, True, ""

    def _verify(self, request: Request) -> None:
        stamp = strict(request.headers, "x-slack-request-timestamp", STAMP)
        given = strict(request.headers, "x-slack-signature", SIGNATURE)
        signed = b":".join((b"v0", stamp.encode(), request.body))
        sealed([b"v0=" + hmac.new(s, signed, sha256).hexdigest().encode() for s in self._secrets], given.encode())
        fresh(datetime.fromtimestamp(int(stamp), UTC), request.at)

    def _dispatch(self, body: str, at: datetime, **context: object) -> Received:
        from connectors.slack.panel import dispatch  # noqa: PLC0415 - Bolt takes 100 ms that no start need wait

        return dispatch(self._team, body, at=at, support=self._support, review=self._review, **context)

    def _thread(self, ref: Ref) -> Iterator[shapes.Page]:
        channel, ts = self._place(ref)
        return self._web.pages("conversations.replies", channel=channel, ts=ts)

    def _place(self, ref: Ref) -> tuple[str, str]:
        channel, _, ts = ref.id.rpartition("-")
        if not self._support or channel != self._support:
            raise Refused(f"slack: {ref.id} is not a thread of SLACK_SUPPORT_CHANNEL")
        return channel, ts

    def _reply(self, delivery: Delivery) -> dict[str, Any]:
        channel, ts = self._place(delivery.ref)
        text = mrkdwn_of(delivery)
        if len(text) > LONGEST:
            raise Refused(f"slack: a reply of {len(text)} characters is more than the {LONGEST} that Slack keeps")
        return {"channel": channel, "thread_ts": ts, "text": text}

    def _card(self, delivery: Delivery) -> dict[str, Any]:
        text = mrkdwn_of(replace(delivery, text=shorten(delivery.title or delivery.text, 200)))
        return {"channel": self._review, "text": text, "blocks": card(delivery)}

    def _where(self, delivery: Delivery, since: datetime) -> Iterator[shapes.Page]:
        if delivery.kind is DeliveryKind.REPLY:
            return self._thread(delivery.ref)
        if delivery.replaces:
            return self._web.pages("conversations.replies", channel=self._review, ts=delivery.replaces)
        return self._web.pages("conversations.history", channel=self._review, oldest=_ts(since - SKEW))


def _ts(at: datetime) -> str:
    return f"{at.timestamp():.6f}"
