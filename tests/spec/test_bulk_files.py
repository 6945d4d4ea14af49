"""Comext's bulk files: in parts that fit into memory, packed or not, and what becomes of their rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from cews import bulk_files
from cews.domain import UserError
from cews.ingesting import ingest_file, ingest_files
from cews.panel import History
from cews.store.engine import reading
from cews.store.schema import observation, release, release_hs, release_month, release_reporter, series
from ingest.base import Batch
from ingest.files import form_of, read_file

py7zr = pytest.importorskip("py7zr", reason="needs the extra for 7-Zip")

NOW = datetime(2024, 4, 20, tzinfo=UTC)
COVERAGE = (release_hs, release_reporter, release_month)
V2 = (
    "REPORTER,PARTNER,TRADE_TYPE,PRODUCT_NC,PRODUCT_SITC,PRODUCT_CPA21,PRODUCT_CPA22,PRODUCT_BEC,PRODUCT_BEC5,"
    "PRODUCT_SECTION,FLOW,STAT_PROCEDURE,SUPPL_UNIT,PERIOD,VALUE_EUR,VALUE_NAC,QUANTITY_KG,QUANTITY_SUPPL_UNIT"
)
OLD = (
    "DECLARANT,DECLARANT_ISO,PARTNER,PARTNER_ISO,TRADE_TYPE,PRODUCT_NC,PRODUCT_SITC,PRODUCT_cpa2002,PRODUCT_cpa2008,"
    "PRODUCT_CPA2_1,PRODUCT_BEC,PRODUCT_SECTION,FLOW,STAT_REGIME,SUPP_UNIT,PERIOD,VALUE_IN_EUROS,QUANTITY_IN_KG,SUP_QUANTITY"
)


def v2(
    product: str,
    euro: int,
    kg: int,
    *,
    reporter: str = "DE",
    partner: str = "CN",
    flow: str = "1",
    procedure: str = "1",
    unit: str = "NO_SU",
    pieces: int = 0,
    month: str = "202402",
) -> str:
    codes = "59229,2052,2059,220,311210,06"
    return f"{reporter},{partner},E,{product},{codes},{flow},{procedure},{unit},{month},{euro},{euro},{kg},{pieces}"


ROWS = [
    v2("25041000", 1000, 500),
    v2("25041000", 50, 20, procedure="2"),
    v2("25041000", 70, 30, partner="XU"),
    v2("85076000", 900, 40, unit="NAR", pieces=12),
    v2("85076000", 10, 1, unit="NAR", pieces=2, reporter="FR", flow="2"),
    v2("28112210", 5, 1, reporter="FR"),
    v2("28112290", 7, 2, reporter="FR"),
    v2("TOTAL", 99999, 99999),
    v2("28", 99999, 99999),
    v2("28XXXXXX", 99999, 99999),
    v2("99RRR100", 99999, 99999),
]


def write(path: Path, rows: Iterable[str] = ROWS, head: str = V2, end: str = "\n") -> Path:
    path.write_text(end.join([head, *rows, ""]), encoding="utf-8", newline="")
    return path


def packed(path: Path, *tables: Path) -> Path:
    with py7zr.SevenZipFile(path, "w") as archive:
        for table in tables:
            archive.write(table, table.name)
    return path


def read(body: bytes) -> Batch:
    assert form_of(body, "bulk.csv") == "comext-bulk"
    return read_file(body, "bulk.csv", "comext-bulk", today=date(2024, 4, 20)).batch


def plain(batch: Batch) -> dict[tuple[str, str, str, str], tuple[float, float]]:
    """(reporter, flow, code, partner) → euro, kg."""
    rows = batch.observations.itertuples(index=False)
    return {(r.reporter, r.flow, r.hs, r.partner): (r.value_usd, r.net_weight_kg) for r in rows}


# --- rows --------------------------------------------------------------------------------------------


def test_procedures_are_added_up_and_codes_given_at_both_levels(tmp_path: Path) -> None:
    found = plain(read(write(tmp_path / "bulk.csv").read_bytes()))
    assert found["DEU", "import", "25041000", "CHN"] == (1050, 520)
    assert found["DEU", "import", "250410", "CHN"] == (1050, 520)
    assert found["DEU", "import", "250410", "GBR"] == (70, 30)
    assert found["FRA", "import", "281122", "CHN"] == (12, 3)
    assert {key[2] for key in found} == {"25041000", "250410", "85076000", "850760", "28112210", "28112290", "281122"}


def test_values_are_in_euro_and_quantities_keep_their_unit(tmp_path: Path) -> None:
    batch = read(write(tmp_path / "bulk.csv").read_bytes())
    assert batch.currency == "EUR"
    table = batch.observations.set_index(["reporter", "hs", "partner"])
    batteries, graphite = table.loc[("DEU", "85076000", "CHN")], table.loc[("DEU", "25041000", "CHN")]
    assert (batteries["quantity"], batteries["quantity_unit"]) == (12, "NAR")
    assert (graphite["quantity_unit"], graphite["hs_edition"]) == ("", "H6")


def test_every_code_of_the_file_is_published_for_every_reporter(tmp_path: Path) -> None:
    coverage = read(write(tmp_path / "bulk.csv").read_bytes()).coverage
    assert {(part.reporter, part.flow.value) for part in coverage} == {
        (reporter, flow) for reporter in ("DEU", "FRA") for flow in ("import", "export")
    }
    assert {part.published for part in coverage} == {(202402,)}
    assert {len(part.hs) for part in coverage} == {7}


def test_the_form_before_it_is_read_too() -> None:
    row = "001,FR,0003,NL,I,25041000,00151,0122,0143,.....,111,01,1,1,A,200101,2580,600,1"
    batch = read("\n".join([OLD, row, ""]).encode())
    assert plain(batch)["FRA", "import", "250410", "NLD"] == (2580, 600)
    assert batch.observations["hs_edition"].unique().tolist() == ["H1"]


def test_a_file_of_a_whole_year_is_set_aside(tmp_path: Path) -> None:
    batch = read(write(tmp_path / "bulk.csv", [v2("25041000", 1, 1, month="202352"), ROWS[0]]).read_bytes())
    assert "whole years" in batch.rejects[0].reason


# --- parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("pack", [True, False])
def test_parts_are_chapters_whatever_the_order(tmp_path: Path, pack: bool, end: str) -> None:
    table = write(tmp_path / "full_v2_202402.csv", [*reversed(ROWS)], end=end)
    path = packed(tmp_path / "full_v2_202402.7z", table) if pack else table
    found = dict(bulk_files.parts(path))
    assert sorted(found) == ["25", "28", "85"]
    whole, together = plain(read(table.read_bytes())), {}
    for body in found.values():
        together |= plain(read(body))
    assert together == whole


def test_only_some_codes_come_with_all_of_their_heading_of_six_digits(tmp_path: Path) -> None:
    found = dict(bulk_files.parts(write(tmp_path / "bulk.csv"), only=("28112210", "85")))
    assert sorted(found) == ["28", "85"]
    assert plain(read(found["28"]))["FRA", "import", "281122", "CHN"] == (12, 3)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c and no more", "damaged"),
        ("a.7z", b"REPORTER,PARTNER", "damaged"),
        ("a.csv", b"a,b\n1,2\n", "no column PRODUCT_NC"),
        ("a.csv", V2.encode(), "no rows of CN codes"),
        ("a.csv", b"\xff\xfe\x00", "no column PRODUCT_NC"),
    ],
)
def test_what_is_no_bulk_file_is_refused(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(UserError, match=said):
        list(bulk_files.parts(path))


def test_an_archive_with_several_files_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = write(tmp_path / "1.csv"), write(tmp_path / "2.csv")
    with pytest.raises(UserError, match="one table"):
        list(bulk_files.parts(packed(tmp_path / "two.7z", one, two)))
    monkeypatch.setattr(bulk_files, "_MOST_BYTES", 100)
    with pytest.raises(UserError, match="refused"):
        list(bulk_files.parts(packed(tmp_path / "one.7z", one)))


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "one.7z", write(tmp_path / "1.csv"))
    monkeypatch.setitem(sys.modules, "py7zr", None)
    with pytest.raises(UserError, match=r"cews\[bulk\]"):
        list(bulk_files.parts(path))


def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """The process grows by a fraction of the file."""
    path = tmp_path / "large.csv"
    chapters = [f"{chapter:02d}041000" for chapter in range(1, 61)]
    block = "".join(v2(code, 1000, 500, partner=f"{n:02d}") + "\n" for n in range(10) for code in chapters)
    with path.open("w", encoding="utf-8") as file:
        file.write(V2 + "\n")
        for _ in range(6000):
            file.write(block)
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from cews import bulk_files\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = sum(body.count(b'\\n') - 1 for _, body in bulk_files.parts(Path(sys.argv[1])))\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows == 6000 * 600
    assert path.stat().st_size > 200 * 2**20
    assert grown < 60 * 1024  # kilobytes


# --- the whole way -----------------------------------------------------------------------------------


def test_a_packed_file_lands_and_again_changes_nothing(store_engine: Engine, tmp_path: Path) -> None:
    path = packed(tmp_path / "full_v2_202402.7z", write(tmp_path / "full_v2_202402.csv"))
    for _ in range(2):
        reports = list(ingest_files(store_engine, tmp_path / "home", [path], "comext-bulk", now=NOW))
    assert [report.label for report in reports] == [f"full_v2_202402.7z, chapter {n}" for n in (25, 28, 85)]
    assert all(report.unchanged for report in reports)
    with reading(store_engine) as cx:
        weight = (
            select(func.sum(observation.c.net_weight_kg))
            .join(series, series.c.id == observation.c.series_id)
            .where(func.length(series.c.hs) == 8)
        )
        assert cx.execute(weight).scalar_one() == 500 + 20 + 30 + 40 + 1 + 1 + 2
        assert cx.execute(select(func.count()).select_from(release)).scalar_one() == 3
        assert set(cx.execute(select(series.c.source)).scalars()) == {"eurostat"}


def test_only_is_refused_for_other_files(store_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "tidy.csv"
    path.write_text("period,reporter,partner,flow,hs,value_usd\n2024-01,KOR,CHN,import,250410,1\n", encoding="utf-8")
    (report,) = ingest_files(store_engine, tmp_path / "home", [path], "tidy", now=NOW, only=("25",))
    assert "--only is for" in report.error


def test_an_unpacked_file_reads_as_any_other(store_engine: Engine, tmp_path: Path) -> None:
    report = ingest_file(store_engine, tmp_path / "home", write(tmp_path / "bulk.csv"), now=NOW)
    assert (report.source, report.rows_new > 0, "passed over" in report.notes[0]) == ("eurostat", True, True)


def test_what_many_reporters_publish_together_is_kept_once(store_engine: Engine, tmp_path: Path) -> None:
    reporters = ("AT", "BE", "DE", "FR", "IT")
    rows = [v2(f"250410{n:02d}", 10 * n, n, reporter=reporter) for reporter in reporters for n in range(10, 50)]
    path = tmp_path / "full_v2_202402.csv"
    path.write_text("\n".join([V2, *rows]), encoding="utf-8")
    list(ingest_files(store_engine, tmp_path / "home", [path], "comext-bulk", now=NOW))
    with reading(store_engine) as cx:
        counts = [cx.execute(select(func.count()).select_from(table)).scalar_one() for table in COVERAGE]
    assert counts == [40 + 1, 2 * len(reporters), 1], "codes, reporters and flows, months"
    panel = History.load(store_engine, NOW).panel(NOW)
    assert len(panel.items) == 41 * 2 * len(reporters)
    assert panel.reported.all()
