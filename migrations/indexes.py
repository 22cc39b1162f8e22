"""Indexes of tables that others write to meanwhile: on PostgreSQL nobody waits while one is built."""

from typing import Any

from alembic import op
from sqlalchemy import text

INVALID = text(
    "SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
    "WHERE relname = :name AND relnamespace = current_schema()::regnamespace AND NOT indisvalid"
)


def create_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Build it while others read and write. What a try that broke off has left is built anew; what is there, kept.

    It ends the migration's transaction, so that it is all that a migration does, or the next try would begin in the
    middle.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(name, table, columns, **options)
        return
    with op.get_context().autocommit_block():
        if op.get_bind().execute(INVALID, {"name": name}).first():
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True, **options)
