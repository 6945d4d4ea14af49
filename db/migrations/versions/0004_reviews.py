"""Releases that failed a check and what was decided about them; requests that a resumed run need not repeat."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("plan", sa.String(length=64), nullable=True))
    op.add_column("release", sa.Column("recipe", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "run_request",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_request_run_id")),
        sa.PrimaryKeyConstraint("run_id", "request", name=op.f("pk_run_request")),
    )
    op.create_table(
        "review",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("violations", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_review_release_id")),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_review")),
    )
