"""Pages: functions of an open connection and a view. One file each."""

from __future__ import annotations

from dataclasses import dataclass

from dash.development.base_component import Component


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows. ``section`` is the entry of the navigation it belongs to.

    ``simulated`` says whether a row shown is simulated; None = it shows whatever the store holds.
    """

    title: str
    section: str
    body: Component
    simulated: bool | None = None


def item_path(reporter: str, flow: str, hs: str) -> str:
    return f"/items/{reporter}/{flow}/{hs}"


def supplier_path(partner: str) -> str:
    return f"/suppliers/{partner}"


def event_path(number: int) -> str:
    return f"/events/{number}"


def brief_path(kind: str, key: str) -> str:
    return f"/briefs/{kind}/{key}"


def measure_path(key: str) -> str:
    return f"/measures/{key}"
