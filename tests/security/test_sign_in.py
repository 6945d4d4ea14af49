"""Signing in and out: what gets in, what does not, what is slowed down, and what the browser is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from time import perf_counter

import people
import pytest
import time_machine
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from cews import accounts, demo
from cews.accounts import Account, Role
from cews.dashboard.application import create_app
from cews.dashboard.session import own_path
from cews.settings import Settings
from cews.store import users
from cews.store.engine import connect, reading, writing

NAME = "lee.analyst"
START = "2026-03-02T00:00:00Z"


@pytest.fixture
def person(sqlite_engine: Engine) -> Account:
    return people.person(sqlite_engine, Role.ANALYST, NAME)


@pytest.fixture
def browser(sqlite_engine: Engine, person: Account) -> FlaskClient:
    return a_browser(sqlite_engine)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def easy_hash(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes cost hardly any work, for tests with many passwords that are not about the hash."""
    easy = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(accounts, "_HASHER", easy)
    monkeypatch.setattr(accounts, "_NOBODY", easy.hash("nobody's password"))
    people.kept.cache_clear()
    yield
    people.kept.cache_clear()


def a_browser(engine: Engine, *, is_demo: bool = False, **settings: object) -> FlaskClient:
    client = create_app(engine, Settings(**settings), demo=is_demo).server.test_client()  # type: ignore[arg-type]
    client.environ_base.update(people.HERE)
    return client


def sign_in(browser: FlaskClient, name: str = NAME, password: str = people.PASSWORD, **more: str) -> TestResponse:
    return browser.post("/sign-in", data={"name": name, "password": password, **more}, headers={"Accept": "text/html"})


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/_dash-layout").status_code == 200


def words(answer: TestResponse) -> str:
    return re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True))


# --- getting in --------------------------------------------------------------------------------------


def test_name_and_password_let_in(browser: FlaskClient, sqlite_engine: Engine) -> None:
    assert not is_in(browser)
    answer = sign_in(browser, f" {NAME.upper()} ")
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_in(browser)
    with reading(sqlite_engine) as cx:
        assert users.get(cx, NAME).signed_in_at is not None


def test_a_page_asked_for_without_a_session_leads_to_the_sign_in_and_back(browser: FlaskClient) -> None:
    asked = browser.get("/alerts/12?state=all&level=severe", headers={"Accept": "text/html"})
    assert asked.status_code == 303
    form = browser.get(asked.location).get_data(as_text=True)
    kept = re.search(r'name="next" value="([^"]*)"', form)
    assert kept is not None
    there = kept[1].replace("&amp;", "&")
    assert there == "/alerts/12?state=all&level=severe"
    assert sign_in(browser, next=there).location == there


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/\r\nX: y",
        "\t//x",
    ],
    ids=repr,
)
def test_nobody_is_sent_elsewhere_after_signing_in(browser: FlaskClient, elsewhere: str) -> None:
    assert own_path(elsewhere) == "/"
    assert sign_in(browser, next=elsewhere).location == "/"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (NAME, "not the password"),
        ("nobody", people.PASSWORD),
        (NAME, ""),
        ("", ""),
        (NAME, "x" * 100_000),
        ("' OR 1=1 --", "x"),
    ],
    ids=["wrong", "unknown", "empty", "nothing", "huge", "hostile"],
)
def test_what_does_not_fit_is_refused_in_the_same_words(browser: FlaskClient, name: str, password: str) -> None:
    answer = sign_in(browser, name, password)
    assert answer.status_code == 401
    assert "계정 또는 비밀번호가 올바르지 않습니다" in words(answer)
    assert not is_in(browser)


def test_an_unknown_name_costs_as_much_work_as_a_wrong_password(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of the answer would tell which names exist."""
    compared: list[str] = []
    verify = type(accounts._HASHER).verify
    monkeypatch.setattr(
        type(accounts._HASHER), "verify", lambda self, kept, given: compared.append(kept) or verify(self, kept, given)
    )
    sign_in(browser, password="wrong")
    sign_in(browser, "nobody", "wrong")
    assert len(compared) == 2
    assert len({kept.rsplit("$", 2)[0] for kept in compared}) == 1, "the same parameters"


def test_a_disabled_account_stays_out_and_an_account_without_password_too(
    browser: FlaskClient, sqlite_engine: Engine, person: Account
) -> None:
    with writing(sqlite_engine) as cx:
        users.set_active(cx, NAME, False, people.NOW, by="test")
    demo.add_accounts(sqlite_engine, person.created_at)
    assert sign_in(browser).status_code == 401
    assert sign_in(browser, "admin", "").status_code == 401
    assert sign_in(browser, "admin", "nobody's password").status_code == 401
    assert browser.post("/sign-in", data={"role": "admin"}).status_code == 401, "one click is the demo's alone"


def test_a_password_hashed_with_weaker_parameters_is_hashed_again(browser: FlaskClient, sqlite_engine: Engine) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(people.PASSWORD)
    with writing(sqlite_engine) as cx:
        users.rehash(cx, NAME, weak)
    assert accounts.outdated(weak)
    assert sign_in(browser).status_code == 303
    with reading(sqlite_engine) as cx:
        kept = users.password_of(cx, NAME)
    assert kept is not None
    assert not accounts.outdated(kept)
    assert accounts.matches(people.PASSWORD, kept)


def test_before_the_first_account_the_page_says_how_to_make_one(sqlite_engine: Engine) -> None:
    page = a_browser(sqlite_engine).get("/sign-in")
    assert "cews user add NAME --role admin" in words(page)
    assert "<form" not in page.get_data(as_text=True)


def test_what_is_typed_comes_back_as_text_only(browser: FlaskClient) -> None:
    answer = sign_in(browser, '"><script>alert(1)</script>', "x")
    assert "<script>alert" not in answer.get_data(as_text=True)


# --- the demo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_the_demo_lets_in_by_one_click_and_says_so(sqlite_engine: Engine, person: Account, role: Role) -> None:
    demo.add_accounts(sqlite_engine, person.created_at)
    browser = a_browser(sqlite_engine, is_demo=True)
    assert "모의 자료" in words(browser.get("/sign-in"))
    assert browser.post("/sign-in", data={"role": role.slug}).status_code == 303
    assert is_in(browser)


@pytest.mark.parametrize("role", ["", "root", NAME])
def test_the_demo_lets_in_as_one_of_its_own_only(sqlite_engine: Engine, person: Account, role: str) -> None:
    demo.add_accounts(sqlite_engine, person.created_at)
    browser = a_browser(sqlite_engine, is_demo=True)
    assert browser.post("/sign-in", data={"role": role}).status_code == 400
    assert not is_in(browser)


# --- the cookie --------------------------------------------------------------------------------------


def cookie(answer: TestResponse) -> tuple[str, str, set[str]]:
    head, *rest = answer.headers["Set-Cookie"].split("; ")
    name, value = head.split("=", 1)
    return name, value, set(rest)


def test_the_cookie_of_plain_http(browser: FlaskClient) -> None:
    name, value, flags = cookie(sign_in(browser))
    assert name == "cews_session"
    assert len(value) >= 43, "32 random bytes"
    assert flags == {"HttpOnly", "Path=/", "SameSite=Lax"}, "no Domain, and it ends with the browser"


def test_the_cookie_where_there_is_tls(sqlite_engine: Engine, person: Account) -> None:
    browser = a_browser(sqlite_engine, public_url="https://cews.example.org")
    answer = sign_in(browser)
    name, _, flags = cookie(answer)
    assert name == "__Host-cews_session"
    assert flags == {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_the_store_does_not_hold_what_the_cookie_holds(browser: FlaskClient, sqlite_engine: Engine) -> None:
    _, token, _ = cookie(sign_in(browser))
    with reading(sqlite_engine) as cx:
        rows = str(cx.execute(text("SELECT * FROM web_session")).all())
        people_rows = str(cx.execute(text("SELECT * FROM account")).all())
    assert NAME in people_rows
    assert token not in rows
    assert people.PASSWORD not in people_rows
    assert "$argon2id$v=19$m=65536,t=3" in people_rows


def test_every_sign_in_has_a_new_id_and_ends_the_session_before(browser: FlaskClient) -> None:
    _, first, _ = cookie(sign_in(browser))
    _, second, _ = cookie(sign_in(browser))
    assert first != second
    browser.set_cookie(people.COOKIE, first)
    assert not is_in(browser)


def test_an_id_that_somebody_planted_is_never_taken_on(browser: FlaskClient) -> None:
    browser.set_cookie(people.COOKIE, "planted")
    _, value, _ = cookie(sign_in(browser))
    assert value != "planted"


# --- the end of a session ----------------------------------------------------------------------------


def test_signing_out_ends_the_session_in_the_store(browser: FlaskClient) -> None:
    _, token, _ = cookie(sign_in(browser))
    assert browser.post("/sign-out").status_code == 303
    browser.set_cookie(people.COOKIE, token)
    assert not is_in(browser)


def test_an_unused_session_ends(browser: FlaskClient, clock: time_machine.Traveller) -> None:
    sign_in(browser)
    for _ in range(3):
        clock.shift(timedelta(minutes=59))
        assert is_in(browser), "use keeps it alive"
    clock.shift(timedelta(minutes=61))
    assert not is_in(browser)


def test_any_session_ends_however_much_it_is_used(browser: FlaskClient, clock: time_machine.Traveller) -> None:
    sign_in(browser)
    for _ in range(14):
        clock.shift(timedelta(minutes=50))
        assert is_in(browser)
    clock.shift(timedelta(minutes=21))
    assert not is_in(browser)


def test_how_long_sessions_live_can_be_set(
    sqlite_engine: Engine, person: Account, clock: time_machine.Traveller
) -> None:
    browser = a_browser(sqlite_engine, session_idle_minutes=10)
    sign_in(browser)
    clock.shift(timedelta(minutes=11))
    assert not is_in(browser)


def test_a_script_is_told_that_the_session_is_over(browser: FlaskClient) -> None:
    answer = browser.post("/_dash-update-component", json={"output": "content.children"})
    assert (answer.status_code, answer.get_data(as_text=True)) == (401, "signed-out")


# --- guessing ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("easy_hash")
def test_guessing_at_an_account_is_slowed_down_in_all_workers(
    sqlite_engine: Engine, person: Account, clock: time_machine.Traveller
) -> None:
    workers = [a_browser(sqlite_engine), a_browser(connect(str(sqlite_engine.url)))]
    for number in range(users.ATTEMPTS_OF_ACCOUNT):
        assert sign_in(workers[number % 2], password="a guess").status_code == 401
        clock.shift(timedelta(seconds=1))
    for worker in workers:
        answer = sign_in(worker)
        assert answer.status_code == 429, "even the right password"
        assert "시도 횟수가 많아" in words(answer)
        assert int(answer.headers["Retry-After"]) == 15 * 60 - users.ATTEMPTS_OF_ACCOUNT
    clock.shift(users.WINDOW)
    assert sign_in(workers[0]).status_code == 303


@pytest.mark.usefixtures("easy_hash")
def test_guessing_at_many_accounts_from_one_address_is_slowed_down(
    browser: FlaskClient, clock: time_machine.Traveller
) -> None:
    for number in range(users.ATTEMPTS_FROM_ADDRESS):
        assert sign_in(browser, f"name{number}", "a guess").status_code == 401
    assert sign_in(browser).status_code == 429
    browser.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert sign_in(browser).status_code == 303


@pytest.mark.usefixtures("easy_hash")
def test_an_unknown_account_is_slowed_down_like_a_known_one(
    browser: FlaskClient, clock: time_machine.Traveller
) -> None:
    for _ in range(users.ATTEMPTS_OF_ACCOUNT):
        sign_in(browser, "nobody", "a guess")
    assert sign_in(browser, "nobody", "a guess").status_code == 429


@pytest.mark.usefixtures("easy_hash")
def test_getting_in_forgets_the_typing_errors(browser: FlaskClient, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        for _ in range(users.ATTEMPTS_OF_ACCOUNT - 1):
            sign_in(browser, password="a typing error")
        assert sign_in(browser).status_code == 303


@pytest.mark.usefixtures("easy_hash")
def test_only_a_known_proxy_says_where_somebody_comes_from(
    sqlite_engine: Engine, person: Account, clock: time_machine.Traveller
) -> None:
    def attempts(browser: FlaskClient) -> list[int]:
        return [
            browser.post(
                "/sign-in",
                data={"name": f"n{number}", "password": "x"},
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
            ).status_code
            for number in range(users.ATTEMPTS_FROM_ADDRESS + 1)
        ]

    assert attempts(a_browser(sqlite_engine))[-1] == 429, "whoever writes the header himself gains nothing"
    assert attempts(a_browser(sqlite_engine, proxies=1))[-1] == 401


def test_a_burst_of_guesses_at_once_does_not_slip_through(store_url: str) -> None:
    """Counted before they are looked at, one after the other, also by several processes' connections."""
    engine = connect(store_url)
    start, admitted = Barrier(12), []

    def guess() -> None:
        mine = connect(store_url)
        start.wait()
        for _ in range(3):
            with writing(mine) as cx:
                admitted.append(users.admit(cx, "kim", "192.0.2.1", people.NOW) is None)
        mine.dispose()

    threads = [Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert sum(admitted) == users.ATTEMPTS_OF_ACCOUNT
    assert len(admitted) == 36


# --- the own password --------------------------------------------------------------------------------


def change(browser: FlaskClient, password: str, new: str, again: str | None = None) -> TestResponse:
    return browser.post("/password", data={"password": password, "new": new, "again": new if again is None else again})


@pytest.mark.usefixtures("easy_hash")
def test_the_own_password_can_be_changed_and_other_sessions_end(sqlite_engine: Engine, browser: FlaskClient) -> None:
    elsewhere = a_browser(sqlite_engine)
    sign_in(elsewhere)
    sign_in(browser)
    assert change(browser, people.PASSWORD, "a longer new password").status_code == 200
    assert is_in(browser)
    assert not is_in(elsewhere)
    assert sign_in(elsewhere).status_code == 401
    assert sign_in(elsewhere, password="a longer new password").status_code == 303


@pytest.mark.usefixtures("easy_hash")
@pytest.mark.parametrize(
    ("password", "new", "again", "why"),
    [
        ("wrong", "a longer new password", None, "현재 비밀번호가"),
        (people.PASSWORD, "a longer new password", "another", "서로 일치하지"),
        (people.PASSWORD, "too short", None, "15자 이상"),
        (people.PASSWORD, "ab" * 10, None, "서로 다른 문자"),
        (people.PASSWORD, f"my name is {NAME}", None, "계정 이름"),
    ],
)
def test_a_password_that_will_not_do(
    browser: FlaskClient, password: str, new: str, again: str | None, why: str
) -> None:
    sign_in(browser)
    answer = change(browser, password, new, again)
    assert answer.status_code == 400
    assert why in words(answer)
    browser.post("/sign-out")
    assert sign_in(browser).status_code == 303


@pytest.mark.usefixtures("easy_hash")
def test_guessing_the_present_password_is_slowed_down_too(browser: FlaskClient, clock: time_machine.Traveller) -> None:
    sign_in(browser)
    said = [change(browser, "a guess", "a longer new password").status_code for _ in range(11)]
    assert said == [400] * 10 + [429]


# --- health ------------------------------------------------------------------------------------------


def test_health_needs_no_session_and_tells_nothing(browser: FlaskClient, sqlite_engine: Engine, tmp_path: Path) -> None:
    assert browser.get("/healthz").get_data(as_text=True) == "ok\n"
    assert browser.get("/readyz").get_data(as_text=True) == "ready\n"
    with writing(sqlite_engine) as cx:
        cx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert browser.get("/readyz").status_code == 503
    assert browser.get("/healthz").status_code == 200


def test_nobody_waits_for_a_long_writer_to_look_at_a_page(
    browser: FlaskClient, sqlite_engine: Engine, clock: time_machine.Traveller
) -> None:
    sign_in(browser)
    clock.shift(timedelta(minutes=5))
    with writing(connect(str(sqlite_engine.url))):
        began = perf_counter()
        assert is_in(browser)
        assert perf_counter() - began < 5
    clock.shift(timedelta(minutes=56))
    assert not is_in(browser), "the use could not be noted"


def test_a_store_that_stays_busy_is_said_in_plain_words(
    browser: FlaskClient, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(writing.__wrapped__.__kwdefaults__, "wait", 0)  # type: ignore[attr-defined]
    with writing(connect(str(sqlite_engine.url))):
        answer = sign_in(browser)
    assert answer.status_code == 503
    assert "잠시 후 다시 시도" in words(answer)
