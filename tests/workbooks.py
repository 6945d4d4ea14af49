"""Excel workbooks made by hand, so that tests decide about every byte."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence


def workbook(
    *sheets: tuple[str, Sequence[Sequence[object]]], dates: frozenset[str] = frozenset(), inside: str = ""
) -> bytes:
    """The smallest .xlsx Excel accepts; text stands inline, numbers are numbers, ``dates`` are cells shown as
    dates, and ``inside`` stands raw at the end of each sheet."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    numbers = range(1, len(sheets) + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.worksheet+xml"/>'
        for n in numbers
    )
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    styles = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
        f'"application/xml"/><Override PartName="/xl/workbook.xml" ContentType="{main}"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="{sheets[n - 1][0]}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        + f'<Relationship Id="rId99" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f"<styleSheet {space}>{styles}</styleSheet>",
    }
    for n in numbers:
        lines = "".join(
            f'<row r="{row}">{"".join(_cell(value, column, row, dates) for column, value in enumerate(cells))}</row>'
            for row, cells in enumerate(sheets[n - 1][1], 1)
        )
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet {space}><sheetData>{lines}{inside}</sheetData></worksheet>"
    return packed(parts)


def _cell(value: object, column: int, row: int, dates: frozenset[str]) -> str:
    place = f"{'ABCDEFGHIJKLMNOP'[column]}{row}"
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    style = ' s="1"' if place in dates else ""
    return f'<c r="{place}"{style}><v>{value}</v></c>'


def packed(parts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return buffer.getvalue()
