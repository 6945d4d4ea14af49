"""Beside the alert of a shock an item may have an open slow one: a dependence that has come back."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

OF_KIND = {"uq_alert_open": "<>", "uq_alert_open_slow": "="}


def upgrade() -> None:
    op.drop_index("uq_alert_open", "alert")
    for name, compared in OF_KIND.items():
        where = sa.text(f"state = 'open' AND shock {compared} 'dependence_relapse'")
        op.create_index(
            name, "alert", ["reporter", "flow", "hs"], unique=True, sqlite_where=where, postgresql_where=where
        )
