"""Block Kit as the fake Slack takes it and shows it."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from bot.ports import StageButton, StageModal
from bot.text.markup import from_mrkdwn, to_html

Block = dict[str, Any]
MARKS = (  # in escaped mrkdwn; what its author had escaped comes last, so that it is no mark
    (r"&lt;(https?://[^|\s]+?)\|(.*?)&gt;", r'<a href="\1" rel="nofollow noopener">\2</a>'),
    (r"&lt;([@#!].*?)&gt;", r"<mark>\1</mark>"),  # a mention that really is one
    (r"(?m)(^|\s)\*(\S(?:.*?\S)?)\*(?=\s|$)", r"\1<strong>\2</strong>"),
    (r"(?m)(^|\s)~(\S(?:.*?\S)?)~(?=\s|$)", r"\1<del>\2</del>"),
    (r"&amp;(amp|lt|gt);", r"&\1;"),
    (r"\n", "<br>"),
)


def message_fits(blocks: Sequence[Block]) -> bool:
    """Would Slack take these blocks as a message?"""
    size = sum(map(len, _texts(blocks)))
    return not blocks or (len(blocks) <= 50 and size <= 13_200 and fits({"type": "home", "blocks": blocks}))


def fits(view: Block) -> bool:
    """Would Slack take this view? By the SDK's models, and what they do not check: how long texts are."""
    from slack_sdk.errors import SlackObjectFormationError  # noqa: PLC0415 - as in web.py
    from slack_sdk.models.views import View  # noqa: PLC0415

    try:
        View(**view).to_dict()
    except SlackObjectFormationError:
        return False
    return all(0 < len(text) <= 3000 for text in _texts(view))


def _texts(part: object) -> Iterator[str]:
    """Every text, and what an input holds at first."""
    if isinstance(part, dict):
        yield from (part[key] for key in ("text", "initial_value") if isinstance(part.get(key), str))
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _texts(inner)


def html(message: Block) -> str:
    """Safe HTML of a message: its blocks, or its text where it has none."""
    blocks = message.get("blocks")
    return "".join(_html(b) for b in blocks) if blocks else _words(message["text"])


@lru_cache(maxsize=8192)
def _words(text: str) -> str:
    return to_html(from_mrkdwn(text))


def _html(block: Block) -> str:
    if block["type"] == "header":
        return f"<h4>{escape(block['text']['text'])}</h4>"
    if block["type"] == "context":
        return f'<p class="sources">{" · ".join(mrkdwn(e["text"]) for e in block["elements"])}</p>'
    if "fields" in block:
        facts = "".join(f"<div>{mrkdwn(field['text'])}</div>" for field in block["fields"])
        return f'<div class="facts">{facts}</div>'
    return f"<p>{mrkdwn(block['text']['text'])}</p>" if "text" in block else ""


def mrkdwn(text: str) -> str:
    """Safe HTML of mrkdwn."""
    safe = escape(text)
    for mark, shown in MARKS:
        safe = re.sub(mark, shown, safe)
    return safe


def buttons(message: Block) -> tuple[StageButton, ...]:
    """The buttons under a message."""
    found = [e for b in message.get("blocks", []) if b["type"] == "actions" for e in b["elements"]]
    return tuple(StageButton(e["action_id"], e["text"]["text"], e["value"], e.get("style", "")) for e in found)


def stage_modal(view: Block) -> StageModal:
    """A modal as the sandbox shows it."""
    elements = [(b["block_id"], b["label"]["text"], b["element"]) for b in _inputs(view)]
    return StageModal(
        id=view["id"],
        title=view["title"]["text"],
        submit=view.get("submit", {}).get("text", ""),
        fields=tuple((name, label, _initial(e), "multiline" in e) for name, label, e in elements),
        choices=tuple((name, tuple(o["value"] for o in e["options"])) for name, _, e in elements if "options" in e),
    )


def state(view: Block, values: dict[str, str]) -> Block | None:
    """`view.state` as Slack posts it: what was not touched keeps its first value.

    None while a required input is empty: Slack's own client does not send it then.
    """
    held: Block = {}
    for block in _inputs(view):
        element = block["element"]
        value = values.get(block["block_id"], _initial(element))
        if not value.strip() and not block.get("optional"):
            return None
        chosen = [option for option in element.get("options", ()) if option["value"] == value]
        typed = {"selected_option": chosen[0]} if chosen else {"value": value or None}
        held[block["block_id"]] = {element["action_id"]: {"type": element["type"], **typed}}
    return {"values": held}


def _inputs(view: Block) -> list[Block]:
    return [block for block in view["blocks"] if block["type"] == "input"]


def _initial(element: Block) -> str:
    return str(element.get("initial_value") or element.get("initial_option", {}).get("value", ""))
