"""What every page of ours has: a strict content policy, and forms that only our own pages can send."""

from functools import partial
from typing import NoReturn
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import Unavailable

AWAY = (Unavailable, SQLAlchemyError)  # what the store raises when it cannot answer
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # a signed link must not travel on
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def guard(made: Blueprint, public_url: str) -> Blueprint:
    """Add the headers and the checks of how we are called and where a form comes from; returns the blueprint."""
    made.before_request(partial(_by_name, LOOPBACK | {urlsplit(public_url).hostname or ""}))
    made.before_request(partial(_from_here, urlsplit(public_url).netloc))
    made.after_request(_with_headers)
    for error in AWAY:
        made.register_error_handler(error, _away)
    return made


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


def _part(name: str, url: str) -> str:
    """The `hostname` or `netloc` of a URL, "" where it has none or cannot be read."""
    try:
        return getattr(urlsplit(url), name) or ""
    except ValueError:
        return ""


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
