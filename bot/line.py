"""The parts of the line, put together once by `app.py` and handed down."""

import hashlib
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from itsdangerous import BadData, Signer

from bot.brains import Confidence, Embedder, Writer
from bot.errors import Forged, Refused
from bot.knowledge import Knowledge
from bot.model import VerdictKind
from bot.ports import Clock, Connector, Wake
from bot.store import Store


@dataclass(frozen=True)
class Links:
    """Makes and reads the signed links that notes carry. The link holds a nonce; what it may do is in the store.
    `previous`: a secret whose links are still read, while it is being rotated."""

    public_url: str
    secret: bytes
    previous: bytes = b""

    def __repr__(self) -> str:
        return f"Links({self.public_url!r})"

    @cached_property
    def _signer(self) -> Signer:
        keys = [key for key in (self.previous, self.secret) if key]  # the last one signs
        return Signer(keys, salt="understudy-draft-link", digest_method=hashlib.sha256)

    def make(self, nonce: str, verdict: VerdictKind, whose: str = "") -> str:
        """The address of a page that asks for confirmation; opening it changes nothing. `whose`: the vendor id of the
        person that it is made for, "" for nobody."""
        told = urlsafe_b64encode("\0".join((nonce, verdict.value, whose)).encode()).rstrip(b"=")
        return f"{self.public_url}/drafts/{self._signer.sign(told).decode()}"

    def read(self, token: str) -> tuple[str, VerdictKind, str]:
        """(nonce, verdict, whose); Forged when the link is not ours."""
        try:
            told = self._signer.unsign(token) + b"=="  # more padding than is needed does no harm
            nonce, verdict, whose = urlsafe_b64decode(told).decode().split("\0")
            return nonce, VerdictKind(verdict), whose
        except (BadData, ValueError) as err:
            raise Forged("link") from err


@dataclass(frozen=True, slots=True)
class Line:
    """What every step needs. `review` names the connector whose channel proposals go to, "" for none. By `embedder`
    learning tells what is alike; knowledge has its own. `steady`: seconds by a clock that nobody sets; by it, `doubts`
    says since when this process misses a delivery, by its key and try."""

    store: Store
    connectors: Mapping[str, Connector]
    knowledge: Knowledge
    embedder: Embedder
    writer: Writer
    confidence: Confidence
    wake: Wake
    now: Clock
    links: Links
    review: str = ""
    steady: Callable[[], float] = time.monotonic
    doubts: dict[tuple[str, int], float] = field(default_factory=dict)

    def connector(self, name: str) -> Connector:
        """The connector of a ref; Refused where it is not set up any more."""
        if name not in self.connectors:
            raise Refused(f"no connector {name!r} is set up")
        return self.connectors[name]
