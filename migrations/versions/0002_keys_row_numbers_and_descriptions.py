"""keys, row numbers and descriptions."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment, Number

revision = "0002"
down_revision = "0001"

PACKED = (("part_file", "blob"), ("part_keys", "digests"), ("result_file", "blob"))


def upgrade() -> None:
    op.create_table(
        "description",
        sa.Column("instance", sa.String(length=100), nullable=False),
        sa.Column("object", sa.String(length=300), nullable=False),
        sa.Column("fetched_at", Moment(), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("dedupe_fields", Json, nullable=False),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_description_instance")),
        sa.PrimaryKeyConstraint("instance", "object", name=op.f("pk_description")),
    )
    op.create_table(
        "part_keys",
        sa.Column("part_id", Number, nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_part_keys_part_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("part_id", name=op.f("pk_part_keys")),
    )
    op.add_column("part", sa.Column("counted", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("part_file", schema=None) as batch_op:
        batch_op.add_column(sa.Column("row_numbers", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("result_row", schema=None) as batch_op:
        batch_op.alter_column("cells", existing_type=Json, type_=sa.Text(), existing_nullable=False)

    if op.get_bind().dialect.name == "postgresql":  # they are packed, or cannot be: PostgreSQL need not try
        for table, column in PACKED:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    with op.batch_alter_table("result_row", schema=None) as batch_op:
        batch_op.alter_column(
            "cells", existing_type=sa.Text(), type_=Json, existing_nullable=False, postgresql_using="cells::jsonb"
        )

    with op.batch_alter_table("part_file", schema=None) as batch_op:
        batch_op.drop_column("row_numbers")

    op.drop_column("part", "counted")
    op.drop_table("part_keys")
    op.drop_table("description")
