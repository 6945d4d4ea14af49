"""What is said of measures, in Korean and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cews import countries, formats
from cews.i18n import text
from cews.measures import ANY, Hit, Kind, Phase, PolicyMeasure

_KINDS: Final[Mapping[Kind, str]] = {
    Kind.EXPORT_BAN: "Export ban",
    Kind.EXPORT_LICENCE: "Export licence",
    Kind.EXPORT_QUOTA: "Export quota",
    Kind.EXPORT_TAX: "Export tax",
    Kind.EXPORT_INSPECTION: "Inspection before export",
    Kind.SANCTION: "Sanction",
    Kind.IMPORT_BAN: "Import ban",
    Kind.IMPORT_TARIFF: "Import tariff",
    Kind.PRODUCTION_LIMIT: "Limit on production",
    Kind.OTHER: "Other measure",
}
_PHASES: Final[Mapping[Phase, str]] = {
    Phase.PROPOSED: "Proposed",
    Phase.COMING: "Coming",
    Phase.IN_FORCE: "In force",
    Phase.ENDED: "Ended",
    Phase.CANCELLED: "Cancelled",
}


def kind_name(kind: Kind, language: str) -> str:
    return text(_KINDS[kind], language, context="measure")


def phase_name(phase: Phase, language: str) -> str:
    return text(_PHASES[phase], language, context="measure")


def whose(measure: PolicyMeasure, language: str) -> str:
    """The supplier it is about."""
    return text("all countries", language) if measure.supplier == ANY else countries.name(measure.supplier, language)


def when(hit: Hit, language: str) -> str:
    """Where the measure stands and how far its day is: "counts from 2023-12-01, in 25 days"."""
    measure, days = hit.measure, abs(hit.days or 0)
    if hit.phase is Phase.COMING and measure.effective is None:
        return text("announced on {day}; its date is not set", language, day=measure.announced)
    if hit.phase is Phase.COMING:
        return text("counts from {day}, in {days} days", language, day=measure.effective, days=days)
    if hit.phase is Phase.IN_FORCE:
        return text("in force since {day}, for {days} days", language, day=measure.effective, days=f"{days:,}")
    if hit.phase is Phase.ENDED:
        return text("ended on {day}", language, day=measure.ended)
    return phase_name(hit.phase, language)


def line(hit: Hit, language: str, share: float | None = None) -> str:
    """A measure on an item in one line, with the supplier's share of the item where it is known."""
    return f"{hit.measure.title(language)}: {said(hit, language, share)}"


def said(hit: Hit, language: str, share: float | None = None) -> str:
    """The same without the title."""
    told = [when(hit, language)]
    if share is not None and hit.measure.supplier != ANY:
        supplier = whose(hit.measure, language)
        told.append(text("{country} supplies {share}", language, country=supplier, share=formats.share(share)))
    if hit.partly:
        told.append(text("its codes cover part of this item", language))
    if hit.measure.simulated:
        told.append(text("simulated", language, context="measure"))
    return " · ".join(told)
