"""A change that a reader asks for on a page: which button was pressed, and what became of it in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dash import ctx, html
from dash.development.base_component import Component

from cews import i18n
from cews.dashboard import parts
from cews.dashboard.view import View
from cews.domain import CewsError, UserError


def pressed() -> Any:
    """Id of what was pressed; None where it has just appeared."""
    return ctx.triggered_id if ctx.triggered and ctx.triggered[0]["value"] else None


def told(change: Callable[[], str], view: View, context: str) -> Component:
    """Make the change, and tell what it says of itself or why it was refused. ``context``: of the words of refusals."""
    try:
        return parts.said(change(), done=True)
    except UserError as error:
        return trouble(error, view, context)


def trouble(error: CewsError, view: View, context: str) -> Component:
    """Why something was refused, in the reader's language."""
    return parts.said(i18n.retold(str(error), view.language, context=context), done=False)


def choices(kind: str, number: int, about: object, acts: Iterable[tuple[str, str]]) -> Component:
    """Buttons that decide on one of many: the act of each and its words; accepting stands out."""
    return html.Div(
        [
            html.Button(
                words,
                id={"type": kind, "act": act, "number": number},
                className="button primary" if act == "accept" else "button",
                **parts.aria(label=f"{words}: {about}"),
            )
            for act, words in acts
        ],
        className="actions",
    )
