"""A scope speaks about the same codes and months of any number of reporters and flows."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "release_reporter",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reporter", sa.String(length=3), nullable=False),
        sa.Column("flow", sa.String(length=6), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_release_reporter_release_id")),
        sa.PrimaryKeyConstraint("release_id", "scope", "reporter", "flow", name=op.f("pk_release_reporter")),
    )
    op.execute(
        "INSERT INTO release_reporter (release_id, scope, reporter, flow) "
        "SELECT DISTINCT release_id, scope, reporter, flow FROM release_hs"
    )
    op.drop_index("ix_release_hs_reporter_flow_hs", "release_hs")
    with op.batch_alter_table("release_hs") as table:
        table.drop_column("reporter")
        table.drop_column("flow")
    op.create_index("ix_release_hs_hs", "release_hs", ["hs"])
