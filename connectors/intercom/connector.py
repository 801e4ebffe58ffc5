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
from connectors.intercom.read import at, conversation_of, is_note
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


@dataclass(frozen=True, slots=True)
class Settings:
    """What `connect` read. `timeout` in seconds; `app` "" where any workspace will do."""

    token: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    admin: str
    region: str
    base_url: str
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
        admin=_admin(env),
        region=region,
        base_url=_base_url(env, region),
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
        return Client(s.base_url, s.token, s.timeout)

    def receive(self, request: Request) -> Received:
        """As the port says; a HEAD probe and a ping get their 200."""
        return received(request, self.settings.secrets, self.settings.app)

    def fetch(self, ref: Ref) -> Conversation:
        """As the port says, in one call; of a conversation with more than 500 parts the newest 500."""
        return conversation_of(self.client.conversation(ref), self.settings.admin, self._url(ref))

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Newest first, from a minute before `since`; what changes meanwhile is found by the next look."""
        page = self.client.page(since - OVERLAP, "")
        yield from (Ref(self.name, found.id) for found in page.conversations)
        while page.cursor:
            page = self.client.page(since - OVERLAP, page.cursor)
            yield from (Ref(self.name, found.id) for found in page.conversations)

    def deliver(self, delivery: Delivery) -> str:
        """The id of the new part."""
        html, note = html_of(delivery), delivery.kind is not DeliveryKind.REPLY
        answer = self.client.post(delivery.ref, self.settings.admin, html, note=note)
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
        """Everyone on the team but the bot's own seat."""
        admins = self.client.admins().admins
        return tuple(Agent(a.id, a.name, a.email) for a in admins if a.id != self.settings.admin)

    def check(self) -> tuple[tuple[str, bool, str], ...]:
        """Token, region, workspace and the teammate as whom the bot writes."""
        s = self.settings
        try:
            me, admins = self.client.me(), self.client.admins().admins
        except BotError as err:
            return (("Intercom answers", False, str(err)),)
        seated = any(a.id == s.admin and a.has_inbox_seat for a in admins)
        return (
            ("Intercom answers", True, ""),
            ("the region is right", me.region.lower() in ("", s.region), f"set INTERCOM_REGION to {me.region}"),
            ("the workspace is right", s.app in ("", me.workspace), f"set INTERCOM_APP_ID to {me.workspace}"),
            ("the bot has an inbox seat", seated, f"give teammate {s.admin} of INTERCOM_ADMIN_ID an inbox seat"),
        )

    def _ours(self, found: shapes.Conversation, note: bool) -> list[shapes.Part]:
        """What was written from the bot's seat, notes or comments, oldest first."""
        parts = sorted(found.parts, key=lambda p: p.created_at)
        mine = [p for p in parts if (p.author.type, p.author.id) == ("admin", self.settings.admin)]
        return [p for p in mine if p.body and is_note(p) is note]

    def _url(self, ref: Ref) -> str:
        if not self.settings.app:
            return ""
        return f"{REGIONS[self.settings.region][1]}/a/apps/{self.settings.app}/conversations/{ref.id}"


def _admin(env: Mapping[str, str]) -> str:
    admin = need(env, "INTERCOM_ADMIN_ID", "write the id of the teammate as whom the bot writes")
    if not re.fullmatch(r"[0-9]{1,20}", admin):
        raise Misconfigured("INTERCOM_ADMIN_ID", f"{admin!r} is not a teammate's id, which is a number")
    return admin


def _base_url(env: Mapping[str, str], region: str) -> str:
    url = env.get("INTERCOM_BASE_URL", "").strip() or REGIONS[region][0]
    if not re.fullmatch(HOSTS, url):
        raise Misconfigured("INTERCOM_BASE_URL", f"{url!r} is not a loopback address for tests")
    return url
