"""Reference prices and exchange rates."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "price",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("known_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("unit", sa.String(length=24), nullable=False),
        sa.Column("presumed", sa.Boolean(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["closed_by"], ["release.id"], name=op.f("fk_price_closed_by")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_price_release_id")),
        sa.PrimaryKeyConstraint("source", "name", "period", "known_from", name=op.f("pk_price")),
    )
    op.create_index(
        "uq_price_current",
        "price",
        ["source", "name", "period"],
        unique=True,
        sqlite_where=sa.text("known_to IS NULL"),
        postgresql_where=sa.text("known_to IS NULL"),
    )
