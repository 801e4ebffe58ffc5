"""Intercom's webhooks: sealed with SHA-1 over the body, without a timestamp, so `Received.id` is kept for ever."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

from bot.errors import Forged, Malformed
from bot.model import Ref
from bot.ports import Received, Request
from connectors.http import read_json, sealed, shape, strict
from connectors.intercom.shapes import Notification

SIGNATURE = re.compile(r"sha1=[0-9a-f]{40}")
CONVERSATION = re.compile(r"[0-9]{1,32}")
AHEAD = timedelta(hours=1)
TOPICS = frozenset(
    {
        "ping",
        "conversation.user.created",
        "conversation.user.replied",
        "conversation.admin.replied",
        "conversation.admin.noted",
        "conversation.admin.assigned",
        "conversation.admin.closed",
        "conversation.admin.opened",
        "conversation.admin.snoozed",
        "conversation.admin.unsnoozed",
        "conversation.operator.replied",
        "conversation.rating.added",
        "conversation_part.redacted",
    }
)


def received(request: Request, secrets: tuple[bytes, ...], app: str) -> Received:
    """The conversation a notification is about, once its seal is verified; `app` "" takes every workspace."""
    if request.method == "HEAD":
        return Received("")
    given = strict(request.headers, "x-hub-signature", SIGNATURE)
    sealed([b"sha1=" + hmac.new(s, request.body, hashlib.sha1).hexdigest().encode() for s in secrets], given.encode())
    told = shape(Notification, read_json(request.body), "intercom")
    if datetime.fromtimestamp(told.created_at, UTC) - request.at > AHEAD:
        raise Forged("created_at lies in the future")
    if app and told.app_id != app:
        # Not Forged: a run of errors would make Intercom pause the topic for our own workspace too.
        return Received(told.id, unknown=f"workspace {told.app_id}")
    return Received(told.id, refs_of(told), unknown="" if told.topic in TOPICS else told.topic)


def refs_of(told: Notification) -> tuple[Ref, ...]:
    """The conversation of a conversation topic, also of one we do not know yet; () for others."""
    if not told.topic.startswith(("conversation.", "conversation_part.")):
        return ()
    item = told.item
    # A part's item has its own id as `id`, so the conversation's is looked for elsewhere first.
    id_ = item.conversation_id or item.conversation.id or ("" if item.type == "conversation_part" else item.id)
    if not CONVERSATION.fullmatch(id_):
        raise Malformed("intercom: data.item names no conversation; compare connectors/intercom/samples")
    return (Ref("intercom", id_),)
