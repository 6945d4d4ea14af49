"""Versions packed by column: a second form of the rows of ``observation``, from which all of them are read at once.

A block holds every version that the releases after the block before, up to ``until_release``, have brought: as Arrow,
compressed. It is written in the transaction of the last of these releases and never again. What it says of a version
cannot change, but for its end; versions that ended later are looked up in the rows, and so is whatever releases after
the last block have brought. The rows are the record: without its blocks a store says the same, more slowly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, insert, select

from cews.store.bulk import fetch, fetch_of
from cews.store.schema import observation, observation_block, release

LEAST: Final = 100_000  # versions not yet in blocks, before a block is worth while
BLOCK: Final = 1_000_000  # versions in one block at most

_TYPES: Final[Mapping[str, pa.DataType]] = {
    "series_id": pa.int32(),
    "period": pa.int32(),
    "known_from": pa.int64(),
    "known_to": pa.int64(),
    "value_usd": pa.float64(),
    "net_weight_kg": pa.float64(),
    "quantity": pa.float64(),
    "quantity_unit": pa.dictionary(pa.int16(), pa.string()),
    "hs_edition": pa.dictionary(pa.int16(), pa.string()),
    "presumed": pa.bool_(),
    "release_id": pa.int32(),
    "closed_by": pa.int32(),
}
_NO_RELEASE: Final = 0  # in ``closed_by``
_KEY: Final = ["series_id", "period", "known_from"]


def extend(cx: Connection, number: int, opened: pd.DataFrame) -> None:
    """Pack what release ``number`` has opened (all columns), with what waits for a block, if that is enough."""
    packed = cx.execute(select(func.coalesce(func.max(observation_block.c.until_release), 0))).scalar_one()
    before = release.c.id.between(packed + 1, number - 1)
    brought = select(func.coalesce(func.sum(release.c.rows_new + release.c.rows_changed), 0)).where(before)
    waiting = cx.execute(brought).scalar_one()
    if waiting + len(opened) < LEAST:
        return
    parts = [opened]
    if waiting:
        earlier = observation.c.release_id.between(packed + 1, number - 1)
        parts.insert(0, fetch(cx, statement(list(_TYPES)).where(earlier)))
    for part in parts:
        for start in range(0, len(part), BLOCK):
            rows = part[start : start + BLOCK]
            block = {"until_release": number, "rows": len(rows), "content": _packed(rows)}
            cx.execute(insert(observation_block).values(**block))


def read(cx: Connection, names: Sequence[str], series_ids: NDArray[np.int64] | None = None) -> pd.DataFrame:
    """These columns of every version of the series (None = all), in no order. Moments are microseconds, text is
    categories, and 0 in ``closed_by`` is no release."""
    blocks = cx.execute(select(*observation_block.c["id", "until_release"]).order_by(observation_block.c.id)).all()
    if not blocks:
        return fetch_of(cx, statement(names), observation.c.series_id, series_ids)
    wanted = list(dict.fromkeys([*_KEY, *names]))
    ended = _ended_since(cx, blocks[0].until_release)
    parts = [_with_ends(_of(part, series_ids), ended) for part in _unpacked(cx, [block.id for block in blocks], wanted)]
    last = blocks[-1].until_release
    if cx.execute(select(func.max(release.c.id))).scalar_one() > last:
        later = fetch(cx, statement(wanted).where(observation.c.release_id > last))
        parts.append(_of({name: later[name].array for name in wanted}, series_ids))
    return pd.DataFrame({name: _joined([part.pop(name) for part in parts]) for name in names}, copy=False)


def statement(names: Sequence[str]) -> Select[Any]:
    """These columns of the rows; 0 in ``closed_by`` is no release."""
    closed_by = func.coalesce(observation.c.closed_by, _NO_RELEASE).label("closed_by")
    return select(*(closed_by if name == "closed_by" else observation.c[name] for name in names))


def _packed(rows: pd.DataFrame) -> bytes:
    columns = [pa.array(rows[name], pa.string() if pa.types.is_dictionary(of) else of) for name, of in _TYPES.items()]
    columns = [
        column.dictionary_encode() if pa.types.is_dictionary(of) else column
        for column, of in zip(columns, _TYPES.values(), strict=True)
    ]
    table = pa.table(columns, names=list(_TYPES)).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as file:
        file.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(cx: Connection, blocks: Sequence[int], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    chosen = pa.ipc.IpcReadOptions(included_fields=[list(_TYPES).index(name) for name in names])
    for number in blocks:
        content = cx.execute(select(observation_block.c.content).where(observation_block.c.id == number)).scalar_one()
        table = pa.ipc.open_file(pa.BufferReader(content), options=chosen).read_all()
        yield {name: table[name].to_pandas().array if _is_text(name) else table[name].to_numpy() for name in names}


def _is_text(name: str) -> bool:
    return bool(pa.types.is_dictionary(_TYPES[name]))


def _of(part: dict[str, Any], series_ids: NDArray[np.int64] | None) -> dict[str, Any]:
    """Of the versions, those of the series; block by block, so that what others have is not held."""
    if series_ids is None:
        return part
    chosen = np.isin(part["series_id"], series_ids)
    return {name: column[chosen] for name, column in part.items()}


def _ended_since(cx: Connection, number: int) -> pd.DataFrame:
    """The versions that releases after this one have ended."""
    return fetch(cx, statement([*_KEY, "known_to", "closed_by"]).where(observation.c.closed_by > number))


def _with_ends(part: dict[str, Any], ended: pd.DataFrame) -> dict[str, Any]:
    """The block's versions with the ends they have by now."""
    at = np.flatnonzero(np.isin(_cells(part), np.unique(_cells(ended)))) if len(ended) else ()
    if len(at):
        found = pd.DataFrame({name: part[name][at] for name in _KEY}).merge(ended, on=_KEY, how="left")
        known = found["known_to"].notna().to_numpy()
        for name in {"known_to", "closed_by"} & part.keys():
            part[name] = part[name].copy()
            part[name][at[known]] = found.loc[known, name].to_numpy(dtype=np.int64)
    return part


def _cells(rows: Mapping[str, Any] | pd.DataFrame) -> Any:
    return np.asarray(rows["series_id"], dtype=np.int64) * 1_000_000 + np.asarray(rows["period"], dtype=np.int64)


def _joined(parts: Sequence[Any]) -> Any:
    if not any(isinstance(part, pd.Categorical) for part in parts):
        return np.concatenate([np.asarray(part) for part in parts])
    return pd.api.types.union_categoricals(
        [
            part if isinstance(part, pd.Categorical) else pd.Series(part, dtype="str").astype("category")
            for part in parts
        ]
    )
