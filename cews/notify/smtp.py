"""The SMTP channel: carries rendered notices. The only module that speaks SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from cews.domain import SettingsError
from cews.notify import ChannelDownError, Deliver, DeliveryError, View
from cews.notify.email import compose, one_line, parse_sender
from cews.settings import Settings

TIMEOUT: Final = 30.0  # seconds for each answer of the mail server


@dataclass(frozen=True, slots=True)
class _Server:
    """What the address of the mail server says."""

    host: str
    port: int
    tls: str  # "implicit", "starttls" or "no"
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> _Server:
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        plain = options.pop("tls", ["yes"]) == ["no"]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or options:
            raise SettingsError(
                "CEWS_SMTP_URL is not the address of a mail server; write smtp://user:password@host:587, "
                "smtps://host:465, or smtp://host:25?tls=no for a relay on the same machine"
            )
        if parts.scheme == "smtps":
            tls, usual = "implicit", 465
        else:
            tls, usual = ("no", 25) if plain else ("starttls", 587)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, parts.port or usual, tls, user, password)


class SmtpChannel:
    """Mail through one server; one connection for a batch, opened when the first message goes out."""

    def __init__(self, url: str, sender: str, *, timeout: float = TIMEOUT) -> None:
        self._server = _Server.parse(url)
        self._sender = parse_sender(sender)
        self._timeout = timeout

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The mail server of the settings. Raises SettingsError where none is set."""
        if settings.smtp_url is None:
            raise SettingsError(
                "no mail server is set; give CEWS_SMTP_URL, for instance smtp://user:password@mail.example.org:587 "
                "(docs/operations/settings.md)"
            )
        return cls(settings.smtp_url.get_secret_value(), settings.mail_from)

    @contextmanager
    def open(self) -> Iterator[Deliver]:
        connection: smtplib.SMTP | None = None

        def deliver(view: View) -> str:
            nonlocal connection
            message, wrong = compose(view, self._sender)
            if connection is None or connection.sock is None:
                connection = self._connect()
            _send(connection, message)
            return wrong

        try:
            yield deliver
        finally:
            if connection is not None:
                with suppress(smtplib.SMTPException, OSError):
                    connection.quit()

    def probe(self) -> None:
        """Reach the mail server and log in, send nothing. Raises ChannelDownError."""
        with suppress(smtplib.SMTPServerDisconnected):
            self._connect().quit()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        try:
            connection = self._greet()
            if server.user:
                connection.login(server.user, server.password)
            return connection
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelDownError(
                f"the mail server {server.host}:{server.port} does not offer what is asked of it: {error} "
                "(an unencrypted relay on the same machine needs ?tls=no in CEWS_SMTP_URL)"
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelDownError(f"the mail server {server.host}:{server.port} cannot be used: {error}") from error

    def _greet(self) -> smtplib.SMTP:
        server, name = self._server, self._sender.domain
        if server.tls == "implicit":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(
                server.host, server.port, local_hostname=name, timeout=self._timeout, context=context
            )
        connection = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=self._timeout)
        if server.tls == "starttls":
            connection.starttls(context=ssl.create_default_context())
        return connection


def _send(connection: smtplib.SMTP, message: EmailMessage) -> None:
    """Hand one message over. A refusal of the reader or of the message is for good; all else may pass."""
    try:
        connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        raise DeliveryError(_answer(code, answer), permanent=code >= 500) from error
    except smtplib.SMTPSenderRefused as error:  # our own address or our rights: nobody's notice dies of that
        raise ChannelDownError(_answer(error.smtp_code, error.smtp_error)) from error
    except smtplib.SMTPDataError as error:
        raise DeliveryError(_answer(error.smtp_code, error.smtp_error), permanent=error.smtp_code >= 500) from error
    except smtplib.SMTPNotSupportedError as error:  # an address outside ASCII, and a server without SMTPUTF8
        raise DeliveryError(str(error), permanent=True) from error
    except (smtplib.SMTPException, OSError) as error:
        connection.close()
        raise DeliveryError(f"the connection broke: {error}", permanent=False) from error


def _answer(code: int, answer: bytes | str) -> str:
    said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return one_line(f"the mail server answered {code} {said}")
