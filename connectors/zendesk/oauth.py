"""How we sign in: a fixed header, or OAuth tokens that are renewed once however many threads find them expired."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from pydantic import BaseModel, Field

from bot.errors import Malformed, Misconfigured, Unavailable
from connectors.http import error_for, read_json, session, shape

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SCOPE = "read write"  # audits need the global read scope; tickets:read is refused
MEND = 60.0  # seconds between tries while somebody has to mend the settings


@dataclass(frozen=True, slots=True)
class Fixed:
    """A header from the settings that we cannot renew."""

    value: str = field(repr=False)

    def header(self) -> str:
        return self.value

    def renew(self, used: str) -> str:
        """There is no other."""
        raise rejected("the access token")


def rejected(what: str) -> Unavailable:
    """Somebody has to mend the settings; until then work waits, since a 401 is surely not applied."""
    return Unavailable(f"Zendesk does not accept {what}: see `app.py doctor`", retry_after=MEND)


class Pair(BaseModel):
    """An access token and, for an authorization code, the refresh token that replaces it."""

    access_token: str = Field(repr=False)
    refresh_token: str | None = Field(None, repr=False)


class Granted:
    """OAuth tokens, asked for when first needed; a refresh makes the old pair useless, so only one may run."""

    def __init__(self, site: str, client_id: str, secret: str, vault: "Vault | None", timeout: float) -> None:
        self._url, self._vault, self._timeout = f"{site}/oauth/tokens", vault, timeout
        self._client = {"client_id": client_id, "client_secret": secret, "scope": SCOPE}
        self._lock = threading.Lock()
        self._pair: Pair | None = None

    def header(self) -> str:
        """The token we have, or the first one."""
        pair = self._pair or self._other_than("")
        return f"Bearer {pair.access_token}"

    def renew(self, used: str) -> str:
        """The token that another thread or process fetched meanwhile, or a new one."""
        return f"Bearer {self._other_than(used.removeprefix('Bearer ')).access_token}"

    def _other_than(self, used: str) -> Pair:
        with self._lock, self._vault.held() if self._vault else nullcontext():
            kept = self._vault.load() if self._vault else self._pair
            if kept is None or kept.access_token == used:
                kept = self._ask(kept)
                if self._vault:
                    self._vault.save(kept)
            self._pair = kept
            return kept

    def _ask(self, kept: Pair | None) -> Pair:
        body = self._client | {"grant_type": "client_credentials"}
        if self._vault:
            refresh = (kept and kept.refresh_token) or self._vault.seed
            body |= {"grant_type": "refresh_token", "refresh_token": refresh}
        try:
            answer = session(self._timeout).post(self._url, json=body)
            if answer.status_code in (400, 401, 403):
                raise rejected(f"the OAuth {body['grant_type']}")
            if answer.status_code >= 300:
                raise error_for("Zendesk OAuth", answer.status_code, answer.headers, write=False)
            return shape(Pair, read_json(answer.content), "zendesk")
        except (requests.RequestException, Malformed) as err:
            raise Unavailable(f"Zendesk OAuth: {type(err).__name__}") from err


@dataclass(frozen=True, slots=True)
class Vault:
    """The newest pair, encrypted in a file that all processes of one machine share."""

    path: Path
    key: str = field(repr=False)
    seed: str = field(repr=False)

    def __post_init__(self) -> None:
        self.load()  # a wrong key is found at start-up

    @contextmanager
    def held(self) -> Iterator[None]:
        import fcntl  # noqa: PLC0415 - not on Windows, where client credentials do

        with self.path.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def load(self) -> Pair | None:
        """The pair kept, None when there is none or the settings hold a newer refresh token to begin with."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415

        fernet = self._fernet()
        if not self.path.exists():
            return None
        try:
            data = json.loads(fernet.decrypt(self.path.read_bytes()))
        except InvalidToken as err:
            fix = f"does not open {self.path}; remove the file to start anew"
            raise Misconfigured("ZENDESK_TOKEN_KEY", fix) from err
        return Pair(**data["pair"]) if data["seed"] == self._seed() else None

    def save(self, pair: Pair) -> None:
        """Replace the file at once, readable by its owner only."""
        data = json.dumps({"seed": self._seed(), "pair": pair.model_dump()})
        draft = self.path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self._fernet().encrypt(data.encode()))
        draft.replace(self.path)

    def _seed(self) -> str:
        return hashlib.sha256(self.seed.encode()).hexdigest()

    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet  # noqa: PLC0415

        try:
            return Fernet(self.key)
        except ValueError as err:
            raise Misconfigured("ZENDESK_TOKEN_KEY", "is not 32 bytes in URL-safe base64") from err


Credentials = Fixed | Granted
