"""What `app.py doctor` and `app.py setup` ask of Zendesk."""

from collections.abc import Callable

from bot.errors import BotError
from connectors.http import shape
from connectors.zendesk.shapes import Audit, Hook, Named, Secret, Titled, Touched, User
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
    hooks, rung = _ours(desk), any(t.title == TITLE for t in desk.every(Titled, "triggers", "triggers.json"))
    steps = (_step(f"webhook {TITLE}", f" to {endpoint}", bool(hooks), dry_run),
             _step(f"trigger {TITLE}", "", rung, dry_run))  # fmt: skip
    if dry_run:
        return steps
    hook = hooks[0] if hooks else _hook(desk, endpoint)
    if not rung:
        _trigger(desk, hook)
    return (*steps, _secret(desk, hook, keys))


def _step(what: str, where: str, there: bool, dry_run: bool) -> str:
    return f"The {what} is there already." if there else f"{'Would make' if dry_run else 'Made'} the {what}{where}."


def _secret(desk: Desk, hook: str, keys: tuple[bytes, ...]) -> str:
    secret = shape(Secret, desk.zenpy.webhooks.show_secret(hook), "zendesk").secret
    return "ZENDESK_WEBHOOK_SECRET is right." if secret.encode() in keys else f"Set ZENDESK_WEBHOOK_SECRET={secret}"


def _hook(desk: Desk, endpoint: str) -> str:
    """The new webhook's id."""
    from zenpy.lib.api_objects import Webhook  # noqa: PLC0415 - slow to import

    by_trigger = {"subscriptions": ["conditional_ticket_events"], "http_method": "POST", "request_format": "json"}
    webhook = Webhook(name=TITLE, status="active", endpoint=endpoint, **by_trigger)
    return shape(Hook, desk.zenpy.webhooks.create(webhook), "zendesk").id


def _trigger(desk: Desk, hook: str) -> None:
    """A trigger rings it rather than event subscriptions, which cannot be narrowed to a brand or group."""
    from zenpy.lib.api_objects import Trigger  # noqa: PLC0415 - slow to import

    changes = [{"field": "update_type", "operator": "is", "value": value} for value in ("Create", "Change")]
    rings = {"field": "notification_webhook", "value": [hook, '{"ticket_id": "{{ticket.id}}"}']}
    desk.zenpy.triggers.create(Trigger(title=TITLE, conditions={"all": [], "any": changes}, actions=[rings]))
