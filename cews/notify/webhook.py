"""Webhooks: a notice as JSON to an address of the reader's, signed as Standard Webhooks has it.

Three bodies: our own (``generic``), and those that Slack's and Teams' incoming webhooks take. The id of the message is
the same on every attempt, so that a receiver can drop a copy. The address is somebody's input: ``cews.net`` guards it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson

from cews import net, sentences
from cews.domain import AlertState, SourceError, UserError
from cews.i18n import text
from cews.notify import Deliver, DeliveryError, DigestView, NoticeView, TextView, View
from cews.notify.email import headline, known_since, recommended, tag, title
from cews.settings import Settings

PREFIX: Final = "whsec_"
SHOWN: Final = 20  # alerts in a body for people; the generic one has all
_PASSING: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """POSTs notices; ``approved`` are hosts of our own network that may be plain HTTP."""

    approved: Collection[str] = ()
    resolve: net.Resolve | None = None
    timeout: float = 15.0

    @classmethod
    def of(cls, settings: Settings) -> WebhookChannel:
        return cls(frozenset(settings.webhook_hosts.split()))

    @contextmanager
    def open(self) -> Iterator[Deliver]:
        yield self._deliver

    def _deliver(self, view: View) -> str:
        content = body(view)
        number = view.message_id.strip("<>").partition("@")[0]
        try:
            status = net.post(
                view.address,
                content,
                lambda now: signature(view.secret or "", number, now, content),
                approved=self.approved,
                resolve=self.resolve,
                timeout=self.timeout,
            )
        except net.UnsafeAddressError as error:
            raise DeliveryError(str(error), permanent=True) from error
        except SourceError as error:
            raise DeliveryError(str(error), permanent=False) from error
        if not 200 <= status < 300:
            passing = status in _PASSING or status >= 500
            raise DeliveryError(f"the webhook answered {status}", permanent=not passing)
        return ""


# --- signing -----------------------------------------------------------------------------------------


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def check_secret(given: str) -> str:
    """One secret, or two during a change of secrets, separated by a blank. Raises UserError."""
    for secret in given.split():
        if len(_key(secret)) < 24:
            raise UserError(f"a webhook's secret is {PREFIX} and at least 24 random bytes in base64")
    return given


def signature(secret: str, number: str, now: int, content: bytes) -> Mapping[str, str]:
    """The headers of Standard Webhooks; without a secret there is no signature."""
    headers = {"webhook-id": number, "webhook-timestamp": str(now)}
    signed = f"{number}.{now}.".encode() + content
    marks = (base64.b64encode(hmac.digest(_key(one), signed, sha256)).decode("ascii") for one in secret.split())
    found = " ".join(f"v1,{mark}" for mark in marks)
    return headers | ({"webhook-signature": found} if found else {})


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UserError(f"a webhook's secret is {PREFIX} and random bytes in base64") from None


# --- bodies ------------------------------------------------------------------------------------------


def body(view: View) -> bytes:
    return orjson.dumps(_FORMS[view.form or "generic"](view))


def _generic(view: View) -> dict[str, Any]:
    alerts = [_alert(entry) for entry in _entries(view)]
    data: dict[str, Any] = {"title": title(view), "language": view.language, "link": view.link, "alerts": alerts}
    if isinstance(view, DigestView) and view.event:
        data["event"] = view.event
    if isinstance(view, TextView):
        data["words"] = view.words
    return {"type": "cews.notice", "timestamp": view.created_at.isoformat(), "data": data}


def _alert(view: NoticeView) -> dict[str, Any]:
    alert = view.alert
    return {
        "alert": alert.id,
        "item": str(alert.item),
        "name": view.item_name,
        "partner": alert.partner,
        "class": alert.shock.value,
        "level": alert.level.slug,
        "state": alert.state.value,
        "reason": view.reason.value,
        "period": str(view.change.period),
        "known_since": alert.opened_as_of.isoformat(),
        "data_as_of": view.change.as_of.isoformat(),
        "simulated": alert.simulated,
        "headline": headline(view),
        "severity": None if view.severity is None else round(view.severity.value, 1),
        "why": [sentences.sentence(reason, view.language) for reason in view.change.reasons],
        "action": recommended(view),
        "link": view.link,
    }


def _slack(view: View) -> dict[str, Any]:
    """Text and blocks in Slack's mrkdwn; a section takes 3,000 characters."""
    parts = [f"*{_escaped(title(view))}*", *(_escaped(line) for line in _words(view))]
    parts += [f"<{_escaped(entry.link)}|{_escaped(_line(entry))}>" for entry in _entries(view)[:SHOWN]]
    parts.append(f"<{_escaped(view.link)}|{_escaped(text('Open C-EWS', view.language))}>")
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": part[:3000]}} for part in parts]
    return {"text": title(view), "blocks": sections}


def _teams(view: View) -> dict[str, Any]:
    """An adaptive card, as the workflow webhooks of Teams take it."""
    lines = [*map(_no_link, _words(view)), *(_linked(entry) for entry in _entries(view)[:SHOWN])]
    blocks = [{"type": "TextBlock", "text": _no_link(title(view)), "weight": "Bolder", "size": "Medium", "wrap": True}]
    blocks += [{"type": "TextBlock", "text": line, "wrap": True} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": [{"type": "Action.OpenUrl", "title": text("Open C-EWS", view.language), "url": view.link}],
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def _entries(view: View) -> tuple[NoticeView, ...]:
    if isinstance(view, NoticeView):
        return (view,)
    return view.entries if isinstance(view, DigestView) else ()


def _line(view: NoticeView) -> str:
    return f"[{tag(view)}] {headline(view)}"


def _words(view: View) -> list[str]:
    """What stands between the title and the list of alerts."""
    if isinstance(view, TextView):
        return view.words.split("\n")
    if isinstance(view, NoticeView):
        said = [sentences.sentence(reason, view.language) for reason in view.change.reasons]
        still = [recommended(view)] if view.alert.state is AlertState.OPEN else []
        return [sentences.notice_label(view.reason, view.language), known_since(view), *said, *still]
    more = len(view.entries) - SHOWN
    return [text("{n} more alerts: see the list.", view.language, n=more)] if more > 0 else []


def _linked(view: NoticeView) -> str:
    """An alert as Teams shows it: Markdown, with the way to its page."""
    return f"{_no_link(_line(view))} [{text('Open the alert', view.language)}]({view.link})"


def _no_link(words: str) -> str:
    """Words from data must not become a link of Markdown."""
    return words.replace("](", "] (")


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "¦")


_FORMS: Final = {"generic": _generic, "slack": _slack, "teams": _teams}
FORMS: Final = tuple(_FORMS)
