"""Health checks: what is missing, stale or broken, and what to do about it. Looking changes nothing.

Every check has an id that never changes its meaning (docs/operations/doctor.md): ``E…`` tells an error,
something that cannot work or breaks a promise; ``W…`` a warning, something an operator should look at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from cews import cron
from cews.accounts import Role
from cews.domain import Period, SettingsError, StoreError
from cews.notify import ChannelDownError
from cews.notify.smtp import SmtpChannel
from cews.settings import PREFIX, Settings, unknown_names
from cews.store import health, incoming, migrations, notices, queries, releases, reviews, runs, users, watchlist
from cews.store.engine import Connection, Engine, connect, reading
from ingest import sources
from ingest.base import Source

GRACE: Final = timedelta(days=3)  # how much later than its calendar says a source may publish
PATIENCE: Final = timedelta(hours=6)  # how long a run or a notice may take before somebody should look
LEAST_FREE: Final = 2**30  # bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One answer; ``remedy`` says what to do and is empty when all is well."""

    id: str
    title: str
    status: str  # ok | warn | error
    detail: str
    remedy: str = ""

    def record(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trouble:
    detail: str
    remedy: str


Verdict = str | Trouble  # a text says in a few words that all is well


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: the settings, the present, and a snapshot of the store."""

    settings: Settings
    now: datetime
    cx: Connection


def examine(settings: Settings, *, now: datetime, probe: bool = False) -> list[Check]:
    """Every check that can be made, in the order in which to mend things. With ``probe`` the mail server is called."""
    checks = [_check(id_, title, look(settings)) for id_, title, look in ON_THE_MACHINE]
    checks += _of_the_store(settings, now)
    if probe:
        checks.append(_check("E503", "mail server answers", mail_server_answers(settings)))
    return checks


def _of_the_store(settings: Settings, now: datetime) -> Iterator[Check]:
    try:
        engine = _open(settings)
    except StoreError as error:
        yield _check(
            "E201", "store", Trouble(str(error), "make it with `cews db upgrade`, or correct CEWS_DATABASE_URL")
        )
        return
    yield _check("E201", "store", "reachable")
    try:
        migrations.check(engine)
    except StoreError as error:
        yield _check("E202", "schema", Trouble(str(error), "back up, then `cews db upgrade`"))
        return
    yield _check("E202", "schema", "current")
    with reading(engine) as cx:
        patient = Patient(settings, now, cx)
        yield from [_check(id_, title, look(patient)) for id_, title, look in IN_THE_STORE]


def _open(settings: Settings) -> Engine:
    """The store; a missing file is not made."""
    scheme, _, path = settings.store_url.partition(":///")
    if scheme.startswith("sqlite") and not Path(path).exists():
        raise StoreError(f"there is no store at {path} yet")
    return connect(settings.store_url)


def _check(id_: str, title: str, verdict: Verdict) -> Check:
    if isinstance(verdict, str):
        return Check(id_, title, "ok", verdict)
    return Check(id_, title, "error" if id_.startswith("E") else "warn", verdict.detail, verdict.remedy)


# --- the machine -------------------------------------------------------------------------------------


def names_of_settings(_settings: Settings) -> Verdict:
    unknown = unknown_names()
    if not unknown:
        return "all known"
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    meant = [f"{name} → {close[0]}" for name in unknown if (close := get_close_matches(name, known, 1))]
    return Trouble(
        f"not a setting: {', '.join(unknown)}", f"correct the name ({', '.join(meant) or 'cews reads none of them'})"
    )


def schedule(settings: Settings) -> Verdict:
    try:
        cron.trigger(settings.schedule, settings.time_zone)
    except SettingsError as error:
        return Trouble(str(error), "correct CEWS_SCHEDULE")
    return f"{settings.schedule} ({settings.time_zone})"


def home_folder(settings: Settings) -> Verdict:
    place = _nearest_existing(settings.home)
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return str(settings.home.resolve())
    return Trouble(f"{place} cannot be written", "give it to the user that runs cews, or set CEWS_HOME elsewhere")


def disk_space(settings: Settings) -> Verdict:
    free = shutil.disk_usage(_nearest_existing(settings.home)).free
    if free >= LEAST_FREE:
        return f"{free / 2**30:,.0f} GiB free"
    return Trouble(f"only {free / 2**20:,.0f} MiB free at {settings.home}", "make room, or move CEWS_HOME")


def public_address(settings: Settings) -> Verdict:
    if not settings.exposed:
        return settings.public_url
    return Trouble(
        f"listens on {settings.host} and is called {settings.public_url}: passwords can be read on the way",
        "put a server with TLS in front and set CEWS_PUBLIC_URL to its https:// address (docs/guide/users.md)",
    )


def _nearest_existing(path: Path) -> Path:
    return next(place for place in (path.resolve(), *path.resolve().parents) if place.exists())


ON_THE_MACHINE: Final[tuple[tuple[str, str, Callable[[Settings], Verdict]], ...]] = (
    ("W101", "names of settings", names_of_settings),
    ("E102", "schedule", schedule),
    ("E103", "home folder", home_folder),
    ("W104", "disk space", disk_space),
    ("W105", "address of the dashboard", public_address),
)


def mail_server_answers(settings: Settings) -> Verdict:
    try:
        SmtpChannel.of(settings).probe()
    except (SettingsError, ChannelDownError) as error:
        return Trouble(str(error), "correct CEWS_SMTP_URL, or ask those who run the mail server")
    return "answered"


# --- in the store ------------------------------------------------------------------------------------


def durability(patient: Patient) -> Verdict:
    weak = health.weakened(patient.cx)
    if not weak:
        return "commits survive a power cut"
    return Trouble(f"commits may be lost when the power goes: {weak}", "take this setting of the database back")


def present_versions(patient: Patient) -> Verdict:
    count, first = health.told_twice(patient.cx)
    if not count:
        return "one for each number"
    return Trouble(
        f"numbers with several present versions: {count:,}; the first: {first}",
        "restore the last backup from before (docs/operations/backup.md) and ingest again what came after it",
    )


def key_of_source(patient: Patient) -> Verdict:
    settings, known = patient.settings, sources()
    names = [name.strip() for name in settings.schedule_source.split(",") if name.strip()]
    for name in names:
        if name not in known:
            return Trouble(f"there is no source {name!r}", f"set CEWS_SCHEDULE_SOURCE to some of {', '.join(known)}")
        source = known[name]
        has_key = source.key_setting is None or getattr(settings, source.key_setting, None) is not None
        if not (has_key or source.key_optional):
            key = PREFIX + str(source.key_setting).upper()
            return Trouble(f"{source.id} needs a key", f"set {key} or {key}_FILE (docs/guide/real-data.md)")
    return f"{', '.join(names)} can be asked"


@dataclass(frozen=True, slots=True)
class Silence:
    """A source that has not brought the month its calendar says is out."""

    source: str
    newest: Period | None
    due: Period

    def __str__(self) -> str:
        return f"{self.source} ends in {self.newest}, {self.due} should be out"


def freshness(patient: Patient) -> Verdict:
    read = _sources_read(patient.cx)
    late = silent_sources(patient.cx, patient.now)
    if late:
        return Trouble("; ".join(map(str, late)), "cews scheduler --once; where the publisher is late itself, wait")
    return "nothing newer should be out" if read else "no source with a calendar has been read"


def silent_sources(cx: Connection, now: datetime) -> list[Silence]:
    """The sources whose newest month is older than their calendar says, with some grace."""
    silences = [
        Silence(state.source, state.newest_period, newest_due(source, now)) for state, source in _sources_read(cx)
    ]
    return [one for one in silences if one.newest is None or one.newest < one.due]


def _sources_read(cx: Connection) -> list[tuple[releases.Freshness, Source]]:
    known = sources()
    states = releases.freshness(cx)
    return [(state, known[state.source]) for state in states if state.source in known and not state.simulated]


def newest_due(source: Source, now: datetime) -> Period:
    """The newest month the source's calendar says is out, with some grace."""
    month = Period.containing(now.date())
    while source.presumed_known_from(month) + GRACE > now:
        month += -1
    return month


def set_aside(patient: Patient) -> Verdict:
    count = incoming.count_rejects(patient.cx, patient.now)
    if not count:
        return "none"
    newest = incoming.rejects(patient.cx, patient.now, limit=1)[0]
    where = f"{newest.label}, line {newest.line}, {newest.column}: {newest.reason}"
    return Trouble(f"{count:,} values could not be read; the newest: {where}", "correct the file and ingest it again")


def held_back(patient: Patient) -> Verdict:
    waiting = releases.listing(patient.cx, state=reviews.QUARANTINED)
    if not waiting:
        return "none"
    newest = f"release {waiting[0].id} of {waiting[0].source} ({waiting[0].label})"
    return Trouble(
        f"{len(waiting)} releases failed a check and do not count; the newest: {newest}",
        "cews releases list --state quarantined, then accept or reject (docs/operations/quarantine.md)",
    )


def ingested_with_warnings(patient: Patient) -> Verdict:
    """The newest run of each source that ended, and what it told without holding anything back."""
    seen: set[str] = set()
    for run in runs.newest(patient.cx, limit=100):
        if run.job in seen or run.state != "done" or not run.job.startswith("ingest:"):
            continue
        seen.add(run.job)
        if told := run.summary.get("warnings"):
            return Trouble(
                f"{run.job} on {run.started_at:%Y-%m-%d %H:%M} UTC: {told[0]}"
                + f" and {len(told) - 1} more" * (len(told) > 1),
                "read the source that it differs from again, or leave out a code that has ended, then ingest once more",
            )
    return "none"


def watched(patient: Patient) -> Verdict:
    count = len(watchlist.get_items(patient.cx))
    return (
        f"{count} items" if count else Trouble("no item is watched", "cews watchlist load kor, or a file of your own")
    )


def last_scan(patient: Patient) -> Verdict:
    scan = queries.last_scan(patient.cx, patient.now)
    if scan is None:
        return Trouble("nothing has been scanned", "cews scan")
    newer = [state.source for state in releases.freshness(patient.cx) if state.newest_release > scan.as_of]
    if newer:
        return Trouble(
            f"data of {', '.join(newer)} came after the last scan ({scan.as_of:%Y-%m-%d %H:%M} UTC)", "cews scan"
        )
    return f"{scan.as_of:%Y-%m-%d %H:%M} UTC, {scan.items} items to {scan.newest}"


def last_runs(patient: Patient) -> Verdict:
    newest: dict[str, runs.Run] = {}
    for run in runs.newest(patient.cx, limit=100):
        newest.setdefault(run.job, run)
    for run in newest.values():
        if run.state == "failed":
            return Trouble(
                f"{run.job} failed on {run.started_at:%Y-%m-%d %H:%M} UTC: {run.error}", "cews scheduler --once"
            )
        if run.state == "running" and patient.now - run.started_at > PATIENCE:
            return Trouble(
                f"{run.job} has been running since {run.started_at:%Y-%m-%d %H:%M} UTC",
                "see whether its process lives; a new scheduler clears what a dead one left",
            )
    return ", ".join(f"{run.job} {run.state} {run.started_at:%Y-%m-%d}" for run in newest.values()) or "none yet"


def recipients(patient: Patient) -> Verdict:
    count = len({subscription.recipient_id for subscription in notices.subscriptions(patient.cx)})
    return f"{count} subscribed" if count else Trouble("nobody is told about alerts", "cews recipient add")


def mail_server(patient: Patient) -> Verdict:
    if patient.settings.smtp_url is not None:
        return "set"
    waiting = notices.counts(patient.cx)[notices.WAITING]
    return Trouble(f"no mail server is set; {waiting} notices wait", "set CEWS_SMTP_URL (docs/operations/settings.md)")


def waiting_notices(patient: Patient) -> Verdict:
    waiting = notices.due(patient.cx, patient.now + timedelta(days=1), limit=10_000)
    oldest = min(waiting, key=lambda notice: notice.created_at, default=None)
    if oldest is None or patient.now - oldest.created_at <= PATIENCE:
        return f"{len(waiting)} waiting"
    return Trouble(
        f"{len(waiting)} waiting, the oldest since {oldest.created_at:%Y-%m-%d %H:%M} UTC: "
        f"{oldest.last_error or 'nobody tried to send it'}",
        "cews notify",
    )


def dead_letters(patient: Patient) -> Verdict:
    dead = notices.dead_letters(patient.cx)
    if not dead:
        return "none"
    return Trouble(
        f"{len(dead)} notices were given up; the first, to {dead[0].recipient.email}: {dead[0].last_error}",
        "correct the address (cews recipient list), then cews notices resend --all",
    )


def accounts(patient: Patient) -> Verdict:
    lines = users.listing(patient.cx, patient.now, users.Limits.of(patient.settings))
    active = [line.account for line in lines if line.account.active]
    if any(account.role is Role.ADMIN for account in active):
        return f"{len(active)} may sign in"
    return Trouble(
        f"{len(active)} may sign in to the dashboard, no admin among them", "cews user add NAME --role admin"
    )


IN_THE_STORE: Final[tuple[tuple[str, str, Callable[[Patient], Verdict]], ...]] = (
    ("E203", "durable commits", durability),
    ("E204", "present versions", present_versions),
    ("W301", "source of the schedule", key_of_source),
    ("W302", "freshness of sources", freshness),
    ("W303", "rows set aside", set_aside),
    ("W304", "releases held back", held_back),
    ("W305", "warnings of sources", ingested_with_warnings),
    ("W401", "watch-list", watched),
    ("W402", "last scan", last_scan),
    ("W403", "runs", last_runs),
    ("W501", "recipients", recipients),
    ("W502", "mail server", mail_server),
    ("W504", "waiting notices", waiting_notices),
    ("E505", "dead letters", dead_letters),
    ("W601", "accounts", accounts),
)
