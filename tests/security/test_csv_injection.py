"""No text of an export can start a formula, and nothing is lost by making sure of that."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cews import exports
from cews.domain import Direction, Finding, Flow, ItemKey, Level, Measure, Period, Reason, ShockClass
from cews.exports import Cell, Line
from cews.formats import DANGEROUS

NOW = datetime(2024, 2, 16, tzinfo=UTC)
HOSTILE = st.one_of(
    st.text(),
    st.builds(str.__add__, st.sampled_from(DANGEROUS), st.text()),
    st.sampled_from(
        ["=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "@SUM(1)", "-5", "a\r\n=1+1", '","=1', "\ufeff=1"]
    ),
)
NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=True, allow_infinity=True))


def _finding(text: str, number: float) -> Finding:
    return Finding(
        item=ItemKey("KOR", Flow.IMPORT, "250410"),
        period=Period.of(2024, 1),
        as_of=NOW,
        shock=ShockClass.SHORTAGE,
        level=Level.CAUTION,
        partner=text or None,
        measure=Measure.QUANTITY,
        direction=Direction.DOWN,
        observed=number,
        expected=number,
        lower=number,
        upper=number,
        unit=text,
        p_value=0.001,
        score=number,
        probabilities={},
        reasons=(Reason(text, {}, 1.0),),
        history_months=12,
        source=text,
        simulated=False,
        detector=text,
        version=text,
    )


def _written(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    content = exports.csv_of(exports.Table(headings, rows, {})).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline=""), strict=True))


def _dangerous(cell: str) -> bool:
    """The cell would be evaluated: it starts like a formula and is not a number."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith(DANGEROUS)
    return False


@given(st.lists(st.tuples(HOSTILE, HOSTILE, NUMBERS), max_size=5))
def test_every_cell_comes_back_and_none_is_a_formula(rows: list[tuple[str, str, float]]) -> None:
    written = _written("abn", rows)[1:]
    assert [[a, b] for a, b, _ in written] == [[exports.safe(a), exports.safe(b)] for a, b, _ in rows]
    for (a, b, n), (written_a, written_b, written_n) in zip(rows, written, strict=True):
        assert written_a.removeprefix("'") == a.removeprefix("'")
        assert not written_a.startswith(DANGEROUS)
        assert not written_b.startswith(DANGEROUS)
        assert written_b.endswith(b)
        assert written_n == "" if n != n or n in (float("inf"), float("-inf")) else float(written_n) == n


@pytest.mark.parametrize("what", exports.COLUMNS)
@given(text=HOSTILE, name=HOSTILE, number=st.floats())
def test_a_hostile_source_cannot_put_a_formula_into_an_export(what: str, text: str, name: str, number: float) -> None:
    finding = _finding(text, number)
    line, columns = Line(finding, finding, name, name, NOW, "en"), exports.COLUMNS[what]
    heading, row = _written([name for name, _ in columns], [[get(line) for _, get in columns]])
    assert len(row) == len(heading)
    assert not [cell for cell in row if _dangerous(cell)]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("-5", '"\'-5"'),
        (-5, "-5"),
        (-5.5, "-5.5"),
        (2_616_000.0, "2616000"),
        (1e300, "1e+300"),
        (0.1, "0.1"),
        (float("nan"), '""'),
        (float("inf"), '""'),
        (None, '""'),
        ("요소", '"요소"'),
        ('say "so"', '"say ""so"""'),
        ("=1+1", '"\'=1+1"'),
        ("＝1＋1", '"\'＝1＋1"'),
    ],
)
def test_how_a_cell_is_written(cell: Cell, written: str) -> None:
    assert exports.csv_of(exports.Table(["c"], [[cell]], {})).decode("utf-8-sig") == f'"c"\r\n{written}\r\n'
