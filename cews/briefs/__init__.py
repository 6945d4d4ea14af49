"""Briefs: one item, event, supplier or month on one page or at length, in Korean or English, as HTML or PDF.

``compose`` says what a brief says, as data; ``page`` and ``pdf`` lay it out. The numbers are those of the dashboard,
the exports and the interface for programs: all of them are read by the same functions, at an ``as_of``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cews.briefs import event, item, month, supplier
from cews.briefs.content import Asked, Brief, Kind, Subject
from cews.store.engine import Engine

__all__ = ["Asked", "Brief", "Kind", "Subject", "compose"]

_COMPOSED: Final[Mapping[Kind, Callable[[Engine, Subject, Asked], Brief]]] = {
    Kind.ITEM: item.compose,
    Kind.EVENT: event.compose,
    Kind.SUPPLIER: supplier.compose,
    Kind.MONTH: month.compose,
}


def compose(engine: Engine, subject: Subject, asked: Asked) -> Brief:
    """The brief about a subject. Raises UserError where nothing is known of it at ``asked.as_of``."""
    return _COMPOSED[subject.kind](engine, subject, asked)
