"""Editions of the Harmonized System: of which edition a source's codes were, and which codes an edition changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd
from sqlalchemy import Connection, delete, select

from cews.store.bulk import insert_missing
from cews.store.schema import code_break, edition_month


def note(cx: Connection, source: str, observations: pd.DataFrame) -> None:
    """Keep of which edition the codes of each reporter's months are."""
    months = observations[["reporter", "period", "hs_edition"]].drop_duplicates()
    rows = [
        {"source": source, "reporter": reporter, "period": period, "edition": edition}
        for reporter, period, edition in months.itertuples(index=False, name=None)
        if edition
    ]
    insert_missing(cx, edition_month, rows)


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
