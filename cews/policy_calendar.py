"""Use cases of the policy calendar: record, change, end and remove measures, and take in files of them.

Every change is one transaction with its entry in the audit log. Who changes a measure says which version was seen: if
somebody else was faster, a ConflictError says so and nothing is written. What a measure was before stays for replays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cews import measure_files
from cews.domain import UserError
from cews.handling import ConflictError
from cews.measures import PolicyMeasure, checked, key_of
from cews.store import audit, measures
from cews.store.engine import Connection, Engine, writing

SUBJECT: Final = "measure"  # in the audit log
DOCUMENTED: Final = "measures_documented.csv"
LARGEST: Final = 20_000_000  # characters of a file


def add(engine: Engine, measure: PolicyMeasure, *, actor: str, now: datetime) -> str:
    """Record a measure; gives the name it has from now on. Raises UserError."""
    with writing(engine) as cx:
        audit.lock(cx)
        wanted = measure.key or key_of(checked(measure, now.date()))
        known = measures.versions(cx)
        key = next(name for name in _names(wanted) if name not in known)
        _record(cx, checked(replace(measure, key=key), now.date()), "add", actor, now)
    return key


def change(engine: Engine, measure: PolicyMeasure, *, actor: str, now: datetime) -> None:
    """What is known from now on of a measure; ``measure.version`` is the one that was seen. Raises UserError."""
    with writing(engine) as cx:
        audit.lock(cx)
        before = _seen(cx, measure.key, measure.version, now)
        if before != checked(measure, now.date()):
            _change(cx, before, measure, actor, now)


def end(engine: Engine, key: str, version: int, day: date, *, actor: str, now: datetime) -> None:
    """The measure does not count any more from a day on. Raises UserError."""
    with writing(engine) as cx:
        audit.lock(cx)
        before = _seen(cx, key, version, now)
        _change(cx, before, checked(replace(before, ended=day), now.date()), actor, now)


def remove(engine: Engine, key: str, version: int, *, actor: str, now: datetime) -> None:
    """Take out an entry that should not be there; replays of the days before still show it. Raises UserError."""
    with writing(engine) as cx:
        audit.lock(cx)
        _log(cx, "remove", actor, now, _seen(cx, key, version, now))
        measures.close(cx, key, now)


# --- files -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """What taking in a file would do, by line. ``seen`` names the calendar it was compared with."""

    added: Mapping[int, tuple[PolicyMeasure, ...]]
    changed: Mapping[int, tuple[PolicyMeasure, ...]]
    unchanged: int
    wrong: Mapping[int, str]
    seen: str

    @property
    def measures(self) -> list[PolicyMeasure]:
        return [one for lines in (self.added, self.changed) for several in lines.values() for one in several]


def count(by_line: Mapping[int, Sequence[PolicyMeasure]]) -> int:
    """How many measures stand on lines."""
    return sum(len(several) for several in by_line.values())


def preview(cx: Connection, content: str, name: str, now: datetime) -> Preview:
    """What the file would change. Raises UserError where it has no measures."""
    if len(content) > LARGEST:
        raise UserError(f"{name} is longer than {LARGEST:,} characters; divide it")
    read = measure_files.read(content, name, now.date())
    listed = measures.known(cx, now)
    known = {one.key: one for one in listed}
    added: dict[int, tuple[PolicyMeasure, ...]] = {}
    changed: dict[int, tuple[PolicyMeasure, ...]] = {}
    for line, several in read.good.items():
        new = tuple(one for one in several if one.key not in known)
        other = tuple(one for one in several if one.key in known and known[one.key] != one)
        added |= {line: new} if new else {}
        changed |= {line: other} if other else {}
    same = len(read.measures) - count(added) - count(changed)
    return Preview(added, changed, same, read.wrong, _name_of(listed))


def take_in(engine: Engine, content: str, name: str, *, seen: str | None, actor: str, now: datetime) -> Preview:
    """Record what is right in the file, as the preview said. Raises ConflictError where the calendar has changed since
    ``seen`` (None = nobody has looked), UserError where the file has no measures."""
    with writing(engine) as cx:
        audit.lock(cx)
        found = preview(cx, content, name, now)
        if seen is not None and found.seen != seen:
            raise ConflictError("somebody has changed the calendar since; look at the preview again")
        _take(cx, found.measures, actor, now)
        counts = {"added": count(found.added), "changed": count(found.changed)}
        detail = {"file": name, **counts, "left out": len(found.wrong)}
        audit.append(cx, actor=actor, action="import", subject=SUBJECT, detail=detail, now=now)
    return found


def _take(cx: Connection, found: Sequence[PolicyMeasure], actor: str, now: datetime) -> None:
    known = measures.versions(cx)
    measures.record(cx, [one for one in found if one.key not in known], by=actor, now=now)
    for one in found:
        if one.key in known:
            measures.change(cx, one, by=actor, now=now)


def content_of(name: str) -> str:
    """The text of a file. Raises UserError."""
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{name} cannot be read ({error}); give a CSV file in UTF-8") from error


def documented() -> str:
    """The file of documented measures that comes with the program."""
    return (files("cews") / "data" / DOCUMENTED).read_text(encoding="utf-8")


def _name_of(listed: Sequence[PolicyMeasure]) -> str:
    """Tells one state of the calendar from another."""
    return sha256("\n".join(f"{one.key} {one.version}" for one in listed).encode()).hexdigest()


# --- parts -------------------------------------------------------------------------------------------


def _names(wanted: str) -> list[str]:
    return [wanted, *(f"{wanted}-{number}" for number in range(2, 100))]


def _seen(cx: Connection, key: str, version: int, now: datetime) -> PolicyMeasure:
    found = measures.get(cx, key, now)
    if found is None:
        raise ConflictError(f"{key} is not in the calendar any more")
    if found.version != version:
        raise ConflictError(f"somebody else has changed {key} meanwhile; look at it again")
    return found


def _record(cx: Connection, measure: PolicyMeasure, action: str, actor: str, now: datetime) -> None:
    measures.record(cx, [measure], by=actor, now=now)
    _log(cx, action, actor, now, measure)


def _change(cx: Connection, before: PolicyMeasure, after: PolicyMeasure, actor: str, now: datetime) -> None:
    measures.change(cx, after, by=actor, now=now)
    was, plain = _plain(before), _plain(after)
    _log(cx, "change", actor, now, after, before={name: was[name] for name in was if was[name] != plain[name]})


def _plain(measure: PolicyMeasure) -> dict[str, str]:
    (row,) = measure_files.written([measure])
    return dict(zip(measure_files.COLUMNS, row, strict=True))


def _log(cx: Connection, action: str, actor: str, now: datetime, measure: PolicyMeasure, **more: Any) -> None:
    subject = f"{SUBJECT} {measure.key}"
    audit.append(cx, actor=actor, action=action, subject=subject, detail=_plain(measure) | more, now=now)
