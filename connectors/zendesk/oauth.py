"""How we sign in: OAuth client credentials; the token is kept in memory alone."""

import threading

import requests
from pydantic import BaseModel, Field

from bot.errors import Malformed, Unavailable
from connectors.http import error_for, read_json, session, shape

SCOPE = "read write"  # audits need the global read scope; tickets:read is refused
MEND = 60.0  # seconds between tries while somebody has to mend the settings


class Granted(BaseModel):
    access_token: str = Field(repr=False)


class Token:
    """The access token, asked for when first needed and when it has ended: once, however many threads find it so."""

    def __init__(self, site: str, client_id: str, secret: str, timeout: float) -> None:
        self._url, self._timeout = f"{site}/oauth/tokens", timeout
        self._asking = {"client_id": client_id, "client_secret": secret, "scope": SCOPE}
        self._lock, self._token = threading.Lock(), ""

    def get(self, ended: str = "") -> str:
        """The token we have, a new one when that is the one that has ended. Raises Unavailable."""
        with self._lock:
            if self._token == ended:
                self._token = self._ask()
            return self._token

    def _ask(self) -> str:
        try:
            answer = session(self._timeout).post(self._url, json=self._asking | {"grant_type": "client_credentials"})
            if answer.status_code in (400, 401, 403):
                raise rejected("the OAuth client")
            if answer.status_code >= 300:
                raise error_for("Zendesk OAuth", answer.status_code, answer.headers, write=False)
            return shape(Granted, read_json(answer.content), "zendesk").access_token
        except (requests.RequestException, Malformed) as err:
            raise Unavailable(f"Zendesk OAuth: {type(err).__name__}", away=True) from err


def rejected(what: str) -> Unavailable:
    """Somebody has to mend the settings; until then work waits, since a 401 is surely not applied."""
    return Unavailable(f"Zendesk does not accept {what}: see `app.py doctor`", retry_after=MEND, away=True)
