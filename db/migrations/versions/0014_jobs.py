"""Runs that people ask for and stop, what a run says of itself, and versions of what is watched."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("asked_by", sa.Text()))
    op.add_column("run", sa.Column("step", sa.String(length=64)))
    op.add_column("run", sa.Column("stop_asked_by", sa.Text()))
    op.create_table(
        "run_line",
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_line_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_run_line")),
    )
    op.add_column("watch_item", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
