"""Whatever the bytes: a batch of sound observations, or an error that explains itself."""

from __future__ import annotations

import csv
import gzip
import io
import re
from contextlib import suppress
from datetime import date

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st
from workbooks import workbook

from cews.domain import OBSERVATION_COLUMNS, Period, UserError
from ingest.base import Batch
from ingest.files import FORMATS, TABLES, parse_file

TODAY = date(2024, 6, 20)
HEADS = {form: [each.name for each in known.fields if each.name != "known_from"] for form, known in TABLES.items()}
TIDY = ["period", "reporter", "partner", "flow", "hs", "value_usd", "net_weight_kg"]

formats = st.sampled_from(FORMATS)
tables = st.sampled_from(sorted(TABLES))
junk = st.text(st.characters(codec="utf-8"), max_size=12)
near_misses = st.sampled_from(
    [
        "2024-01",
        "2024.01",
        "202401",
        "2024",
        "1",
        "156",
        "M",
        "C00",
        "H6",
        "Chile",
        "KOR",
        "CHN",
        "CN",
        "WLD",
        "import",
        "250410",
        "총계",
        "-",
        "",
        "1,000",
        "-1",
        "nan",
        "inf",
        "1e99",
    ]
)


def check(batch: Batch) -> None:
    """What every batch promises."""
    table = batch.observations
    assert list(table.columns) == list(OBSERVATION_COLUMNS)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == dict(OBSERVATION_COLUMNS)
    assert not table.duplicated(["reporter", "flow", "hs", "partner", "period"]).any() or batch.known_from is not None
    assert table["hs"].str.fullmatch(r"\d{2,10}").all()
    assert set(table["flow"]) <= {"import", "export"}
    amounts = table[["value_usd", "net_weight_kg", "quantity"]]
    assert amounts.notna().any(axis=1).all()
    assert not (amounts < 0).any(axis=None)
    covered = {
        (part.reporter, part.flow.value, code, month)
        for part in batch.coverage
        for code in part.hs
        for month in part.published
    }
    assert set(table[["reporter", "flow", "hs", "period"]].itertuples(index=False, name=None)) <= covered
    assert all(reject.reason and reject.line >= 1 for reject in batch.rejects)


def sheet(head: list[str], rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([head, *rows])
    return buffer.getvalue().encode("utf-8", errors="replace")


@given(st.binary(max_size=400), formats, st.sampled_from(["x.csv", "x.csv.gz", "x.parquet"]), st.booleans())
@example(b"PAR1\x00\x00\x00\x00PAR1", "tidy", "x.parquet", False)
@example(b"\x1f\x8b\x08\x00", "tidy", "x.csv", False)
@example(b'"', "tidy", "x.csv", False)
@settings(deadline=None, max_examples=60)
def test_any_bytes_give_a_batch_or_a_user_error(body: bytes, form: str, name: str, packed: bool) -> None:
    content = gzip.compress(body) if packed else body
    try:
        batch = parse_file(content, name, form, today=TODAY)
    except UserError as error:
        message = str(error)
    else:
        check(batch)
        return
    assert name in message


@given(st.data(), tables)
@settings(deadline=None, max_examples=60)
def test_any_cells_below_the_right_heading_give_a_sound_batch(data: st.DataObject, form: str) -> None:
    head = HEADS[form]
    rows = data.draw(st.lists(st.lists(near_misses | junk, min_size=1, max_size=len(head)), min_size=1, max_size=8))
    rows = [row + [""] * (len(head) - len(row)) for row in rows]
    try:
        batch = parse_file(sheet(head, rows), "x.csv", form, today=TODAY)
    except UserError as error:
        whole = re.search("has only parts|not of the whole of Brazil", str(error))
    else:
        check(batch)
        return
    assert whole


amount = st.none() | st.floats(0, 1e15).map(lambda number: round(number, 3))
months = st.integers(Period.of(1990, 1).ordinal, Period.of(2024, 6).ordinal).map(Period)
keys = st.tuples(
    months,
    st.sampled_from(["KOR", "JPN", "USA"]),
    st.sampled_from(["CHN", "VNM", "WLD", "XXX"]),
    st.sampled_from(["import", "export"]),
    st.sampled_from(["25", "0306", "250410", "02501010", "2504101000"]),
)
observed = st.dictionaries(
    keys, st.tuples(amount, amount).filter(lambda pair: pair != (None, None)), min_size=1, max_size=20
)


@given(observed, st.sampled_from(["csv", "gz", "parquet"]))
@settings(deadline=None, max_examples=60)
def test_a_tidy_table_comes_back_as_it_was_written(
    rows: dict[tuple[Period, str, str, str, str], tuple[float | None, float | None]], kind: str
) -> None:
    written = pd.DataFrame([(str(month), *key, *pair) for (month, *key), pair in rows.items()], columns=TIDY)
    written[["value_usd", "net_weight_kg"]] = written[["value_usd", "net_weight_kg"]].astype("float64")
    batch = parse_file(_dressed(written, kind), f"x.{kind}", "tidy", today=TODAY)
    check(batch)
    assert batch.rejects == ()
    back = batch.observations
    for column in ("reporter", "partner", "flow", "hs", "value_usd", "net_weight_kg"):
        pd.testing.assert_series_equal(back[column], written[column], check_dtype=False)
    assert [str(Period.from_yyyymm(month)) for month in back["period"]] == list(written["period"])


def _dressed(table: pd.DataFrame, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "parquet":
        table.to_parquet(buffer, index=False)
        return buffer.getvalue()
    table.to_csv(buffer, index=False)
    return gzip.compress(buffer.getvalue()) if kind == "gz" else buffer.getvalue()


cells = st.one_of(
    near_misses, st.integers(-5, 10**12), st.floats(-1e300, 1e300), st.sampled_from(["요소", "2024-01-01"])
)
bits = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6)


@given(st.lists(st.lists(cells, min_size=1, max_size=7), min_size=1, max_size=6), bits, formats)
@settings(deadline=None, max_examples=60)
def test_any_workbook_however_damaged_gives_a_batch_or_a_user_error(
    rows: list[list[object]], damage: list[tuple[int, int]], form: str
) -> None:
    content = bytearray(workbook(("Sheet", [TIDY, *rows])))
    for place, value in damage:
        content[place % len(content)] = value
    try:
        batch = parse_file(bytes(content), "x.xlsx", form, today=TODAY)
    except UserError as error:
        message = str(error)
    else:
        check(batch)
        return
    assert "x.xlsx" in message


PIECES = """
<row>  </row>  <row r="3">  <row r="0">  <row r="4000000000">  <c r="B2">  <c r="A0" t="s">  <c r="ZZZ9999999">  </c>
<v>1</v>  <v>x</v>  <v/>  <c t="b"><v>7</v></c>  <is><t>y</t></is>  <!--  &bad;  ]]>  <f>  <c r="a1"><v>5</v></c>
<c r="A1" t="d"><v>2024-99-99</v></c>  <c r="A1" s="1"><v>1e308</v></c>  <c r="A1" s="9"><v>-1</v></c>
"""
xml = st.lists(st.sampled_from(re.split(r"\s{2,}|\n", PIECES.strip())), max_size=12).map("".join)


@given(xml)
@settings(deadline=None, max_examples=150)
def test_any_sheet_of_a_sound_workbook_gives_a_batch_or_a_user_error(inside: str) -> None:
    with suppress(UserError):
        check(parse_file(workbook(("Sheet", [TIDY]), inside=inside), "x.xlsx", "tidy", today=TODAY))
