"""When an account was last there, and until when the visit before that."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("account", sa.Column("visit_before", sa.DateTime(timezone=True), nullable=True))
