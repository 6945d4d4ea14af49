"""Provisional trade of the first days of a month."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flash",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("flow", sa.String(length=6), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("decile", sa.Integer(), nullable=False),
        sa.Column("known_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value_usd", sa.Double(), nullable=False),
        sa.Column("presumed", sa.Boolean(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["closed_by"], ["release.id"], name=op.f("fk_flash_closed_by")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_flash_release_id")),
        sa.PrimaryKeyConstraint(
            "source", "flow", "kind", "name", "period", "decile", "known_from", name=op.f("pk_flash")
        ),
    )
    op.create_index(
        "uq_flash_current",
        "flash",
        ["source", "flow", "kind", "name", "period", "decile"],
        unique=True,
        sqlite_where=sa.text("known_to IS NULL"),
        postgresql_where=sa.text("known_to IS NULL"),
    )
