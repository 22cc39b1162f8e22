"""keys, turns and descriptions: parts know what they touch, whose turn it is, and which rows they hold."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment, Number

revision = "0002"
down_revision = "0001"

PACKED = (("part_file", "blob"), ("part_keys", "digests"), ("result_file", "blob"))
FROM_IMPORT = {
    "client": "client",
    "list_id": "list_id",
    "space": "CASE WHEN object_type = 'custom_object' THEN 'custom_object:' || lower(object_name) ELSE 'people' END",
}
MAY_GO = sa.text("state = 'waiting' AND waits_for IS NULL AND due_at IS NULL")
WAITING = sa.text("state = 'waiting'")


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
    op.add_column("part_file", sa.Column("row_numbers", sa.LargeBinary(), nullable=True))
    for column in (
        sa.Column("turn", Number, nullable=True),
        sa.Column("space", sa.String(length=300), server_default=sa.text("''"), nullable=False),
        sa.Column("key_fields", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("aside", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("waits_for", Number, nullable=True),
        sa.Column("client", sa.String(length=200), server_default=sa.text("''"), nullable=False),
        sa.Column("silent_since", Moment(), nullable=True),
        sa.Column("counted", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("part", column)
    for column in (
        sa.Column("foreign_lessons", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("denied", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("pace", Json, nullable=True),
        sa.Column("calls_at", Moment(), nullable=True),
    ):
        op.add_column("instance", column)
    # What was accepted before: its keys are not known, so `key_fields` stays empty and it meets all of its kind
    op.execute(
        "UPDATE part SET turn = (SELECT min(event.id) FROM event WHERE event.import_id = part.import_id "
        "AND event.type = 'accepted') WHERE state IS NOT NULL"
    )
    for column, value in FROM_IMPORT.items():
        op.execute(f"UPDATE part SET {column} = (SELECT {value} FROM import WHERE import.id = part.import_id)")  # noqa: S608
    op.add_column("result_row", sa.Column("part_row", sa.Integer(), nullable=True))
    op.create_index("ix_result_row_part", "result_row", ["import_id", "part_number"])
    op.drop_index("ix_part_waiting", "part")
    op.create_index(
        "ix_part_waiting", "part", ["instance", "turn", "number"], postgresql_where=WAITING, sqlite_where=WAITING
    )
    may_go = ["instance", sa.text("priority DESC"), "client", "turn", "number"]
    op.create_index("ix_part_may_go", "part", may_go, postgresql_where=MAY_GO, sqlite_where=MAY_GO)
    op.create_index("ix_part_waits_for", "part", ["waits_for"])
    if op.get_bind().dialect.name == "postgresql":  # these bytes are packed, or cannot be: PostgreSQL need not try
        op.alter_column("result_row", "cells", type_=sa.Text(), postgresql_using="cells::text")
        for table, column in PACKED:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    else:
        with op.batch_alter_table("result_row") as batch:
            batch.alter_column("cells", existing_type=Json, type_=sa.Text(), existing_nullable=False)


def downgrade() -> None:
    op.drop_index("ix_result_row_part", "result_row")
    op.drop_column("result_row", "part_row")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("result_row", "cells", type_=Json, postgresql_using="cells::jsonb")
        for table, column in PACKED:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED")
    else:
        with op.batch_alter_table("result_row") as batch:
            batch.alter_column("cells", existing_type=sa.Text(), type_=Json, existing_nullable=False)
    for index in ("ix_part_waits_for", "ix_part_may_go", "ix_part_waiting"):
        op.drop_index(index, "part")
    before = ["instance", sa.text("priority DESC"), "import_id", "number"]
    op.create_index("ix_part_waiting", "part", before, postgresql_where=WAITING, sqlite_where=WAITING)
    added = ("counted", "silent_since", "client", "waits_for", "aside", "list_id", "key_fields", "space", "turn")
    for column in added:
        op.drop_column("part", column)
    for column in ("calls_at", "pace", "denied", "foreign_lessons"):
        op.drop_column("instance", column)
    op.drop_column("part_file", "row_numbers")
    op.drop_table("part_keys")
    op.drop_table("description")
