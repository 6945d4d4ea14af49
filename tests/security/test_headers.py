"""What every answer carries, and which requests may change something."""

from __future__ import annotations

import people
import pytest
from dash import Dash
from flask.testing import FlaskClient
from sqlalchemy import Engine

from cews.accounts import Role
from cews.dashboard.application import create_app
from cews.dashboard.security import LONGEST_BODY
from cews.settings import Settings

ANSWERS = [
    ("GET", "/sign-in", 200),
    ("GET", "/", 200),
    ("GET", "/alerts/12?state=all", 200),
    ("GET", "/_dash-layout", 200),
    ("GET", "/healthz", 200),
    ("GET", "/assets/logo.svg", 200),
    ("GET", "/assets/nothing.js", 404),
    ("GET", "/static/x", 403),
    ("POST", "/", 403),
    ("POST", "/_dash-update-component", 403),
    ("DELETE", "/sign-in", 403),
]
HERE = "http://localhost"


@pytest.fixture
def app(sqlite_engine: Engine) -> Dash:
    return create_app(sqlite_engine, Settings())


@pytest.fixture
def browser(app: Dash, sqlite_engine: Engine) -> FlaskClient:
    return people.browser_of(app, sqlite_engine, Role.ADMIN)


def test_every_answer_carries_the_headers(browser: FlaskClient) -> None:
    for method, path, status in ANSWERS:
        answer = browser.open(path, method=method)
        said, policy = answer.headers, answer.headers["Content-Security-Policy"]
        assert answer.status_code == status, path
        assert said["X-Content-Type-Options"] == "nosniff"
        assert said["X-Frame-Options"] == "DENY"
        assert said["Referrer-Policy"] == "same-origin"
        assert said["Cross-Origin-Opener-Policy"] == said["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in said["Permissions-Policy"]
        assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= set(
            policy.split("; ")
        )
        script = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe" not in script
        assert "*" not in policy
        assert "http" not in policy
        assert "Strict-Transport-Security" not in said, "not without TLS"
        assert "Access-Control-Allow-Origin" not in said


def test_nothing_but_scripts_and_styles_is_kept_by_the_browser(browser: FlaskClient) -> None:
    for path in ("/", "/sign-in", "/_dash-layout", "/_dash-dependencies", "/password", "/alerts"):
        assert browser.get(path).headers["Cache-Control"] == "no-store", path
    assert browser.get("/assets/logo.svg").headers.get("Cache-Control") != "no-store"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, True),  # the browser compared them
        ({"Origin": HERE}, True),
        ({"Origin": "https://cews.example.org"}, True),
        ({}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": HERE}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "http://localhost:8051"}, False),
        ({"Origin": "https://localhost"}, False),
        ({"Referer": HERE}, False),
    ],
    ids=str,
)
def test_only_a_page_of_our_own_may_change_something(
    sqlite_engine: Engine, headers: dict[str, str], allowed: bool
) -> None:
    app = create_app(sqlite_engine, Settings(public_url="https://cews.example.org/"))
    client = app.server.test_client()
    for path in ("/sign-in", "/sign-out", "/password", "/_dash-update-component"):
        answer = client.post(path, headers=headers, data={"name": "x"})
        assert (answer.status_code in (303, 401)) == allowed, path
        assert (answer.status_code == 403) != allowed, path
        assert "max-age=31536000; includeSubDomains" in answer.headers["Strict-Transport-Security"]


def test_signing_out_by_a_link_does_not_work(browser: FlaskClient) -> None:
    """Else any page could sign a reader out with an image."""
    assert browser.get("/sign-out").status_code == 200  # the frame, which says that there is no such page
    assert browser.get("/_dash-layout").status_code == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/sign-in", "application/x-www-form-urlencoded"), ("/_dash-update-component", "application/json")],
)
def test_a_body_longer_than_any_page_sends_is_refused(browser: FlaskClient, path: str, kind: str) -> None:
    body, here = b"1" * (LONGEST_BODY + 1), {"Sec-Fetch-Site": "same-origin"}
    assert browser.post(path, data=body, headers=here, content_type=kind).status_code == 413
