"""The life of an alert as a pure function: one alert per item and episode, raised at once, lowered with patience.

``step`` folds one newly published month into the item's alert; ``reexamine`` looks again at the months an
alert rests on when the data may have been revised. Both only decide an :class:`AlertChange`; ``apply`` turns
a change into the next state, so an alert is exactly the fold of its changes and a stored history rebuilds it
as it was known at any moment.

No database, clock or settings: ``as_of`` is passed in. The rules in words are ``RULES`` and docs/methods/alerts.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Final

from cews.domain import (
    SLOW,
    Alert,
    AlertChange,
    AlertState,
    ChangeKind,
    Finding,
    Flow,
    Level,
    Period,
    Reason,
    ShockClass,
    UserError,
)


@dataclass(frozen=True, slots=True)
class LevelRule:
    """A level in words: when it is entered, when it is left, and what Korean practice does at it.

    The English texts are message ids; ``{stay}`` and ``{close_after}`` are the numbers of the policy.
    """

    enters: str
    leaves: str
    action: str


_STEPS_DOWN: Final = (
    "Steps down after {stay} published months in a row with weaker or no evidence, "
    "or at once when a revision weakens the evidence it rests on."
)

RULES: Final[Mapping[Level, LevelRule]] = {
    Level.ATTENTION: LevelRule(
        "Entered when one published month shows weak signs, or when a higher level steps down without new evidence.",
        "Closes after {close_after} published months in a row without any evidence.",
        "Monitoring: follow prices and supplier news, and check the next monthly figures.",
    ),
    Level.CAUTION: LevelRule(
        "Entered at once when one published month shows a clear threat to supply.",
        _STEPS_DOWN,
        "In-depth analysis: ask importers about stocks and orders, and establish the cause.",
    ),
    Level.ALERT: LevelRule(
        "Entered at once when one published month shows a serious break in supply.",
        _STEPS_DOWN,
        "Pre-emptive measures: secure alternative suppliers, and prepare stock release and tariff quotas.",
    ),
    Level.SEVERE: LevelRule(
        "Entered at once when one published month shows that supply is failing.",
        _STEPS_DOWN,
        "Joint response: convene the ministries concerned, release stocks, and support emergency imports.",
    ),
}


_EXPORT_ACTIONS: Final[Mapping[Level, str]] = {
    Level.ATTENTION: "Monitoring: follow orders and news of the markets, and check the next monthly figures.",
    Level.CAUTION: "In-depth analysis: ask exporters for the cause, and check whether supply at home is touched.",
    Level.ALERT: "Pre-emptive measures: prepare support for exporters, and for supply at home where it runs short.",
    Level.SEVERE: "Joint response: convene the ministries concerned, support exporters, and secure supply at home.",
}


RELAPSE: Final = LevelRule(
    "Raised while a watched import rests again on a supplier that failed it once, for a year at most.",
    "Closes after {close_after} published months in a row without it.",
    "Prevention: look for a second supplier and review stocks before the next stop; nothing has failed yet.",
)


def entered(level: Level, shock: ShockClass) -> str:
    """When a level is entered, as a message id."""
    return RELAPSE.enters if shock in SLOW else RULES[level].enters


def action(level: Level, flow: Flow, shock: ShockClass | None = None) -> str:
    """What practice does at a level, as a message id. Nobody releases stocks because exports have moved, or because a
    share has risen."""
    if shock in SLOW:
        return RELAPSE.action
    return RULES[level].action if flow is Flow.IMPORT else _EXPORT_ACTIONS[level]


@dataclass(frozen=True, slots=True)
class Policy:
    """How long an alert stays. Months are published months; a month without publication never counts."""

    stay: int = 2  # months of weaker evidence before a level is left downwards
    close_after: int = 3  # months without any evidence at the lowest level before the alert closes
    stays: tuple[tuple[Level, int], ...] = ()  # another stay at some levels

    def stay_at(self, level: Level) -> int:
        return dict(self.stays).get(level, self.stay)

    def __post_init__(self) -> None:
        for name in ("stay", "close_after"):
            if getattr(self, name) < 1:
                raise UserError(f"the alert policy's {name} is {getattr(self, name)}; it must be at least 1 month")


RETOLD: Final = 0.02  # a revision of the observed figure by less than this share does not retell the alert
STANDS: Final = 0.005  # revised by less than this share a figure of three digits reads the same: it stands

Outcome = tuple[Alert | None, AlertChange | None]


def step(alert: Alert | None, finding: Finding | None, policy: Policy, period: Period, as_of: datetime) -> Outcome:
    """Fold one published month into the item's alert: the alert after it, and what changed (None = nothing).

    ``finding`` is what the month shows, None when it shows nothing. A month counts once: a month not newer
    than the newest one folded in changes nothing here, looking at it again is the work of ``reexamine``.
    """
    if finding is not None and finding.period != period:
        raise ValueError(f"a finding of {finding.period} cannot stand for {period}")
    if alert is None or alert.state is not AlertState.OPEN:
        change = _opened(finding, as_of) if finding is not None else None
        return (apply(None, change), change) if change is not None else (alert, None)
    if period <= alert.examined:
        return alert, None
    change = _silence(alert, policy, period, as_of) if finding is None else _evidence(alert, finding, policy, as_of)
    return apply(alert, change), change


def reexamine(
    alert: Alert, findings: Iterable[Finding], as_of: datetime, observed: float | None = None
) -> tuple[Alert, AlertChange | None]:
    """Look again at the months an open alert has seen, with what is known at ``as_of``.

    ``findings`` is everything these months show now; ``observed`` is what the month of the newest evidence
    measures now (None = no longer known). No finding left retracts the alert. A level no month supports any
    more is lowered at once; a month that now shows more raises at once. Saying the same again changes nothing.
    """
    before = alert.last_finding
    if alert.state is not AlertState.OPEN or before is None:
        return alert, None
    seen = sorted((f for f in findings if f.period <= alert.examined), key=lambda f: f.period)
    if not seen:
        change = _without_evidence(alert, ChangeKind.RETRACTED, before.period, as_of, None, _revision(before, observed))
    else:
        revised = _revised(alert, before, seen, as_of, observed)
        if revised is None:
            return alert, None
        change = revised
    return apply(alert, change), change


def apply(alert: Alert | None, change: AlertChange) -> Alert:
    """The alert after a change. The first change of an alert is OPENED and needs no alert before it."""
    if change.kind is ChangeKind.OPENED:
        return _new(change)
    if alert is None:
        raise ValueError(f"an alert on {change.item} cannot start with {change.kind.value}")
    level = change.level_after or alert.level
    return replace(
        alert,
        state=_STATE_AFTER.get(change.kind, AlertState.OPEN),
        level=level,
        shock=change.shock,
        partner=change.partner,
        last_period=change.finding.period if change.finding else alert.last_period,
        examined=max(alert.examined, change.period),
        last_as_of=max(alert.last_as_of, change.as_of),
        peak_level=max(alert.peak_level, level),
        quiet_months=_quiet_after(alert, change),
        last_finding=change.finding or alert.last_finding,
        version=alert.version + 1,
    )


def rebuild(changes: Sequence[AlertChange]) -> Alert | None:
    """The alert after its changes, oldest first; None when there are none."""
    return reduce(apply, changes, None)


_STATE_AFTER: Final = {ChangeKind.CLOSED: AlertState.CLOSED, ChangeKind.RETRACTED: AlertState.RETRACTED}


def _new(change: AlertChange) -> Alert:
    finding = change.finding
    if finding is None or change.level_after is None:
        raise ValueError(f"an alert on {change.item} cannot open without a finding")
    return Alert(
        id=None,
        item=change.item,
        state=AlertState.OPEN,
        level=change.level_after,
        shock=change.shock,
        partner=change.partner,
        opened_period=change.period,
        opened_as_of=change.as_of,
        last_period=change.period,
        examined=change.period,
        last_as_of=change.as_of,
        peak_level=change.level_after,
        quiet_months=0,
        source=finding.source,
        simulated=finding.simulated,
        last_finding=finding,
    )


def _opened(finding: Finding, as_of: datetime) -> AlertChange:
    return AlertChange(
        item=finding.item,
        kind=ChangeKind.OPENED,
        as_of=as_of,
        period=finding.period,
        level_before=None,
        level_after=finding.level,
        shock=finding.shock,
        partner=finding.partner,
        finding=finding,
        reasons=finding.reasons,
    )


def _evidence(alert: Alert, finding: Finding, policy: Policy, as_of: datetime) -> AlertChange:
    """A new month with evidence."""
    kind, level = ChangeKind.CONTINUED, alert.level
    if finding.level > alert.level:
        kind, level = ChangeKind.RAISED, finding.level
    elif finding.level < alert.level and alert.quiet_months + 1 >= policy.stay_at(alert.level):
        kind, level = ChangeKind.LOWERED, finding.level
    elif finding.level == alert.level and finding.shock is not alert.shock:
        kind = ChangeKind.RECLASSIFIED
    return _resting_on(finding, alert, kind, level, as_of, finding.reasons)


def _silence(alert: Alert, policy: Policy, period: Period, as_of: datetime) -> AlertChange:
    """A new month without evidence: an alert steps down to the lowest level before it closes."""
    lowest = alert.level is Level.ATTENTION
    months, needed = alert.quiet_months + 1, policy.close_after if lowest else policy.stay_at(alert.level)
    reason = Reason("quiet", {"period": str(period), "months": float(months), "needed": float(needed)})
    if months < needed:
        return _without_evidence(alert, ChangeKind.CONTINUED, period, as_of, alert.level, reason)
    if lowest:
        return _without_evidence(alert, ChangeKind.CLOSED, period, as_of, None, reason)
    return _without_evidence(alert, ChangeKind.LOWERED, period, as_of, Level.ATTENTION, reason)


def _revised(
    alert: Alert, before: Finding, seen: Sequence[Finding], as_of: datetime, observed: float | None
) -> AlertChange | None:
    """What a second look at the months changes; ``seen`` is what they show now, oldest first, never empty."""
    newest, supported = seen[-1], max(f.level for f in seen)
    if newest.level > alert.level and (newest.period > before.period or newest.level > before.level):
        return _resting_on(newest, alert, ChangeKind.RAISED, newest.level, as_of, newest.reasons)
    if supported >= alert.level and _says_the_same(newest, before):
        return None
    reasons = newest.reasons
    if newest.period < before.period:
        reasons = (_revision(before, observed), *reasons)
    elif newest.period == before.period and newest.level < before.level:
        reasons = (_revision(before, newest.observed), *reasons)
    kind = ChangeKind.LOWERED if supported < alert.level else ChangeKind.CONTINUED
    return _resting_on(newest, alert, kind, min(supported, alert.level), as_of, reasons)


def _resting_on(
    finding: Finding, alert: Alert, kind: ChangeKind, level: Level, as_of: datetime, reasons: tuple[Reason, ...]
) -> AlertChange:
    """A change that rests on a finding. Evidence weaker than the level does not retell the alert's story."""
    story: Finding | Alert = finding if finding.level >= level else alert
    return AlertChange(
        item=alert.item,
        kind=kind,
        as_of=as_of,
        period=finding.period,
        level_before=alert.level,
        level_after=level,
        shock=story.shock,
        partner=story.partner,
        finding=finding,
        reasons=reasons,
    )


def _without_evidence(
    alert: Alert, kind: ChangeKind, period: Period, as_of: datetime, level: Level | None, reason: Reason
) -> AlertChange:
    return AlertChange(
        item=alert.item,
        kind=kind,
        as_of=as_of,
        period=period,
        level_before=alert.level,
        level_after=level,
        shock=alert.shock,
        partner=alert.partner,
        finding=None,
        reasons=(reason,),
    )


def _quiet_after(alert: Alert, change: AlertChange) -> int:
    """Consecutive published months without evidence at the level the alert has after the change."""
    if change.period < alert.examined or change.kind is ChangeKind.RETRACTED:
        return alert.quiet_months
    supported = change.finding is not None and change.finding.level >= (change.level_after or alert.level)
    if supported:
        return 0
    if change.kind is ChangeKind.LOWERED:
        return 1
    return alert.quiet_months + 1 if change.period > alert.examined else max(alert.quiet_months, 1)


def _revision(before: Finding, observed: float | None) -> Reason:
    """Why evidence is gone: its own month was revised, or what it is compared with."""
    if observed is not None and math.isclose(observed, before.observed, rel_tol=STANDS):
        return Reason("reassessed", {"period": str(before.period), "observed": observed, "unit": before.unit}, 1.0)
    return Reason(
        "revised_away",
        {"period": str(before.period), "before": before.observed, "after": observed, "unit": before.unit},
        1.0,
    )


def _says_the_same(one: Finding, other: Finding) -> bool:
    return (one.period, one.level, one.shock, one.partner, one.measure) == (
        other.period,
        other.level,
        other.shock,
        other.partner,
        other.measure,
    ) and math.isclose(one.observed, other.observed, rel_tol=RETOLD)
