"""What a role of PostgreSQL may do that the program runs under: everything but change or take out what the log says.

The tables belong to another role, which upgrades them; so whoever comes by the password of the program's role can
neither change an entry of the audit log nor switch off the triggers that guard it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, text

from cews.domain import UserError
from cews.store.engine import writing

_APPEND_ONLY: Final = "audit"
_READ_ONLY: Final = "alembic_version"
_STATEMENTS: Final = (
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    f"REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON {_APPEND_ONLY} FROM {{role}}",
    f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {_READ_ONLY} FROM {{role}}",
)


def restrict(engine: Engine, role: str) -> None:
    """Let an existing role do what the program does, and no more. Raises UserError."""
    if engine.dialect.name != "postgresql":
        raise UserError("only PostgreSQL has roles; a store of SQLite is guarded by the permissions of its file")
    with writing(engine) as cx:
        about = text(
            "SELECT rolsuper, pg_has_role(rolname, current_user, 'MEMBER') FROM pg_roles WHERE rolname = :role"
        )
        found = cx.execute(about, {"role": role}).one_or_none()
        if found is None:
            raise UserError(f"there is no role {role!r}; make it first: CREATE ROLE {role} LOGIN PASSWORD '…'")
        if any(found):
            raise UserError(f"the role {role!r} owns the tables or is above them; take one of its own for the program")
        quoted = cx.dialect.identifier_preparer.quote
        names = {"role": quoted(role), "database": quoted(cx.execute(text("SELECT current_database()")).scalar_one())}
        for statement in _STATEMENTS:
            cx.execute(text(statement.format(**names)))
