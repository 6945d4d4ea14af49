"""Excel workbooks as small as they can be, to be read by tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Cell = str | float | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def workbook(sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> bytes:
    """A workbook with these sheets, row by row from A1 on."""
    numbers = range(1, len(sheets) + 1)
    parts = {f"xl/worksheets/sheet{n}.xml": _sheet(rows) for n, rows in zip(numbers, sheets.values(), strict=True)}
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, sheets, strict=True)
    )
    parts["xl/workbook.xml"] = f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{names}</sheets></workbook>'
    targets = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in numbers}
    parts["xl/_rels/workbook.xml.rels"] = _relations(targets)
    parts["_rels/.rels"] = _relations({"rId1": ("officeDocument", "xl/workbook.xml")})
    overrides = {"/xl/workbook.xml": "sheet.main", **{f"/xl/worksheets/sheet{n}.xml": "worksheet" for n in numbers}}
    kinds = "".join(f'<Override PartName="{p}" ContentType="{_TYPES}.{k}+xml"/>' for p, k in overrides.items())
    relations = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    parts["[Content_Types].xml"] = f'<Types xmlns="{_PACKAGE}/content-types">{relations}{kinds}</Types>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{content}')
    return packed.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    lines = [f'<row r="{n}">{"".join(map(_cell, row))}</row>' for n, row in enumerate(rows, 1)]
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(value: Cell) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    lines = [
        f'<Relationship Id="{name}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    ]
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'
