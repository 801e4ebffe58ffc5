"""How a delivery looks in Slack: Block Kit of plain values, within Slack's limits."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from bot.model import Button, Delivery, VerdictKind
from bot.text.markup import safe_url, to_mrkdwn

Block = dict[str, Any]

HEADER = 150  # characters, as all below
SECTION = 3000
INPUT = 3000
TEXT = 2 * SECTION  # with everything else full, a card stays under the 13,200 that Slack takes (undocumented)
FACTS = 10
FACT = 300
SOURCES = 8
SENTENCES = 150  # compared; repetitive texts cost the square of it
CUT = "… (shortened)"
STYLES = {VerdictKind.ACCEPT: "primary", VerdictKind.REJECT: "danger"}
SENTENCE = re.compile(r"\n+|(?<=[.!?])\s+")


def card(delivery: Delivery) -> list[Block]:
    """Title, facts, text (or what it changes), sources, buttons."""
    text = diff(delivery.before, delivery.text) if delivery.before else to_mrkdwn(delivery.text)
    blocks: list[Block] = []
    if delivery.title:
        blocks.append({"type": "header", "text": plain(shorten(delivery.title, HEADER))})
    if delivery.facts:
        blocks.append({"type": "section", "fields": [_fact(*f) for f in delivery.facts[:FACTS]]})
    blocks += [{"type": "section", "text": mrkdwn(p)} for p in pieces(shorten(text, TEXT), SECTION) if p.strip()]
    if delivery.sources:
        blocks.append({"type": "context", "elements": [mrkdwn(_source(*s)) for s in delivery.sources[:SOURCES]]})
    if delivery.buttons:
        blocks.append({"type": "actions", "elements": [_button(b) for b in delivery.buttons]})
    return blocks


def plain(text: str) -> Block:
    """A plain_text object."""
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Block:
    """A mrkdwn object; whoever calls has escaped. `verbatim`: Slack links no names or channels of its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a blank where there is one, and it says so."""
    if len(text) <= limit:
        return text
    cut = text[: limit - len(CUT)]
    return (cut.rsplit(None, 1)[0] if re.search(r"\S\s", cut) else cut) + CUT


def pieces(text: str, size: int) -> Iterator[str]:
    """The text in pieces of at most `size`, cut at line ends where it can; joined with newlines they are the text."""
    while len(text) > size:
        end = max(text.rfind("\n", 1, size), 0) or max(text.rfind(" ", 1, size), 0)
        yield text[: end or size]
        text = text[end + 1 if end else size :]
    yield text


def diff(before: str, after: str) -> str:
    """mrkdwn with a line for each sentence: removed ones struck through, added ones bold."""
    old, new = _sentences(before), _sentences(after)
    lines: list[str] = []
    compared = SequenceMatcher(None, old[:SENTENCES], new[:SENTENCES], autojunk=False)
    for what, i, j, k, end in compared.get_opcodes():
        if what == "equal":
            lines += old[i:j]
        else:
            lines += [f"− ~{s}~" for s in old[i:j]] + [f"+ *{s}*" for s in new[k:end]]
    return "\n".join([*lines, CUT] if max(len(old), len(new)) > SENTENCES else lines)


def _sentences(text: str) -> list[str]:
    return [to_mrkdwn(s.strip()) for s in SENTENCE.split(text) if s.strip()]


def _fact(label: str, value: str) -> Block:
    return mrkdwn(shorten(f"*{to_mrkdwn(label)}*\n{to_mrkdwn(value)}", FACT))


def _source(title: str, url: str) -> str:
    name = to_mrkdwn(shorten(title, 100)).replace("|", "¦") or "source"
    if not safe_url(url) or len(url) > 200 or re.search(r"[\s<>|]", url):
        return name
    return f"<{url.replace('&', '&amp;')}|{name}>"


def _button(button: Button) -> Block:
    look: Block = {"type": "button", "action_id": button.verdict.value, "value": button.value}
    look["text"] = plain(shorten(button.label, 75))
    style = STYLES.get(button.verdict)
    return {**look, "style": style} if style else look
