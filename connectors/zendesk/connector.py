"""Zendesk on zenpy: the four methods of a connector, and what `doctor` and `setup` ask of it."""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile

from bot.errors import Forged, Malformed, Refused, Unavailable
from bot.model import Conversation, Delivery, DeliveryKind, Ref
from bot.ports import Agent, Article, Late, Patience, Received, Request, at_once, never
from bot.text.markup import html_of
from connectors.http import (
    FRESH,
    READ_TIMEOUT,
    fresh,
    loopback,
    need,
    pairs,
    read_json,
    sealed,
    secrets,
    shape,
    strict,
    unless,
)
from connectors.zendesk import install, shapes, shelf
from connectors.zendesk.oauth import Token
from connectors.zendesk.reading import NAME, SYSTEM, Staff, conversation
from connectors.zendesk.wire import Desk, listed

SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
INVOCATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
BESIDE = "users,groups,organizations"
EVENTS = "zen:event-type:ticket."
SECOND = timedelta(seconds=1)  # stamps have whole seconds
CHATS = re.compile(
    "native_messaging|chat|whatsapp|line|wechat|viber|telegram|apple_business_chat|sunshine_conversations.*"
)


def connect(env: Mapping[str, str], timeout: float = READ_TIMEOUT) -> "Zendesk":
    """The connector of these settings (README.md lists them), which waits `timeout` seconds for an answer. Raises
    Misconfigured; asks nobody anything."""
    subdomain = need(env, "ZENDESK_SUBDOMAIN", "write the part before .zendesk.com", r"[a-z0-9][a-z0-9-]*")
    author = need(env, "ZENDESK_AUTHOR_ID", "write the user id the bot writes as, such as 360012345678", "[0-9]+")
    bots = env.get("ZENDESK_BOT_IDS", "").strip() and need(env, "ZENDESK_BOT_IDS", "write user ids", "[0-9, ]+")
    client = need(env, "ZENDESK_CLIENT_ID", "make an OAuth client in Admin Center")
    secret = need(env, "ZENDESK_CLIENT_SECRET", "it goes with ZENDESK_CLIENT_ID")
    site = loopback(env, "ZENDESK_BASE_URL").rstrip("/") or f"https://{subdomain}.zendesk.com"
    return Zendesk(
        Desk(subdomain, site, Token(site, client, secret, timeout), timeout),
        staff=Staff(author, frozenset([author, SYSTEM, *re.findall("[0-9]+", bots)])),
        keys=secrets(env, "ZENDESK_WEBHOOK_SECRET", "copy the webhook's signing secret"),
        account=env.get("ZENDESK_ACCOUNT_ID", "").strip(),
        audiences=pairs(env, "ZENDESK_AUDIENCES", "write user segments and whom they are, such as 360001=pro"),
    )


class Zendesk:
    """Tickets as conversations. Threads may share it."""

    name = NAME
    stale_after = FRESH
    can = frozenset({DeliveryKind.REPLY, DeliveryKind.NOTE, DeliveryKind.HANDOFF})

    def __init__(
        self, desk: Desk, *, staff: Staff, keys: tuple[bytes, ...], account: str, audiences: Mapping[str, str]
    ) -> None:
        self.desk, self.staff, self.keys, self.account, self.audiences = desk, staff, keys, account, audiences
        self._brands: dict[str, str] = {}

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
        kind = shape(shapes.Kind, data, NAME).type
        if kind and not kind.startswith(EVENTS):
            return Received(invocation, unknown=kind[:100])
        rung = shape(shapes.Rung, data, NAME)
        if kind and self.account and rung.account != self.account:  # the signature does not cover the headers
            raise Forged("account_id is another account's")
        return Received(invocation, (Ref(NAME, rung.ticket),))

    def fetch(self, ref: Ref) -> Conversation:
        """One call where nobody but the customer and the assignee spoke, else two."""
        answer, pages = self._told(ref.id)
        if answer.ticket.status == "deleted":
            raise Refused(f"Zendesk ticket {ref.id} is deleted.")
        events = [event for page in pages for audit in page.audits for event in audit.events]
        users = {u.id: u for beside in (*pages, answer) for u in beside.users}
        speakers = {answer.ticket.requester_id} | {e.by for e in events if e.type in shapes.SAID}
        if unknown := speakers - users.keys() - self.staff.bots:
            found = self.desk.zenpy.users(ids=sorted(unknown)[:100])
            users |= {u.id: u for u in listed(shapes.User, "users", found)}
        return conversation(answer, events, users, self.staff, self._brand(answer.ticket.brand_id), self.desk.site)

    def _told(self, id: str) -> tuple[shapes.TicketAnswer, list[shapes.Audits]]:
        """The ticket, whose stamp is never newer than the audits. It comes with their first page; where it is newer
        than all of them, it may have been read after them, and where it is not whole, it is asked for by itself: then
        they are read again."""
        pages = self._audits(id)
        answer, newest = pages[0].answer(id), max((a.at for page in pages for a in page.audits), default=None)
        if answer and newest and answer.ticket.updated <= newest:
            return answer, pages
        return answer or self._ticket(id), self._audits(id)

    def _audits(self, id: str) -> list[shapes.Audits]:
        pages = self.desk.pages(f"tickets/{id}/audits.json", include=f"tickets,{BESIDE}")
        return [shape(shapes.Audits, page, NAME) for page in pages]

    def _ticket(self, id: str) -> shapes.TicketAnswer:
        found = self.desk.zenpy.tickets(id=id, include=BESIDE)
        return shape(shapes.TicketAnswer, found, NAME)

    def _brand(self, id: str) -> str:
        """A brand's name, its id where it has none; all names are asked for when a new brand is met."""
        if id and id not in self._brands:
            found = listed(shapes.Named, "brands", self.desk.zenpy.brands())
            self._brands = {id: id} | {b.id: b.name for b in found}
        return self._brands.get(id, id)

    def changed(self, since: datetime) -> Iterator[Ref]:
        """Newest last. Read from the newest on: who moves meanwhile is seen by the next look, nobody is skipped."""
        tickets = self.desk.every(shapes.Touched, "tickets", "tickets.json", sort="-updated_at")
        late = list(takewhile(lambda t: t.updated_at >= self.desk.drift.theirs(since) - SECOND, tickets))
        yield from (Ref(NAME, t.id) for t in reversed(late))

    def deliver(self, delivery: Delivery, late: Late = never) -> str:
        """One comment; the comment's id. A ticket that changed since `delivery.stamp` is Unavailable, not applied."""
        from zenpy.lib.api_objects import Ticket  # noqa: PLC0415 - slow to import

        public = delivery.kind is DeliveryKind.REPLY
        if public:
            self._reaches_the_customer(delivery.ref.id)
        # `public` is always said: else the ticket's first comment decides
        comment = {"html_body": html_of(delivery), "public": public, "author_id": int(self.staff.author)}
        ticket = Ticket(id=delivery.ref.id, comment=comment, metadata={"understudy": delivery.key})
        if delivery.stamp:
            ticket.safe_update, ticket.updated_stamp = True, delivery.stamp
        with unless(late):
            answer = self.desk.zenpy.tickets.update(ticket)
        try:
            audit = shape(shapes.Updated, answer, NAME).audit
        except Malformed as err:
            raise Unavailable(str(err), maybe=True) from err
        return next((e.id for e in audit.events if e.type == "Comment"), audit.id)

    def _reaches_the_customer(self, id: str) -> None:
        """Messaging lives elsewhere (Sunshine Conversations): a public comment may never reach the customer."""
        channel = self._ticket(id).ticket.channel
        if CHATS.fullmatch(channel):
            raise Refused(f"Zendesk ticket {id} is a {channel} conversation: a comment does not reach the customer.")

    def team(self) -> tuple[Agent, ...]:
        """Agents and admins who can sign in; bots and the user we write as left out."""
        users = self.desk.every(shapes.User, "users", "users.json", **{"role[]": ["agent", "admin"]})
        return tuple(Agent(u.id, u.name, u.email) for u in users if not u.suspended and u.id not in self.staff.bots)

    def articles(self, since: datetime | None = None) -> Iterator[Article]:
        """Of the help centre of our subdomain's brand; for everybody, or for whom ZENDESK_AUDIENCES says."""
        return shelf.articles(self.desk, since, self.audiences)

    def macros(self) -> Iterator[Article]:
        """Those of all agents that write to the customer."""
        return shelf.macros(self.desk)

    def history(self, since: datetime, patiently: Patience = at_once) -> Iterator[tuple[Ref, str]]:
        """Solved and closed tickets, also archived ones."""
        return shelf.history(self.desk, since, patiently)

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
