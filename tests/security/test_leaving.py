"""Whoever has a mail can stop the notices it came with, by one click and without signing in; nobody else can."""

from __future__ import annotations

import re

import pytest
from alert_samples import JANUARY, finding
from flask.testing import FlaskClient
from notice_world import NOW, add_reader, scan

from cews import leaving, outbox, recipients
from cews.dashboard.application import create_app
from cews.i18n import retold
from cews.notify import NoticeView
from cews.settings import Settings
from cews.store import audit, notices
from cews.store.engine import Engine, reading, writing

ONE_CLICK = {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
def provider(store_engine: Engine) -> FlaskClient:
    """A mail provider's server: no cookies, no word on which page it comes from."""
    return create_app(store_engine, Settings(public_url="https://ews.example.org")).server.test_client()


def address_in_a_mail(engine: Engine) -> str:
    """Of the first notice, as its reader gets it."""
    with reading(engine) as cx:
        seen = outbox.view(cx, notices.newest(cx, 1)[0], "https://ews.example.org", "Asia/Seoul")
    assert isinstance(seen, NoticeView)
    return seen.leave.removeprefix("https://ews.example.org")


def active(engine: Engine) -> dict[str, bool]:
    with reading(engine) as cx:
        return {one.email: one.active for one in notices.recipients(cx)}


def test_one_click_stops_the_notices_and_is_told(store_engine: Engine, provider: FlaskClient) -> None:
    number = add_reader(store_engine)
    add_reader(store_engine, "ops@example.org", "en", operator=True)
    scan(store_engine, JANUARY, finding(3))
    with writing(store_engine) as cx:
        claimed = notices.claim(cx, "x", NOW, NOW, 9)
        for one in claimed:
            notices.mark_sent(cx, one.id, "x", NOW)
    with reading(store_engine) as cx:
        mine = next(one for one in claimed if one.recipient.id == number)
        seen = outbox.view(cx, mine, "https://ews.example.org", "Asia/Seoul")
    assert isinstance(seen, NoticeView)
    path = seen.leave.removeprefix("https://ews.example.org")
    assert re.fullmatch(rf"/unsubscribe/{number}-[A-Za-z0-9_-]{{43}}\?language=ko", path)

    asked = provider.get(path)
    assert (asked.status_code, active(store_engine)["kim@example.org"]) == (200, True)  # programs open links too
    assert "알림 수신을 중지하시겠습니까?" in asked.text
    assert "kim" not in asked.text

    for _ in range(2):  # a second click changes nothing
        assert provider.post(path, **ONE_CLICK).status_code == 200
    assert active(store_engine) == {"kim@example.org": False, "ops@example.org": True}
    with reading(store_engine) as cx:
        entries = [(one.actor, one.action, one.subject) for one in audit.entries(cx)]
        told = [(one.recipient.email, one.kind.value, one.note) for one in notices.newest(cx, 9, notices.WAITING)]
    assert entries == [("kim@example.org", "leave", f"recipient {number}")]
    [(to, kind, note)] = told
    assert (to, kind) == ("ops@example.org", "trouble")
    assert "kim@example.org> has stopped their notices" in note
    assert retold(note, "ko", context="trouble").endswith(
        "kim@example.org> 수신자가 메일의 링크로 알림 수신을 중지하였습니다."
    )


def test_what_is_not_signed_does_nothing(store_engine: Engine, provider: FlaskClient) -> None:
    first = add_reader(store_engine)
    second = add_reader(store_engine, "lee@example.org")
    scan(store_engine, JANUARY, finding(3))
    with reading(store_engine) as cx:
        key = notices.leaving_key(cx)
    good = leaving.token(key, first, "kim@example.org")
    signature = good.split("-", 1)[1]
    forged = [
        f"{second}-{signature}",  # another's number
        f"{first}-{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}",
        f"{first}-{signature}=",
        f"0{first}-{signature}",
        f"{first}-",
        f"{first}-{'A' * 43}",
        f"99-{signature}",
        "9" * 400,
        "%00",
        leaving.token(key, first, "old@example.org"),  # it had another address when the mail went out
        leaving.token(b"another key" * 3, first, "kim@example.org"),
    ]
    for token in forged:
        assert provider.post(f"/unsubscribe/{token}", **ONE_CLICK).status_code == 404, token
        assert provider.get(f"/unsubscribe/{token}").status_code == 404, token
    assert all(active(store_engine).values())
    assert recipients.leave(store_engine, good, now=NOW)
    assert active(store_engine) == {"kim@example.org": False, "lee@example.org": True}


def test_nobody_else_may_post_from_anywhere(store_engine: Engine, provider: FlaskClient) -> None:
    for path in ("/sign-in", "/sign-out", "/password", "/_dash-update-component"):
        assert provider.post(path, **ONE_CLICK).status_code == 403


def test_the_page_is_not_kept_framed_or_indexed(store_engine: Engine, provider: FlaskClient) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, finding(3))
    answer = provider.get(address_in_a_mail(store_engine))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers.get("Set-Cookie") is None
