"""Each change of an alert says when the next one took its place, how high the alert had come, and its evidence.

What stood at a moment is then found by its two ends, without going through the whole history.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Word for word: when the next change took its place; the highest level so far; the newest finding so far.
FILL = """
UPDATE alert_change SET
  superseded_as_of = (
    SELECT later.as_of FROM alert_change later
    WHERE later.alert_id = alert_change.alert_id AND later.version = alert_change.version + 1),
  peak_level = (
    SELECT MAX(COALESCE(before.level_after, before.level_before)) FROM alert_change before
    WHERE before.alert_id = alert_change.alert_id AND before.version <= alert_change.version),
  evidence_id = (
    SELECT before.finding_id FROM alert_change before
    WHERE before.alert_id = alert_change.alert_id AND before.version <= alert_change.version
      AND before.finding_id IS NOT NULL
    ORDER BY before.version DESC LIMIT 1)
"""


def upgrade() -> None:
    op.add_column("alert_change", sa.Column("superseded_as_of", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alert_change", sa.Column("peak_level", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("alert_change", sa.Column("evidence_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_alert_change_level_after_as_of"), "alert_change", ["level_after", "as_of"])
    op.create_index(op.f("ix_alert_reporter_flow_hs"), "alert", ["reporter", "flow", "hs"])
    op.execute(FILL)
