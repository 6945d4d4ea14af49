"""The registry of sources: our own, and those of others by entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

import ingest
from cews.domain import UserError
from ingest import SOURCES, kcs, sources

Announce = Callable[[object], None]


@pytest.fixture
def announce(monkeypatch: pytest.MonkeyPatch) -> Iterator[Announce]:
    """Pretend that an installed package announces the object as a source."""
    ingest._others.cache_clear()

    def announced(thing: object) -> None:
        entry = SimpleNamespace(name="other", value="other_package:SOURCE", load=lambda: thing)
        monkeypatch.setattr(ingest, "entry_points", lambda group: [entry] if group == "cews.sources" else [])

    yield announced
    ingest._others.cache_clear()


def test_every_source_stands_under_its_own_id_and_has_a_page() -> None:
    assert {name: source.id for name, source in SOURCES.items()} == {name: name for name in SOURCES}
    pages = Path(__file__).parents[2] / "docs" / "sources"
    assert [name for name in SOURCES if not (pages / f"{name}.md").exists()] == []


def test_sources_of_others_are_found(announce: Announce) -> None:
    other = replace(kcs.SOURCE, id="other")
    announce(other)
    assert sources()["other"] is other


def test_two_sources_of_one_name_are_refused(announce: Announce) -> None:
    announce(kcs.SOURCE)
    with pytest.raises(UserError, match="two connectors are named 'kcs'"):
        sources()


def test_what_is_no_source_is_refused(announce: Announce) -> None:
    announce(object())
    with pytest.raises(UserError, match="gives no Source"):
        sources()


def test_a_real_entry_point_loads() -> None:
    assert EntryPoint("kcs", "ingest.kcs:SOURCE", "cews.sources").load() is kcs.SOURCE
