"""How a delivery looks in Zendesk: safe HTML, since agents read it in their browser."""

from html import escape

from bot.model import Delivery, DeliveryKind
from bot.text.markup import safe_url, to_html


def html_of(delivery: Delivery) -> str:
    """A reply is its text; a note shows title, facts, text, sources and what can be pressed."""
    if delivery.kind is DeliveryKind.REPLY:
        return to_html(delivery.text)
    parts = [
        f"<p><strong>{escape(delivery.title)}</strong></p>" if delivery.title else "",
        _list([f"<strong>{escape(label)}:</strong> {escape(value)}" for label, value in delivery.facts]),
        to_html(delivery.text),
        "<p><strong>Sources</strong></p>" if delivery.sources else "",
        _list([_link(title, url) for title, url in delivery.sources]),
        " · ".join(_link(b.label, b.value) for b in delivery.buttons),
    ]
    parts[-1] = parts[-1] and f"<p>{parts[-1]}</p>"
    return "".join(parts)


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""


def _link(label: str, url: str) -> str:
    if not safe_url(url):
        return escape(label)
    return f'<a href="{escape(url)}" rel="nofollow noopener">{escape(label)}</a>'
