"""Settings: environment variables with the prefix ``CEWS_``, an ``.env`` file, and ``*_FILE`` secrets.

The only module that reads the environment. Every field here is documented in docs/operations/settings.md;
a test compares the two.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cews.domain import SettingsError

PREFIX = "CEWS_"


class _FileSecrets(PydanticBaseSettingsSource):
    """``CEWS_X_FILE=/run/secrets/x`` gives the content of that file as ``CEWS_X``."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
            raise SettingsError(
                f"{PREFIX}{field_name.upper()}_FILE names {path}, which cannot be read: {reason}. "
                "Correct the path, its permissions or the file."
            ) from error

    def __call__(self) -> dict[str, Any]:
        values = ((name, self.get_field_value(info, name)[0]) for name, info in self.settings_cls.model_fields.items())
        return {name: value for name, value in values if value is not None}


class Settings(BaseSettings):
    """All settings with their defaults."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    home: Path = Field(Path(".cews"), description="Folder for the embedded database, raw archive and models.")
    database_url: SecretStr | None = Field(
        None, description="SQLAlchemy address of the store; default is SQLite below CEWS_HOME."
    )
    language: str = Field("ko", pattern="^(ko|en)$", description="Default language of texts: ko or en.")
    host: str = Field("127.0.0.1", description="Address the dashboard listens on.")
    port: int = Field(8050, ge=1, le=65535, description="Port the dashboard listens on.")
    public_url: str = Field(
        "http://127.0.0.1:8050", description="Address of the dashboard as readers of mails reach it."
    )
    proxies: int = Field(
        0, ge=0, le=5, description="Number of web servers in front of the dashboard whose X-Forwarded-For is believed."
    )
    session_idle_minutes: int = Field(
        60, ge=1, le=1440, description="Minutes after which an unused session of the dashboard ends."
    )
    session_hours: int = Field(12, ge=1, le=720, description="Hours after which any session of the dashboard ends.")
    oidc_issuer: str | None = Field(
        None, description="OpenID Connect provider people sign in by, as it calls itself: https://id.example.org/realm."
    )
    oidc_client_id: str = Field("", description="What the provider calls C-EWS.")
    oidc_client_secret: SecretStr | None = Field(None, description="The secret the provider gave C-EWS.")
    oidc_name_claim: str = Field(
        "preferred_username", description="Claim that holds the name of the account at its first sign-in."
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server: smtp://user:password@host:587 (STARTTLS), smtps://host:465, "
        "or smtp://host:25?tls=no for a relay on the same machine.",
    )
    mail_from: str = Field("C-EWS <cews@localhost>", description="Sender of mails.")
    webhook_hosts: str = Field(
        "", description="Hosts of your own network that webhooks may lead to, also by plain HTTP; separated by blanks."
    )
    kcs_key: SecretStr | None = Field(None, description="Service key of data.go.kr (either form).")
    kcs_url: str = Field("https://apis.data.go.kr/1220000", description="Base address of the Korea Customs API.")
    comtrade_key: SecretStr | None = Field(
        None, description="Subscription key of UN Comtrade; without one the small public preview is used."
    )
    comtrade_url: str = Field("https://comtradeapi.un.org", description="Base address of the UN Comtrade API.")
    census_key: SecretStr | None = Field(None, description="Key of the US Census Bureau's API.")
    census_url: str = Field(
        "https://api.census.gov/data/timeseries/intltrade", description="Base address of the US Census trade API."
    )
    eurostat_url: str = Field("https://ec.europa.eu/eurostat/api", description="Base address of the Eurostat API.")
    pinksheet_url: str = Field("https://www.worldbank.org", description="Base address of the World Bank's site.")
    schedule: str = Field(
        "0 9 16 * *", description="When ingest → scan → notify runs: five cron fields, in CEWS_TIME_ZONE."
    )
    schedule_source: str = Field("kcs", description="Sources that the schedule ingests, separated by commas.")
    time_zone: str = Field("Asia/Seoul", description="Time zone of the schedule and of dates shown.")
    alarm_budget: float = Field(
        5.0, gt=0, description="New alerts an analyst wants to see a month, over all items watched."
    )
    cluster_ca: Path | None = Field(
        None,
        description="Certificate (PEM) that a cluster's certificates are signed by, for `cews scan --cluster tls://…`.",
    )
    cluster_cert: Path | None = Field(None, description="Certificate (PEM) this machine shows to the cluster.")
    cluster_key: Path | None = Field(None, description="Key (PEM) of that certificate.")
    strategic_goods: Path | None = Field(
        None, description="CSV of strategic goods that takes the place of the Common High Priority List."
    )
    metrics_token: SecretStr | None = Field(
        None, description="What Prometheus sends as bearer token to read /metrics; without it there is no such page."
    )
    public_view: bool = Field(
        False,
        description="Whether open warnings, the scorecard and a form for suggestions are shown without signing in.",
    )
    api_requests_a_minute: int = Field(
        300, ge=1, description="Requests a minute that a token of the API may send to each process that serves it."
    )
    log_format: str = Field("text", pattern="^(text|json)$", description="Form of the logs: text or json.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, KeyError, OSError):
            raise ValueError(f"{name!r} is not a time zone; write for instance Asia/Seoul") from None
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSecrets(settings_cls), dotenv_settings

    @property
    def tls(self) -> bool:
        """Whether people reach the dashboard over TLS."""
        return self.public_url.startswith("https://")

    @property
    def exposed(self) -> bool:
        """Whether other machines reach the dashboard, and nothing protects what travels to it."""
        return self.host not in ("127.0.0.1", "::1", "localhost") and not self.tls

    @property
    def store_url(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home.resolve() / 'cews.sqlite3'}"


def load(**overrides: Any) -> Settings:
    """Settings from the environment; raises SettingsError with one line per wrong value."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"{PREFIX}{'.'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("Settings that cannot be used:\n  " + "\n  ".join(lines)) from None


def unknown_names() -> tuple[str, ...]:
    """Variables with our prefix that are no setting: most likely misspelt."""
    known = {f"{PREFIX}{name.upper()}{suffix}" for name in Settings.model_fields for suffix in ("", "_FILE")}
    return tuple(sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known))


def for_program(**more: str) -> dict[str, str]:
    """The environment of a program that we start: ours, and more."""
    return {**os.environ, **more}
