"""What `app.py doctor` and `app.py setup` ask of Zendesk."""

from collections.abc import Callable

from bot.errors import BotError
from connectors.http import shape
from connectors.zendesk.shapes import AuditPage, Hook, Listed, Me, SigningSecret, Users, Webhooks
from connectors.zendesk.wire import Desk

TITLE = "Understudy"
BODY = '{"ticket_id": "{{ticket.id}}"}'
READABLE = "give the OAuth client the global read scope: audits need it"

Check = tuple[str, bool, str]


def check(desk: Desk, author: int) -> tuple[Check, ...]:
    """Signing in, the user we write as, reading audits, the webhook."""
    return (
        _try("Zendesk: sign in", "see ZENDESK_CLIENT_ID and the settings beside it", lambda: _signed_in(desk)),
        _try("Zendesk: author", "ZENDESK_AUTHOR_ID must be an agent or admin", lambda: _writes_as(desk, author)),
        _try("Zendesk: audits", READABLE, lambda: _audits(desk)),
        _try("Zendesk: webhook", "run `app.py setup`", lambda: bool(_ours(desk))),
    )


def _try(what: str, mend: str, fine: Callable[[], bool]) -> Check:
    try:
        return what, fine(), mend
    except BotError as err:
        return what, False, f"{mend} ({err})"


def _signed_in(desk: Desk) -> bool:
    return shape(Me, desk.me(), "zendesk").user.role in ("agent", "admin")


def _writes_as(desk: Desk, author: int) -> bool:
    found = shape(Users, desk.users([author]), "zendesk").users
    return any(u.id == author and u.role in ("agent", "admin") for u in found)


def _audits(desk: Desk) -> bool:
    tickets = shape(Listed, next(desk.newest()), "zendesk").tickets
    return not tickets or bool(shape(AuditPage, next(desk.audits(str(tickets[0].id))), "zendesk"))


def _ours(desk: Desk) -> list[str]:
    return [str(w.id) for w in shape(Webhooks, desk.webhooks(), "zendesk").webhooks if w.name == TITLE]


def setup(desk: Desk, public_url: str, keys: tuple[bytes, ...], dry_run: bool) -> tuple[str, ...]:
    """A webhook named Understudy and a trigger that rings it at every change of a ticket; a line for each step."""
    endpoint = f"{public_url.rstrip('/')}/webhooks/zendesk"
    if ours := _ours(desk):
        return (f"The webhook {TITLE} is there already; its trigger should be, too.", _secret(desk, ours[0], keys))
    if dry_run:
        return (f"Would make the webhook {TITLE} to {endpoint}.", f"Would make the trigger {TITLE} that rings it.")
    hook = str(shape(Hook, desk.make("webhook", webhook(endpoint)), "zendesk").webhook.id)
    desk.make("trigger", trigger(hook))
    return (f"Made the webhook {TITLE} to {endpoint}.", f"Made the trigger {TITLE}.", _secret(desk, hook, keys))


def _secret(desk: Desk, hook: str, keys: tuple[bytes, ...]) -> str:
    secret = shape(SigningSecret, desk.secret(hook), "zendesk").signing_secret.secret
    if secret.encode() in keys:
        return "ZENDESK_WEBHOOK_SECRET is right."
    return f"Set ZENDESK_WEBHOOK_SECRET={secret}"


def webhook(endpoint: str) -> dict[str, object]:
    """Rung by a trigger rather than by event subscriptions, which cannot be narrowed to a brand or group."""
    return {
        "name": TITLE,
        "status": "active",
        "endpoint": endpoint,
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": ["conditional_ticket_events"],
    }


def trigger(hook: str) -> dict[str, object]:
    """At every new ticket and every change."""
    conditions = [{"field": "update_type", "operator": "is", "value": value} for value in ("Create", "Change")]
    return {
        "title": TITLE,
        "conditions": {"all": [], "any": conditions},
        "actions": [{"field": "notification_webhook", "value": [hook, BODY]}],
    }
