"""Findings, alerts and changes as plain records for JSON: the same shape for every program that reads us. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cews.domain import Alert, AlertChange, Finding, ItemKey, Level, Reason
from cews.sentences import sentence

Record = dict[str, Any]


def item_record(item: ItemKey) -> Record:
    return {"reporter": item.reporter, "flow": item.flow.value, "hs": item.hs}


def reason_record(reason: Reason, language: str) -> Record:
    return {
        "code": reason.code,
        "text": sentence(reason, language),
        "numbers": dict(reason.numbers),
        "weight": round(reason.weight, 4),
    }


def _level(level: Level | None) -> str | None:
    return level.slug if level is not None else None


def finding_record(finding: Finding, language: str) -> Record:
    return {
        "item": item_record(finding.item),
        "period": str(finding.period),
        "as_of": finding.as_of.isoformat(),
        "class": finding.shock.value,
        "level": finding.level.slug,
        "partner": finding.partner,
        "measure": finding.measure.value,
        "direction": finding.direction.value,
        "observed": finding.observed,
        "expected": finding.expected,
        "band95": [finding.lower, finding.upper],
        "unit": finding.unit,
        "change": finding.change,
        "p_value": finding.p_value,
        "score": finding.score,
        "probabilities": {shock.value: p for shock, p in finding.probabilities.items()},
        "history_months": finding.history_months,
        "source": finding.source,
        "simulated": finding.simulated,
        "detector": f"{finding.detector} {finding.version}",
        "reasons": [reason_record(reason, language) for reason in finding.reasons],
    }


def change_record(change: AlertChange, language: str) -> Record:
    """One line of ``cews replay --json``."""
    return {
        "as_of": change.as_of.isoformat(),
        "item": item_record(change.item),
        "period": str(change.period),
        "change": change.kind.value,
        "partner": change.partner,
        "level": _level(change.level_after),
        "level_before": _level(change.level_before),
        "class": change.shock.value,
        "simulated": change.finding.simulated if change.finding else None,
        "reasons": [reason_record(reason, language) for reason in change.reasons],
    }


def alert_record(alert: Alert, names: Mapping[ItemKey, str], language: str) -> Record:
    """One entry of ``cews alerts --json``."""
    return {
        "id": alert.id,
        "item": item_record(alert.item),
        "name": names.get(alert.item),
        "state": alert.state.value,
        "level": alert.level.slug,
        "peak_level": alert.peak_level.slug,
        "class": alert.shock.value,
        "partner": alert.partner,
        "opened": str(alert.opened_period),
        "opened_as_of": alert.opened_as_of.isoformat(),
        "last_evidence": str(alert.last_period),
        "last_as_of": alert.last_as_of.isoformat(),
        "source": alert.source,
        "simulated": alert.simulated,
        "finding": finding_record(alert.last_finding, language) if alert.last_finding else None,
    }
