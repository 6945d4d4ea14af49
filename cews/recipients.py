"""Use cases: who is told, about what, how and where. Each is one transaction with its entry in the audit log.

Secrets of webhooks are kept and never told, in the log neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from cews import leaving, outbox
from cews.handling import ConflictError
from cews.net import check_address
from cews.notify import webhook
from cews.routing import Reader, Subscription
from cews.store import audit, notices
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.notices import EMAIL, Address, Recipient

WEBHOOK: Final = "webhook"


def add(
    engine: Engine,
    name: str,
    email: str,
    language: str,
    wishes: Iterable[Subscription] = (),
    reader: Reader | None = None,
    *,
    operator: bool = False,
    actor: str,
    now: datetime,
) -> Recipient:
    """Add somebody to tell, by mail. ``wishes`` and ``reader`` need no number of the recipient: they get the new one.

    Raises UserError on a name, address, language or reader of no use.
    """
    with writing(engine) as cx:
        number = notices.add_recipient(cx, name, email, language)
        notices.put_reader(cx, replace(reader or Reader(number), id=number), operator=operator)
        mine = [replace(wish, recipient_id=number) for wish in wishes]
        for wish in mine:
            notices.subscribe(cx, wish)
        added = notices.recipient_of(cx, number)
        _log(cx, actor, "add", added, _told(added) | {"hears": [_wish(wish) for wish in mine]}, now)
    return added


def change(engine: Engine, seen: Recipient, wanted: Recipient, *, actor: str, now: datetime) -> None:
    """Make a recipient as wanted: name, language, whether they are told at all, how, and whether they run C-EWS.

    ``seen`` is what the change was made from: a ConflictError where somebody else has changed it since.
    """
    with writing(engine) as cx:
        audit.lock(cx)
        if notices.recipient_of(cx, seen.id) != seen:
            raise ConflictError(f"{seen.name} was changed by somebody else meanwhile; look again, then decide")
        notices.put_recipient(cx, wanted)
        before = _told(seen)
        changed = {key: value for key, value in _told(wanted).items() if value != before[key]}
        if changed:
            _log(cx, actor, "change", seen, changed, now)


def subscribe(engine: Engine, wish: Subscription, *, actor: str, now: datetime) -> None:
    """Let a recipient hear about more; where they hear about the same already, the level is changed."""
    with writing(engine) as cx:
        to = notices.recipient_of(cx, wish.recipient_id)
        notices.subscribe(cx, wish)
        _log(cx, actor, "subscribe", to, _wish(wish), now)


def unsubscribe(engine: Engine, wish: Subscription, *, actor: str, now: datetime) -> None:
    """Let a recipient hear of something no more. Raises UserError where they do not subscribe to it."""
    with writing(engine) as cx:
        to = notices.recipient_of(cx, wish.recipient_id)
        notices.unsubscribe(cx, wish)
        _log(cx, actor, "unsubscribe", to, _wish(wish), now)


def reach(
    engine: Engine, recipient_id: int, address: Address, *, approved: Collection[str], actor: str, now: datetime
) -> Address:
    """Reach a recipient at an address too; the one they had on that channel is replaced.

    ``approved`` are the hosts of our own network that a webhook may lead to. Returns the address as it is kept: a
    generic webhook without a secret gets a new one, which nobody is shown again.
    """
    where = _checked(address, approved)
    with writing(engine) as cx:
        to = notices.recipient_of(cx, recipient_id)
        notices.put_address(cx, to.id, where)
        shown = {"channel": where.channel, "address": where.address, "form": where.form}
        _log(cx, actor, "reach", to, shown, now)
    return where


def unreach(engine: Engine, recipient_id: int, channel: str, *, actor: str, now: datetime) -> None:
    """Reach a recipient on a channel no more. Raises UserError where it is the only one."""
    with writing(engine) as cx:
        to = notices.recipient_of(cx, recipient_id)
        notices.drop_address(cx, to.id, channel)
        _log(cx, actor, "unreach", to, {"channel": channel}, now)


def leave(engine: Engine, token: str, *, now: datetime) -> bool:
    """Stop the notices of the recipient a token speaks of, and tell the operators; False where the token is not true.

    Doing it again changes nothing. ``cews recipient set EMAIL --active`` undoes it.
    """
    with writing(engine) as cx:
        to = _leaver(cx, token)
        if to is None:
            return False
        if to.active:
            notices.set_active(cx, to.id, False)
            _log(cx, to.email, "leave", to, {"active": False, "by": "the address in a mail"}, now)
            outbox.tell_operators(cx, f"{to.name} <{to.email}> has stopped their notices by the link in a mail.", now)
    return True


def may_leave(engine: Engine, token: str) -> bool:
    """Whether a token is true."""
    with reading(engine) as cx:
        return _leaver(cx, token) is not None


def _leaver(cx: Connection, token: str) -> Recipient | None:
    number = leaving.claimed(token)
    found = next((one for one in notices.recipients(cx) if one.id == number), None)
    if found is None or not leaving.is_true(token, notices.leaving_key(cx), found.id, found.email):
        return None
    return found


def _checked(address: Address, approved: Collection[str]) -> Address:
    if address.channel == EMAIL:
        return Address(EMAIL, notices.valid_address(address.address))
    if address.channel != WEBHOOK:
        return address
    check_address(address.address, approved)
    form = address.form or "generic"
    if address.secret:
        secret: str | None = webhook.check_secret(address.secret)
    else:
        secret = webhook.new_secret() if form == "generic" else None
    return replace(address, secret=secret, form=form)


def _told(to: Recipient) -> dict[str, Any]:
    """Everything about a recipient that can be changed, for the log."""
    named = {"name": to.name, "email": to.email, "language": to.language, "active": to.active, "operator": to.operator}
    return named | {key: value for key, value in asdict(to.reader).items() if key != "id"}


def _wish(wish: Subscription) -> dict[str, Any]:
    """What a subscription names, for the log."""
    shown = {key: value for key, value in asdict(wish).items() if value and key not in ("recipient_id", "min_level")}
    return shown | {"from": wish.min_level.slug}


def _log(cx: Connection, actor: str, action: str, to: Recipient, detail: Mapping[str, Any], now: datetime) -> None:
    audit.append(cx, actor=actor, action=action, subject=f"recipient {to.id}", detail=detail, now=now)
