"""An index by which a part is found by its batch id."""

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"

HAS_BATCH = text("batch_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_part_batch", "part", ["instance", "batch_id"], postgresql_where=HAS_BATCH, sqlite_where=HAS_BATCH
    )


def downgrade() -> None:
    op.drop_index("ix_part_batch", "part")
