"""Whether the store keeps the promise that a committed transaction survives a power cut."""

from __future__ import annotations

from sqlalchemy import Connection


def weakened(cx: Connection) -> str:
    """What is set weaker than promised, for instance ``synchronous=1``; empty when nothing is."""
    if cx.dialect.name == "sqlite":
        found = {name: cx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")}
        weak = {name: value for name, value in found.items() if value not in ("wal", 2, 3)}
    else:
        found = {name: cx.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "synchronous_commit")}
        weak = {name: value for name, value in found.items() if value == "off"}
    return ", ".join(f"{name}={value}" for name, value in weak.items())
