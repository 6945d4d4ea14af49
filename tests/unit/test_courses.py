"""Kept courses of the screens: a new month costs a month, and what is said is bit by bit what a full pass says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from detector_panels import noisy_panel, totalled, until

from cews.courses import KeptCourses
from detectors import detect, score
from detectors.base import Panel
from detectors.screen import Bank

SCREENS = 3  # quantity and unit value of items, quantity of suppliers
MONTHS = 40


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Sixty items; idle months, an item that begins late and a supplier that begins in the newest month."""
    made, rng = noisy_panel(items=60, months=MONTHS, noise=0.5), np.random.default_rng(3)
    quantity = np.where(rng.random(made.quantity.shape) < 0.15, 0.0, made.quantity)
    quantity[:25, 9:12] = 0.0
    quantity[:-1, 31] = 0.0
    quantity[-1, 31] = 5e5
    quantity[-1, 60:63] *= 0.03
    return totalled(replace(made, quantity=quantity, value=quantity * 5.0))


def without(panel: Panel, legs: list[int]) -> Panel:
    """The panel before these legs had ever traded: they are not in it, nor an item that has no other."""
    kept = [leg for leg in range(len(panel.partners)) if leg not in legs]
    items = sorted(set(panel.item_of[kept]))
    return replace(
        panel,
        items=tuple(panel.items[n] for n in items),
        sources=tuple(panel.sources[n] for n in items),
        simulated=tuple(panel.simulated[n] for n in items),
        units=tuple(panel.units[n] for n in items),
        reported=panel.reported[:, items],
        item_quantity=panel.item_quantity[:, items],
        item_value=panel.item_value[:, items],
        breaks=panel.breaks[:, items],
        partners=tuple(panel.partners[n] for n in kept),
        item_of=np.searchsorted(items, panel.item_of[kept]),
        quantity=panel.quantity[:, kept],
        value=panel.value[:, kept],
    )


@pytest.fixture
def months_scored(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many months of a screen were scored since the last time it was asked."""
    counted: list[int] = []
    advance = Bank.advance

    def counting(self, month, *rest):
        counted.append(month)
        advance(self, month, *rest)

    monkeypatch.setattr(Bank, "advance", counting)

    def since() -> int:
        number = len(counted)
        counted.clear()
        return number

    return since


def agree(panel: Panel, folder: Path, *, moved: bool = True) -> None:
    """Scores and findings of kept courses are those of a full pass."""
    going_on, full = score(panel, KeptCourses(folder)), score(panel)
    for name, scores in full.items():
        for field, array in scores.arrays.items():
            np.testing.assert_array_equal(going_on[name].arrays[field], array, err_msg=f"{name}.{field}", strict=True)
    findings = detect(panel, budget=50, scores=full).findings
    assert findings or not moved
    assert detect(panel, budget=50, scores=going_on).findings == findings


def test_a_new_month_is_scored_alone_and_says_what_a_full_pass_says(panel, tmp_path, months_scored):
    score(until(panel, MONTHS - 1), KeptCourses(tmp_path))
    assert months_scored() == SCREENS * (MONTHS - 1)
    score(panel, KeptCourses(tmp_path))
    assert months_scored() == SCREENS
    agree(panel, tmp_path)
    assert months_scored() == SCREENS * MONTHS, "the kept one had nothing left to score"


def test_new_suppliers_and_items_are_no_reason_to_begin_anew(panel, tmp_path, months_scored):
    """They come in the middle of the list, months apart, and have not traded before."""
    score(until(without(panel, [9, 10, 11, 31]), 25), KeptCourses(tmp_path))
    score(until(without(panel, [31]), MONTHS - 1), KeptCourses(tmp_path))
    months_scored()
    agree(panel, tmp_path)
    assert months_scored() == SCREENS * (MONTHS + 1)


@pytest.mark.parametrize(("revised", "again"), [(MONTHS - 2, 2), (30, 10), (24, 16), (23, 22), (7, MONTHS)])
def test_a_revision_goes_on_from_the_last_point_before_it(panel, tmp_path, months_scored, revised, again):
    """The last months are revised most: of them points are kept; what is older begins anew."""
    score(until(panel, MONTHS - 1), KeptCourses(tmp_path))
    quantity, value = panel.quantity.copy(), panel.value.copy()
    quantity[revised, 100] += 1.0
    value[revised, 100] += 9.0
    panel = totalled(replace(panel, quantity=quantity, value=value))
    months_scored()
    agree(panel, tmp_path)
    assert months_scored() == SCREENS * (again + MONTHS)
    agree(panel, tmp_path)
    assert months_scored() == SCREENS * MONTHS, "what was revised is kept in its turn"


def test_every_month_revises_the_one_before(panel, tmp_path, months_scored):
    """As sources do: after the first scan each costs two months."""
    final, rng = panel.quantity, np.random.default_rng(5)
    for months in range(30, MONTHS + 1):
        quantity = final[:months].copy()
        quantity[-1] *= rng.uniform(0.8, 1.2, quantity.shape[1])
        known = totalled(replace(until(panel, months), quantity=quantity))
        agree(known, tmp_path, moved=False)
        assert months_scored() == SCREENS * (months + (months if months == 30 else 2))


def test_a_supplier_that_is_found_to_have_traded_earlier_begins_anew(panel, tmp_path):
    score(until(without(panel, [31]), MONTHS - 1), KeptCourses(tmp_path))
    quantity = panel.quantity.copy()
    quantity[3, 31] = 1e5
    agree(totalled(replace(panel, quantity=quantity)), tmp_path)


def test_a_question_about_the_past_begins_anew(panel, tmp_path):
    score(panel, KeptCourses(tmp_path))
    agree(until(panel, MONTHS - 5), tmp_path)


@pytest.mark.parametrize("name", ["0017-*", "bank-*"])
@pytest.mark.parametrize("harm", ["lost", "cut short"])
def test_a_file_that_cannot_be_read_is_not_missed(panel, tmp_path, harm, name):
    score(until(panel, MONTHS - 1), KeptCourses(tmp_path))
    for folder in tmp_path.iterdir():
        for file in folder.glob(name):
            file.unlink() if harm == "lost" else file.write_bytes(file.read_bytes()[:100])
    agree(panel, tmp_path)


def test_without_a_sound_index_nothing_is_known(panel, tmp_path):
    score(until(panel, MONTHS - 1), KeptCourses(tmp_path))
    for folder in tmp_path.iterdir():
        (folder / "index.json").write_text('{"fields": [')
    agree(panel, tmp_path)


def test_files_of_another_past_do_not_pile_up(panel, tmp_path):
    for months in (30, 31, MONTHS):
        score(until(panel, months), KeptCourses(tmp_path))
    for folder in tmp_path.iterdir():
        assert len(list(folder.glob("*.f32"))) == MONTHS
        assert len(list(folder.glob("bank-*"))) == 6, "of months 40, 39, 36, 30, 24 and 18"
        assert not list(folder.glob("*.part"))
