"""Intercom as a connector."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from bot.errors import BotError, Misconfigured, Unavailable
from bot.model import Conversation, Delivery, DeliveryKind, Ref
from bot.ports import Agent, Article, Connector, Late, Patience, Received, Request, at_once, never
from bot.text.markup import html_of
from connectors.http import READ_TIMEOUT, loopback, need, pairs, secrets, unless
from connectors.intercom import shapes, shelf
from connectors.intercom.door import received
from connectors.intercom.read import conversation_of, fingerprint

if TYPE_CHECKING:
    from connectors.intercom.client import Client

REGIONS = {"us": "", "eu": ".eu", "au": ".au"}  # as in https://api.eu.intercom.io
SKEW = timedelta(hours=1)  # their clock against ours, which may be set while we send
OVERLAP = timedelta(seconds=60)
COLLECTIONS = "write the ids of collections that everybody may read, 126=pro for those of an audience, or all"


def connect(env: Mapping[str, str], timeout: float = READ_TIMEOUT) -> Connector:
    """The connector, which waits `timeout` seconds for an answer; Misconfigured names the setting and the fix."""
    region = env.get("INTERCOM_REGION", "").strip().lower() or "us"
    if region not in REGIONS:
        raise Misconfigured("INTERCOM_REGION", f"{region!r} is not a region; write one of {', '.join(REGIONS)}")
    seat = "write the id of the teammate as whom the bot writes, which is a number"
    return Intercom(
        token=need(env, "INTERCOM_TOKEN", "take the access token from the app's page in the Developer Hub"),
        secrets=secrets(env, "INTERCOM_CLIENT_SECRET", "take it from Basic information in the Developer Hub"),
        admin=need(env, "INTERCOM_ADMIN_ID", seat, "[0-9]{1,20}"),
        region=region,
        base_url=loopback(env, "INTERCOM_BASE_URL") or f"https://api{REGIONS[region]}.intercom.io",
        app=env.get("INTERCOM_APP_ID", "").strip(),
        collections=_collections(env),
        timeout=timeout,
    )


def _collections(env: Mapping[str, str]) -> dict[str, str]:
    if env.get("INTERCOM_COLLECTIONS", "").strip().lower() == shelf.ALL:
        return {shelf.ALL: ""}
    return pairs(env, "INTERCOM_COLLECTIONS", COLLECTIONS)


@dataclass(frozen=True)
class Intercom:
    """Chat and e-mail conversations. Nothing is tried twice here and nothing is cached.

    `timeout` in seconds; `app` is "" where any workspace will do; `collections`: for whom the articles in each are.
    """

    name = "intercom"
    can = frozenset({DeliveryKind.REPLY, DeliveryKind.NOTE, DeliveryKind.HANDOFF})

    token: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    admin: str
    region: str
    base_url: str
    app: str
    collections: Mapping[str, str]
    timeout: float

    @cached_property
    def client(self) -> "Client":
        """Made at the first call."""
        from connectors.intercom.client import Client  # noqa: PLC0415 - slow to import, see there

        return Client(self.base_url, self.token, self.timeout)

    def receive(self, request: Request) -> Received:
        """As the port says; a HEAD probe and a ping get their 200."""
        return received(request, self.secrets, self.app)

    def fetch(self, ref: Ref) -> Conversation:
        """As the port says, in one call; of a conversation with more than 500 parts the newest 500."""
        site = f"https://app{REGIONS[self.region]}.intercom.com/a/apps/{self.app}"
        url = f"{site}/conversations/{ref.id}" if self.app else ""
        return conversation_of(self.client.conversation(ref), self.admin, url)

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Newest first, from a minute before `since`; what changes meanwhile is found by the next look."""
        return (Ref(self.name, found.id) for found in self.client.changed(since - OVERLAP))

    def history(self, since: datetime, patiently: Patience = at_once) -> Iterator[tuple[Ref, str]]:
        """Those that are closed now."""
        found = self.client.changed(since - OVERLAP, patiently)
        return ((Ref(self.name, one.id), one.updated_at) for one in found if one.state == "closed")

    def articles(self, since: datetime | None = None) -> Iterator[Article]:
        """Of the collections that INTERCOM_COLLECTIONS names; Misconfigured without it, as the API tells nobody for
        whom an article is."""
        if not self.collections:
            raise Misconfigured("INTERCOM_COLLECTIONS", f"is not set; {COLLECTIONS}, as the API does not tell")
        return shelf.articles(self.client, since, self.collections)

    def deliver(self, delivery: Delivery, late: Late = never) -> str:
        """The id of the new part."""
        html, note = html_of(delivery), delivery.kind is not DeliveryKind.REPLY
        with unless(late):
            ours = self._ours(self.client.post(delivery.ref, self.admin, html, note=note), note)
        if not ours:
            raise Unavailable(f"Intercom answered without the new part on {delivery.ref}", maybe=True)
        if len(ours) == 1:  # the usual case needs no comparing, which costs as much as the search
            return ours[0].id
        wanted = fingerprint(html)
        return next((p.id for p in reversed(ours) if fingerprint(p.body) == wanted), ours[-1].id)

    def settled(self, delivery: Delivery, since: datetime, besides: Container[str] = ()) -> str | None:
        """Intercom carries no mark, so what was delivered is known by author, kind, time and words."""
        wanted, note = fingerprint(html_of(delivery)), delivery.kind is not DeliveryKind.REPLY
        ours = [p for p in self._ours(self.client.conversation(delivery.ref), note) if p.id not in besides]
        found = [p.id for p in ours if p.created_at >= since - SKEW and fingerprint(p.body) == wanted]
        return found[-1] if found else None

    def team(self) -> tuple[Agent, ...]:
        """Everyone on the team but the bot's own seat."""
        return tuple(Agent(a.id, a.name, a.email) for a in self.client.admins() if a.id != self.admin)

    def check(self) -> tuple[tuple[str, bool, str], ...]:
        """Token, region, workspace and the teammate as whom the bot writes."""
        try:
            me, admins = self.client.me(), self.client.admins()
        except BotError as err:
            return (("Intercom answers", False, str(err)),)
        seated = any(a.id == self.admin and a.has_inbox_seat for a in admins)
        return (
            ("Intercom answers", True, ""),
            ("the region is right", me.region.lower() in ("", self.region), f"set INTERCOM_REGION to {me.region}"),
            ("the workspace is right", self.app in ("", me.workspace), f"set INTERCOM_APP_ID to {me.workspace}"),
            ("the bot has an inbox seat", seated, f"give teammate {self.admin} of INTERCOM_ADMIN_ID an inbox seat"),
        )

    def _ours(self, found: shapes.Conversation, note: bool) -> list[shapes.Part]:
        """What was written from the bot's seat, notes or comments, oldest first."""
        mine = [p for p in found.parts if (p.author.type, p.author.id) == ("admin", self.admin)]
        return [p for p in mine if p.body and p.is_note is note]
