"""Names of states, changes, measures and models, marked for translation where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cews.accounts import Role
from cews.domain import AlertState, Level, Measure, ShockClass
from cews.handling import Outcome, Stage


def mark(message: str, *, context: str = "") -> str:
    """Marks a text for translation; it is translated where it is shown, in the same context."""
    return message


LEVELS: Final = (Level.SEVERE, Level.ALERT, Level.CAUTION, Level.ATTENTION)  # worst first, as shown

SHOCK_MEANINGS: Final[Mapping[str, str]] = {
    ShockClass.SHORTAGE: mark("Less arrives and it costs more: supply is short."),
    ShockClass.SUPPLIER_EXIT: mark("A supplier stops delivering; others cover the total for now."),
    ShockClass.PRICE_LED: mark("The price rises while quantities still hold."),
    ShockClass.FRONT_LOADING: mark("Buyers stock up ahead of a measure; a fall often follows."),
    ShockClass.EXPORT_SURGE: mark("Exports of the item jump, which can drain the home market."),
    ShockClass.DEMAND_FALL: mark("Quantity and price fall together: buyers need less."),
    ShockClass.PRICE_FALL: mark("The price falls while quantities hold."),
    ShockClass.STATISTICAL_BREAK: mark("The numbers changed because the code or the count changed, not the trade."),
    ShockClass.DEPENDENCE_RELAPSE: mark("A supplier that failed once has its share back: slow, and no shock."),
}

STATE_NAMES: Final[Mapping[str, str]] = {
    AlertState.OPEN: mark("Open", context="state"),
    AlertState.CLOSED: mark("Closed", context="state"),
    AlertState.RETRACTED: mark("Retracted", context="state"),
}

STAGE_NAMES: Final[Mapping[str, str]] = {  # how people deal with it
    Stage.NEW: mark("New", context="handling"),
    Stage.ACKNOWLEDGED: mark("Acknowledged", context="handling"),
    Stage.INVESTIGATING: mark("Investigating", context="handling"),
    "snoozed": mark("Snoozed", context="handling"),
    Stage.CLOSED: mark("Closed by hand", context="handling"),
}

OUTCOME_NAMES: Final[Mapping[str, str]] = {
    Outcome.REAL: mark("Real", context="handling"),
    Outcome.FALSE_ALARM: mark("False alarm", context="handling"),
    Outcome.KNOWN: mark("Known before", context="handling"),
    Outcome.DATA_ERROR: mark("Data error", context="handling"),
}

MEASURE_NAMES: Final[Mapping[str, str]] = {
    Measure.QUANTITY: mark("Quantity"),
    Measure.VALUE: mark("Value"),
    Measure.UNIT_VALUE: mark("Unit value"),
    Measure.DEPENDENCE: mark("Top supplier's share"),
}

ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.VIEWER: mark("Viewer"),
    Role.ANALYST: mark("Analyst"),
    Role.MANAGER: mark("Manager"),
    Role.ADMIN: mark("Admin"),
}
ROLE_MEANINGS: Final[Mapping[Role, str]] = {
    Role.VIEWER: mark("Looks at everything"),
    Role.ANALYST: mark("Works on alerts"),
    Role.MANAGER: mark("Decides who is told what, and which data counts"),
    Role.ADMIN: mark("Decides who may come in"),
}

MODEL_NAMES: Final[Mapping[str, str]] = {
    "screen": mark("Screen"),
    "bank": mark("Combined"),
    "ets": "ETS",
    "prophet": "Prophet",
    "seasonal_naive": mark("Year before"),
}
