"""What pages and their callbacks work with: the store, the settings, the view of the request being answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dash import ClientsideFunction, Dash, Output
from flask import g, request

from cews.dashboard.view import COOKIE, View, view_of
from cews.settings import Settings
from cews.store.engine import Engine


@dataclass(frozen=True, slots=True)
class Desk:
    """What callbacks work with: the store and the settings."""

    engine: Engine
    settings: Settings
    demo: bool = False  # the world is simulated, and only what makes sense in it can be asked for

    def view(self, search: str | None) -> View:
        """The view of the request being answered."""
        return view_of(
            search or "",
            request.cookies.get(COOKIE),
            self.settings.language,
            self.settings.time_zone,
            datetime.now(UTC),
            g.get("account"),
        )


def clientside(app: Dash, function: str, output: Output, inputs: list[Any], at_start: bool = False) -> None:
    """Bind a function of the scripts in assets/."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("cews", function), output, inputs, prevent_initial_call=not at_start
    )
