"""Notices by webhook: signed, in three bodies, once, and never lost; a real server on the other side."""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alert_samples import JANUARY, finding
from click.testing import CliRunner
from mail_server import Mailbox, mail_server
from notice_world import NOW, add_reader, raise_alerts, scan

from cews import outbox
from cews.commands.delivery import recipient
from cews.commands.session import Session
from cews.domain import SettingsError, UserError
from cews.notify import channels, webhook
from cews.notify.smtp import SmtpChannel
from cews.notify.webhook import WebhookChannel, check_secret, new_secret, signature
from cews.outbox import SendReport
from cews.settings import Settings
from cews.store import notices
from cews.store.engine import Engine, reading, writing


@dataclass
class Receiver:
    url: str = ""
    answers: list[int] = field(default_factory=list)  # statuses, the first ones first; then 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def data(self, number: int = 0) -> Any:
        return json.loads(self.got[number][1])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(({name.lower(): value for name, value in self.headers.items()}, content))
            self.send_response(kept.answers.pop(0) if kept.answers else 200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()


def hook(
    engine: Engine, receiver: Receiver, form: str = "generic", secret: str | None = None, lang: str = "en"
) -> None:
    """A reader with a webhook and no mail."""
    number = add_reader(engine, "desk@example.org", lang)
    with writing(engine) as cx:
        notices.put_address(cx, number, notices.Address("webhook", receiver.url, secret, form))
        notices.drop_address(cx, number, "email")


def send(engine: Engine, **more: Any) -> SendReport:
    return outbox.send_due(
        engine,
        {"webhook": WebhookChannel(frozenset({"127.0.0.1"}))} | more.pop("others", {}),
        owner="a",
        clock=lambda: more.get("now", NOW),
        public_url="http://ews.example.org",
        zone="Asia/Seoul",
    )


def test_a_notice_is_json_signed_as_standard_webhooks_has_it(store_engine: Engine, receiver: Receiver) -> None:
    secrets = [new_secret(), new_secret()]
    hook(store_engine, receiver, secret=" ".join(secrets))
    scan(store_engine, JANUARY, finding(4))
    assert send(store_engine) == SendReport(sent=1)
    ((headers, content),) = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    marks = [base64.b64encode(hmac.new(key, signed, sha256).digest()).decode() for key in keys]
    assert headers["webhook-signature"] == " ".join(f"v1,{mark}" for mark in marks), "both, while secrets change"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    said = receiver.data()
    assert said["type"] == "cews.notice"
    (alert,) = said["data"]["alerts"]
    assert (alert["item"], alert["level"], alert["reason"], alert["period"], alert["partner"]) == (
        "KOR:import:250410",
        "severe",
        "first",
        "2024-01",
        "CHN",
    )
    assert "Jan 2024 143 t" in said["data"]["title"] or "143 t" in alert["headline"]
    assert alert["link"] == "http://ews.example.org/alerts/1"


def test_a_signature_from_the_standards_own_example() -> None:
    """Key, id and time of the specification; its value was computed with openssl."""
    found = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("form", webhook.FORMS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_body_tells_the_alerts_and_where_to_look(
    sqlite_engine: Engine, receiver: Receiver, form: str, lang: str
) -> None:
    hook(sqlite_engine, receiver, form, lang=lang)
    raise_alerts(sqlite_engine, 1)
    assert send(sqlite_engine).sent == 1
    said = json.dumps(receiver.data(), ensure_ascii=False)
    assert "HS 250410" in said
    assert "143" in said
    assert "http://ews.example.org/alerts/1" in said
    assert ("심각" if lang == "ko" else "evere") in said
    known = "2024년 2월 15일" if lang == "ko" else "February 15, 2024"
    assert ("2024-02-14T15:00:00+00:00" if form == "generic" else known) in said, "when it became knowable"
    if form == "slack":
        assert set(receiver.data()) == {"text", "blocks"}
    if form == "teams":
        (card,) = receiver.data()["attachments"]
        assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert card["content"]["type"] == "AdaptiveCard"


def test_a_digest_lists_every_alert(sqlite_engine: Engine, receiver: Receiver) -> None:
    hook(sqlite_engine, receiver)
    with writing(sqlite_engine) as cx:
        desk = notices.recipient(cx, "desk@example.org")
        notices.put_reader(cx, desk.reader.__class__(desk.id, daily_cap=1), operator=False)
    raise_alerts(sqlite_engine, 45)
    assert send(sqlite_engine).sent == 1
    assert len(receiver.data()["data"]["alerts"]) == 45


@pytest.mark.parametrize("form", ["slack", "teams"])
def test_a_digest_for_people_leads_to_every_alert_it_shows(
    sqlite_engine: Engine, receiver: Receiver, form: str
) -> None:
    hook(sqlite_engine, receiver, form)
    with writing(sqlite_engine) as cx:
        desk = notices.recipient(cx, "desk@example.org")
        notices.put_reader(cx, desk.reader.__class__(desk.id, daily_cap=1), operator=False)
    raise_alerts(sqlite_engine, webhook.SHOWN + 5)
    assert send(sqlite_engine).sent == 1
    said = json.dumps(receiver.data(), ensure_ascii=False)
    links = set(re.findall(r"http://ews\.example\.org/alerts/\d+", said))
    assert len(links) == webhook.SHOWN
    assert '"http://ews.example.org/alerts"' in said or "<http://ews.example.org/alerts|" in said, (
        "where the others are"
    )


def test_what_teams_takes_for_a_link_is_none(sqlite_engine: Engine, receiver: Receiver) -> None:
    hook(sqlite_engine, receiver, "teams")
    with writing(sqlite_engine) as cx:
        cx.exec_driver_sql("INSERT INTO hs_name VALUES ('250410', 'en', '[win](https://evil.example)', 'test')")
    raise_alerts(sqlite_engine, 1)
    send(sqlite_engine)
    assert "](https://evil" not in json.dumps(receiver.data())


def test_what_slack_takes_for_markup_is_escaped(sqlite_engine: Engine, receiver: Receiver) -> None:
    hook(sqlite_engine, receiver, "slack")
    with writing(sqlite_engine) as cx:
        cx.exec_driver_sql("INSERT INTO hs_name VALUES ('250410', 'en', '<!channel> & <http://evil|x>', 'test')")
    raise_alerts(sqlite_engine, 1)
    send(sqlite_engine)
    blocks = json.dumps(receiver.data()["blocks"])
    assert "<!channel>" not in blocks
    assert "<http://evil" not in blocks
    assert "&lt;!channel&gt; &amp;" in blocks


def test_a_busy_server_is_tried_again_with_the_same_id_and_one_that_is_gone_is_not(
    store_engine: Engine, receiver: Receiver
) -> None:
    hook(store_engine, receiver)
    raise_alerts(store_engine, 1)
    receiver.answers = [503, 429, 410]
    report = send(store_engine)
    assert (report.sent, report.failed, report.down) == (0, 1, "")
    assert send(store_engine, now=NOW + timedelta(minutes=1)).failed == 1
    assert send(store_engine, now=NOW + timedelta(hours=1)).dead == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    with writing(store_engine) as cx:
        (dead,) = notices.dead_letters(cx)
        assert dead.last_error == "the webhook answered 410"
        notices.resend(cx, dead.id, NOW)
    assert send(store_engine).sent == 1


def test_an_address_of_our_own_network_is_a_dead_letter_unless_approved(
    sqlite_engine: Engine, receiver: Receiver
) -> None:
    hook(sqlite_engine, receiver)
    raise_alerts(sqlite_engine, 1)
    report = send(sqlite_engine, others={"webhook": WebhookChannel()})
    assert (report.sent, report.dead) == (0, 1)
    assert receiver.got == []


def test_each_channel_is_told_for_itself(store_engine: Engine, receiver: Receiver) -> None:
    """A mail server that is down holds up no webhook, and the other way round."""
    mailbox = Mailbox()
    number = add_reader(store_engine, "desk@example.org")
    with writing(store_engine) as cx:
        notices.put_address(cx, number, notices.Address("webhook", receiver.url))
    raise_alerts(store_engine, 2)
    dead = SmtpChannel("smtp://127.0.0.1:9?tls=no", "C-EWS <cews@example.org>", timeout=1)
    report = send(store_engine, others={"email": dead})
    assert report.sent == 2
    assert report.down
    with mail_server(mailbox) as url:
        later = NOW + timedelta(minutes=1)
        channel = SmtpChannel(url, "C-EWS <cews@example.org>")
        assert send(store_engine, others={"email": channel}, now=later).sent == 2
    assert (len(receiver.got), len(mailbox.messages)) == (2, 2)
    with reading(store_engine) as cx:
        assert notices.counts(cx)["sent"] == 4


@pytest.mark.parametrize("secret", ["whsec_abc", "whsec_!!!", "secret"])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(UserError, match="secret"):
        check_secret(secret)


def test_a_secret_is_never_shown(sqlite_engine: Engine, receiver: Receiver) -> None:
    secret = new_secret()
    hook(sqlite_engine, receiver, secret=secret)
    raise_alerts(sqlite_engine, 1)
    with reading(sqlite_engine) as cx:
        (notice,) = notices.newest(cx, 9)
        shown = outbox.view(cx, notice, "http://x", "Asia/Seoul")
        assert secret not in repr(shown)
        assert secret not in repr(notices.addresses(cx))


def test_channels_are_ours_and_those_of_other_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel of another package is found by its entry point, as pip would install it."""
    (tmp_path / "pager.py").write_text(
        "def channel(settings):\n    return None if settings.language == 'ko' else Pager()\nclass Pager:\n    pass\n",
        encoding="utf-8",
    )
    info = tmp_path / "pager-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pager\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[cews.channels]\npager = pager:channel\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert channels.names() == ("email", "webhook", "pager")
    assert set(channels.available(Settings(_env_file=None))) == {"webhook"}, "what is not set up is left out"
    english = Settings(_env_file=None, language="en", smtp_url="smtp://127.0.0.1:25?tls=no")
    assert set(channels.available(english)) == {"email", "webhook", "pager"}
    (info / "entry_points.txt").write_text("[cews.channels]\nemail = pager:channel\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="two channels are called 'email'"):
        channels.names()


@pytest.mark.parametrize("fault", ["load", "factory", "open"])
def test_a_broken_channel_of_another_package_holds_up_no_other(
    store_engine: Engine, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    code = {
        "load": "import nothing_of_that_name\n",
        "factory": "def channel(settings):\n    raise KeyError('token')\n",
        "open": "def channel(settings):\n    return Fax()\n"
        "class Fax:\n    def open(self):\n        raise OSError('no line')\n",
    }
    (tmp_path / f"fax_{fault}.py").write_text(code[fault], encoding="utf-8")
    info = tmp_path / "fax-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fax\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[cews.channels]\na-fax = fax_{fault}:channel\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    hook(store_engine, receiver)
    with writing(store_engine) as cx:
        desk = notices.recipient(cx, "desk@example.org")
        notices.put_address(cx, desk.id, notices.Address("a-fax", "+82 2 1234 5678"))
    assert "a-fax" in channels.names()
    raise_alerts(store_engine, 2)
    fax = channels.available(Settings(_env_file=None))["a-fax"]
    report = outbox.send_due(
        store_engine,
        {"a-fax": fax, "webhook": WebhookChannel(frozenset({"127.0.0.1"}))},
        owner="a",
        clock=lambda: NOW,
        public_url="http://ews.example.org",
        zone="Asia/Seoul",
    )
    assert (report.sent, report.dead, len(receiver.got)) == (2, 0, 2)
    assert {"load": "a-fax' of fax cannot be used", "factory": "token", "open": "no line"}[fault] in report.down
    with reading(store_engine) as cx:
        assert notices.counts(cx) == {"waiting": 2, "sending": 0, "sent": 2, "dead": 0}, "waits until it is mended"


def test_the_command_that_adds_a_webhook(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine, "desk@example.org")
    session = Session()
    session.__dict__["store"] = sqlite_engine

    def run(*words: str) -> str:
        result = CliRunner().invoke(recipient, words, obj=session)
        return result.output + (f"{result.exception}" if result.exception else "")

    assert "whsec_" in run("reach", "desk@example.org", "webhook", "https://hook.example.org/x")
    assert "whsec_" not in run("reach", "desk@example.org", "webhook", "https://hook.example.org/x", "--form", "slack")
    assert "CEWS_WEBHOOK_HOSTS" in run("reach", "desk@example.org", "webhook", "http://10.0.0.1/x")
    assert "no channel 'fax'" in run("reach", "desk@example.org", "fax", "123")
    assert "any more" in run("unreach", "desk@example.org", "webhook")
    assert "only way" in run("unreach", "desk@example.org", "email")
