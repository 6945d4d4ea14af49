"""An OpenID Connect provider on the loopback: real HTTP, real keys, PKCE checked; it can be told to misbehave."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "cews", "a secret / with + signs"


@cache
def _first_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})


class Provider:
    """Signs ``person`` in without asking. ``claims`` are put over the right ones; ``None`` takes one out."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"sub": "248289761001", "preferred_username": "Lee.Analyst"}
        self.claims: dict[str, Any] = {}
        self.signing = "right"  # right | other key | none | shared secret
        self.configuration: dict[str, Any] = {}
        self.down = False
        self.key = _first_key()
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def described(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        } | self.configuration

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)  # good for one use
        if asked is None or not self._knows(form, authorization):
            return 400, {"error": "invalid_grant"}
        challenge = _encoded(sha256(form["code_verifier"].encode()).digest())
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        right = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in (right | self.person | self.claims).items() if value is not None}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.signed(claims)}

    def _knows(self, form: dict[str, str], authorization: str) -> bool:
        if form.get("client_id"):
            return (form["client_id"], form.get("client_secret")) == (CLIENT, SECRET)
        name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return (unquote(name), unquote(secret)) == (CLIENT, SECRET)

    def signed(self, claims: dict[str, Any]) -> str:
        if self.signing in ("none", "shared secret"):  # libraries refuse to make such tokens
            header = {"alg": "none" if self.signing == "none" else "HS256", "kid": self.key.kid}
            said = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
            seal = b"" if self.signing == "none" else self._sealed(said)
            return f"{said}.{_encoded(seal)}"
        key = self.key if self.signing == "right" else RSAKey.generate_key(2048, {"kid": self.key.kid})
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, key)

    def _sealed(self, said: str) -> bytes:
        """By the public key, as if it were a secret that both sides know."""
        return hmac.new(self.key.as_pem(private=False), said.encode(), "sha256").digest()

    def keys(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(f"GET {parts.path}")
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if provider.down:
                self._answer(503, {})
            elif parts.path == "/realm/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.end_headers()
            elif parts.path == "/realm/keys":
                self._answer(200, provider.keys())
            elif parts.path == "/realm/.well-known/openid-configuration":
                self._answer(200, provider.described())
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(f"POST {self.path}")
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
