"""Block Kit as the fake Slack takes it and shows it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape
from typing import Any

from bot.ports import StageButton, StageModal
from bot.text.markup import from_mrkdwn, to_html

Block = dict[str, Any]
LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>|<([@#!][^>]+)>")


def message_problem(blocks: Sequence[Block]) -> str:
    """The error code that Slack answers, "" for none."""
    if sum(len(t) for b in blocks for t in _texts(b)) > 13_200:
        return "msg_blocks_too_long"
    fine = len(blocks) <= 50 and all(_fits(b) for b in blocks)
    return "" if fine else "invalid_blocks"


def view_problem(view: Block) -> str:
    """The error code that Slack answers to a modal, "" for none."""
    blocks = view.get("blocks", [])
    titles = [view.get(k, {}).get("text", "") for k in ("title", "submit", "close")]
    ids = [b["block_id"] for b in blocks if "block_id" in b]
    fine = (
        titles[0]
        and all(len(t) <= 24 for t in titles)
        and len(view.get("private_metadata", "")) <= 3000
        and 0 < len(blocks) <= 100
        and len(set(ids)) == len(ids)
        and all(_fits(b) for b in blocks)
    )
    return "" if fine else "invalid_arguments"


def _fits(block: Block) -> bool:
    """Slack's limits, as far as what we send could break them."""
    kind = block["type"]
    if kind == "header":
        return _sized(block["text"], 150)
    if kind == "section":
        fields = block.get("fields", [])
        return len(fields) <= 10 and all(_sized(f, 2000) for f in fields) and (bool(fields) or _sized(block["text"]))
    if kind == "context":
        return len(block["elements"]) <= 10 and all(_sized(e, 2000) for e in block["elements"])
    if kind == "actions":
        names = [e["action_id"] for e in block["elements"]]
        return len(set(names)) == len(names) <= 25 and all(_button_fits(e) for e in block["elements"])
    return kind == "input" and len(block["element"].get("initial_value", "")) <= 3000 and _sized(block["label"], 2000)


def _sized(text: Block, most: int = 3000) -> bool:
    return 0 < len(text["text"]) <= most


def _button_fits(button: Block) -> bool:
    return _sized(button["text"], 75) and len(button["value"]) <= 2000


def _texts(block: Block) -> list[str]:
    holders = [block.get("text", {}), *block.get("fields", []), *block.get("elements", [])]
    return [t if isinstance(t, str) else t.get("text", "") for t in (h.get("text", "") for h in holders)]


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
        out.append(f'<a href="{escape(unescape(url))}" rel="nofollow noopener">{name}</a>' if url else _mark(name))
        end = match.end()
    return "".join(out) + _plain(text[end:])


def _mark(name: str) -> str:
    return f"<mark>{name}</mark>"


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


def said(view: Block) -> str:
    """The words of a modal without inputs."""
    return " ".join(b["text"]["text"] for b in view.get("blocks", []) if b["type"] == "section")
