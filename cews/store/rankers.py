"""Rankers that were trained, each with the knowledge it was trained on; checked when they are read."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, insert, select

from cews.domain import StoreError
from cews.store.schema import ranker


def save(cx: Connection, blob: bytes, *, as_of: datetime, trained_at: datetime, seed: int, version: str) -> str:
    """Keep a ranker trained on what was known at ``as_of``; its sha256. The caller commits."""
    sha256 = hashlib.sha256(blob).hexdigest()
    row = {
        "as_of": as_of,
        "trained_at": trained_at,
        "seed": seed,
        "version": version,
        "sha256": sha256,
        "content": blob,
    }
    cx.execute(insert(ranker).values(row))
    return sha256


def newest(cx: Connection, as_of: datetime, version: str) -> bytes | None:
    """The newest ranker of the version that knew nothing from after ``as_of``; None where there is none."""
    known = select(ranker.c.sha256, ranker.c.content).where(ranker.c.as_of <= as_of, ranker.c.version == version)
    row = cx.execute(known.order_by(ranker.c.as_of.desc(), ranker.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    blob = bytes(row.content)
    if hashlib.sha256(blob).hexdigest() != row.sha256:
        raise StoreError("the ranker in the store is damaged: its checksum differs. Train it again: `cews rank train`.")
    return blob
