"""Briefs: one draft a subject, and what was published, which nobody changes."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

_PUBLISHED_FOR_GOOD = {
    "sqlite": [
        f"CREATE TRIGGER brief_no_{verb} BEFORE {verb} ON brief WHEN OLD.version > 0 "
        "BEGIN SELECT RAISE(ABORT, 'a published brief is not changed'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION brief_is_published() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a published brief is not changed'; END $$",
        "CREATE TRIGGER brief_published BEFORE UPDATE OR DELETE ON brief "
        "FOR EACH ROW WHEN (OLD.version > 0) EXECUTE FUNCTION brief_is_published()",
        "CREATE TRIGGER brief_kept BEFORE TRUNCATE ON brief FOR EACH STATEMENT EXECUTE FUNCTION brief_is_published()",
    ],
}


def upgrade() -> None:
    op.create_table(
        "brief",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("long", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("as_of", MOMENT, nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brief")),
        sa.UniqueConstraint(
            "kind", "key", "language", "long", "version", name=op.f("uq_brief_kind_key_language_long_version")
        ),
    )
    op.create_index(op.f("ix_brief_changed_at"), "brief", ["changed_at"])
    for statement in _PUBLISHED_FOR_GOOD[op.get_bind().dialect.name]:
        op.execute(statement)
