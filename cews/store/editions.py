"""Editions of the Harmonized System: of which edition a source's codes were, which codes an edition changed, and what
they become in another."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd
from sqlalchemy import Connection, delete, insert, select

from cews.store.bulk import distinct, insert_missing
from cews.store.schema import code_break, code_target, edition_month


def note(cx: Connection, source: str, observations: pd.DataFrame) -> None:
    """Keep of which edition the codes of each reporter's months are."""
    columns = ["reporter", "period", "hs_edition"]
    said = observations[columns].take(distinct(observations, columns)[1])
    rows = {row for row in zip(*(said[name].tolist() for name in columns), strict=True) if row[2]}
    known = select(*edition_month.c["reporter", "period", "edition"]).where(edition_month.c.source == source)
    new = sorted(rows - {tuple(row) for row in cx.execute(known)}) if rows else []
    if new:
        cx.execute(
            insert(edition_month),
            [{"source": source, "reporter": one, "period": month, "edition": of} for one, month, of in new],
        )


def of_months(cx: Connection) -> dict[tuple[str, str], dict[int, str]]:
    """(source, reporter) → month (YYYYMM) → edition; the newest where a month has codes of several."""
    found: dict[tuple[str, str], dict[int, str]] = {}
    for row in cx.execute(select(edition_month).order_by(edition_month.c.edition)):
        found.setdefault((row.source, row.reporter), {})[row.period] = row.edition
    return found


def put_breaks(cx: Connection, edition: str, codes: Collection[str]) -> None:
    """Keep the codes that the edition changed; they replace those loaded before."""
    cx.execute(delete(code_break).where(code_break.c.edition == edition))
    insert_missing(cx, code_break, [{"edition": edition, "hs": code} for code in sorted(codes)])


def breaks(cx: Connection) -> Mapping[str, frozenset[str]]:
    """Edition → the codes it changed, as loaded by an operator."""
    found: dict[str, set[str]] = {}
    for row in cx.execute(select(code_break)):
        found.setdefault(row.edition, set()).add(row.hs)
    return {edition: frozenset(codes) for edition, codes in found.items()}


def put_targets(cx: Connection, edition: str, into: str, targets: Mapping[str, str]) -> None:
    """Keep what the codes of the edition become in the other; they replace those loaded before."""
    cx.execute(delete(code_target).where(code_target.c.edition == edition, code_target.c.into == into))
    rows = [{"edition": edition, "into": into, "hs": code, "target": target} for code, target in targets.items()]
    insert_missing(cx, code_target, rows)


def targets(cx: Connection, into: str) -> dict[str, dict[str, str]]:
    """Edition → code → its target, of every table that leads to this edition."""
    found: dict[str, dict[str, str]] = {}
    for row in cx.execute(select(code_target).where(code_target.c.into == into)):
        found.setdefault(row.edition, {})[row.hs] = row.target
    return found


def tables(cx: Connection) -> list[tuple[str, str]]:
    """(edition, into) of every table of targets, the newest edition first."""
    pairs = select(*code_target.c["edition", "into"]).distinct().order_by(code_target.c.edition.desc(), "into")
    return [(edition, into) for edition, into in cx.execute(pairs)]


def links(cx: Connection, hs: str) -> list[tuple[str, str, str, str]]:
    """(edition, code, into, target) wherever the code stands on either side, in order."""
    either = (code_target.c.hs == hs) | (code_target.c.target == hs)
    rows = select(*code_target.c["edition", "hs", "into", "target"]).where(either)
    return sorted((edition, code, into, target) for edition, code, into, target in cx.execute(rows))
