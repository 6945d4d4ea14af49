"""The Korean customs connector, pure part: what it asks, and what it makes of every kind of answer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from cews.domain import Coverage, Flow, Period, SourceError, UserError
from ingest import kcs
from ingest.base import Batch, Request, Wanted
from tests.contract import kcs_answers as a

TODAY = date(2024, 6, 20)


def wanted(*hs: str, start: str = "2024-01", end: str = "2024-03", **more: object) -> Wanted:
    return Wanted(hs, start=Period.parse(start), end=Period.parse(end), **({"partners": ()} | more))  # type: ignore[arg-type]


def request(*hs: str, start: str = "2024-01", end: str = "2024-03", today: date = TODAY, **more: object) -> Request:
    (only,) = kcs.plan(wanted(*hs or ("250410",), start=start, end=end, **more), today)
    return only


def trade(batch: Batch) -> dict[tuple[str, str, str, int], tuple[float, float]]:
    """(flow, hs, partner, month) → (USD, kg)."""
    table = batch.observations
    assert table["reporter"].eq("KOR").all()
    keys = zip(table["flow"], table["hs"], table["partner"], table["period"], strict=True)
    return dict(zip(keys, zip(table["value_usd"], table["net_weight_kg"], strict=True), strict=True))


# --- plan --------------------------------------------------------------------------------------------


def test_asks_for_the_heading_a_calendar_year_at_a_time() -> None:
    asked = list(kcs.plan(wanted("250410", "250490", "8541", start="2022-11", end="2024-02"), TODAY))
    assert [(r.params["hsSgn"], r.params["strtYymm"], r.params["endYymm"]) for r in asked] == [
        ("2504", "202211", "202212"),
        ("2504", "202301", "202312"),
        ("2504", "202401", "202402"),
        ("8541", "202211", "202212"),
        ("8541", "202301", "202312"),
        ("8541", "202401", "202402"),
    ]
    assert {r.scope["hs"] for r in asked} == {"250410,250490", "8541"}
    assert all("serviceKey" not in r.params and "cntyCd" not in r.params for r in asked)


@pytest.mark.parametrize(
    ("code", "asked"), [("25", "25"), ("2504", "2504"), ("250410", "2504"), ("2504101000", "250410")]
)
def test_the_code_asked_for_is_one_level_above_the_code_wanted(code: str, asked: str) -> None:
    assert request(code).params["hsSgn"] == asked


def test_does_not_ask_for_months_that_are_not_over_or_before_the_service() -> None:
    asked = list(kcs.plan(wanted("250410", start="2006-01", end="2030-01"), TODAY))
    assert (asked[0].params["strtYymm"], asked[-1].params["endYymm"]) == ("200701", "202405")
    assert list(kcs.plan(wanted("250410", start="2024-06", end="2024-07"), TODAY)) == []


def test_a_partner_is_asked_for_by_its_code_of_two_letters() -> None:
    assert request(partners=("CHN",)).params["cntyCd"] == "CN"


@pytest.mark.parametrize("hs", ["25041", "25041010", "abc", "", "²5"])
def test_a_code_the_service_cannot_know_is_refused(hs: str) -> None:
    with pytest.raises(UserError, match="cannot be asked of kcs"):
        list(kcs.plan(wanted(hs), TODAY))


def test_an_unknown_partner_is_refused() -> None:
    with pytest.raises(UserError, match="'CN' is not a partner"):
        list(kcs.plan(wanted("250410", partners=("CN",)), TODAY))


# --- good answers ------------------------------------------------------------------------------------

ROWS = [
    a.item(partner="CN", year="2024.01", exports=(300, 20), imports=(1000, 500)),
    a.item(partner="CN", year="2024.02", imports=(1200, 600)),
    a.item(partner="JP", year="2024.03", exports=(70, 0)),
    a.item("250490", "US", "2024.03", imports=(5, 1), name="기타"),
]
SUM = a.total(ROWS)


@pytest.mark.parametrize(
    "rows", [[SUM, *ROWS], [*ROWS, SUM], [*ROWS[:2], SUM, *ROWS[2:]], ROWS], ids=["first", "last", "middle", "missing"]
)
def test_the_total_row_is_no_observation_wherever_it_stands(rows: list[dict[str, str]]) -> None:
    batch = kcs.parse(a.answer(rows), request("250410", "250490"))
    assert trade(batch) == {
        ("export", "250410", "CHN", 202401): (300, 20),
        ("export", "250410", "JPN", 202403): (70, 0),
        ("import", "250410", "CHN", 202401): (1000, 500),
        ("import", "250410", "CHN", 202402): (1200, 600),
        ("import", "250490", "USA", 202403): (5, 1),
    }
    assert batch.rejects == ()


def test_codes_not_wanted_are_left_out_and_both_flows_are_covered() -> None:
    batch = kcs.parse(a.answer([SUM, *ROWS]), request("250410"))
    assert set(batch.observations["hs"]) == {"250410"}
    months = (202401, 202402, 202403)
    assert batch.coverage == tuple(Coverage("KOR", flow, ("250410",), months) for flow in Flow)


def test_finer_rows_are_added_up_to_the_code_wanted() -> None:
    rows = [
        a.item("2504101000", imports=(100, 10)),
        a.item("2504109000", imports=(23, 4)),
        a.item("2504901000", imports=(7, 1)),
    ]
    batch = kcs.parse(a.answer([a.total(rows), *rows]), request("250410"))
    assert trade(batch) == {("import", "250410", "CHN", 202401): (123, 14)}
    batch = kcs.parse(a.answer([a.total(rows), *rows]), request("2504"))
    assert trade(batch) == {("import", "2504", "CHN", 202401): (130, 15)}


def test_commas_and_blanks_in_numbers() -> None:
    rows = [a.item(imports=(" 1,234,567 ", "8,900"), exports=("", "")), a.item(partner="JP", imports=(10, ""))]
    batch = kcs.parse(a.answer(rows), request())
    table = batch.observations.set_index("partner")
    assert table["value_usd"].to_dict() == {"CHN": 1234567, "JPN": 10}
    assert table["net_weight_kg"]["CHN"] == 8900
    assert pd.isna(table["net_weight_kg"]["JPN"])
    assert set(table["flow"]) == {"import"}


def test_korean_names_are_kept_without_line_breaks_and_others_is_no_name() -> None:
    rows = [a.item(name="립스틱\n", imports=(1, 1)), a.item("250490", name="기타", imports=(1, 1))]
    assert kcs.parse(a.answer(rows), request("250410", "250490")).names == {("250410", "ko"): "립스틱"}


def test_special_areas_have_codes_of_their_own_and_unknown_ones_are_set_aside() -> None:
    rows = [
        a.item(partner=code, imports=(n, n)) for n, code in enumerate(("ZZ", "Z1", "EU", "AS", "NA", "Q9"), start=1)
    ]
    batch = kcs.parse(a.answer([a.total(rows), *rows]), request())
    assert set(batch.observations["partner"]) == {"XXX", "XXA", "EUR", "ASM", "NAM"}
    (reject,) = batch.rejects
    assert (reject.line, reject.column, reject.value) == (7, "statCd", "Q9")


def test_the_same_row_twice_counts_once() -> None:
    rows = [a.item(imports=(5, 1)), a.item(imports=(5, 1))]
    assert trade(kcs.parse(a.answer(rows), request())) == {("import", "250410", "CHN", 202401): (5, 1)}


def test_rows_that_contradict_each_other_keep_the_first() -> None:
    rows = [a.item(imports=(5, 1)), a.item(imports=(6, 1))]
    batch = kcs.parse(a.answer(rows), request())
    assert trade(batch) == {("import", "250410", "CHN", 202401): (5, 1)}
    assert "contradicts line 1" in batch.rejects[0].reason


def test_the_hs_edition_is_the_one_in_force() -> None:
    years = ("2011.12", "2012.01", "2016.12", "2017.01", "2021.12", "2022.01")
    editions = []
    for year in years:
        only = request(start=year.replace(".", "-"), end=year.replace(".", "-"))
        batch = kcs.parse(a.answer([a.item(year=year, imports=(1, 1))]), only)
        editions += list(batch.observations["hs_edition"])
    assert editions == ["H3", "H4", "H4", "H5", "H5", "H6"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (a.item("2504", imports=(1, 1)), "one level finer"),
        (a.item(year="2023.12", imports=(1, 1)), "months outside 2024-01…2024-03"),
        (a.item(partner="JP", imports=(1, 1)), "partners other than CHN"),
    ],
)
def test_rows_nobody_asked_for_mean_that_the_service_has_changed(row: dict[str, str], says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        kcs.parse(a.answer([row]), request("250410", partners=("CHN",)))
    assert caught.value.permanent


# --- nothing, zero, not yet --------------------------------------------------------------------------

EMPTY = {
    "empty items": a.answer([]),
    "zero total only": a.answer([a.total([])]),
    "no data (gateway)": a.old_gateway("03", "NODATA_ERROR"),
    "no data (service)": a.envelope("03", "NODATA_ERROR"),
    "zero rows": a.answer([a.total([]), a.item(), a.item(year="2024.02")]),
}


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY.keys())
def test_an_answer_without_trade_says_nothing(body: bytes) -> None:
    batch = kcs.parse(body, request())
    assert batch.observations.empty
    assert {part.published for part in batch.coverage} == {()}
    assert {part.not_reported for part in batch.coverage} == {(202401, 202402, 202403)}


@pytest.mark.parametrize("unconfirmed", [[], [a.item(year="2024.05"), a.item(partner="JP", year="2024.05")]])
def test_the_newest_month_without_trade_is_not_published_yet(unconfirmed: list[dict[str, str]]) -> None:
    rows = [a.item(year="2024.03", imports=(1, 1)), *unconfirmed]
    batch = kcs.parse(a.answer([a.total(rows), *rows]), request(start="2024-03", end="2024-05"))
    assert {part.published for part in batch.coverage} == {(202403, 202404)}  # April: published, nothing traded
    assert {part.not_yet_published for part in batch.coverage} == {(202405,)}


def test_the_newest_month_with_trade_in_another_code_of_the_answer_is_published() -> None:
    rows = [a.item("250490", year="2024.05", imports=(1, 1))]
    batch = kcs.parse(a.answer(rows), request(start="2024-04", end="2024-05"))
    assert batch.observations.empty
    assert {part.published for part in batch.coverage} == {(202404, 202405)}


def test_a_request_for_one_partner_speaks_about_that_partner_only() -> None:
    batch = kcs.parse(a.answer(ROWS[:1]), request(partners=("CHN",)))
    assert {part.partners for part in batch.coverage} == {("CHN",)}


# --- failures ----------------------------------------------------------------------------------------

FAILURES = [  # body, permanent, quota, what the message must say
    (a.envelope("99", "시작과 종료의 조회기간은 1년이내 기간만 가능합니다."), True, False, "1년이내"),
    (a.envelope("99", "품목코드 혹은 국가코드 중 1개 이상은 입력하셔야 합니다."), True, False, "99"),
    (a.envelope("01", "시스템 오류"), False, False, "try again"),
    (a.envelope("02", "서비스키가 없습니다."), True, False, "CEWS_KCS_KEY"),
    (a.envelope("03", "서비스키가 잘못되었습니다."), True, False, "CEWS_KCS_KEY"),
    (a.old_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR"), True, False, "CEWS_KCS_KEY"),
    (a.new_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", "등록되지 않은 서비스키"), True, False, "15100475"),
    (a.old_gateway("31", "DEADLINE_HAS_EXPIRED_ERROR"), True, False, "run out"),
    (a.old_gateway("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR"), False, True, "midnight"),
    (
        a.new_gateway("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR", "요청 한도 초과"),
        False,
        True,
        "midnight",
    ),
    (a.old_gateway("02", "DB_ERROR"), False, False, "try again"),
    (a.old_gateway("05", "SERVICETIME_OUT"), False, False, "try again"),
    (a.old_gateway("23", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_PER_SECOND_EXCEEDS_ERROR"), False, False, "try again"),
    (a.old_gateway("11", "NO_MANDATORY_REQUEST_PARAMETERS_ERROR"), True, False, "correct it"),
    (a.old_gateway("12", "NO_OPENAPI_SERVICE_ERROR"), True, False, "12"),
    (b"Unauthorized", True, False, "CEWS_KCS_KEY"),
    (b"Forbidden", True, False, "CEWS_KCS_KEY"),
    (b"API not found", True, False, "CEWS_KCS_URL"),
    (b"API rate limit exceeded", False, False, "try again"),
    (b"API token quota exceeded", False, True, "midnight"),
    (b"Error forwarding request to backend server", False, False, "try again"),
    (b"Unexpected error", False, False, "try again"),
    (b"", False, False, "nothing at all"),
    (b"<!DOCTYPE html><html><body>maintenance</body></html>", False, False, "web page"),
    (b"<html><body>maintenance</body></html>", False, False, "web page"),
    (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x" "y"><html></html>', False, False, "web page"),
    (a.answer(ROWS)[:-60], False, False, "cut off"),
    (a.answer(ROWS).replace(b"<item>", b"<item", 1), False, False, "damaged"),
    (b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e "x">]><response>&e;</response>', True, False, "refused"),
    (b"<surprise/>", True, False, "cannot be answered"),
]


@pytest.mark.parametrize(("body", "permanent", "quota", "says"), FAILURES)
def test_every_failure_says_whether_to_try_again_and_what_to_do(
    body: bytes, permanent: bool, quota: bool, says: str
) -> None:
    with pytest.raises(SourceError) as caught:
        kcs.parse(body, request())
    assert (caught.value.permanent, caught.value.quota) == (permanent, quota)
    assert says in str(caught.value)


@pytest.mark.parametrize("field", kcs.AMOUNTS)
def test_rows_that_do_not_add_up_to_the_total_are_refused(field: str) -> None:
    off = SUM | {field: str(int(SUM[field]) + 1)}
    with pytest.raises(SourceError, match="add up") as caught:
        kcs.parse(a.answer([off, *ROWS]), request())
    assert not caught.value.permanent


def test_an_answer_whose_last_rows_are_lost_is_refused() -> None:
    with pytest.raises(SourceError, match="add up"):
        kcs.parse(a.answer([SUM, *ROWS[:-1]]), request())


def test_assumptions_are_named_where_the_documentation_lists_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sources" / "kcs.md").read_text(encoding="utf-8")
    assert [name for name in kcs.ASSUMPTIONS if f"`{name}`" not in page] == []
