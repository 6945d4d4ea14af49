"""Briefs say what is known, need nothing but themselves, fit on their sheet, and stay as they were published."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dashboard_world as world
import people
import pypdfium2
import pytest
from click.testing import CliRunner
from dash import Dash
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from cews import briefs, i18n, second_eyes, sentences, whatif
from cews.accounts import Role
from cews.briefs import beside, charts, page, pdf, publishing
from cews.briefs.content import Asked, Brief, Grid, Kind, Number, Section, Subject
from cews.check_words import check_sentence, summary
from cews.cli import cews
from cews.dashboard.application import create_app
from cews.domain import ItemKey, Period, UserError
from cews.handling import ConflictError
from cews.relapses import Back
from cews.settings import Settings
from cews.store import alert_lines, audit, measures
from cews.store import briefs as stored
from cews.store.alert_lines import AlertFilter
from cews.store.engine import connect, reading, writing

NOW = datetime(2024, 7, 16, 12, tzinfo=UTC)
ITEM = Subject(Kind.ITEM, "KOR:import:250410")
SUBJECTS = {
    "item": ITEM,
    "event": Subject(Kind.EVENT, "1"),
    "supplier": Subject(Kind.SUPPLIER, "CHN"),
    "month": Subject(Kind.MONTH, "2024-06"),
}
FORMS = [(language, at_length) for language in ("ko", "en") for at_length in (False, True)]
NOTE = "중국의 수출통제에 따른 일시적 감소로 판단되며, 비축 물량과 대체 공급국의 여력을 확인할 필요가 있음.\n" * 4


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("briefs") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    built = connect(f"sqlite:///{path}")
    world.build(built)
    yield built
    built.dispose()


def asked(language: str = "en", *, at_length: bool = False) -> Asked:
    return Asked(language, "Asia/Seoul", NOW, at_length)


def made(engine: Engine, name: str, language: str = "en", *, at_length: bool = False) -> Brief:
    return briefs.compose(engine, SUBJECTS[name], asked(language, at_length=at_length))


# --- what it says ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize(("language", "at_length"), FORMS)
def test_a_page_needs_nothing_but_itself(engine: Engine, name: str, language: str, at_length: bool) -> None:
    html = page.html(made(engine, name, language, at_length=at_length))
    assert html == page.html(made(engine, name, language, at_length=at_length)), "the same store gives the same page"
    without_names = html.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]|\bsrc=|\bhref=|<script|\bstyle=|@import|url\(", without_names)
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(style) == 1
    digest = b64encode(sha256(style[0].encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;" in html
    assert f'<html lang="{language}">' in html
    assert "Simulated data" in html or "모의 자료입니다" in html
    assert html.count("<svg") >= 1


def test_the_summary_says_what_the_alert_says(engine: Engine) -> None:
    with reading(engine) as cx:
        found = alert_lines.find_alerts(cx, NOW, AlertFilter(words="250410"), limit=1)[0].finding
    assert found is not None
    korean, english = (made(engine, "item", language).summary[0] for language in ("ko", "en"))
    assert korean == sentences.told(found, "천연흑연(인상)", "ko")
    assert re.fullmatch(r"2024년 6월 .*천연흑연\(인상\) 수입은 [\d.,]+톤으로 예상\([\d.,]+톤\) 대비 \d+% 감소", korean)
    assert re.fullmatch(r"In June 2024, imports of Natural graphite, flakes.* below the [\d,.]+ t expected\.", english)


# --- what stands beside the figures ------------------------------------------------------------------


def section(brief: Brief, title: str) -> Section:
    return next(one for one in brief.sections if one.title.startswith(title))


def titles(brief: Brief) -> set[str]:
    return {one.title for one in brief.sections}


def test_a_brief_names_the_measures_known_then(engine: Engine) -> None:
    item = ItemKey.parse(ITEM.key)
    with reading(engine) as cx:
        known = measures.hitting(cx, NOW, item)
    assert known
    grid = section(made(engine, "item", at_length=True), "Announced measures").parts[0]
    assert isinstance(grid, Grid)
    assert [row[0] for row in grid.rows] == [hit.measure.title("en") for hit in known]
    assert {row[4] for row in grid.rows} == {hit.measure.link.partition("://")[2] for hit in known}
    before = replace(asked(), as_of=datetime(2023, 9, 1, tzinfo=UTC))
    assert "Announced measures" not in titles(briefs.compose(engine, ITEM, before)), "announced on 2023-10-20"
    for name in ("event", "supplier"):
        assert "graphite" in section(made(engine, name), "Announced measures").points[0]


def test_a_brief_tells_the_gap_that_whatif_tells(engine: Engine) -> None:
    with reading(engine) as cx:
        stop = whatif.ask(engine, cx, NOW, ItemKey.parse(ITEM.key), "CHN", beside.STOPPED).stop
    grid = section(made(engine, "item", at_length=True), "If a supplier stopped").parts[0]
    assert isinstance(grid, Grid)
    able = [cover for cover in stop.covers if cover.room > 0]
    assert [(row[3], row[4]) for row in grid.rows] == [
        (asked().amount(one.room, "kg", stop.missing), asked().amount(one.taken, "kg", stop.missing)) for one in able
    ]
    for name in ("event", "supplier"):
        listed = section(made(engine, name, at_length=True), "If a supplier stopped").parts[0]
        assert isinstance(listed, Grid)
        row = next(row for row in listed.rows if str(row[0]).endswith("(250410)"))
        numbers = [cell.value for cell in row[2:] if isinstance(cell, Number)]
        assert numbers == [stop.missing, None, stop.taken, stop.unmet]


def test_a_brief_looks_twice_as_the_panel_does(engine: Engine) -> None:
    with reading(engine) as cx:
        line = alert_lines.item_alert(cx, NOW, ItemKey.parse(ITEM.key))
        assert line is not None
        checks = second_eyes.of_alert(cx, line, NOW)
    found = section(made(engine, "item", at_length=True), "Second look")
    assert isinstance(found.parts[0], Grid)
    assert {row[2] for row in found.parts[0].rows} == {check_sentence(check, "en") for check in checks}
    assert len(found.parts[0].rows) == len(checks) > 0
    for name in ("event", "month"):
        assert summary(checks, "en") in " ".join(section(made(engine, name), "Second look").points)


def test_a_brief_tells_which_dependence_came_back() -> None:
    back = Back(ItemKey.parse(ITEM.key), "CHN", Period.of(2024, 5), 0.9, 0.4, 0.8, True)
    assert [one.points for one in beside.relapses([back], {}, asked())] == [
        ["(250410): China had 90% before it failed, 40% at the lowest, and 80% again since May 2024."]
    ]
    assert list(beside.relapses([], {}, asked())) == []


def test_every_text_of_a_brief_has_its_korean() -> None:
    known = i18n._catalogue("ko")
    folder = Path(briefs.__file__).parent
    calls = [
        call
        for path in folder.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "say" and call.args
    ]
    told = [(_context(call), call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)]
    template = (folder / "templates" / "brief.html").read_text(encoding="utf-8")
    told += [("", message) for message in re.findall(r'say\("([^"]+)"', template)]
    assert len(told) > 80
    assert [message for message in told if message not in known] == []


def _context(call: ast.Call) -> str:
    return next(
        (str(k.value.value) for k in call.keywords if k.arg == "context" and isinstance(k.value, ast.Constant)), ""
    )


def test_names_and_notes_of_others_stay_words(engine: Engine) -> None:
    hostile = "<script>alert(1)</script><img src=x>"
    brief = replace(made(engine, "item"), note=hostile, title=hostile)
    html = page.html(brief)
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in charts.timeline([Period.of(2024, 1)], [], lambda _: "<b>", "<b>")


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [
        (Kind.ITEM, "KOR:import:999999", "no trade of KOR:import:999999 was known.*`cews watchlist list` lists items"),
        (Kind.ITEM, "graphite", "is not an item"),
        (Kind.EVENT, "999", "no event 999 was known"),
        (Kind.EVENT, "one", "is no number of an event"),
        (Kind.SUPPLIER, "XYZ", "is no supplier"),
        (Kind.SUPPLIER, "USA:export:CHN", "no trade for a brief about USA:export:CHN"),
        (Kind.MONTH, "2024-13", "is not a month"),
        (Kind.MONTH, "2031-01", "no figures of 2031-01 were known"),
    ],
)
def test_what_is_not_there_gets_a_clear_answer(engine: Engine, kind: Kind, key: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        briefs.compose(engine, Subject(kind, key), asked())


# --- PDF ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUBJECTS)
def test_one_page_is_one_page(engine: Engine, name: str) -> None:
    brief = replace(made(engine, name, "ko"), note=NOTE)
    document = pypdfium2.PdfDocument(pdf.of_brief(brief))
    assert len(document) == 1
    words = document[0].get_textpage().get_text_range()
    assert "1 / 1" in words
    assert brief.title[:8] in words
    assert "sha256" in words, "the last section has its place too"


def test_korean_words_stay_whole(engine: Engine) -> None:
    note = " ".join(NOTE.split())
    brief = replace(made(engine, "item", "ko"), note=note)
    lines = pypdfium2.PdfDocument(pdf.of_brief(brief))[0].get_textpage().get_text_range().splitlines()
    assert note in " ".join(lines), "lines end between words, and nothing but the words is copied"
    assert note not in lines
    assert "\u2060" not in page.html(brief)


def test_a_long_one_has_its_pages_numbered(engine: Engine) -> None:
    document = pypdfium2.PdfDocument(pdf.of_brief(made(engine, "item", at_length=True)))
    texts = [sheet.get_textpage().get_text_range() for sheet in document]
    assert len(texts) > 2
    for number, words in enumerate(texts, 1):
        assert f"{number} / {len(texts)}" in words


def test_who_draws_a_pdf_fetches_nothing(tmp_path: Path) -> None:
    asked_for: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_for.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    html = (
        f"<link rel=stylesheet href='{address}/a.css'><link rel=attachment href='file://{secret}'>"
        f"<img src='{address}/b.png'><style>@import url({address}/c.css);</style><p>told</p>"
    )
    content = pdf.of_html(html)
    server.shutdown()
    assert asked_for == []
    assert "told" in pypdfium2.PdfDocument(content)[0].get_textpage().get_text_range()
    assert b"a secret" not in content
    assert b"EmbeddedFile" not in content


def test_without_the_extra_pdf_says_what_to_install(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(UserError, match=r"pip install 'cews\[pdf\]'"):
        pdf.of_brief(made(engine, "item"))
    assert pdf.fitting(made(engine, "item")) == page.html(made(engine, "item"))


# --- published ---------------------------------------------------------------------------------------


def _empty(language: str = "ko") -> stored.Address:
    return stored.Address("item", ITEM.key, language, False)


def test_what_is_published_stays_as_it_was(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        draft = stored.keep_note(cx, _empty(), "first", author="kim", now=NOW, seen=0)
        stored.keep_note(cx, _empty(), "second", author="kim", now=NOW, seen=draft.edits)
    with pytest.raises(ConflictError, match="kim has changed or published this draft"), writing(store_engine) as cx:
        stored.keep_note(cx, _empty(), "third", author="lee", now=NOW, seen=1)
    for version in (1, 2):
        with writing(store_engine) as cx:
            seen = stored.draft(cx, _empty()).edits
            content = {"title": "t", "html": f"<p>{version}</p>", "as_of": NOW, "note": "", "author": "kim"}
            kept = stored.publish(cx, _empty(), **content, now=NOW + timedelta(days=version), seen=seen)
            assert (kept.version, stored.draft(cx, _empty()).note) == (version, "")
    for statement in ("UPDATE brief SET html = 'x'", "UPDATE brief SET version = 0", "DELETE FROM brief"):
        with pytest.raises(DBAPIError, match="a published brief is not changed"), writing(store_engine) as cx:
            cx.execute(text(statement))
    with reading(store_engine) as cx:
        newest, first = stored.published(cx, NOW + timedelta(days=9))
        assert [newest.version, first.version] == [2, 1]
        assert stored.published(cx, NOW + timedelta(days=1, hours=1)) == [first]
        found = stored.page(cx, first.id)
        assert found is not None
        assert sha256(found[1].encode()).hexdigest() == first.sha256


def test_what_was_seen_before_a_publication_changes_no_later_note(store_engine: Engine) -> None:
    """The changes of a draft are counted on when it has been published, so that no count comes twice."""
    content = {"title": "t", "html": "", "as_of": NOW, "note": "", "author": "kim", "now": NOW}
    with writing(store_engine) as cx:
        old = stored.keep_note(cx, _empty(), "first", author="kim", now=NOW, seen=0)
        stored.publish(cx, _empty(), **content, seen=old.edits)
        stored.keep_note(cx, _empty(), "lee's", author="lee", now=NOW, seen=stored.draft(cx, _empty()).edits)
    with pytest.raises(ConflictError, match="lee has changed"), writing(store_engine) as cx:
        stored.keep_note(cx, _empty(), "kim's", author="kim", now=NOW, seen=old.edits)
    with pytest.raises(ConflictError) as refused, writing(store_engine) as cx:
        stored.publish(cx, _empty(), **content, seen=0)
    assert i18n.retold(str(refused.value), "ko", context="brief").startswith("그 사이에 lee 님이")


def test_of_two_who_write_a_first_note_at_once_one_is_told(store_engine: Engine) -> None:
    together = threading.Barrier(2)

    def write(name: str, key: str) -> str:
        together.wait()
        try:
            publishing.keep_note(store_engine, replace(_empty(), key=key), name, actor=name, now=NOW, seen=0)
        except ConflictError:
            return "told"
        return "written"

    with ThreadPoolExecutor(2) as both:
        for key in map(str, range(10)):
            assert sorted(both.map(write, ("kim", "lee"), (key, key))) == ["told", "written"]


def test_a_note_has_its_measure(store_engine: Engine) -> None:
    with pytest.raises(UserError, match="4,001 characters; 4,000 are allowed") as refused, writing(store_engine) as cx:
        stored.keep_note(cx, _empty(), "x" * 4_001, author="kim", now=NOW, seen=0)
    assert "4,000자까지" in i18n.retold(str(refused.value), "ko", context="brief")


def test_publishing_is_told_to_the_audit_log(engine: Engine) -> None:
    of = publishing.address_of(ITEM, asked("ko"))
    draft = publishing.keep_note(engine, of, " 확인 필요 ", actor="kim", now=NOW, seen=0)
    kept = publishing.publish(engine, ITEM, asked("ko"), draft.note, actor="kim", now=NOW, seen=draft.edits)
    with reading(engine) as cx:
        found = stored.page(cx, kept.id)
        entry = audit.entries(cx, "brief item KOR:import:250410 ko short")[0]
        assert audit.verify(cx).broken_at is None
    assert found is not None
    assert "<p>확인 필요</p>" in found[1]
    assert (entry.action, entry.detail["sha256"]) == ("publish", kept.sha256)


# --- dashboard and command ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(engine: Engine) -> Dash:
    return create_app(engine, Settings())


def _press(app: Dash, engine: Engine, role: Role, button: str, *, search: str = "") -> tuple[int, str]:
    """Press a button of the item's brief with a note for the short form."""
    names = [f"brief-{action}-{form}" for form in ("short", "long") for action in ("save", "publish")]
    with reading(engine) as cx:
        seen = stored.draft(cx, stored.Address("item", ITEM.key, "ko", False)).edits
    state = {
        "brief-subject.data": ["item", ITEM.key],
        "url.search": search,
        "brief-note-short.value": "판단 의견",
        "brief-seen-short.data": seen,
        "brief-note-long.value": "",
        "brief-seen-long.data": 0,
    }
    body = {
        "output": "brief-body.children",
        "outputs": {"id": "brief-body", "property": "children"},
        "inputs": [{"id": name, "property": "n_clicks", "value": 1 if name == button else None} for name in names],
        "state": [
            dict(zip(("id", "property"), key.split("."), strict=True), value=value) for key, value in state.items()
        ],
        "changedPropIds": [f"{button}.n_clicks"],
    }
    answer = people.browser_of(app, engine, role).post("/_dash-update-component", json=body)
    return answer.status_code, json.dumps(answer.get_json(silent=True), ensure_ascii=False)


def test_an_analyst_writes_and_publishes(app: Dash, engine: Engine) -> None:
    status, said = _press(app, engine, Role.ANALYST, "brief-save-short")
    assert status == 200
    assert "의견을 저장했습니다" in said
    browser = people.browser_of(app, engine, Role.VIEWER)
    looked = browser.get("/brief/draft/item/KOR:import:250410.html?lang=ko")
    assert "판단 의견" in looked.text
    then = browser.get("/brief/draft/item/KOR:import:250410.html?lang=ko&as_of=2024-07-01")
    assert then.status_code == 200
    assert "판단 의견" not in then.text, "nobody had written it yet"
    status, said = _press(app, engine, Role.ANALYST, "brief-publish-short")
    assert status == 200
    number = int(re.findall(r"/brief/(\d+)\.html", said)[0])
    shown = browser.get(f"/brief/{number}.html")
    assert "판단 의견" in shown.text
    drawn = browser.get(f"/brief/{number}.pdf")
    assert drawn.headers["Content-Type"] == "application/pdf"
    assert len(pypdfium2.PdfDocument(drawn.data)) == 1
    assert browser.get("/brief/99999.html").status_code == 404
    assert browser.get(f"/brief/{'9' * 25}.html").status_code == 404
    for nothing in (f"event/{'9' * 25}", "event/²", "month/0000-01", "month/9999-12"):
        assert browser.get(f"/brief/draft/{nothing}.html").status_code == 400
    assert browser.get("/brief/draft/item/KOR:import:999999.html").status_code == 400
    assert browser.get("/brief/draft/item/KOR:import:250410.html?lang=fr").status_code == 400
    assert browser.get(f"/brief/{number}.exe").status_code == 404


def test_who_may_not_publishes_nothing(app: Dash, engine: Engine) -> None:
    assert _press(app, engine, Role.VIEWER, "brief-publish-short")[0] == 403
    assert _press(app, engine, Role.ANALYST, "brief-publish-short", search="?as_of=2024-03-20")[0] == 409


def test_the_command_writes_a_file(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEWS_DATABASE_URL", engine.url.render_as_string())
    out = tmp_path / "brief.html"
    command = ["brief", "item", ITEM.key, "--lang", "en", "--as-of", "2024-07-16", "--note", "seen", "-o", str(out)]
    result = CliRunner().invoke(cews, command)
    assert result.exit_code == 0, result.output
    html = out.read_text(encoding="utf-8")
    assert "<p>seen</p>" in html
    assert "July 16, 2024" in html, "a day that was asked for is that day in every zone"
