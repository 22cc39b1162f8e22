"""Tokens for event streams, who may go together where a priority may change, and how an import's columns are called."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment, Number

BUNDLES = sa.text("state = 'waiting' AND alike IS NOT NULL")

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "stream_token",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(12), nullable=False),
        sa.Column("import_id", Number, nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_stream_token_key_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name="fk_stream_token_import_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_stream_token"),
    )
    op.create_index("ix_stream_token_expires_at", "stream_token", ["expires_at"])
    op.create_index("ix_stream_token_import_id", "stream_token", ["import_id"])
    _index_alike("instance", "alike", "priority", "turn", "number")
    op.add_column("import", sa.Column("column_map", Json))


def downgrade() -> None:
    op.drop_column("import", "column_map")
    _index_alike("instance", "alike", "turn", "number")
    op.drop_table("stream_token")


def _index_alike(*columns: str) -> None:
    op.drop_index("ix_part_alike", "part")
    op.create_index("ix_part_alike", "part", list(columns), postgresql_where=BUNDLES, sqlite_where=BUNDLES)
