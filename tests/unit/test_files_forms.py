"""Forms of files: UN Comtrade, ComexStat, sheets, names of columns, constants, and what form a file is in."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from workbooks import packed, workbook

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, UserError
from ingest.files import Contents, form_of, read_file
from ingest.names import parse_names
from ingest.tables import Given

TODAY = date(2024, 6, 20)
AS_FOUND = Given()


def csv(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\n".join(lines).encode(encoding)


def read(body: bytes, form: str, given: Given = AS_FOUND, name: str = "trade.csv") -> Contents:
    return read_file(body, name, form, today=TODAY, given=given)


def rows(contents: Contents) -> list[tuple[object, ...]]:
    """(reporter, flow, hs, partner, period, value, kg) of every observation, None where nothing is given."""
    table = contents.batch.observations
    assert {name: str(kind) for name, kind in table.dtypes.items()} == dict(OBSERVATION_COLUMNS)
    short = table[list(OBSERVATION_COLUMNS)[:7]].astype(object)
    return [tuple(row) for row in short.where(short.notna(), None).itertuples(index=False)]


def refusal(body: bytes, form: str, given: Given = AS_FOUND, name: str = "trade.csv") -> str:
    with pytest.raises(UserError) as caught:
        read(body, form, given, name)
    return str(caught.value)


def only_reason(contents: Contents) -> str:
    (reject,) = contents.batch.rejects
    return reject.reason


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


# --- workbooks ---------------------------------------------------------------------------------------


HEAD = ["period", "reporter", "partner", "flow", "hs", "value_usd", "net_weight_kg"]
GOOD = ["2024-01", "KOR", "CHN", "import", "250410", 1000.5, 500]


def test_a_sheet_is_read_like_a_text() -> None:
    contents = read(workbook(("Trade", [HEAD, GOOD])), "tidy", name="a.xlsx")
    assert rows(contents) == [("KOR", "import", "250410", "CHN", 202401, 1000.5, 500.0)]


def test_dates_codes_and_blank_rows_of_a_sheet() -> None:
    sheet = [HEAD, [45292, *GOOD[1:4], 250410, 7, ""], [""] * 7, [45323, *GOOD[1:4], 30617, 7, 1]]
    contents = read(workbook(("Trade", sheet), dates=frozenset({"A2", "A4"})), "tidy", name="a.xlsx")
    assert rows(contents) == [("KOR", "import", "250410", "CHN", 202401, 7.0, None)]
    (reject,) = contents.batch.rejects
    assert (reject.line, reject.column) == (4, "hs")
    assert "leading zero" in reject.reason


def test_the_sheet_with_data_is_taken_or_named() -> None:
    two = workbook(("Notes", []), ("Trade", [HEAD, GOOD]))
    assert len(rows(read(two, "tidy", name="a.xlsx"))) == 1
    both = workbook(("Old", [HEAD, GOOD]), ("New", [HEAD, GOOD]))
    assert "2 sheets with data; name one with --sheet. Its sheets: Old, New" in refusal(both, "tidy", name="a.xlsx")
    assert len(rows(read(both, "tidy", Given(sheet="New"), "a.xlsx"))) == 1
    assert "'Next' is not in it" in refusal(both, "tidy", Given(sheet="Next"), "a.xlsx")
    assert "'Notes' is empty" in refusal(two, "tidy", Given(sheet="Notes"), "a.xlsx")
    assert "is empty" in refusal(workbook(("Notes", [])), "tidy", name="a.xlsx")


def test_a_sheet_whose_cells_span_too_much_is_refused_before_it_is_opened() -> None:
    for place, span in (("XFD1048576", "1,048,576 rows × 16,384"), ("b4000000000", "4,000,000,000 rows × 2")):
        parts = {"xl/worksheets/sheet1.xml": f'<worksheet><sheetData><row><c r="{place}"/></row>'}
        assert f"{span} columns" in refusal(packed(parts), "tidy", name="a.xlsx")
    wide = {"xl/worksheets/sheet1.xml": f'<worksheet><sheetData><row>{"<c/>" * 500}</row><row r="100000"><c/></row>'}
    assert "100,000 rows × 500 columns" in refusal(packed(wide), "tidy", name="a.xlsx")


def test_a_bomb_is_refused_before_it_is_opened() -> None:
    body = packed({"xl/worksheets/sheet1.xml": " " * 50_000_000})
    assert len(body) < 100_000
    assert "far more than a workbook holds" in refusal(body, "tidy", name="a.xlsx")


def test_a_workbook_that_lies_about_its_size_is_refused() -> None:
    body = bytearray(packed({"xl/worksheets/sheet1.xml": " " * 1_000_000}))
    size = (1_000_000).to_bytes(4, "little")
    assert body.count(size) == 2
    assert "damaged" in refusal(bytes(body).replace(size, (10).to_bytes(4, "little")), "tidy", name="a.xlsx")


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    assert "damaged, protected or unknown workbook" in refusal(packed({"a.txt": "hello"}), "tidy", name="a.xlsx")


# --- columns -----------------------------------------------------------------------------------------

OTHER = csv("when,who,what,usd,kilos", "2024-01-01,South Korea,250410,10,4", "2024-02-01,Atlantis,250410,10,4")
MAPPED = Given(
    {"period": "when", "partner": "who", "hs": "What", "value_usd": "usd", "net_weight_kg": "kilos"},
    {"reporter": "CHN", "flow": "export"},
)


def test_columns_are_mapped_names_are_found_and_constants_fill_in() -> None:
    contents = read(OTHER, "tidy", MAPPED)
    assert rows(contents) == [("CHN", "export", "250410", "KOR", 202401, 10.0, 4.0)]
    assert contents.columns == {
        "period": "when",
        "partner": "who",
        "hs": "what",
        "value_usd": "usd",
        "net_weight_kg": "kilos",
    }
    assert "nor a country's name known here" in only_reason(contents)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Given({"partner": "whom"}), "no column 'whom' for partner. It has when, who, what, usd, kilos"),
        (Given({"price": "usd"}), "'price' is no field of this form; it has reporter, flow"),
        (Given(MAPPED.columns, {"partner": "CHN"}), "says itself what partner is, in column 'who'; do not give it"),
        (Given(MAPPED.columns, {"reporter": "CHN"}), "column 'flow' is missing"),
    ],
)
def test_what_is_given_must_fit_the_file(given: Given, says: str) -> None:
    assert says in refusal(OTHER, "tidy", given)


def test_a_wrong_constant_is_named_in_every_row() -> None:
    contents = read(OTHER, "tidy", Given(MAPPED.columns, {"reporter": "Nowhere", "flow": "export"}))
    assert {reject.column for reject in contents.batch.rejects} == {"reporter"}


def test_an_amount_under_nearly_its_name_is_not_lost_without_a_word() -> None:
    body = csv("period,reporter,partner,flow,hs,value_usd,net_weight_k", "2024-01,KOR,CHN,import,250410,1,2")
    assert "The closest is 'net_weight_k'" in refusal(body, "tidy")


def test_semicolons_and_tabs_separate_fields_too() -> None:
    for mark in ";\t":
        assert len(rows(read(csv(mark.join(HEAD), mark.join(map(str, GOOD))), "tidy"))) == 1


def test_a_comma_in_a_number_between_semicolons_is_not_guessed() -> None:
    body = csv(";".join(HEAD), "2024-01;KOR;CHN;import;250410;1,234;5")
    assert "may mean two things" in only_reason(read(body, "tidy"))
    assert "not a number" in only_reason(read(csv(",".join(HEAD), '2024-01,KOR,CHN,import,250410,"0,234",5'), "tidy"))


def test_quantities_alone_are_enough_and_units_never_mix() -> None:
    head = "period,reporter,partner,flow,hs,quantity,quantity_unit"
    body = csv(head, "2024-01,DEU,RUS,import,2711,5,million m³", "2024-01,DEU,NOR,import,2711,7,TJ")
    table = read(body, "tidy").batch.observations
    assert table[["partner", "quantity", "quantity_unit"]].values.tolist() == [
        ["RUS", 5.0, "million m³"],
        ["NOR", 7.0, "TJ"],
    ]
    assert table[["value_usd", "net_weight_kg"]].isna().all(axis=None)


def test_a_table_without_any_amount_is_refused() -> None:
    body = csv("period,reporter,partner,flow,hs", "2024-01,DEU,RUS,import,2711")
    assert "needs one of the columns value_usd, net_weight_kg, quantity" in refusal(body, "tidy")


# --- UN Comtrade -------------------------------------------------------------------------------------

SITE = (
    "TypeCode,FreqCode,RefPeriodId,Period,ReporterCode,ReporterISO,ReporterDesc,FlowCode,FlowDesc,PartnerCode,"
    "PartnerISO,PartnerDesc,Partner2Code,ClassificationCode,CmdCode,CmdDesc,CustomsCode,MotCode,QtyUnitCode,"
    "QtyUnitAbbr,Qty,NetWgt,PrimaryValue"
)


def site(
    partner: str = "384",
    period: str = "202401",
    flow: str = "M",
    cmd: str = "180100",
    edition: str = "H6",
    pins: str = "0,C00,0",
    amounts: str = "8,kg,5,5,10",
) -> str:
    """A line of the site's download, with the comma at its end that the heading has not."""
    second, customs, transport = pins.split(",")
    return (
        f'C,M,20240101,{period},842,USA,USA,{flow},Import,{partner},CIV,"Côte d\'Ivoire",{second},{edition},{cmd},'
        f'"Cocoa beans, whole",{customs},{transport},{amounts},'
    )


def test_the_csv_of_the_site_latin_1_with_a_comma_at_the_end_of_rows() -> None:
    contents = read(csv(SITE, site(), encoding="latin-1"), "comtrade")
    assert rows(contents) == [("USA", "import", "180100", "CIV", 202401, 10.0, 5.0)]
    assert contents.batch.observations["hs_edition"].tolist() == ["H6"]
    assert contents.batch.rejects == ()
    assert contents.columns["value_usd"] == "PrimaryValue"


def test_breakdowns_groups_and_re_exports_are_passed_over_with_a_note() -> None:
    lines = [
        site(),
        site(pins="0,C00,1000"),
        site(pins="0,C01,0"),
        site(pins="156,C00,0"),
        site(flow="RX"),
        site(cmd="TOTAL"),
        site(partner="97"),
    ]
    contents = read(csv(SITE, *lines), "comtrade")
    assert len(rows(contents)) == 1
    assert contents.notes == (
        "6 rows were passed over: they are parts or sums of others (breakdowns, groups, all codes).",
    )


def test_a_download_without_totals_is_refused_with_advice() -> None:
    assert "download it with the totals" in refusal(csv(SITE, site(pins="0,C00,1000")), "comtrade")


def test_a_part_whose_total_is_not_in_the_file_is_named() -> None:
    contents = read(csv(SITE, site(), site(pins="0,C00,1000"), site(pins="0,C00,1000", period="202402")), "comtrade")
    assert len(rows(contents)) == 1
    (reject,) = contents.batch.rejects
    assert reject.line == 4
    assert "a total which the file does not have" in reject.reason


@pytest.mark.parametrize(
    ("amounts", "kg", "quantity", "unit"),
    [
        ("8,kg,5,0,10", 5.0, None, ""),  # a weight of 0 is missing; the quantity is the weight
        ("8,kg,5,6,10", 6.0, None, ""),
        ("5,u,5,,10", None, 5.0, "u"),
        ("-1,N/A,,7,10", 7.0, None, ""),
        ("12,m³,3,0,10", None, 3.0, "m³"),
    ],
)
def test_weights_and_quantities(amounts: str, kg: float | None, quantity: float | None, unit: str) -> None:
    table = read(csv(SITE, site(amounts=amounts)), "comtrade").batch.observations.astype(object)
    (row,) = table.where(table.notna(), None).to_dict("records")
    assert (row["net_weight_kg"], row["quantity"], row["quantity_unit"]) == (kg, quantity, unit)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (site(period="2024"), "yearly figures cannot be used"),
        (site(period="202407"), "future"),
        (site(partner="3"), "not a country known here"),
        (site(edition="S4"), "download HS codes"),
        (site(cmd="AG6"), "not an HS code"),
        (site(flow="?"), "M (imports) or X (exports)"),
        (site(amounts="-1,N/A,,0,"), "no amount"),
        (site(amounts="8,kg,5,5,11"), "contradicts line 2"),
    ],
)
def test_bad_rows_of_comtrade_are_named(line: str, says: str) -> None:
    contents = read(csv(SITE, site(), line), "comtrade")
    assert len(rows(contents)) == 1
    assert says in only_reason(contents)


API = pd.DataFrame(
    {
        "period": pd.Series([202401, 202401, 202402], dtype="int32"),
        "reporter_code": pd.Series([842, 842, 842], dtype="int16"),
        "flow_code": pd.Categorical(["M", "M", "X"]),
        "partner_code": pd.Series([568, 899, 410], dtype="int16"),
        "classification_code": pd.Categorical(["H5", "H5", "H6"]),
        "cmd_code": pd.Categorical(["030363"] * 3),
        "primary_value": [10.0, 20.0, 30.0],
        "net_wgt": [1.0, None, 0.0],
    }
)


def test_tables_with_the_names_of_the_api_and_codes_as_numbers() -> None:
    """Two numbers for areas not elsewhere specified are one partner here: added up."""
    assert rows(read(parquet(API), "comtrade", name="a.parquet")) == [
        ("USA", "export", "030363", "KOR", 202402, 30.0, None),
        ("USA", "import", "030363", "XXA", 202401, 30.0, 1.0),
    ]


def test_codes_of_goods_as_numbers_are_refused_because_zeros_are_lost() -> None:
    numbers = API.assign(cmd_code=30363)
    assert "leading zeros" in refusal(parquet(numbers), "comtrade", name="a.parquet")


def test_coverage_of_comtrade_is_that_of_the_months_reported() -> None:
    batch = read(parquet(API), "comtrade", name="a.parquet").batch
    assert set(batch.coverage) == {
        Coverage("USA", Flow.IMPORT, ("030363",), (202401,), not_reported=(202402,)),
        Coverage("USA", Flow.EXPORT, ("030363",), (202402,), not_reported=(202401,)),
    }


# --- ComexStat ---------------------------------------------------------------------------------------

MUNICIPAL = "CO_ANO;CO_MES;SH4;NO_PAIS;SG_UF_MUN;CO_MUN;KG_LIQUIDO;VL_FOB"
PARANA = Given(constants={"reporter": "BRA", "flow": "export"})


def municipal(state: str = "PR", town: str = "1", country: str = "Países Baixos (Holanda)", month: str = "01") -> str:
    return f'2024;{month};0207;"{country}";{state};{town};100;250'


def test_municipalities_are_added_up() -> None:
    body = csv(MUNICIPAL, municipal(), municipal(town="2"), municipal(), encoding="latin-1")
    contents = read(body, "comexstat", PARANA)
    assert rows(contents) == [("BRA", "export", "0207", "NLD", 202401, 750.0, 300.0)]
    assert contents.batch.observations["hs_edition"].tolist() == ["H6"]
    assert contents.notes == ("These rows are the trade of PR only, not of the whole of Brazil.",)


def test_a_state_is_not_brazil_unless_the_user_says_so() -> None:
    says = refusal(csv(MUNICIPAL, municipal()), "comexstat", Given(constants={"flow": "export"}))
    assert "the trade of PR only, not of the whole of Brazil" in says
    assert "--reporter BRA" in says
    assert "--source" in says


def test_all_states_are_brazil() -> None:
    states = [f"{first}{second}" for first in "ABC" for second in "ABCDEFGHI"]
    contents = read(
        csv(MUNICIPAL, *(municipal(state) for state in states)), "comexstat", Given(constants={"flow": "export"})
    )
    assert rows(contents) == [("BRA", "export", "0207", "NLD", 202401, 6750.0, 2700.0)]
    assert contents.notes == ()


def test_the_site_in_english_or_portuguese() -> None:
    english = csv("Flow,Year,Month,Country,NCM Code,US$ FOB,Net Weight", "Export,2024,01,South Korea,72029300,5,2")
    portuguese = csv(
        "Fluxo,Ano,Mês,País,Código NCM,Valor US$ FOB,Quilograma Líquido",
        "Exportação,2024,01. Janeiro,Coreia do Sul,72029300,5,2",
        encoding="latin-1",
    )
    expected = [("BRA", "export", "72029300", "KOR", 202401, 5.0, 2.0)]
    assert rows(read(english, "comexstat")) == rows(read(portuguese, "comexstat")) == expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (municipal(country="Atlântida"), "not a country's name known here"),
        (municipal(month="13"), "1 to 12"),
        (municipal(month="07"), "future"),
        (municipal().replace("2024", "24"), "not a year"),
        (municipal().replace("0207", "207"), "leading zero"),
        (municipal().replace(";100;250", ";;"), "no amount"),
    ],
)
def test_bad_rows_of_comexstat_are_named(line: str, says: str) -> None:
    contents = read(csv(MUNICIPAL, municipal(), line), "comexstat", PARANA)
    assert len(rows(contents)) == 1
    assert says in only_reason(contents)


RAW = "CO_ANO;CO_MES;CO_NCM;CO_UNID;CO_PAIS;SG_UF_NCM;CO_VIA;CO_URF;QT_ESTAT;KG_LIQUIDO;VL_FOB"


def test_raw_tables_of_brazil_name_countries_by_code() -> None:
    lines = [f"2024;01;2504100{n};10;{code};SP;01;0817800;1;500;1000" for n, code in enumerate(("160", "023", "190"))]
    given = Given(constants={"flow": "import", "reporter": "BRA"})
    found = read(csv(RAW, *lines, "2024;01;25041000;10;999;SP;01;0817800;1;500;1000"), "comexstat", given)
    assert found.batch.observations["partner"].tolist() == ["CHN", "DEU", "KOR"]
    assert "MDIC" in only_reason(found)
    assert form_of(csv(RAW, lines[0]), "a.csv", given) == "comexstat"


def test_a_table_of_brazil_without_countries_is_refused() -> None:
    line = "2024;01;25041000;10;SP;01;0817800;1;500;1000"
    says = refusal(csv(RAW.replace("CO_PAIS;", ""), line), "comexstat", PARANA)
    assert "does not say with whom" in says


def test_every_code_of_mdic_is_an_area_known_here() -> None:
    table = pd.read_csv(Path(countries.__file__).parent / "data" / "mdic_areas.csv", dtype=str)
    assert table["co_pais"].is_unique
    assert table["co_pais"].str.fullmatch("[0-9]{3}").all()
    assert [countries.iso3_from_mdic(code) for code in table["co_pais"]] == table["iso3"].tolist()
    assert all(countries.known(iso3) for iso3 in table["iso3"])
    assert countries.iso3_from_mdic("999") is None


# --- which form --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "given", "form"),
    [
        (csv(",".join(HEAD), "x"), Given(), "tidy"),
        (OTHER, MAPPED, "tidy"),
        (csv("hsCd,statCd,year,expDlr,expWgt,impDlr,impWgt"), Given(), "kcs"),
        (csv(SITE, site(), encoding="latin-1"), Given(), "comtrade"),
        (parquet(API), Given(), "comtrade"),
        (csv(MUNICIPAL), Given(constants={"flow": "import"}), "comexstat"),
        (workbook(("Trade", [HEAD, GOOD])), Given(), "tidy"),
        (workbook(("Monthly Prices", [["x"]]), ("Notes", [["y"]])), Given(), "pinksheet"),
    ],
)
def test_the_form_is_told_by_the_columns(body: bytes, given: Given, form: str) -> None:
    assert form_of(body, "a.csv", given) == form


def test_an_unknown_form_is_refused_with_the_forms_there_are() -> None:
    with pytest.raises(UserError, match=r"no form known \(tidy, kcs, .*\)\. .* Say which form it is with --format"):
        form_of(csv("a,b", "1,2"), "a.csv")


def test_the_nearest_form_is_named_with_what_it_lacks() -> None:
    with pytest.raises(UserError, match="Nearest is comexstat, which lacks flow: name the columns with --map"):
        form_of(csv(MUNICIPAL), "a.csv")


# --- names of countries and codes --------------------------------------------------------------------


def test_no_name_stands_for_two_areas() -> None:
    areas: dict[frozenset[str], set[str]] = {}
    for name, iso3 in countries.names_of_areas():
        areas.setdefault(countries._words(name), set()).add(iso3)
    assert [found for found in areas.values() if len(found) > 1] == []
    assert {iso3 for _, iso3 in countries.names_of_areas()} <= set(countries.areas())


@pytest.mark.parametrize(
    ("name", "iso3"),
    [
        ("China", "CHN"),
        ("Rep. of Korea", "KOR"),
        ("Korea, Republic of", "KOR"),
        ("Dem. People's Rep. of Korea", "PRK"),
        ("Korea", None),  # which one?
        ("COREIA DO SUL", "KOR"),
        ("대한민국", "KOR"),
        ("Virgens, Ilhas (Britânicas)", "VGB"),
        ("Virgens, Ilhas (Americanas)", "VIR"),
        ("Congo, República Democrática", "COD"),
        ("Congo", "COG"),
        ("Other Asia, nes", "TWN"),
        ("Cote d'Ivoire", "CIV"),
        ("Niger", "NER"),
        ("Nigeria", "NGA"),
        ("World", "WLD"),
        ("", None),
        ("of the", None),
    ],
)
def test_countries_by_name(name: str, iso3: str | None) -> None:
    assert countries.iso3_from_name(name) == iso3


def test_names_of_a_code_list() -> None:
    body = csv("id,text,parent", "TOTAL,Total,#", '0101,"0101 - Horses, asses",01', "010129,010129 - -- Other,0101")
    assert parse_names(body, "H6.csv", "en") == {("0101", "en"): "Horses, asses"}


def test_names_of_the_korean_file() -> None:
    body = csv(
        "연도,HSK10,세번2단위품명,세번4단위품명,세번10단위품명",
        "2022,3102101000,비료,질소비료,요소",
        "2022,8112920000,비금속,베릴륨,괴",
        "2022,3102109000,비료,질소비료,기타",
        encoding="cp949",
    )
    assert parse_names(body, "hsk.csv", "en") == {
        ("31", "ko"): "비료",
        ("81", "ko"): "비금속",
        ("3102", "ko"): "질소비료",
        ("8112", "ko"): "베릴륨",
        ("3102101000", "ko"): "요소",
        ("8112920000", "ko"): "괴",
        ("811292", "ko"): "괴",
    }


@pytest.mark.parametrize("body", [csv("code,name", "x,y"), csv("code,name", "0101,Other")])
def test_a_list_without_names_is_refused(body: bytes) -> None:
    with pytest.raises(UserError, match="names no HS code"):
        parse_names(body, "a.csv", "en")


def test_every_packaged_table_has_its_heading() -> None:
    data = Path(countries.__file__).parent / "data"
    for name in ("country_aliases.csv", "hs_breaks.csv", "hs_editions.csv", "hs_overrides.csv"):
        table = pd.read_csv(data / name, dtype=str)
        assert table.notna().all(axis=None)
        assert not table.duplicated().any()
