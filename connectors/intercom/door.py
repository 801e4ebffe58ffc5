"""Intercom's webhooks: sealed with SHA-1 over the body, without a timestamp, so `Received.id` is kept for ever."""

import hmac
import re
from datetime import timedelta

from bot.errors import Forged, Malformed
from bot.model import Ref
from bot.ports import Received, Request
from connectors.http import read_json, sealed, shape, strict
from connectors.intercom.shapes import Notification

SIGNATURE = re.compile(r"sha1=[0-9a-f]{40}")
CONVERSATION = re.compile(r"[0-9]{1,32}")
AHEAD = timedelta(hours=1)
BY_ADMIN = ("replied", "noted", "assigned", "closed", "opened", "snoozed", "unsnoozed")
TOPICS = {
    *("ping", "conversation_part.redacted", "conversation.rating.added", "conversation.operator.replied"),
    *("conversation.user.created", "conversation.user.replied", *(f"conversation.admin.{done}" for done in BY_ADMIN)),
}


def received(request: Request, secrets: tuple[bytes, ...], app: str) -> Received:
    """The conversation a notification is about, once its seal is verified; `app` "" takes every workspace."""
    given = strict(request.headers, "x-hub-signature", SIGNATURE)
    sealed([b"sha1=" + hmac.digest(s, request.body, "sha1").hex().encode() for s in secrets], given.encode())
    told = shape(Notification, read_json(request.body), "intercom")
    if told.created_at - request.at > AHEAD:
        raise Forged("created_at lies in the future")
    if app and told.app_id != app:
        # Not Forged: a run of errors would make Intercom pause the topic for our own workspace too.
        return Received(told.id or "", unknown=f"workspace {told.app_id}")
    return Received(told.id or "", _refs(told), unknown="" if told.topic in TOPICS else told.topic)


def _refs(told: Notification) -> tuple[Ref, ...]:
    """The conversation of a conversation topic, also of one we do not know yet; () for others."""
    if not told.topic.startswith(("conversation.", "conversation_part.")):
        return ()
    # A part's item has its own id as `id`, so the conversation's is looked for elsewhere first.
    id_ = told.item.conversation or ("" if told.item.type == "conversation_part" else told.item.id)
    if not CONVERSATION.fullmatch(id_):
        raise Malformed("intercom: data.item names no conversation; compare connectors/intercom/samples")
    return (Ref("intercom", id_),)
