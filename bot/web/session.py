"""Who is signed in: a secret in a signed cookie, and a row that says whose it is, until when, and that ends once."""

import hashlib
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Flask, g
from flask import session as cookie
from sqlalchemy import Connection

from bot.line import Line
from bot.model import Person
from bot.store import audit, people, reviews

LIVES = timedelta(hours=12)
PASSWORD_LIVES = timedelta(hours=24)


def keep(app: Flask, secret: bytes, *, secure: bool) -> None:
    """How the cookie is kept. Without `secure` (on this machine alone) it may travel over http."""
    app.secret_key = secret
    name = "__Host-understudy" if secure else "understudy"
    app.config.update(SESSION_COOKIE_NAME=name, SESSION_COOKIE_SECURE=secure, SESSION_COOKIE_SAMESITE="Lax")
    app.config.update(SESSION_COOKIE_HTTPONLY=True, PERMANENT_SESSION_LIFETIME=LIVES)


def begin(conn: Connection, who: Person, via: str, now: datetime) -> None:
    """Sign in here, under a new secret: whatever this browser held before is worth nothing any more."""
    key = secrets.token_urlsafe(32)
    reviews.add_nonce(conn, _sealed(key), f"session:{who.id}", "", now + LIVES)
    audit.record(conn, now, who.id, "signed in", f"session:{who.id}", via=via)
    cookie.clear()
    cookie.permanent = True
    cookie["key"] = key


def end(conn: Connection, who: Person, now: datetime) -> None:
    """Sign out here: the cookie is worth nothing, even to somebody who has copied it."""
    reviews.use_nonce(conn, _sealed(cookie["key"]), who.id, now)
    audit.record(conn, now, who.id, "signed out", f"session:{who.id}")
    cookie.clear()


def whose(line: Line) -> Person | None:
    """Who sends this request: still on the team, and with the role of this moment; None for a stranger."""
    if "key" not in cookie:
        return None
    with line.store.read() as conn:
        row = reviews.get_nonce(conn, _sealed(cookie["key"]))
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


def give_password(conn: Connection, who: Person, by: str, now: datetime) -> str:
    """A password that signs `who` in once; those given before it are worth nothing any more."""
    made = secrets.token_urlsafe(12)
    reviews.close_nonces(conn, f"password:{who.id}", by, now)
    reviews.add_nonce(conn, _sealed(made), f"password:{who.id}", "", now + PASSWORD_LIVES)
    audit.record(conn, now, by, "password given", who.id)
    return made


def invitation(url: str, who: Person, password: str) -> str:
    """What to tell them. Opening the link fills in the form; pressing the button signs in."""
    link = f"{url}/login?{urlencode({'email': who.email, 'password': password})}"
    hours = PASSWORD_LIVES // timedelta(hours=1)
    return f"{who.email} ({who.role}) signs in once within {hours} hours, with\npassword: {password}\nor at {link}"


def take_password(conn: Connection, email: str, password: str, now: datetime) -> Person | None:
    """Whose password it was, which it is no longer; None when it is nobody's of this address."""
    who, key = people.by_email(conn, email), _sealed(password)
    row = reviews.get_nonce(conn, key)
    if who is None or row is None or row[0] != f"password:{who.id}":
        return None
    return who if reviews.use_nonce(conn, key, who.id, now) else None


def _sealed(secret: str) -> str:
    """What the database knows of a secret: enough to recognise it, too little to use it."""
    return hashlib.sha256(secret.encode()).hexdigest()
