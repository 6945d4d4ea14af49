"""No secret reaches a log, whichever way it travels there."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

import pytest
import structlog

from cews import logs
from cews.settings import Settings

CANARY = "Canary+Key/ab12cd34=="
ENCODED = "Escaped%2BKey%2F56ef78%3D%3D"  # given so in the settings
PASSWORD = "pass-w0rd-of-the-relay"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], io.StringIO]]:
    """Configure logging in the given format and hand out what it writes; restore the root logger after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(log_format: str) -> io.StringIO:
        stream = io.StringIO()
        settings = Settings(
            _env_file=None,
            kcs_key=CANARY,
            comtrade_key=ENCODED,
            smtp_url=f"smtp://cews:{PASSWORD}@mail.example.org:587",
            log_format=log_format,
            log_level="DEBUG",
        )
        logs.configure(settings, stream)
        return stream

    yield configure
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def _raise(message: str) -> None:
    raise RuntimeError(message)


LOG = structlog.get_logger("cews")
ADDRESS = f"https://x/y?serviceKey={quote(CANARY, safe='')}&a=1"
WAYS: dict[str, Callable[[], object]] = {
    "value": lambda: LOG.info("asked", answer=f"bad key {CANARY}"),
    "nested value": lambda: LOG.info("asked", request={"params": [CANARY]}),
    "bytes and objects": lambda: LOG.info("asked", body=CANARY.encode(), error=ValueError(CANARY)),
    "event text": lambda: LOG.warning("refused %s", CANARY),
    "encoded in an address": lambda: logging.getLogger("library").info("GET %s", ADDRESS),
    "encoded where no name tells it": lambda: LOG.info("asked", path=f"/v1/{quote(CANARY, safe='')}/list"),
    "decoded": lambda: LOG.info("asked", path=f"/v1/{unquote(ENCODED)}"),
    "name of a secret": lambda: LOG.info("set", kcs_api_key=CANARY[:9], Authorization=CANARY[:9]),
    "address of the relay": lambda: logging.getLogger("smtp").error("no answer from smtp://cews:%s@mail", PASSWORD),
    "password alone": lambda: logging.getLogger("smtp").error("AUTH with %r failed", PASSWORD),
}


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_masked(written: Callable[[str], io.StringIO], way: str, log_format: str) -> None:
    stream = written(log_format)
    WAYS[way]()
    line = stream.getvalue()
    assert logs.MASK in line
    for secret in (CANARY[:6], ENCODED[:7], PASSWORD):
        assert secret not in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_masked(written: Callable[[str], io.StringIO], log_format: str) -> None:
    stream = written(log_format)
    try:
        _raise(f"GET https://x?serviceKey={CANARY} failed")
    except RuntimeError:
        LOG.exception("fetch failed", source="kcs")
    text = stream.getvalue()
    assert "Traceback" in text
    assert "RuntimeError" in text
    assert "Canary" not in text


def test_what_is_not_secret_stays(written: Callable[[str], io.StringIO]) -> None:
    stream = written("json")
    structlog.get_logger("cews.scan").info(
        "scanned", items=22, share=0.98, item_key="KOR:import:250410", url="https://apis.data.go.kr/x?hsSgn=250410"
    )
    event = json.loads(stream.getvalue())
    assert event["event"] == "scanned"
    assert event["items"] == 22
    assert event["share"] == 0.98
    assert event["item_key"] == "KOR:import:250410"
    assert event["url"] == "https://apis.data.go.kr/x?hsSgn=250410"
    assert event["level"] == "info"
    assert event["logger"] == "cews.scan"
    assert event["timestamp"].endswith("Z")


def test_korean_is_readable_in_json(written: Callable[[str], io.StringIO]) -> None:
    stream = written("json")
    LOG.info("scanned", name="요소")
    assert "요소" in stream.getvalue()


def test_the_level_of_the_settings_holds(written: Callable[[str], io.StringIO]) -> None:
    stream = io.StringIO()
    written("text")
    logs.configure(Settings(_env_file=None, log_level="WARNING"), stream)
    LOG.info("quiet")
    logging.getLogger("library").info("quiet too")
    LOG.warning("heard")
    assert "quiet" not in stream.getvalue()
    assert "heard" in stream.getvalue()
