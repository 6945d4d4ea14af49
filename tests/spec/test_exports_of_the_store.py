"""What leaves as CSV is what the store knew, on both databases, as Excel and programs read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from cews import exports, extracts
from cews.alerts import Policy, step
from cews.domain import (
    Alert,
    AlertChange,
    Direction,
    Finding,
    Flow,
    Grade,
    ItemKey,
    Level,
    Measure,
    Period,
    Reason,
    ShockClass,
    UserError,
)
from cews.extracts import Asked
from cews.store import alerts as stored_alerts
from cews.store import names, watchlist
from cews.store.engine import Engine, connect, writing
from cews.store.watchlist import WatchItem

GRAPHITE = ItemKey("KOR", Flow.IMPORT, "250410")
FISH = ItemKey("KOR", Flow.IMPORT, "030363")
JANUARY = Period.of(2024, 1)
KNOWN = datetime(2024, 2, 15, tzinfo=UTC)
LATER = KNOWN + timedelta(days=30)


def _finding(item: ItemKey, period: Period, as_of: datetime, **values: object) -> Finding:
    finding = Finding(
        item=item,
        period=period,
        as_of=as_of,
        shock=ShockClass.SHORTAGE,
        level=Level.ALERT,
        partner="CHN",
        measure=Measure.QUANTITY,
        direction=Direction.DOWN,
        observed=143_000.0,
        expected=2_616_000.5,
        lower=1_100_000.0,
        upper=6_200_000.0,
        unit="kg",
        p_value=0.0004,
        score=7.5,
        probabilities={ShockClass.SHORTAGE: 0.9},
        reasons=(
            Reason("light", {}, 0.2),
            Reason("quantity_low", {"observed": 143_000.0, "expected": 2_616_000.5, "unit": "kg"}, 0.8),
        ),
        history_months=12,
        source="kcs",
        simulated=False,
        detector="combined",
        version="1",
    )
    return replace(finding, **values)  # type: ignore[arg-type]


def _record(engine: Engine, finding: Finding) -> Alert:
    """A scan with one finding, folded into a new alert, as the pipeline does it."""
    alert, change = step(None, finding, Policy(), finding.period, finding.as_of)
    assert isinstance(alert, Alert)
    assert isinstance(change, AlertChange)
    with writing(engine) as cx:
        scan = stored_alerts.record_scan(
            cx,
            as_of=finding.as_of,
            started_at=finding.as_of,
            finished_at=finding.as_of,
            newest_period=finding.period,
            items=1,
            series=1,
            detectors={"combined": "1"},
        )
        numbers = stored_alerts.save_findings(cx, scan, [finding])
        number, _ = stored_alerts.save_change(cx, alert, change, numbers[0], finding.as_of)
    return replace(alert, id=number)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    engine = connect(store_url)
    with writing(engine) as cx:
        watchlist.put_items(cx, [WatchItem(GRAPHITE, "천연흑연", "=Graphite, natural", Grade.A)])
        names.put(cx, {("030363", "ko"): "대구"}, "kcs")
    _record(engine, _finding(GRAPHITE, JANUARY, KNOWN))
    _record(engine, _finding(FISH, JANUARY + 1, LATER, partner=None, level=Level.CAUTION))
    yield engine
    engine.dispose()


def _write(engine: Engine, what: str, out: Path, as_of: datetime = LATER, language: str = "ko") -> int:
    return extracts.write(what, "csv", out, Asked(engine, as_of, language, out.parent))


def _export(engine: Engine, what: str, as_of: datetime = LATER, language: str = "ko") -> bytes:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        _write(engine, what, out, as_of, language)
        return out.read_bytes()


def _rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_the_form_is_what_excel_expects(engine: Engine) -> None:
    body = _export(engine, "alerts")
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.count(b"\r\n") == body.count(b"\n") == 3
    assert "천연흑연".encode() in body


@pytest.mark.parametrize(("what", "count"), [("alerts", 2), ("findings", 2)])
def test_the_number_of_lines_is_told(engine: Engine, tmp_path: Path, what: str, count: int) -> None:
    assert _write(engine, what, tmp_path / "out.csv") == count


def test_an_alert_comes_with_its_evidence_and_where_it_is_from(engine: Engine) -> None:
    row = next(row for row in _rows(_export(engine, "alerts")) if row["hs"] == "250410")
    assert row["item"] == "KOR:import:250410"
    assert (row["state"], row["level"], row["class"]) == ("open", str(int(Level.ALERT)), "shortage")
    assert (row["item_ko"], row["item_en"]) == ("천연흑연", "'=Graphite, natural")
    assert (row["partner"], row["partner_name"]) == ("CHN", "중국")
    assert (row["period"], row["unit"]) == ("2024-01", "kg")
    assert (row["observed"], row["expected"], row["p_value"]) == ("143000", "2616000.5", "0.0004")
    assert float(row["change"]) == pytest.approx(143_000 / 2_616_000.5 - 1)
    assert row["reason_codes"] == "quantity_low;light"
    assert "천연흑연" in row["headline"]
    assert (row["source"], row["simulated"], row["detector"], row["detector_version"]) == (
        "kcs",
        "false",
        "combined",
        "1",
    )
    assert (row["data_as_of"], row["as_of"]) == ("2024-02-15T00:00:00Z", "2024-03-16T00:00:00Z")


def test_a_code_without_watch_entry_has_the_name_of_its_code(engine: Engine) -> None:
    row = next(row for row in _rows(_export(engine, "findings")) if row["hs"] == "030363")
    assert (row["item_ko"], row["item_en"], row["partner"], row["partner_name"]) == ("대구", "", "", "")


@pytest.mark.parametrize("what", ["alerts", "findings"])
def test_an_export_of_the_past_knows_nothing_of_the_present(engine: Engine, what: str) -> None:
    assert [row["hs"] for row in _rows(_export(engine, what, as_of=KNOWN))] == ["250410"]
    assert _rows(_export(engine, what, as_of=KNOWN - timedelta(days=1))) == []


def test_the_language_changes_words_and_no_number(engine: Engine) -> None:
    korean, english = _rows(_export(engine, "alerts")), _rows(_export(engine, "alerts", language="en"))
    words = {"level_name", "class_name", "partner_name", "headline", "reasons"}
    for one, other in zip(korean, english, strict=True):
        assert {name for name in one if one[name] != other[name]} <= words
        assert one["level_name"] != other["level_name"]


def test_programs_read_it_as_numbers_and_codes(engine: Engine) -> None:
    table = pd.read_csv(io.BytesIO(_export(engine, "findings")), dtype={"hs": str})
    assert set(table["hs"]) == {"250410", "030363"}
    assert (
        table[["observed", "expected", "lower95", "upper95", "change", "score"]]
        .dtypes.map(pd.api.types.is_numeric_dtype)
        .all()
    )
    assert table["simulated"].tolist() == [False, False]


def test_a_file_is_replaced_only_when_complete(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts.csv"
    path.write_text("before", encoding="utf-8")

    def stop(*_args: object) -> None:
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patched:
        patched.setattr(exports, "_subjects", stop)
        with pytest.raises(RuntimeError):
            _write(engine, "alerts", path)
    assert path.read_text(encoding="utf-8") == "before"
    _write(engine, "alerts", path)
    assert path.read_bytes() == _export(engine, "alerts")
    assert [entry.name for entry in tmp_path.iterdir() if "alerts" in entry.name] == ["alerts.csv"]


def test_a_place_that_cannot_be_written_is_told(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.*cannot be written"):
        _write(engine, "alerts", tmp_path / "nowhere" / "alerts.csv")
