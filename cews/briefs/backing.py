"""What a brief rests on: releases with their checksums, the method, and what it cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cews import formats
from cews.briefs.content import Asked, Cell, Grid, Section, count
from cews.domain import Finding
from cews.store.prices import PriceSeries
from cews.store.provenance import Origin
from cews.store.queries import ForecastLine
from ingest import simulated, sources

SHORT: Final = 2  # releases told of in a short brief
LONG: Final = 40
DIGEST: Final = 12  # characters of a checksum shown in a short brief


@dataclass(frozen=True, slots=True)
class Ground:
    """Findings and forecast are those whose numbers the brief tells."""

    origins: Sequence[Origin]
    simulated: bool
    findings: Sequence[Finding] = ()
    forecast: ForecastLine | None = None
    price: PriceSeries | None = None
    limits: Sequence[str] = ()


def sections(ground: Ground, asked: Asked) -> Iterator[Section]:
    """Sources, method and limits; in a short brief as one small section."""
    named, releases = _sources(ground, asked), _releases(ground.origins, asked)
    method, limits = list(_method(ground, asked)), list(_limits(ground, asked))
    if asked.long:
        yield Section(asked.say("Sources"), named, [releases] if releases.rows else [], small=True)
        yield Section(asked.say("Method"), method, small=True)
        yield Section(asked.say("Limits", context="brief"), limits, small=True)
    else:
        told = [" ".join(points) for points in ([*named, *_told(ground.origins, asked)], method, limits)]
        yield Section(asked.say("Sources, method and limits"), told, small=True)


def _sources(ground: Ground, asked: Asked) -> list[str]:
    """Who published the numbers, and on what terms."""
    ids = list(dict.fromkeys(origin.source for origin in ground.origins))
    if ground.price is not None and ground.price.source not in ids:
        ids.append(ground.price.source)
    known = {**sources(), **{one.id: one for one in simulated.SOURCES}}
    named = [f"{known[one].name} ({known[one].licence})" if one in known else one for one in ids]
    return [asked.say("Source: {names}.", names="; ".join(named) or formats.UNKNOWN)]


def _told(origins: Sequence[Origin], asked: Asked) -> Iterator[str]:
    for one in origins[:SHORT]:
        yield asked.say(
            "Release: {label} (read on {day}, sha256 {digest}…).",
            label=one.label,
            day=asked.day(one.released_at),
            digest=one.sha256[:DIGEST],
        )
    if len(origins) > SHORT:
        yield asked.say("{number} earlier releases are listed in the long form.", number=len(origins) - SHORT)


def _releases(origins: Sequence[Origin], asked: Asked) -> Grid:
    rows: list[list[Cell]] = [
        [one.source, one.label, asked.day(one.released_at), count(one.rows), one.sha256] for one in origins[:LONG]
    ]
    headings = [
        asked.say("Source"),
        asked.say("Release"),
        asked.say("Read on"),
        asked.say("Numbers"),
        asked.say("Checksum (sha256)"),
    ]
    more = len(origins) - LONG
    note = asked.say("{number} further releases are not listed.", number=more) if more > 0 else ""
    return Grid("releases", headings, rows, (3,), note)


def _method(ground: Ground, asked: Asked) -> Iterator[str]:
    versions = sorted({f"{one.detector} {one.version}" for one in ground.findings})
    if versions:
        yield asked.say(
            "Found by {detectors}: each month is compared with what earlier months of the same item lead to; how rare "
            "a figure is was counted on comparable past figures.",
            detectors=", ".join(versions),
        )
    if ground.forecast is not None:
        yield asked.say(
            "Expectation and 95 % band: model {model}, fitted to what was known on {day}.",
            model=asked.say(_MODELS.get(ground.forecast.model, ground.forecast.model)),
            day=asked.day(ground.forecast.as_of),
        )
    yield asked.say("Dependence is the largest supplier's share over twelve months; HHI is the sum of squared shares.")


_MODELS: Final = {"screen": "Screen", "bank": "Combined", "seasonal_naive": "Year before"}


def _limits(ground: Ground, asked: Asked) -> Iterator[str]:
    if ground.simulated:
        yield asked.say("Simulated data: no statement about real trade.")
    if any(origin.presumed for origin in ground.origins):
        yield asked.say("When older months became known is taken from the source's publication calendar.")
    yield asked.say("Customs figures are provisional and may be revised; newer months are not published yet.")
    yield from ground.limits
