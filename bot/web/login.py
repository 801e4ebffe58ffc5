"""Signing in and out: by the company's own provider, or with a password that works once."""

import hashlib
import logging
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response as Answer

from bot import passwords
from bot.errors import Forged, Unavailable
from bot.line import Line
from bot.store import logins, people
from bot.web import session
from bot.web.guard import halt, signed_in

if TYPE_CHECKING:
    from bot.web.oidc import Provider

log = logging.getLogger(__name__)
WRONG = "That is not the password of this address, or it was used already. Each works once, for a day."
SLOWLY = f"Too many tries. Wait {logins.WINDOW.seconds // 60} minutes."


def routes(made: Blueprint, line: Line, provider: "Provider | None") -> None:
    """`/login` and `/logout`."""
    made.get("/login", endpoint="login")(lambda: _page(provider))
    made.post("/login", endpoint="password")(partial(_password, line, provider))
    made.post("/logout", endpoint="logout")(partial(_logout, line))
    made.get("/login/begin", endpoint="begin")(partial(_begin, provider))
    made.get("/login/back", endpoint="back")(partial(_back, line, provider))


def _page(provider: "Provider | None", status: int = 200, wrong: str = "") -> Response:
    page = render_template("login.html", provider=provider, wrong=wrong, form=request.values)
    return make_response(page, status)


def _address() -> str:
    return f"address:{request.remote_addr}"


def _password(line: Line, provider: "Provider | None") -> Response:
    email, password = (request.form.get(name, "").strip() for name in ("email", "password"))
    tries = [_address(), f"account:{hashlib.sha256(email.lower().encode()).hexdigest()}"]
    if not _may_try(line, tries):
        return _page(provider, 429, SLOWLY)
    with line.store.write() as conn:
        who, onwards = passwords.take(conn, email, password, line.now()), _onwards()
        if who:
            logins.forgive(conn, tries)
            session.begin(conn, who, "password", line.now())
    if who is None:
        log.info("login refused", extra={"via": "password"})
        return _page(provider, 401, WRONG)
    return onwards


def _may_try(line: Line, tries: list[str]) -> bool:
    """Count it. One that is refused only reads: a flood of them keeps nobody from writing."""
    with line.store.read() as conn:
        if logins.spent(conn, tries, line.now()):
            return False
    with line.store.write() as conn:
        return logins.count(conn, tries, line.now())


def _onwards() -> Response:
    """To the page that was asked for before."""
    return make_response(redirect(cookie.get("next") or url_for("pages.front"), 303))


def _begin(provider: "Provider | None") -> Answer:
    if provider is None:
        return redirect(url_for("pages.login"), 303)
    try:
        return provider.begin()
    except (Forged, Unavailable) as err:
        _failed(err)


def _back(line: Line, provider: "Provider | None") -> Answer:
    if provider is None:
        return redirect(url_for("pages.login"), 303)
    if not provider.awaited(request.args.get("state", "")):  # nor counted: any site can have anybody open this page
        _failed(Forged("this browser has not begun to sign in, or came back already"))
    if not _may_try(line, [_address()]):
        halt(429, "Slowly", SLOWLY)
    try:
        email = provider.email()
    except (Forged, Unavailable) as err:
        _failed(err)
    with line.store.write() as conn:
        who, onwards = people.by_email(conn, email), _onwards()
        if who:
            logins.forgive(conn, [_address()])
            session.begin(conn, who, "oidc", line.now())
    if who is None:
        log.info("login refused", extra={"via": "oidc"})
        halt(403, "Not on the team", f"{email} is not on the team. Ask an admin for `app.py person {email}`, and sign "
             "in again.")  # fmt: skip
    return onwards


def _failed(err: Exception) -> NoReturn:
    log.warning("login failed", extra={"via": "oidc", "error": str(err)})
    again = "Go back to the login page and start again."
    halt(503 if isinstance(err, Unavailable) else 403, "Not signed in", f"{str(err).capitalize()}. {again}")


def _logout(line: Line) -> Response:
    with line.store.write() as conn:
        session.end(conn, signed_in(), line.now())
    return make_response(redirect(url_for("pages.login"), 303))
