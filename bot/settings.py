"""Settings of the bot itself, from the environment; connectors read their own."""

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from bot.errors import Misconfigured

Number = TypeVar("Number", int, float)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ONE_ADDRESS = "set TRUSTED_PROXY=127.0.0.1 behind a proxy on this machine, or ten wrong passwords lock everybody out"


@dataclass(frozen=True, slots=True)
class Oidc:
    """Where the staff signs in: an OpenID Connect provider by its issuer, and what it knows us as. `inside`: hosts of
    our own network that may be asked beside public ones."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    inside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """`redis_url` "" means workers in this process. `secret` signs links and cookies; none of it is ever shown.

    What `secret_previous` signed is still believed, "" for none. `retention_days` 0 keeps conversations for ever.
    `anchors` is where the audit's head is written every day, None for nowhere. `trusted_proxy`: the address whose
    word is taken on where a request comes from, "" for nobody's. `sync_every` in seconds, 0 for never; `sync_folders`
    by the names of their sources. `embedder`: which one, "" for the usual.
    """

    database_url: str = "sqlite:///data/understudy.db"
    redis_url: str = ""
    public_url: str = "http://127.0.0.1:8000"
    secret: bytes = b""
    secret_previous: bytes = b""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 6
    sweep_every: float = 60.0
    sync_every: float = 3600.0
    sync_folders: Mapping[str, Path] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)
    retention_days: int = 0
    anchors: Path | None = None
    trusted_proxy: str = ""
    embedder: str = ""
    oidc: Oidc | None = None


def database(env: Mapping[str, str], *, there: bool = False) -> str:
    """The database alone, for commands that need nothing else. `there`: Misconfigured where SQLite's file is not."""
    url = env.get("DATABASE_URL", Settings().database_url)
    path = url.removeprefix("sqlite:///")
    if there and path != url and not Path(path).exists():
        raise Misconfigured("DATABASE_URL", f"there is no database at {path}; write the one that `serve` names")
    return url


def anchors(env: Mapping[str, str]) -> Path | None:
    """Where the audit's anchors are: beside a database that is a file; two elsewhere must not share one."""
    scheme, _, path = database(env).partition(":///")
    beside = f"{path.partition('?')[0]}.anchors.jsonl" if scheme == "sqlite" and path else ""
    file = env.get("AUDIT_ANCHORS") or beside
    return Path(file) if file else None


def embedder(env: Mapping[str, str]) -> str:
    """What compares texts, for commands that search and need no more: a name or a directory, "" for the usual."""
    return env.get("EMBEDDER", "")


def public_url(env: Mapping[str, str]) -> str:
    """Where people reach the bot, without a slash at the end. Raises Misconfigured."""
    return _page(env, "PUBLIC_URL", Settings().public_url)


def index_folder(database_url: str) -> Path:
    """Where a database's index is: beside one that is a file, else in `data`, by its address without the password."""
    scheme, _, path = database_url.partition(":///")
    if scheme == "sqlite" and path:
        return Path(f"{path.partition('?')[0]}-index")
    shown = urlsplit(database_url)
    address = f"{shown.hostname}:{shown.port}{shown.path}"
    return Path("data") / f"index-{hashlib.sha256(address.encode()).hexdigest()[:12]}"


def read(env: Mapping[str, str]) -> Settings:
    """Settings from `env`; Misconfigured names the first that is missing or wrong."""
    secret, previous = env.get("SECRET_KEY", ""), env.get("SECRET_KEY_PREVIOUS", "")
    if len(secret) < 32:
        raise Misconfigured("SECRET_KEY", "needs 32 characters or more; make one with `openssl rand -hex 32`")
    if previous and len(previous) < 32:
        raise Misconfigured("SECRET_KEY_PREVIOUS", "is the SECRET_KEY of before: 32 characters or more, or nothing")
    default = Settings()
    return Settings(
        database_url=database(env),
        redis_url=_url(env, "REDIS_URL", "", ("redis://", "rediss://", "unix://")),
        public_url=public_url(env),
        secret=secret.encode(),
        secret_previous=previous.encode(),
        host=env.get("HOST", default.host),
        port=_number(env, "PORT", default.port, 1, 65_535),
        workers=_number(env, "WORKERS", default.workers, 0, 64),
        sweep_every=_number(env, "SWEEP_EVERY", default.sweep_every, 1, 86_400),
        sync_every=_number(env, "SYNC_EVERY", default.sync_every, 0, 86_400),
        sync_folders=sync_folders(env),
        budgets=_budgets(env),
        retention_days=_number(env, "RETENTION_DAYS", default.retention_days, 0, 36_500),
        anchors=anchors(env),
        trusted_proxy=env.get("TRUSTED_PROXY", ""),
        embedder=embedder(env),
        oidc=_oidc(env),
    )


def one_address(chosen: Settings) -> bool:
    """Does everybody seem to come from the address of a proxy on this machine? Then ten tries are all for all."""
    return chosen.public_url.startswith("https://") and chosen.host in LOOPBACK and not chosen.trusted_proxy


def sync_folders(env: Mapping[str, str]) -> dict[str, Path]:
    """`SYNC_FOLDERS=docs=/srv/docs "changes=/srv/our app/CHANGELOG.md"`: what is kept in step beside help centres."""
    found = {}
    try:
        words = shlex.split(env.get("SYNC_FOLDERS", ""))
    except ValueError as err:
        raise Misconfigured("SYNC_FOLDERS", f"cannot be read: {err}") from err
    for word in words:
        name, _, path = word.partition("=")
        if not (path and re.fullmatch("[a-z0-9]{1,30}", name)) or name in found:
            raise Misconfigured("SYNC_FOLDERS", f"{word!r} is no folder; write docs=/srv/docs, each name once")
        found[name] = Path(path)
    return found


def _budgets(env: Mapping[str, str]) -> dict[str, float]:
    """`BUDGETS=zendesk=200 intercom=600`: looks and deliveries a minute."""
    found = {}
    for word in env.get("BUDGETS", "").replace(",", " ").split():
        name, _, number = word.partition("=")
        if not (name and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", number) and float(number)):
            raise Misconfigured("BUDGETS", f"{word!r} is no budget; write zendesk=200 for 200 visits a minute")
        found[name] = float(number)
    return found


def _oidc(env: Mapping[str, str]) -> Oidc | None:
    """All three of its settings, or none."""
    names = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    if not any(env.get(name) for name in names):
        return None
    if missing := next((name for name in names if not env.get(name)), ""):
        raise Misconfigured(missing, f"is needed beside the others of {', '.join(names)}")
    issuer, inside = _page(env, "OIDC_ISSUER", ""), env.get("INSIDE_HOSTS", "").replace(",", " ").lower().split()
    return Oidc(issuer, env["OIDC_CLIENT_ID"], env["OIDC_CLIENT_SECRET"], frozenset(inside))


def _url(env: Mapping[str, str], setting: str, default: str, schemes: tuple[str, ...]) -> str:
    value = env.get(setting, default)
    if value and not value.startswith(schemes):
        raise Misconfigured(setting, f"starts with none of {', '.join(schemes)}")
    return value


def _page(env: Mapping[str, str], setting: str, default: str) -> str:
    """A web address; https unless it is on this machine, as a login over http can be read on the way."""
    url = _url(env, setting, default, ("http://", "https://")).rstrip("/")
    try:
        host = urlsplit(url).hostname
    except ValueError as err:
        raise Misconfigured(setting, "is not a web address") from err
    if not host or {"?", "#"} & set(url):
        raise Misconfigured(setting, "is not a page's address; write https://bot.example.com")
    if url.startswith("http://") and host not in LOOPBACK:
        raise Misconfigured(setting, f"people sign in there: write https://{host}, with TLS in front of the bot")
    return url


def _number(env: Mapping[str, str], setting: str, default: Number, low: int, high: int) -> Number:
    text = env.get(setting, str(default))
    try:
        value = type(default)(text)
    except ValueError as err:
        kind = "whole number" if isinstance(default, int) else "number"
        raise Misconfigured(setting, f"{text!r} is not a {kind}") from err
    if not low <= value <= high:
        raise Misconfigured(setting, f"{text} is not between {low} and {high}")
    return value
