"""Tokens of which only a digest is kept, checksums of what is stored, and the jumps of the clock.

What is stored already gets no checksum: to take one now would say that it is whole, and nobody knows. It goes with its
retention.
"""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Moment

revision = "0011"
down_revision = "0010"

CHECKED = ("part_file", "part_keys", "result_file")


def upgrade() -> None:
    op.create_table(
        "clock_jump",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(10), nullable=False),
        sa.Column("before_at", Moment(), nullable=False),
        sa.Column("after_at", Moment(), nullable=False),
        sa.CheckConstraint("cause IN ('jump', 'gap')", name=op.f("ck_clock_jump_cause")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_jump")),
    )
    op.add_column("instance", sa.Column("clock_jump", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "access_token",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(12), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_access_token_key_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_access_token")),
    )
    op.create_index("ix_access_token_expires_at", "access_token", ["expires_at"])
    for table in CHECKED:
        op.add_column(table, sa.Column("checksum", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    for table in CHECKED:
        op.drop_column(table, "checksum")
    op.drop_index("ix_access_token_expires_at", "access_token")
    op.drop_table("access_token")
    op.drop_column("instance", "clock_jump")
    op.drop_table("clock_jump")
