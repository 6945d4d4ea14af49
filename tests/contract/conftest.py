"""A loopback server that plays back what a source may answer, well-behaved or not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass
class Reply:
    """One answer. ``cut`` promises more bytes than come; ``stall`` waits before the first; seconds."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    stall: float = 0.0
    drop: bool = False  # close without a word


@dataclass
class Asked:
    """What the server saw of a request."""

    path: str
    raw_query: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float


class FakeSource:
    """Answers by ``answer`` when set, else with the replies in turn, the last one for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Reply] = [Reply()]
        self.answer: Callable[[Asked], Reply] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.answer is not None:
            return self.answer(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                asked = Asked(parts.path, parts.query, query, dict(self.headers.items()), time.monotonic())
                reply = source._reply(asked)
                time.sleep(reply.stall)
                if reply.drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) + (1000 if reply.cut else 0)))
                self.end_headers()
                with suppress(OSError):  # the client may have had enough
                    self.wfile.write(reply.body)
                if reply.cut:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[FakeSource]:
    source = FakeSource()
    yield source
    source.stop()
