"""Use case: codes of the HS over its editions: what one became, and observations carried into one edition."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, cast

import pandas as pd

from cews.domain import Period, UserError
from cews.store import editions, names, observations
from cews.store.engine import Engine, reading
from ingest import hs
from ingest.base import Batch
from ingest.code_breaks import Codes
from ingest.files import coverage

_SHOWN: Final = 8


# --- carrying over -----------------------------------------------------------------------------------


def carried(engine: Engine, batch: Batch, into: str) -> tuple[Batch, tuple[str, ...]]:
    """The batch in the codes of one edition, and what to tell. Raises UserError where that cannot be done."""
    with reading(engine) as cx:
        tables = editions.targets(cx, into)
    if not tables:
        raise UserError(
            f"no table leads to {into}; load UNSD's conversion table first: "
            f"cews hs load FILE --edition EDITION --into {into}"
        )
    if batch.known_from is not None:
        raise UserError("rows that carry their own known_from cannot be carried into another edition; leave it out.")
    table, notes = batch.observations, list[str]()
    for edition, targets in sorted(tables.items()):
        table, lost = hs.converted(table, hs.Conversion(edition, into, targets))
        if lost:
            notes.append(
                f"{len(lost)} codes of {edition} have no honest place in {into} and are left out: {_some(lost)}"
            )
    for edition in sorted(set(table["hs_edition"]) - {into}):
        codes = table.loc[table["hs_edition"] == edition, "hs"].unique()
        told = f"of {edition}, from which no table leads to {into}," if edition else "of no stated edition"
        notes.append(f"{len(codes)} codes {told} stay as they are: {_some(codes)}")
    return replace(batch, observations=table, coverage=tuple(coverage(table)), names={}), tuple(notes)


def _some(codes: Collection[str]) -> str:
    return ", ".join(sorted(codes)[:_SHOWN]) + (" …" if len(codes) > _SHOWN else "")


# --- what is known of a code -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """What a code becomes in another edition; ``target`` is None where it has no honest place there."""

    edition: str
    hs: str
    into: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Presence:
    """From when to when a source has trade under a code."""

    source: str
    reporter: str
    flow: str
    hs: str
    first: str  # YYYY-MM
    last: str
    changes: tuple[str, ...]  # "begins with H6": told from the data alone
    breaks: tuple[str, ...]  # months not comparable with those before, by the tables


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """Everything held about a code."""

    hs: str
    names: Mapping[str, str]  # language → name
    changed_by: tuple[str, ...]  # editions in which it means something else than in the one before
    known_in: tuple[str, ...]  # editions that have it, by the tables loaded
    becomes: tuple[Link, ...]
    comes_from: tuple[Link, ...]
    tables: tuple[str, ...]  # loaded: "H6 → H5"
    traded: tuple[Presence, ...]  # under it and the codes below it

    def record(self) -> dict[str, Any]:
        return asdict(self)


def about(engine: Engine, code: str) -> CodeFacts:
    """What the store and the packaged tables know of a code. Raises UserError when it is none."""
    if not re.fullmatch("([0-9]{2}){1,5}", code):
        raise UserError(f"{code!r} is not an HS code; give 2, 4, 6, 8 or 10 digits, for instance 854142.")
    with reading(engine) as cx:
        named = names.get(cx)
        links, tables = editions.links(cx, code[:6]), editions.tables(cx)
        codes = Codes(loaded=editions.breaks(cx))
        months = observations.months_of_heading(cx, code[:4])
    from_it = [link for link in links if link[1] == code[:6]]
    to_it = [link for link in links if link[3] == code[:6]]
    changed = tuple(edition for edition in hs.EDITIONS if len(code) >= 6 and code[:6] in codes.changed(edition))
    return CodeFacts(
        hs=code,
        names={language: name for (of, language), name in sorted(named.items()) if of == code},
        changed_by=changed,
        known_in=tuple(sorted({link[0] for link in from_it} | {link[2] for link in to_it})),
        becomes=tuple(_link(*link) for link in from_it),
        comes_from=tuple(link for link in (_link(*each) for each in to_it) if link.target and link.hs != link.target),
        tables=tuple(f"{edition} → {into}" for edition, into in tables),
        traded=tuple(_presences(months, code, changed)),
    )


def _link(edition: str, code: str, into: str, target: str) -> Link:
    return Link(edition, code, into, hs.Conversion(edition, into, {code: target}).target(code))


def _presences(months: pd.DataFrame, code: str, changed: tuple[str, ...]) -> Iterator[Presence]:
    for source, part in cast("Iterator[tuple[str, pd.DataFrame]]", iter(months.groupby("source"))):
        told = defaultdict[tuple[str, str, str], list[str]](list)
        for reporter, flow, of, edition, kind in hs.changes(part).itertuples(index=False, name=None):
            told[reporter, flow, of].append(f"{hs.HAPPENED[kind]}s with {edition}")
        spans = part[part["hs"].str.startswith(code)].groupby(["reporter", "flow", "hs"])["period"].agg(["min", "max"])
        for (reporter, flow, of), first, last in spans.itertuples(name=None):
            breaks = sorted(hs.begins(reporter, edition).yyyymm for edition in changed)
            yield Presence(
                *(source, reporter, flow, of),
                first=str(Period.from_yyyymm(first)),
                last=str(Period.from_yyyymm(last)),
                changes=tuple(told[reporter, flow, of]),
                breaks=tuple(str(Period.from_yyyymm(month)) for month in breaks if first < month <= last),
            )
