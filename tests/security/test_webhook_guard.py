"""A webhook's address is somebody's input: it must not lead into our own network, whatever the name service says."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cews.domain import SourceError
from cews.net import UnsafeAddressError, check_address, post

INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
]


class Server(ThreadingHTTPServer):
    """Counts what reaches it; answers every POST with ``answer``."""

    answer: tuple[int, dict[str, str]] = (200, {})

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers)))
        status, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def running(server: Server) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def headers(_now: int) -> dict[str, str]:
    return {}


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_our_own_network_is_connected_to(address: str) -> None:
    with pytest.raises(UnsafeAddressError, match="not a public address"):
        post("https://hook.example.org/x", b"{}", headers, resolve=lambda host, port: [address])


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "2130706433", "0x7f.1", "localhost"])
def test_an_address_written_as_a_number_is_looked_at_all_the_same(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises((UnsafeAddressError, SourceError)):
        post(f"https://{host}/x", b"{}", headers)


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    with pytest.raises(UnsafeAddressError, match=r"leads to 10\.0\.0\.1"):
        post("https://hook.example.org/x", b"{}", headers, resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"])


def test_a_name_that_changes_its_mind_is_asked_once_and_leads_where_it_was_checked() -> None:
    """DNS rebinding: public when checked, inside when connected. There is no second look-up to lie to."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1" if len(asked) == 1 else "127.0.0.1"]

    server = Server()
    with running(server) as port:
        with pytest.raises(SourceError, match="could not be reached"):
            post(
                f"http://hook.example.org:{port}/x",
                b"{}",
                headers,
                approved={"hook.example.org"},
                resolve=rebinding,
                timeout=0.5,
            )
        assert (asked, server.seen) == (["hook.example.org"], [])


def test_the_checked_address_is_the_one_connected_to_under_the_name_that_was_given() -> None:
    server = Server()
    with running(server) as port:
        url = f"http://hook.example.org:{port}/x?y=1"
        approved = {"hook.example.org"}
        assert post(url, b"{}", headers, approved=approved, resolve=lambda host, port: ["127.0.0.1"]) == 200
    ((path, seen),) = server.seen
    assert path == "/x?y=1"
    assert seen["Host"] == f"hook.example.org:{port}"


def test_a_server_that_trickles_is_hung_up_on() -> None:
    """Each byte is in time, the answer never ends: it would hold up every other notice."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while True:
                    connection.sendall(b"a")
                    time.sleep(0.05)

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        url, started = f"http://127.0.0.1:{listening.getsockname()[1]}/", time.monotonic()
        with pytest.raises(SourceError, match="could not be reached"):
            post(url, b"{}", headers, approved={"127.0.0.1"}, timeout=0.2)
        assert time.monotonic() - started < 10
        thread.join(10)
        assert not thread.is_alive(), "the connection is closed"


def test_a_redirect_is_not_followed() -> None:
    server = Server()
    with running(server) as port:
        server.answer = (307, {"Location": f"http://127.0.0.1:{port}/inside"})
        assert post(f"http://127.0.0.1:{port}/x", b"{}", headers, approved={"127.0.0.1"}) == 307
        assert [path for path, _ in server.seen] == ["/x"]


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = Server(), Server()
    with running(proxy) as proxy_port, running(server) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy_port}")
        assert post(f"http://127.0.0.1:{port}/x", b"{}", headers, approved={"127.0.0.1"}) == 200
    assert proxy.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example.org/x",
        "https://hook.example.org:22/x",
        "https://user:secret@hook.example.org/x",
        "ftp://hook.example.org/x",
        "file:///etc/passwd",
        "https:///x",
        "hook.example.org",
        "",
        "gopher://127.0.0.1:25/_HELO",
    ],
)
def test_only_plain_https_is_sent_to(url: str) -> None:
    with pytest.raises(UnsafeAddressError):
        check_address(url)


def test_tls_is_asked_for_by_name_and_the_certificate_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hook.example.org"
    made = subprocess.run(
        [*request.split(), "-keyout", str(key), "-out", str(certificate)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("openssl is not there to make a certificate")
    asked_for: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    server = Server()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    approved = {"hook.example.org"}
    with running(server) as port, pytest.raises(SourceError, match="could not be reached"):
        post(f"https://hook.example.org:{port}/x", b"{}", headers, approved=approved, resolve=lambda *_: ["127.0.0.1"])
    assert asked_for == ["hook.example.org"]
    assert server.seen == [], "a certificate nobody vouches for is not sent to"
