"""What was fetched or read, by its content. The bytes themselves lie below ``CEWS_HOME/raw``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from cews.store.bulk import insert_missing
from cews.store.schema import raw


def put(cx: Connection, sha256: str, source: str, request: str, retrieved_at: datetime, size: int, path: str) -> bool:
    """Note an answer or file; true when its content is new. ``request`` must hold no key."""
    row = {
        "sha256": sha256,
        "source": source,
        "request": request,
        "retrieved_at": retrieved_at,
        "size": size,
        "path": path,
    }
    return insert_missing(cx, raw, [row]) == 1
