"""Signing in at the company's own provider: OpenID Connect by Authlib, the code flow with PKCE, state and nonce."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, session
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response

from bot.errors import Forged, Unavailable
from bot.outside import NotPublic, guarded
from bot.settings import LOOPBACK, Oidc

PATIENCE = 10.0  # seconds for each call to the provider
SIGNED = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
logging.getLogger("authlib").setLevel(logging.INFO)  # one level lower it writes down secrets


class Provider:
    """One provider, found by its issuer when it is first needed."""

    def __init__(self, app: Flask, chosen: Oidc, public_url: str) -> None:
        self._chosen, self._back = chosen, f"{public_url}/login/back"
        self._client = OAuth(app).register(
            "staff",
            client_id=chosen.client_id,
            client_secret=chosen.client_secret,
            server_metadata_url=f"{chosen.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "default_timeout": PATIENCE},
        )
        # a provider tells us where to ask for keys and tokens, and where it is on this machine the operator said so
        inside = chosen.inside | ({urlsplit(chosen.issuer).hostname or ""} & LOOPBACK)
        self._client.client_cls = lambda **words: guarded(OAuth2Session(**words), inside)

    def begin(self) -> Response:
        """Send the browser there. Raises Unavailable or Forged."""
        for old in [name for name in session if name.startswith("_state_")]:
            del session[old]
        with _answering():
            self._issuer()
            sent: Response = self._client.authorize_redirect(self._back)
            return sent

    def awaited(self, state: str) -> bool:
        """Has this browser been sent there with this state, and not come back yet?"""
        return f"_state_{self._client.name}_{state}" in session

    def email(self) -> str:
        """The verified address of the one who has just come back. Raises Forged or Unavailable."""
        with _answering():
            must = {"iss": self._issuer(), "aud": self._chosen.client_id}
            options = {name: {"essential": True, "value": value} for name, value in must.items()}
            token = self._client.authorize_access_token(claims_options=options)
            claims = token["userinfo"]
            if "email" not in claims:  # many tell it to whoever asks with the token alone
                claims = self._asked(token, claims["sub"])
            if claims.get("email_verified") not in (True, "true"):
                raise Forged("the provider has not verified this e-mail address")
            return str(claims["email"])

    def _asked(self, token: dict[str, Any], subject: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.userinfo(token=token)
        if found["sub"] != subject:
            raise Forged("the provider told of somebody else")
        return found

    def _issuer(self) -> str:
        """As the provider writes it, which must be as we were told; only its own signatures count."""
        known = self._client.load_server_metadata()
        if known["issuer"].rstrip("/") != self._chosen.issuer:
            raise Forged("the provider at OIDC_ISSUER calls itself otherwise")
        asked = known.get("id_token_signing_alg_values_supported", ["RS256"])
        known["id_token_signing_alg_values_supported"] = [name for name in asked if name in SIGNED] or ["RS256"]
        return str(known["issuer"])


@contextmanager
def _answering() -> Iterator[None]:
    """Whatever goes wrong is the provider away, or an answer that is not to be trusted."""
    try:
        yield
    except NotPublic as err:
        raise Forged("the provider leads to a host that is not public; INSIDE_HOSTS names those of your own") from err
    except RequestException as err:
        raise Unavailable("the provider does not answer") from err
    except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as err:
        raise Forged(f"the provider's answer does not hold ({type(err).__name__})") from err
