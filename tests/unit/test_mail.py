"""Mails: complete, in the reader's language, the same on every attempt, and safe from what names contain."""

from __future__ import annotations

import csv
import email
import email.policy
import random
import re
import ssl
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from io import StringIO
from pathlib import Path

import pytest
from alert_samples import JANUARY, finding, published
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_server import Mailbox, mail_server

from cews.alerts import Policy, reexamine, step
from cews.domain import NoticeReason, Reason, SettingsError, ShockClass
from cews.notify import ChannelDownError, ChartPoint, DigestView, NoticeView, TextView
from cews.notify.email import SHOWN, SUBJECT_LENGTH, compose, parse_sender, render
from cews.notify.smtp import SmtpChannel
from cews.severity import severity

SENDER = parse_sender("C-EWS 조기경보 <cews@example.org>")


def points() -> tuple[ChartPoint, ...]:
    """36 months of about 2,600 tonnes, a rush, and 146 tonnes."""
    chance = random.Random(7)
    observed = [2600e3 * chance.uniform(0.7, 1.3) for _ in range(34)] + [8418e3, 146e3]
    return tuple(ChartPoint(JANUARY + n, o, 2600e3, 1400e3, 4300e3) for n, o in enumerate(observed, start=-35))


def view(language: str = "ko", *, simulated: bool = False) -> NoticeView:
    """An alert raised from 주의 to 심각."""
    rush = finding(2, JANUARY + -1, shock=ShockClass.FRONT_LOADING, simulated=simulated)
    alert, _ = step(None, rush, Policy(), rush.period, rush.as_of)
    alert, change = step(alert, finding(4, simulated=simulated), Policy(), JANUARY, published(JANUARY))
    assert alert is not None
    assert change is not None
    return NoticeView(
        recipient="김분석",
        address="kim@example.org",
        language=language,
        reason=NoticeReason.ESCALATED,
        alert=replace(alert, id=7),
        change=change,
        item_name="천연흑연" if language == "ko" else "Natural graphite",
        link="http://ews.example.org/alerts/7",
        zone="Asia/Seoul",
        message_id="<0123456789abcdef@cews.local>",
        thread_id="<thread@cews.local>",
        created_at=datetime(2024, 2, 15, 1, tzinfo=UTC),
        chart=points(),
    )


def read(message: EmailMessage) -> EmailMessage:
    """The message as a mail program reads it from the wire."""
    parsed = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_subject_says_level_item_story_and_number() -> None:
    assert read(render(view(), SENDER))["Subject"] == "[심각 · 상향] 천연흑연 중국산 수입 급감 — 2024년 1월 143톤(−94%)"
    first = replace(view("en"), reason=NoticeReason.FIRST)
    assert read(render(first, SENDER))["Subject"] == (
        "[Severe] Natural graphite: slump in imports from China — Jan 2024 143 t (−94%)"
    )
    assert read(render(view("en"), SENDER))["Subject"] == (
        "[Severe · Raised] Natural graphite: slump in imports from China (−94%)"
    )


def test_a_long_subject_in_plain_letters_comes_as_it_is() -> None:
    """Folded at its first blank it arrived with one before it."""
    long = TextView(
        recipient="Kim",
        address="kim@example.org",
        language="en",
        title="China's export inspection of urea, Caution: 3 alerts have changed",
        words="",
        link="http://x",
        message_id="<0123456789abcdef@cews.local>",
        thread_id="<thread@cews.local>",
        created_at=view().created_at,
    )
    assert read(render(long, SENDER))["Subject"] == f"[C-EWS] {long.title}"


def test_simulated_data_is_called_so_first() -> None:
    for language, mark, banner in (("ko", "[모의] ", "모의 자료입니다"), ("en", "[Simulated] ", "Simulated data")):
        message = read(render(view(language, simulated=True), SENDER))
        assert message["Subject"].startswith(mark)
        assert banner in body(message, "plain")
        assert banner in body(message, "html")
        assert banner not in body(read(render(view(language), SENDER)), "html")


def test_the_words_and_numbers_are_in_both_parts() -> None:
    message = read(render(view(), SENDER))
    for part in (body(message, "plain"), body(message, "html")):
        for words in (
            "천연흑연(250410) 중국산 수입 급감: 2024년 1월 143톤, 예상 2,550톤 대비 −94%",
            "지난 알림 이후 경보가 더 심각해졌습니다. 주의 → 심각.",
            "중국 물량이 예상치 2,550톤에서 143톤으로 줄었으며(−94%), 감소한 상대국 전체 감소분의 98%입니다.",
            "범부처 공동 대응",
            "2024년 2월 15일",
            "http://ews.example.org/alerts/7",
            "김분석 님이",
        ):
            assert words in part
    assert "◆" in body(message, "html")


def test_the_html_needs_nothing_from_the_network() -> None:
    html = body(read(render(view(), SENDER)), "html")
    links = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', html)
    assert {link for pair in links for link in pair if link} == {
        "cid:chart.0123456789abcdef@cews.local",
        "http://ews.example.org/alerts/7",
    }
    assert "<style" not in html
    assert "<script" not in html


def test_the_chart_is_attached_where_the_html_looks_for_it() -> None:
    message = read(render(view(), SENDER))
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<chart.0123456789abcdef@cews.local>"
    assert picture.get_content().startswith(b"\x89PNG")
    without = read(render(replace(view(), chart=()), SENDER))
    assert [part for part in without.walk() if part.get_content_type() == "image/png"] == []
    assert "cid:" not in body(without, "html")


def test_headers_for_threads_machines_and_leaving() -> None:
    message = read(render(view(), SENDER))
    assert message["Message-ID"] == "<0123456789abcdef@cews.local>"
    assert message["References"] == message["In-Reply-To"] == "<thread@cews.local>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"].strip() == "<mailto:cews@example.org?subject=unsubscribe%20kim%40example.org>"
    assert message["Content-Language"] == "ko"
    assert message["Date"].datetime == view().created_at
    assert message["From"].addresses[0].display_name == "C-EWS 조기경보"


LEAVE = "https://ews.example.org/unsubscribe/7-" + 43 * "A" + "?language=ko"


def test_one_click_unsubscription_where_an_address_takes_it() -> None:
    """The address arrives whole: a header that is folded or encoded stops nobody's notices."""
    mailbox = Mailbox()
    with mail_server(mailbox) as url, SmtpChannel(url, "C-EWS <cews@example.org>").open() as deliver:
        deliver(replace(view(), leave=LEAVE))
    (message,) = mailbox.messages
    by_post, by_mail = (part.strip() for part in message["List-Unsubscribe"].split(","))
    assert by_post == f"<{LEAVE}>"
    assert by_mail.startswith("<mailto:")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    raw = render(replace(view(), leave=LEAVE), SENDER).as_bytes()
    assert f"<{LEAVE}>".encode() in raw
    assert f"알림 수신 중지: {LEAVE}" in body(message, "plain")
    assert f'href="{LEAVE}"' in body(message, "html")


def test_outlook_gets_a_card_of_its_own_width_and_nobody_an_inverted_one() -> None:
    html = body(read(render(view(), SENDER)), "html")
    assert html.count("<!--[if mso]>") == 2, "Word, which draws Outlook's mails, knows no max-width"
    assert 'content="light only"' in html


def test_without_tls_there_is_a_link_and_no_one_click() -> None:
    message = read(render(replace(view(), leave=LEAVE.replace("https", "http")), SENDER))
    assert message["List-Unsubscribe"].startswith("<http://ews.example.org/unsubscribe/7-")
    assert message["List-Unsubscribe-Post"] is None


def test_a_second_attempt_is_the_same_mail() -> None:
    one, two = (read(render(view(), SENDER)) for _ in range(2))
    boundary = "Content-Type"  # drawn by lot for each message
    assert [h for h in one.items() if h[0] != boundary] == [h for h in two.items() if h[0] != boundary]
    assert body(one, "html") == body(two, "html")


def test_a_withdrawal_says_so_and_repeats_no_number_as_if_it_stood() -> None:
    shown = view()
    alert, change = reexamine(shown.alert, [], published(JANUARY) + timedelta(days=30), 2400e3)
    assert change is not None
    message = read(render(replace(shown, alert=alert, change=change, reason=NoticeReason.REVISED_AWAY), SENDER))
    assert message["Subject"] == "[철회] 천연흑연 중국산 수입 급감"
    html = body(message, "html")
    assert "146톤에서 2,400톤으로 정정되어" in html
    assert "별도의 조치는 필요하지 않습니다" in html
    assert "예상 대비" not in html
    assert "cid:" not in html


def test_a_supplier_that_left_is_shown_with_its_own_figures_not_as_the_total() -> None:
    """The total held: "all partners: 384 t" beside it would be wrong by a factor of ten."""
    gone = Reason(
        "supplier_fell", {"partner": "CHN", "observed": 384e3, "expected": 3355e3, "change": -0.89, "unit": "kg"}
    )
    left = finding(
        1, shock=ShockClass.SUPPLIER_EXIT, observed=384e3, expected=3355e3, reasons=(gone, Reason("total_covered", {}))
    )
    alert, change = step(None, left, Policy(), JANUARY, published(JANUARY))
    assert alert is not None
    assert change is not None
    message = read(render(replace(view(), alert=alert, change=change, reason=NoticeReason.FIRST), SENDER))
    for part in (body(message, "plain"), body(message, "html")):
        assert "2024년 1월 중국" in part
        assert "2024년 1월 전체" not in part
    assert "전체 상대국" in body(message, "html"), "the chart shows the total, and says so"
    english = replace(view("en"), alert=alert, change=change, reason=NoticeReason.FIRST)
    assert "January 2024, China: 384 t" in body(read(render(english, SENDER)), "plain")


def test_a_long_subject_drops_words_before_its_number() -> None:
    long = replace(view("en", simulated=True), item_name="Natural graphite powder")
    assert read(render(long, SENDER))["Subject"] == (
        "[Simulated] [Severe · Raised] Natural graphite powder: Shortage (−94%)"
    )


def digest(language: str, *entries: NoticeView, event: str = "") -> DigestView:
    return DigestView(
        recipient="김분석",
        address="kim@example.org",
        language=language,
        event=event,
        why=NoticeReason.FIRST if event else None,
        entries=entries,
        link="http://ews.example.org/alerts",
        zone="Asia/Seoul",
        message_id="<0123456789abcdef@cews.local>",
        thread_id="<thread@cews.local>",
        created_at=view().created_at,
    )


@pytest.mark.parametrize("event", ["", "Graphite"])
def test_a_line_of_a_digest_has_both_clocks_and_its_severity(event: str) -> None:
    weighed = replace(view(), severity=severity(view().alert, "A"))
    for language, words in (
        ("ko", "최초 파악일 2024년 1월 15일 · 심각도 98/100"),
        ("en", "Known since January 15, 2024 · Severity 98/100"),
    ):
        message = read(render(digest(language, replace(weighed, language=language), event=event), SENDER))
        for part in (body(message, "plain"), body(message, "html")):
            assert words in part


def test_one_alert_is_no_plural() -> None:
    message = read(render(digest("en", view("en")), SENDER))
    assert message["Subject"] == "[Digest] 1 alert (Severe 1)"
    assert "1 alert has changed" in body(message, "plain")
    assert "1 alerts" not in body(message, "plain")


# --- hostile names -----------------------------------------------------------------------------------

HOSTILE = [
    "graphite\r\nBcc: victim@example.org",
    "graphite\nX-Injected: 1",
    "graphite\u2028Bcc: x@example.org",
    "graphite\x00\x1b[31m",
    "\u202egnp.exe\u202c",
    "<script>alert(1)</script>",
    '"quoted" <x@example.org>, y@example.org',
    "=?utf-8?q?=0D=0ABcc:_x@example.org?=",
    "🚢" * 60,
    "{{ 7 * 7 }}{% include 'x' %}",
    "a" * 4000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_add_headers_readers_or_markup(name: str) -> None:
    message = read(render(replace(view(), item_name=name, recipient=name), SENDER))
    usual = read(render(view(), SENDER))
    assert set(message.keys()) == set(usual.keys())
    assert [address.addr_spec for address in message["To"].addresses] == ["kim@example.org"]
    assert len(message["Subject"]) <= SUBJECT_LENGTH
    assert "<script" not in body(message, "html")
    for part in (str(message["Subject"]), body(message, "plain"), body(message, "html")):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", part)
    assert "49" not in message["Subject"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("event", [True, False])
def test_names_in_a_digest_cannot_add_headers_readers_or_markup(name: str, event: bool) -> None:
    entry = replace(view(), item_name=name, recipient=name)
    many = tuple(replace(entry, alert=replace(entry.alert, id=number)) for number in range(SHOWN + 5))
    told = replace(digest("ko", *many, event=name if event else ""), recipient=name)
    message, wrong = compose(told, SENDER)
    assert wrong == ""
    parsed = read(message)
    assert set(parsed.keys()) == set(read(render(view(), SENDER)).keys())
    assert [address.addr_spec for address in parsed["To"].addresses] == ["kim@example.org"]
    assert len(parsed["Subject"]) <= SUBJECT_LENGTH
    html = body(parsed, "html")
    assert "<script" not in html
    assert set(re.findall(r'(?:src|href)="([^"]*)"', html)) == {
        "http://ews.example.org/alerts",
        "http://ews.example.org/alerts/7",
    }
    (table,) = [part for part in parsed.walk() if part.get_content_type() == "text/csv"]
    rows = list(csv.reader(StringIO(table.get_content())))
    assert len(rows) == SHOWN + 6
    assert dict(zip(rows[0], rows[1], strict=True))["known_since"] == "2024-01-15"
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    for part in (str(parsed["Subject"]), body(parsed, "plain"), html, table.get_content()):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", part)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_any_name_can_be_sent_and_the_subject_keeps_its_blanks(name: str) -> None:
    message = render(replace(view(), item_name=f"x {name}", chart=()), SENDER)
    parsed = read(message)
    assert str(parsed["Subject"]) == str(message["Subject"])
    assert [address.addr_spec for address in parsed["To"].addresses] == ["kim@example.org"]


# --- the channel -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://host?ssl=no", "smtp://host?tls=no&x=1"],
)
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="CEWS_SMTP_URL"):
        SmtpChannel(url, "C-EWS <cews@example.org>")


@pytest.mark.parametrize("sender", ["", "C-EWS", "C-EWS <>", "a@b@c"])
def test_what_is_no_sender_is_refused(sender: str) -> None:
    with pytest.raises(SettingsError, match="CEWS_MAIL_FROM"):
        parse_sender(sender)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and certificate for 127.0.0.1, made for this test."""
    path = tmp_path / "server.pem"
    request = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    made = subprocess.run(
        [*request.split(), "-keyout", str(tmp_path / "key.pem"), "-out", str(path)],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("openssl is not there to make a certificate")
    return path


def test_starttls_is_used_and_the_certificate_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    mailbox = Mailbox()
    with mail_server(mailbox, tls_context=context, require_starttls=True) as plain:
        url = plain.removesuffix("?tls=no")
        with (
            SmtpChannel(url, "C-EWS <cews@example.org>").open() as deliver,
            pytest.raises(ChannelDownError, match="cert"),
        ):
            deliver(view())
        assert mailbox.messages == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with SmtpChannel(url, "C-EWS <cews@example.org>").open() as deliver:
            deliver(view())
    assert mailbox.to() == ["kim@example.org"]


def test_a_password_may_hold_any_character_and_is_never_shown() -> None:
    channel = SmtpChannel("smtp://user%40corp:p%3Aw%2F%40@127.0.0.1:1?tls=no", "C-EWS <cews@example.org>", timeout=1)
    with channel.open() as deliver, pytest.raises(ChannelDownError) as error:
        deliver(view())
    assert "p:w/@" not in str(error.value)
    assert "127.0.0.1:1" in str(error.value)
