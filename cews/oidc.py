"""Signing in by an OpenID Connect provider: authorization code with PKCE, and an identity token that is checked.

Nothing is kept between the two halves but what the browser itself brings back (:class:`Errand`); the provider's
configuration and keys are read anew each time, so that keys it changes are followed at once.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cews.accounts import Identity
from cews.domain import CewsError, SettingsError, SourceError
from cews.net import Call, Patience, Transport
from cews.settings import Settings

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")  # signatures only a provider can make; never HS256 or none
LEEWAY: Final = 60  # seconds by which clocks may differ
CALLBACK: Final = "/sign-in/callback"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_MOST: Final = 512 * 1024  # bytes of an answer
_PATIENCE: Final = Patience(connect=5.0, read=10.0, total=15.0, attempts=1)


class NotAcceptedError(CewsError):
    """What the provider or the browser brought does not prove who somebody is."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser is sent to the provider with, and must bring back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Errand:
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Client:
    """We, as the provider knows us."""

    issuer: str
    id: str
    secret: str
    name_claim: str
    redirect: str

    @classmethod
    def of(cls, settings: Settings) -> Client | None:
        """None where no provider is set; SettingsError where only a part of it is."""
        if not settings.oidc_issuer:
            return None
        if not settings.oidc_client_id or settings.oidc_client_secret is None:
            raise SettingsError("CEWS_OIDC_ISSUER needs CEWS_OIDC_CLIENT_ID and CEWS_OIDC_CLIENT_SECRET.")
        _https(settings.oidc_issuer, "CEWS_OIDC_ISSUER")
        return cls(
            settings.oidc_issuer,
            settings.oidc_client_id,
            settings.oidc_client_secret.get_secret_value(),
            settings.oidc_name_claim,
            settings.public_url.rstrip("/") + CALLBACK,
        )

    def address(self, errand: Errand) -> str:
        """Where the browser goes to sign in. Raises SourceError."""
        challenge = urlsafe_b64encode(sha256(errand.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.redirect,
            "scope": "openid profile email",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        with Transport(_PATIENCE) as transport:
            place = _endpoint(self._configuration(transport), "authorization_endpoint")
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    def identity(self, errand: Errand, brought: Mapping[str, str], now: datetime) -> Identity:
        """Who came back with this. Raises NotAcceptedError, or SourceError where the provider does not answer."""
        if not secrets.compare_digest(brought.get("state", "").encode(), errand.state.encode()):
            raise NotAcceptedError("the state is not that of the browser")
        if brought.get("iss", self.issuer) != self.issuer:
            raise NotAcceptedError("the answer is another provider's")
        if "error" in brought or not brought.get("code"):
            raise NotAcceptedError(f"the provider said {brought.get('error', 'nothing')!r:.80}")
        with Transport(_PATIENCE) as transport:
            configuration = self._configuration(transport)
            token = self._token(transport, configuration, brought["code"], errand.verifier)
            keys = _get(transport, _endpoint(configuration, "jwks_uri"), "keys of the provider")
        return self._checked(token, keys, errand.nonce, now)

    def _configuration(self, transport: Transport) -> Mapping[str, Any]:
        place = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        said = _get(transport, place, "configuration of the provider")
        if said.get("issuer") != self.issuer:
            raise SourceError(
                f"the provider calls itself {said.get('issuer')!r:.80}, not {self.issuer}; correct CEWS_OIDC_ISSUER",
                permanent=True,
            )
        return said

    def _token(self, transport: Transport, configuration: Mapping[str, Any], code: str, verifier: str) -> str:
        form = {"grant_type": "authorization_code", "redirect_uri": self.redirect}
        secret = {"code": code, "code_verifier": verifier}
        headers = {}
        methods = configuration.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            headers = {"Authorization": "Basic " + _basic(self.id, self.secret)}
        else:
            form, secret = form | {"client_id": self.id}, secret | {"client_secret": self.secret}
        call = Call(
            url=_endpoint(configuration, "token_endpoint"),
            params=form,
            label="token of the provider",
            max_bytes=_MOST,
            pace_seconds=0,
            secrets=secret,
            secret_headers=headers,
            method="POST",
        )
        _, said = transport.fetch(call, _json)
        token = said.get("id_token")
        if not isinstance(token, str):
            raise NotAcceptedError("the provider gave no identity token")
        return token

    def _checked(self, token: str, keys: Mapping[str, Any], nonce: str, now: datetime) -> Identity:
        """The identity in a token whose signature, issuer, audience, time and nonce are right."""
        claims_wanted = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
            claims_wanted.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotAcceptedError(f"the identity token does not hold: {error}") from None
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self.id:
            raise NotAcceptedError("the identity token was made for another client")
        return Identity(self.issuer, str(claims["sub"]), self._name(claims))

    def _name(self, claims: Mapping[str, Any]) -> str:
        if self.name_claim == "email" and claims.get("email_verified") is not True:
            raise NotAcceptedError("the provider has not verified the address")
        return str(claims.get(self.name_claim, "")).strip().lower()


def _endpoint(configuration: Mapping[str, Any], name: str) -> str:
    return _https(str(configuration.get(name, "")), f"the provider's {name}")


def _https(address: str, what: str) -> str:
    """The address, when it is one that nobody on the way can change."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return address
    raise SettingsError(f"{what} must be an https:// address, and is {address!r:.100}.")


def _get(transport: Transport, url: str, label: str) -> Mapping[str, Any]:
    _, said = transport.fetch(Call(url=url, params={}, label=label, max_bytes=_MOST, pace_seconds=0), _json)
    return said


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise SourceError("the provider's answer is not a JSON object", permanent=False)
    return said


def _basic(name: str, secret: str) -> str:
    return b64encode(f"{quote(name, safe='')}:{quote(secret, safe='')}".encode()).decode()
