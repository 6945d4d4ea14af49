"""Answers and files made to harm: each is refused in words, soon, without reading anything else of the machine."""

from __future__ import annotations

import gzip
import io
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cews.domain import SourceError, UserError
from ingest import tables
from tests.fuzz.fuzz_parsers import verdict
from tests.fuzz.fuzz_samples import Parser, parsers

PARSERS = parsers()
SECONDS, MIB = 5.0, 300  # processor time and memory beyond which a refusal comes too late
SECRET = "canary-of-a-local-file"


def entities(levels: int) -> bytes:
    """The billion laughs."""
    nested = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "ha">{nested}]><response>&l{levels - 1};</response>'.encode()


def packed(parts: dict[str, bytes], *, links: frozenset[str] = frozenset()) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            part = zipfile.ZipInfo(name)
            part.compress_type = zipfile.ZIP_DEFLATED
            part.external_attr = (0o120777 << 16) if name in links else (0o644 << 16)
            archive.writestr(part, content)
    return made.getvalue()


def lying() -> bytes:
    """A workbook whose directory says that a part of 32 MiB has 10 bytes."""
    part = b"A" * 2**25
    body = packed({"xl/workbook.xml": part})
    return body.replace(len(part).to_bytes(4, "little"), (10).to_bytes(4, "little"))


CORPUS: dict[str, Callable[[], bytes]] = {
    "nested entities": lambda: entities(9),
    "one small entity": lambda: entities(2),
    "quadratic entities": lambda: (
        b'<!DOCTYPE r [<!ENTITY a "' + b"a" * 50_000 + b'">]><response>' + b"&a;" * 20_000 + b"</response>"
    ),
    "a remote description": lambda: b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><response/>',
    "deep elements": lambda: b"<a>" * 30_000,
    "deep lists": lambda: b"[" * 500_000,
    "deep objects": lambda: b'{"data":' * 200_000,
    "a number of a million digits": lambda: b'{"data":[' + b"9" * 1_000_000 + b"]}",
    "one line without an end": lambda: b"a," * 500_000,
    "zero bytes": lambda: b"\x00" * 1_000_000,
    "lone surrogates": lambda: b"\xed\xa0\x80" * 100_000,
    "a bomb of a workbook": lambda: packed({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b"<c/>" * 2**23}),
    "many parts": lambda: packed({f"xl/{n}": b"" for n in range(10_500)}),
    "parts that lead out": lambda: packed(
        {"../../etc/cron.d/x": b"x", "/etc/passwd": b"x", "xl/workbook.xml": b"<a/>"}
    ),
    "a part that is a link": lambda: packed({"xl/workbook.xml": b"/etc/passwd"}, links=frozenset({"xl/workbook.xml"})),
    "a workbook that lies": lying,
    "a workbook in a workbook": lambda: packed({"xl/workbook.xml": packed({"xl/workbook.xml": b"x" * 2**24})}),
    "a file of parquet of nothing": lambda: b"PAR1" + b"\xff" * 100_000 + b"\xff\xff\xff\x7fPAR1",
}


@pytest.mark.parametrize("kind", CORPUS)
def test_no_parser_is_harmed(kind: str) -> None:
    body = CORPUS[kind]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, parser in PARSERS.items():
        began = time.process_time()
        assert verdict(parser, body) == "refused", f"{name}: {kind}"
        assert time.process_time() - began < SECONDS, f"{name}: {kind}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before < MIB, kind


@pytest.mark.parametrize("name", ["kcs", "kcs-item", "kcs-flash", "eurostat", "pinksheet:workbook"])
def test_a_file_of_this_machine_is_not_read_into_an_answer(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    told = f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><response><header>&x;</header></response>'
    said = _refused(PARSERS[name], told.encode())
    assert SECRET not in said


def _refused(parser: Parser, body: bytes) -> str:
    with pytest.raises((SourceError, UserError)) as refusal:
        parser.read(body)
    return str(refusal.value)


def test_what_unpacks_to_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MAX_UNPACKED", 2**20)
    body = gzip.compress(b"reporter,flow,hs,partner,period,value_usd\n" + b"x" * 2**24)
    assert "unpacks to more than" in _refused(PARSERS["file:tidy"], body)
