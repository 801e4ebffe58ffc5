"""How a delivery looks in Zendesk: safe HTML, since agents read it in their browser."""

from html import escape

from bot.model import Delivery, DeliveryKind
from bot.text.markup import link, to_html


def html_of(delivery: Delivery) -> str:
    """A reply is its text; a note shows title, facts, text, sources and what can be pressed."""
    if delivery.kind is DeliveryKind.REPLY:
        return to_html(delivery.text)
    buttons = " · ".join(link(b.label, b.value) for b in delivery.buttons)
    return "".join(
        [
            f"<p><strong>{escape(delivery.title)}</strong></p>" if delivery.title else "",
            _list([f"<strong>{escape(label)}:</strong> {escape(value)}" for label, value in delivery.facts]),
            to_html(delivery.text),
            "<p><strong>Sources</strong></p>" if delivery.sources else "",
            _list([link(title, url) for title, url in delivery.sources]),
            f"<p>{buttons}</p>" if buttons else "",
        ]
    )


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""
