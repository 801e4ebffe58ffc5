"""HTML and Slack's mrkdwn in, plain text to the line, and safe HTML or mrkdwn out."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from itertools import groupby
from urllib.parse import urlsplit

BLOCKS = frozenset({"p", "div", "br", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section"})
SILENT = frozenset({"script", "style", "head", "title", "template"})
URL = re.compile(r"https?://[^\s<>\"'|]+[^\s<>\"'|.,;:!?)\]]")
BULLET = re.compile(r"^\s*[-*•]\s+")
NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s+")


class _Plain(HTMLParser):
    """Collects text, list marks and links; what is not shown to people is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.silent = 0
        self.lists: list[int] = []
        self.link: tuple[str, int] | None = None
        self.quote = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self.silent += 1
        elif tag in ("ul", "ol"):
            self.lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            self.out.append(self._line() + self._mark())
        elif tag == "blockquote":
            self.quote += 1
            self.out.append(self._line())
        elif tag in BLOCKS:
            self.out.append(self._line())
        elif tag == "a":
            self.link = (dict(attrs).get("href") or "", len(self.out))

    def _line(self) -> str:
        return "\n> " if self.quote else "\n"

    def _mark(self) -> str:
        if not self.lists or self.lists[-1] < 0:
            return "- "
        self.lists[-1] += 1
        return f"{self.lists[-1]}. "

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in ("ul", "ol"):
            if self.lists:
                self.lists.pop()
            self.out.append("\n")
        elif tag == "blockquote":
            self.quote = max(0, self.quote - 1)
            self.out.append("\n")
        elif tag == "a" and self.link:
            self._end_link(*self.link)
        elif tag in ("p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre"):
            self.out.append("\n" + self._line())

    def _end_link(self, href: str, start: int) -> None:
        label = "".join(self.out[start:]).strip()
        self.link = None
        if href.startswith(("http://", "https://")) and label.rstrip("/") != href.rstrip("/"):
            self.out.append(f" ({href})")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(re.sub(r"[ \t\r\n]+", " ", data))


def from_html(html: str) -> str:
    """Plain text of HTML: paragraphs by blank lines, `- ` and `1. ` lists, links as `label (url)`."""
    if "<" not in html:
        return tidy(unescape(html))
    parser = _Plain()
    parser.feed(html)
    parser.close()
    return tidy("".join(parser.out))


def tidy(text: str) -> str:
    """No trailing blanks, no runs of blank lines."""
    lines = [re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.replace("\r\n", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def safe_url(url: str) -> bool:
    """An http(s) address with a plain host and no user part."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def to_html(text: str) -> str:
    """Safe HTML of plain text: paragraphs, lists and links, everything else escaped."""
    return "".join(_block(b) for b in re.split(r"\n\s*\n", text.strip()) if b.strip())


def _block(block: str) -> str:
    return "".join(_run(tag, list(lines)) for tag, lines in groupby(block.split("\n"), key=_tag))


def _tag(line: str) -> str:
    return "ul" if BULLET.match(line) else "ol" if NUMBER.match(line) else "p"


def _run(tag: str, lines: list[str]) -> str:
    if tag == "p":
        return "<p>" + "<br>".join(linked(line) for line in lines) + "</p>"
    mark = BULLET if tag == "ul" else NUMBER
    return f"<{tag}>" + "".join(f"<li>{linked(mark.sub('', line))}</li>" for line in lines) + f"</{tag}>"


def linked(text: str) -> str:
    """Escaped text with its bare addresses as links."""
    parts = re.split(f"({URL.pattern})", text)
    return "".join(link(part, part) if at % 2 else escape(part) for at, part in enumerate(parts))


def link(label: str, url: str) -> str:
    """A labelled link, or the escaped label alone where the address is not safe."""
    shown = escape(label or url)
    return f'<a href="{escape(url)}" rel="nofollow noopener">{shown}</a>' if safe_url(url) else shown


def to_mrkdwn(text: str) -> str:
    """Slack's mrkdwn of plain text: control characters escaped, so nobody is mentioned and nothing is hidden."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "\n".join(BULLET.sub("• ", line) for line in safe.split("\n"))


def from_mrkdwn(text: str) -> str:
    """Plain text of Slack's mrkdwn: `<url|label>` as `label (url)`, mentions and channels by their names."""
    text = re.sub(r"<(https?://[^|>]+)\|([^>]+)>", r"\2 (\1)", text)
    text = re.sub(r"<(https?://[^>]+)>", r"\1", text)
    text = re.sub(r"<mailto:[^|>]+\|([^>]+)>", r"\1", text)
    text = re.sub(r"<([@#!])[^|>]*\|([^>]+)>", r"\1\2", text)
    text = re.sub(r"<([@#!][^>]+)>", r"\1", text)
    return tidy(unescape(re.sub(r"^• ", "- ", text, flags=re.M)))
