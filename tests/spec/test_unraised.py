"""A big move that is not raised leaves a record that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import click
import pytest
from alert_samples import published
from click.testing import CliRunner
from detector_panels import noisy_panel, with_moves

from cews import pipeline, sentences
from cews.alerts import Policy
from cews.commands.session import Session
from cews.commands.triage import list_unraised
from cews.domain import ALL_CODES, Period, Stream
from cews.pipeline import Step
from cews.store import silent_moves
from cews.store.engine import Engine, reading, writing
from cews.unraised import unraised
from detectors import score
from detectors.base import Panel

LAST = 47


def step_of(panel: Panel, seen: Period | None = None) -> Step:
    return pipeline.examine(panel, score(panel), {}, Policy(), 5.0, {} if seen is None else {stream_of(panel): seen})


def stream_of(panel: Panel) -> Stream:
    return panel.sources[0], panel.items[0].reporter, panel.items[0].flow, ALL_CODES


def silent(step: Step) -> list[tuple[str, tuple[str, ...]]]:
    raised = [(finding.item, finding.period) for finding in step.detection.findings]
    found = unraised(step.panel, step.detection, step.fresh, raised)
    return [(str(one.item), tuple(reason.code for reason in one.reasons)) for one in found]


def test_a_fall_with_its_price_is_kept_with_the_reason() -> None:
    panel = with_moves(noisy_panel(), 0, {LAST: (0.3, 0.6)})
    assert silent(step_of(panel)) == [(str(panel.items[0]), ("quantity_below", "price_fell_too"))]


def test_a_changed_code_is_kept_with_the_reason() -> None:
    panel = with_moves(noisy_panel(), 0, {LAST: (0.1, 1.0)})
    breaks = panel.breaks.copy()
    breaks[LAST, 0] = True
    assert silent(step_of(replace(panel, breaks=breaks))) == [(str(panel.items[0]), ("quantity_below", "hs_break"))]


def test_a_month_that_was_not_reported_is_kept_with_the_reason_while_others_of_its_source_were() -> None:
    whole = noisy_panel()
    reported, last = whole.reported.copy(), whole.period(LAST)
    reported[LAST, 0] = reported[LAST - 6 :, 1] = False  # of the second nothing has come for so long that it has ended
    panel = replace(whole, reported=reported)
    step = step_of(panel, seen=last + -1)
    (kept,) = unraised(step.panel, step.detection, step.fresh, [])
    assert (kept.item, kept.period) == (whole.items[0], last)
    assert [(one.code, dict(one.numbers)) for one in kept.reasons] == [
        ("not_reported", {"period": str(last), "last_period": str(last + -1)})
    ]
    assert silent(step_of(panel, seen=last)) == [], "said once"


def test_what_is_raised_and_what_hardly_moved_is_not_kept() -> None:
    assert silent(step_of(with_moves(noisy_panel(), 0, {LAST: (0.1, 1.6)}))) == []
    assert silent(step_of(noisy_panel())) == []


def test_a_month_that_was_scanned_before_is_not_kept_again() -> None:
    panel = with_moves(noisy_panel(), 0, {LAST: (0.3, 0.6)})
    assert silent(step_of(panel, seen=panel.period(LAST))) == []


def test_a_source_that_was_behind_is_looked_at_in_every_month_it_brings() -> None:
    """Another source is ahead: what the one behind brings late, two months at once, is not taken for seen."""
    panel = with_moves(noisy_panel(), 0, {LAST - 1: (0.05, 1.6)})
    item, last = panel.items[0], panel.period(LAST)
    late, ahead = stream_of(panel), ("ahead", item.reporter, item.flow, ALL_CODES)

    def raised(looked: Mapping[Stream, Period]) -> set[Period]:
        step = pipeline.examine(panel, score(panel), {}, Policy(), 5.0, looked)
        assert step.looked == {late: last}
        return {finding.period for finding in step.detection.findings if finding.item == item}

    assert last + -1 in raised({late: last + -2, ahead: last})
    assert last + -1 not in raised({late: last, ahead: last})


def test_an_item_that_was_behind_the_others_of_its_source_is_looked_at_in_every_month_it_brings() -> None:
    """One request failed: its code comes a month late, with the month in which it fell and the one after."""
    whole = with_moves(noisy_panel(), 0, {LAST - 1: (0.05, 1.6)})
    item, last = whole.items[0], whole.period(LAST)
    reported = whole.reported.copy()
    reported[LAST - 1 :, 0] = reported[LAST, 1:] = False  # the others have brought the month before the last
    stream = stream_of(whole)
    behind = (*stream[:3], item.hs)
    before = pipeline.examine(late := replace(whole, reported=reported), score(late), {}, Policy(), 5.0, {})
    assert before.looked == {stream: last + -1, behind: last + -2}
    after = pipeline.examine(whole, score(whole), {}, Policy(), 5.0, before.looked)
    assert last + -1 in {finding.period for finding in after.detection.findings if finding.item == item}
    assert after.looked == {stream: last, behind: last}, "who was behind keeps a place of its own"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_recorded_scan_keeps_its_silences_under_both_clocks(store_engine: Engine, language: str) -> None:
    step = step_of(with_moves(noisy_panel(), 0, {LAST: (0.3, 0.6)}))
    with writing(store_engine) as cx:
        pipeline.record_step(cx, step, published(step.panel.period(LAST)), notify=False)
    with reading(store_engine) as cx:
        (kept,) = silent_moves.known(cx, step.as_of)
        assert (kept.item, kept.period, kept.as_of) == (step.panel.items[0], step.panel.period(LAST), step.as_of)
        assert silent_moves.known(cx, step.as_of, replace(kept.item, hs="999999")) == []
        assert silent_moves.known(cx, step.as_of.replace(year=1990)) == []
    said = [sentences.sentence(reason, language) for reason in kept.reasons]
    assert ("Not raised because the price fell too" in said[1]) == (language == "en")
    assert "–" not in said[0], "every number is known"


def test_the_command(sqlite_engine: Engine) -> None:
    session = Session()
    session.__dict__["store"] = sqlite_engine

    def run(command: click.Command, *words: str) -> str:
        return CliRunner().invoke(command, words, obj=session).output

    assert "No big move" in run(list_unraised)
    step = step_of(with_moves(noisy_panel(), 0, {LAST: (0.3, 0.6)}))
    with writing(sqlite_engine) as cx:
        pipeline.record_step(cx, step, published(step.panel.period(LAST)), notify=False)
    assert str(step.panel.items[0]) in run(list_unraised)
    assert '"code":"price_fell_too"' in run(list_unraised, str(step.panel.items[0]), "--json")
