"""How a delivery, a modal and its inputs look in Slack: Block Kit of plain values, within Slack's limits."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from bot.model import Button, Delivery, VerdictKind
from bot.ports import Views
from bot.text.links import unlinked
from bot.text.markup import mrkdwn_of, safe_url, to_mrkdwn

Block = dict[str, Any]

HEADER = 150  # characters, as all below
PIECE = 3000  # of a section or an input
TEXT = 2 * PIECE  # with everything else full, a card stays under the 13,200 that Slack takes (undocumented)
FACTS = 10
FACT = 300
SOURCES = 8
PARTS = 10  # of an answer longer than one input takes
SENTENCES = 150  # compared; repetitive texts cost the square of it
CUT = "… (shortened)"
TOO_LONG = "An answer of {:,} characters cannot be edited here without losing its end. Use it as it is, or reject it."
OWN_WORDS = (
    "Unchanged, it is live at once. Words that you change are yours alone, so they wait for another lead's approval; "
    "in a team whose policy is that of one lead, they are live at once, too."
)
CUTS = {"\n": "-line", " ": "-blank"}
STYLES = {VerdictKind.ACCEPT: "primary", VerdictKind.REJECT: "danger"}
SENTENCE = re.compile(r"\n+|(?<=[.!?])\s+")
REASONS = ("Something in it is wrong", "Out of date", "Holds for one case only", "We know this already", "Other")


def card(delivery: Delivery) -> list[Block]:
    """Title, facts, text (or what it changes), sources, buttons; Slack takes no empty block."""
    changed = delivery.before and diff(delivery.before, unlinked(delivery.text, delivery.hosts))
    text = changed or mrkdwn_of(delivery)
    blocks: tuple[tuple[str, str, Any], ...] = (
        ("header", "text", delivery.title and plain(shorten(delivery.title, HEADER))),
        ("section", "fields", [_fact(*fact) for fact in delivery.facts[:FACTS]]),
        *(("section", "text", mrkdwn(p)) for _, p in pieces(shorten(text, TEXT), PIECE) if p.strip()),
        ("context", "elements", [mrkdwn(_source(*source)) for source in delivery.sources[:SOURCES]]),
        ("actions", "elements", [_button(button) for button in delivery.buttons]),
    )
    return [{"type": kind, key: value} for kind, key, value in blocks if value]


def edit_modal(token: str, views: Views) -> Block:
    """The proposal's question and answer, or the draft under its question, to be changed."""
    question, text, proposal = views.shown(token) or ("", "", False)
    about: Block = {"type": "section", "text": plain(shorten(question, PIECE) or "…")}
    asked = _written("question", "Question", question) if proposal and len(question) <= PIECE else about
    parts = list(pieces(text, PIECE))
    if len(parts) > PARTS:
        return notice(TOO_LONG.format(len(text)))
    answer = [_part(i, *part) for i, part in enumerate(parts)]
    then: Block = {"type": "context", "elements": [plain(OWN_WORDS)]}
    return _modal("edit", "Edit and approve", "Approve", token, [asked, *answer, *([then] if proposal else [])])


def reject_modal(token: str) -> Block:
    """Why not: one of a few reasons, and words if there are any."""
    options = [{"text": plain(r), "value": r} for r in REASONS]
    reason = _input("reason", "Reason", {"type": "static_select", "options": options, "initial_option": options[0]})
    more = _written("more", "In your words", "") | {"optional": True}
    return _modal("reject", "Reject", "Reject", token, [reason, more])


def notice(why: str) -> Block:
    """A modal that only says so."""
    said = {"type": "section", "text": plain(why)}
    return {"type": "modal", "title": plain("Not done"), "close": plain("Close"), "blocks": [said]}


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


def pieces(text: str, size: int) -> Iterator[tuple[str, str]]:
    """(what was cut out before it, piece of at most `size`): a line end where it can, else a blank, else nothing.
    Put together in this order they are the text."""
    cut = ""
    while len(text) > size:
        end = max(text.rfind("\n", 1, size), 0) or max(text.rfind(" ", 1, size), 0) or size
        yield cut, text[:end]
        cut = text[end] if text[end] in CUTS else ""
        text = text[end + len(cut) :]
    yield cut, text


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
    look = {"style": STYLES[button.verdict]} if button.verdict in STYLES else {}
    text = plain(shorten(button.label, 75))
    return {"type": "button", "action_id": button.verdict.value, "value": button.value, "text": text, **look}


def _modal(kind: str, title: str, submit: str, token: str, blocks: list[Block]) -> Block:
    words = {"title": plain(title), "submit": plain(submit), "close": plain("Cancel")}
    return {"type": "modal", "callback_id": kind, "private_metadata": token, "blocks": blocks, **words}


def _written(id: str, label: str, value: str) -> Block:
    holds = {"initial_value": value[:PIECE]} if value else {}
    return _input(id, label, {"type": "plain_text_input", "multiline": True, "max_length": PIECE, **holds})


def _part(number: int, cut: str, text: str) -> Block:
    """A piece of the answer; what was cut out before it stands at the end of its id."""
    return _written(f"answer{number}{CUTS.get(cut, '')}", "Answer, continued" if number else "Answer", text)


def _input(id: str, label: str, element: Block) -> Block:
    return {"type": "input", "block_id": id, "label": plain(label), "element": {"action_id": "value", **element}}
