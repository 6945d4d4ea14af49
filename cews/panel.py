"""From the store to what detectors read: trade as it was known on a day.

``History.load`` reads once, in one snapshot; ``History.panel`` then answers for any ``as_of`` from memory, so that
a replay of a hundred months reads the store once. Nothing that became known after ``as_of`` shows in a panel: not
a number, not a supplier, not an item.

Where several sources speak about one item, the panel reads it from one of them: real before simulated, then by
priority (smaller first), among those that had published anything about the item by then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cews.domain import WORLD, ItemKey, Period, utc
from cews.store import editions, observations
from cews.store.bulk import NEVER, Micros, micros, moment
from cews.store.coverage import Published, Scopes, Speaker, ordinal
from cews.store.engine import Engine, reading
from cews.store.releases import simulated_sources
from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores
from ingest import priorities
from ingest.code_breaks import Codes, code_breaks

UNKNOWN_PRIORITY: Final = 50
NEGLIGIBLE: Final = 0.05  # legs with this share of a month's trade may lack a number without hiding the total
KILOGRAM: Final = "kg"
Number = TypeVar("Number", bound=np.generic)
_AMOUNTS: Final = ("item_quantity", "item_value", "quantity", "value")  # of a panel
_END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Versions:
    """Versions of numbers, one entry each; tens of millions, hence in the smallest types that hold them."""

    leg: NDArray[np.int32]
    column: NDArray[np.int16]  # month
    known_from: Micros
    known_to: Micros
    value: FloatArray  # USD
    weight: FloatArray  # kg
    supplementary: FloatArray
    unit: NDArray[np.integer]  # of the supplementary quantity, index into History.units

    def where(self, chosen: BoolArray) -> _Versions:
        if chosen.all():
            return self
        return _Versions(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class History:
    """All that is known up to a moment about some items, ready to be asked as of any earlier one.

    S speakers (a source and an item) sorted by item, then by preference; L legs (speaker × partner) sorted by
    speaker and partner, the total (WLD) among them.
    """

    published: Published  # S × T
    simulated: frozenset[str]  # ids of sources
    codes: Codes
    speaker_of: IntArray  # (L,)
    partners: NDArray[np.object_]  # (L,)
    units: tuple[str, ...]
    versions: _Versions

    @classmethod
    def load(
        cls,
        engine: Engine,
        until: datetime | None,
        items: Collection[ItemKey] | None = None,
        priority: Mapping[str, int] | None = None,
    ) -> History:
        """Read the items (None = all) as known until then; None = everything held, which a replay asks about
        the past only. ``priority`` is that of the connectors unless another is given."""
        until = until or _END_OF_TIME
        with reading(engine) as cx:
            published = Scopes.read(cx, items=items).published(micros(until))
            simulated = simulated_sources(cx)
            codes = Codes(editions.of_months(cx), editions.breaks(cx))
            series = observations.series_about(cx, items)
            versions = observations.versions(cx, until, items)
        return _assemble(published, simulated, codes, series, versions, priorities() if priority is None else priority)

    @property
    def items(self) -> tuple[ItemKey, ...]:
        """Every item that some source speaks about."""
        return tuple(dict.fromkeys(item for _, item in self.published.speakers))

    def months(self, item: ItemKey) -> dict[Period, datetime]:
        """The published months of an item, and since when each is known."""
        rows = [row for row, (_, of) in enumerate(self.published.speakers) if of == item]
        times = self._since()[rows].min(axis=0, initial=NEVER)
        return {self.published.start + int(n): moment(times[n]) for n in np.flatnonzero(times != NEVER)}

    def publication(self, period: Period) -> datetime | None:
        """When the month had become known for every item that publishes it; None when no item does."""
        column, since = period - self.published.start, self._since()
        if not 0 <= column < since.shape[1]:
            return None
        first = pd.Series(since[:, column]).groupby([str(item) for _, item in self.published.speakers]).min()
        known = first[first != NEVER]
        return moment(known.max()) if len(known) else None

    def panel(self, as_of: datetime) -> Panel:
        """Trade as it was known at ``as_of``, from the first to the newest month published by then."""
        time = micros(utc(as_of))
        speakers = self._chosen(time)
        item_of_leg = self._items_of_legs(speakers)
        seen = self.versions.where(
            (self.versions.known_from <= time) & (time < self.versions.known_to) & (item_of_leg[self.versions.leg] >= 0)
        )
        units, amounts = self._quantities(seen, item_of_leg[seen.leg], len(speakers))
        legs = np.flatnonzero(np.bincount(seen.leg, minlength=len(self.partners)))
        world = self.partners[legs] == WORLD
        known = self._since_by_leg(legs) <= time
        reported = self._since()[speakers] <= time
        months = _span(self._spoken()[speakers] <= time)
        item_of, item_of_world = item_of_leg[legs[~world]], item_of_leg[legs[world]]
        quantity, value = _grid(known, seen, legs, amounts), _grid(known, seen, legs, seen.value)
        given = [_spread(grid[world], item_of_world, reported.shape) for grid in (quantity, value)]
        quantity, value = quantity[~world], value[~world]
        totals = (
            _totals(given[0], quantity, value, item_of, reported),
            _totals(given[1], value, quantity, item_of, reported),
        )
        start = self.published.start + months.start
        items = tuple(self.published.speakers[row][1] for row in speakers)
        sources = tuple(self.published.speakers[row][0] for row in speakers)
        reported = _months_first(reported, months)
        item_quantity, item_value = _months_first(totals[0], months), _months_first(totals[1], months)
        return Panel(
            as_of=as_of,
            start=start,
            items=items,
            sources=sources,
            simulated=tuple(source in self.simulated for source in sources),
            units=units,
            reported=reported,
            item_quantity=item_quantity,
            item_value=item_value,
            partners=tuple(self.partners[legs[~world]]),
            item_of=item_of,
            quantity=_months_first(quantity, months),
            value=_months_first(value, months),
            breaks=_breaks(self.codes, sources, items, start, item_quantity, item_value),
        )

    def _since(self) -> Micros:
        """(S, T) since when the total of each month is known."""
        return self.published.since(WORLD)

    def _spoken(self) -> Micros:
        """(S, T) since when anything of each month is known, be it of one partner."""
        return np.asarray(np.minimum.reduce([self.published.everywhere, *self.published.partners.values()]))

    def _since_by_leg(self, legs: IntArray) -> Micros:
        """(legs, T) since when a missing row of the partner is known to be a zero. Of the total (WLD) that holds only
        where it was asked for by name: else it is not given, and the partners have to be summed."""
        speakers = self.speaker_of[legs]
        since = np.where((self.partners[legs] == WORLD)[:, None], NEVER, self.published.everywhere[speakers])
        for partner, limited in self.published.partners.items():
            of_partner = np.flatnonzero(self.partners[legs] == partner)
            since[of_partner] = np.minimum(since[of_partner], limited[speakers[of_partner]])
        return since

    def _chosen(self, time: int) -> IntArray:
        """The speaker to read each item from: the first, in order of preference, that had published anything."""
        speaking = np.flatnonzero((self._spoken() <= time).any(axis=1))
        items = [self.published.speakers[row][1] for row in speaking]
        first = [n for n, item in enumerate(items) if n == 0 or item != items[n - 1]]
        return speaking[first]

    def _items_of_legs(self, speakers: IntArray) -> IntArray:
        """(L,) position of each leg's item among the chosen speakers, or -1."""
        positions = np.full(len(self.published.speakers), -1)
        positions[speakers] = np.arange(len(speakers))
        return positions[self.speaker_of]

    def _quantities(self, seen: _Versions, item: IntArray, items: int) -> tuple[tuple[str, ...], FloatArray]:
        """The unit of each item, and the quantity of each version in it: net weight where the item has any, else
        the supplementary quantity in the unit that most of its numbers have."""
        weighed = np.bincount(item[seen.weight > 0], minlength=items) > 0
        counts = np.zeros((items, len(self.units)))
        given = seen.supplementary > 0
        np.add.at(counts, (item[given], seen.unit[given]), 1)
        counted = ~weighed & (counts.sum(axis=1) > 0)
        unit = counts.argmax(axis=1)
        amounts, at = seen.weight.copy(), np.flatnonzero(counted[item])
        amounts[at] = np.where(seen.unit[at] == unit[item[at]], seen.supplementary[at], np.nan)
        return tuple(self.units[unit[n]] if counted[n] else KILOGRAM for n in range(items)), amounts


def padded(panel: Panel, start: Period, months: int) -> Panel:
    """The panel of part of the items on the months of all: what is not in it is not known."""
    before = panel.start - start if panel.months else 0
    rows = (before, months - before - panel.months)
    if rows == (0, 0):
        return replace(panel, start=start)
    tables: dict[str, Any] = {
        name: np.pad(getattr(panel, name), (rows, (0, 0)), constant_values=np.nan) for name in _AMOUNTS
    }
    reported = np.pad(panel.reported, (rows, (0, 0)))
    return replace(panel, start=start, reported=reported, breaks=np.zeros_like(reported), **tables)


def joined(parts: Sequence[tuple[Panel, Mapping[str, Scores]]], codes: Codes) -> tuple[Panel, dict[str, Scores]]:
    """One panel of parts that share the months and no item, and their scores; as if it had been read as one."""
    panels = [panel for panel, _ in parts]
    items = [item for panel in panels for item in panel.items]
    order = np.array(sorted(range(len(items)), key=items.__getitem__), dtype=np.int64)
    place = np.argsort(order)
    shifts = np.cumsum([0, *(len(panel.items) for panel in panels)])
    item_of = np.concatenate([place[panel.item_of + shift] for panel, shift in zip(panels, shifts[:-1], strict=True)])
    legs = np.argsort(item_of, kind="stable")
    partners = [partner for panel in panels for partner in panel.partners]

    def columns(tables: Sequence[NDArray[Number]], chosen: IntArray) -> NDArray[Number]:
        return np.take(np.concatenate(tables, axis=1), chosen, axis=1)  # months first in memory too

    def told(name: str) -> tuple[Any, ...]:
        every = [one for panel in panels for one in getattr(panel, name)]
        return tuple(every[n] for n in order)

    item_quantity, item_value = (columns([getattr(p, name) for p in panels], order) for name in _AMOUNTS[:2])
    reported, sources, ordered = columns([p.reported for p in panels], order), told("sources"), told("items")
    panel = Panel(
        as_of=panels[0].as_of,
        start=panels[0].start,
        items=ordered,
        sources=sources,
        simulated=told("simulated"),
        units=told("units"),
        reported=reported,
        item_quantity=item_quantity,
        item_value=item_value,
        partners=tuple(partners[n] for n in legs),
        item_of=item_of[legs],
        quantity=columns([p.quantity for p in panels], legs),
        value=columns([p.value for p in panels], legs),
        breaks=_breaks(codes, sources, ordered, panels[0].start, item_quantity, item_value),
    )
    scores = {}
    for name, first in parts[0][1].items():
        chosen = legs if first.on == "leg" else order
        arrays = {key: columns([said[name].arrays[key] for _, said in parts], chosen) for key in first.arrays}
        scores[name] = replace(first, arrays=arrays)
    return panel, scores


def _breaks(
    codes: Codes,
    sources: Sequence[str],
    items: Sequence[ItemKey],
    start: Period,
    quantity: FloatArray,
    value: FloatArray,
) -> BoolArray:
    """(T, I) where an item's code means something else than before; amounts are the totals."""
    traded = (quantity > 0) | (value > 0)
    return code_breaks(codes, sources, items, start, traded, traded | (quantity == 0) | (value == 0))


def _assemble(
    published: Published,
    simulated: frozenset[str],
    codes: Codes,
    series: pd.DataFrame,
    versions: pd.DataFrame,
    priority: Mapping[str, int],
) -> History:
    def preference(speaker: Speaker) -> tuple[ItemKey, bool, int, str]:
        source, item = speaker
        return item, source in simulated, priority.get(source, UNKNOWN_PRIORITY), source

    speakers = sorted(published.speakers, key=preference)
    published = published.on(speakers, published.start, published.everywhere.shape[1])
    row_of = {(source, item.reporter, item.flow.value, item.hs): row for row, (source, item) in enumerate(speakers)}
    keys = series[["source", "reporter", "flow", "hs"]].itertuples(index=False, name=None)
    legs = series.assign(speaker=np.array([row_of[key] for key in keys], dtype=np.int64))
    legs = legs.sort_values(["speaker", "partner"])
    leg_of = np.zeros(int(legs["id"].max()) + 1 if len(legs) else 0, dtype=np.int32)
    leg_of[legs["id"]] = np.arange(len(legs))
    units = versions["quantity_unit"].astype("category").cat
    return History(
        published,
        simulated,
        codes,
        legs["speaker"].to_numpy(),
        legs["partner"].to_numpy(dtype=object),
        tuple(units.categories) or ("",),
        _Versions(
            leg=leg_of[versions["series_id"].to_numpy()],
            column=(ordinal(versions["period"].to_numpy()) - published.start.ordinal).astype(np.int16),
            known_from=versions["known_from"].to_numpy(),
            known_to=versions["known_to"].to_numpy(),
            value=versions["value_usd"].to_numpy(),
            weight=versions["net_weight_kg"].to_numpy(),
            supplementary=versions["quantity"].to_numpy(),
            unit=units.codes.to_numpy(),
        ),
    )


def _grid(known: BoolArray, seen: _Versions, legs: IntArray, amounts: FloatArray) -> FloatArray:
    """(legs, T) amounts: zero in a known month without a row, NaN in an unknown one."""
    grid = np.where(known, 0.0, np.nan)
    row_of = np.zeros(int(legs.max(initial=-1)) + 1, dtype=np.int32)
    row_of[legs] = np.arange(len(legs))
    grid[row_of[seen.leg], seen.column] = amounts
    return grid


def _spread(grid: FloatArray, item_of: IntArray, shape: tuple[int, int]) -> FloatArray:
    """(I, T) with the grid's rows at their items, NaN elsewhere."""
    spread = np.full(shape, np.nan)
    spread[item_of] = grid
    return spread


def _months_first(table: NDArray[Number], months: slice) -> NDArray[Number]:
    return np.ascontiguousarray(table[:, months].T)


def _span(spoken: BoolArray) -> slice:
    """From the first to the last month of which anything is known."""
    months = np.flatnonzero(spoken.any(axis=0))
    return slice(int(months[0]), int(months[-1]) + 1) if months.size else slice(0, 0)


def _totals(
    world: FloatArray, legs: FloatArray, other: FloatArray, item_of: IntArray, reported: BoolArray
) -> FloatArray:
    """(I, T) the source's own total (``world``, NaN where it gives none), else the sum of the legs.

    A leg without a number hides the sum, unless what is known of it by the other measure (``other``) is negligible.
    """
    missing = np.isnan(legs)
    hidden = _by_item(np.where(missing, other, 0.0), item_of, reported.shape)
    everything = _by_item(np.where(np.isnan(other), 0.0, other), item_of, reported.shape)
    summed = _by_item(np.where(missing, 0.0, legs), item_of, reported.shape)
    summed[~(hidden <= NEGLIGIBLE * everything)] = np.nan
    return np.where(reported, np.where(np.isnan(world), summed, world), np.nan)


def _by_item(amounts: FloatArray, item_of: IntArray, shape: tuple[int, int]) -> FloatArray:
    """(I, T) sums over the legs of each item; legs stand in the order of their items."""
    sums = np.zeros(shape)
    if item_of.size:
        starts = np.flatnonzero(np.diff(item_of, prepend=-1))
        sums[item_of[starts]] = np.add.reduceat(amounts, starts, axis=0)
    return sums
