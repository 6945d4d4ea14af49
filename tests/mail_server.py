"""A real mail server on the loopback that keeps what it gets, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """The handler: messages in the order they came, and how to answer."""

    messages: list[EmailMessage] = field(default_factory=list)
    refused: frozenset[str] = frozenset()  # addresses answered with 550
    greylist: int = 0  # how many recipients are still answered with 451
    data_answer: str = "250 OK"
    sender_answer: str = "250 OK"
    delay: float = 0.0  # seconds before the answer to a message
    drops: int = 0  # how many messages end the connection instead of an answer
    connections: int = 0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender_answer.startswith("250"):
            envelope.mail_from = address
        return self.sender_answer

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        if self.greylist > 0:
            self.greylist -= 1
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.drops > 0:
            self.drops -= 1
            server.transport.abort()
            return "421 gone"
        if self.data_answer.startswith("250"):
            content: Any = envelope.content
            self.messages.append(email.message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
        if self.delay:
            await asyncio.sleep(self.delay)
        return self.data_answer

    def to(self) -> list[str]:
        return [message["To"].addresses[0].addr_spec for message in self.messages]

    def ids(self) -> list[str]:
        return [message["Message-ID"] for message in self.messages]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(mailbox: Mailbox, port: int | None = None, **options: Any) -> Iterator[str]:
    """Runs the server; gives its address without encryption."""
    chosen = port or free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=chosen, ready_timeout=20, **options)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{chosen}?tls=no"
    finally:
        controller.stop()
