"""The fuzzing itself: it knows every parser, starts from what they accept, and would find a fault."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from cews.domain import SourceError
from ingest import SOURCES
from ingest.base import NO_TRADE, Batch
from ingest.files import FORMATS
from tests.fuzz.fuzz_parsers import run, verdict
from tests.fuzz.fuzz_samples import Parser, parsers

PARSERS = parsers()


def test_every_source_and_every_form_is_fuzzed() -> None:
    sources = {name.split(":")[0] for name in PARSERS} - {"file"}
    forms = {name.removeprefix("file:") for name in PARSERS if name.startswith("file:")}
    assert (sources, forms) == (set(SOURCES), set(FORMATS)), "add a sample to fuzz_samples.py"


@pytest.mark.parametrize("name", PARSERS)
def test_what_it_starts_from_is_accepted_and_a_few_cases_pass(name: str) -> None:
    parser = PARSERS[name]
    batch = parser.read(parser.samples[0])
    assert len(batch.table) or batch.further
    assert not batch.rejects
    counts, failed = run(parser, cases=12, seed=0)
    assert (counts.total(), failed) == (12, 0)


def _raise(error: Exception) -> Callable[[bytes], Batch]:
    def read(body: bytes) -> Batch:
        raise error

    return read


def _outside_coverage(body: bytes) -> Batch:
    row = ["KOR", "import", "250410", "CHN", 202401, 1.0, 1.0, 0.0, "", "H6"]
    return Batch(pd.DataFrame([row], columns=NO_TRADE.columns), ())


@pytest.mark.parametrize("broken", [_raise(KeyError("x")), _raise(SourceError("", permanent=True)), _outside_coverage])
def test_a_broken_parser_is_found(broken: Callable[[bytes], Batch], capsys: pytest.CaptureFixture[str]) -> None:
    _, failed = run(Parser("broken", broken, (b"sample",)), cases=3, seed=0)
    assert failed == 3
    assert "--seed 0 --first 0 --cases 1" in capsys.readouterr().out


def test_a_refusal_with_words_is_no_fault() -> None:
    assert verdict(Parser("x", _raise(SourceError("cut off", permanent=False)), (b"",)), b"") == "refused"
