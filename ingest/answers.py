"""Answers of web services → text in columns. Pure.

What a service means by its answer is its connector's business; here is what all have in common: JSON that is
damaged, web pages where data should be, and values of any type that become text for ``ingest.tables``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import pandas as pd

from cews.domain import SourceError
from ingest.tables import brief

_EXACT: Final = 2**53  # whole numbers below it are exact as floats


def shown(body: bytes) -> str:
    """The first words of a body that is not what was expected, for messages."""
    return brief(body[:400].decode("utf-8", errors="replace")) or "nothing at all"


def is_page(body: bytes) -> bool:
    """Whether it is a web page."""
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    return start.startswith(b"<") and (b"<!doctype html" in start or b"<html" in start)


def read_json(body: bytes, who: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """JSON with or without a byte order mark; ``pairs`` makes something else of each object.

    Raises SourceError, to be tried again, when it is cut off or damaged.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        message = f"{who} gave a damaged or cut off answer ({brief(str(error))}); ask again."
        raise SourceError(message, permanent=False) from None


def text(value: object) -> str:
    """A JSON value as text: ``""`` for null, whole numbers without a point, ``"?"`` for what is no plain value."""
    if isinstance(value, str):
        return value.encode("utf-8", errors="replace").decode("utf-8")
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else "?"


def frame(columns: Mapping[str, Iterable[object]], rows: int) -> pd.DataFrame:
    """Columns of JSON values as text without blanks around it, numbered from 1."""
    texts = {name: pd.array([text(value).strip() for value in values], dtype="str") for name, values in columns.items()}
    return pd.DataFrame(texts, index=pd.RangeIndex(1, rows + 1))
