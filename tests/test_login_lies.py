"""A provider that lies, or is away: whatever it says that does not hold signs nobody in."""

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

import app
from bot.settings import Oidc
from connectors.stage import Server
from tests.desk import INES, Desk, desk
from tests.staff import Visitor

pytestmark = [pytest.mark.services, pytest.mark.long]
SECRET = "0123456789abcdef0123456789abcdef"
KEY, OTHER = (RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256", "use": "sig"}) for _ in range(2))
Claims = dict[str, Any]


@dataclass
class Liar:
    """What it says, each part of which a test may change."""

    url: str = ""
    claims: Claims = field(default_factory=dict)
    asked: Claims = field(default_factory=dict)
    metadata: Claims = field(default_factory=dict)
    sign: Callable[[Claims], str] = lambda claims: jwt.encode({"alg": "RS256", "kid": "k"}, claims, KEY)
    token: bool = True
    status: int = 200
    challenge: str = ""
    verified: list[bool] = field(default_factory=list)

    def app(self) -> Flask:
        """The four addresses that a login needs."""
        made = Flask("provider")
        made.add_url_rule("/.well-known/openid-configuration", "found", self._found)
        made.add_url_rule("/keys", "keys", lambda: jsonify(keys=[KEY.as_dict(private=False)]))
        made.add_url_rule("/token", "token", self._token, methods=["POST"])
        made.add_url_rule("/asked", "asked", lambda: jsonify({"sub": "7", **self.asked}))
        return made

    def _found(self) -> Any:
        ends = {"authorization_endpoint": "begin", "token_endpoint": "token", "jwks_uri": "keys"}
        ends |= {"userinfo_endpoint": "asked"}
        found = {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in ends.items()}}
        return jsonify(found | {"id_token_signing_alg_values_supported": ["RS256"]} | self.metadata), self.status

    def _token(self) -> Any:
        shown = urlsafe_b64encode(sha256(request.form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        self.verified.append(shown == self.challenge)
        answer = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600}
        return jsonify(answer | {"id_token": self.sign(self.claims)} if self.token else answer)


@dataclass
class House:
    """A bot, its provider, and somebody at the door."""

    visitor: Visitor
    liar: Liar

    def sign_in(self, **spoiled: Any) -> Any:
        """Begin, and come back with a code; the claims are right but for what is `spoiled` (None leaves it out)."""
        begun = self.visitor.get("/login/begin", follow=False)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["Location"]).query).items()}
        now = int(time.time())
        right = {"iss": self.liar.url, "aud": "understudy", "sub": "7", "iat": now, "exp": now + 60}
        right |= {"nonce": asked["nonce"], "email": INES.email, "email_verified": True}
        self.liar.claims = {name: value for name, value in (right | spoiled).items() if value is not None}
        self.liar.challenge = asked["code_challenge"]
        return self.visitor.get("/login/back", code="c", state=asked["state"])

    def outside(self) -> bool:
        """Is nobody signed in?"""
        return self.visitor.get("/control").url == f"{self.visitor.url}/login"


@pytest.fixture
def office(database_url: str) -> Iterator[Desk]:
    """A desk with Zendesk alone."""
    with desk(database_url, "zendesk") as made:
        yield made


@pytest.fixture
def house(office: Desk) -> Iterator[House]:
    """A bot whose provider a test can make lie."""
    liar = Liar()
    there = Server(liar.app())
    liar.url = there.url
    here = Server(app.web(office.line, oidc=Oidc(there.url, "understudy", SECRET)))
    try:
        yield House(Visitor(here.url), liar)
    finally:
        here.close()
        there.close()


def test_the_truth_signs_in_with_the_verifier_of_the_challenge(house: House) -> None:
    assert house.sign_in().status_code == 200

    assert not house.outside()
    assert house.liar.verified == [True]


@pytest.mark.parametrize(
    "spoiled",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"], "azp": "understudy"},
        {"aud": None},
        {"nonce": "of another login"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"azp": "another client"},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "yes"},
        {"email": "stranger@fernweh.example"},
        {"email": ["ines@fernweh.example"]},
        {"email": None},
    ],
)
def test_a_claim_that_does_not_hold_signs_nobody_in(house: House, spoiled: Claims) -> None:
    answer = house.sign_in(**spoiled)

    assert answer.status_code == 403
    assert house.outside()


def none(claims: Claims) -> str:
    """A token that nobody has signed."""
    parts = (b'{"alg":"none","kid":"k"}', str(claims).replace("'", '"').replace("True", "true").encode(), b"")
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def by_secret(claims: Claims) -> str:
    """Signed with what both know."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def by_public_key(claims: Claims) -> str:
    """Sealed with the public key as if it were a secret that both know."""
    head, body, _ = by_secret(claims).split(".")
    seal = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def by_another(claims: Claims) -> str:
    """Signed by another key of the same name."""
    return jwt.encode({"alg": "RS256", "kid": "k"}, claims, OTHER)


@pytest.mark.parametrize(
    "sign", [none, by_secret, by_public_key, by_another, lambda _: "no.token.at.all", lambda _: ""]
)
@pytest.mark.parametrize("allowed", [["RS256"], ["RS256", "HS256", "none"], []])
def test_a_signature_that_does_not_hold_signs_nobody_in(
    house: House, sign: Callable[[Claims], str], allowed: list[str]
) -> None:
    house.liar.sign, house.liar.metadata = sign, {"id_token_signing_alg_values_supported": allowed}

    answer = house.sign_in()

    assert answer.status_code == 403
    assert house.outside()


def test_an_answer_without_an_id_token_signs_nobody_in(house: House) -> None:
    house.liar.token = False

    assert house.sign_in().status_code == 403
    assert house.outside()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"email": INES.email, "email_verified": True}, 200),
        ({"email": INES.email, "email_verified": "true"}, 200),
        ({"email": INES.email, "email_verified": True, "sub": "8"}, 403),
        ({"email": INES.email}, 403),
        ({"email_verified": True}, 403),
    ],
)
def test_an_address_told_beside_the_token_is_of_the_same_person(house: House, asked: Claims, status: int) -> None:
    house.liar.asked = asked

    assert house.sign_in(email=None, email_verified=None).status_code == status
    assert house.outside() == (status == 403)


def test_a_provider_that_calls_itself_otherwise_is_not_ours(house: House) -> None:
    house.liar.metadata = {"issuer": "https://evil.example"}

    answer = house.visitor.get("/login/begin")

    assert (answer.status_code, "calls itself otherwise" in answer.text) == (403, True)


def test_a_slash_at_the_end_of_its_name_is_no_other_provider(house: House) -> None:
    house.liar.metadata = {"issuer": f"{house.liar.url}/"}

    assert house.sign_in(iss=f"{house.liar.url}/").status_code == 200


def test_a_provider_that_is_away_is_said_to_be(house: House) -> None:
    house.liar.status = 500

    answer = house.visitor.get("/login/begin")

    assert (answer.status_code, "The provider does not answer" in answer.text) == (503, True)


@pytest.mark.parametrize("end", ["jwks_uri", "token_endpoint", "userinfo_endpoint"])
@pytest.mark.parametrize("leads", ["http://169.254.169.254/latest", "https://10.0.0.7/", "http://localhost:6379/"])
def test_a_provider_does_not_send_us_into_our_own_network(house: House, end: str, leads: str) -> None:
    house.liar.metadata = {end: leads}

    answer = house.sign_in(email=None, email_verified=None)

    assert (answer.status_code, "leads to a host that is not public" in answer.text) == (403, True)
    assert house.outside()


@pytest.mark.parametrize("state", ["", "of somebody else"])
def test_a_state_that_this_browser_has_not_begun_is_refused(house: House, state: str) -> None:
    house.visitor.get("/login/begin", follow=False)

    assert house.visitor.get("/login/back", code="c", state=state).status_code == 403
    assert house.liar.verified == []
    assert house.outside()


def test_an_address_has_ten_tries_at_the_provider_too(house: House) -> None:
    answers = [house.sign_in(email_verified=False).status_code for _ in range(11)]

    assert answers == [403] * 10 + [429]


def test_a_page_that_makes_browsers_come_back_takes_nobodys_tries(house: House) -> None:
    for path in ("/login/back", "/login/back?state=x&code=c") * 6:
        assert house.visitor.get(path).status_code == 403

    assert house.sign_in().status_code == 200
