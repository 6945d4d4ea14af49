"""What codes of an edition of the HS become in another."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "code_target",
        sa.Column("edition", sa.String(length=4), nullable=False),
        sa.Column("into", sa.String(length=4), nullable=False),
        sa.Column("hs", sa.String(length=6), nullable=False),
        sa.Column("target", sa.String(length=6), nullable=False),
        sa.PrimaryKeyConstraint("edition", "into", "hs", name=op.f("pk_code_target")),
    )
    op.create_index(op.f("ix_code_target_target"), "code_target", ["target"])
