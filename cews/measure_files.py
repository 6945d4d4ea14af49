"""Files of measures: the calendar's own CSV, and files of others by other names of columns. Pure.

The own form has the columns ``COLUMNS``. What a file calls differently is found in ``_ALIASES``, after case and signs
of its headings are taken off, so that files of the kind of the Global Trade Alert can be read. There a row names who
acts and who is affected, and the kind of the measure says which of the two supplies (docs/guide/measures.md).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from io import StringIO
from typing import Final

from cews import countries
from cews.domain import UserError
from cews.measures import ANY, Kind, PolicyMeasure, State, checked, key_of

COLUMNS: Final = (
    "key",
    "kind",
    "imposed_by",
    "supplier",
    "hs",
    "reporters",
    "title_en",
    "title_ko",
    "announced",
    "effective",
    "ended",
    "end_announced",
    "state",
    "note",
    "link",
    "codes_certain",
    "simulated",
)
_MEMBERS: Final = (
    "AUT BEL BGR CYP CZE DEU DNK ESP EST FIN FRA GRC HRV HUN IRL ITA LTU LUX LVA MLT NLD POL PRT ROU SVK SVN SWE"
)
EU: Final = tuple(_MEMBERS.split())
IMPORTING: Final = frozenset({Kind.IMPORT_BAN, Kind.IMPORT_TARIFF})  # who acts buys; who is affected sells
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "key": ("intervention_id", "id"),
    "kind": ("intervention_type", "measure_type", "type"),
    "imposed_by": ("implementing_jurisdiction", "implementing_jurisdictions", "implementer", "country"),
    "affected": ("affected_jurisdiction", "affected_jurisdictions", "affected_countries"),
    "hs": ("affected_products", "affected_product", "hs_codes", "hs_code", "products"),
    "reporters": ("importers",),
    "title_en": ("title", "state_act_title", "intervention_title", "name"),
    "announced": ("date_announced", "announcement_date"),
    "effective": ("date_implemented", "implementation_date", "inception_date", "date_implementation"),
    "ended": ("date_removed", "removal_date", "date_removal"),
    "note": ("description", "intervention_description"),
    "link": ("url", "intervention_url", "source", "source_link"),
    "evaluation": ("gta_evaluation",),
}
_KINDS: Final = (  # words of other files, the most telling first
    (("export", "ban"), Kind.EXPORT_BAN),
    (("export", "prohibit"), Kind.EXPORT_BAN),
    (("export", "licen"), Kind.EXPORT_LICENCE),
    (("export", "quota"), Kind.EXPORT_QUOTA),
    (("export", "tax"), Kind.EXPORT_TAX),
    (("export", "inspect"), Kind.EXPORT_INSPECTION),
    (("sanction",), Kind.SANCTION),
    (("import", "ban"), Kind.IMPORT_BAN),
    (("import", "prohibit"), Kind.IMPORT_BAN),
    (("import", "tariff"), Kind.IMPORT_TARIFF),
)
_DATES: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y")
_SEPARATORS: Final = ("\t", ";", "|")  # other than the comma


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says, by line, and what is wrong with its other lines."""

    good: Mapping[int, tuple[PolicyMeasure, ...]]
    wrong: Mapping[int, str]

    @property
    def measures(self) -> list[PolicyMeasure]:
        return [one for several in self.good.values() for one in several]


def read(content: str, name: str, today: date) -> Read:
    """The measures of a CSV. Raises UserError where the file has no measures at all."""
    rows = csv.DictReader(StringIO(content), delimiter=_separator(content))
    columns = {_plain(heading): heading for heading in rows.fieldnames or () if heading}
    missing = [one for one in ("hs", "kind") if not _heading(columns, one)]
    if missing or not (_heading(columns, "title_en") or "title_ko" in columns):
        raise UserError(
            f"{name}: there is no column for {' and '.join([*missing, 'title'][:2])}; see docs/guide/measures.md"
        )
    good: dict[int, tuple[PolicyMeasure, ...]] = {}
    wrong: dict[int, str] = {}
    seen: dict[str, int] = {}
    for row in rows:
        try:
            found = tuple(_measures(_Line(row, columns), today))
            _check_new(found, seen, rows.line_num)
        except UserError as error:
            wrong[rows.line_num] = str(error)
        else:
            good[rows.line_num] = found
    return Read(good, wrong)


def of_cells(cells: Mapping[str, str], today: date) -> PolicyMeasure:
    """The measure that the cells of one line say, by ``COLUMNS``. Raises UserError."""
    found = list(_measures(_Line(cells, {name: name for name in cells}), today))
    if len(found) != 1:
        raise UserError("supplier: a measure is about one country, or * for all")
    return found[0]


def written(measures: Iterable[PolicyMeasure]) -> list[list[str]]:
    """The measures as rows of ``COLUMNS``; what is written can be read again."""
    return [[_cell(getattr(one, column)) for column in COLUMNS] for one in measures]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ";".join(map(str, value))
    return "" if value is None else str(value)


def _check_new(found: Iterable[PolicyMeasure], seen: dict[str, int], line: int) -> None:
    for one in found:
        if one.key in seen:
            raise UserError(f"line {seen[one.key]} is about {one.key} already")
        seen[one.key] = line


# --- a line ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    row: Mapping[str, str | None]
    columns: Mapping[str, str]  # plain heading → heading of the file

    def __getitem__(self, column: str) -> str:
        heading = _heading(self.columns, column)
        return (self.row.get(heading) or "").strip() if heading else ""


def _measures(line: _Line, today: date) -> Iterator[PolicyMeasure]:
    """One measure, or one for each of several suppliers."""
    if line["evaluation"].casefold().startswith("green"):
        raise UserError("evaluation: it makes trade easier; the calendar keeps what makes it harder")
    kind = _kind(line["kind"])
    imposed, affected = _countries(line["imposed_by"], "imposed_by"), _countries(line["affected"], "affected")
    suppliers, reporters = _sides(line, kind, imposed, affected)
    whole = PolicyMeasure(
        key="",
        kind=kind,
        imposed_by=imposed[0] if len(imposed) == 1 else "EUR" if imposed == EU else "",
        supplier=ANY,
        hs=_codes(line["hs"]),
        reporters=reporters,
        title_en=line["title_en"],
        title_ko=line["title_ko"],
        announced=_day(line["announced"], "announced"),
        effective=_day(line["effective"], "effective"),
        ended=_day(line["ended"], "ended"),
        end_announced=_day(line["end_announced"], "end_announced"),
        state=_state(line["state"]),
        note=line["note"],
        link=line["link"].split(" ; ")[0],
        codes_certain=line["codes_certain"].casefold() not in {"no", "false", "0"},
        simulated=line["simulated"].casefold() in {"yes", "true", "1"},
    )
    for supplier in suppliers:
        one = checked(replace(whole, supplier=supplier), today)
        yield replace(one, key=_key(line["key"], one, len(suppliers) > 1))


def _sides(
    line: _Line, kind: Kind, imposed: tuple[str, ...], affected: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who supplies and who buys, where the file does not say so itself."""
    said, buyers = _countries(line["supplier"], "supplier"), _countries(line["reporters"], "reporters")
    if kind in IMPORTING:
        return said or affected or (ANY,), buyers or imposed
    suppliers = said or imposed
    if not suppliers and line["supplier"] not in (ANY, "all"):
        raise UserError("supplier: whose goods is it about? Write a country like CHN, or * for all")
    return suppliers or (ANY,), buyers or affected


def _key(given: str, measure: PolicyMeasure, several: bool) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", given.casefold()).strip("-")
    if not plain:
        return key_of(measure)
    named = f"gta-{plain}" if plain.isdigit() else plain
    return (f"{named}-{measure.supplier.lower()}" if several else named)[:80]


def _kind(words: str) -> Kind:
    plain = _plain(words)
    if plain in set(Kind):
        return Kind(plain)
    if not plain:
        raise UserError(f"kind: is empty; it is one of {', '.join(Kind)}")
    return next((kind for parts, kind in _KINDS if all(part in plain for part in parts)), Kind.OTHER)


def _state(words: str) -> State:
    try:
        return State(words.casefold() or State.ADOPTED)
    except ValueError:
        raise UserError(f"state: {words!r} is not one of {', '.join(State)}") from None


def _codes(words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code.replace(".", "") for code in re.split(r"[\s,;|]+", words) if code))


def _countries(words: str, column: str) -> tuple[str, ...]:
    """Countries by code or name, separated by ";" or ",". () = all."""
    if words.casefold() in {"", ANY, "all", "world", "wld"}:
        return ()
    whole = _country(words)
    names = [words] if whole else [part.strip() for part in re.split(r"[;|]" if ";" in words else r"[,|]", words)]
    found: list[str] = []
    for name in filter(None, names):
        one = _country(name)
        if not one:
            raise UserError(f"{column}: {name!r} is no country that is known; write three letters like CHN")
        found += one
    return tuple(dict.fromkeys(found))


def _country(words: str) -> tuple[str, ...]:
    code = words.upper()
    if code in {"EU", "EU27", "EUR", "EUROPEAN UNION"}:
        return EU
    if countries.known(code):
        return (code,)
    found = countries.iso3_from_iso2(code) or countries.iso3_from_name(words)
    return (found,) if found else ()


def _day(words: str, column: str) -> date | None:
    plain = words.split("T")[0].removesuffix(" 00:00:00")
    if plain.casefold() in {"", "na", "n/a", "null", "none", "nan"}:
        return None
    for form in _DATES:
        try:
            return datetime.strptime(plain, form).date()
        except ValueError:
            continue
    raise UserError(f"{column}: {words!r} is no day; write it as 2023-08-01")


# --- headings ----------------------------------------------------------------------------------------


def _separator(content: str) -> str:
    first = content.partition("\n")[0]
    return max((",", *_SEPARATORS), key=first.count)


def _plain(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", words.casefold()).strip("_")


def _heading(columns: Mapping[str, str], column: str) -> str | None:
    names: Sequence[str] = (column, *_ALIASES.get(column, ()))
    return next((columns[name] for name in names if name in columns), None)
