"""Search by sentence: how high the right answers to questions stand, what filters mean, what is given up and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cews.answers import Answer, answer_record, ask
from cews.bench import asked_world
from cews.bench.asked_world import NOW
from cews.cli import cews
from cews.domain import Period
from cews.store.engine import connect, reading

LOWEST = {"tuned": (0.95, 0.97), "held": (0.88, 0.92)}  # mean reciprocal rank, and share with one right in five


@pytest.fixture(scope="module")
def asked_store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("asked") / "store.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    engine = connect(f"sqlite:///{path}")
    asked_world.build(engine)
    yield engine
    engine.dispose()


def answered(engine: Engine, sentence: str, language: str = "en", **more: object) -> Answer:
    with reading(engine) as cx:
        return ask(cx, sentence, as_of=NOW, language=language, **more)  # type: ignore[arg-type]


def test_the_right_answer_stands_high() -> None:
    """``cews bench search``: at least as good as before, and much better than looking for the words in names."""
    told = CliRunner().invoke(cews, ["bench", "search", "--json"])
    assert told.exit_code == 0, told.output
    record = json.loads(told.stdout)
    for half, (rank, in_five) in LOWEST.items():
        of = record["half"][half]
        assert of["questions"] >= 50
        assert (of["mrr"] >= rank, of["hit_at_5"] >= in_five) == (True, True), of
    assert sum(of["questions"] for of in record["language"].values()) == record["questions"] == 114
    assert record["mrr"] > record["plain"]["mrr"] + 0.2


def test_what_is_shown_meets_every_filter(asked_store: Engine) -> None:
    answer = answered(asked_store, "비료 원료 중 중국 의존도가 높은 품목", "ko")
    assert answer.given_up == ()
    assert {str(one) for one in answer.question.filters} == {"kind:item", "country:CHN", "use:fertiliser", "share:>0.5"}
    items = answer.of("item")
    assert [hit.item.hs[:4] for hit in items if hit.item]
    assert {hit.item.hs[:2] for hit in items if hit.item} == {"31"}
    assert all(hit.facts is not None and hit.facts.shares["CHN"] >= 0.5 for hit in items)


def test_a_direction_is_measured_against_the_same_months_of_the_year_before(asked_store: Engine) -> None:
    answer = answered(asked_store, "which battery materials got scarcer this spring?")
    lithium = next(hit for hit in answer.of("item") if hit.item and hit.item.hs == "282520")
    # China delivers 80 of 98 parts; 0.3 of that arrives in April and May, all in March
    expected = (98 + 2 * (98 - 80 * 0.7)) / (3 * 98) - 1
    assert lithium.facts is not None
    assert lithium.facts.quantity == pytest.approx(expected, abs=0.01)
    assert all(hit.facts is not None and (hit.facts.quantity or 0) <= -0.1 for hit in answer.of("item"))


def test_what_nothing_meets_is_given_up_and_said(asked_store: Engine) -> None:
    answer = answered(asked_store, "natural graphite from Chile")
    assert [str(one) for one in answer.given_up] == ["country:CHL"]
    assert answer.hits[0].item is not None
    assert answer.hits[0].item.hs == "250410"


def test_a_word_nobody_knows_is_told(asked_store: Engine) -> None:
    assert answered(asked_store, "graphite zzyzx").unknown == ("zzyzx",)
    nothing = answered(asked_store, "zzyzx")
    assert nothing.hits == ()
    assert nothing.unknown == ("zzyzx",)
    assert answered(asked_store, "  ?! ").hits == ()


def test_filters_are_taken_away_and_added(asked_store: Engine) -> None:
    less = answered(asked_store, "severe alerts", without=["level:severe"])
    assert {hit.line.level for hit in less.of("alert") if hit.line} > {4}
    more = answered(asked_store, "severe alerts", having=["level:caution", "nonsense", "country:??"])
    assert {hit.line.level for hit in more.of("alert") if hit.line} == {2}


def test_what_became_known_later_is_not_answered(asked_store: Engine) -> None:
    with reading(asked_store) as cx:
        then = ask(cx, "crude oil alerts", as_of=NOW.replace(month=4, day=1), language="en")
    assert all(hit.line.opened_period <= Period.of(2026, 2) for hit in then.of("alert") if hit.line)
    assert then.of("alert")
    assert then.newest == Period.of(2026, 2)


def test_the_answer_as_json_says_how_the_sentence_was_understood(asked_store: Engine) -> None:
    record = answer_record(answered(asked_store, "지난달 원유 경보", "ko"))
    assert {"filter": "months:2026-05..2026-05", "field": "months", "value": "2026-05..2026-05"}.items() <= record[
        "filters"
    ][1].items()
    assert record["filters"][1]["said"] == "지난달"
    assert record["filters"][1]["label"] == "기간: 2026년 5월"
    assert record["hits"][0]["item"] == "KOR:import:270900"


def test_both_databases_give_the_same_answer(store_engine: Engine) -> None:
    asked_world.build(store_engine)
    answer = answered(store_engine, "우크라이나산 식량", "ko")
    assert {hit.item.hs for hit in answer.of("item") if hit.item} == {"100199", "100590", "151211"}
