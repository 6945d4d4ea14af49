"""Notices of a store made by an earlier version survive the upgrade."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Engine, text

from cews.store import migrations
from cews.store.engine import reading, writing
from cews.store.schema import metadata


def test_notices_of_an_older_store_keep_what_they_tell_and_how_they_were_tried(store_engine: Engine) -> None:
    """0005 takes the change and the reason out of ``notice``: what was there is in ``notice_line`` afterwards."""
    with writing(store_engine) as cx:
        for statement in _empty(cx.dialect.name):
            cx.execute(text(statement))
        config = migrations._config()
        config.attributes["connection"] = cx
        command.upgrade(config, "0004")
        for statement in _OLD_NOTICE:
            cx.execute(text(statement))
    migrations.upgrade(store_engine)
    with reading(store_engine) as cx:
        assert cx.execute(text("SELECT notice_id, alert_change_id, reason FROM notice_line")).all() == [(3, 1, "first")]
        assert cx.execute(text("SELECT notice_id, outcome, detail FROM delivery")).all() == [(3, "sent", "")]
        assert cx.execute(text("SELECT kind, channel, message_id FROM notice")).all() == [("alert", "email", "<a@b>")]
        assert cx.execute(text("SELECT channel, address FROM recipient_address")).all() == [("email", "k@x.org")]
        assert cx.execute(text('SELECT hs_prefix, "use" FROM subscription')).all() == [("2504", "")]
    with writing(store_engine) as cx:  # numbers go on after those that were kept
        row = "INSERT INTO delivery (notice_id, attempted_at, outcome, detail) VALUES (3, '2024-01-02', 'sent', '')"
        cx.execute(text(row))


def _empty(dialect: str) -> list[str]:
    """What takes everything out of a store."""
    if dialect == "postgresql":
        return ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"]
    return [f'DROP TABLE "{table.name}"' for table in reversed(metadata.sorted_tables)] + ["DROP TABLE alembic_version"]


_OLD_NOTICE = (
    "INSERT INTO recipient VALUES (1, 'Kim', 'k@x.org', 'ko', true)",
    "INSERT INTO subscription VALUES (1, 1, '*', '*', '2504', 1)",
    "INSERT INTO alert (id, reporter, flow, hs, state, level, peak_level, shock, opened_period, opened_as_of, "
    "last_period, last_as_of, quiet_months, source, simulated, version) VALUES (1, 'KOR', 'import', '250410', 'open', "
    "4, 4, 'shortage', 202401, '2024-02-15', 202401, '2024-02-15', 0, 'kcs', false, 1)",
    "INSERT INTO alert_change (id, alert_id, kind, as_of, recorded_at, period, level_after, shock, reasons, version) "
    "VALUES (1, 1, 'opened', '2024-02-15', '2024-02-15', 202401, 4, 'shortage', '[]', 1)",
    "INSERT INTO notice (id, idempotency_key, recipient_id, alert_change_id, reason, state, message_id, created_at, "
    "due_at, attempts) VALUES (3, 'k', 1, 1, 'first', 'sent', '<a@b>', '2024-02-15', '2024-02-15', 1)",
    "INSERT INTO delivery VALUES (7, 3, '2024-02-15', 'sent', '')",
)
