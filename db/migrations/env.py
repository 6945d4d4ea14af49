"""Alembic's entry: runs the scripts on the connection that ``cews.store.migrations`` opened."""

from alembic import context

from cews.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
)
with context.begin_transaction():
    context.run_migrations()
