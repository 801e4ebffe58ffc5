"""Who is signed in: a secret in a signed cookie, and a row that says whose it is, until when, and that ends once."""

import secrets
from datetime import datetime, timedelta

from flask import Flask, g
from flask import session as cookie
from sqlalchemy import Connection

from bot.line import Line
from bot.model import Person
from bot.passwords import sealed
from bot.store import audit, people, reviews

LIVES = timedelta(hours=12)


def keep(app: Flask, secret: bytes, previous: bytes, *, secure: bool) -> None:
    """How the cookie is kept. Without `secure` (on this machine alone) it may travel over http."""
    app.secret_key = secret
    app.config.update(SECRET_KEY_FALLBACKS=[previous] if previous else None)
    name = "__Host-understudy" if secure else "understudy"
    app.config.update(SESSION_COOKIE_NAME=name, SESSION_COOKIE_SECURE=secure, SESSION_COOKIE_SAMESITE="Lax")
    app.config.update(SESSION_COOKIE_HTTPONLY=True, PERMANENT_SESSION_LIFETIME=LIVES)


def begin(conn: Connection, who: Person, via: str, now: datetime) -> None:
    """Sign in here, under a new secret: whatever this browser held before is worth nothing any more."""
    key = secrets.token_urlsafe(32)
    reviews.add_nonce(conn, sealed(key), f"session:{who.id}", "", now + LIVES)
    audit.record(conn, now, who.id, "signed in", f"session:{who.id}", via=via)
    cookie.clear()
    cookie.permanent = True
    cookie["key"] = key


def end(conn: Connection, who: Person, now: datetime) -> None:
    """Sign out here: the cookie is worth nothing, even to somebody who has copied it."""
    reviews.use_nonce(conn, sealed(cookie["key"]), who.id, now)
    audit.record(conn, now, who.id, "signed out", f"session:{who.id}")
    cookie.clear()


def whose(line: Line) -> Person | None:
    """Who sends this request: still on the team, and with the role of this moment; None for a stranger."""
    if "key" not in cookie:
        return None
    with line.store.read() as conn:
        row = reviews.get_nonce(conn, sealed(cookie["key"]))
        if row is None or row[3] or line.now() >= row[2]:
            return None
        return people.person_of(conn, row[0].removeprefix("session:"))


def person() -> Person | None:
    """Who sends the request at hand, as the guard found out."""
    found: Person | None = g.get("person")
    return found


def token() -> str:
    """What this session's forms carry."""
    made: str = cookie.setdefault("token", secrets.token_urlsafe(16))
    return made
