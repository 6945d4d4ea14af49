"""Sentences and counter-checks over the API: the same as on the pages, as of a moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dashboard_world as world
import programs
import pytest
from flask import Flask
from programs import Program
from sqlalchemy import Engine

from cews.accounts import Role, Scope
from cews.api.application import mount
from cews.api.schemas.alerts import ChecksAnswer
from cews.api.schemas.search import SearchAnswer
from cews.settings import Settings
from cews.store.engine import connect

WHEN = "as_of=2024-07-16"


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("asked") / "store.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    built = connect(f"sqlite:///{path}")
    world.build(built)
    yield built
    built.dispose()


@pytest.fixture(scope="module")
def reader(engine: Engine) -> Program:
    server = Flask("asked", static_folder=None)
    mount(server, engine, Settings(language="en", public_url="https://cews.example.org"))
    return Program(server, programs.token_of(engine, Role.VIEWER, [Scope.READ], "asking"))


def test_a_sentence_is_answered_with_how_it_was_understood(reader: Program) -> None:
    answer = reader.get(f"/search?q=severe+graphite+alerts+from+China&{WHEN}")
    found = SearchAnswer.model_validate_json(answer.data).data
    assert {one.filter for one in found.filters} == {"kind:alert", "country:CHN", "level:severe"}
    assert (found.hits[0].kind, found.hits[0].item, found.hits[0].level) == ("alert", "KOR:import:250410", "severe")
    assert found.remarks == []


def test_filters_are_changed_and_what_is_none_is_told(reader: Program) -> None:
    answer = reader.get(f"/search?q=severe+alerts&without=level:severe&having=use:battery&having=nonsense&{WHEN}")
    found = SearchAnswer.model_validate_json(answer.data).data
    assert "level:severe" not in {one.filter for one in found.filters}
    assert "use:battery" in {one.filter for one in found.filters}
    assert found.ignored == ["nonsense"]
    assert reader.get("/search").status_code == 422


@pytest.mark.parametrize("months", ["0000-01..0000-02", "0000-01..", "..0000-01"])
def test_months_of_no_time_are_no_filter(reader: Program, months: str) -> None:
    answer = reader.get(f"/search?q=graphite&having=months:{months}&{WHEN}")
    assert SearchAnswer.model_validate_json(answer.data).data.ignored == [f"months:{months}"]


def test_an_alert_is_looked_at_again(reader: Program) -> None:
    worst = SearchAnswer.model_validate_json(reader.get(f"/search?q=severe+alerts&{WHEN}").data).data.hits[0]
    checks = ChecksAnswer.model_validate_json(reader.get(f"/alerts/{worst.key}/counter-checks?{WHEN}").data).data
    assert len(checks) == 8
    assert all(check.text for check in checks)
    assert reader.get(f"/alerts/999999/counter-checks?{WHEN}").status_code == 404
