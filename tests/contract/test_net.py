"""The transport against a real server that misbehaves."""

from __future__ import annotations

import gzip
import logging
import socket
import time

import pytest

from cews.domain import SourceError
from cews.net import Answer, Call, Patience, Transport
from tests.contract.conftest import FakeSource, Reply

KEY = "canary+key/1234=="
QUICK = Patience(connect=1.0, read=0.5, total=2.0, attempts=3, first_wait=0.01, longest_wait=1.0)


def call(url: str, **changes: object) -> Call:
    settings: dict[str, object] = {"max_bytes": 10_000, "pace_seconds": 0.0, "secrets": {"serviceKey": KEY}} | changes
    return Call(f"{url}/data", {"hsSgn": "2504"}, "test 2504", **settings)  # type: ignore[arg-type]


def fetch(server: FakeSource, **changes: object) -> tuple[Answer, bytes]:
    with Transport(QUICK) as transport:
        return transport.fetch(call(server.url, **changes), bytes)


def failure(server: FakeSource, **changes: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch(server, **changes)
    return caught.value


def test_gives_status_headers_body_and_meaning(server: FakeSource) -> None:
    server.replies = [Reply(b"hello", headers={"X-Kind": "plain"})]
    with Transport(QUICK) as transport:
        answer, meaning = transport.fetch(call(server.url), lambda body: body.decode().upper())
    assert (answer.status, answer.body, meaning) == (200, b"hello", "HELLO")
    assert {name.lower(): value for name, value in answer.headers.items()}["x-kind"] == "plain"
    assert server.asked[0].headers["User-Agent"].startswith("Mozilla/5.0")


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=503),
        Reply(b"API rate limit exceeded", status=429),
        Reply(status=500, body=b"Unexpected error"),
        Reply(drop=True),
        Reply(b"half", cut=True),
        Reply(stall=0.8),
        Reply(b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["503", "429", "500", "dropped", "cut", "stalled", "damaged gzip"],
)
def test_passing_trouble_is_tried_again(server: FakeSource, trouble: Reply) -> None:
    server.replies = [trouble, Reply(b"ok")]
    answer, _ = fetch(server)
    assert answer.body == b"ok"
    assert len(server.asked) == 2


def test_lasting_trouble_ends_after_the_attempts_and_may_be_tried_later(server: FakeSource) -> None:
    server.replies = [Reply(status=503)]
    error = failure(server)
    assert len(server.asked) == QUICK.attempts
    assert not error.permanent
    assert "503" in str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_tried_again(server: FakeSource, status: int) -> None:
    server.replies = [Reply(b"no", status=status)]
    error = failure(server)
    assert len(server.asked) == 1
    assert error.permanent
    assert error.code == str(status)


@pytest.mark.parametrize("status", [403, 429])
def test_a_used_up_quota_stops_at_once(server: FakeSource, status: int) -> None:
    server.replies = [Reply(b"Out of call volume quota. Quota will be replenished in 07:35:12.", status=status)]
    error = failure(server)
    assert len(server.asked) == 1
    assert error.quota
    assert not error.permanent


def test_waits_as_long_as_the_server_asks(server: FakeSource) -> None:
    server.replies = [Reply(status=429, headers={"Retry-After": "1"}), Reply(b"ok")]
    fetch(server)
    assert 0.9 < server.asked[1].at - server.asked[0].at < 5


def test_does_not_wait_longer_than_its_patience(server: FakeSource) -> None:
    server.replies = [Reply(status=503, headers={"Retry-After": "86400"}), Reply(b"ok")]
    fetch(server)
    assert server.asked[1].at - server.asked[0].at < 5


def test_a_redirect_is_not_followed(server: FakeSource) -> None:
    server.replies = [Reply(status=302, headers={"Location": f"{server.url}/elsewhere?serviceKey={KEY}"})]
    error = failure(server)
    assert len(server.asked) == 1
    assert error.permanent
    assert "/elsewhere" in str(error)
    assert KEY not in str(error)


def test_a_body_over_the_cap_is_refused_also_when_packed(server: FakeSource) -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    assert len(packed) < 10_000
    server.replies = [Reply(packed, headers={"Content-Encoding": "gzip"})]
    error = failure(server)
    assert (error.permanent, error.code, len(server.asked)) == (True, "too_large", 1)


def test_no_listener_and_no_host_are_passing_trouble() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Transport(QUICK) as transport, pytest.raises(SourceError) as caught:
        transport.fetch(call(f"http://127.0.0.1:{port}"), bytes)
    assert not caught.value.permanent


def test_a_connection_nobody_accepts_times_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        queue = [socket.socket() for _ in range(3)]  # fill the backlog, so that the next handshake hangs
        for waiting in queue:
            waiting.setblocking(False)
            waiting.connect_ex(address)
        patience = Patience(connect=0.3, read=0.3, attempts=1)
        begun = time.monotonic()
        with Transport(patience) as transport, pytest.raises(SourceError) as caught:
            transport.fetch(call(f"http://127.0.0.1:{address[1]}"), bytes)
        for waiting in queue:
            waiting.close()
    assert time.monotonic() - begun < 3
    assert not caught.value.permanent
    assert "within the time allowed" in str(caught.value)


def test_an_address_that_is_none_is_permanent() -> None:
    with Transport(QUICK) as transport, pytest.raises(SourceError) as caught:
        transport.fetch(call("ftp://127.0.0.1"), bytes)
    assert caught.value.permanent


def test_the_reader_decides_about_bodies_with_status_200(server: FakeSource) -> None:
    server.replies = [Reply(b"busy"), Reply(b"ok")]

    def read(body: bytes) -> bytes:
        if body == b"busy":
            raise SourceError("busy", permanent=False)
        return body

    with Transport(QUICK) as transport:
        answer, _ = transport.fetch(call(server.url), read)
    assert answer.body == b"ok"


def test_what_the_body_says_goes_before_the_status(server: FakeSource) -> None:
    server.replies = [Reply(b"key expired", status=503)]

    def read(body: bytes) -> bytes:
        raise SourceError(f"said {body.decode()}", permanent=True, code="31")

    with Transport(QUICK) as transport, pytest.raises(SourceError, match="key expired"):
        transport.fetch(call(server.url), read)
    assert len(server.asked) == 1


def test_calls_to_one_host_keep_their_distance(server: FakeSource) -> None:
    slept: list[float] = []
    now = 100.0
    with Transport(QUICK, clock=lambda: now, sleep=slept.append) as transport:
        for _ in range(2):
            transport.fetch(call(server.url, pace_seconds=3.0), bytes)
    assert slept == [3.0]


def test_the_key_arrives_but_is_shown_nowhere(server: FakeSource, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies = [Reply(f"the key {KEY} is wrong".encode(), status=503)]

    def read(body: bytes) -> bytes:
        raise SourceError(f"it said: {body.decode()}", permanent=False, code="30")

    with Transport(QUICK) as transport, pytest.raises(SourceError) as caught:
        transport.fetch(call(server.url), read)
    assert server.asked[0].query["serviceKey"] == KEY
    assert len(server.asked) == QUICK.attempts
    shown = call(server.url)
    texts = [
        caplog.text,
        str(caught.value),
        repr(caught.value),
        repr(caught.value.__context__),
        shown.shown,
        repr(shown),
    ]
    for secret in (KEY, "canary", "1234=="):
        assert [text for text in texts if secret in text] == []
