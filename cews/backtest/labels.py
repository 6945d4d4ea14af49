"""Label files of a back-test: what happened, to which codes, and in which months a warning of it counts. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any, Final

from cews import countries
from cews.domain import SHOCKS, WORLD, Flow, ItemKey, Period, ShockClass, UserError
from detectors.classes import THREATS

SHIPPED: Final = "catalogue.csv"  # the documented shocks and decoys that come with the program
COLUMNS: Final = ("id", "hs", "reporter", "flow", "partner", "effect_month", "class", "scored_from", "scored_to")
DECOY: Final = "decoy"
_CODE: Final = re.compile(r"[0-9]{2,10}")
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Label:
    """One event, or one month that only looks like one."""

    id: str
    hs: tuple[str, ...]
    reporter: str
    flow: Flow
    partners: tuple[str, ...]  # the suppliers (of exports: the buyers) it is about; empty = all
    effect: Period  # first month whose figures show it
    shock: ShockClass | None  # None = decoy
    first: Period  # first and last month of data in which a warning counts
    last: Period
    name: str = ""  # what happened
    tier: int = 2  # 1 = size and month are published figures, 2 = the month is estimated, 3 = from memory
    measure: date | None = None  # the day on which the measure took effect, or the accident happened
    panic: date | None = None  # the day on which the public noticed

    @property
    def cause(self) -> str:
        """What it is an effect of: S18-JPN and S18-CHN are one event, and not independent."""
        return self.id.split("-", 1)[0]

    @property
    def threat(self) -> bool:
        """Something that has to be raised. A demand fall, a price fall and a statistical break are none."""
        return self.shock in THREATS

    def items(self, known: Sequence[ItemKey]) -> list[int]:
        """Positions of the items it is about: under its codes, or where there are none the narrowest above them."""
        own = [n for n, item in enumerate(known) if (item.reporter, item.flow) == (self.reporter, self.flow)]
        below = [n for n in own if known[n].hs.startswith(self.hs)]
        above = [n for n in own if any(code.startswith(known[n].hs) for code in self.hs)]
        narrowest = max((len(known[n].hs) for n in above), default=0)
        return below or [n for n in above if len(known[n].hs) == narrowest]


def shipped(name: str = SHIPPED) -> tuple[Label, ...]:
    """The labels of a file that comes with the program."""
    return read_labels((files("cews") / "data" / name).read_bytes(), name)


def read_labels(body: bytes, name: str) -> tuple[Label, ...]:
    """The labels of a CSV file; further columns are for its reader. Raises UserError naming every fault."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is no text in UTF-8 (byte {error.start}); save it as CSV (UTF-8).") from None
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise UserError(f"{name}, line 1: no column {', '.join(missing)}; a label file has {', '.join(COLUMNS)}.")
    labels, faults, ids = list[Label](), list[str](), set[str]()
    for row in reader:
        row["event"] = row.get("event") or row.get("name_en") or ""
        found, wrong = _label({column: (row.get(column) or "").strip() for column in _READ}, ids)
        faults += [f"line {reader.line_num}, {column}: {what}" for column, what in wrong]
        labels += [found] if found else []
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise UserError("\n  ".join([f"{name} cannot be used as labels:", *faults[:_SHOWN], *more]))
    if not labels:
        raise UserError(f"{name} holds no label; write one line for each event.")
    return tuple(labels)


def _label(row: Mapping[str, str], ids: set[str]) -> tuple[Label | None, list[tuple[str, str]]]:
    """The label of a row, or what is wrong with it by column. Notes its id in ``ids``."""
    read: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for column, text in row.items():
        try:
            read[column] = _READ[column](text)
        except ValueError as error:
            faults.append((column, str(error)))
    if row["id"] in ids:
        faults.append(("id", f"{row['id']!r} stands in an earlier line too"))
    ids.add(row["id"])
    if not faults and read["scored_from"] > read["scored_to"]:
        faults.append(("scored_to", f"{read['scored_to']} lies before scored_from {read['scored_from']}"))
    return (None if faults else Label(*read.values())), faults


def _name(text: str) -> str:
    if not text:
        raise ValueError("is empty; every label needs a name of its own")
    return text


def _codes(text: str) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in text.split(";") if code.strip())
    wrong = [code for code in codes if not _CODE.fullmatch(code)]
    if wrong or not codes:
        raise ValueError(f"{text!r} is not one or more HS codes of 2 to 10 digits, separated by ;")
    return codes


def _country(text: str) -> str:
    if not countries.known(text):
        raise ValueError(f"{text!r} is not a country in three letters (ISO 3166 alpha-3), such as KOR")
    return text


def _partners(text: str) -> tuple[str, ...]:
    return tuple(_country(code.strip()) for code in text.split(";") if code.strip() not in ("", WORLD))


def _one_of(kind: Callable[[str], Any], choices: Iterator[str]) -> Callable[[str], Any]:
    listed = ", ".join(choices)

    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"{text!r} is none of {listed}") from None

    return read


def _class(text: str) -> ShockClass | None:
    return None if text == DECOY else SHOCKS[SHOCKS.index(text)]


def _tier(text: str) -> int:
    if text not in ("", "1", "2", "3"):
        raise ValueError(f"{text!r} is no tier; write 1, 2 or 3, or leave it empty for 2")
    return int(text or 2)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f"{text!r} is no day; write it as 2021-10-15") from None


# In the order of the fields of a label; those after the required ones may be absent.
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "id": _name,
    "hs": _codes,
    "reporter": _country,
    "flow": _one_of(Flow, iter(Flow)),
    "partner": _partners,
    "effect_month": Period.parse,
    "class": _one_of(_class, iter((*SHOCKS, DECOY))),
    "scored_from": Period.parse,
    "scored_to": Period.parse,
    "event": str,
    "tier": _tier,
    "measure_date": _day,
    "panic_date": _day,
}
