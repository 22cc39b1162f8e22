"""indexes for growth: a tick and a page cost the same, whatever has piled up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

WAITING = sa.text("state = 'waiting'")
HELD = sa.text("waits_for IS NOT NULL")
MAY_NEED_ATTENTION = sa.text(
    "(state = 'unconfirmed' OR state = 'queued' OR state = 'importing' OR state = 'collecting' OR results_missing)"
)


def upgrade() -> None:
    for index in ("ix_part_waiting", "ix_part_waits_for", "ix_part_state"):
        op.drop_index(index, "part")
    waiting = ["instance", "turn", "number", "rows"]
    op.create_index("ix_part_waiting", "part", waiting, postgresql_where=WAITING, sqlite_where=WAITING)
    held = ["instance", "waits_for"]
    op.create_index("ix_part_waits_for", "part", held, postgresql_where=HELD, sqlite_where=HELD)
    op.create_index("ix_part_state", "part", ["state", "instance", "due_at"])
    op.create_index(
        "ix_part_attention",
        "part",
        ["import_id"],
        postgresql_where=MAY_NEED_ATTENTION,
        sqlite_where=MAY_NEED_ATTENTION,
    )
    op.create_index("ix_import_client", "import", ["client", "id"])
    op.create_index("ix_import_label", "import", ["label", "id"])


def downgrade() -> None:
    op.drop_index("ix_import_label", "import")
    op.drop_index("ix_import_client", "import")
    for index in ("ix_part_attention", "ix_part_state", "ix_part_waits_for", "ix_part_waiting"):
        op.drop_index(index, "part")
    waiting = ["instance", "turn", "number"]
    op.create_index("ix_part_waiting", "part", waiting, postgresql_where=WAITING, sqlite_where=WAITING)
    op.create_index("ix_part_waits_for", "part", ["waits_for"])
    op.create_index("ix_part_state", "part", ["instance", "state", "due_at"])
