"""HTML and Slack's mrkdwn in, plain text to the line, and safe HTML or mrkdwn out."""

import re
from collections.abc import Collection, Iterator
from html import escape, unescape
from itertools import count, groupby, repeat
from typing import NewType

import nh3

from bot.model import Delivery, DeliveryKind
from bot.text.clean import clean
from bot.text.links import ANYWHERE, host_of, unlinked

Safe = NewType("Safe", str)  # what may be handed to a vendor: made in this file alone

PARAGRAPHS = frozenset({"p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})
LINES = PARAGRAPHS | {"div", "br", "tr", "section", "li", "blockquote"}
LONGEST = 100_000  # characters of HTML
READER = nh3.Cleaner(
    tags={*LINES, "ul", "ol", "a"},
    clean_content_tags={"script", "style", "title", "template"},  # not shown to people
    attributes={"a": {"href"}, "*": set()},
    url_schemes={"http", "https"},
    link_rel=None,
)
TAG = re.compile(r'<(/?)([a-z0-9]+)(?: href="([^"]*)")?>')
BLANKS = re.compile(r"[ \t\r\n]+")
URL = re.compile(r"https?://[^\s<>\"'|]+[^\s<>\"'|.,;:!?)\]]")
CLEANER = nh3.Cleaner(
    tags={"p", "br", "ul", "ol", "li", "strong", "a"},
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener",
)
BULLET = re.compile(r"^\s*[-*•]\s+")
NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s+")


class _Plain:
    """Collects text, list marks and links of HTML as READER leaves it: every tag is one of its tags, every bracket and
    quote mark in the text is escaped."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.quote = self.pre = 0
        self.marked = False  # a list mark stands at the end
        self.lists: list[Iterator[str]] = []
        self.link: tuple[str, int] | None = None

    def read(self, html: str) -> None:
        parts = TAG.split(html)
        self._text(parts[0])
        for slash, tag, href, text in zip(*(parts[at::4] for at in (1, 2, 3, 4)), strict=True):
            if slash:
                self._end(tag)
            else:
                self._start(tag, href)
            self._text(text)

    def _start(self, tag: str, href: str | None) -> None:
        self.quote += tag == "blockquote"
        self.pre += tag == "pre"
        if tag in LINES and not self.marked:
            self._line()
        if tag == "li":
            self.marked = True
            self.out.append(next(self.lists[-1]) if self.lists else "- ")
        elif tag in ("ul", "ol"):
            self.lists.append(repeat("- ") if tag == "ul" else (f"{n}. " for n in count(1)))
        elif tag == "a":
            self.link = (unescape(href or ""), len(self.out))

    def _line(self) -> None:
        self.out.append("\n> " if self.quote else "\n")

    def _end(self, tag: str) -> None:
        self.quote = max(0, self.quote - (tag == "blockquote"))
        self.pre = max(0, self.pre - (tag == "pre"))
        apart = tag in PARAGRAPHS and not (tag == "p" and self.lists)  # items of a list stay together
        if apart or tag in ("ul", "ol", "blockquote"):
            self.out.append("\n")
        if apart:
            self._line()
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        elif tag == "a" and self.link:
            self._end_link(*self.link)

    def _end_link(self, href: str, start: int) -> None:
        label = "".join(self.out[start:]).strip()
        self.link = None
        if href.startswith(("http://", "https://")) and label.rstrip("/") != href.rstrip("/"):
            self.out.append(f" ({href})")

    def _text(self, escaped: str) -> None:
        if escaped:
            text = unescape(escaped)
            self.out.append(text if self.pre else BLANKS.sub(" ", text))
            self.marked = self.marked and not text.strip()


def from_html(html: str) -> str:
    """Plain text of HTML: paragraphs by blank lines, `- ` and `1. ` lists, links as `label (url)`. Of more than LONGEST
    characters the rest is left out. A browser's parser first: the standard library's takes a minute for 50 kB of `<a `.
    """
    if "<" not in html:
        return tidy(unescape(html))
    plain = _Plain()
    plain.read(READER.clean(html[:LONGEST]))
    return tidy("".join(plain.out))


def tidy(text: str) -> str:
    """No trailing blanks, no runs of blank lines."""
    lines = [re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.replace("\r\n", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def safe_url(url: str) -> bool:
    """An http(s) address with a plain host and no user part, as a browser reads it."""
    return bool(host_of(url))


def to_html(text: str, hosts: Collection[str] = ANYWHERE) -> str:
    """HTML of plain text: paragraphs, lists and links to these hosts, everything else escaped."""
    blocks = (b.split("\n") for b in re.split(r"\n\s*\n", text.strip()) if b.strip())
    return "".join(_run(tag, list(lines), hosts) for block in blocks for tag, lines in groupby(block, key=_tag))


def _tag(line: str) -> str:
    return "ul" if BULLET.match(line) else "ol" if NUMBER.match(line) else "p"


def _run(tag: str, lines: list[str], hosts: Collection[str]) -> str:
    if tag == "p":
        return "<p>" + "<br>".join(linked(line, hosts) for line in lines) + "</p>"
    mark = BULLET if tag == "ul" else NUMBER
    return f"<{tag}>" + "".join(f"<li>{linked(mark.sub('', line), hosts)}</li>" for line in lines) + f"</{tag}>"


def linked(text: str, hosts: Collection[str]) -> str:
    """Escaped text with its bare addresses as links."""
    if "://" not in text:
        return escape(text)
    parts = re.split(f"({URL.pattern})", text)
    return "".join(
        link(part, part) if at % 2 and (ANYWHERE[0] in hosts or host_of(part) in hosts) else escape(part)
        for at, part in enumerate(parts)
    )


def link(label: str, url: str) -> str:
    """A labelled link, or the escaped label alone where the address is not safe."""
    shown = escape(label or url)
    return f'<a href="{escape(url)}">{shown}</a>' if safe_url(url) else shown


def html_of(delivery: Delivery) -> Safe:
    """A delivery for a helpdesk that takes HTML: a reply is its text; a note shows title, facts, text, sources and
    what can be pressed. Its text leads to its hosts only, and nothing is in it but paragraphs, lists and links."""
    text = to_html(unlinked(delivery.text, delivery.hosts), delivery.hosts)
    return sanitised(text if delivery.kind is DeliveryKind.REPLY else _note(delivery, text))


def sanitised(html: str) -> Safe:
    """Parsed, and everything gone that is not one of our few tags: no image, style or script, no odd scheme."""
    return Safe(CLEANER.clean(html))


def _note(delivery: Delivery, text: str) -> str:
    facts = [f"<strong>{escape(label)}:</strong> {escape(value)}" for label, value in delivery.facts]
    buttons = " · ".join(link(b.label, b.value) for b in delivery.buttons)
    parts = (
        f"<p><strong>{escape(delivery.title)}</strong></p>" if delivery.title else "",
        _list(facts),
        text,
        "<p><strong>Sources</strong></p>" if delivery.sources else "",
        _list([link(title, url) for title, url in delivery.sources]),
        f"<p>{buttons}</p>" if buttons else "",
    )
    return "".join(parts)


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""


def mrkdwn_of(delivery: Delivery) -> Safe:
    """A delivery's text for Slack; it leads to the delivery's hosts only."""
    return to_mrkdwn(unlinked(delivery.text, delivery.hosts))


def to_mrkdwn(text: str) -> Safe:
    """Slack's mrkdwn of plain text: control characters escaped, so nobody is mentioned and nothing is hidden."""
    return Safe("\n".join(BULLET.sub("• ", line) for line in escape(clean(text), quote=False).split("\n")))


def from_mrkdwn(text: str) -> str:
    """Plain text of Slack's mrkdwn: `<url|label>` as `label (url)`, mentions and channels by their names."""
    text = re.sub(r"<(https?://[^|<>]+)\|([^<>]+)>", r"\2 (\1)", text)
    text = re.sub(r"<(https?://[^<>]+)>", r"\1", text)
    text = re.sub(r"<mailto:[^|<>]+\|([^<>]+)>", r"\1", text)
    text = re.sub(r"<([@#!])(?:[^|<>]*\|)?([^<>]+)>", r"\1\2", text)
    return tidy(unescape(re.sub(r"^• ", "- ", text, flags=re.M)))
