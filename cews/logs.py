"""Logs: one event per line, as text or JSON, with secrets taken out.

The event is a constant string and what varies are its keys: ``log.info("release recorded", source="kcs")``.
No secret of the settings leaves the process through a log, in whatever text it hides (tracebacks and
messages of libraries included); values whose name says that they are secret, key-like parameters and
passwords inside addresses are masked too.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO
from urllib.parse import quote, unquote, urlsplit

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor

from cews.settings import Settings

MASK: Final = "•••"

_CONFIDENTIAL: Final = r"[\w-]*(?:password|passwd|secret|token|(?:api|service|subscription)[_-]?key|authorization)"
_NAME = re.compile(_CONFIDENTIAL, re.IGNORECASE)
_PARAMETER = re.compile(rf"(?i)((?:\b{_CONFIDENTIAL}|[?&]key)=)[^&\s'\"]+")
_PASSWORD = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@")
_TALKATIVE: Final = ("alembic", "apscheduler")  # what they do at INFO, our own events say better
_SHORTEST: Final = 6  # a shorter secret would blank out ordinary words


def secrets_of(settings: Settings) -> frozenset[str]:
    """Every secret of the settings in the forms in which a text may hold it."""
    given = (value.get_secret_value() for _, value in settings if isinstance(value, SecretStr))
    return frozenset(form for secret in given for form in _forms(_secret_part(secret)) if len(form) >= _SHORTEST)


def _secret_part(secret: str) -> str:
    """Of an address only the password is secret; anything else is secret as a whole."""
    return urlsplit(secret).password or "" if "://" in secret else secret


def _forms(secret: str) -> set[str]:
    return {secret, unquote(secret), quote(secret, safe="")}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _PASSWORD.sub(rf"\1:{MASK}@", _PARAMETER.sub(rf"\1{MASK}", text))


def _cleaned(value: Any, secrets: frozenset[str]) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _cleaned_value(str(name), item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_cleaned(item, secrets) for item in value]
    return redact(str(value), secrets)


def _cleaned_value(name: str, value: Any, secrets: frozenset[str]) -> Any:
    return MASK if _NAME.fullmatch(name) else _cleaned(value, secrets)


def _redactor(secrets: frozenset[str]) -> Processor:
    def redacted(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {name: _cleaned_value(name, value, secrets) for name, value in event.items()}

    return redacted


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the logs of the product and of its libraries to ``stream`` (standard error by default)."""
    described: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=described,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redactor(secrets_of(settings)),
                _renderer(settings.log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *described,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
