"""Settings come from the environment, ``.env`` and secret files; a wrong one is told in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cews import settings
from cews.domain import SettingsError
from cews.settings import Settings


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests, and a folder without an ``.env``."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_everything_has_a_default() -> None:
    assert settings.load().port == 8050
    assert settings.load().language == "ko"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CEWS_PORT=8051\nCEWS_LANGUAGE=en\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("CEWS_PORT", "8052")
    loaded = settings.load()
    assert (loaded.port, loaded.language) == (8052, "en")


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "0"), ("PORT", "eighty"), ("LANGUAGE", "fr"), ("ALARM_BUDGET", "-1")]
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CEWS_{name}", value)
    with pytest.raises(SettingsError, match=f"CEWS_{name}: "):
        settings.load()


def test_every_wrong_value_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEWS_PORT", "0")
    monkeypatch.setenv("CEWS_LOG_FORMAT", "xml")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert len(str(caught.value).splitlines()) == 3


def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "kcs"
    secret.write_text("abc+/==\n", encoding="utf-8")
    monkeypatch.setenv("CEWS_KCS_KEY_FILE", str(secret))
    key = settings.load().kcs_key
    assert key is not None
    assert key.get_secret_value() == "abc+/=="


def test_a_secret_file_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CEWS_KCS_KEY_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match=r"CEWS_KCS_KEY_FILE names .*absent"):
        settings.load()


def test_a_secret_file_that_is_not_text_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("CEWS_KCS_KEY_FILE", str(tmp_path / "binary"))
    with pytest.raises(SettingsError, match="CEWS_KCS_KEY_FILE"):
        settings.load()


def test_a_secret_does_not_show_in_a_dump() -> None:
    shown = Settings(kcs_key="canary", smtp_url="smtp://a:canary@b", database_url="postgresql://a:canary@b/c")
    assert "canary" not in repr(shown)
    assert "canary" not in str(shown.model_dump())
    assert "canary" not in shown.model_dump_json()


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEWS_KCS_KEY", "canary")
    monkeypatch.setenv("CEWS_PORT", "0")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert "canary" not in str(caught.value)


def test_an_empty_value_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CEWS_KCS_KEY", "CEWS_SMTP_URL", "CEWS_DATABASE_URL", "CEWS_PORT"):
        monkeypatch.setenv(name, "")
    loaded = settings.load()
    assert loaded.kcs_key is None
    assert loaded.smtp_url is None
    assert loaded.database_url is None
    assert loaded.port == 8050


def test_a_misspelt_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEWS_SMPT_URL", "smtp://localhost")
    monkeypatch.setenv("CEWS_KCS_KEY_FILE", "/run/secrets/kcs")
    assert settings.unknown_names() == ("CEWS_SMPT_URL",)


@pytest.mark.parametrize("zone", ["Seoul", "Asia/Nowhere", "../etc/passwd", ""])
def test_a_time_zone_must_exist(zone: str) -> None:
    with pytest.raises(SettingsError, match="CEWS_TIME_ZONE"):
        settings.load(time_zone=zone)


def test_the_store_lies_below_home(tmp_path: Path) -> None:
    assert settings.load(home=tmp_path).store_url == f"sqlite:///{tmp_path / 'cews.sqlite3'}"
    assert settings.load(database_url="postgresql://h/d").store_url == "postgresql://h/d"
