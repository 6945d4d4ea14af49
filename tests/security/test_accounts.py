"""Accounts: names, passwords, roles, and the command that keeps them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import people
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from cews import accounts
from cews.accounts import Role
from cews.cli import cews
from cews.commands.service import _warnings
from cews.domain import UserError
from cews.settings import Settings
from cews.store import audit, users
from cews.store.engine import reading, writing
from cews.store.users import LastAdminError, Limits

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LIMITS = Limits.of(Settings())


# --- names and passwords -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a", "x" * 65, "kim lee", "../x", "김", "-kim", "a\nb", "<b>", "a\0b"], ids=repr)
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name"):
        accounts.checked_name(name)


def test_a_name_is_one_in_whatever_case_it_is_typed() -> None:
    assert accounts.checked_name(" Kim.Lee@Example.org ") == "kim.lee@example.org"


@pytest.mark.parametrize(
    ("password", "fine"),
    [
        ("x" * 14, False),
        ("correct horse", False),
        ("correct horse b", True),
        ("암호는 길어야 합니다 정말로요", True),
        (" " * 20, False),
        ("abcd" * 10, False),
        ("abcde" * 51, True),
        ("abcde" * 52, False),
        ("my name is Kim, hello", False),
    ],
)
def test_what_a_password_must_be(password: str, fine: bool) -> None:
    assert (accounts.weakness(password, "kim") is None) == fine


@settings(max_examples=3, deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_a_password_is_taken_exactly_as_it_was_typed(password: str, other: str) -> None:
    kept = accounts.hashed(password)
    assert password not in kept or len(password) < 8
    assert accounts.matches(password, kept)
    assert accounts.matches(other, kept) == (other == password)
    assert not accounts.matches(password, None)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,")


def test_what_is_no_hash_lets_nobody_in() -> None:
    assert not accounts.matches("x", "")
    assert not accounts.matches("x", "plain text")


# --- in the store ------------------------------------------------------------------------------------


def test_the_last_admin_stays(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        users.add(cx, "kim", Role.ADMIN, None, NOW, by="test")
        users.add(cx, "lee", Role.ADMIN, None, NOW, by="test")
        users.set_active(cx, "lee", False, NOW, by="test")
        with pytest.raises(LastAdminError, match="last active admin"):
            users.set_active(cx, "kim", False, NOW, by="test")
        with pytest.raises(LastAdminError):
            users.set_role(cx, "kim", Role.MANAGER, NOW, by="test")
        users.set_role(cx, "kim", Role.ADMIN, NOW, by="test")
        users.set_active(cx, "lee", True, NOW, by="test")
        users.set_role(cx, "kim", Role.VIEWER, NOW, by="test")
    with reading(store_engine) as cx:
        assert users.get(cx, "kim").role is Role.VIEWER


def test_an_account_and_its_sessions(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        kim = users.add(cx, "kim", Role.ANALYST, "hash", NOW, by="test")
        with pytest.raises(UserError, match="already"):
            users.add(cx, "kim", Role.VIEWER, None, NOW, by="test")
        for key in ("a", "b", "c"):
            users.start_session(cx, kim, key * 64, NOW, LIMITS, "192.0.2.1")
        users.end_session(cx, "a" * 64)
    later = NOW + LIMITS.idle - timedelta(seconds=1)
    with reading(store_engine) as cx:
        assert [(line.account.name, line.sessions) for line in users.listing(cx, later, LIMITS)] == [("kim", 2)]
        assert users.account_of(cx, "a" * 64, NOW, LIMITS) is None
        found = users.account_of(cx, "b" * 64, later, LIMITS)
        assert found is not None
        assert (found[0].name, found[0].signed_in_at, found[1]) == ("kim", NOW, NOW)
        assert users.account_of(cx, "b" * 64, NOW + LIMITS.idle, LIMITS) is None
    with writing(store_engine) as cx:
        users.seen(cx, "b" * 64, later)
        users.set_password(cx, "kim", "other", NOW, by="kim", keep="b" * 64)
        assert users.listing(cx, later, LIMITS)[0].sessions == 1
        users.set_active(cx, "kim", False, NOW, by="test")
        assert users.password_of(cx, "kim") is None
        assert users.listing(cx, later, LIMITS)[0].sessions == 0
        assert not users.exist(cx)


def test_every_change_is_in_the_audit_log(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        kim = users.add(cx, "kim", Role.ANALYST, "a hash", NOW, by="root")
        users.start_session(cx, kim, "a" * 64, NOW, LIMITS, "192.0.2.1")
        users.set_role(cx, "kim", Role.MANAGER, NOW, by="lee")
        users.set_password(cx, "kim", "another hash", NOW, by="kim")
        users.end_sessions(cx, "kim", NOW, by="lee")
        users.set_active(cx, "kim", False, NOW, by="lee")
        users.set_active(cx, "kim", True, NOW, by="lee")
    with reading(store_engine) as cx:
        said = [(e.actor, e.action, e.detail) for e in reversed(audit.entries(cx, "account kim"))]
        assert audit.verify(cx).broken_at is None
    assert said == [
        ("root", "add", {"role": "analyst"}),
        ("kim", "sign in", {"address": "192.0.2.1"}),
        ("lee", "role", {"before": "analyst", "after": "manager"}),
        ("kim", "password", {}),
        ("lee", "end sessions", {}),
        ("lee", "disable", {}),
        ("lee", "enable", {}),
    ]


def test_a_change_that_fails_leaves_no_entry(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        users.add(cx, "kim", Role.ADMIN, None, NOW, by="root")
    with pytest.raises(LastAdminError), writing(store_engine) as cx:
        users.set_active(cx, "kim", False, NOW, by="kim")
    with reading(store_engine) as cx:
        assert [entry.action for entry in audit.entries(cx, "account kim")] == ["add"]


def test_sessions_that_are_over_are_cleared_away(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        kim = users.add(cx, "kim", Role.ANALYST, None, NOW, by="test")
        users.start_session(cx, kim, "a" * 64, NOW, LIMITS, "")
        users.start_session(cx, kim, "b" * 64, NOW + LIMITS.whole, LIMITS, "")
        generous = Limits(timedelta(days=9), timedelta(days=9))
        assert users.listing(cx, NOW + LIMITS.whole, generous)[0].sessions == 1


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def run(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CEWS_DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)

    def call(*words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cews, ["user", *words], input=typed)

    return call


def test_the_life_of_an_account_by_the_command(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    secret = tmp_path / "secret"
    secret.write_text(people.PASSWORD + "\nnot this line\n", encoding="utf-8")
    assert "kim may sign in as admin" in run("add", "Kim", "--role", "admin", "--password-file", str(secret)).output
    assert "lee may sign in as viewer" in run("add", "lee", "--password-file", "-", typed=people.PASSWORD).output
    assert run("role", "lee", "manager").exit_code == 0
    assert run("disable", "lee").exit_code == 0
    listed = json.loads(run("list", "--json").output)
    assert [(line["account"], line["role"], line["state"]) for line in listed] == [
        ("kim", "admin", "active"),
        ("lee", "manager", "disabled"),
    ]
    assert run("enable", "lee").exit_code == 0
    assert run("password", "lee", "--password-file", "-", typed="another long password\n").exit_code == 0
    assert "kim" in run("list").output
    assert people.PASSWORD not in run("list").output


@pytest.mark.parametrize(
    ("words", "typed", "why"),
    [
        (["add", "kim", "--password-file", "-"], "short", "15 to 256 characters"),
        (["add", "kim lee", "--password-file", "-"], people.PASSWORD, "cannot be the name"),
        (["add", "kim"], people.PASSWORD, "give --password-file"),
        (["disable", "kim"], None, "no account 'kim'"),
        (["password", "kim", "--password-file", "-"], people.PASSWORD, "no account 'kim'"),
    ],
)
def test_what_cannot_be_done_is_said(run, words: list[str], typed: str | None, why: str) -> None:  # type: ignore[no-untyped-def]
    result = run(*words, typed=typed)
    assert isinstance(result.exception, UserError)
    assert why in str(result.exception)


def test_a_password_is_never_an_argument() -> None:
    group = cews.get_command(click.Context(cews), "user")
    assert isinstance(group, click.Group)
    assert len(group.commands) > 3
    for command in group.commands.values():
        assert not [option for parameter in command.params for option in parameter.opts if option == "--password"]


def test_whoever_starts_the_dashboard_is_told_what_to_do(sqlite_engine: Engine) -> None:
    def said(demo: bool = False, **given: str) -> str:
        return " ".join(_warnings(sqlite_engine, Settings(**given), demo))

    assert "cews user add NAME --role admin" in said()
    assert "comes in by one click" in said(demo=True)
    people.person(sqlite_engine, Role.ADMIN)
    assert said() == ""
    assert "passwords can be read on the way" in said(host="0.0.0.0")
    assert said(host="0.0.0.0", public_url="https://cews.example.org") == ""
