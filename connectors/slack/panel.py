"""Buttons and modals: what Slack wants answered within three seconds."""

import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bot.model import Verdict, VerdictKind
from bot.ports import Received, Views
from bot.text.markup import to_mrkdwn
from connectors.http import shape
from connectors.slack.blocks import INPUT, Block, pieces, plain, shorten
from connectors.slack.shapes import Shape
from connectors.slack.web import Web

if TYPE_CHECKING:
    from slack_bolt import Ack, App, BoltContext

EMPTY = "Write the answer, or close this and reject the card."
REASONS = ("Something in it is wrong", "Out of date", "Holds for one case only", "We know this already", "Other")
PARTS = 10  # of an answer longer than one input takes


class Id(Shape):
    """Something with an id; `team_id` is the user's home workspace, also in a shared channel."""

    id: str
    team_id: str = ""


class Action(Shape):
    """The button pressed."""

    action_id: str
    value: str = ""
    action_ts: str = ""


class Input(Shape):
    """What a modal's input holds."""

    value: str = ""
    selected_option: dict[str, Any] = Field(default_factory=dict)


class View(Shape):
    """A submitted modal; `private_metadata` is the card's token, `state` has `values` by block and action."""

    id: str
    hash: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, dict[str, dict[str, Input]]] = Field(default_factory=dict)

    def value(self, block: str) -> str:
        """What was typed or chosen there, "" for nothing."""
        typed = self.state.get("values", {}).get(block, {}).get("value", Input())
        return typed.value or str(typed.selected_option.get("value", ""))


class Interaction(Shape):
    """What Slack posts when someone presses or submits."""

    type: str
    user: Id
    team: Id | None = None
    channel: Id | None = None
    trigger_id: str = ""
    actions: tuple[Action, ...] = ()
    view: View | None = None


def listen(app: "App", web: Web) -> None:
    """Register what Bolt calls; each leaves `received` in the request's context when there is a verdict."""

    def pressed(ack: "Ack", body: dict[str, Any], context: "BoltContext") -> None:
        ack()
        _pressed(shape(Interaction, body, "slack"), web, context)

    def submitted(ack: "Ack", body: dict[str, Any], context: "BoltContext") -> None:
        ack(**_submitted(shape(Interaction, body, "slack"), context))

    app.action(re.compile("^(accept|edit|reject)$"))(pressed)
    app.view(re.compile("^(edit|reject)$"))(submitted)


def _pressed(asked: Interaction, web: Web, context: "BoltContext") -> None:
    action, views = asked.actions[0], context["views"]
    token, verdict = action.value, _verdict(asked, VerdictKind(action.action_id), action.value, context["at"])
    why = views.refusal(verdict)
    if why:
        channel = asked.channel.id if asked.channel else asked.user.id
        web.ask("chat.postEphemeral", channel=channel, user=asked.user.id, text=to_mrkdwn(why))
    elif verdict.kind is VerdictKind.ACCEPT:
        context["received"] = Received(_once(asked, token, action.action_ts), verdicts=(verdict,))
    else:
        view = edit_modal(token, views) if verdict.kind is VerdictKind.EDIT else reject_modal(token)
        web.ask("views.open", trigger_id=asked.trigger_id, view=view)


def _submitted(asked: Interaction, context: "BoltContext") -> dict[str, Any]:
    """The answer to a submitted modal: an empty one closes it."""
    view = asked.view or View(id="")
    token, at, kind = view.private_metadata, context["at"], VerdictKind(view.callback_id)
    verdict = _verdict(asked, kind, token, at, **(_edited(view) if kind is VerdictKind.EDIT else _rejected(view)))
    if kind is VerdictKind.EDIT and not verdict.text:
        return {"response_action": "errors", "errors": {"answer0": EMPTY}}
    why = context["views"].refusal(verdict)
    if why:
        return {"response_action": "update", "view": _said(why)}
    context["received"] = Received(_once(asked, token, f"{view.id} {view.hash}"), verdicts=(verdict,))
    return {}


def _edited(view: View) -> dict[str, str]:
    parts = (view.value(f"answer{i}") for i in range(PARTS))
    return {"text": "\n".join(p for p in parts if p).strip(), "question": view.value("question").strip()}


def _rejected(view: View) -> dict[str, str]:
    return {"reason": ": ".join(r for r in (view.value("reason"), view.value("more").strip()) if r)}


def _verdict(asked: Interaction, kind: VerdictKind, token: str, at: datetime, **words: str) -> Verdict:
    home = asked.user.team_id or (asked.team.id if asked.team else "")
    return Verdict(kind, token, f"slack:{asked.user.id}", at, workspace=home, **words)


def _once(asked: Interaction, token: str, what: str) -> str:
    """Slack gives a press no id: what was pressed, when, by whom and on what is its identity."""
    return "press-" + hashlib.sha256("\n".join((asked.type, what, asked.user.id, token)).encode()).hexdigest()


def edit_modal(token: str, views: Views) -> Block:
    """The proposal's question and answer, or the draft under its question, to be changed."""
    proposal = views.proposal(token)
    question, text = proposal or views.draft(token) or ("", "")
    if proposal:
        asked = _input("question", "Question", question)
    else:
        asked = {"type": "section", "text": plain(shorten(question, INPUT) or "…")}
    parts = list(pieces(text, INPUT))[:PARTS]
    inputs = [_input(f"answer{i}", "Answer, continued" if i else "Answer", part) for i, part in enumerate(parts)]
    return _modal("edit", "Edit and approve", "Approve", token, [asked, *inputs])


def reject_modal(token: str) -> Block:
    """Why not: one of a few reasons, and words if there are any."""
    options = [{"text": plain(r), "value": r} for r in REASONS]
    select = {"type": "static_select", "action_id": "value", "options": options, "initial_option": options[0]}
    reason = {"type": "input", "block_id": "reason", "label": plain("Reason"), "element": select}
    more = _input("more", "In your words", "") | {"optional": True}
    return _modal("reject", "Reject", "Reject", token, [reason, more])


def _modal(kind: str, title: str, submit: str, token: str, blocks: list[Block]) -> Block:
    words = {"title": plain(title), "submit": plain(submit), "close": plain("Cancel")}
    return {"type": "modal", "callback_id": kind, "private_metadata": token, "blocks": blocks, **words}


def _said(why: str) -> Block:
    words = [{"type": "section", "text": plain(why)}]
    return {"type": "modal", "title": plain("Not done"), "close": plain("Close"), "blocks": words}


def _input(id: str, label: str, value: str) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": "value", "multiline": True, "max_length": INPUT}
    if value:
        element["initial_value"] = value[:INPUT]
    return {"type": "input", "block_id": id, "label": plain(label), "element": element}
