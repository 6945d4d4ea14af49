"""The only door to the outside over HTTP: time-outs, pacing, retries, caps, and no key in any text.

An attempt is over when its answer has been *read*: the caller's reader says what the body means, because
sources send failures with status 200 and speak in their own envelopes. What can pass (overload, time-outs,
dropped connections, damaged answers) is tried again with growing, jittered waits, or after what the server
asks for; what cannot is raised at once. Every failure is a SourceError.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Lock, Timer
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import httpx2
import stamina

from cews import __version__
from cews.domain import SourceError, UserError
from cews.logs import redact

USER_AGENT: Final = f"Mozilla/5.0 (compatible; C-EWS/{__version__}; supply-chain early warning)"

# These write whole addresses, with keys, at INFO and DEBUG.
for _talkative in ("httpx2", "httpcore2"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request; a POST sends its parameters as a form.

    ``secrets`` and ``secret_headers`` are sent like any other, but never shown.
    """

    url: str
    params: Mapping[str, str]
    label: str  # for messages
    max_bytes: int  # cap on the unpacked body
    pace_seconds: float  # least time since the previous call to the same host
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redirects: Mapping[str, str] = field(default_factory=dict)  # part of an address pointed to → what that means
    method: str = "GET"

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
            sent = {"data": params} if call.method == "POST" else {"params": params}
            with self._client.stream(call.method, call.url, headers=headers, **sent) as response:  # type: ignore[arg-type]
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


# --- addresses that somebody typed in ----------------------------------------------------------------


class UnsafeAddressError(UserError):
    """An address we do not send to, because it could lead into our own network."""


Resolve = Callable[[str, int], Collection[str]]
PORTS: Final = frozenset({443, 8443})
_PATIENT: Final = 4  # time-outs that one delivery may take altogether
_MOST_ANSWER: Final = 64 * 1024  # bytes read of an answer nobody needs
# Ranges that hide another address, or lead to machines around us, though Python takes some of them for public.
_HIDING: Final = tuple(
    ip_network(net)
    for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "100.64.0.0/10", "fec0::/10")
)


def check_address(url: str, approved: Collection[str] = ()) -> tuple[str, int]:
    """Host and port of an address that may be sent to, as far as it shows without a look-up.

    ``approved`` hosts of our own network may be plain HTTP, on any port. Raises UnsafeAddressError.
    """
    try:
        parts = httpx2.URL(url)
        host, port = parts.host, parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except httpx2.InvalidURL as error:
        raise UnsafeAddressError(f"{url!r} is no address: {error}") from None
    if not host or parts.userinfo or parts.scheme not in ("http", "https"):
        raise UnsafeAddressError(f"{host or url!r}: write https://host/path, without a user name")
    if host not in approved and (parts.scheme != "https" or port not in PORTS):
        raise UnsafeAddressError(
            f"{host}: only https on port 443 or 8443 is sent to; hosts of your own network stand in CEWS_WEBHOOK_HOSTS"
        )
    return host, port


def post(
    url: str,
    body: bytes,
    headers: Callable[[int], Mapping[str, str]],
    *,
    approved: Collection[str] = (),
    resolve: Resolve | None = None,
    timeout: float = 15.0,
) -> int:
    """POST to an address somebody typed in; returns the status. ``headers`` are made for the second of sending.

    The name is looked up once, every address it has must be public, and the connection goes to the one that was
    checked: a name that changes its mind in between (DNS rebinding) leads nowhere. TLS still checks the name.
    Redirects are not followed, proxies not asked. Raises UnsafeAddressError, or SourceError where nobody answers.
    """
    host, port = check_address(url, approved)
    address = _checked(host, port, resolve or _look_up, public=host not in approved)
    target = httpx2.URL(url).copy_with(host=address, port=port)
    given = httpx2.URL(url)
    named = {"Host": given.netloc.decode("ascii"), "User-Agent": USER_AGENT, "Content-Type": "application/json"}
    try:
        with (
            httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            _at_most(_PATIENT * timeout, client),
        ):
            request = client.build_request(
                "POST", target, content=body, headers={**named, **headers(int(time.time()))}, extensions=_sni(given)
            )
            response = client.send(request, stream=True)
            try:
                next(response.iter_raw(_MOST_ANSWER), b"")
                return response.status_code
            finally:
                response.close()
    except httpx2.HTTPError as error:
        raise SourceError(f"{host} could not be reached: {type(error).__name__}", permanent=False) from None


@contextmanager
def _at_most(seconds: float, client: httpx2.Client) -> Iterator[None]:
    """Hang up in the end: a server that sends a byte now and then is never timed out, and would hold up all others."""
    watch = Timer(seconds, client.close)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _sni(url: httpx2.URL) -> dict[str, str]:
    return {"sni_hostname": url.host} if url.scheme == "https" else {}


def _checked(host: str, port: int, resolve: Resolve, *, public: bool) -> str:
    """The address to connect to; all of the host's addresses must be allowed, or none is."""
    addresses = [ip_address(found) for found in resolve(host, port)]
    if not addresses:
        raise SourceError(f"{host} is not known to the name service", permanent=False)
    inside = [str(one) for one in addresses if public and not _is_public(one)]
    if inside:
        raise UnsafeAddressError(
            f"{host} leads to {inside[0]}, which is not a public address; hosts of your own network stand in "
            "CEWS_WEBHOOK_HOSTS"
        )
    return str(addresses[0])


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _is_public(mapped)
    hidden = any(address in net for net in _HIDING if net.version == address.version)
    return address.is_global and not address.is_multicast and not address.is_reserved and not hidden


def _look_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceError(f"{host} is not known to the name service: {error}", permanent=False) from error
    return [str(entry[4][0]) for entry in found]
