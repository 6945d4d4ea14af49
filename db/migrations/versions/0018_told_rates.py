"""How many false alarms a scan expects, and which of its findings are confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scan", sa.Column("expected_false_alarms", sa.Double(), nullable=True))
    op.add_column("finding", sa.Column("confirmed", sa.Boolean(), nullable=True))
