"""clients and their keys: who may call, and which of their requests are one."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Moment, Number

revision = "0003"
down_revision = "0002"

WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("client", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.String(length=40), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("last_used_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("client", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("parameters_sha256", sa.String(length=64), nullable=False),
        sa.Column("import_id", Number, nullable=True),
        sa.Column("file_sha256", sa.String(length=64), nullable=True),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("touched_at", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["import.id"], name=op.f("fk_idempotency_key_import_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_import_id", "idempotency_key", ["import_id"])
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])
    op.create_index("ix_part_waiting_client", "part", ["client"], postgresql_where=WAITING, sqlite_where=WAITING)


def downgrade() -> None:
    op.drop_index("ix_part_waiting_client", "part")
    op.drop_table("idempotency_key")
    op.drop_table("api_key")
