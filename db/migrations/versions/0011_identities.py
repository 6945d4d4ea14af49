"""Accounts that sign in by a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("issuer", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("subject", sa.Text(), nullable=True))
    op.create_index(op.f("ix_account_issuer_subject"), "account", ["issuer", "subject"], unique=True)
