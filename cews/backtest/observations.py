"""The observations of a back-test: which of a file's reporters are loaded, and how they come into a scratch store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cews import ingesting
from cews.backtest.labels import Label
from cews.domain import Flow, ItemKey, UserError
from cews.store.engine import Engine
from ingest import simulated, sources
from ingest.base import Batch
from ingest.files import FileSource, form_of, read_file, source_of
from ingest.tables import Given

MOST_ITEMS: Final = 1_500  # reporters are added to those of the labels up to this number; what is left out is said
_SEED: Final = 1

Progress = Callable[[int, int], None]
_ITEM: Final = ["reporter", "flow", "hs"]


@dataclass(frozen=True, slots=True)
class File:
    """A file as read."""

    name: str
    body: bytes
    form: str
    batch: Batch

    @property
    def simulated(self) -> bool:
        return self.form == simulated.SOURCE.id


def read(paths: Sequence[Path], form: str | None, given: Given, now: datetime, progress: Progress) -> list[File]:
    """Every file; raises UserError for one that cannot be read, or holds nothing."""
    files: list[File] = []
    for done, path in enumerate(paths):
        progress(done, len(paths))
        try:
            body = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}. Check the name and its permissions.") from None
        known = form or form_of(body, path.name, given)
        batch = read_file(body, path.name, known, today=now.date(), given=given).batch
        if not len(batch.observations):
            first = next((f" The first of its {len(batch.rejects)} bad rows: {r.reason}" for r in batch.rejects), "")
            raise UserError(f"{path.name} holds no observation.{first}")
        files.append(File(path.name, body, known, batch))
        progress(done + 1, len(paths))
    return files


def items_of(files: Sequence[File]) -> list[ItemKey]:
    """Every item of the files, sorted."""
    rows = pd.concat([file.batch.observations[_ITEM].drop_duplicates() for file in files]).drop_duplicates()
    return sorted(ItemKey(reporter, Flow(flow), hs) for reporter, flow, hs in rows.itertuples(index=False, name=None))


def chosen(items: Sequence[ItemKey], labels: Sequence[Label], only_labelled: bool) -> set[ItemKey]:
    """The items to replay: those of the labels, or all, whole reporters at a time up to ``MOST_ITEMS``."""
    if only_labelled:
        return {items[n] for label in labels for n in label.items(items)}
    named = {label.reporter for label in labels}
    others = sorted({item.reporter for item in items} - named)
    kept = [item for item in items if item.reporter in named]
    for number in np.random.default_rng(_SEED).permutation(len(others)):
        more = [item for item in items if item.reporter == others[number]]
        if len(kept) + len(more) <= MOST_ITEMS:
            kept += more
    return set(kept)


def load(engine: Engine, home: Path, files: Sequence[File], kept: Collection[ItemKey], now: datetime) -> None:
    """Record the items of the files as they were published, or are presumed to have been; nothing is held back."""
    for file in files:
        source_id = source_of(file.form)
        ingesting.ingest_batch(
            engine,
            home,
            simulated.SOURCE if file.simulated else sources().get(source_id) or FileSource(source_id),
            file.name,
            file.body,
            _part(file.batch, kept),
            now=now,
            simulated=file.simulated,
            approved=True,
        )


def _part(batch: Batch, kept: Collection[ItemKey]) -> Batch:
    codes: dict[tuple[str, str], set[str]] = {}
    for item in kept:
        codes.setdefault((item.reporter, item.flow.value), set()).add(item.hs)
    rows = batch.observations
    wanted = pd.MultiIndex.from_tuples([(item.reporter, item.flow.value, item.hs) for item in kept], names=_ITEM)
    inside = pd.MultiIndex.from_frame(rows[_ITEM].astype(str)).isin(wanted)
    parts = (
        replace(part, hs=tuple(hs for hs in part.hs if hs in codes.get((part.reporter, part.flow.value), ())))
        for part in batch.coverage
    )
    return replace(
        batch,
        observations=rows[inside],
        coverage=tuple(part for part in parts if part.hs),
        rejects=(),
        known_from=None if batch.known_from is None else batch.known_from[inside],
    )
