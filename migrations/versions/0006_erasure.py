"""erasure: what of an import is gone, and which is the next to go."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Moment

revision = "0006"
down_revision = "0005"

INDEXES = {  # of imports: name, column, condition
    "ix_import_retry_of": ("retry_of", None),
    "ix_import_has_file": ("finished_at", "finished_at IS NOT NULL AND file_erased_at IS NULL"),
    "ix_import_has_results": ("finished_at", "finished_at IS NOT NULL AND results_erased_at IS NULL"),
    "ix_import_erasing": ("id", "erasing"),
}
# PostgreSQL's own vacuum waits for a fifth of a table to be dead; what retention empties is to be had again sooner
VACUUMED = {"part_file": True, "result_file": True, "result_row": True, "event": False}  # has large values beside it
SOONER = "autovacuum_vacuum_scale_factor"


def upgrade() -> None:
    op.add_column("import", sa.Column("file_erased_at", Moment(), nullable=True))
    op.add_column("import", sa.Column("results_erased_at", Moment(), nullable=True))
    op.add_column("import", sa.Column("erasing", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name, (column, condition) in INDEXES.items():
        where = None if condition is None else sa.text(condition)
        op.create_index(name, "import", [column], postgresql_where=where, sqlite_where=where)
    alone = sa.text("import_id IS NULL")
    op.create_index("ix_event_of_instance", "event", ["at"], postgresql_where=alone, sqlite_where=alone)
    if op.get_bind().dialect.name == "postgresql":
        for table, has_toast in VACUUMED.items():
            toast = f", toast.{SOONER} = 0.02" if has_toast else ""
            op.execute(f"ALTER TABLE {table} SET ({SOONER} = 0.02{toast})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, has_toast in VACUUMED.items():
            op.execute(f"ALTER TABLE {table} RESET ({SOONER}{f', toast.{SOONER}' if has_toast else ''})")
    op.drop_index("ix_event_of_instance", "event")
    for name in INDEXES:
        op.drop_index(name, "import")
    for column in ("erasing", "results_erased_at", "file_erased_at"):
        op.drop_column("import", column)
