"""What the sources and the files may look like, well-formed: what fuzzing starts from. All numbers are ours."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

from cews.domain import Period
from ingest import SOURCES, comtrade
from ingest.base import NO_TRADE, Batch, Request, Wanted
from ingest.files import FORMATS, parse_file
from tests.contract import fake_comtrade, kcs_answers

TODAY: Final = date(2024, 6, 20)
MONTHS: Final = (Period.of(2023, 1), Period.of(2023, 12))
_REPORTERS: Final = {"comtrade": ("KOR",), "eurostat": ("DEU",)}


@dataclass(frozen=True)
class Parser:
    name: str
    read: Callable[[bytes], Batch]
    samples: tuple[bytes, ...]


def parsers() -> Mapping[str, Parser]:
    """Every source, once for each kind of request it has, and every form of files, where there are samples."""
    found = [Parser(request_name, _reader(name, request), samples) for name, request_name, request, samples in _api()]
    found += [
        Parser(f"file:{form}", _file_reader(form), samples) for form, samples in _files().items() if form in FORMATS
    ]
    found.append(Parser("comtrade:catalogue", _catalogue, (fake_comtrade.answer([fake_comtrade.data_set()]),)))
    return {parser.name: parser for parser in found}


def _catalogue(body: bytes) -> Batch:
    """A list of data sets, as a batch that has something to show for each."""
    request = Request("https://example.org", {"reporterCode": "410"}, "data sets", {"reporter": "KOR"})
    found = comtrade.parse_catalogue(body, request)
    assert all(reporter == "KOR" and signature for (reporter, _), signature in found.items())
    return Batch(NO_TRADE, (), further=tuple(Request("", {}, signature) for signature in found.values()))


def _reader(source: str, request: Request) -> Callable[[bytes], Batch]:
    return lambda body: SOURCES[source].parse(body, request)


def _file_reader(form: str) -> Callable[[bytes], Batch]:
    return lambda body: parse_file(body, "file", form, today=TODAY)


def _api() -> list[tuple[str, str, Request, tuple[bytes, ...]]]:
    """(source, name, request, samples): of each source the requests that are read in different ways."""
    samples = _answers()
    found = []
    for name, source in SOURCES.items():
        kinds: dict[str, Request] = {}
        for request in source.plan(Wanted(("250410",), (), *MONTHS, reporters=_REPORTERS.get(name, ())), TODAY):
            kinds.setdefault(_kind(name, request), request)
        if name == "pinksheet":
            kinds["pinksheet:workbook"] = Request("https://example.org/x.xlsx", {}, "workbook", {"step": "workbook"})
        found += [(name, kind, request, samples[kind]) for kind, request in kinds.items() if kind in samples]
    return found


def _kind(source: str, request: Request) -> str:
    if source == "eurostat" and "currency" in request.scope:
        return "eurostat:rates"
    return f"{source}:page" if request.scope.get("step") == "page" else source


def _answers() -> Mapping[str, tuple[bytes, ...]]:
    rows = [
        kcs_answers.item(year="2023.05", imports=(1_200_000, 800)),
        kcs_answers.item(partner="JP", year="2023.06", exports=("3,400", " 12 "), name="기타\n"),
        kcs_answers.item("2504109000", "ZZ", "2023.12", imports=(7, 0)),
    ]
    failures = (
        kcs_answers.old_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR"),
        kcs_answers.new_gateway("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR", "한도 초과"),
        kcs_answers.envelope("99", "시작과 종료의 조회기간은 1년이내 기간만 가능합니다."),
        kcs_answers.answer([]),
    )
    items = [kcs_answers.by_item(row) for row in (*rows, kcs_answers.total(rows))]
    ten, twenty = kcs_answers.flash(), kcs_answers.flash(days="01~20", total=45_000)
    comtrade = [
        fake_comtrade.row(0, 202305),
        fake_comtrade.row(156, 202305),
        fake_comtrade.row(490, 202306, flow="X", qty=None),
    ]
    census = [
        ["I_COMMODITY", "CTY_CODE", "SUMMARY_LVL", "GEN_VAL_MO", "GEN_QY1_MO", "UNIT_QY1", "time", "I_COMMODITY"],
        ["250410", "-", "DET", "5000", "12", "KG", "2023-05", "250410"],
        ["250410", "5700", "DET", "5000", "12", "NO", "2023-05", "250410"],
    ]
    return {
        "kcs": (kcs_answers.answer([kcs_answers.total(rows), *rows]), kcs_answers.answer(rows), *failures),
        "kcs-item": (kcs_answers.answer(items), *failures),
        "kcs-flash": (kcs_answers.answer([ten, twenty]), *failures),
        "comtrade": (
            fake_comtrade.answer(comtrade),
            b'{"elapsedTime":"0.02 secs","count":0,"data":[],"error":""}',
            b'{"statusCode":429,"message":"Rate limit is exceeded. Try again in 1 seconds."}',
        ),
        "census": (json.dumps(census).encode(), b"error: unknown variable 'X'"),
        "eurostat": (EUROSTAT, gzip.compress(EUROSTAT, mtime=0), FAULT, QUEUED),
        "eurostat:rates": (RATES, FAULT),
        "pinksheet:page": (
            b'<html><a href="https://thedocs.worldbank.org/en/doc/5d903e/related/CMO-Historical-Data-Monthly.xlsx">x</a>',
        ),
        "pinksheet:workbook": (pinksheet(),),
    }


_HEAD = "DATAFLOW,LAST UPDATE,freq,reporter,partner,product,flow,indicators,TIME_PERIOD,OBS_VALUE,OBS_FLAG"
_START = "ESTAT:DS-045409(1.0),15/09/26 11:00:00,M,DE"
EUROSTAT: Final = "\n".join(
    [
        _HEAD,
        f"{_START},CN,250410,1,VALUE_IN_EUROS,2023-05,204548,",
        f"{_START},CN,250410,1,QUANTITY_IN_100KG,2023-05,1772.90,",
        f"{_START},WORLD,250410,2,VALUE_IN_EUROS,2023-06,,c",
    ]
).encode()
RATES: Final = (
    b"DATAFLOW,LAST UPDATE,freq,statinfo,unit,currency,TIME_PERIOD,OBS_VALUE\n"
    b"ESTAT:ERT_BIL_EUR_M(1.0),15/09/26 11:00:00,M,AVG,NAC,USD,2023-05,1.0868\n"
)
FAULT: Final = (
    b'<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>150</faultcode>'
    b"<faultstring>INVALID_QUERY_DIMENSION_VALUE</faultstring></S:Fault>"
)
QUEUED: Final = b"<e:Envelope xmlns:e='x'><queued><id>7c1</id><status>SUBMITTED</status></queued></e:Envelope>"


def pinksheet() -> bytes:
    rows = [
        ["World Bank Commodity Price Data (The Pink Sheet)"],
        ["Updated on June 04, 2024"],
        ["", "Crude oil, Brent", "Urea **"],
        ["", "($/bbl)", "($/mt)"],
        ["2024M04", 90.1, 320.0],
        ["2024M05", 82.0, "…"],
    ]
    return sheet("Monthly Prices", rows)


def sheet(name: str, rows: list[list[str | float]]) -> bytes:
    """The smallest workbook that readers accept."""
    lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships {links}><Relationship Id="a" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>",
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets><sheet name="{name}" sheetId="1" r:id="a"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships {links}><Relationship Id="a" Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for path, content in parts.items():
            package.writestr(path, content)
    return packed.getvalue()


def _cell(value: str | float) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>' if isinstance(value, str) else f"<c><v>{value}</v></c>"


# --- files -------------------------------------------------------------------------------------------

_TIDY = (
    "period,reporter,partner,flow,hs,value_usd,net_weight_kg,quantity,quantity_unit,hs_edition,known_from\n"
    '2024-01,KOR,CHN,import,250410,"1,000",500,,,H6,2024-02-15\n'
    "2024-02,KOR,WLD,import,250410,900,450,3,u,H6,2024-03-15T09:00+09:00\n"
)
_KCS = (
    "hsCd,statCd,statCdCntnKor1,statKor,year,expDlr,expWgt,impDlr,impWgt,balPayments\n"
    "250410,CN,중국,가루,2024.01,0,0,1000,500,-1000\n-,-,-,-,총계,0,0,1000,500,-1000\n"
)
_COMTRADE = (
    "typeCode,period,reporterCode,reporterISO,flowCode,partnerCode,partner2Code,classificationCode,cmdCode,customsCode,"
    "motCode,qtyUnitCode,qty,netWgt,primaryValue,\nC,202401,410,KOR,M,156,0,H6,250410,C00,0,8,500,500,1000,\n"
)
_COMEXSTAT = (
    "Fluxo;Ano;Mês;Código SH6;País;Valor US$ FOB;Quilograma Líquido\n"
    "Importação;2024;01;250410;China;1000;500\nImportação;2024;02;250410;Chile;900;450\n"
)
_BULK = (
    "REPORTER,PARTNER,TRADE_TYPE,PRODUCT_NC,FLOW,STAT_PROCEDURE,SUPPL_UNIT,PERIOD,VALUE_EUR,VALUE_NAC,QUANTITY_KG,"
    "QUANTITY_SUPPL_UNIT\nDE,CN,E,25041000,1,1,NO_SU,202402,650,650,30,0\nDE,CN,E,TOTAL,1,1,NO_SU,202402,9,9,3,0\n"
)


def _files() -> Mapping[str, tuple[bytes, ...]]:
    table = pd.read_csv(io.StringIO(_TIDY), dtype="str").fillna("")
    parquet = io.BytesIO()
    table.to_parquet(parquet, index=False)
    workbook = sheet("Sheet1", [list(table.columns), *table.to_numpy().tolist()])
    tidy = _TIDY.encode()
    return {
        "tidy": (tidy, tidy.replace(b",", b";"), gzip.compress(tidy, mtime=0), parquet.getvalue(), workbook),
        "kcs": (_KCS.encode("cp949"), _KCS.encode("utf-8-sig")),
        "comtrade": (_COMTRADE.encode("latin-1"),),
        "comexstat": (_COMEXSTAT.encode("latin-1"), _COMEXSTAT.encode()),
        "pinksheet": (pinksheet(),),
        "comext-bulk": (_BULK.encode(),),
    }
