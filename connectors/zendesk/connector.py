"""Zendesk on zenpy: the four methods of a connector, and what `doctor` and `setup` ask of it."""

import base64
import hmac
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

from bot.errors import Forged, Malformed, Misconfigured, Refused, Unavailable
from bot.model import Conversation, Delivery, DeliveryKind, Ref
from bot.ports import Agent, Received, Request
from connectors.http import READ_TIMEOUT, fresh, need, read_json, sealed, seconds, secrets, shape, strict
from connectors.zendesk import install, shapes
from connectors.zendesk.oauth import Credentials, Fixed, Granted, Vault
from connectors.zendesk.reading import MARK, NAME, Staff, conversation
from connectors.zendesk.render import html_of
from connectors.zendesk.wire import Desk

SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
INVOCATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
EVENTS = "zen:event-type:ticket."
SECOND = timedelta(seconds=1)  # stamps have whole seconds
CHATS = frozenset(
    {"native_messaging", "chat", "whatsapp", "line", "wechat", "viber", "telegram", "apple_business_chat"}
)


def connect(env: Mapping[str, str]) -> "Zendesk":
    """The connector of these settings (README.md lists them). Raises Misconfigured; asks nobody anything."""
    subdomain = need(env, "ZENDESK_SUBDOMAIN", "write the part before .zendesk.com")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", subdomain):
        raise Misconfigured("ZENDESK_SUBDOMAIN", f"{subdomain!r} is not the part before .zendesk.com")
    loopback = env.get("ZENDESK_BASE_URL", "").strip().rstrip("/")
    if loopback and not re.match(r"http://(127\.0\.0\.1|localhost):\d+\Z", loopback):
        raise Misconfigured("ZENDESK_BASE_URL", "is for the sandbox on this machine only; leave it out")
    site = loopback or f"https://{subdomain}.zendesk.com"
    timeout = seconds(env, "ZENDESK_TIMEOUT", READ_TIMEOUT)
    author = _ids(env, "ZENDESK_AUTHOR_ID", need(env, "ZENDESK_AUTHOR_ID", "write the user id the bot writes as"))
    return Zendesk(
        Desk(subdomain, _credentials(env, site, timeout), loopback, timeout),
        site=site,
        staff=Staff(min(author), _ids(env, "ZENDESK_BOT_IDS", env.get("ZENDESK_BOT_IDS", ""))),
        keys=secrets(env, "ZENDESK_WEBHOOK_SECRET", "copy the webhook's signing secret"),
        account=env.get("ZENDESK_ACCOUNT_ID", "").strip(),
    )


def _ids(env: Mapping[str, str], setting: str, text: str) -> frozenset[int]:
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not all(p.isascii() and p.isdigit() for p in parts):
        raise Misconfigured(setting, f"{text!r} is not a user id, such as 360012345678")
    return frozenset(map(int, parts))


def _credentials(env: Mapping[str, str], site: str, timeout: float) -> Credentials:
    if env.get("ZENDESK_CLIENT_ID", "").strip():
        return _oauth(env, site, timeout)
    if token := env.get("ZENDESK_ACCESS_TOKEN", "").strip():
        return Fixed(f"Bearer {token}")
    raise Misconfigured("ZENDESK_CLIENT_ID", "is not set; make an OAuth client in Admin Center")


def _oauth(env: Mapping[str, str], site: str, timeout: float) -> Granted:
    seed = env.get("ZENDESK_REFRESH_TOKEN", "").strip()
    secret = need(env, "ZENDESK_CLIENT_SECRET", "it goes with ZENDESK_CLIENT_ID")
    client_id = env["ZENDESK_CLIENT_ID"].strip()
    if not seed:
        return Granted(site, client_id, secret, None, timeout)
    path = need(env, "ZENDESK_TOKEN_FILE", "a refresh makes the old token useless, so the new one must be kept")
    key = need(env, "ZENDESK_TOKEN_KEY", "32 bytes in URL-safe base64, which encrypt ZENDESK_TOKEN_FILE")
    return Granted(site, client_id, secret, Vault(Path(path), key, seed), timeout)


class Zendesk:
    """Tickets as conversations. Threads may share it."""

    name = NAME
    can = frozenset({DeliveryKind.REPLY, DeliveryKind.NOTE, DeliveryKind.HANDOFF})

    def __init__(self, desk: Desk, *, site: str, staff: Staff, keys: tuple[bytes, ...], account: str) -> None:
        self.desk, self.site, self.staff, self.keys, self.account = desk, site, staff, keys, account
        self._brands: dict[int | str, str] = {}
        self._lock = threading.Lock()

    def receive(self, request: Request) -> Received:
        """Signed over timestamp and raw body with nothing between them, hence the strict grammar of the timestamp."""
        stamp = strict(request.headers, "x-zendesk-webhook-signature-timestamp", STAMP)
        given = strict(request.headers, "x-zendesk-webhook-signature", SIGNATURE)
        invocation = strict(request.headers, "x-zendesk-webhook-invocation-id", INVOCATION)
        signed = stamp.encode() + request.body
        sealed([base64.b64encode(hmac.digest(key, signed, "sha256")) for key in self.keys], given.encode())
        fresh(_time(stamp), request.at)
        return self._meaning(read_json(request.body), invocation)

    def _meaning(self, data: Mapping[str, object], invocation: str) -> Received:
        if "type" not in data:
            return Received(invocation, (Ref(NAME, shape(shapes.Doorbell, data, NAME).ticket_id),))
        kind = shape(shapes.Kind, data, NAME).type
        if not kind.startswith(EVENTS):
            return Received(invocation, unknown=kind[:100])
        event = shape(shapes.Envelope, data, NAME)
        if self.account and event.account_id != self.account:  # the signature does not cover the headers
            raise Forged("account_id is another account's")
        return Received(invocation, (Ref(NAME, event.detail.id),))

    def fetch(self, ref: Ref) -> Conversation:
        """Two calls: the ticket first, so that its stamp is never newer than what was read after it."""
        answer = shape(shapes.TicketAnswer, self.desk.ticket(ref.id), NAME)
        if answer.ticket.status == "deleted":
            raise Refused(f"Zendesk ticket {ref.id} is deleted.")
        audits, seen = self._audits(ref.id)
        users = {u.id: u for u in [*answer.users, *seen]}
        users |= self._missing(audits, users)
        return conversation(answer, audits, users, self.staff, self._brand(answer.ticket.brand_id), self.site)

    def _audits(self, id: str) -> tuple[list[shapes.Audit], list[shapes.User]]:
        pages = [shape(shapes.AuditPage, page, NAME) for page in self.desk.audits(id)]
        return [a for p in pages for a in p.audits], [u for p in pages for u in p.users]

    def _missing(self, audits: Iterable[shapes.Audit], known: Mapping[int, shapes.User]) -> dict[int, shapes.User]:
        """Authors of comments that were side-loaded neither with the ticket nor with the audits."""
        authors = {e.author_id for a in audits for e in a.events if e.author_id and e.author_id > 0}
        wanted = authors - known.keys() - self.staff.bots - {self.staff.author}
        if not wanted:
            return {}
        return {u.id: u for u in shape(shapes.Users, self.desk.users(sorted(wanted)[:100]), NAME).users}

    def _brand(self, id: int | None) -> str:
        """A brand's name, its id where it has none; all names are asked for when a new brand is met."""
        if id is None:
            return ""
        with self._lock:
            if id not in self._brands:
                found = shape(shapes.Brands, self.desk.brands(), NAME).brands
                self._brands = {id: str(id), **{b.id: b.name for b in found}}
            return self._brands[id]

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Newest last. Read from the newest on: who moves meanwhile is seen by the next look, nobody is skipped."""
        tickets = (t for page in self.desk.newest() for t in shape(shapes.Listed, page, NAME).tickets)
        late = list(takewhile(lambda t: t.updated_at >= since - SECOND, tickets))
        yield from (Ref(NAME, str(t.id)) for t in reversed(late))

    def deliver(self, delivery: Delivery) -> str:
        """One comment; the comment's id. A ticket that changed since `delivery.stamp` is Unavailable, not applied."""
        ticket = delivery.ref.id
        if delivery.kind is DeliveryKind.REPLY:
            self._reaches_the_customer(ticket)
        answer = self.desk.update(ticket, fields(delivery, self.staff.author))
        try:
            audit = shape(shapes.Updated, answer, NAME).audit
        except Malformed as err:
            raise Unavailable(str(err), maybe=True) from err
        return next((str(e.id) for e in audit.events if e.type == "Comment"), str(audit.id))

    def _reaches_the_customer(self, id: str) -> None:
        """Messaging lives elsewhere (Sunshine Conversations): a public comment may never reach the customer."""
        channel = shape(shapes.TicketAnswer, self.desk.ticket(id), NAME).ticket.via.channel
        if channel in CHATS or str(channel).startswith("sunshine_conversations"):
            raise Refused(f"Zendesk ticket {id} is a {channel} conversation: a comment does not reach the customer.")

    def team(self) -> tuple[Agent, ...]:
        """Agents and admins who can sign in; bots and the user we write as left out."""
        found = [u for page in self.desk.staff() for u in shape(shapes.Users, page, NAME).users]
        ours = self.staff.bots | {self.staff.author}
        people = [u for u in found if u.role in ("agent", "admin") and not u.suspended and u.id not in ours]
        return tuple(Agent(str(u.id), u.name or "", u.email or "") for u in people)

    def check(self) -> tuple[tuple[str, bool, str], ...]:
        """For `doctor`; reads only."""
        return install.check(self.desk, self.staff.author)

    def setup(self, public_url: str, dry_run: bool) -> tuple[str, ...]:
        """A webhook and the trigger that rings it."""
        return install.setup(self.desk, public_url, self.keys, dry_run)


def _time(stamp: str) -> datetime:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError as err:
        raise Forged("timestamp is not a time") from err


def fields(delivery: Delivery, author: int) -> dict[str, object]:
    """What changes on the ticket. `public` is always said: else the ticket's first comment decides."""
    public = delivery.kind is DeliveryKind.REPLY
    changes: dict[str, object] = {
        "comment": {"html_body": html_of(delivery), "public": public, "author_id": author},
        "metadata": {MARK: delivery.key},
    }
    if delivery.stamp:
        changes |= {"safe_update": True, "updated_stamp": delivery.stamp}
    return changes
