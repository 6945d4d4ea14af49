"""The connector of a name, its key, and its requests as calls."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol
from urllib.parse import unquote

from pydantic import SecretStr

from cews.domain import Period, SettingsError, UserError
from cews.net import Call
from cews.settings import PREFIX, Settings
from ingest import sources
from ingest.base import Request, Source
from ingest.files import FileSource


class Calendar(Protocol):
    """What recording needs to know of a source: its id, and when it publishes."""

    @property
    def id(self) -> str: ...

    def presumed_known_from(self, period: Period) -> datetime: ...


def connector(source_id: str) -> Source:
    known = sources()
    if source_id not in known:
        raise UserError(f"there is no source {source_id!r}; choose one of {', '.join(sorted(known))}.")
    return known[source_id]


def calendar_of(source_id: str) -> Calendar:
    """The connector of that name, or a source known from files only."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", source_id):
        raise UserError(f"{source_id!r} cannot name a source; use 1 to 32 of a-z, 0-9, - and _.")
    return sources().get(source_id) or FileSource(source_id)


def same_trade(source_id: str) -> str:
    """The source that publishes the same trade, "" where there is none."""
    source = sources().get(source_id)
    return source.same_trade if source else ""


def key_of(source: Source, settings: Settings) -> str:
    """The key of the source, "" where there is none. Portals show keys percent-encoded too; that form is undone."""
    if source.key_setting is None:
        return ""
    setting = getattr(settings, source.key_setting, None)
    key = setting.get_secret_value().strip() if isinstance(setting, SecretStr) else ""
    if not key and not source.key_optional:
        name = f"{PREFIX}{source.key_setting.upper()}"
        raise SettingsError(f"{name} is not set; {source.name} needs a key. See docs/sources/{source.id}.md.")
    return unquote(key) if "%" in key else key


def call_of(source: Source, settings: Settings, request: Request, key: str) -> Call:
    secrets = {source.key_param: key} if source.key_param and key else {}
    base = str(getattr(settings, source.url_setting or f"{source.id}_url", source.url)).rstrip("/")
    ours = request.url.startswith(source.url)  # else an address the source itself pointed to
    return Call(
        url=base + request.url.removeprefix(source.url) if ours else request.url,
        params=request.params,
        label=f"{source.id} {request.label}",
        max_bytes=source.max_bytes,
        pace_seconds=source.pace_seconds,
        secrets={} if source.key_in_header else secrets,
        secret_headers=secrets if source.key_in_header else {},
        redirects=source.redirects,
    )
