"""How long stocks cover the use of a watched item."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watch_item", sa.Column("stock_months", sa.Double(), nullable=True))
