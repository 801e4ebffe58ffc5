"""What Bolt does for us: it tells events, presses and modals apart, and we answer each within three seconds."""

import hashlib
import logging
import re
from dataclasses import replace
from functools import cache
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError

from bot.errors import Forged, Malformed
from bot.model import ON_PAIRS, Ref, Verdict, VerdictKind
from bot.ports import Received, Reply
from bot.text.markup import to_mrkdwn
from connectors.http import mended
from connectors.slack.blocks import edit_modal, notice, reject_modal
from connectors.slack.shapes import SPOKEN, Event, Interaction, read

RINGS = SPOKEN | {"message_changed", "message_deleted", "message_replied"}
EMPTY = "Write the answer, or close this and reject the card."


def dispatch(team: str, body: str, **context: object) -> Received:
    """Whoever listens leaves `received` in the context; what Slack is answered is Bolt's."""
    try:
        request = BoltRequest(body=body, headers={"content-type": "application/json"}, context=context)
        answer = bolt(team).dispatch(request)
    except (TypeError, AttributeError, LookupError) as err:  # Bolt looks into it before our shapes do
        raise Malformed(f"slack: {type(err).__name__}: not what Slack sends") from err
    received: Received = request.context.get("received", Received(""))
    return replace(received, reply=Reply(answer.status, answer.body, answer.first_headers()["content-type"]))


@cache
def bolt(team: str) -> App:
    """Bolt without what would do I/O in `receive` or hide from us: its verification, auth.test, self events."""

    def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        if team_id != team:
            raise Forged("the workspace is not ours")
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    log = logging.getLogger("slack_bolt")
    log.setLevel(logging.ERROR)  # it warns that it does not use SLACK_BOT_TOKEN, which is as it should be
    app = App(
        name="understudy",
        logger=log,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        raise_error_for_unhandled_request=True,
    )
    app.event("message")(heard)
    app.action(re.compile(f"^({'|'.join(VerdictKind)})$"))(pressed)
    app.view(re.compile("^(edit|reject)$"))(submitted)
    app.error(unheard)
    return app


def heard(event: dict[str, Any], body: dict[str, Any], context: BoltContext) -> None:
    """A message: its thread, where it was said on the support channel."""
    said = read(Event, event)
    ours, rings = said.channel == context["support"], said.subtype in RINGS
    refs = (Ref("slack", f"{said.channel}-{said.thread}"),) if ours and rings else ()
    unknown = f"message.{said.subtype}" if ours and not rings else ""
    context["received"] = Received(_id(body), refs, unknown=unknown)


def unheard(error: Exception, body: dict[str, Any], context: BoltContext) -> BoltResponse:
    """What nobody listens to is acknowledged and named, every other error is ours to answer."""
    if not isinstance(error, BoltUnhandledRequestError):
        raise error
    kind = body.get("event", {}).get("type") or body["type"]
    context["received"] = Received(_id(body), unknown=str(mended(kind)))
    return BoltResponse(status=200)


def _id(body: dict[str, Any]) -> str:
    return str(mended(body.get("event_id", "")))


def pressed(ack: Ack, context: BoltContext) -> None:
    """A button: a verdict, a modal that asks for one, or why neither."""
    ack()
    asked, web, views = context["asked"], context["web"], context["views"]
    if asked.channel != context["review"]:
        raise Forged("a button was pressed elsewhere than on the review channel")
    verdict = _verdict(context)
    why = views.refusal(verdict)
    if why:
        web.ask("chat.postEphemeral", channel=asked.channel, user=asked.user, text=to_mrkdwn(why))
    elif verdict.kind in (VerdictKind.ACCEPT, *ON_PAIRS):
        context["received"] = _once(asked, verdict)
    else:
        view = edit_modal(asked.token, views) if verdict.kind is VerdictKind.EDIT else reject_modal(asked.token)
        web.ask("views.open", trigger_id=asked.trigger_id, view=view)


def submitted(ack: Ack, context: BoltContext) -> None:
    """A modal: an empty answer closes it."""
    asked, verdict = context["asked"], _verdict(context)
    why = context["views"].refusal(verdict)
    if verdict.kind is VerdictKind.EDIT and not verdict.text:
        ack(response_action="errors", errors={"answer0": EMPTY})
    elif why:
        ack(response_action="update", view=notice(why))
    else:
        ack()
        context["received"] = _once(asked, verdict)


def _verdict(context: BoltContext) -> Verdict:
    """Slack is asked who pressed each time, since people leave; while it does not say, nothing is decided."""
    asked, team = context["asked"], context.team_id or ""
    ours = asked.workspace == team and context["web"].look_up(asked.user).works_at(team)
    verdict: Verdict = asked.verdict(context["at"], stranger=not ours)
    return verdict


def _once(asked: Interaction, verdict: Verdict) -> Received:
    """Slack gives a press no id: what was pressed, when, by whom and on what is its identity."""
    identity = "\n".join((asked.type, asked.kind, asked.stamp, asked.user, asked.token))
    return Received("press-" + hashlib.sha256(identity.encode()).hexdigest(), verdicts=(verdict,))
