"""A notice tells any number of changes on a channel; what may not be told now is held; silences."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _recipients()
    _subscriptions()
    _silences()
    _notices()


def _recipients() -> None:
    for column in (
        sa.Column("rhythm", sa.String(length=16), server_default="immediate", nullable=False),
        sa.Column("zone", sa.String(length=64), server_default="Asia/Seoul", nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_to", sa.String(length=5), nullable=True),
        sa.Column("working_days", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("daily_cap", sa.Integer(), nullable=True),
        sa.Column("operator", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("recipient", column)
    op.create_table(
        "recipient_address",
        sa.Column("recipient_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("form", sa.String(length=16), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_recipient_address_recipient_id")),
        sa.PrimaryKeyConstraint("recipient_id", "channel", name=op.f("pk_recipient_address")),
    )
    op.execute(
        "INSERT INTO recipient_address (recipient_id, channel, address, form) "
        "SELECT id, 'email', email, '' FROM recipient"
    )


def _subscriptions() -> None:
    with op.batch_alter_table("subscription") as table:
        table.drop_constraint("uq_subscription_recipient_id_reporter_flow_hs_prefix", type_="unique")
        table.add_column(sa.Column("use", sa.String(length=32), server_default="", nullable=False))
        table.add_column(sa.Column("shock", sa.String(length=32), server_default="", nullable=False))
        table.add_column(sa.Column("event", sa.String(length=64), server_default="", nullable=False))
        table.create_unique_constraint(
            "uq_subscription_wish",
            ["recipient_id", "reporter", "flow", "hs_prefix", "use", "shock", "event"],
        )


def _silences() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reporter", sa.String(length=3), nullable=False),
        sa.Column("flow", sa.String(length=6), nullable=False),
        sa.Column("hs_prefix", sa.String(length=10), nullable=False),
        sa.Column("partner", sa.String(length=3), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_silence_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index(op.f("ix_silence_until"), "silence", ["until"])


def _notices() -> None:
    op.create_table(
        "held_line",
        sa.Column("recipient_id", sa.Integer(), nullable=False),
        sa.Column("alert_change_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_held_line_recipient_id")),
        sa.ForeignKeyConstraint(["alert_change_id"], ["alert_change.id"], name=op.f("fk_held_line_alert_change_id")),
        sa.PrimaryKeyConstraint("recipient_id", "alert_change_id", name=op.f("pk_held_line")),
    )
    # SQLite rewrites a table to change it, and may not while rows of another one refer to it: both stand aside.
    op.execute("CREATE TABLE told AS SELECT id, alert_change_id, reason FROM notice")
    op.execute("CREATE TABLE attempt AS SELECT id, notice_id, attempted_at, outcome, detail FROM delivery")
    op.drop_table("delivery")
    with op.batch_alter_table("notice") as table:
        table.drop_constraint("fk_notice_alert_change_id", type_="foreignkey")
        table.drop_column("alert_change_id")
        table.drop_column("reason")
        table.add_column(sa.Column("kind", sa.String(length=16), server_default="alert", nullable=False))
        table.add_column(sa.Column("channel", sa.String(length=32), server_default="email", nullable=False))
        table.add_column(sa.Column("event_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("note", sa.Text(), server_default="", nullable=False))
        table.create_index(op.f("ix_notice_recipient_id_due_at"), ["recipient_id", "due_at"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_delivery_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_notice_id"), "delivery", ["notice_id"])
    op.create_table(
        "notice_line",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("alert_change_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_line_notice_id")),
        sa.ForeignKeyConstraint(["alert_change_id"], ["alert_change.id"], name=op.f("fk_notice_line_alert_change_id")),
        sa.PrimaryKeyConstraint("notice_id", "alert_change_id", name=op.f("pk_notice_line")),
    )
    op.create_index(op.f("ix_notice_line_alert_change_id"), "notice_line", ["alert_change_id"])
    # Numbers of attempts are given anew, so that the sequence of PostgreSQL goes on after them.
    op.execute(
        "INSERT INTO delivery (notice_id, attempted_at, outcome, detail) "
        "SELECT notice_id, attempted_at, outcome, detail FROM attempt ORDER BY id"
    )
    op.execute("INSERT INTO notice_line SELECT id, alert_change_id, reason FROM told")
    op.execute("DROP TABLE told")
    op.execute("DROP TABLE attempt")
