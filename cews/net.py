"""The only door to the outside over HTTP: time-outs, pacing, retries, caps, and no key in any text.

An attempt is over when its answer has been *read*: the caller's reader says what the body means, because
sources send failures with status 200 and speak in their own envelopes. What can pass (overload, time-outs,
dropped connections, damaged answers) is tried again with growing, jittered waits, or after what the server
asks for; what cannot is raised at once. Every failure is a SourceError.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import httpx2
import stamina

from cews import __version__
from cews.domain import SourceError
from cews.logs import redact

USER_AGENT: Final = f"Mozilla/5.0 (compatible; C-EWS/{__version__}; supply-chain early warning)"

# These write whole addresses, with keys, at INFO and DEBUG.
for _talkative in ("httpx2", "httpcore2"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One GET. ``secrets`` and ``secret_headers`` are sent like any other, but never shown."""

    url: str
    params: Mapping[str, str]
    label: str  # for messages
    max_bytes: int  # cap on the unpacked body
    pace_seconds: float  # least time since the previous call to the same host
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redirects: Mapping[str, str] = field(default_factory=dict)  # part of an address pointed to → what that means

    @property
    def shown(self) -> str:
        """The address without secrets."""
        return str(httpx2.URL(self.url, params=dict(self.params)))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try; seconds."""

    connect: float = 10.0
    read: float = 60.0
    total: float = 300.0  # one answer, from the first byte to the last
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0  # also bounds what Retry-After may ask for


class Transport:
    """Calls hosts one at a time. Use it as a context manager; it keeps connections open between calls."""

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience or Patience()
        self._clock, self._sleep = clock, sleep
        self._free_at: dict[str, float] = {}
        self._lock = Lock()
        timeout = httpx2.Timeout(self._patience.read, connect=self._patience.connect)
        self._client = httpx2.Client(timeout=timeout, follow_redirects=False, headers={"User-Agent": USER_AGENT})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def fetch(self, call: Call, read: Callable[[bytes], T]) -> tuple[Answer, T]:
        """The answer and what ``read`` makes of its body. Raises SourceError, at once or after all attempts."""
        retries = stamina.retry_context(
            on=self._wait_before_retry,
            attempts=self._patience.attempts,
            timeout=None,
            wait_initial=self._patience.first_wait,
            wait_max=self._patience.longest_wait,
            wait_jitter=self._patience.first_wait,
        )
        for attempt in retries:
            with attempt:
                answer = self._get(call)
                return answer, _meaning(answer, call, read)
        raise AssertionError("retry_context either returns or raises")

    def _wait_before_retry(self, error: Exception) -> bool | float:
        """Whether to try again; a number is the wait the server asked for."""
        if not isinstance(error, SourceError) or error.permanent or error.quota:
            return False
        if error.retry_after is not None:
            return min(error.retry_after, self._patience.longest_wait)
        return True

    def _get(self, call: Call) -> Answer:
        self._pace(httpx2.URL(call.url).host, call.pace_seconds)
        try:
            params, headers = {**call.params, **call.secrets}, dict(call.secret_headers)
            with self._client.stream("GET", call.url, params=params, headers=headers) as response:
                return Answer(response.status_code, dict(response.headers), self._body(response, call))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _unreachable(error, call) from None

    def _body(self, response: httpx2.Response, call: Call) -> bytes:
        deadline = self._clock() + self._patience.total
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > call.max_bytes:
                message = f"the answer is larger than {call.max_bytes:,} bytes; ask for less at a time."
                raise SourceError(f"{call.label}: {message}", permanent=True, code="too_large")
            if self._clock() > deadline:
                message = f"the answer was not complete after {self._patience.total:g} s; try again later."
                raise SourceError(f"{call.label}: {message}", permanent=False)
        return bytes(body)

    def _pace(self, host: str, seconds: float) -> None:
        with self._lock:
            wait = self._free_at.get(host, 0.0) - self._clock()
            if wait > 0:
                self._sleep(wait)
            self._free_at[host] = self._clock() + seconds


def _meaning(answer: Answer, call: Call, read: Callable[[bytes], T]) -> T:
    """The body speaks first; where it says nothing of its own, the status decides."""
    try:
        meaning = read(answer.body)
    except SourceError as error:
        error.args = (_without_secrets(str(error), call),)  # some servers repeat the key in what they say
        if error.retry_after is None:
            error.retry_after = _retry_after(answer)
        if answer.status < 300 or error.code:
            raise
        raise _refused(answer, call) from None
    if answer.status < 300:
        return meaning
    raise _refused(answer, call)


def _refused(answer: Answer, call: Call) -> SourceError:
    said = f"{call.label}: the server answered {answer.status}"
    wait = _retry_after(answer)
    if answer.status in (403, 429) and b"quota" in answer.body[:2000].lower():
        message = f"{said}: the allowance of calls is used up."
        return SourceError(message, permanent=False, code="quota", quota=True, retry_after=wait)
    if answer.status == 429 or answer.status >= 500:
        message = f"{said}; it is overloaded or down. Try again later."
        return SourceError(message, permanent=False, retry_after=wait)
    if answer.status < 400:
        return _pointed_elsewhere(said, answer, call)
    return SourceError(f"{said}; check the address and the key.", permanent=True, code=str(answer.status))


def _pointed_elsewhere(said: str, answer: Answer, call: Call) -> SourceError:
    where = _without_secrets(answer.headers.get("location", "another address"), call)
    meaning = next((f": {meaning}" for part, meaning in call.redirects.items() if part in where), None)
    return SourceError(
        f"{said} and points to {where}{meaning or ', which is not followed.'}", permanent=True, code="redirect"
    )


def _retry_after(answer: Answer) -> float | None:
    """Seconds, given as such or as a date."""
    text = answer.headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _unreachable(error: Exception, call: Call) -> SourceError:
    kind = {
        httpx2.ConnectTimeout: "no connection within the time allowed; the network or the service blocks us",
        httpx2.ReadTimeout: "no answer within the time allowed",
        httpx2.ConnectError: "no connection",
        httpx2.RemoteProtocolError: "the connection was dropped",
        httpx2.DecodingError: "the answer is packed in a damaged way",
    }.get(type(error), "the call failed")  # type: ignore[arg-type]
    permanent = isinstance(error, (httpx2.InvalidURL, httpx2.UnsupportedProtocol))
    detail = _without_secrets(str(error), call)
    return SourceError(f"{call.label}: {kind} ({detail or type(error).__name__}).", permanent=permanent)


def _without_secrets(text: str, call: Call) -> str:
    values = [*call.secrets.values(), *call.secret_headers.values()]
    return redact(text, {form for value in values if value for form in (value, quote(value), quote(value, safe=""))})
