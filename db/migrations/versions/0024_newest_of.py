"""How far a scan had looked at each stream: one that is behind the others is not passed over when it catches up."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scan", sa.Column("newest_of", sa.JSON(), nullable=True))
