"""Programs for tests of the API: tokens, and clients that send them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from cews import tokens
from cews.accounts import Account, Role, Scope
from cews.store import users
from cews.store.engine import writing


def token_of(
    engine: Engine, role: Role, scopes: Collection[Scope], name: str = "test", *, expires_at: datetime | None = None
) -> str:
    """The secret of a new token of somebody with that role."""
    owner, now = owner_of(engine, role), datetime.now(UTC)
    _, secret = tokens.create(engine, owner.name, name, scopes, expires_at=expires_at, now=now, by="test")
    return secret


def owner_of(engine: Engine, role: Role, name: str | None = None) -> Account:
    """An account that signs in nowhere, so that no password need be hashed; made where there is none."""
    name = name or f"p.{role.slug}"
    with writing(engine) as cx:
        return users.find(cx, name) or users.add(cx, name, role, None, datetime.now(UTC), by="test")


class Program:
    """Sends requests below ``/api/v1`` with a token, through the whole server."""

    def __init__(self, server: Flask, secret: str | None) -> None:
        self.client: FlaskClient = server.test_client()
        self.headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.send("GET", path, **more)

    def post(self, path: str, **more: Any) -> TestResponse:
        return self.send("POST", path, **more)

    def data(self, path: str) -> Any:
        """What a read is answered with."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert answer.json is not None
        return answer.json["data"]
