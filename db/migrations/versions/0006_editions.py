"""Editions of the HS by month, codes they changed, and the versions of data sets that were read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edition_month",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("reporter", sa.String(length=3), nullable=False),
        sa.Column("period", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.String(length=4), nullable=False),
        sa.PrimaryKeyConstraint("source", "reporter", "period", "edition", name=op.f("pk_edition_month")),
    )
    op.execute(
        "INSERT INTO edition_month (source, reporter, period, edition) "
        "SELECT DISTINCT series.source, series.reporter, observation.period, observation.hs_edition "
        "FROM observation JOIN series ON series.id = observation.series_id WHERE observation.hs_edition <> ''"
    )
    op.create_table(
        "code_break",
        sa.Column("edition", sa.String(length=4), nullable=False),
        sa.Column("hs", sa.String(length=6), nullable=False),
        sa.PrimaryKeyConstraint("edition", "hs", name=op.f("pk_code_break")),
    )
    op.create_table(
        "dataset",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("reporter", sa.String(length=3), nullable=False),
        sa.Column("period", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hs", sa.String(length=10), nullable=False),
        sa.Column("partners", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "reporter", "period", "hs", "partners", name=op.f("pk_dataset")),
    )
