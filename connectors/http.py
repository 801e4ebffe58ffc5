"""What every connector needs of HTTP: settings, sessions that never re-send, errors by status, and seals."""

import hmac
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import accumulate
from ssl import SSLCertVerificationError
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests
from pydantic import BaseModel, ValidationError
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_encoding_from_headers
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from bot.errors import BotError, Forged, Malformed, Misconfigured, Refused, Unavailable
from bot.ports import Late, never

CONNECT_TIMEOUT = 3.05  # seconds
READ_TIMEOUT = 10.0  # seconds
JSON_DEPTH = 32
FRESH = timedelta(minutes=5)
LONGEST = 3600.0  # seconds that a vendor keeps us away by one answer; then it is asked again
NEAR = timedelta(minutes=1)  # so far off are many clocks; what is asked for overlaps by as much
NOT_APPLIED = frozenset({409, 429})  # the vendor answered before it did anything
LOOPBACK = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?(/[\w/]*)?")
# What JSON has besides brackets; a string goes to its end or the body's, so it is never tried anew.
FLAT = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[^"{}\[\]]++', re.S)
FAILED = (
    (NewConnectionError, requests.ConnectionError), (ConnectTimeoutError, requests.ConnectTimeout),
    (ReadTimeoutError, requests.ReadTimeout), (SSLError, requests.exceptions.SSLError),
    (HTTPError, requests.ConnectionError),
)  # fmt: skip # by urllib3, and as requests says it
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})

Shape = TypeVar("Shape", bound=BaseModel)


def need(env: Mapping[str, str], setting: str, fix: str, pattern: str = "") -> str:
    """The setting's value; Misconfigured names it and says how to mend it where it is missing or not like `pattern`."""
    value = env.get(setting, "").strip()
    if not value:
        raise Misconfigured(setting, f"is not set; {fix}")
    if pattern and not re.fullmatch(pattern, value):
        raise Misconfigured(setting, f"{value!r} is not right; {fix}")
    return value


def pairs(env: Mapping[str, str], setting: str, fix: str) -> dict[str, str]:
    """`123=pro 456=partner`: what a vendor's ids stand for, "" where one stands alone. Misconfigured where it is
    anything else."""
    made = {}
    for word in env.get(setting, "").replace(",", " ").split():
        found = re.fullmatch(r"([0-9]{1,32})(?:=([^\s=]{1,200}))?", word)
        if not found:
            raise Misconfigured(setting, f"{word!r} is not right; {fix}")
        made[found[1]] = found[2] or ""
    return made


def loopback(env: Mapping[str, str], setting: str) -> str:
    """The address of a vendor's fake, "" for the vendor itself; on this machine alone, because the token goes there."""
    url = env.get(setting, "").strip()
    if url and not LOOPBACK.fullmatch(url):
        raise Misconfigured(setting, f"{url!r} is not a loopback address; it is for the sandbox, so leave it out")
    return url


def secrets(env: Mapping[str, str], setting: str, fix: str) -> tuple[bytes, ...]:
    """The current secret and, during a rotation, the previous one from `<setting>_PREVIOUS`."""
    current = need(env, setting, fix)
    previous = env.get(f"{setting}_PREVIOUS", "").strip()
    return tuple(s.encode() for s in (current, previous) if s)


class _Turn(threading.local):
    late: Late = staticmethod(never)


_turn = _Turn()


@contextmanager
def unless(late: Late) -> Iterator[None]:
    """Within, this thread sends nothing any more once `late` says so."""
    _turn.late = late
    try:
        yield
    finally:
        _turn.late = never


def not_too_late() -> None:
    """Right before the wire. Unavailable where it is too late: a process that was frozen on its way must not go on as
    if nothing had been; somebody else has taken over since, and settled what was never sent."""
    if _turn.late():
        raise Unavailable("it took too long to come to the sending, so nothing was sent")


class Once:
    """Sends a request once, with a timeout, and reads the answer to its end: a write whose answer is lost must be read
    back, not sent again. On urllib3 alone: what is usual around it takes as long again. `timeout`: (connect, read)."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        self._timeout = Timeout(connect=timeout[0], read=timeout[1])
        self._pools = PoolManager(maxsize=16, cert_reqs="CERT_REQUIRED", ca_certs=DEFAULT_CA_BUNDLE_PATH)

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> BaseHTTPResponse:
        """The answer, whatever its status; no redirect is followed. Raises urllib3's HTTPError."""
        not_too_late()
        once: dict[str, Any] = {"redirect": False, "retries": False, "timeout": self._timeout}
        return self._pools.urlopen(method, url, body=body, headers=headers, **once)

    def close(self) -> None:
        """Give the connections back."""
        self._pools.clear()


def unsent(err: BaseException | None) -> bool:
    """Was there no connection at all, by an error of urllib3, so that nothing can have been applied?"""
    stranger = isinstance(err, SSLError) and isinstance(err.args[0], SSLCertVerificationError)
    return stranger or isinstance(err, NewConnectionError | ConnectTimeoutError)


class OneTry(BaseAdapter):
    """`Once`, as requests and its users know it."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__()
        self._once = Once(timeout)

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        """The answer, whatever its status. Raises requests.RequestException."""
        try:
            answer = self._once.ask(request.method or "", request.url or "", request.headers, request.body)
        except HTTPError as err:
            raise next(kind for known, kind in FAILED if isinstance(err, known))(err, request=request) from err
        return _answered(request, answer)

    def close(self) -> None:
        """Give the connections back."""
        self._once.close()


def _answered(request: requests.PreparedRequest, answer: BaseHTTPResponse) -> requests.Response:
    made = requests.Response()
    made.status_code, made.reason = answer.status, answer.reason or ""
    made.url, made.request = request.url or "", request
    made.headers = CaseInsensitiveDict(answer.headers)
    made.encoding = get_encoding_from_headers(made.headers)
    made._content, made._content_consumed = answer.data, True  # type: ignore[attr-defined]
    return made


class Plain(requests.Session):
    """Hands on what came: no redirect is followed with our token, no cookie is kept, and of its own settings (`verify`,
    `cert`, `proxies`, `auth`, `params`, hooks) none counts but headers and adapters, nor the `timeout` of a call."""

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        files: Any = None,
        **_settings: object,
    ) -> requests.Response:
        """With our headers under its own; merging the settings that we have not takes as long as the rest."""
        made = requests.PreparedRequest()
        made.method = method.upper()
        asked = urlencode({name: value for name, value in (params or {}).items() if value is not None}, doseq=True)
        made.url = f"{url}{'&' if '?' in url else '?'}{asked}" if asked else url
        made.prepare_headers({**self.headers, **(headers or {})})
        made.prepare_body(data, files, json)
        return self.send(made)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """By the adapter of its address."""
        return self.get_adapter(request.url or "").send(request)


def session(read_timeout: float = READ_TIMEOUT) -> requests.Session:
    """A session without retries, redirects, cookies or proxies from the environment."""
    made = Plain()
    made.trust_env = False
    for scheme in ("https://", "http://"):
        made.mount(scheme, OneTry((CONNECT_TIMEOUT, read_timeout)))
    return made


class Drift:
    """How far a vendor's clock is ahead of ours, by the `Date` of its newest answer: 0 for less than a minute."""

    def __init__(self) -> None:
        self.known, self._ahead, self._heard = False, timedelta(), ""

    def hear(self, headers: Mapping[str, str]) -> None:
        """An answer came now. One without a readable `Date` says nothing, and most say what the one before said."""
        said = next((value for name, value in headers.items() if name.lower() == "date"), "")
        if said == self._heard:
            return
        self._heard = said
        with suppress(TypeError, ValueError, OverflowError):
            ahead = parsedate_to_datetime(said) - datetime.now(UTC)
            self._ahead, self.known = ahead if abs(ahead) > NEAR else timedelta(), True

    def theirs(self, at: datetime) -> datetime:
        """What their clock showed when ours showed `at` (aware UTC)."""
        return at + self._ahead


def retry_after(headers: Mapping[str, str], now: datetime, default: float = 5.0) -> float:
    """Seconds to wait, an hour at most, by `Retry-After` (seconds or a date) or a unix `X-RateLimit-Reset`; the default
    where both are missing or odd."""
    given = {name.lower(): value for name, value in headers.items()}
    for name, start in (("retry-after", 0.0), ("x-ratelimit-reset", now.timestamp())):
        if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", given.get(name, ""), re.A):
            return min(max(0.0, float(given[name]) - start), LONGEST)
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        return min(max(0.0, (parsedate_to_datetime(given["retry-after"]) - now).total_seconds()), LONGEST)
    return default


def error_for(what: str, status: int, headers: Mapping[str, str], *, write: bool) -> BotError:
    """The error that an HTTP status of 300 or more stands for. `what` names vendor, action and object.

    A redirect is nobody's refusal: vendors that are being mended send everyone to a page that says so.
    """
    said = f"{what}: HTTP {status}"
    if status in PASSING or status < 400:
        wait = retry_after(headers, datetime.now(UTC))
        maybe = write and status not in NOT_APPLIED
        away = status == 408 or status >= 500
        return Unavailable(said, retry_after=wait, maybe=maybe, crowded=status == 429, away=away)
    return Refused(said)


def strict(headers: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    """The header's value if it has exactly the grammar we expect (ASCII only); else Forged."""
    value = headers.get(name, "")
    if not value.isascii() or not pattern.fullmatch(value):
        raise Forged(f"{name} is missing or odd")
    return value


def sealed(expected: Sequence[bytes], given: bytes) -> None:
    """Constant-time compare against each of `expected` (current and previous secret); Forged when none is equal."""
    matches = [hmac.compare_digest(e, given) for e in expected]
    if not any(matches):
        raise Forged("signature is wrong")


def fresh(at: datetime, now: datetime, within: timedelta = FRESH) -> None:
    """Forged when a stamped request is more than `within` old or ahead."""
    if abs(now - at) > within:
        raise Forged("timestamp is not fresh")


def read_json(body: bytes) -> dict[str, Any]:
    """A JSON object of bounded depth, or Malformed before it is parsed; linear in the body."""
    brackets = FLAT.sub(b"", body)
    if max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets), default=0) > JSON_DEPTH:
        raise Malformed(f"JSON nests deeper than {JSON_DEPTH}")
    try:
        data = json.loads(body.decode())  # bytes may be UTF-16, which the brackets above are not counted in
    except ValueError as err:
        raise Malformed("body is not JSON in UTF-8") from err
    if not isinstance(data, dict):
        raise Malformed("JSON is not an object")
    return data


def mended(value: object) -> object:
    """JSON whose words can be stored and sent: half a character (an emoji cut in two) becomes U+FFFD, NUL a space."""
    if isinstance(value, str):
        whole = value.replace("\0", " ")
        return whole if whole.isascii() else whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {name: mended(held) for name, held in value.items()}
    return [mended(held) for held in value] if isinstance(value, list) else value


def shape(kind: type[Shape], data: object, vendor: str) -> Shape:
    """`data` as `kind`; Malformed names the vendor and the first field that is missing or odd."""
    try:
        return kind.model_validate(mended(data))
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False)[0]
        where = ".".join([kind.__name__, *map(str, first["loc"])])
        raise Malformed(f"{vendor}: {where}: {first['msg']}; compare connectors/{vendor}/samples") from err
