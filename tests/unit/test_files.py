"""Files: what lands, what is set aside and why, what is refused as a whole."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period, UserError
from ingest.base import Batch
from ingest.files import FORMATS, FileSource, parse_file

TODAY = date(2024, 6, 20)
HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
GOOD = "2024-01,KOR,CHN,import,250410,1000,500"


def tidy(*rows: str, head: str = HEAD) -> Batch:
    return parse_file("\n".join([head, *rows]).encode(), "trade.csv", "tidy", today=TODAY)


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def frame(**columns: Sequence[object]) -> pd.DataFrame:
    row = {
        "period": ["2024-01"],
        "reporter": ["KOR"],
        "partner": ["CHN"],
        "flow": ["import"],
        "hs": ["250410"],
        "value_usd": [1000.0],
        "net_weight_kg": [500.0],
    }
    return pd.DataFrame(row | columns)  # type: ignore[operator]


def refusal(body: bytes, name: str = "trade.csv", form: str = "tidy") -> str:
    with pytest.raises(UserError) as caught:
        parse_file(body, name, form, today=TODAY)
    return str(caught.value)


def one_reject(row: str, head: str = HEAD) -> tuple[int, str, str, str]:
    batch = tidy(GOOD, row, head=head) if head == HEAD else tidy(row, head=head)
    (reject,) = batch.rejects
    assert len(batch.observations) == (head == HEAD), "the good row lands"
    return reject.line, reject.column, reject.value, reject.reason


# --- what lands --------------------------------------------------------------------------------------


def test_a_row_becomes_an_observation_with_all_columns() -> None:
    head = f"{HEAD},quantity,quantity_unit,hs_edition"
    batch = tidy('2024-01,KOR,CHN,import,020410,"1,234.5",0,7,kbbl,H6', head=head)
    assert list(batch.observations.columns) == list(OBSERVATION_COLUMNS)
    assert {name: str(kind) for name, kind in batch.observations.dtypes.items()} == dict(OBSERVATION_COLUMNS)
    (row,) = batch.observations.to_dict("records")
    assert row == {
        "reporter": "KOR",
        "flow": "import",
        "hs": "020410",
        "partner": "CHN",
        "period": 202401,
        "value_usd": 1234.5,
        "net_weight_kg": 0.0,
        "quantity": 7.0,
        "quantity_unit": "kbbl",
        "hs_edition": "H6",
    }
    assert (batch.rejects, batch.known_from) == ((), None)


def test_nothing_given_is_not_zero() -> None:
    row = tidy("2024-01,KOR,CHN,import,250410,,500").observations.iloc[0]
    assert pd.isna(row["value_usd"])
    assert pd.isna(row["quantity"])
    assert row["quantity_unit"] == ""


def test_column_names_match_without_case_blanks_and_underscores_and_in_any_order() -> None:
    batch = tidy(
        "x,500,1000,250410,Import,chn,kor, 2024-01 ", head="note,NetWeightKG,Value USD,HS,flow,Partner,REPORTER,Period"
    )
    assert batch.observations[["reporter", "partner", "flow", "hs", "period", "value_usd"]].iloc[0].tolist() == [
        "KOR",
        "CHN",
        "import",
        "250410",
        202401,
        1000.0,
    ]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (f"{HEAD}\n{GOOD}".encode("utf-8-sig"), "a.csv"),
        (f"{HEAD},비고\n{GOOD},요소".encode("cp949"), "a.csv"),
        (f"{HEAD}\r\n{GOOD}\r\n\r\n".encode(), "a.csv"),
        (gzip.compress(f"{HEAD}\n{GOOD}".encode(), mtime=0), "a.csv.gz"),
        (gzip.compress(f"{HEAD}\n{GOOD}".encode(), mtime=0), "a.csv"),
        (parquet(frame()), "a.parquet"),
        (parquet(frame().astype({"reporter": "category", "value_usd": "int64"})), "a.parquet"),
        (parquet(frame().astype({"value_usd": "str"})), "a.parquet"),
    ],
    ids=[
        "utf-8 with mark",
        "cp949",
        "windows lines",
        "gz",
        "gz by content",
        "parquet",
        "categories",
        "numbers as text",
    ],
)
def test_the_same_row_in_every_dress(body: bytes, name: str) -> None:
    batch = parse_file(body, name, "tidy", today=TODAY)
    expected = tidy(GOOD)
    pd.testing.assert_frame_equal(batch.observations, expected.observations)
    assert (batch.coverage, batch.rejects) == (expected.coverage, ())


def test_known_from_is_a_date_or_a_time_with_its_zone() -> None:
    rows = ["2024-01-20", "2024-02-15T09:00+09:00", ""]
    batch = tidy(
        *(f"2024-0{n},KOR,CHN,import,250410,1,1,{when}" for n, when in enumerate(rows, 1)), head=f"{HEAD},known_from"
    )
    assert batch.known_from is not None
    assert str(batch.known_from.dtype) == "datetime64[us, UTC]"
    assert batch.known_from[0] == datetime(2024, 1, 20, tzinfo=UTC)
    assert batch.known_from[1] == datetime(2024, 2, 15, tzinfo=UTC)
    assert pd.isna(batch.known_from[2])


def test_known_from_as_times_in_parquet() -> None:
    times = pd.to_datetime(["2024-02-15T01:02:03Z"])
    batch = parse_file(parquet(frame(known_from=times)), "a.parquet", "tidy", today=TODAY)
    assert batch.known_from is not None
    assert batch.known_from[0] == datetime(2024, 2, 15, 1, 2, 3, tzinfo=UTC)


def test_versions_of_one_number_may_stand_side_by_side() -> None:
    rows = [f"2024-01,KOR,CHN,import,250410,{value},1,{when}" for value, when in ((1, "2024-02-15"), (2, "2024-03-15"))]
    batch = tidy(*rows, head=f"{HEAD},known_from")
    assert list(batch.observations["value_usd"]) == [1, 2]


def test_a_file_counts_as_published_on_the_15th_of_the_next_month() -> None:
    assert FileSource("mine").presumed_known_from(Period.parse("2023-12")) == datetime(2024, 1, 15, tzinfo=UTC)


# --- what is set aside -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "value", "says"),
    [
        ("2024-13,KOR,CHN,import,250410,1,1", "period", "2024-13", "YYYY-MM"),
        ("202401,KOR,CHN,import,250410,1,1", "period", "202401", "YYYY-MM"),
        ("2024-07,KOR,CHN,import,250410,1,1", "period", "2024-07", "future"),
        ("1024-07,KOR,CHN,import,250410,1,1", "period", "1024-07", "before 1900"),
        ("0000-01,KOR,CHN,import,250410,1,1", "period", "0000-01", "before 1900"),
        (",KOR,CHN,import,250410,1,1", "period", "", "YYYY-MM"),
        ("2024-01,KR,CHN,import,250410,1,1", "reporter", "KR", "write KOR"),
        ("2024-01,WLD,CHN,import,250410,1,1", "reporter", "WLD", "one country"),
        ("2024-01,KOR,Korea,import,250410,1,1", "partner", "Korea", "alpha-3"),
        ("2024-01,KOR,,import,250410,1,1", "partner", "", "alpha-3"),
        ("2024-01,KOR,CHN,M,250410,1,1", "flow", "M", "import or export"),
        ("2024-01,KOR,CHN,import,2504.10,1,1", "hs", "2504.10", "digits only"),
        ("2024-01,KOR,CHN,import,TOTAL,1,1", "hs", "TOTAL", "digits only"),
        ("2024-01,KOR,CHN,import,30617,1,1", "hs", "30617", "leading zero"),
        ("2024-01,KOR,CHN,import,250410100012,1,1", "hs", "250410100012", "not 12"),
        ("2024-01,KOR,CHN,import,²⁵,1,1", "hs", "²⁵", "digits only"),
        ("2024-01,KOR,CHN,import,250410,abc,1", "value_usd", "abc", "not a number"),
        ('2024-01,KOR,CHN,import,250410,"1,5",1', "value_usd", "1,5", "not a number"),
        ("2024-01,KOR,CHN,import,250410,inf,1", "value_usd", "inf", "not a number"),
        ("2024-01,KOR,CHN,import,250410,0x10,1", "value_usd", "0x10", "not a number"),
        ("2024-01,KOR,CHN,import,250410,1,-5", "net_weight_kg", "-5", "negative"),
        ("2024-01,KOR,CHN,import,250410,,", "", "", "no amount"),
        ("2024-01,KOR,CHN,import,250410,1", "", "2024-01,KOR,CHN,import,250410,1", "6 fields where the heading has 7"),
        ("2024-01,KOR,CHN,import,250410,1,2,3", "", "2024-01,KOR,CHN,import,250410,1,2,3", "8 fields"),
        ("2024-01,KOR,CHN,import,250410,1000,501", "", "", "contradicts line 2"),
    ],
)
def test_a_bad_row_is_named_and_the_good_one_lands(row: str, column: str, value: str, says: str) -> None:
    line, where, what, reason = one_reject(row)
    assert (line, where, what) == (3, column, value)
    assert says in reason


@pytest.mark.parametrize(
    ("extra", "field", "column", "says"),
    [
        ("known_from", "2024-02-15T09:00", "known_from", "zone"),
        ("known_from", "soon", "known_from", ""),
        ("known_from", "2024-06-21", "known_from", "future"),
        ("hs_edition", "2022", "hs_edition", "H6 = HS 2022"),
        ("quantity", "5", "quantity", "without a unit"),
        ("quantity_unit", "x" * 17, "quantity_unit", "16"),
    ],
)
def test_a_bad_optional_field_is_named(extra: str, field: str, column: str, says: str) -> None:
    line, where, what, reason = one_reject(f"{GOOD},{field}", head=f"{HEAD},{extra}")
    assert (line, where, what) == (2, column, field)
    assert says in reason


def test_a_row_that_repeats_another_is_merged_without_a_word() -> None:
    batch = tidy(GOOD, GOOD, "2024-01,KOR,JPN,import,250410,,7", "2024-01,KOR,JPN,import,250410,,7")
    assert (len(batch.observations), batch.rejects) == (2, ())


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    batch = tidy(
        '2024-01,KOR,CHN,import,250410,1,1,"two\nlines"', "", "2024-01,KOR,JPN,in,250410,1,1,x", head=f"{HEAD},note"
    )
    assert [reject.line for reject in batch.rejects] == [5]


def test_rows_of_parquet_are_numbered_from_one() -> None:
    two = pd.concat([frame(), frame(flow=["M"])])
    (reject,) = parse_file(parquet(two), "a.parquet", "tidy", today=TODAY).rejects
    assert (reject.line, reject.column, reject.value) == (2, "flow", "M")


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        (b"", "a.csv", "empty"),
        (b" \n\n", "a.csv", "empty"),
        (b"\xef\xbb\xbf", "a.csv", "empty"),
        (HEAD.encode(), "a.csv", "no rows"),
        (b"<!DOCTYPE html><html></html>", "a.csv", "web page"),
        (b"PK\x03\x04rest", "a.xlsx", "damaged"),
        (f"{HEAD}\n{GOOD}".encode(), "a.csv.gz", "no gzip file"),
        (gzip.compress(f"{HEAD}\n{GOOD}".encode(), mtime=0)[:-9], "a.csv.gz", "damaged or cut off"),
        (b"\x1f\x8bnothing", "a.csv.gz", "damaged or cut off"),
        (gzip.compress(b"", mtime=0), "a.csv.gz", "empty"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), "a.csv", "no text"),
        (b"PAR1 and nothing else", "a.parquet", "damaged Parquet"),
        (parquet(frame().iloc[:0]), "a.parquet", "no rows"),
        (parquet(frame(reporter=["KOR"])).replace(b"KOR", b"K\xffR"), "a.parquet", "damaged Parquet"),
        (f'{HEAD}\n{GOOD}\n"{"x" * 200_000}'.encode(), "a.csv", "line 3: not CSV"),
        (f"{HEAD}\n{GOOD}".replace(",", "|").encode(), "a.csv", "separated by commas"),
    ],
)
def test_what_is_no_table_is_refused_with_advice(body: bytes, name: str, says: str) -> None:
    message = refusal(body, name)
    assert says in message
    assert name in message


def test_a_missing_column_names_the_columns_there_are_and_the_closest() -> None:
    message = refusal(f"{HEAD.replace('net_weight_kg', 'Net weight')}\n{GOOD}".encode())
    assert "'net_weight_kg' is missing" in message
    assert "closest is 'Net weight'" in message


def test_a_column_that_stands_twice_is_refused() -> None:
    assert "stands 2 times" in refusal(f"{HEAD},Value_USD\n{GOOD},1".encode())


def test_codes_stored_as_numbers_are_refused_because_zeros_are_lost() -> None:
    assert "leading zeros" in refusal(parquet(frame(hs=[30617])), "a.parquet")


def test_an_unknown_format_names_those_there_are() -> None:
    assert ", ".join(FORMATS) in refusal(b"x", form="census")


# --- coverage ----------------------------------------------------------------------------------------


def test_months_with_any_row_of_reporter_and_flow_are_published_the_others_not_reported() -> None:
    batch = tidy(
        "2024-01,KOR,CHN,import,250410,1,1",
        "2024-02,KOR,CHN,import,250490,1,1",
        "2024-04,KOR,CHN,import,250410,1,1",
        "2024-03,KOR,CHN,export,250410,1,1",
    )
    assert set(batch.coverage) == {
        Coverage("KOR", Flow.IMPORT, ("250410", "250490"), (202401, 202402, 202404), not_reported=(202403,)),
        Coverage("KOR", Flow.EXPORT, ("250410",), (202403,), not_reported=(202401, 202402, 202404)),
    }


def test_with_several_reporters_a_code_is_covered_only_while_anybody_reports_it() -> None:
    batch = tidy(
        *(f"2024-0{month},{reporter},CHN,import,250410,1,1" for month in (1, 2, 3) for reporter in ("KOR", "JPN")),
        "2024-01,KOR,CHN,import,270112,1,1",
        "2024-02,JPN,CHN,import,270112,1,1",
    )
    coal = {part.reporter: part for part in batch.coverage if part.hs == ("270112",)}
    assert coal["KOR"].published == coal["JPN"].published == (202401, 202402)


def test_totals_alone_say_nothing_about_partners() -> None:
    batch = tidy(
        "2024-01,KOR,WLD,import,250410,1,1", "2024-01,JPN,WLD,import,250410,1,1", "2024-01,JPN,CHN,import,250410,1,1"
    )
    assert {part.reporter: part.partners for part in batch.coverage} == {"KOR": ("WLD",), "JPN": ()}


def test_a_file_with_bad_rows_only_covers_nothing() -> None:
    batch = tidy("2024-01,KOR,CHN,sideways,250410,1,1")
    assert (len(batch.observations), batch.coverage, len(batch.rejects)) == (0, (), 1)


# --- kcs ---------------------------------------------------------------------------------------------

KCS_HEAD = "hsCd,statCd,statCdCntnKor1,statKor,year,expDlr,expWgt,impDlr,impWgt,balPayments,ym"


def korean(*rows: str) -> Batch:
    return parse_file("\n".join([KCS_HEAD, *rows]).encode("cp949"), "kcs.csv", "kcs", today=TODAY)


def test_kcs_rows_hold_both_flows_and_every_code_and_month_of_the_file_is_published() -> None:
    batch = korean(
        "250410,CN,중국,흑연,2023.10,366,0,1000,500,-634,202310",
        "810520,CD,콩고,코발트,2023.12,0,0,20,1,-20,202312",
        "-,-,-,-,총계,366,0,1020,501,-654,",
    )
    table = batch.observations.set_index(["flow", "hs", "partner", "period"])[["value_usd", "net_weight_kg"]]
    assert table.T.to_dict("list") == {
        ("export", "250410", "CHN", 202310): [366, 0],
        ("import", "250410", "CHN", 202310): [1000, 500],
        ("import", "810520", "COD", 202312): [20, 1],
    }
    assert batch.coverage == tuple(Coverage("KOR", flow, ("250410", "810520"), (202310, 202312)) for flow in Flow)
    assert batch.names == {("250410", "ko"): "흑연", ("810520", "ko"): "코발트"}
    assert batch.rejects == ()


def test_kcs_rows_that_do_not_add_up_land_with_a_warning() -> None:
    batch = korean("250410,CN,중국,흑연,2023.10,0,0,1000,500,-1000,", "-,-,-,-,총계,0,0,1001,500,-1001,")
    assert len(batch.observations) == 1
    (reject,) = batch.rejects
    assert (reject.line, reject.column) == (3, "impDlr")
    assert "add up" in reject.reason


def test_kcs_months_mangled_by_a_spreadsheet_are_named() -> None:
    (reject,) = korean("250410,CN,중국,흑연,2023.1,0,0,1000,500,-1000,").rejects
    assert (reject.column, reject.value) == ("year", "2023.1")
    assert "spreadsheet" in reject.reason


# --- real files --------------------------------------------------------------------------------------

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
LATER = date(2026, 11, 21)


def shared(path: str) -> bytes:
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"{path} of the research data is not beside the checkout")
    return file.read_bytes()


@pytest.mark.shared
def test_the_korean_file_gives_the_documented_tonnages() -> None:
    batch = parse_file(shared("kcs/kcs_nitemtrade_2023-01_2026-06.csv.gz"), "kcs.csv.gz", "kcs", today=LATER)
    table = batch.observations
    graphite = table[(table["hs"] == "250410") & (table["partner"] == "CHN") & (table["flow"] == "import")]
    tonnes = (graphite.set_index("period")["net_weight_kg"] / 1000).round()
    assert tonnes[[202309, 202310, 202311, 202312, 202401, 202402]].tolist() == [2616, 3402, 5697, 8418, 143, 1134]
    assert batch.rejects == ()
    assert {len(part.published) for part in batch.coverage} == {42}
    assert len(table[["hs", "partner"]].drop_duplicates()) == 694


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("energy/eurostat_gas_lng_products_coal_tidy.csv.gz", 81_447),
        ("energy/us_eia_petroleum_by_country_1986_2017_tidy.csv.gz", 19_075),
        ("urea/brazil_parana_urea_methanol_ammonia_1997_2025_tidy.csv", 759),
    ],
)
def test_tidy_files_of_others_are_read_whole(path: str, rows: int) -> None:
    batch = parse_file(shared(path), path, "tidy", today=LATER)
    assert (len(batch.observations), batch.rejects) == (rows, ())


@pytest.mark.shared
def test_coal_ends_where_the_file_ends_it_and_is_not_zero_afterwards() -> None:
    batch = parse_file(shared("energy/eurostat_gas_lng_products_coal_tidy.csv.gz"), "e.csv.gz", "tidy", today=LATER)
    assert max(max(part.published) for part in batch.coverage if "2701" in part.hs) == 201612
    assert max(max(part.published) for part in batch.coverage if "2711" in part.hs) == 202209
