"""Block Kit as the fake Slack takes it and shows it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape
from typing import Any

from bot.ports import StageButton, StageModal
from bot.text.markup import from_mrkdwn, to_html

Block = dict[str, Any]
LONGEST = {"header": 150, "section": 3000, "context": 2000, "actions": 75, "input": 2000}  # characters of a text
LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>|<([@#!][^>]+)>")


def message_problem(blocks: Sequence[Block]) -> str:
    """The error code that Slack answers, "" for none."""
    if sum(len(t) for b in blocks for t in _texts(b)) > 13_200:
        return "msg_blocks_too_long"
    return "" if len(blocks) <= 50 and all(_fits(b) for b in blocks) else "invalid_blocks"


def view_problem(view: Block) -> str:
    """The error code that Slack answers to a modal, "" for none."""
    blocks = view.get("blocks", [])
    titles = [view[k]["text"] for k in ("title", "submit", "close") if k in view]
    short = len(view.get("private_metadata", "")) <= 3000 and all(0 < len(t) <= 24 for t in titles)
    fine = short and 0 < len(blocks) <= 100 and all(_fits(b) for b in blocks)
    return "" if fine else "invalid_arguments"


def _fits(block: Block) -> bool:
    """Slack's limits, as far as what we send could break them."""
    parts: list[Block] = block.get("fields") or block.get("elements") or []
    most = 2000 if "fields" in block else LONGEST[block["type"]]
    held = [p.get("value", "") for p in parts]
    typed = len(block.get("element", {}).get("initial_value", "")) <= 3000
    sized = all(0 < len(t) <= most for t in _texts(block))
    return len(parts) <= 10 and typed and sized and all(len(v) <= 2000 for v in held)


def _texts(block: Block) -> list[str]:
    own = [block[k] for k in ("text", "label") if k in block]
    buttons = [e["text"] if block["type"] == "actions" else e for e in block.get("elements", [])]
    return [t["text"] for t in (*own, *block.get("fields", []), *buttons)]


def html(message: Block) -> str:
    """Safe HTML of a message: its blocks, or its text where it has none."""
    blocks = message.get("blocks")
    return "".join(_html(b) for b in blocks) if blocks else _words(message.get("text", ""))


@lru_cache(maxsize=8192)
def _words(text: str) -> str:
    return to_html(from_mrkdwn(text))


def _html(block: Block) -> str:
    if block["type"] == "header":
        return f"<h4>{escape(block['text']['text'])}</h4>"
    if block["type"] == "section":
        fields = "".join(f"<div>{mrkdwn(f['text'])}</div>" for f in block.get("fields", []))
        return f'<div class="facts">{fields}</div>' if fields else f"<p>{mrkdwn(block['text']['text'])}</p>"
    if block["type"] == "context":
        return f'<p class="sources">{" · ".join(mrkdwn(e["text"]) for e in block["elements"])}</p>'
    return ""


def mrkdwn(text: str) -> str:
    """Safe HTML of mrkdwn; a mention that really is one is marked."""
    out, end = [], 0
    for match in LINK.finditer(text):
        out.append(_plain(text[end : match.start()]))
        url, label, mention = match.groups()
        name = escape(unescape(label or url or mention))
        link = f'<a href="{escape(unescape(url or ""))}" rel="nofollow noopener">{name}</a>'
        out.append(link if url else f"<mark>{name}</mark>")
        end = match.end()
    return "".join(out) + _plain(text[end:])


def _plain(text: str) -> str:
    safe = escape(unescape(text))
    safe = re.sub(r"(?m)(^|\s)\*(\S(?:.*?\S)?)\*(?=\s|$)", r"\1<strong>\2</strong>", safe)
    return re.sub(r"(?m)(^|\s)~(\S(?:.*?\S)?)~(?=\s|$)", r"\1<del>\2</del>", safe).replace("\n", "<br>")


def buttons(message: Block) -> tuple[StageButton, ...]:
    """The buttons under a message."""
    found = [e for b in message.get("blocks", []) if b["type"] == "actions" for e in b["elements"]]
    return tuple(StageButton(e["action_id"], e["text"]["text"], e["value"], e.get("style", "")) for e in found)


def stage_modal(view: Block) -> StageModal:
    """A modal as the sandbox shows it."""
    inputs = [b for b in view["blocks"] if b["type"] == "input"]
    selects = [b for b in inputs if b["element"]["type"] == "static_select"]
    return StageModal(
        id=view["id"],
        title=view["title"]["text"],
        submit=view.get("submit", {}).get("text", ""),
        fields=tuple(
            (b["block_id"], b["label"]["text"], initial(b["element"]), bool(b["element"].get("multiline")))
            for b in inputs
        ),
        choices=tuple((b["block_id"], tuple(o["value"] for o in b["element"]["options"])) for b in selects),
    )


def initial(element: Block) -> str:
    """What an input holds before anybody types."""
    return str(element.get("initial_value") or element.get("initial_option", {}).get("value", ""))


def state(view: Block, values: dict[str, str]) -> Block:
    """`view.state` as Slack posts it; what was not touched keeps its first value."""
    held: Block = {}
    for block in (b for b in view["blocks"] if b["type"] == "input"):
        element = block["element"]
        value = values.get(block["block_id"], initial(element))
        typed: Block = {"type": element["type"], "value": value or None}
        if element["type"] == "static_select":
            options = {o["value"]: o for o in element["options"]}
            typed = {"type": element["type"], "selected_option": options[value]}
        held[block["block_id"]] = {element["action_id"]: typed}
    return {"values": held}


def missing(view: Block, values: dict[str, str]) -> bool:
    """Is a required input empty? Slack's own client does not send it then."""
    required = (b for b in view["blocks"] if b["type"] == "input" and not b.get("optional"))
    return any(not values.get(b["block_id"], initial(b["element"])).strip() for b in required)
