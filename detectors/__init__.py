"""Detectors: what is unusual in a panel of trade, how unusual, and what it looks like.

``detect(panel)`` runs every registered detector and combines what they say. Detectors from outside register under
the entry point ``cews.detectors``; an array on items named after a shock class joins the evidence for that class.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Final

from cews.domain import ItemKey, Period
from detectors.base import Detector, Panel, Scores
from detectors.combine import Detection, combine, explain_silence
from detectors.dependence import Dependence
from detectors.exit import SupplierScreen
from detectors.learned import train_on
from detectors.levels import Rule, shipped
from detectors.ranker import Ranker
from detectors.screen import Courses, ItemScreen

__all__ = [
    "DETECTORS",
    "Detection",
    "Ranker",
    "detect",
    "explain_silence",
    "registered",
    "score",
    "screens",
    "train_on",
]

DETECTORS: Final[Mapping[str, Detector]] = {
    "screen": ItemScreen(),
    "suppliers": SupplierScreen(),
    "dependence": Dependence(),
}


def registered() -> dict[str, Detector]:
    """The built-in detectors and those of installed packages; a built-in one cannot be replaced."""
    outside: dict[str, Detector] = {entry.name: entry.load()() for entry in entry_points(group="cews.detectors")}
    return outside | dict(DETECTORS)


def screens(panel: Panel, courses: Courses | None = None) -> dict[str, Scores]:
    """What the screens see in the items and in the suppliers: most of the work of ``score``."""
    return {screen.id: screen.score(panel, courses) for screen in (ItemScreen(), SupplierScreen())}


def score(
    panel: Panel, courses: Courses | None = None, screened: Mapping[str, Scores] | None = None
) -> dict[str, Scores]:
    """What every detector sees in the panel. Most of the work of ``detect``, and it needs nothing but the panel.

    Where ``courses`` of the screens were kept, those of a panel that is only longer go on with its new months.
    ``screened`` is what ``screens`` gave where that was done elsewhere.
    """
    done = dict(screened or screens(panel, courses))
    done[Dependence.id] = Dependence().of_shares(panel, done[SupplierScreen.id].arrays["share"])
    return {name: done.get(name) or detector.score(panel) for name, detector in registered().items()}


def detect(
    panel: Panel,
    check: Mapping[ItemKey, Collection[Period]] | None = None,
    *,
    budget: float = 5.0,
    scores: Mapping[str, Scores] | None = None,
    ranker: Ranker | None = None,
    levels: Sequence[Rule] | None = None,
) -> Detection:
    """Findings for the newest published month of each item, and for the months in ``check``.

    ``budget`` is the number of new alerts a month, over all items of the panel, that quiet months may raise.
    ``scores`` are those of ``score(panel)`` where they have been made elsewhere already.
    With a ``ranker`` it tells how rare a month is, for the classes it has learned; without, the rules do.
    ``levels`` say when a month enters a level; without, they are those the program comes with.
    """
    return combine(panel, scores or score(panel), check or {}, budget, ranker, levels or shipped())
