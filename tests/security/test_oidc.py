"""Signing in by an OpenID Connect provider: what gets in, and everything that must not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import people
import pytest
from click.testing import CliRunner
from dash import Dash
from fake_provider import CLIENT, SECRET, Provider
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from cews.accounts import Identity, Role
from cews.cli import cews
from cews.dashboard.application import create_app
from cews.domain import SettingsError, UserError
from cews.oidc import Client
from cews.settings import Settings
from cews.store import audit, users
from cews.store.engine import reading, writing

NAME = "lee.analyst"


@pytest.fixture
def provider() -> Iterator[Provider]:
    started = Provider()
    yield started
    started.close()


@pytest.fixture
def engine(sqlite_engine: Engine, provider: Provider) -> Engine:
    with writing(sqlite_engine) as cx:
        users.add(cx, NAME, Role.ANALYST, None, people.NOW, by="test", issuer=provider.issuer)
    return sqlite_engine


def settings_of(provider: Provider, **more: object) -> Settings:
    given = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "public_url": "http://localhost",
    }
    return Settings(**(given | more))


def browser_of(engine: Engine, settings: Settings) -> FlaskClient:
    app: Dash = create_app(engine, settings)
    client = app.server.test_client()
    client.environ_base.update(people.HERE)
    return client


@pytest.fixture
def browser(engine: Engine, provider: Provider) -> FlaskClient:
    return browser_of(engine, settings_of(provider))


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def at_the_provider(address: str) -> str:
    """Where the provider sends the browser back to."""
    with pytest.raises(HTTPError) as redirected:
        build_opener(_Stay).open(address)
    return str(redirected.value.headers["Location"])


def sign_in(browser: FlaskClient, there: str = "/") -> TestResponse:
    start = browser.get("/sign-in/provider", query_string={"next": there})
    assert start.status_code == 303, words(start)
    back = urlsplit(at_the_provider(start.location))
    return browser.get(f"{back.path}?{back.query}")


def words(answer: TestResponse) -> str:
    return re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True))


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/_dash-layout").status_code == 200


# --- getting in --------------------------------------------------------------------------------------


def test_a_person_comes_in_by_the_provider_and_to_the_page(browser: FlaskClient, engine: Engine) -> None:
    assert "기관 계정으로 로그인" in words(browser.get("/sign-in"))
    answer = sign_in(browser, "/alerts?level=severe&q=a.b")
    assert (answer.status_code, answer.location) == (303, "/alerts?level=severe&q=a.b")
    assert is_in(browser)
    with reading(engine) as cx:
        said = [(entry.actor, entry.action) for entry in reversed(audit.entries(cx, f"account {NAME}"))]
    assert said == [("test", "add"), (NAME, "bind"), (NAME, "sign in")]


def test_what_the_browser_is_sent_with(browser: FlaskClient, provider: Provider) -> None:
    first, second = (browser.get("/sign-in/provider") for _ in range(2))
    asked, again = ({k: v[0] for k, v in parse_qs(urlsplit(a.location).query).items()} for a in (first, second))
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://localhost/sign-in/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != again[name]
    assert SECRET not in first.location
    assert {"HttpOnly", "SameSite=Lax", "Max-Age=600"} <= set(first.headers["Set-Cookie"].split("; "))


def test_the_secret_in_the_form_where_the_provider_wants_it_there(browser: FlaskClient, provider: Provider) -> None:
    provider.configuration = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert sign_in(browser).status_code == 303


def test_a_key_the_provider_changed_is_followed(browser: FlaskClient, provider: Provider) -> None:
    assert sign_in(browser).status_code == 303
    provider.key = RSAKey.generate_key(2048, {"kid": "2", "use": "sig", "alg": "RS256"})
    assert sign_in(browser).status_code == 303


# --- who is who --------------------------------------------------------------------------------------


def test_once_known_the_subject_counts_and_not_the_name(browser: FlaskClient, provider: Provider) -> None:
    sign_in(browser)
    browser.post("/sign-out")
    provider.person = {"sub": "248289761001", "preferred_username": "lee.married"}
    assert sign_in(browser).status_code == 303
    browser.post("/sign-out")
    provider.person = {"sub": "another", "preferred_username": NAME}
    assert sign_in(browser).status_code == 403, "a name given to somebody else opens nothing"


def test_who_has_no_account_stays_out(browser: FlaskClient, provider: Provider, engine: Engine) -> None:
    provider.person = {"sub": "1", "preferred_username": "stranger"}
    answer = sign_in(browser)
    assert answer.status_code == 403
    assert "등록된 계정이 없습니다" in words(answer)
    assert not is_in(browser)


def test_a_provider_cannot_take_an_account_that_has_a_password(
    browser: FlaskClient, provider: Provider, engine: Engine
) -> None:
    people.person(engine, Role.ADMIN, "kim")
    provider.person = {"sub": "1", "preferred_username": "kim"}
    assert sign_in(browser).status_code == 403


def test_a_disabled_account_stays_out(browser: FlaskClient, engine: Engine) -> None:
    sign_in(browser)
    with writing(engine) as cx:
        users.set_active(cx, NAME, False, people.NOW, by="test")
    assert sign_in(browser).status_code == 403


def test_an_account_of_the_provider_has_no_password(browser: FlaskClient) -> None:
    assert browser.post("/sign-in", data={"name": NAME, "password": ""}).status_code == 401


def test_another_provider_s_subject_is_somebody_else(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        users.add(cx, "kim", Role.VIEWER, None, people.NOW, by="test", issuer="https://a.example")
        assert users.by_identity(cx, Identity("https://b.example", "1", "kim"), people.NOW) is None
        assert users.by_identity(cx, Identity("https://a.example", "1", "kim"), people.NOW) is not None
        assert users.by_identity(cx, Identity("https://b.example", "1", "kim"), people.NOW) is None
        assert users.by_identity(cx, Identity("https://a.example", "2", "kim"), people.NOW) is None


def test_an_address_counts_as_a_name_only_when_the_provider_has_verified_it(engine: Engine, provider: Provider) -> None:
    with writing(engine) as cx:
        users.add(cx, "lee@example.org", Role.VIEWER, None, people.NOW, by="test", issuer=provider.issuer)
    browser = browser_of(engine, settings_of(provider, oidc_name_claim="email"))
    provider.person = {"sub": "9", "email": "Lee@example.org"}
    assert sign_in(browser).status_code == 401
    provider.person |= {"email_verified": True}
    assert sign_in(browser).status_code == 303


# --- what does not hold ------------------------------------------------------------------------------

LONG_AGO, FAR_AHEAD = 1_000_000_000, 4_000_000_000  # seconds since 1970; the same whenever tests are collected


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"exp": LONG_AGO},
        {"exp": None},
        {"iat": FAR_AHEAD},
        {"nbf": FAR_AHEAD},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim(browser: FlaskClient, provider: Provider, claims: dict[str, object]) -> None:
    provider.claims = claims
    assert sign_in(browser).status_code == 401
    assert not is_in(browser)


@pytest.mark.parametrize("signing", ["other key", "none", "shared secret"])
def test_a_token_with_a_wrong_signature(browser: FlaskClient, provider: Provider, signing: str) -> None:
    provider.signing = signing
    assert sign_in(browser).status_code == 401
    assert not is_in(browser)


@pytest.mark.parametrize("change", ["state=forged", "code=forged", "iss=https://evil.example", "error=access_denied"])
def test_a_browser_that_brings_something_else(browser: FlaskClient, change: str) -> None:
    start = browser.get("/sign-in/provider")
    back = urlsplit(at_the_provider(start.location))
    name, value = change.split("=", 1)
    brought = {key: values[0] for key, values in parse_qs(back.query).items()} | {name: value}
    answer = browser.get(back.path, query_string=brought)
    assert answer.status_code in (401, 502)
    assert not is_in(browser)


def test_another_browser_cannot_finish_what_this_one_began(
    browser: FlaskClient, engine: Engine, provider: Provider
) -> None:
    """Else somebody could be signed in as somebody else by a link."""
    back = urlsplit(at_the_provider(browser.get("/sign-in/provider").location))
    other = browser_of(engine, settings_of(provider))
    assert other.get(f"{back.path}?{back.query}").status_code == 400
    other.get("/sign-in/provider")
    assert other.get(f"{back.path}?{back.query}").status_code == 401
    assert not is_in(other)


def test_a_code_is_good_once(browser: FlaskClient) -> None:
    start = browser.get("/sign-in/provider")
    cookie = start.headers["Set-Cookie"].split(";")[0].split("=", 1)
    back = urlsplit(at_the_provider(start.location))
    assert browser.get(f"{back.path}?{back.query}").status_code == 303
    browser.post("/sign-out")
    browser.set_cookie(cookie[0], cookie[1].strip('"'))
    assert browser.get(f"{back.path}?{back.query}").status_code in (401, 502)
    assert not is_in(browser)


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": ""},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly(
    browser: FlaskClient, provider: Provider, configuration: dict[str, str]
) -> None:
    provider.configuration = configuration
    answer = browser.get("/sign-in/provider")
    assert answer.status_code == 502
    assert "기관 인증 서버가 정상적으로" in words(answer)


def test_a_provider_that_is_down_does_not_keep_others_out(
    browser: FlaskClient, provider: Provider, engine: Engine
) -> None:
    people.person(engine, Role.ADMIN, "kim")
    provider.down = True
    assert browser.get("/sign-in/provider").status_code == 502
    assert browser.post("/sign-in", data={"name": "kim", "password": people.PASSWORD}).status_code == 303


# --- settings ----------------------------------------------------------------------------------------


def test_without_a_provider_there_is_no_other_way_in(sqlite_engine: Engine) -> None:
    browser = browser_of(sqlite_engine, Settings())
    assert Client.of(Settings()) is None
    assert browser.get("/sign-in/provider").status_code == 404
    assert browser.get("/sign-in/callback?code=x&state=y").status_code == 400


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"oidc_client_id": ""}, "needs CEWS_OIDC_CLIENT_ID"),
        ({"oidc_client_secret": None}, "needs CEWS_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://id.example.org"}, "https://"),
    ],
)
def test_settings_that_do_not_do(provider: Provider, more: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        Client.of(settings_of(provider, **more))


def test_an_account_of_a_provider_is_made_where_there_is_one(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEWS_DATABASE_URL", sqlite_url)
    refused = CliRunner().invoke(cews, ["user", "add", "kim", "--oidc"])
    assert isinstance(refused.exception, UserError)
    monkeypatch.setenv("CEWS_OIDC_ISSUER", "https://id.example.org")
    assert CliRunner().invoke(cews, ["user", "add", "kim", "--oidc"]).exit_code == 0
