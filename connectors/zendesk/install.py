"""What `app.py doctor` and `app.py setup` ask of Zendesk."""

from collections.abc import Callable

from bot.errors import BotError
from connectors.http import shape
from connectors.zendesk.shapes import Audit, Hook, Named, Secret, Touched, User
from connectors.zendesk.wire import Desk, listed

TITLE = "Understudy"
STAFF = ("agent", "admin")

Check = tuple[str, bool, str]


def check(desk: Desk, author: str) -> tuple[Check, ...]:
    """The user we write as, reading audits, the webhook."""
    checks: dict[str, tuple[str, Callable[[], bool]]] = {
        "author": ("ZENDESK_AUTHOR_ID must be an agent or admin", lambda: _writes_as(desk, author)),
        "audits": ("give the OAuth client the global read scope: audits need it", lambda: _reads_audits(desk)),
        "webhook": ("run `app.py setup`", lambda: bool(_ours(desk))),
    }
    return tuple(_try(f"Zendesk: {what}", *how) for what, how in checks.items())


def _try(what: str, mend: str, fine: Callable[[], bool]) -> Check:
    try:
        return what, fine(), mend
    except BotError as err:
        return what, False, f"{mend} ({err})"


def _writes_as(desk: Desk, author: str) -> bool:
    return any(u.id == author and u.role in STAFF for u in listed(User, "users", desk.zenpy.users(ids=[author])))


def _reads_audits(desk: Desk) -> bool:
    """Of the newest ticket, if there is one."""
    for ticket in desk.every(Touched, "tickets", "tickets.json"):
        return any(desk.every(Audit, "audits", f"tickets/{ticket.id}/audits.json"))
    return True


def _ours(desk: Desk) -> list[str]:
    return [w.id for w in listed(Named, "webhooks", desk.zenpy.webhooks.list()) if w.name == TITLE]


def setup(desk: Desk, public_url: str, keys: tuple[bytes, ...], dry_run: bool) -> tuple[str, ...]:
    """A webhook named Understudy and a trigger that rings it at every change of a ticket; a line for each step."""
    endpoint = f"{public_url.rstrip('/')}/webhooks/zendesk"
    if ours := _ours(desk):
        return (f"The webhook {TITLE} is there already; its trigger should be, too.", _secret(desk, ours[0], keys))
    if dry_run:
        return (f"Would make the webhook {TITLE} to {endpoint}.", f"Would make the trigger {TITLE} that rings it.")
    hook = _make(desk, endpoint)
    return (f"Made the webhook {TITLE} to {endpoint}.", f"Made the trigger {TITLE}.", _secret(desk, hook, keys))


def _secret(desk: Desk, hook: str, keys: tuple[bytes, ...]) -> str:
    secret = shape(Secret, desk.zenpy.webhooks.show_secret(hook), "zendesk").secret
    return "ZENDESK_WEBHOOK_SECRET is right." if secret.encode() in keys else f"Set ZENDESK_WEBHOOK_SECRET={secret}"


def _make(desk: Desk, endpoint: str) -> str:
    """A trigger rings it rather than event subscriptions, which cannot be narrowed to a brand or group."""
    from zenpy.lib.api_objects import Trigger, Webhook  # noqa: PLC0415 - slow to import

    by_trigger = {"subscriptions": ["conditional_ticket_events"], "http_method": "POST", "request_format": "json"}
    webhook = Webhook(name=TITLE, status="active", endpoint=endpoint, **by_trigger)
    hook = shape(Hook, desk.zenpy.webhooks.create(webhook), "zendesk").id
    changes = [{"field": "update_type", "operator": "is", "value": value} for value in ("Create", "Change")]
    rings = {"field": "notification_webhook", "value": [hook, '{"ticket_id": "{{ticket.id}}"}']}
    desk.zenpy.triggers.create(Trigger(title=TITLE, conditions={"all": [], "any": changes}, actions=[rings]))
    return hook
