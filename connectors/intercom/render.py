"""Our deliveries as Intercom's HTML, and how to know them again when it shows them to us."""

import re
from html import escape

from bot.model import Delivery, DeliveryKind
from bot.text.markup import URL, from_html, link, linked, to_html


def html_of(delivery: Delivery) -> str:
    """A reply is its text; a note has title, facts, text, sources and the buttons as links."""
    if delivery.kind is DeliveryKind.REPLY:
        return to_html(delivery.text)
    title = f"<p><b>{escape(delivery.title)}</b></p>" if delivery.title else ""
    facts = "<br>".join(f"<b>{escape(label)}:</b> {linked(value)}" for label, value in delivery.facts)
    sources = "".join(f"<li>{link(label, url)}</li>" for label, url in delivery.sources)
    buttons = " · ".join(link(b.label, b.value) for b in delivery.buttons)
    parts = (_in("p", facts), to_html(delivery.text), _in("ul", sources), _in("p", buttons))
    return title + "".join(parts)


def fingerprint(html: str) -> str:
    """What survives the vendor's rewriting of tags and links: the letters and digits people read."""
    return re.sub(r"[\W_]+", "", URL.sub("", from_html(html))).casefold()


def _in(tag: str, inner: str) -> str:
    return f"<{tag}>{inner}</{tag}>" if inner else ""
