"""Passwords that sign in once, and the end of whatever somebody is signed in with."""

import hashlib
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import Connection

from bot.model import Person
from bot.store import audit, people, reviews

LIVES = timedelta(hours=24)


def give(conn: Connection, who: Person, by: str, now: datetime) -> str:
    """A password that signs `who` in once; those given before it are worth nothing any more."""
    made = secrets.token_urlsafe(12)
    reviews.close_nonces(conn, f"password:{who.id}", by, now)
    reviews.add_nonce(conn, sealed(made), f"password:{who.id}", "", now + LIVES)
    audit.record(conn, now, by, "password given", who.id)
    return made


def take(conn: Connection, email: str, password: str, now: datetime) -> Person | None:
    """Whose password it was, which it is no longer; None when it is nobody's of this address."""
    who, key = people.by_email(conn, email), sealed(password)
    row = reviews.get_nonce(conn, key)
    if who is None or row is None or row[0] != f"password:{who.id}":
        return None
    return who if reviews.use_nonce(conn, key, who.id, now) else None


def shut_out(conn: Connection, who: Person, by: str, now: datetime) -> None:
    """Every session and password of theirs is worth nothing any more, also if they are added again."""
    for kind in ("session", "password"):
        reviews.close_nonces(conn, f"{kind}:{who.id}", by, now)


def invitation(url: str, who: Person, password: str) -> str:
    """What to tell them. Opening the link fills in the form; pressing the button signs in."""
    link = f"{url}/login?{urlencode({'email': who.email, 'password': password})}"
    hours = LIVES // timedelta(hours=1)
    return f"{who.email} ({who.role}) signs in once within {hours} hours, with\npassword: {password}\nor at {link}"


def sealed(secret: str) -> str:
    """What the database knows of a secret: enough to recognise it, too little to use it."""
    return hashlib.sha256(secret.encode()).hexdigest()
