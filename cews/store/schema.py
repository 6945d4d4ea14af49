"""Tables. Two times everywhere: ``period`` is event time (YYYYMM), ``known_from`` and ``as_of`` are knowledge time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A moment, always aware UTC in Python. SQLite keeps no zone, so it is taken off and put back there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time stored without a zone would be ambiguous")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# --- ingestion ---------------------------------------------------------------------------------------

run = Table(  # one execution of a job
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", String(64), nullable=False),  # "ingest:kcs", "scan", "notify" …
    Column("state", String(16), nullable=False),  # waiting | running | done | failed | stopped
    Column("started_at", Moment, nullable=False),  # of one that waits: when it was asked for
    Column("finished_at", Moment),
    Column("progress_done", Integer, nullable=False, server_default="0"),
    Column("progress_total", Integer, nullable=False, server_default="0"),
    Column("summary", JSON, nullable=False),
    Column("error", Text),
    Column("lease_name", String(64)),
    Column("plan", String(64)),  # sha256 of what an ingestion asks for: an unfinished run with the same one is resumed
    Column("asked_by", Text),  # who wanted it now; NULL = its time had come, or the command line
    Column("asked_for", JSON),  # what it is about, such as a release; NULL = what the job is always about
    Column("step", String(64)),  # what it is doing
    Column("stop_asked_by", Text),  # it ends at the next step forward
    Index(None, "job", "started_at"),
)

run_line = Table(  # what a run says of itself, the newest lines
    "run_line",
    metadata,
    Column("run_id", Integer, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("level", String(8), nullable=False),  # info | warning | error
    Column("words", Text, nullable=False),
)

run_request = Table(  # requests of a run whose answers are in the store
    "run_request",
    metadata,
    Column("run_id", Integer, ForeignKey("run.id"), primary_key=True),
    Column("request", String(64), primary_key=True),  # sha256 of address and parameters, without the key
)

raw = Table(  # raw answers and files, by content; the bytes lie under CEWS_HOME/raw
    "raw",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("request", Text, nullable=False),  # address or path, keys redacted
    Column("retrieved_at", Moment, nullable=False),
    Column("size", Integer, nullable=False),
    Column("path", Text, nullable=False),  # below CEWS_HOME
)

release = Table(  # one accepted answer or file: the unit that commits or does not
    "release",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(32), nullable=False),
    Column("sha256", String(64), ForeignKey("raw.sha256"), nullable=False),
    Column("label", Text, nullable=False),  # file name or request label
    Column("released_at", Moment, nullable=False),  # when we learned it
    Column("presumed", Boolean, nullable=False),  # known_from of back-filled months is presumed
    Column("dated", Boolean, nullable=False),  # every row carried its own known_from
    Column("simulated", Boolean, nullable=False),
    Column("state", String(16), nullable=False),  # accepted | rejected | quarantined → released | refused
    Column("rows_read", Integer, nullable=False),
    Column("rows_new", Integer, nullable=False),
    Column("rows_changed", Integer, nullable=False),
    Column("rows_vanished", Integer, nullable=False),
    Column("rows_unchanged", Integer, nullable=False),
    Column("rows_rejected", Integer, nullable=False),
    Column("run_id", Integer, ForeignKey("run.id")),
    Column("recipe", JSON(none_as_null=True)),  # how its bytes are read again; NULL = not by the program alone
    Index(None, "source", "released_at"),
)

review = Table(  # of a release that failed a check: what failed, and what was decided about it
    "review",
    metadata,
    Column("release_id", Integer, ForeignKey("release.id"), primary_key=True),
    Column("violations", JSON, nullable=False),  # [{check, scope, detail}]
    Column("reason", Text),  # NULL = nobody has decided
    Column("decided_at", Moment),
)

release_hs = Table(  # what a release speaks about: every hs × every month × every (reporter, flow) of a scope
    "release_hs",
    metadata,
    Column("release_id", Integer, ForeignKey("release.id"), primary_key=True),
    Column("scope", Integer, primary_key=True),  # number within the release
    Column("hs", String(10), primary_key=True),
    Index(None, "hs"),
)

release_reporter = Table(
    "release_reporter",
    metadata,
    Column("release_id", Integer, ForeignKey("release.id"), primary_key=True),
    Column("scope", Integer, primary_key=True),
    Column("reporter", String(3), primary_key=True),
    Column("flow", String(6), primary_key=True),
)

release_month = Table(  # written in one transaction with its release; a constraint would cost more than the rows
    "release_month",
    metadata,
    Column("release_id", Integer, primary_key=True, autoincrement=False),
    Column("scope", Integer, primary_key=True),
    Column("period", Integer, primary_key=True),
    Column("state", String(20), nullable=False),  # published | not_reported | not_yet_published
    Column("known_from", Moment, nullable=False),
)

release_partner = Table(  # only where a release speaks about some partners; none = all
    "release_partner",
    metadata,
    Column("release_id", Integer, ForeignKey("release.id"), primary_key=True),
    Column("scope", Integer, primary_key=True),
    Column("partner", String(3), primary_key=True),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(32), nullable=False),
    Column("reporter", String(3), nullable=False),
    Column("flow", String(6), nullable=False),
    Column("hs", String(10), nullable=False),
    Column("partner", String(3), nullable=False),
    UniqueConstraint("source", "reporter", "flow", "hs", "partner"),
    Index(None, "reporter", "flow", "hs"),
)

observation = Table(  # written by cews.store.releases alone, in one transaction with the series and releases it names
    "observation",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("known_from", Moment, primary_key=True),
    Column("known_to", Moment),  # NULL = current
    Column("value_usd", Double),
    Column("net_weight_kg", Double),
    Column("quantity", Double),
    Column("quantity_unit", String(16), nullable=False, server_default=""),
    Column("hs_edition", String(4), nullable=False, server_default=""),
    Column("presumed", Boolean, nullable=False),
    Column("release_id", Integer, nullable=False),
    Column("closed_by", Integer),  # the release that changed or dropped it
    Index(
        None,
        "closed_by",
        sqlite_where=text("closed_by IS NOT NULL"),
        postgresql_where=text("closed_by IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

observation_block = Table(  # the same versions packed by column, as they were when packed; see cews.store.blocks
    "observation_block",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("until_release", Integer, nullable=False),  # all releases up to this one are in this block or before
    Column("rows", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

quarantine = Table(  # rows that could not be read; nothing is lost
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(32), nullable=False),
    Column("sha256", String(64), ForeignKey("raw.sha256"), nullable=False),
    Column("label", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("column_name", String(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    UniqueConstraint("sha256", "line", "column_name", "reason"),
)

hs_name = Table(
    "hs_name",
    metadata,
    Column("hs", String(10), primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", String(32), nullable=False),
)

edition_month = Table(  # of which editions of the HS the codes of a reporter's month were
    "edition_month",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("reporter", String(3), primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("edition", String(4), primary_key=True),
)

code_break = Table(  # codes that mean something else in an edition than in the one before, loaded by an operator
    "code_break",
    metadata,
    Column("edition", String(4), primary_key=True),
    Column("hs", String(6), primary_key=True),
)

code_target = Table(  # what codes of an edition become in another, loaded by an operator
    "code_target",
    metadata,
    Column("edition", String(4), primary_key=True),
    Column("into", String(4), primary_key=True),
    Column("hs", String(6), primary_key=True),
    Column("target", String(6), nullable=False),
    Index(None, "target"),
)

dataset = Table(  # in which version a source's data set of a month was when a code of it was last read
    "dataset",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("reporter", String(3), primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("hs", String(10), primary_key=True),
    Column("partners", String(64), primary_key=True),  # sha256 of those asked for, "" = all
    Column("signature", Text, nullable=False),
    Column("read_at", Moment, nullable=False),
)

price = Table(  # reference prices and exchange rates by month, every version of each
    "price",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("name", String(96), primary_key=True),
    Column("period", Integer, primary_key=True),
    Column("known_from", Moment, primary_key=True),
    Column("known_to", Moment),  # NULL = current
    Column("price", Double, nullable=False),
    Column("unit", String(24), nullable=False),  # "USD/t", "USD/EUR" …
    Column("presumed", Boolean, nullable=False),
    Column("release_id", Integer, ForeignKey("release.id"), nullable=False),
    Column("closed_by", Integer, ForeignKey("release.id")),
    Index(
        "uq_price_current",
        "source",
        "name",
        "period",
        unique=True,
        sqlite_where=text("known_to IS NULL"),
        postgresql_where=text("known_to IS NULL"),
    ),
)

flash = Table(  # provisional trade of the first days of a month, every version of each figure; no observations
    "flash",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("flow", String(6), primary_key=True),
    Column("kind", String(8), primary_key=True),  # item | country
    Column("name", String(32), primary_key=True),  # of the item or country, or "total"
    Column("period", Integer, primary_key=True),
    Column("decile", Integer, primary_key=True),  # 1 = first ten days, 2 = first twenty, 3 = all
    Column("known_from", Moment, primary_key=True),
    Column("known_to", Moment),  # NULL = current
    Column("value_usd", Double, nullable=False),  # of all those days together
    Column("presumed", Boolean, nullable=False),
    Column("release_id", Integer, ForeignKey("release.id"), nullable=False),
    Column("closed_by", Integer, ForeignKey("release.id")),
    Index(
        "uq_flash_current",
        "source",
        "flow",
        "kind",
        "name",
        "period",
        "decile",
        unique=True,
        sqlite_where=text("known_to IS NULL"),
        postgresql_where=text("known_to IS NULL"),
    ),
)

watch_item = Table(  # the watch-list
    "watch_item",
    metadata,
    Column("reporter", String(3), primary_key=True),
    Column("flow", String(6), primary_key=True),
    Column("hs", String(10), primary_key=True),
    Column("name_ko", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("grade", String(1), nullable=False),
    Column("uses", JSON, nullable=False),  # who is hurt: list of use slugs, see docs/guide
    Column("note", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="1"),  # grows with each change
    Column("stock_months", Double),  # how long stocks cover the use; NULL = not known
)

policy_measure = Table(  # what governments do to trade, every version of what was known of it; see cews.measures
    "policy_measure",
    metadata,
    Column("key", String(96), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("known_from", Moment, nullable=False),
    Column("known_to", Moment),  # NULL = current
    Column("kind", String(24), nullable=False),
    Column("imposed_by", String(3), nullable=False),  # "" = not a state, or not known
    Column("supplier", String(3), nullable=False),  # "*" = any
    Column("hs", JSON, nullable=False),
    Column("reporters", JSON, nullable=False),  # [] = all
    Column("title_en", Text, nullable=False),
    Column("title_ko", Text, nullable=False),
    Column("announced", Date),
    Column("effective", Date),
    Column("ended", Date),
    Column("end_announced", Date),
    Column("state", String(16), nullable=False),  # proposed | adopted | cancelled
    Column("note", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("codes_certain", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("presumed", Boolean, nullable=False),  # recorded later than it is said to be known
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Index(
        "uq_policy_measure_current",
        "key",
        unique=True,
        sqlite_where=text("known_to IS NULL"),
        postgresql_where=text("known_to IS NULL"),
    ),
)

# --- detection and alerts ----------------------------------------------------------------------------

scan = Table(
    "scan",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("as_of", Moment, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("newest_period", Integer),
    Column("newest_of", JSON),  # "source reporter flow code" → newest month looked at (YYYYMM); NULL = not noted
    Column("items", Integer, nullable=False),
    Column("series", Integer, nullable=False),
    Column("detectors", JSON, nullable=False),  # id → version
    Column("expected_false_alarms", Double),  # new ones that quiet trade raises in the newest months, at most
    Index(None, "as_of"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scan_id", Integer, ForeignKey("scan.id"), nullable=False),
    Column("reporter", String(3), nullable=False),
    Column("flow", String(6), nullable=False),
    Column("hs", String(10), nullable=False),
    Column("period", Integer, nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("shock", String(32), nullable=False),
    Column("level", Integer, nullable=False),
    Column("partner", String(3)),
    Column("measure", String(16), nullable=False),
    Column("direction", String(4), nullable=False),
    Column("observed", Double, nullable=False),
    Column("expected", Double, nullable=False),
    Column("lower", Double, nullable=False),
    Column("upper", Double, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("p_value", Double, nullable=False),
    Column("score", Double, nullable=False),
    Column("probabilities", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),  # list of {code, numbers, weight}
    Column("history_months", Integer, nullable=False),
    Column("source", String(32), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("detector", String(32), nullable=False),
    Column("version", String(16), nullable=False),
    Column("confirmed", Boolean),  # of those at most one in five is false; NULL = no ranker counted
    UniqueConstraint("scan_id", "reporter", "flow", "hs", "period"),
    Index(None, "reporter", "flow", "hs", "period"),
)

forecast = Table(  # expectation and outlook of watched and shortlisted items, by model
    "forecast",
    metadata,
    Column("scan_id", Integer, ForeignKey("scan.id"), primary_key=True),
    Column("reporter", String(3), primary_key=True),
    Column("flow", String(6), primary_key=True),
    Column("hs", String(10), primary_key=True),
    Column("measure", String(16), primary_key=True),  # quantity | unit_value
    Column("model", String(32), primary_key=True),  # screen | ets | prophet …
    Column("as_of", Moment, nullable=False),
    Column("points", JSON, nullable=False),  # [{period, observed, expected, lower80, upper80, lower95, upper95, ahead}]
    Column("error", Double),  # rolling one-step error, MASE; NULL where it could not be measured
    Column("chosen", Boolean, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Index(None, "reporter", "flow", "hs", "as_of"),
)

alert = Table(  # the present state of each episode; its history is alert_change
    "alert",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reporter", String(3), nullable=False),
    Column("flow", String(6), nullable=False),
    Column("hs", String(10), nullable=False),
    Column("state", String(16), nullable=False),
    Column("level", Integer, nullable=False),
    Column("peak_level", Integer, nullable=False),
    Column("shock", String(32), nullable=False),
    Column("partner", String(3)),
    Column("opened_period", Integer, nullable=False),
    Column("opened_as_of", Moment, nullable=False),
    Column("last_period", Integer, nullable=False),
    Column("last_as_of", Moment, nullable=False),
    Column("quiet_months", Integer, nullable=False),
    Column("source", String(32), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("last_finding_id", Integer, ForeignKey("finding.id")),
    Column("version", Integer, nullable=False),
    Index(
        "uq_alert_open",
        "reporter",
        "flow",
        "hs",
        unique=True,
        sqlite_where=text("state = 'open' AND shock <> 'dependence_relapse'"),
        postgresql_where=text("state = 'open' AND shock <> 'dependence_relapse'"),
    ),
    Index(
        "uq_alert_open_slow",
        "reporter",
        "flow",
        "hs",
        unique=True,
        sqlite_where=text("state = 'open' AND shock = 'dependence_relapse'"),
        postgresql_where=text("state = 'open' AND shock = 'dependence_relapse'"),
    ),
    Index(None, "state", "level"),
    Index(None, "reporter", "flow", "hs"),
)

alert_change = Table(
    "alert_change",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, ForeignKey("alert.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("superseded_as_of", Moment),  # when the next change took its place; NULL = it stands
    Column("recorded_at", Moment, nullable=False),
    Column("period", Integer, nullable=False),
    Column("level_before", Integer),
    Column("level_after", Integer),
    Column("peak_level", Integer, nullable=False, server_default="0"),  # the highest so far
    Column("shock", String(32), nullable=False),
    Column("partner", String(3)),
    Column("finding_id", Integer, ForeignKey("finding.id")),
    Column("evidence_id", Integer),  # the newest finding so far; one of finding_id
    Column("reasons", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("alert_id", "version"),
    Index(None, "as_of"),
    Index(None, "level_after", "as_of"),
)

policy = Table(  # every policy that was put in force; the newest one is
    "policy",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content", Text, nullable=False),  # TOML
    Column("author", Text, nullable=False),
    Column("loaded_at", Moment, nullable=False),
)

proposal = Table(  # other rules, made from verdicts; a manager decides
    "proposal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column(
        "policy_id", Integer, ForeignKey("policy.id")
    ),  # it would change; NULL = the one that comes with the program
    Column("before", Text, nullable=False),  # TOML
    Column("content", Text, nullable=False),  # TOML
    Column("changes", JSON, nullable=False),
    Column("effect", JSON, nullable=False),
    Column("state", String(16), nullable=False),  # open | accepted | rejected | undone
    Column("decided_at", Moment),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("put_in_force", Integer, ForeignKey("policy.id")),
)

suggestion = Table(  # from people outside, until an analyst has looked at it
    "suggestion",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),  # account; empty = the public, of whom nothing is kept
    Column("kind", String(8), nullable=False),  # item | shock
    Column("content", JSON, nullable=False),
    Column("state", String(16), nullable=False),  # waiting | accepted | declined
    Column("decided_at", Moment),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "state"),
)

alert_handling = Table(  # what people do about an alert; no row = new
    "alert_handling",
    metadata,
    Column("alert_id", Integer, ForeignKey("alert.id"), primary_key=True, autoincrement=False),
    Column("stage", String(16), nullable=False),  # new | acknowledged | investigating | closed
    Column("outcome", String(16)),  # of a closed one: real | false_alarm | known | data_error
    Column("assignee", Text, nullable=False, server_default=""),
    Column("snoozed_until", Moment),
    Column("closed_level", Integer),  # a rise above it opens the alert again
    Column("version", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

alert_comment = Table(
    "alert_comment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, ForeignKey("alert.id"), nullable=False),
    Column("author", Text, nullable=False),
    Column("written_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "alert_id"),
)

audit = Table(  # who did what; append-only, each entry sealed with the one before
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", String(96), nullable=False),  # "alert 7"
    Column("detail", Text, nullable=False),  # JSON, exactly as it was sealed
    Column("previous", String(64), nullable=False, unique=True),  # hash of the entry before
    Column("hash", String(64), nullable=False),
    Index(None, "subject"),
)

brief = Table(  # one draft (version 0) of each, and what was published, which triggers keep as it is
    "brief",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),  # item | event | supplier | month
    Column("key", String(64), nullable=False),
    Column("language", String(2), nullable=False),
    Column("long", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("note", Text, nullable=False),  # the analyst's
    Column("author", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),  # of what is published: when it was
    Column("edits", Integer, nullable=False),  # of a draft; guards against silent overwriting
    Column("as_of", Moment),
    Column("title", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the HTML
    UniqueConstraint("kind", "key", "language", "long", "version"),
    Index(None, "changed_at"),
)

event = Table(  # a common cause behind alerts
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(96), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # supplier | passage | measure
    Column("reporter", String(3), nullable=False),
    Column("flow", String(6), nullable=False),
    Column("partner", String(3)),
    Column("name_ko", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("first_period", Integer, nullable=False),
    Column("known_since", Moment, nullable=False),
)

event_alert = Table(  # an alert belongs to one event at most
    "event_alert",
    metadata,
    Column("alert_id", Integer, ForeignKey("alert.id"), primary_key=True, autoincrement=False),
    Column("event_id", Integer, ForeignKey("event.id"), nullable=False),
    Column("joined_as_of", Moment, nullable=False),
    Index(None, "event_id"),
)

unraised = Table(  # big moves that were not raised, and why
    "unraised",
    metadata,
    Column("scan_id", Integer, ForeignKey("scan.id"), primary_key=True, autoincrement=False),
    Column("reporter", String(3), primary_key=True),
    Column("flow", String(6), primary_key=True),
    Column("hs", String(10), primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("as_of", Moment, nullable=False),
    Column("reasons", JSON, nullable=False),
    Index(None, "reporter", "flow", "hs"),
)

# --- notices -----------------------------------------------------------------------------------------

recipient = Table(
    "recipient",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, unique=True),
    Column("language", String(2), nullable=False),  # ko | en
    Column("active", Boolean, nullable=False),
    Column("rhythm", String(16), nullable=False, server_default="immediate"),  # immediate | daily | weekly
    Column("zone", String(64), nullable=False, server_default="Asia/Seoul"),
    Column("quiet_from", String(5)),  # HH:MM in the zone; NULL = no quiet hours
    Column("quiet_to", String(5)),
    Column("working_days", Boolean, nullable=False, server_default=false()),  # written to on these days only
    Column("daily_cap", Integer),  # messages a day; NULL = the policy's
    Column("operator", Boolean, nullable=False, server_default=false()),  # is told of trouble
)

recipient_address = Table(  # where a recipient is reached, by channel
    "recipient_address",
    metadata,
    Column("recipient_id", Integer, ForeignKey("recipient.id"), primary_key=True),
    Column("channel", String(32), primary_key=True),  # email | webhook | one of another package
    Column("address", Text, nullable=False),
    Column("secret", Text),
    Column("form", String(16), nullable=False, server_default=""),  # of a webhook's body
)

subscription = Table(  # which items a recipient hears about
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipient_id", Integer, ForeignKey("recipient.id"), nullable=False),
    Column("reporter", String(3), nullable=False),  # "*" = any
    Column("flow", String(6), nullable=False),  # "*" = any
    Column("hs_prefix", String(10), nullable=False),  # "" = any, as in the columns below
    Column("use", String(32), nullable=False, server_default=""),  # who is hurt
    Column("shock", String(32), nullable=False, server_default=""),
    Column("event", String(64), nullable=False, server_default=""),
    Column("min_level", Integer, nullable=False),
    UniqueConstraint(
        "recipient_id", "reporter", "flow", "hs_prefix", "use", "shock", "event", name="uq_subscription_wish"
    ),
)

silence = Table(  # what is not told for a while
    "silence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reporter", String(3), nullable=False),  # "*" = any
    Column("flow", String(6), nullable=False),  # "*" = any
    Column("hs_prefix", String(10), nullable=False),  # "" = any
    Column("partner", String(3), nullable=False),  # "" = any
    Column("alert_id", Integer, ForeignKey("alert.id")),  # NULL = any
    Column("until", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "until"),
)

notice = Table(  # the outbox: one message owed to one recipient on one channel
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("idempotency_key", String(64), nullable=False, unique=True),
    Column("recipient_id", Integer, ForeignKey("recipient.id"), nullable=False),
    Column("kind", String(16), nullable=False, server_default="alert"),  # alert | event | digest | test | trouble
    Column("channel", String(32), nullable=False, server_default="email"),
    Column("event_id", Integer),
    Column("note", Text, nullable=False, server_default=""),  # what a notice without lines says
    Column("state", String(16), nullable=False),  # waiting | sending | sent | dead
    Column("message_id", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_owner", String(64)),
    Column("lease_until", Moment),
    Column("sent_at", Moment),
    Column("last_error", Text),
    Index(None, "state", "due_at"),
    Index(None, "recipient_id", "due_at"),
)

notice_line = Table(  # what a notice tells, and why
    "notice_line",
    metadata,
    Column("notice_id", Integer, ForeignKey("notice.id"), primary_key=True),
    Column("alert_change_id", Integer, ForeignKey("alert_change.id"), primary_key=True),
    Column("reason", String(16), nullable=False),
    Index(None, "alert_change_id"),
)

held_line = Table(  # what is owed and not told now, with the cause
    "held_line",
    metadata,
    Column("recipient_id", Integer, ForeignKey("recipient.id"), primary_key=True),
    Column("alert_change_id", Integer, ForeignKey("alert_change.id"), primary_key=True),
    Column("reason", String(16), nullable=False),
    Column("cause", String(64), nullable=False),  # "silence 3" | "part of KOR:import:2504" | "closed"
    Column("held_at", Moment, nullable=False),
)

secret = Table(  # keys that this installation signs with; the migration made them
    "secret",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

delivery = Table(  # every attempt to send
    "delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("notice_id", Integer, ForeignKey("notice.id"), nullable=False),
    Column("attempted_at", Moment, nullable=False),
    Column("outcome", String(16), nullable=False),  # sent | failed
    Column("detail", Text, nullable=False),
    Index(None, "notice_id"),
)

# --- people ------------------------------------------------------------------------------------------

account = Table(  # who may sign in to the dashboard
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),  # viewer | analyst | manager | admin
    Column("active", Boolean, nullable=False),
    Column("password_hash", Text),  # argon2id; NULL = signs in by a provider, or by the demo's click
    Column("created_at", Moment, nullable=False),
    Column("signed_in_at", Moment),
    Column("seen_at", Moment),  # when a session of it was last used
    Column("visit_before", Moment),  # when the visit before the present one ended
    Column("issuer", Text),  # the provider it signs in by; NULL = none
    Column("subject", Text),  # what the provider calls it for good; NULL = it has not come yet
    Index(None, "issuer", "subject", unique=True),
)

web_session = Table(  # of a browser; a row that is gone is a session that has ended
    "web_session",
    metadata,
    Column("key", String(64), primary_key=True),  # sha256 of the random id in the cookie
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("address", Text, nullable=False),
    Index(None, "account_id"),
)

sign_in_attempt = Table(  # of the last minutes, to slow down who guesses
    "sign_in_attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "name", "at"),
    Index(None, "address", "at"),
    Index(None, "at"),
)

api_token = Table(  # by which a program is let in as somebody; nothing of it is ever taken out
    "api_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),  # the owner
    Column("name", String(64), nullable=False),
    Column("key", String(64), nullable=False, unique=True),  # sha256 of the secret
    Column("scopes", JSON, nullable=False),  # list of read | triage | feed
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),  # NULL = never
    Column("used_at", Moment),  # to the minute
    Column("revoked_at", Moment),
    Index(None, "account_id"),
)

ranker = Table(  # what was learned from the trade known at as_of
    "ranker",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("as_of", Moment, nullable=False),
    Column("trained_at", Moment, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("version", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),  # arrays, see detectors.ranker
    Index(None, "as_of"),
)

# --- operation ---------------------------------------------------------------------------------------

lease = Table(  # one scheduler at a time
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("until", Moment, nullable=False),
)
