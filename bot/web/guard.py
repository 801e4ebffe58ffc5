"""What every page of ours has: a strict content policy, whom it is for, and forms that only our own pages can send."""

from collections.abc import Mapping
from functools import partial
from hmac import compare_digest
from typing import NoReturn
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from bot.errors import Unavailable
from bot.line import Line
from bot.model import Person, PersonRole
from bot.settings import LOOPBACK
from bot.web import session

# What the store raises when it cannot answer; of a missing table PostgreSQL says that the statement is wrong
AWAY = (Unavailable, OperationalError, InterfaceError, ProgrammingError)
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # a signed link must not travel on
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
LOGIN = "pages.password"
Needs = Mapping[str, PersonRole | None]
NEEDS: Needs = {  # the least role for each page, None for everybody; what is not named here is closed
    "static": None,
    "pages.health": None,
    "pages.nowhere": None,
    "pages.draft": None,  # whoever has the signed link
    "pages.judge": None,
    "pages.login": None,
    LOGIN: None,
    "pages.begin": None,
    "pages.back": None,
    "pages.logout": PersonRole.AGENT,
    "pages.front": PersonRole.AGENT,
    "pages.audit": PersonRole.AGENT,
    "pages.knowledge": PersonRole.AGENT,
    "pages.entry": PersonRole.AGENT,
    "pages.pairs": PersonRole.AGENT,
    "pages.pair_settle": PersonRole.LEAD,
    "pages.entry_write": PersonRole.LEAD,
    "pages.entry_retire": PersonRole.LEAD,
    "pages.entry_restore": PersonRole.LEAD,
    "pages.control": PersonRole.AGENT,
    "pages.letters": PersonRole.AGENT,
    "pages.replay": PersonRole.LEAD,
    "pages.control_policy": PersonRole.LEAD,
    "pages.control_licence": PersonRole.LEAD,
    "pages.control_stop": PersonRole.LEAD,
    "pages.control_go": PersonRole.ADMIN,
}


def guard(app: Flask, line: Line, needs: Needs = NEEDS) -> None:
    """Have every request checked before anything else: how we are called, where a form comes from, who sends it."""
    url = urlsplit(line.links.public_url)
    session.keep(app, line.links.secret, line.links.previous, secure=url.scheme == "https")
    app.before_request(partial(_by_name, LOOPBACK | {url.hostname or ""}))
    app.before_request(partial(_from_here, url.netloc))
    app.before_request(partial(_admit, line, needs))
    app.before_request(_readable)
    app.after_request(_with_headers)
    app.context_processor(lambda: {"me": session.person(), "may": partial(_may, needs), "token": session.token})
    for error in AWAY:
        app.register_error_handler(error, _away)


def _by_name(ours: frozenset[str]) -> None:
    """A site may let its own name point at us (DNS rebinding), and its scripts then count as ours."""
    if request.path != "/health" and _part("hostname", f"//{request.headers.get('Host', '')}") not in ours:
        halt(403, "Not our name", "Open this page on the machine itself, or at the address in PUBLIC_URL.")


def _from_here(public: str) -> None:
    """A POST must name a page of ours that it comes from: as we are called by this request, or by PUBLIC_URL, since
    a proxy may rewrite the host. Every browser names one; another client sends `Origin` itself."""
    if request.method != "POST" or request.headers.get("Sec-Fetch-Site") == "same-origin":
        return
    source = request.headers.get("Origin") or request.headers.get("Referer", "")
    if _part("netloc", source) not in (request.host, public):
        halt(403, "Not from here", "This form was sent by another site, so nothing was done.")


def _readable() -> None:
    """PostgreSQL takes no NUL, and no browser sends one."""
    if any("\0" in text for text in (request.path, *request.values, *request.values.values())):
        halt(400, "Not text", "What was sent has characters in it that are no text, so nothing was done.")


def _part(name: str, url: str) -> str:
    """The `hostname` or `netloc` of a URL, "" where it has none or cannot be read."""
    try:
        return getattr(urlsplit(url), name) or ""
    except ValueError:
        return ""


def _admit(line: Line, needs: Needs) -> Response | None:
    """Let those in who may, and say to the others what to do."""
    if request.endpoint in (None, "static", "pages.health"):  # None: no page takes this method, as Flask says then
        return None
    if request.endpoint not in needs:
        halt(403, "Closed", "Nobody has said who may use this page.")
    g.person, need = session.whose(line), needs[request.endpoint]
    if need is not None and g.person is None:
        if request.method in ("GET", "HEAD"):
            cookie["next"] = request.full_path
            return make_response(redirect(url_for("pages.login"), 303))
        halt(401, "Sign in first", "You are not signed in any more, so nothing was done.")
    if not _may(needs, request.endpoint):
        halt(403, "Not yours to do", f"This takes the role {need}. Ask an admin: `app.py person {g.person.email}`.")
    if request.method == "POST" and (need is not None or request.endpoint == LOGIN):
        _from_this_session()
    return None


def _may(needs: Needs, endpoint: str) -> bool:
    """May the one who asks use this page? Each role includes those before it."""
    need, who, order = needs[endpoint], session.person(), list(PersonRole)
    return need is None or (who is not None and order.index(who.role) >= order.index(need))


def _from_this_session() -> None:
    """A form carries the token of the session that it was shown in."""
    known = cookie.get("token")
    if not known or not compare_digest(request.form.get("token", "").encode(), known.encode()):
        halt(403, "Too old", "You have signed in or out since this form was shown, so nothing was done. Load it again.")


def signed_in() -> Person:
    """Who asks, on a page that not everybody may use."""
    return session.person() or abort(401)


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _away(_: Exception) -> Response:
    return said(503, "Not now", "The database does not answer. Nothing was changed: try again in a moment.")


def halt(status: int, title: str, text: str) -> NoReturn:
    """End the request with a page in plain words."""
    abort(said(status, title, text))


def said(status: int, title: str, text: str) -> Response:
    """A page in plain words."""
    return make_response(render_template("said.html", title=title, text=text), status)
