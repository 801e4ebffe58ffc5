"""Intercom as a connector."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from bot.errors import BotError, Misconfigured, Unavailable
from bot.model import Conversation, Delivery, DeliveryKind, Ref
from bot.ports import Agent, Connector, Received, Request
from connectors.http import READ_TIMEOUT, need, seconds, secrets
from connectors.intercom import shapes
from connectors.intercom.door import received
from connectors.intercom.read import Seat, at, conversation_of, is_note
from connectors.intercom.render import fingerprint, html_of

if TYPE_CHECKING:
    from connectors.intercom.client import Client

REGIONS = {
    "us": ("https://api.intercom.io", "https://app.intercom.com"),
    "eu": ("https://api.eu.intercom.io", "https://app.eu.intercom.com"),
    "au": ("https://api.au.intercom.io", "https://app.au.intercom.com"),
}
# Loopback besides the vendor's own, because the token goes there.
HOSTS = r"https?://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?|https://api\.((eu|au)\.)?intercom\.io"
SKEW = timedelta(seconds=30)  # their clock against ours; a copy of our own words so near in time is no second message
OVERLAP = timedelta(seconds=60)
YES = {"": False, "no": False, "yes": True}


@dataclass(frozen=True, slots=True)
class Settings:
    """What `connect` read. `timeout` in seconds; `app` "" where any workspace will do."""

    token: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    seat: Seat
    region: str
    base_url: str
    version: str
    app: str
    timeout: float


def connect(env: Mapping[str, str]) -> Connector:
    """The connector; Misconfigured names the setting and the fix."""
    region = env.get("INTERCOM_REGION", "").strip().lower() or "us"
    if region not in REGIONS:
        raise Misconfigured("INTERCOM_REGION", f"{region!r} is not a region; write one of {', '.join(REGIONS)}")
    settings = Settings(
        token=need(env, "INTERCOM_TOKEN", "take the access token from the app's page in the Developer Hub"),
        secrets=secrets(env, "INTERCOM_CLIENT_SECRET", "take it from Basic information in the Developer Hub"),
        seat=_seat(env),
        region=region,
        base_url=_matching(env, "INTERCOM_BASE_URL", HOSTS, "a loopback address for tests", REGIONS[region][0]),
        version=_matching(env, "INTERCOM_VERSION", r"[0-9]+\.[0-9]+", "an API version such as 2.14", "2.14"),
        app=env.get("INTERCOM_APP_ID", "").strip(),
        timeout=seconds(env, "INTERCOM_TIMEOUT", READ_TIMEOUT),
    )
    return Intercom(settings)


class Intercom:
    """Chat and e-mail conversations. Nothing is tried twice here and nothing is cached."""

    name = "intercom"
    can = frozenset({DeliveryKind.REPLY, DeliveryKind.NOTE, DeliveryKind.HANDOFF})

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def client(self) -> "Client":
        """Made at the first call."""
        from connectors.intercom.client import Client  # noqa: PLC0415 - slow to import, see there

        s = self.settings
        return Client(s.base_url, s.token, s.version, s.timeout)

    def receive(self, request: Request) -> Received:
        """As the port says; a HEAD probe and a ping get their 200."""
        return received(request, self.settings.secrets, self.settings.app)

    def fetch(self, ref: Ref) -> Conversation:
        """As the port says, in one call; of a conversation with more than 500 parts the newest 500."""
        return conversation_of(self.client.conversation(ref), self.settings.seat, self._url(ref))

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Newest first, from a minute before `since`; what changes meanwhile is found by the next look."""
        cursor, asked = "", set[str]()
        while cursor not in asked:
            asked.add(cursor)
            page = self.client.page(since - OVERLAP, cursor)
            yield from (Ref(self.name, found.id) for found in page.conversations)
            if not page.cursor:
                return
            cursor = page.cursor
        raise Unavailable("Intercom, searching conversations: the cursor came back")

    def deliver(self, delivery: Delivery) -> str:
        """The id of the new part."""
        html, note = html_of(delivery), delivery.kind is not DeliveryKind.REPLY
        answer = self.client.post(delivery.ref, self.settings.seat.admin, html, note=note)
        parts = self._ours(answer, note)
        known = [p for p in parts if fingerprint(p.body) == fingerprint(html)] or parts
        if not known:
            raise Unavailable(f"Intercom answered without the new part on {delivery.ref}", maybe=True)
        return known[-1].id

    def settled(self, delivery: Delivery, since: datetime) -> str | None:
        """Intercom carries no mark, so what was delivered is known by author, kind, time and words."""
        wanted = fingerprint(html_of(delivery))
        parts = self._ours(self.client.conversation(delivery.ref), delivery.kind is not DeliveryKind.REPLY)
        found = [p.id for p in parts if at(p.created_at) >= since - SKEW and fingerprint(p.body) == wanted]
        return found[-1] if found else None

    def team(self) -> tuple[Agent, ...]:
        """Everyone on the team but the bot's own seat, which is somebody's where it is shared."""
        seat, admins = self.settings.seat, self.client.admins().admins
        return tuple(Agent(a.id, a.name, a.email) for a in admins if a.id != seat.admin or seat.shared)

    def check(self) -> tuple[tuple[str, bool, str], ...]:
        """Token, region, workspace and the teammate as whom the bot writes."""
        s = self.settings
        try:
            app = self.client.me().app or shapes.App()
            admin = self.client.admin(s.seat.admin)
        except BotError as err:
            return (("Intercom answers", False, str(err)),)
        return (
            ("Intercom answers", True, ""),
            ("the region is right", app.region.lower() in ("", s.region), f"set INTERCOM_REGION to {app.region}"),
            ("the workspace is right", s.app in ("", app.id_code), f"set INTERCOM_APP_ID to {app.id_code}"),
            ("the bot has an inbox seat", admin.has_inbox_seat, f"give teammate {admin.name} an inbox seat"),
        )

    def _ours(self, found: shapes.Conversation, note: bool) -> list[shapes.Part]:
        """What was written from the bot's seat, notes or comments, oldest first."""
        parts = sorted(found.conversation_parts.conversation_parts, key=lambda p: p.created_at)
        mine = [p for p in parts if p.author and (p.author.type, p.author.id) == ("admin", self.settings.seat.admin)]
        return [p for p in mine if p.body and is_note(p) is note]

    def _url(self, ref: Ref) -> str:
        if not self.settings.app:
            return ""
        return f"{REGIONS[self.settings.region][1]}/a/apps/{self.settings.app}/conversations/{ref.id}"


def _seat(env: Mapping[str, str]) -> Seat:
    admin = need(env, "INTERCOM_ADMIN_ID", "write the id of the teammate as whom the bot writes")
    if not re.fullmatch(r"[0-9]{1,20}", admin):
        raise Misconfigured("INTERCOM_ADMIN_ID", f"{admin!r} is not a teammate's id, which is a number")
    shared = env.get("INTERCOM_SHARED_SEAT", "").strip().lower()
    if shared not in YES:
        raise Misconfigured("INTERCOM_SHARED_SEAT", f"{shared!r} is neither yes nor no")
    return Seat(admin, YES[shared])


def _matching(env: Mapping[str, str], setting: str, pattern: str, means: str, default: str) -> str:
    value = env.get(setting, "").strip() or default
    if not re.fullmatch(pattern, value):
        raise Misconfigured(setting, f"{value!r} is not {means}")
    return value
