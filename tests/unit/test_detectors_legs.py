"""Shares, dependence and collapsed partners, beside plain sums over each item's legs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from detector_panels import noisy_panel, totalled

from cews.domain import Finding, Flow, ItemKey, ShockClass
from detectors import detect
from detectors.base import Panel, Scores
from detectors.context import common_supplier, supplier_of, trade_of
from detectors.dependence import Dependence, leg_starts, leg_volume, yearly_shares
from detectors.evidence import capped
from detectors.exit import DEEP, ESTABLISHED, SupplierScreen, Withdrawal, collapse, outermost, withdrawal


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Eight items, two of them without any leg; some legs never trade, some months are not known."""
    made, rng = noisy_panel(items=8, months=40, noise=0.6), np.random.default_rng(4)
    kept = np.flatnonzero(~np.isin(made.item_of, (2, 7)))
    quantity = np.where(rng.random(made.quantity.shape) < 0.15, 0.0, made.quantity)
    quantity[rng.random(quantity.shape) < 0.05] = np.nan
    quantity[:, 3] = 0.0
    return replace(
        made,
        partners=tuple(made.partners[n] for n in kept),
        item_of=made.item_of[kept],
        quantity=quantity[:, kept],
        value=made.value[:, kept],
    )


def legs_of(panel: Panel, item: int) -> np.ndarray:
    return np.flatnonzero(panel.item_of == item)


def plain_shares(panel: Panel, month: int) -> np.ndarray:
    """Of the twelve months up to this one."""
    heap = np.nansum(panel.quantity[max(0, month - 11) : month + 1], axis=0)
    total = np.bincount(panel.item_of, weights=heap, minlength=len(panel.items))[panel.item_of]
    return np.divide(heap, total, out=np.zeros_like(heap), where=total > 0)


def test_legs_begin_where_the_ones_of_the_item_before_end(panel):
    starts = leg_starts(panel)
    assert [list(range(starts[i], starts[i + 1])) for i in range(8)] == [list(legs_of(panel, i)) for i in range(8)]


def test_shares_are_of_the_twelve_months_before(panel):
    share = yearly_shares(panel, leg_volume(panel)[0])
    assert share.shape == (41, len(panel.partners))
    assert (share[0] == 0).all()
    for month in range(40):
        np.testing.assert_allclose(share[month + 1], plain_shares(panel, month), rtol=1e-6)


def test_dependence_names_the_largest_partner_now_and_its_share_a_year_ago(panel):
    arrays = Dependence().score(panel).arrays
    for month in (0, 11, 12, 39):
        share = plain_shares(panel, month)
        for item in range(8):
            legs = legs_of(panel, item)
            if not len(legs):
                assert (arrays["top"][month, item], arrays["share"][month, item]) == (-1, 0)
                assert np.isnan(arrays["share_before"][month, item])
                continue
            top = legs[share[legs].argmax()]
            assert arrays["top"][month, item] == top
            assert arrays["share"][month, item] == pytest.approx(share[top])
            assert arrays["hhi"][month, item] == pytest.approx((share[legs] ** 2).sum())
            before = plain_shares(panel, month - 12)[top] if month >= 12 else np.nan
            assert arrays["share_before"][month, item] == pytest.approx(before, nan_ok=True)


def test_a_partner_has_collapsed_when_half_of_what_it_should_have_delivered_is_missing(panel):
    suppliers = SupplierScreen().score(panel)
    held = np.random.default_rng(0).random(panel.reported.shape) < 0.5
    alike = supplier_of(panel, trade_of(panel))
    shape = (panel.months, alike.max() + 1)
    nobody = Withdrawal(np.zeros(shape), np.full(shape, -1), np.ones(len(alike), dtype=bool))
    found = collapse(panel, suppliers, held, alike, nobody)
    z, residual, share = (suppliers.arrays[n] for n in ("quantity_z", "quantity_residual", "share_before"))
    fell = (residual <= DEEP) & (share >= ESTABLISHED) & (z < 0)
    legs = np.where(fell, capped(np.maximum(-np.nan_to_num(z), 0)), 0.0)
    assert (legs > 0).sum() > 50
    np.testing.assert_allclose(found.legs, legs, rtol=1e-6)
    for item in range(8):
        own = legs_of(panel, item)
        gone = legs[:, own].max(axis=1, initial=0.0)
        lost = (legs[:, own] * (1 - share[:, own])).max(axis=1, initial=0.0)
        np.testing.assert_allclose(found.leaving[:, item], np.where(held[:, item], gone, 0.0), rtol=1e-6)
        np.testing.assert_allclose(found.losing[:, item], np.where(held[:, item], 0.0, lost), rtol=1e-6)


def plain_lacking(panel: Panel, suppliers: Scores, one: int) -> np.ndarray:
    """How far all legs of a partner are below what was expected, as docs/methods/exit.md has it."""
    z, share = suppliers.arrays["quantity_z"], suppliers.arrays["share_before"]
    own = supplier_of(panel, trade_of(panel)) == one
    counted = np.isfinite(z) & (share >= 0.002) & own
    n = counted.sum(axis=1)
    below = np.where(counted, np.clip(-z, -3, 3), 0.0).sum(axis=1) / np.sqrt(np.maximum(n, 1) * (1 + 0.1 * (n - 1)))
    return np.where(n >= 3, below, np.nan)


def plain_joint(lacking: np.ndarray, month: int) -> float:
    past = lacking[max(0, month - 36) : month]
    past = past[np.isfinite(past)]
    if past.size < 12:
        return 0.0
    mean = past.sum() / (past.size + 6)
    variance = (((past - mean) ** 2).sum() + 12 * 0.5) / (past.size + 12)
    joint = (lacking[month] - mean) / np.sqrt(variance * (1 + 1 / (past.size + 6))) - 1.5
    return float(np.nan_to_num(max(joint, 0.0)))


def plain_speaker(panel: Panel, suppliers: Scores, yearly: np.ndarray, one: int, month: int) -> int:
    z, residual, share = (suppliers.arrays[f][month] for f in ("quantity_z", "quantity_residual", "share_before"))
    own = supplier_of(panel, trade_of(panel)) == one
    fallen = np.flatnonzero(own & (residual <= DEEP) & (z < 0) & (share >= 0.01))
    worth = (share * np.nan_to_num(yearly[month])[panel.item_of])[fallen]
    return int(fallen[worth.argmax()]) if fallen.size else -1


def test_a_partner_withdraws_when_all_its_items_together_fall_short(panel):
    suppliers, alike = SupplierScreen().score(panel), supplier_of(panel, trade_of(panel))
    yearly = np.random.default_rng(1).random(panel.reported.shape)
    found = withdrawal(panel, suppliers, yearly, alike)
    spoke = 0
    for one in range(alike.max() + 1):
        lacking = plain_lacking(panel, suppliers, one)
        for month in range(panel.months):
            joint = plain_joint(lacking, month)
            assert found.joint[month, one] == pytest.approx(joint, abs=1e-5)
            leg = plain_speaker(panel, suppliers, yearly, one, month) if joint > 0 else -1
            assert found.speaker[month, one] == leg
            spoke += leg >= 0
    assert spoke >= 5


def test_headings_and_their_lines_are_one_trade():
    items = [ItemKey("KOR", Flow.IMPORT, hs) for hs in ("2504", "250410", "2504101000", "380110")]
    items += [ItemKey("KOR", Flow.EXPORT, "250410")]
    assert outermost(items).tolist() == [True, False, False, True, True]


def test_a_supplier_that_leaves_many_items_at_once_is_raised_though_it_is_small_in_each():
    """The same exit from one item alone is not."""
    base = noisy_panel(items=30, months=60, noise=0.2)
    last = replace(base.items[-1], hs=f"{base.items[0].hs}10")  # a line of the first item
    base = replace(base, items=(*base.items[:-1], last))
    small = np.arange(0, len(base.partners), 3)
    quantity, value = base.quantity.copy(), base.value.copy()
    quantity[-1], value[-1] = np.median(quantity, axis=0), np.median(value, axis=0)
    quantity[:, small], value[:, small] = 0.013 * quantity[:, small], 0.013 * value[:, small]

    def without(legs: np.ndarray) -> list[Finding]:
        left, paid = quantity.copy(), value.copy()
        left[-1, legs] = paid[-1, legs] = 0.0
        panel = totalled(replace(base, quantity=left, value=paid))
        found = [f for f in detect(panel, budget=0.5).findings if f.partner == base.partners[0]]
        return [f for f in found if f.period == panel.start + (panel.months - 1)]

    assert not without(small[:1])
    (finding,) = without(small)
    assert finding.shock is ShockClass.SUPPLIER_EXIT
    (why,) = [reason for reason in finding.reasons if reason.code == "supplier_withdrew"]
    assert (why.numbers["items"], why.numbers["items_falling"]) == (29, 29), "a heading and its line are one"


def test_a_supplier_is_common_to_the_items_of_one_reporter_and_direction():
    panel = totalled(noisy_panel(items=6))
    items = (*panel.items[:4], ItemKey("USA", Flow.IMPORT, "250400"), ItemKey("KOR", Flow.EXPORT, "250500"))
    panel = replace(panel, items=items)
    z, share = np.zeros(18), np.full(18, 0.3)
    china = np.arange(0, 18, 3)
    z[china] = [-2, -2, 0, np.nan, -2, -2]
    alike = supplier_of(panel, trade_of(panel))
    assert common_supplier(alike, 0, z, share) == (3, 2), "of four items one is not scored; other trades do not count"
    share[3] = 0.01
    assert common_supplier(alike, 0, z, share) == (2, 1)


def test_scores_of_suppliers_are_on_legs(panel):
    scores = SupplierScreen().score(panel)
    assert isinstance(scores, Scores)
    assert {array.shape for array in scores.arrays.values()} == {panel.quantity.shape}
