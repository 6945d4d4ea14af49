"""Findings, alerts and their history in the store.

Every change is written with the version it makes; it lands only on the version before it, so two writers
never overwrite each other in silence. An alert as it was known at some moment is rebuilt from its changes
(``cews.alerts.rebuild``); the table ``alert`` holds the present state alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, null, or_, select, update
from sqlalchemy.exc import IntegrityError

from cews.alerts import apply, rebuild
from cews.domain import (
    ALL_CODES,
    SLOW,
    Alert,
    AlertChange,
    AlertState,
    ChangeKind,
    Direction,
    Finding,
    Flow,
    ItemKey,
    Level,
    Measure,
    Period,
    Reason,
    ShockClass,
    StoreError,
    Stream,
)
from cews.store import schema
from cews.store.bulk import chunks

Json = dict[str, Any]


# --- writing -----------------------------------------------------------------------------------------


def record_scan(
    cx: Connection,
    *,
    as_of: datetime,
    started_at: datetime,
    finished_at: datetime,
    newest_period: Period | None,
    looked: Mapping[Stream, Period] | None = None,
    items: int,
    series: int,
    detectors: Mapping[str, str],
    expected_false_alarms: float | None = None,
) -> int:
    """Write one scan; ``detectors`` maps id to version. Returns its number."""
    row = insert(schema.scan).values(
        as_of=as_of,
        started_at=started_at,
        finished_at=finished_at,
        newest_period=newest_period.yyyymm if newest_period else None,
        newest_of=null() if looked is None else {" ".join(one): month.yyyymm for one, month in looked.items()},
        items=items,
        series=series,
        detectors=dict(detectors),
        expected_false_alarms=expected_false_alarms,
    )
    return int(cx.execute(row.returning(schema.scan.c.id)).scalar_one())


def save_findings(
    cx: Connection, scan_id: int, findings: Sequence[Finding], confirmed: Callable[[Finding], bool | None] | None = None
) -> list[int]:
    """Write the findings of a scan, and which are ``confirmed``; returns their numbers in the same order."""
    if not findings:
        return []
    sure = confirmed or (lambda _: None)
    rows = [{"scan_id": scan_id, "confirmed": sure(finding), **finding_row(finding)} for finding in findings]
    written = cx.execute(insert(schema.finding).returning(schema.finding.c.id, sort_by_parameter_order=True), rows)
    return [int(number) for number in written.scalars()]


def save_change(
    cx: Connection, alert: Alert, change: AlertChange, finding_id: int | None, now: datetime
) -> tuple[int, int]:
    """Write a change and ``alert``, the state after it. Returns the numbers of the alert and of the change.

    Raises StoreError when somebody else changed the alert, or opened one on the same item, meanwhile.
    """
    if change.kind is ChangeKind.OPENED:
        alert_id, evidence_id = _open(cx, alert, finding_id), finding_id
    else:
        alert_id, evidence_id = _advance(cx, alert, finding_id)
        cx.execute(_SUPERSEDED, {"alert": alert_id, "before": alert.version - 1, "now": change.as_of})
    row = {
        "alert_id": alert_id,
        "kind": change.kind.value,
        "as_of": change.as_of,
        "recorded_at": now,
        "period": change.period.yyyymm,
        "level_before": _level_number(change.level_before),
        "level_after": _level_number(change.level_after),
        "peak_level": int(alert.peak_level),
        "shock": change.shock.value,
        "partner": change.partner,
        "finding_id": finding_id,
        "evidence_id": evidence_id,
        "reasons": reasons_json(change.reasons),
        "version": alert.version,
    }
    return alert_id, int(cx.execute(_NEW_CHANGE, row).scalar_one())


# Made once: a storm writes thousands, and most of the time would go into making the statement.
_NEW_CHANGE: Final = insert(schema.alert_change).returning(schema.alert_change.c.id)
_NEW_ALERT: Final = insert(schema.alert).returning(schema.alert.c.id)
_SUPERSEDED: Final = (
    update(schema.alert_change)
    .where(schema.alert_change.c.alert_id == bindparam("alert"), schema.alert_change.c.version == bindparam("before"))
    .values(superseded_as_of=bindparam("now", type_=schema.alert_change.c.as_of.type))
)


def _open(cx: Connection, alert: Alert, finding_id: int | None) -> int:
    item = alert.item
    row = _present(alert, finding_id) | {
        "reporter": item.reporter,
        "flow": item.flow.value,
        "hs": item.hs,
        "opened_period": alert.opened_period.yyyymm,
        "opened_as_of": alert.opened_as_of,
        "source": alert.source,
        "simulated": alert.simulated,
    }
    try:
        with cx.begin_nested():
            return int(cx.execute(_NEW_ALERT, row).scalar_one())
    except IntegrityError as error:
        raise StoreError(f"an alert on {item} is already open; somebody else opened it. Scan again.") from error


def _advance(cx: Connection, alert: Alert, finding_id: int | None) -> tuple[int, int | None]:
    """Move the item's open alert from the version before to this one; gives its number and its newest finding."""
    table = schema.alert
    row = (
        update(table)
        .where(*_of_item(table, alert.item), table.c.state == AlertState.OPEN.value, _of_kind(alert.shock in SLOW))
        .where(table.c.version == alert.version - 1)
        .values(**_present(alert, finding_id))
        .returning(table.c.id, table.c.last_finding_id)
    )
    moved = cx.execute(row).all()
    if len(moved) != 1 or alert.id not in (None, moved[0].id):
        raise StoreError(f"the alert on {alert.item} was changed by somebody else meanwhile. Scan again.")
    return int(moved[0].id), moved[0].last_finding_id


def _present(alert: Alert, finding_id: int | None) -> Json:
    """The columns that change; a month without evidence keeps the finding of the newest one that had some."""
    evidence = {} if finding_id is None else {"last_finding_id": finding_id}
    return evidence | {
        "state": alert.state.value,
        "level": int(alert.level),
        "peak_level": int(alert.peak_level),
        "shock": alert.shock.value,
        "partner": alert.partner,
        "last_period": alert.last_period.yyyymm,
        "last_as_of": alert.last_as_of,
        "quiet_months": alert.quiet_months,
        "version": alert.version,
    }


# --- reading -----------------------------------------------------------------------------------------


def open_alerts(cx: Connection, *, slow: bool = False) -> dict[ItemKey, Alert]:
    """The alerts open at present, by item: those of shocks, or the slow ones."""
    open_now = select(schema.alert.c.id).where(schema.alert.c.state == AlertState.OPEN.value, _of_kind(slow))
    return {alert.item: alert for alert in _rebuilt(cx, schema.alert.c.id.in_(open_now))}


def alerts(cx: Connection, as_of: datetime, states: Collection[AlertState] | None = None) -> list[Alert]:
    """Every alert opened by ``as_of``, in the state known then; ``states`` keeps some (None = all)."""
    known = _rebuilt(cx, schema.alert_change.c.as_of <= as_of)
    return [alert for alert in known if states is None or alert.state in states]


def changes(cx: Connection, alert_id: int, until: datetime) -> list[AlertChange]:
    """The history of an alert as known at ``until``, oldest first."""
    table = schema.alert_change
    return [_change_of(row) for row in cx.execute(_history(table.c.alert_id == alert_id, table.c.as_of <= until))]


def after(cx: Connection, change_ids: Collection[int]) -> dict[int, tuple[Alert, AlertChange]]:
    """By number of the change: the alert as the change left it, and the change."""
    table = schema.alert_change
    found: dict[int, tuple[Alert, AlertChange]] = {}
    for part in chunks(sorted(change_ids)):
        wanted = set(part)
        ids = select(table.c.alert_id).where(table.c.id.in_(part))
        for number, rows in groupby(cx.execute(_history(table.c.alert_id.in_(ids))), _alert_id):
            alert: Alert | None = None
            for row in rows:
                change = _change_of(row)
                alert = apply(alert, change)
                if row.change_id in wanted:
                    found[row.change_id] = (replace(alert, id=number), change)
    return found


def changes_until(cx: Connection, until: datetime) -> list[int]:
    """The numbers of all changes knowable by then, in the order they were written."""
    table = schema.alert_change
    return list(cx.execute(select(table.c.id).where(table.c.as_of <= until).order_by(table.c.id)).scalars())


def changes_of_month(cx: Connection, period: Period, until: datetime) -> list[int]:
    """The numbers of the changes about a month of trade knowable by then, in the order they were written."""
    table = schema.alert_change
    mine = select(table.c.id).where(table.c.period == period.yyyymm, table.c.as_of <= until)
    return list(cx.execute(mine.order_by(table.c.id)).scalars())


def count_changes_until(cx: Connection, until: datetime) -> int:
    """How many changes were knowable by then."""
    table = schema.alert_change
    return int(cx.execute(select(func.count()).where(table.c.as_of <= until)).scalar_one())


def newest_changes(cx: Connection, alert_ids: Collection[int]) -> dict[int, int]:
    """The number of the newest change of each alert."""
    table = schema.alert_change
    found: dict[int, int] = {}
    for part in chunks(sorted(alert_ids)):
        rows = select(table.c.alert_id, func.max(table.c.id)).where(table.c.alert_id.in_(part))
        found |= {row[0]: row[1] for row in cx.execute(rows.group_by(table.c.alert_id))}
    return found


def level(cx: Connection, alert_id: int) -> Level:
    """The present level of an alert; where it has ended, its last one."""
    return Level(cx.execute(select(schema.alert.c.level).where(schema.alert.c.id == alert_id)).scalar_one())


def open_levels(cx: Connection) -> dict[ItemKey, tuple[int, Level]]:
    """Number and level of the alerts of shocks open at present, by item."""
    table = schema.alert
    rows = select(table.c.id, table.c.reporter, table.c.flow, table.c.hs, table.c.level)
    return {
        ItemKey(row.reporter, Flow(row.flow), row.hs): (row.id, Level(row.level))
        for row in cx.execute(rows.where(table.c.state == AlertState.OPEN.value, _of_kind(slow=False)))
    }


def item_changes(cx: Connection, item: ItemKey, as_of: datetime) -> list[AlertChange]:
    """The changes of all the item's alerts known at ``as_of``, oldest first."""
    rows = _history(*_of_item(schema.alert, item), schema.alert_change.c.as_of <= as_of)
    return [_change_of(row) for row in cx.execute(rows)]


def finding(cx: Connection, number: int) -> Finding:
    """One finding by its number. Raises StoreError when there is none."""
    row = cx.execute(select(*finding_columns()).where(schema.finding.c.id == number)).first()
    if row is None:
        raise StoreError(f"there is no finding {number}")
    return finding_of(row)


def findings(cx: Connection, as_of: datetime, item: ItemKey | None = None) -> list[Finding]:
    """Every finding stated by ``as_of``, of one item or of all, oldest first."""
    table = schema.finding
    rows = select(*finding_columns()).where(table.c.as_of <= as_of).order_by(table.c.as_of, table.c.id)
    if item is not None:
        rows = rows.where(*_of_item(table, item))
    return [finding_of(row) for row in cx.execute(rows)]


def state_then(as_of: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The change of each alert that was its newest at ``as_of``: the state it was in."""
    table = schema.alert_change
    return table.c.as_of <= as_of, or_(table.c.superseded_as_of.is_(None), table.c.superseded_as_of > as_of)


def scanned(cx: Connection) -> dict[Stream, Period]:
    """How far any scan has looked."""
    found: dict[Stream, Period] = {}
    told = select(schema.scan.c.newest_of).where(schema.scan.c.newest_of.is_not(None))
    for newest_of in cx.execute(told).scalars():
        for words, month in newest_of.items():
            source, reporter, flow, code = (*words.split(" "), ALL_CODES)[:4]
            stream, period = (source, reporter, Flow(flow), code), Period.from_yyyymm(month)
            found[stream] = max(period, found.get(stream, period))
    return found


def newest_scanned(cx: Connection) -> Period | None:
    """The newest month any scan has looked at."""
    newest = cx.execute(select(func.max(schema.scan.c.newest_period))).scalar_one()
    return None if newest is None else Period.from_yyyymm(newest)


def _rebuilt(cx: Connection, *where: ColumnElement[bool]) -> list[Alert]:
    rows = cx.execute(_history(*where))
    folded = ((number, rebuild([_change_of(row) for row in mine])) for number, mine in groupby(rows, _alert_id))
    return [replace(alert, id=number) for number, alert in folded if alert is not None]


def _alert_id(row: Row[Any]) -> int:
    return int(row.alert_id)


def _history(*where: ColumnElement[bool]) -> Select[Any]:
    """Changes with their item and finding, by alert and version."""
    table = schema.alert_change
    return (
        select(
            *(column.label(f"change_{column.name}") for column in table.c if column is not table.c.alert_id),
            table.c.alert_id,
            schema.alert.c.reporter,
            schema.alert.c.flow,
            schema.alert.c.hs,
            *finding_columns(),
        )
        .join(schema.alert, schema.alert.c.id == table.c.alert_id)
        .outerjoin(schema.finding, schema.finding.c.id == table.c.finding_id)
        .where(*where)
        .order_by(table.c.alert_id, table.c.version)
    )


def finding_columns() -> list[ColumnElement[Any]]:
    """The columns of a finding as :func:`finding_of` reads them."""
    return [column.label(f"finding_{column.name}") for column in schema.finding.c]


def _of_kind(slow: bool) -> ColumnElement[bool]:
    """Slow alerts, or those of shocks: of each an item has one open at most."""
    return schema.alert.c.shock.in_(SLOW) if slow else schema.alert.c.shock.not_in(SLOW)


def _of_item(table: Any, item: ItemKey) -> list[ColumnElement[bool]]:
    return [table.c.reporter == item.reporter, table.c.flow == item.flow.value, table.c.hs == item.hs]


# --- rows and words ----------------------------------------------------------------------------------


def finding_row(finding: Finding) -> Json:
    """A finding as the columns of its table. Raises StoreError where a number is not finite."""
    names = ("observed", "expected", "lower", "upper", "p_value", "score")
    numbers = {name: float(getattr(finding, name)) for name in names}
    odd = [name for name, value in numbers.items() if not math.isfinite(value)]
    if odd:
        raise StoreError(
            f"{finding.detector} gave {finding.item} in {finding.period} no finite {', '.join(odd)}; "
            "a finding must state its numbers"
        )
    return numbers | {
        "reporter": finding.item.reporter,
        "flow": finding.item.flow.value,
        "hs": finding.item.hs,
        "period": finding.period.yyyymm,
        "as_of": finding.as_of,
        "shock": finding.shock.value,
        "level": int(finding.level),
        "partner": finding.partner,
        "measure": finding.measure.value,
        "direction": finding.direction.value,
        "unit": finding.unit,
        "probabilities": {shock.value: float(p) for shock, p in finding.probabilities.items()},
        "reasons": reasons_json(finding.reasons),
        "history_months": int(finding.history_months),
        "source": finding.source,
        "simulated": finding.simulated,
        "detector": finding.detector,
        "version": finding.version,
    }


def reasons_json(reasons: Iterable[Reason]) -> list[Json]:
    """Reasons for a JSON column. What is not finite is not known: None."""
    return [
        {
            "code": reason.code,
            "numbers": {name: _json_number(value) for name, value in reason.numbers.items()},
            "weight": float(reason.weight),
        }
        for reason in reasons
    ]


def reasons_of(stored: Iterable[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(entry["code"], entry["numbers"], entry["weight"]) for entry in stored)


def _json_number(value: float | str | None) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None


def finding_of(row: Row[Any]) -> Finding:
    """The finding of a row with the columns of :func:`finding_columns`."""
    return Finding(
        item=ItemKey(row.finding_reporter, Flow(row.finding_flow), row.finding_hs),
        period=Period.from_yyyymm(row.finding_period),
        as_of=row.finding_as_of,
        shock=ShockClass(row.finding_shock),
        level=Level(row.finding_level),
        partner=row.finding_partner,
        measure=Measure(row.finding_measure),
        direction=Direction(row.finding_direction),
        observed=row.finding_observed,
        expected=row.finding_expected,
        lower=row.finding_lower,
        upper=row.finding_upper,
        unit=row.finding_unit,
        p_value=row.finding_p_value,
        score=row.finding_score,
        probabilities={ShockClass(shock): p for shock, p in row.finding_probabilities.items()},
        reasons=reasons_of(row.finding_reasons),
        history_months=row.finding_history_months,
        source=row.finding_source,
        simulated=row.finding_simulated,
        detector=row.finding_detector,
        version=row.finding_version,
    )


def _change_of(row: Row[Any]) -> AlertChange:
    return AlertChange(
        item=ItemKey(row.reporter, Flow(row.flow), row.hs),
        kind=ChangeKind(row.change_kind),
        as_of=row.change_as_of,
        period=Period.from_yyyymm(row.change_period),
        level_before=_level(row.change_level_before),
        level_after=_level(row.change_level_after),
        shock=ShockClass(row.change_shock),
        partner=row.change_partner,
        finding=None if row.finding_id is None else finding_of(row),
        reasons=reasons_of(row.change_reasons),
    )


def _level(number: int | None) -> Level | None:
    return None if number is None else Level(number)


def _level_number(level: Level | None) -> int | None:
    return None if level is None else int(level)
