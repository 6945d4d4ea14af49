"""Versions packed by column beside the rows; rows lie in the order of their key, and are written without a look at
other tables for each."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS = (
    "series_id, period, known_from, known_to, value_usd, net_weight_kg, quantity, quantity_unit, hs_edition, presumed, "
    "release_id, closed_by"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.drop_index("uq_observation_current", "observation")
        for column in ("series_id", "release_id", "closed_by"):
            op.drop_constraint(f"fk_observation_{column}", "observation", type_="foreignkey")
    op.create_index(
        "ix_observation_closed_by",
        "observation",
        ["closed_by"],
        sqlite_where=sa.text("closed_by IS NOT NULL"),
        postgresql_where=sa.text("closed_by IS NOT NULL"),
    )
    op.create_table(
        "observation_block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("until_release", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation_block")),
    )


def _rebuild() -> None:
    """SQLite stores a table in the order of its key only when it is made so."""
    op.create_table(
        "observation_in_order",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("known_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value_usd", sa.Double(), nullable=True),
        sa.Column("net_weight_kg", sa.Double(), nullable=True),
        sa.Column("quantity", sa.Double(), nullable=True),
        sa.Column("quantity_unit", sa.String(length=16), server_default="", nullable=False),
        sa.Column("hs_edition", sa.String(length=4), server_default="", nullable=False),
        sa.Column("presumed", sa.Boolean(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("series_id", "period", "known_from", name=op.f("pk_observation")),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO observation_in_order ({_COLUMNS}) SELECT {_COLUMNS} FROM observation "  # noqa: S608
        "ORDER BY series_id, period, known_from"
    )
    op.drop_table("observation")
    op.rename_table("observation_in_order", "observation")
