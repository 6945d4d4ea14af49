"""The services of the Korea Customs Service, each through the real transport against a server that has their habits."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from cews.cli import cews
from cews.domain import Flow, Period, SourceError, UserError
from cews.ingesting import IngestReport, ingest_source
from cews.net import Call, Patience, Transport
from cews.settings import Settings
from cews.store import flash as stored_flash
from cews.store import releases, runs
from cews.store.engine import reading
from cews.store.schema import hs_name, observation, raw, release, release_month, release_partner, series
from ingest import SOURCES, kcs, kcs_flash, kcs_item
from ingest.base import Request, Wanted
from tests.contract import kcs_answers as a
from tests.contract.conftest import FakeSource, Reply
from tests.contract.fake_kcs import BY_COUNTRY, BY_ITEM, FLASH, KEY, FakeKcs

NOW = datetime(2024, 6, 20, tzinfo=UTC)
KOREAN = ("kcs", "kcs-item", "kcs-flash")
WANTED = Wanted(("250410",), (), Period.of(2024, 1), Period.of(2024, 3))
ROWS = [
    a.item("2504101000", "CN", "2024.01", imports=(8000, 4000), exports=(70, 3), name="립스틱\n"),
    a.item("2504109000", "JP", "2024.01", imports=(1000, 500)),
    a.item("2504101000", "ZZ", "2024.02", imports=(300, 140)),
    a.item("2504909000", "US", "2024.03", imports=(5, 0)),
]
IMPORTS, EXPORTS = "/cntyMmUtPrviImpAcrs/getCntyMmUtPrviImpAcrs", "/prlstMmUtPrviExpAcrs/getPrlstMmUtPrviExpAcrs"


@dataclass
class World:
    """A store, a server that plays the customs service, and the door between them."""

    engine: Engine
    settings: Settings
    server: FakeSource
    service: FakeKcs
    transport: Transport

    def fetch(self, source: str, wanted: Wanted = WANTED, now: datetime = NOW) -> IngestReport:
        return ingest_source(self.engine, self.settings, source, wanted, now=now, transport=self.transport)

    def traded(self, source: str, value: bool = True) -> dict[tuple[str, str, int], float]:
        """(flow, partner, month) → USD or kg of what is current."""
        amount = observation.c.value_usd if value else observation.c.net_weight_kg
        statement = select(series.c.flow, series.c.partner, observation.c.period, amount).join(
            series, series.c.id == observation.c.series_id
        )
        with reading(self.engine) as cx:
            rows = cx.execute(statement.where(series.c.source == source, observation.c.known_to.is_(None)))
            return {(row[0], row[1], row[2]): row[3] for row in rows}

    def count(self, table: object) -> int:
        with reading(self.engine) as cx:
            return int(cx.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def world(sqlite_engine: Engine, server: FakeSource, tmp_path: Path) -> Iterator[World]:
    yield from _world(sqlite_engine, server, tmp_path)


@pytest.fixture
def each_world(store_engine: Engine, server: FakeSource, tmp_path: Path) -> Iterator[World]:
    yield from _world(store_engine, server, tmp_path)


def _world(engine: Engine, server: FakeSource, home: Path) -> Iterator[World]:
    service = FakeKcs(list(ROWS), {IMPORTS: [a.flash("202401")]})
    server.answer = service.answer
    settings = Settings(_env_file=None, home=home, kcs_key=KEY, kcs_url=f"{server.url}/1220000")  # type: ignore[arg-type]
    with Transport(Patience(connect=1, read=1, attempts=3, first_wait=0.01), sleep=lambda _: None) as door:
        yield World(engine, settings, server, service, door)


# --- all of them -------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", KOREAN)
def test_each_service_asks_its_own_address_with_the_one_key(world: World, source: str) -> None:
    world.fetch(source)
    paths = {asked.path.removeprefix("/1220000") for asked in world.server.asked}
    assert paths == {"kcs": {BY_COUNTRY}, "kcs-item": {BY_ITEM}, "kcs-flash": FLASH}[source]
    assert {asked.query["serviceKey"] for asked in world.server.asked} == {KEY}
    with reading(world.engine) as cx:
        assert not [request for request in cx.execute(select(raw.c.request)).scalars() if "serviceKey" in request]


FAILURES = {  # the same in every service: reply, permanent, quota, times asked
    "30, old, at 200": (Reply(a.old_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR")), True, False, 1),
    "30, new, at 403": (
        Reply(a.new_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", "등록되지 않은 서비스키"), status=403),
        True,
        False,
        1,
    ),
    "22 at 200": (Reply(a.old_gateway("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR")), False, True, 1),
    "quota, plain 429": (Reply(b"API token quota exceeded", status=429), False, True, 1),
    "rate, plain 429": (Reply(b"API rate limit exceeded", status=429), False, False, 3),
    "99 at 200": (Reply(a.envelope("99", "필수 요청변수가 누락되었습니다.")), True, False, 1),
    "no such service, 400": (Reply(a.old_gateway("12", "NO_OPENAPI_SERVICE_ERROR"), status=400), True, False, 1),
    "plain 401": (Reply(b"Unauthorized", status=401), True, False, 1),
    "plain 403": (Reply(b"Forbidden", status=403), True, False, 1),
    "plain 404": (Reply(b"API not found", status=404), True, False, 1),
    "plain 500": (Reply(b"Unexpected error", status=500), False, False, 3),
    "cut off XML": (Reply(a.answer([a.by_item(ROWS[0])])[:-40]), False, False, 3),
    "shorter than promised": (Reply(a.answer(ROWS), cut=True), False, False, 3),
    "web page": (Reply(b"<!DOCTYPE html><html></html>"), False, False, 3),
    "silence": (Reply(stall=1.3), False, False, 3),
}


@pytest.mark.parametrize("source", KOREAN)
@pytest.mark.parametrize(("reply", "permanent", "quota", "times"), FAILURES.values(), ids=FAILURES.keys())
def test_every_failure_ends_the_same_way_in_every_service(
    world: World, source: str, reply: Reply, permanent: bool, quota: bool, times: int
) -> None:
    world.server.answer = lambda asked: reply
    with pytest.raises(SourceError) as caught:
        world.fetch(source)
    assert (caught.value.permanent, caught.value.quota, len(world.server.asked)) == (permanent, quota, times)
    assert KEY not in str(caught.value)
    assert [world.count(table) for table in (release, observation, stored_flash.flash, raw)] == [0, 0, 0, 0]
    with reading(world.engine) as cx:
        (run,) = runs.newest(cx)
    assert run.state == "failed"


def test_a_refused_key_names_the_data_set_to_apply_for(world: World) -> None:
    world.server.answer = lambda asked: Reply(b"Forbidden", status=403)
    for source, number in {"kcs": "15100475", "kcs-item": "15101609", "kcs-flash": "15157908"}.items():
        with pytest.raises(SourceError, match=number):
            world.fetch(source)


def test_a_service_that_never_accepts_the_connection(world: World) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        queue = [socket.socket() for _ in range(3)]  # fill the backlog, so that the next handshake hangs
        for waiting in queue:
            waiting.setblocking(False)
            waiting.connect_ex(address)
        world.settings = world.settings.model_copy(update={"kcs_url": f"http://127.0.0.1:{address[1]}/1220000"})
        with Transport(Patience(connect=0.3, attempts=2, first_wait=0.01), sleep=lambda _: None) as world.transport:
            for source in KOREAN:
                with pytest.raises(SourceError, match="no connection within the time allowed") as caught:
                    world.fetch(source)
                assert not caught.value.permanent
        for waiting in queue:
            waiting.close()
    assert world.count(release) == 0


# --- keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", KOREAN)
@pytest.mark.parametrize("key", [KEY, quote(KEY, safe="")], ids=["decoding key", "encoding key"])
def test_both_forms_of_the_key_arrive_as_the_same_and_encoded_once(world: World, source: str, key: str) -> None:
    with_key(world, key).fetch(source)
    for asked in world.server.asked:
        assert asked.query["serviceKey"] == KEY
        assert "serviceKey=ab%2Bc" in asked.raw_query
        assert "%25" not in asked.raw_query


def with_key(world: World, key: str) -> World:
    world.settings = world.settings.model_copy(update={"kcs_key": SecretStr(key)})
    return world


@pytest.mark.parametrize("sent", ["ab%252Bc%252Fd%253D%253D", "ab+c/d=="], ids=["encoded twice", "plus as a blank"])
def test_the_server_would_notice_a_key_sent_wrongly(world: World, sent: str) -> None:
    """The habit that the tests above rely on: a wrongly encoded key is answered with 30."""
    address = f"{world.server.url}/1220000{BY_ITEM}?serviceKey={sent}&strtYymm=202401&endYymm=202403"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address, timeout=5)
    with caught.value as answer:
        assert b"<returnReasonCode>30<" in answer.read()


def test_a_key_that_was_encoded_twice_is_refused_with_advice(world: World) -> None:
    with pytest.raises(SourceError, match="check CEWS_KCS_KEY"):
        with_key(world, quote(quote(KEY, safe=""), safe="")).fetch("kcs-item")
    assert "%252B" in world.server.asked[0].raw_query


# --- what the services refuse and ignore ---------------------------------------------------------------


def ask(world: World, path: str, params: dict[str, str], request: Request) -> SourceError:
    """A question that ``plan`` never asks, through the real transport."""
    call = Call(f"{world.server.url}/1220000{path}", params, "test", 10**6, 0.0, secrets={"serviceKey": KEY})
    with pytest.raises(SourceError) as caught:
        world.transport.fetch(call, lambda body: kcs.parse(body, request))
    return caught.value


def test_thirteen_months_or_nothing_asked_for_are_99_and_not_repeated(world: World) -> None:
    request = next(iter(kcs.plan(WANTED, NOW.date())))
    error = ask(world, BY_COUNTRY, {"strtYymm": "202301", "endYymm": "202401", "hsSgn": "2504"}, request)
    assert (error.permanent, error.code) == (True, "99")
    assert "1년이내" in str(error)
    error = ask(world, BY_COUNTRY, {"strtYymm": "202301", "endYymm": "202312"}, request)
    assert (error.permanent, error.code) == (True, "99")
    assert len(world.server.asked) == 2


def test_a_second_page_is_the_same_answer_and_changes_nothing(world: World) -> None:
    source, request = SOURCES["kcs"], next(iter(kcs.plan(WANTED, NOW.date())))
    address = f"{world.server.url}/1220000{BY_COUNTRY}"
    bodies = []
    for page in ("1", "2"):
        params = {**request.params, "numOfRows": "2", "pageNo": page}
        call = Call(address, params, "test", source.max_bytes, 0.0, secrets={"serviceKey": KEY})
        answer, batch = world.transport.fetch(call, lambda body: kcs.parse(body, request))
        bodies.append(answer.body)
        assert len(batch.observations) == 4
    assert bodies[0] == bodies[1]


# --- by item -----------------------------------------------------------------------------------------


def test_the_countries_of_one_service_sum_to_the_other(each_world: World) -> None:
    each_world.fetch("kcs")
    each_world.fetch("kcs-item")
    for value in (True, False):
        total: dict[tuple[str, int], float] = {}
        for (flow, _, month), amount in each_world.traded("kcs", value).items():
            total[flow, month] = total.get((flow, month), 0) + amount
        item = each_world.traded("kcs-item", value)
        assert {partner for _, partner, _ in item} == {"WLD"}
        assert {(flow, month): amount for (flow, _, month), amount in item.items()} == total
    with reading(each_world.engine) as cx:
        about = cx.execute(select(release_partner.c.partner).distinct()).scalars().all()
    assert about == ["WLD"], "its releases speak about all partners together only"


@pytest.mark.parametrize("place", [0, 1, None], ids=["first", "middle", "missing"])
@pytest.mark.parametrize("source", ["kcs", "kcs-item"])
def test_the_total_row_may_stand_anywhere_or_be_missing(world: World, source: str, place: int | None) -> None:
    rows = [a.item("250410", "CN", "2024.01", imports=(9, 4)), a.item("250410", "CN", "2024.02", imports=(2, 1))]
    answer = [*rows] if place is None else [*rows[:place], a.total(rows), *rows[place:]]
    shaped = [a.by_item(row) for row in answer] if source == "kcs-item" else answer
    world.server.answer = lambda asked: Reply(a.answer(shaped))
    assert world.fetch(source).rows_new == 2


def test_a_total_that_is_not_the_sum_is_asked_for_again(world: World) -> None:
    rows = [a.by_item(row) for row in (*ROWS[:2], a.total(ROWS))]
    world.server.answer = lambda asked: (
        Reply(a.answer(rows)) if len(world.server.asked) == 1 else world.service.answer(asked)
    )
    assert world.fetch("kcs-item").rows_new == 3
    assert len(world.server.asked) == 2


@pytest.mark.parametrize("source", ["kcs", "kcs-item"])
@pytest.mark.parametrize("body", [a.answer([]), a.answer([a.total([])])], ids=["no items", "zero total only"])
def test_an_answer_without_trade_says_nothing_and_closes_nothing(world: World, source: str, body: bytes) -> None:
    world.fetch(source)
    before = world.traded(source)
    shaped = body.replace(b"hsCd", b"hsCode") if source == "kcs-item" else body
    world.server.answer = lambda asked: Reply(shaped)
    report = world.fetch(source, now=NOW + timedelta(days=30))
    assert (report.rows_vanished, world.traded(source)) == (0, before)
    with reading(world.engine) as cx:
        states = cx.execute(select(release_month.c.state).distinct()).scalars().all()
    assert set(states) == {"published", "not_reported"}


def test_commas_blanks_and_line_breaks_of_the_item_service(world: World) -> None:
    row = a.by_item(a.item("250410", "CN", "2024.01", imports=(" 1,234,567 ", ""), exports=("", " "), name="흑연\n"))
    world.server.answer = lambda asked: Reply(a.answer([row]))
    world.fetch("kcs-item")
    assert world.traded("kcs-item") == {("import", "WLD", 202401): 1_234_567}
    assert world.traded("kcs-item", value=False) == {("import", "WLD", 202401): None}
    with reading(world.engine) as cx:
        assert cx.execute(select(hs_name.c.name).where(hs_name.c.hs == "250410")).scalars().all() == ["흑연"]


def test_the_item_service_has_no_partners(world: World) -> None:
    with pytest.raises(UserError, match="leave out --partners"):
        world.fetch("kcs-item", Wanted(("250410",), ("CHN",), WANTED.start, WANTED.end))
    assert world.server.asked == []


def test_coarser_rows_than_asked_for_stop_with_the_assumption(world: World) -> None:
    world.server.answer = lambda asked: Reply(a.answer([a.by_item(a.item("2504", imports=(1, 1)))]))
    with pytest.raises(SourceError, match="shorter than 6 digits"):
        world.fetch("kcs-item")


# --- the 10-day figures ------------------------------------------------------------------------------


def figures(world: World, as_of: datetime = NOW, kind: str = "country", flow: Flow = Flow.IMPORT) -> dict[str, object]:
    with reading(world.engine) as cx:
        found = stored_flash.series(cx, "kcs-flash", flow, kind, as_of)
    return {name: {(str(month), decile): usd for (month, decile), usd in of.items()} for name, of in found.items()}


def test_the_four_services_come_into_a_store_of_their_own(each_world: World) -> None:
    each_world.service.flash[EXPORTS] = [a.flash("202402", "01~29", total=50_000)]
    report = each_world.fetch("kcs-flash")
    assert (report.requests, report.rows_new, report.series) == (4, 22, 22)
    assert figures(each_world)["total"] == {("2024-01", 1): 20_000_000}
    assert figures(each_world)["RUS"] == {("2024-01", 1): 1_009_000}
    assert figures(each_world, kind="item", flow=Flow.EXPORT)["home_appliances"] == {("2024-02", 3): 1_010_000}
    assert figures(each_world, datetime(2024, 1, 10, 14, 59, tzinfo=UTC)) == {}
    assert each_world.count(observation) == 0
    again = each_world.fetch("kcs-flash")
    assert again.unchanged
    assert again.rows_unchanged == 22


def test_a_revised_figure_keeps_its_past(each_world: World) -> None:
    each_world.fetch("kcs-flash")
    each_world.service.flash[IMPORTS] = [a.flash("202401", total=20_500), a.flash("202401", "01~20", total=41_000)]
    later = NOW + timedelta(days=1)
    report = each_world.fetch("kcs-flash", now=later)
    assert (report.rows_new, report.rows_changed, report.rows_vanished, report.rows_unchanged) == (11, 1, 0, 10)
    assert figures(each_world, later)["total"] == {("2024-01", 1): 20_500_000, ("2024-01", 2): 41_000_000}
    assert figures(each_world, NOW)["total"] == {("2024-01", 1): 20_000_000, ("2024-01", 2): 41_000_000}


ASIDE = {
    "slots sum to more than all": ([a.flash(total=10_000)], "sum to more"),
    "20 days less than 10": ([a.flash(), a.flash(days="01~20", total=19_000)], "less than for fewer days"),
    "other days": ([a.flash(days="01~15")], "not days of a month"),
    "not a month": ([a.flash() | {"priodMon": "202313"}], "not a month"),
    "another year": ([a.flash() | {"priodYear": "2022"}], "not a month"),
    "no number": ([a.flash() | {"itemUsdAmt03": "많음"}], "not a number"),
    "negative": ([a.flash() | {"itemUsdAmt03": "-5"}], "not a number|negative"),
    "contradiction": ([a.flash(), a.flash(total=21_000)], "contradicts"),
}


@pytest.mark.parametrize(("rows", "says"), ASIDE.values(), ids=ASIDE.keys())
def test_a_row_that_cannot_be_right_is_set_aside_with_its_reason(
    world: World, rows: list[dict[str, str]], says: str
) -> None:
    world.service.flash = {}
    world.server.answer = lambda asked: Reply(a.answer(rows)) if asked.path.endswith(IMPORTS) else Reply(a.answer([]))
    report = world.fetch("kcs-flash", Wanted((), (), Period.of(2023, 5), Period.of(2023, 5)))
    assert report.rows_rejected == 1
    assert report.rows_new == 11 * (len(rows) - 1)
    with reading(world.engine) as cx:
        (aside,) = releases.quarantined(cx, source="kcs-flash")
    assert any(part in aside.reason for part in says.split("|"))


@pytest.mark.parametrize(
    ("given", "month"),
    [
        ({"priodMon": "202305"}, "2023-05"),
        ({"priodMon": "05"}, "2023-05"),
        ({"priodMon": "5", "priodYear": " 2023 "}, "2023-05"),
    ],
)
def test_the_month_in_its_three_dresses(given: dict[str, str], month: str) -> None:
    table = kcs_flash.parse(a.answer([a.flash("202305") | given]), flash_request()).table
    assert {str(Period.from_yyyymm(number)) for number in table["period"]} == {month}


@pytest.mark.parametrize(
    ("days", "decile"),
    [("01~10", 1), ("01~20", 2), ("01~28", 3), ("01~29", 3), ("01~30", 3), ("01~31", 3), (" 1 ~ 10 ", 1)],
)
def test_the_days_in_all_their_forms(days: str, decile: int) -> None:
    table = kcs_flash.parse(a.answer([a.flash(days=days)]), flash_request()).table
    assert set(table["decile"]) == {decile}


def flash_request(start: int = 5, end: int = 6) -> Request:
    wanted = Wanted((), (), Period.of(2023, start), Period.of(2023, end))
    return next(iter(kcs_flash.plan(wanted, NOW.date())))


def test_what_is_empty_or_zero_is_not_published_yet() -> None:
    empty = {name: "" for name in a.flash() if name.startswith("item")}
    zero = dict.fromkeys(empty, " 0")
    rows = [a.flash() | empty, a.flash(days="01~20") | zero, a.flash("202306")]
    batch = kcs_flash.parse(a.answer(rows), flash_request())
    assert set(batch.table["period"]) == {202306}
    assert batch.rejects == ()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (a.flash() | {"itemUsdAmt11": "1"}, "slot 11"),
        ({name: text for name, text in a.flash().items() if name != "itemUsdAmt00"}, "no itemUsdAmt00"),
        (a.flash("202307"), "the answer has 2023-07"),
    ],
    ids=["a new slot", "no total", "another month"],
)
def test_a_service_that_has_changed_stops_with_what_to_do(row: dict[str, str], says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        kcs_flash.parse(a.answer([row]), flash_request())
    assert caught.value.permanent


def test_slots_keep_the_meaning_of_their_months() -> None:
    old = [slot for slot in kcs_flash.slots() if (slot.flow, slot.kind, slot.number) == ("export", "item", 10)]
    known = (*old, kcs_flash.Slot("export", "item", 10, Period.of(2024, 1), "batteries", "이차전지", "Batteries"))
    codes = [kcs_flash.code_of("export", "item", 10, Period.of(year, 12), known) for year in (2016, 2023, 2024)]
    assert codes == ["home_appliances", "home_appliances", "batteries"]
    with pytest.raises(SourceError, match=r"kcs_flash_slots\.csv"):
        kcs_flash.code_of("export", "item", 10, Period.of(2015, 12), known)


def test_every_slot_of_every_service_has_one_meaning_from_the_first_month_on() -> None:
    first = {(slot.flow, slot.kind, slot.number) for slot in kcs_flash.slots() if slot.valid_from == Period.of(2016, 1)}
    assert first == {(*service, number) for service in kcs_flash.SERVICES for number in range(11)}
    assert len({(slot.flow, slot.kind, slot.number, slot.valid_from) for slot in kcs_flash.slots()}) == len(
        kcs_flash.slots()
    )


def test_asks_by_calendar_year_up_to_the_present_month_and_not_before_the_service() -> None:
    wanted = Wanted((), (), Period.of(2015, 1), Period.of(2030, 1))
    asked = [r for r in kcs_flash.plan(wanted, NOW.date()) if r.url.endswith(IMPORTS)]
    spans = [(r.params["strtYymm"], r.params["endYymm"]) for r in asked]
    assert (spans[0], spans[-1], len(spans)) == (("201601", "201612"), ("202401", "202406"), 9)


# --- commands ----------------------------------------------------------------------------------------


def test_fetched_and_shown_by_command(server: FakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = FakeKcs([], {IMPORTS: [a.flash("202305", total=20_000), a.flash("202405", total=15_000)]}).answer
    monkeypatch.chdir(tmp_path)
    for name, value in {"HOME": str(tmp_path), "KCS_KEY": KEY, "KCS_URL": f"{server.url}/1220000"}.items():
        monkeypatch.setenv(f"CEWS_{name}", value)
    run = CliRunner()
    fetched = run.invoke(cews, ["ingest", "kcs-flash", "--from", "2023-05", "--to", "2024-05"], catch_exceptions=False)
    assert "22 new" in fetched.output
    shown = run.invoke(cews, ["flash", "--by", "country"], catch_exceptions=False)
    total = next(line for line in shown.output.splitlines() if "전체" in line)
    assert [part for part in total.split() if part[0] in "2−1" and "만" not in part][:3] == ["2024-05", "1–10", "−25%"]
    nothing = run.invoke(cews, ["flash", "--by", "item"])
    assert isinstance(nothing.exception, UserError)


@pytest.mark.parametrize(("module", "page"), [(kcs_item, "kcs-item"), (kcs_flash, "kcs-flash")])
def test_assumptions_are_named_where_the_documentation_lists_them(module: object, page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources" / f"{page}.md").read_text(encoding="utf-8")
    assert [name for name in module.ASSUMPTIONS if f"| `{name}` |" not in text] == []  # type: ignore[attr-defined]


# --- totals of two services --------------------------------------------------------------------------

LARGE = [a.item("2504101000", "CN", f"2024.{month:02d}", imports=(800_000, 400_000)) for month in (1, 2, 3)]


@pytest.mark.parametrize(("first", "second"), [("kcs", "kcs-item"), ("kcs-item", "kcs")])
def test_services_that_differ_are_told_with_both_numbers(each_world: World, first: str, second: str) -> None:
    each_world.service.rows[:] = LARGE
    assert not each_world.fetch(first).warnings
    each_world.service.rows[1] = a.item("2504101000", "CN", "2024.02", imports=(700_000, 400_000))
    report = each_world.fetch(second)
    assert report.rows_new == 3
    assert report.warnings == (
        "total of value_usd (KOR:import:250410 2024-02): 700,000, and 800,000 in the source that publishes the same "
        "trade",
    )


def test_a_country_that_was_lost_on_the_way_holds_the_release_back(each_world: World) -> None:
    each_world.service.rows[:] = LARGE
    each_world.fetch("kcs-item")
    each_world.service.rows[:] = LARGE[:2]  # the newest month would read as not yet published
    each_world.service.rows.append(a.item("2504109000", "JP", "2024.03", imports=(5, 1)))
    report = each_world.fetch("kcs")
    assert (report.rows_new, len(report.held)) == (0, 1)
    assert "total of value_usd (KOR:import:250410 2024-03): 5, and 800,000 in" in report.summary()
