"""Buttons and modals: what Slack wants answered within three seconds."""

import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bot.model import Verdict, VerdictKind
from bot.ports import Received, Views
from connectors.http import shape
from connectors.slack.blocks import INPUT, Block, mrkdwn, pieces, plain, shorten
from connectors.slack.shapes import Shape
from connectors.slack.web import Web

if TYPE_CHECKING:
    from slack_bolt import Ack, App, BoltContext

DECIDED = "This card was decided already, or it has expired. Nothing was changed."
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


class Chosen(Shape):
    """One option of a select."""

    value: str = ""


class Input(Shape):
    """What a modal's input holds."""

    value: str = ""
    selected_option: Chosen = Chosen()


class State(Shape):
    """What a modal's inputs hold, by block and action."""

    values: dict[str, dict[str, Input]] = Field(default_factory=dict)


class View(Shape):
    """A modal as it was submitted; `private_metadata` is the card's token."""

    id: str
    hash: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    state: State = State()

    def value(self, block: str) -> str:
        """What was typed or chosen there, "" for nothing."""
        typed = self.state.values.get(block, {}).get("value", Input())
        return (typed.value or typed.selected_option.value).strip()


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
    if not _known(views, action.value):
        channel = asked.channel.id if asked.channel else asked.user.id
        web.ask("chat.postEphemeral", channel=channel, user=asked.user.id, text=DECIDED)
    elif action.action_id == VerdictKind.ACCEPT:
        context["received"] = _verdict(asked, VerdictKind.ACCEPT, action.value, action.action_ts, context["at"])
    else:
        view = edit_modal(action.value, views) if action.action_id == VerdictKind.EDIT else reject_modal(action.value)
        web.ask("views.open", trigger_id=asked.trigger_id, view=view)


def _submitted(asked: Interaction, context: "BoltContext") -> dict[str, Any]:
    """The answer to a submitted modal: empty closes it."""
    view = asked.view or View(id="")
    token, once = view.private_metadata, f"{view.id} {view.hash}"
    if not _known(context["views"], token):
        return {"response_action": "update", "view": _modal("said", DECIDED)}
    if view.callback_id == VerdictKind.REJECT:
        reason = ": ".join(r for r in (view.value("reason"), view.value("more")) if r)
        context["received"] = _verdict(asked, VerdictKind.REJECT, token, once, context["at"], reason=reason)
        return {}
    parts = [view.value(_block(i)) for i in range(PARTS)]
    text = "\n".join(p for p in parts if p)
    if not text:
        return {"response_action": "errors", "errors": {_block(0): EMPTY}}
    context["received"] = _verdict(
        asked, VerdictKind.EDIT, token, once, context["at"], text=text, question=view.value("question")
    )
    return {}


def _known(views: Views, token: str) -> bool:
    return views.proposal(token) is not None or views.draft(token) is not None


def _verdict(asked: Interaction, kind: VerdictKind, token: str, once: str, at: datetime, **words: str) -> Received:
    """Slack gives a press no id: what was pressed, when, by whom and on what is its identity."""
    home = asked.user.team_id or (asked.team.id if asked.team else "")
    seal = hashlib.sha256("\n".join((asked.type, once, asked.user.id, token)).encode()).hexdigest()
    verdict = Verdict(kind, token, f"slack:{asked.user.id}", at, workspace=home, **words)
    return Received(f"press-{seal}", verdicts=(verdict,))


def edit_modal(token: str, views: Views) -> Block:
    """The proposal's question and answer, or the draft under its question, to be changed."""
    proposal = views.proposal(token)
    question, text = proposal or views.draft(token) or ("", "")
    about = mrkdwn(" ") if proposal else plain(shorten(question, INPUT) or "…")
    fields = [_input("question", "Question", question, long=False)] if proposal else []
    shown: list[Block] = [] if proposal else [{"type": "section", "text": about}]
    parts = list(pieces(text, INPUT))[:PARTS]
    fields += [
        _input(_block(i), "Answer" if i == 0 else "Answer, continued", p, long=True) for i, p in enumerate(parts)
    ]
    return _modal("edit", "", token, shown + fields)


def reject_modal(token: str) -> Block:
    """Why not: one of a few reasons, and words if there are any."""
    options = [{"text": plain(r), "value": r} for r in REASONS]
    select = {"type": "static_select", "action_id": "value", "options": options, "initial_option": options[0]}
    reason = {"type": "input", "block_id": "reason", "label": plain("Reason"), "element": select}
    more = _input("more", "In your words", "", long=True) | {"optional": True}
    return _modal("reject", "", token, [reason, more])


def _block(part: int) -> str:
    return f"answer{part}"


def _modal(kind: str, said: str, token: str = "", blocks: list[Block] | None = None) -> Block:
    title = {"edit": "Edit and approve", "reject": "Reject"}.get(kind, "Decided already")
    view: Block = {"type": "modal", "callback_id": kind, "title": plain(title), "private_metadata": token}
    if blocks is None:
        return {**view, "close": plain("Close"), "blocks": [{"type": "section", "text": plain(said)}]}
    return {**view, "submit": plain("Reject" if kind == "reject" else "Approve"), "blocks": blocks}


def _input(id: str, label: str, value: str, *, long: bool) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": "value", "multiline": long, "max_length": INPUT}
    if value:
        element["initial_value"] = value[:INPUT]
    return {"type": "input", "block_id": id, "label": plain(label), "element": element}
