"""The months of a release refer to it without a constraint, as its observations do: they are written in one transaction
with it, and to have the database look up the release for each of hundreds of thousands costs more than to write them.
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("release_month") as table:
        table.drop_constraint("fk_release_month_release_id", type_="foreignkey")
