"""What was known when, of one number: how new statements enter the versions that are already there. Pure.

A **statement** says: from this moment on, this cell (series × period) has this value. **Versions** are the
statements that told something new, each in force until the next one: half-open intervals
``known_from <= as_of < known_to`` that never overlap. A gap is a time in which the cell was known to be zero.

* A statement takes effect at its moment and ends at the next version of the cell, or where the version it
  interrupts would have ended. So statements may come in any order.
* A statement that repeats the value in force adds nothing. A *dated* one (its row carries its own
  ``known_from``) is kept nevertheless: only then does the order of arrival not matter.
* Saying the same thing at the same moment again changes nothing; saying another thing is a contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from cews.store.bulk import NEVER, Micros

VALUES = ["value_usd", "net_weight_kg", "quantity", "quantity_unit", "hs_edition"]
THIS_RELEASE = 0  # in ``closed_by``: the release being recorded, which has no number yet

Bools = NDArray[np.bool_]


class Contradiction(Exception):
    """Two values for one cell from one moment on."""

    def __init__(self, cell: int, known_from: int) -> None:
        super().__init__(cell, known_from)
        self.cell = cell
        self.known_from = known_from


@dataclass(frozen=True, slots=True)
class Placement:
    """What must be written so that the versions hold the statements."""

    opened: pd.DataFrame  # statement (its position), known_to, closed_by: statements that became versions
    closed: pd.DataFrame  # cell, known_from, known_to: versions that now end earlier
    repeated: int  # statements that added nothing


def place(versions: pd.DataFrame, statements: pd.DataFrame) -> Placement:
    """Enter the statements (cell, known_from, dated, VALUES) among the versions (cell, known_from, known_to,
    closed_by, release_id, VALUES) of the same cells. Raises Contradiction."""
    if statements.empty or (versions.empty and not statements["cell"].duplicated().any()):
        return _all_new(len(statements))
    rows = _in_order(versions, statements)
    rows = rows[~_said_again(rows)]
    rows = rows[~_repeats_value_in_force(rows)].reset_index(drop=True)
    following = _next_moment(rows)
    rows["until"] = np.minimum(_ends(rows), following)
    rows["closer"] = _closers(rows, following)
    stated = rows["statement"] >= 0
    opened = rows.loc[stated, ["statement", "until", "closer"]].set_axis(["statement", "known_to", "closed_by"], axis=1)
    shortened = rows[~stated & (rows["until"] < rows["known_to"])]
    closed = shortened[["cell", "known_from", "until"]].set_axis(["cell", "known_from", "known_to"], axis=1)
    return Placement(opened, closed, repeated=len(statements) - len(opened))


def repeating(versions: pd.DataFrame, statements: pd.DataFrame) -> Bools:
    """Which undated statements, alone in their cell, repeat the one version there is of it, still in force: the usual
    case, told without putting both in order. Statements must stand in the order of their cells."""
    cells, order = statements["cell"].to_numpy(), np.argsort(versions["cell"].to_numpy(), kind="stable")
    stored = versions["cell"].to_numpy()[order]
    place = np.searchsorted(stored, cells)
    alone = np.searchsorted(stored, cells, side="right") - place == 1
    alone &= (np.append(-1, cells)[:-1] != cells) & (np.append(cells, -1)[1:] != cells)
    at, position = np.flatnonzero(alone & ~statements["dated"].to_numpy()), np.zeros(len(cells), dtype=np.int64)
    position[at] = order[place[at]]
    same = np.zeros(len(cells), dtype=bool)
    known_from, known_to = (versions[name].to_numpy()[position[at]] for name in ("known_from", "known_to"))
    same[at] = (known_to == NEVER) & (known_from <= statements["known_from"].to_numpy()[at])
    for name in VALUES:
        at = np.flatnonzero(same)
        same[at] = _equal(versions[name].array.take(position[at]), statements[name].array.take(at))
    return same


def _equal(old: ExtensionArray, new: ExtensionArray) -> Bools:
    """NaN equals NaN."""
    if new.dtype.kind == "f":
        one, two = old.to_numpy(), new.to_numpy()
        return np.asarray((one == two) | (np.isnan(one) & np.isnan(two)))
    return np.asarray(old.to_numpy(dtype=object) == new.to_numpy(dtype=object), dtype=bool)


def _all_new(count: int) -> Placement:
    """Every statement is a version of its own, and nothing was there before."""
    opened = pd.DataFrame({"statement": np.arange(count), "known_to": NEVER, "closed_by": THIS_RELEASE})
    return Placement(opened, pd.DataFrame({"cell": [], "known_from": [], "known_to": []}, dtype=np.int64), repeated=0)


def _in_order(versions: pd.DataFrame, statements: pd.DataFrame) -> pd.DataFrame:
    old = versions.assign(statement=-1, dated=True)
    new = statements[["cell", "known_from", "dated", *VALUES]].assign(
        statement=np.arange(len(statements)), known_to=NEVER, closed_by=THIS_RELEASE, release_id=THIS_RELEASE
    )
    rows = pd.concat([old, new], ignore_index=True) if len(old) else new
    return rows.iloc[np.lexsort((rows["statement"], rows["known_from"], rows["cell"]))].reset_index(drop=True)


def _said_again(rows: pd.DataFrame) -> Bools:
    again = _same_cell_as_before(rows) & _equals_before(rows["known_from"])
    contradicting = np.flatnonzero(again & ~_same_value_as_before(rows))
    if contradicting.size:
        first = rows.iloc[contradicting[0]]
        raise Contradiction(int(first["cell"]), int(first["known_from"]))
    return again


def _repeats_value_in_force(rows: pd.DataFrame) -> Bools:
    still_in_force = np.append(0, _ends(rows))[:-1] > rows["known_from"].to_numpy()
    return ~rows["dated"].to_numpy() & _same_cell_as_before(rows) & _same_value_as_before(rows) & still_in_force


def _ends(rows: pd.DataFrame) -> Micros:
    """When each row would end if nothing followed: a version at its known_to, a statement with the version
    it interrupts, or never."""
    position = _version_before(rows)
    inherited = np.where(position >= 0, rows["known_to"].to_numpy()[position], NEVER)
    return np.where(inherited > rows["known_from"].to_numpy(), inherited, NEVER)


def _version_before(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Position of the newest version at or before each row of the same cell, or -1."""
    versions = np.where(rows["statement"] >= 0, -1, np.arange(len(rows)))
    position = np.maximum.accumulate(versions)
    cells = rows["cell"].to_numpy()
    return np.where((position >= 0) & (cells[position] == cells), position, -1)


def _next_moment(rows: pd.DataFrame) -> Micros:
    same_cell = np.append(_same_cell_as_before(rows), False)[1:]
    return np.where(same_cell, np.append(rows["known_from"].to_numpy(), NEVER)[1:], NEVER)


def _closers(rows: pd.DataFrame, following: Micros) -> NDArray[np.int64]:
    """The release that ends each row: the next row's, or that of the version interrupted. Without meaning
    for a row that does not end."""
    releases = np.append(rows["release_id"].to_numpy(), THIS_RELEASE)[1:]
    inherited = rows["closed_by"].to_numpy()[_version_before(rows)]
    return np.where(rows["until"] == following, releases, inherited).astype(np.int64)


def _same_cell_as_before(rows: pd.DataFrame) -> Bools:
    return _equals_before(rows["cell"])


def _same_value_as_before(rows: pd.DataFrame) -> Bools:
    same = np.ones(len(rows), dtype=bool)
    for name in VALUES:
        same &= _equals_before(rows[name])
    return same


def _equals_before(column: pd.Series) -> Bools:
    """Whether each row equals the one before it; NaN equals NaN."""
    codes = pd.factorize(column, use_na_sentinel=False)[0] if column.dtype.kind not in "if" else column.to_numpy()
    same = np.zeros(len(codes), dtype=bool)
    same[1:] = (codes[1:] == codes[:-1]) | ((codes[1:] != codes[1:]) & (codes[:-1] != codes[:-1]))
    return same
