"""The reasons of a finding as sentences with bars of their weight."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from cews.dashboard import parts
from cews.dashboard.view import View
from cews.domain import Finding, Reason
from cews.sentences import sentence


def reason_list(finding: Finding | None, view: View) -> Component:
    """The reasons of a finding, weightiest first."""
    if finding is None or not finding.reasons:
        return parts.empty(view.say("No reasons were stored with this alert."))
    ordered = sorted(finding.reasons, key=lambda reason: -reason.weight)
    heaviest = ordered[0].weight or 1.0
    return html.Ul([_reason(reason, heaviest, view) for reason in ordered], className="reasons")


def _reason(reason: Reason, heaviest: float, view: View) -> Component:
    words = html.Span(sentence(reason, view.language), className="sentence")
    if reason.weight <= 0:
        return html.Li([words])
    return html.Li([words, html.Span(f"{reason.weight:.0%}", className="weight"), parts.bar(reason.weight / heaviest)])
