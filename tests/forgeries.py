"""What a forger may send: genuine requests of four senders, and families of requests that are nearly genuine.

The families go through what Standard Webhooks' own tests list, and through what made reference verifiers crash. Each is
sure to differ from what the vendor sends, and each is HTTP that a server lets through.
"""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from random import Random
from urllib.parse import quote_plus

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)  # whole seconds: the edges of the five minutes are exact
FRESH = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
CURRENT, PREVIOUS = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
SAMPLES = Path(__file__).parent.parent / "connectors"
Seal = Callable[[str, bytes, str], str]  # secret, body, stamp -> signature


@dataclass(frozen=True)
class Post:
    """One request: header names may repeat; values and body are bytes as they travel."""

    path: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes

    def value(self, name: str) -> bytes:
        """Of a header that is there once."""
        return dict(self.headers)[name]

    def having(self, name: str, *values: bytes) -> "Post":
        """With other values of one header: none leaves it out, two say it twice."""
        rest = tuple(header for header in self.headers if header[0] != name)
        return replace(self, headers=(*rest, *((name, value) for value in values)))


@dataclass(frozen=True)
class Sender:
    """A vendor's door: how it seals, where it writes seal and stamp ("" for none), and what the seal is written in."""

    name: str
    path: str
    body: bytes
    type: str
    seal: Seal
    seal_header: str
    stamp_header: str = ""
    stamp: Callable[[datetime], str] = lambda _: ""
    beside: tuple[tuple[str, bytes], ...] = ()
    prefix: str = ""

    def post(self, secret: str = CURRENT, at: datetime = NOW, body: bytes = b"") -> Post:
        """A genuine request, of this moment unless told otherwise."""
        return self.stamped(self.stamp(at), secret, body or self.body)

    def stamped(self, stamp: str, secret: str = CURRENT, body: bytes = b"") -> Post:
        """Sealed well over whatever stamp."""
        body = body or self.body
        made = Post(self.path, (("Content-Type", self.type.encode()), *self.beside), body)
        made = made.having(self.seal_header, self.seal(secret, body, stamp).encode())
        return made.having(self.stamp_header, stamp.encode()) if self.stamp_header else made


def _hex(prefix: str, digest: str, secret: str, signed: bytes) -> str:
    return prefix + hmac.new(secret.encode(), signed, digest).hexdigest()


def zendesk_seal(secret: str, body: bytes, stamp: str) -> str:
    """Nothing stands between stamp and body."""
    return base64.b64encode(hmac.digest(secret.encode(), stamp.encode() + body, "sha256")).decode()


def slack_seal(secret: str, body: bytes, stamp: str) -> str:
    """As Slack."""
    return _hex("v0=", "sha256", secret, b"v0:" + stamp.encode() + b":" + body)


def intercom_seal(secret: str, body: bytes, stamp: str) -> str:
    """SHA-1 over the body alone."""
    return _hex("sha1=", "sha1", secret, body)


def _slack(path: str, body: bytes, kind: str) -> Sender:
    names = ("X-Slack-Signature", "X-Slack-Request-Timestamp")
    return Sender("slack", path, body, kind, slack_seal, *names, lambda at: str(int(at.timestamp())), prefix="v0=")


def _sample(name: str) -> bytes:
    return json.dumps(json.loads((SAMPLES / name).read_bytes())).encode()


NOTIFIED = json.loads(_sample("intercom/samples/notification.json")) | {"created_at": int(NOW.timestamp())}
PRESSED = {
    "type": "block_actions", "team": {"id": "T0FERNWEH"}, "user": {"id": "U_INES", "team_id": "T0FERNWEH"},
    "channel": {"id": "C0REVIEW"}, "trigger_id": "1.2",
    "actions": [{"type": "button", "action_id": "accept", "value": "of no card", "action_ts": "1.2"}],
}  # fmt: skip
SENDERS = {
    "zendesk": Sender(
        "zendesk", "/webhooks/zendesk", _sample("zendesk/samples/event.json"), "application/json", zendesk_seal,
        "X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp",
        lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}", (("X-Zendesk-Webhook-Invocation-Id", b"01HRING"),),
    ),
    "intercom": Sender(
        "intercom", "/webhooks/intercom", json.dumps(NOTIFIED).encode(), "application/json", intercom_seal,
        "X-Hub-Signature", prefix="sha1=",
    ),
    "slack events": _slack("/webhooks/slack", _sample("slack/samples/message.json"), "application/json"),
    "slack presses": _slack(
        "/panels/slack", f"payload={quote_plus(json.dumps(PRESSED))}".encode(), "application/x-www-form-urlencoded"
    ),
}  # fmt: skip

Family = Callable[[Sender, Random], Post]


def flipped(value: bytes, chance: Random) -> bytes:
    """One bit of one byte changed; never to what ends a header."""
    while True:
        at, bit = chance.randrange(len(value)), 1 << chance.randrange(8)
        new = value[at] ^ bit
        if 0x21 <= new != 0x7F:
            return value[:at] + bytes([new]) + value[at + 1 :]


def cut(value: bytes, chance: Random) -> bytes:
    """Cut off somewhere."""
    return value[: chance.randrange(1, len(value))]


def _changed(name: str, change: Callable[[bytes, Random], bytes]) -> Family:
    """The seal or the stamp changed; the seal where there is no stamp."""

    def made(sender: Sender, chance: Random) -> Post:
        genuine = sender.post()
        header = getattr(sender, name) or sender.seal_header
        return genuine.having(header, change(genuine.value(header), chance))

    return made


def _other_body(change: Callable[[bytes, Random], bytes]) -> Family:
    """The seal of another body."""
    return lambda sender, chance: replace(sender.post(), body=change(sender.body, chance))


def _some_bytes(chance: Random) -> bytes:
    """What no header should hold, and may."""
    return bytes(chance.choice((*range(0x21, 0x7F), *range(0x80, 0x100))) for _ in range(chance.randrange(1, 90)))


ODD = ("٣", "²", "３", "é", "\u202e", "‐", "\ufeff")


def _odd_letter(value: bytes, chance: Random) -> bytes:
    """One letter becomes one that is no ASCII: digits of other scripts, or half of their bytes."""
    at = chance.randrange(len(value))
    odd = chance.choice(ODD).encode("utf-8" if chance.random() < 0.8 else "latin-1", "ignore") or b"\xff\xfe"
    return value[:at] + odd + value[at + 1 :]


def _bad_code(value: bytes, chance: Random) -> bytes:
    """Base64 and hexadecimals as others write them."""
    found = {
        value.upper(), value.swapcase(), value.rstrip(b"="), value + b"=", value[:-1] + b"*",
        value.replace(b"+", b"-").replace(b"/", b"_") + b"-", value[:9] + b" " + value[9:], b'"' + value + b'"',
        value[:20] + b"\t" + value[20:], b"0x" + value, value + b"\\n", value[:-2] + b"%3D", value + b";", b"=" * 44,
    } - {value}  # fmt: skip
    return chance.choice(sorted(found))


def _prefixed(sender: Sender, chance: Random) -> Post:
    """Another version, none, or several signatures in one header."""
    genuine = sender.post()
    given = genuine.value(sender.seal_header)
    bare = given.removeprefix(sender.prefix.encode())
    odd = [b"v1=", b"v1,", b"V0=", b"sha256=", b"sha512=", b"md5=", b"v0==", b"v0", b"none=", b"v1a,", b"sha1:"]
    listed = [bare + b"=", b"v1," + bare + b" " + given, given + b"," + given, given + b" " + given]
    return genuine.having(sender.seal_header, chance.choice([*(mark + bare for mark in odd), *listed]))


def _wrong_secret(sender: Sender, chance: Random) -> Post:
    """What somebody guesses, and the genuine one with something at its ends."""
    guess = f"{chance.getrandbits(128):032x}"
    return sender.post(chance.choice([guess, "", CURRENT[:-1], CURRENT + " ", CURRENT + "\n", CURRENT.upper(), "null"]))


def _stale(sender: Sender, chance: Random) -> Post:
    """A second over five minutes or more, before or ahead; a recorded seal where the vendor has no stamp."""
    much = FRESH + SECOND * chance.choice([1, 1, 2, 60, 3_600, 86_400, 10**7])
    if not sender.stamp_header:
        return sender.post(PREVIOUS + "x", NOW - much)
    return sender.post(at=NOW + chance.choice([much, -much]))


def _restamped(sender: Sender, chance: Random) -> Post:
    """The stamp renewed under the old seal."""
    other = NOW + SECOND * chance.choice([-299, -1, 1, 299])
    if not sender.stamp_header:
        return replace(sender.post(), body=sender.body.replace(b"17", b"18", 1) + b" ")
    return sender.post(at=NOW - FRESH * 2).having(sender.stamp_header, sender.stamp(other).encode())


def _swapped(sender: Sender, chance: Random) -> Post:
    """The seal of another genuine request."""
    other = sender.post(body=sender.body + str(chance.random()).encode())
    return sender.post().having(sender.seal_header, other.value(sender.seal_header))


def _another_way(sender: Sender, chance: Random) -> Post:
    """The right secret with another algorithm, or over something else than what is sent."""
    stamp = sender.stamp(NOW)
    algorithm = chance.choice(["md5", "sha1", "sha256", "sha384", "sha512"])
    whole = b".".join(chance.sample([b"01HRING", stamp.encode(), sender.body, b"v0", b""], 4)) + b"."
    sealed = hmac.new(CURRENT.encode(), whole, algorithm)
    written = [sealed.hexdigest(), base64.b64encode(sealed.digest()).decode()]
    return sender.post().having(sender.seal_header, (sender.prefix + chance.choice(written)).encode())


def _odd_stamp(sender: Sender, chance: Random) -> Post:
    """Sealed with the right secret over a stamp that the vendor does not write; the wrong one where it writes none."""
    seconds, at = int(NOW.timestamp()), NOW.strftime("%Y-%m-%dT%H:%M:%S")
    unix = [f"{seconds}.0", f"+{seconds}", f"0{seconds}", f"{seconds}000", hex(seconds), f"{seconds:e}", "-1", "NaN"]
    iso = [at, at + "+00:00", at + "z", at.replace("T", " ") + "Z", at[:10], at + ".Z", at[:-2] + "60Z", "0001-01-01"]
    impossible = ["9999999999", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z"]
    own = set(unix) | set(iso) | set(impossible) - {sender.stamp(NOW)}
    secret = CURRENT if sender.stamp_header else "wrong"
    return sender.stamped(chance.choice(sorted(own)), secret)


def _moved(sender: Sender, chance: Random) -> Post:
    """Between stamp and body the border is moved: where nothing stands between them, the seal holds."""
    genuine, much = sender.post(), chance.randrange(1, 9)
    if not sender.stamp_header:
        return replace(genuine, body=genuine.body[much:])
    stamp = genuine.value(sender.stamp_header)
    moved = (stamp[:-much], stamp[-much:] + genuine.body) if chance.random() < 0.5 else (
        stamp + genuine.body[:much].strip(), genuine.body[much:])  # fmt: skip
    return replace(genuine, body=moved[1]).having(sender.stamp_header, moved[0])


def _absent(sender: Sender, chance: Random) -> Post:
    """A header is not there, or empty."""
    name = chance.choice([sender.seal_header, sender.stamp_header or sender.seal_header])
    return sender.post().having(name, *chance.choice([(), (b"",)]))


def _doubled(sender: Sender, chance: Random) -> Post:
    """A header is there twice: both genuine, or one of them."""
    name = chance.choice([sender.seal_header, sender.stamp_header or sender.seal_header])
    genuine = sender.post()
    value = genuine.value(name)
    other = chance.choice([value, flipped(value, chance), b"x"])
    return genuine.having(name, *chance.sample([value, other], 2))


def _borrowed(sender: Sender, chance: Random) -> Post:
    """Another vendor's headers, sealed well in its way with our secret."""
    others = [other for other in SENDERS.values() if other.name != sender.name]
    other = chance.choice(others).post(body=sender.body)
    return replace(other, path=sender.path, headers=(("Content-Type", sender.type.encode()), *other.headers[1:]))


FAMILIES: dict[str, Family] = {
    "a bit of the body": _other_body(flipped),
    "a bit of the seal": _changed("seal_header", flipped),
    "a bit of the stamp": _changed("stamp_header", flipped),
    "the body cut": _other_body(cut),
    "the seal cut": _changed("seal_header", cut),
    "the stamp cut": _changed("stamp_header", cut),
    "the body longer": _other_body(lambda body, chance: body + chance.choice([b" ", b"\n", b"\0", b"{}", b"&a=b"])),
    "no body": _other_body(lambda body, chance: b""),
    "another charset": _other_body(lambda body, chance: body.decode().encode(chance.choice(["utf-16", "utf-32"]))),
    "a body of any bytes": _other_body(lambda body, chance: chance.randbytes(chance.randrange(1, 300))),
    "a wrong secret": _wrong_secret,
    "too old or ahead": _stale,
    "stamped anew": _restamped,
    "another's seal": _swapped,
    "another algorithm or order": _another_way,
    "an odd stamp, sealed well": _odd_stamp,
    "the border moved": _moved,
    "digits of other scripts in the stamp": _changed("stamp_header", _odd_letter),
    "letters of other scripts in the seal": _changed("seal_header", _odd_letter),
    "bad base64 or hexadecimals": _changed("seal_header", _bad_code),
    "any bytes for a seal": _changed("seal_header", lambda _, chance: _some_bytes(chance)),
    "any bytes for a stamp": _changed("stamp_header", lambda _, chance: _some_bytes(chance)),
    "another version, or several": _prefixed,
    "no header": _absent,
    "a header twice": _doubled,
    "another vendor's headers": _borrowed,
}


def forgeries(sender: Sender, count: int, seed: int) -> Iterator[tuple[str, Post]]:
    """(family, request), every family in turn."""
    chance, genuine = Random(seed), sender.post()
    made = ((name, family(sender, chance)) for name, family in cycle(FAMILIES.items()))
    yield from islice(((name, post) for name, post in made if post != genuine), count)
