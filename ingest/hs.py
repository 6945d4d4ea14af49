"""Editions of the Harmonized System: which is in force when, what changes between two, how codes are carried over.

Pure. An edition is named as UN Comtrade names it: ``H6`` is HS 2022. Three packaged tables hold facts:
``hs_editions.csv`` (who began an edition later than its January), ``hs_breaks.csv`` (codes that do not mean the
same in an edition and the one before) and ``hs_overrides.csv`` (headings that are never carried back). The
conversion tables themselves are UNSD's; users give them as files (docs/sources/files.md, "Editions of the HS").
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from cews.domain import Period, UserError
from ingest.tables import Field, Given, Rows, hs_code, pick, read_table

EDITIONS: Final[Mapping[str, Period]] = {
    "H0": Period.of(1988, 1),
    "H1": Period.of(1996, 1),
    "H2": Period.of(2002, 1),
    "H3": Period.of(2007, 1),
    "H4": Period.of(2012, 1),
    "H5": Period.of(2017, 1),
    "H6": Period.of(2022, 1),
    "H7": Period.of(2028, 1),
}
_AMOUNTS: Final = ["value_usd", "net_weight_kg", "quantity"]
_KEY: Final = ["reporter", "flow", "hs", "partner", "period"]
HAPPENED: Final = {"born": "begin", "dead": "end"}
_SHOWN: Final = 5
_YEAR: Final = 12
_LEAST_BEFORE: Final = 6  # months a reporter must have before and after a change to judge it
_LEAST_AFTER: Final = 3


# --- editions ----------------------------------------------------------------------------------------


def begins(reporter: str, edition: str) -> Period:
    """The first month in which the reporter's statistics use the edition."""
    return _later_starts().get((reporter, edition), EDITIONS[edition])


def in_force(reporter: str, period: Period) -> str:
    """The edition of the reporter's codes in that month; ``""`` before the first."""
    begun = [edition for edition in EDITIONS if begins(reporter, edition) <= period]
    return begun[-1] if begun else ""


def editions(reporter: str, periods: pd.Series[Any]) -> pd.Series[Any]:
    """The edition in force for every month (YYYYMM)."""
    starts = np.array([begins(reporter, edition).yyyymm for edition in EDITIONS])
    place = np.searchsorted(starts, periods.to_numpy("int64"), side="right")
    return pd.Series(pd.array(["", *EDITIONS], dtype="str").take(place), index=periods.index)


@cache
def _later_starts() -> Mapping[tuple[str, str], Period]:
    return {
        (row["reporter"], row["edition"]): Period.containing(date.fromisoformat(row["in_force_from"]))
        for row in _packaged("hs_editions.csv")
    }


def _packaged(name: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(files("cews").joinpath("data", name).read_text(encoding="utf-8").splitlines())


# --- breaks ------------------------------------------------------------------------------------------


@cache
def breaks(edition: str) -> frozenset[str]:
    """Codes of six digits that cover something else in the edition than in the one before, or exist in one only."""
    return frozenset(row["hs"] for row in _packaged("hs_breaks.csv") if row["edition"] == edition)


def break_months(reporter: str, hs: str) -> list[Period]:
    """Months in which the meaning of a code changed for the reporter: a jump there is no shock.

    A heading or chapter breaks nowhere: codes move within it, apart from a few. Before HS 2017 nothing is known.
    """
    return [begins(reporter, edition) for edition in EDITIONS if len(hs) >= 6 and hs[:6] in breaks(edition)]


def changes(observations: pd.DataFrame) -> pd.DataFrame:
    """Codes born and codes dead with an edition, told from the data alone: reporter, flow, hs, edition, kind.

    A code is *born* when it first appears in the very month in which the reporter begins an edition, stays for at
    least half of the year that follows, and a sibling of its heading is traded before and after; *dead* likewise.
    """
    seen = observations[["reporter", "flow", "hs", "period"]].drop_duplicates()
    seen = seen[seen["hs"].str.len() >= 6]
    found = [
        {"reporter": reporter, "flow": flow, "hs": code, "edition": edition, "kind": kind}
        for (reporter, flow), part in cast("Iterator[tuple[tuple[str, str], pd.DataFrame]]", _groups(seen))
        for edition in EDITIONS
        for kind, code in _changed(part["hs"], _ordinals(part["period"]), begins(reporter, edition).ordinal)
    ]
    return pd.DataFrame(found, columns=["reporter", "flow", "hs", "edition", "kind"], dtype="str")


def notes(observations: pd.DataFrame) -> tuple[str, ...]:
    """What the changes say, a sentence for each reporter, flow, edition and kind."""
    found = changes(observations)
    return tuple(
        f"{reporter} {flow}: {len(part)} codes {HAPPENED[kind]} with {edition} in {begins(reporter, edition)} "
        f"({', '.join(part['hs'].head(_SHOWN))}{' …' if len(part) > _SHOWN else ''}); that is no shock."
        for (reporter, flow, edition, kind), part in cast(
            "Iterator[tuple[tuple[str, str, str, str], pd.DataFrame]]",
            iter(found.groupby(["reporter", "flow", "edition", "kind"])),
        )
    )


def _groups(seen: pd.DataFrame) -> Any:
    return seen.groupby(["reporter", "flow"], sort=True)


def _ordinals(periods: pd.Series[Any]) -> pd.Series[Any]:
    return periods // 100 * _YEAR + periods % 100 - 1


def _changed(codes: pd.Series[Any], months: pd.Series[Any], start: int) -> Iterator[tuple[str, str]]:
    before = (months >= start - _YEAR) & (months < start)
    after = (months >= start) & (months < start + _YEAR)
    known_before, known_after = months[before].nunique(), months[after].nunique()
    if known_before < _LEAST_BEFORE or known_after < _LEAST_AFTER:
        return
    first, last = months.groupby(codes).min(), months.groupby(codes).max()
    often_before, often_after = codes[before].value_counts(), codes[after].value_counts()
    staying = {code[:4] for code in often_before.index.intersection(often_after.index)}
    for kind, often, known, edge in (
        ("born", often_after, known_after, first == start),
        ("dead", often_before, known_before, last == start - 1),
    ):
        lasting = often.index[often * 2 >= known].intersection(edge.index[edge])
        yield from ((kind, code) for code in sorted(lasting) if code[:4] in staying)


# --- conversion --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conversion:
    """Codes of six digits carried from one edition to another."""

    edition: str  # the codes are of this edition
    into: str  # and become those of this one
    targets: Mapping[str, str]

    def target(self, hs: str) -> str | None:
        """The code in the other edition; None where there is no honest one."""
        if any(hs.startswith(heading) for heading in overrides(self.edition)):
            return None
        return self.targets.get(hs)


@cache
def overrides(edition: str) -> frozenset[str]:
    """Headings new in the edition whose goods had no heading of their own before: they are never carried back.

    UNSD's conversion gives every code exactly one target, and here the target is absurd: electronic waste becomes
    processors, display modules become telephones, drones become cameras.
    """
    return frozenset(row["heading"] for row in _packaged("hs_overrides.csv") if row["edition"] == edition)


def read_conversion(body: bytes, name: str, edition: str, into: str) -> Conversion:
    """UNSD's conversion table: a file with the columns ``from`` and ``to``. Raises UserError."""
    pairs = _pairs(body, name)
    if pairs["from"].duplicated().any():
        double = pairs["from"][pairs["from"].duplicated()].iloc[0]
        raise UserError(f"{name}: code {double} has several targets; give the conversion table, not the correlation.")
    return Conversion(edition, into, dict(zip(pairs["from"], pairs["to"], strict=True)))


def read_breaks(body: bytes, name: str) -> frozenset[str]:
    """The codes that break, from UNSD's correlation table: all that are not one to one with themselves."""
    pairs = _pairs(body, name)
    alone = ~pairs["from"].duplicated(keep=False) & ~pairs["to"].duplicated(keep=False)
    same = pairs["from"][alone & (pairs["from"] == pairs["to"])]
    return (frozenset(pairs["from"]) | frozenset(pairs["to"])) - frozenset(same)


def _pairs(body: bytes, name: str) -> pd.DataFrame:
    table = read_table(body, name)
    rows = Rows(pick(table, (Field("from"), Field("to")), Given()), table.rejects)
    pairs = pd.DataFrame({column: rows.read(column, hs_code) for column in ("from", "to")})
    if rows.rejects:
        fault = rows.rejects[0]
        raise UserError(f"{name}, line {fault.line}: {fault.value!r} is {fault.reason}. Give UNSD's table unchanged.")
    return pairs


def converted(observations: pd.DataFrame, conversion: Conversion) -> tuple[pd.DataFrame, frozenset[str]]:
    """Observations in the codes of the other edition, and the codes left behind because they have no honest target.

    Rows of other editions stay as they are. Rows that fall together are added up; amounts in different units never.
    """
    concerned = observations["hs_edition"] == conversion.edition
    codes = observations.loc[concerned, "hs"]
    targets = {code: conversion.target(code) for code in codes.unique()}
    lost = frozenset(code for code, target in targets.items() if target is None)
    kept = observations[~(concerned & observations["hs"].isin(lost))].copy()
    moved = kept["hs_edition"] == conversion.edition
    kept.loc[moved, "hs"] = kept.loc[moved, "hs"].map(targets)
    kept.loc[moved, "hs_edition"] = conversion.into
    return added_up(kept), lost


def added_up(observations: pd.DataFrame) -> pd.DataFrame:
    """One row per series and month. A quantity whose parts are in different units is dropped, not summed."""
    if not observations.duplicated(_KEY).any():
        return observations.reset_index(drop=True)
    one_unit = observations.groupby(_KEY, sort=False)["quantity_unit"].transform("nunique") == 1
    clean = observations.assign(
        quantity=observations["quantity"].where(one_unit),
        quantity_unit=observations["quantity_unit"].where(one_unit, ""),
    )
    groups = clean.groupby(_KEY, sort=False, as_index=False)
    first = groups[["quantity_unit", "hs_edition"]].first()
    table = groups[_AMOUNTS].sum(min_count=1).merge(first, on=_KEY, validate="one_to_one")
    return table[list(observations.columns)]
