"""What HS codes are called, by language."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from cews.store.bulk import upsert
from cews.store.schema import hs_name


def put(cx: Connection, names: Mapping[tuple[str, str], str], source: str) -> None:
    """Keep the names, (hs, language) → name; a newer one replaces the older."""
    upsert(
        cx,
        hs_name,
        [{"hs": hs, "language": language, "name": name, "source": source} for (hs, language), name in names.items()],
    )


def get(cx: Connection) -> dict[tuple[str, str], str]:
    """Every name: (hs, language) → name."""
    return {(row.hs, row.language): row.name for row in cx.execute(select(hs_name))}
