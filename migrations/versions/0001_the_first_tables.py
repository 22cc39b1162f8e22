"""the first tables."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment, Number

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "instance",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("paused_at", Moment(), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("blocked_at", Moment(), nullable=True),
        sa.Column("blocked_reason", sa.Text(), nullable=True),
        sa.Column("hold_until", Moment(), nullable=True),
        sa.Column("hold_reason", sa.String(length=20), nullable=True),
        sa.Column("foreign_slots", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("foreign_until", Moment(), nullable=True),
        sa.Column("calls_day", sa.String(length=10), nullable=True),
        sa.Column("calls_today", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_last_window", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("heartbeat_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_instance")),
    )
    op.create_table(
        "import",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("instance", sa.String(length=100), nullable=False),
        sa.Column("client", sa.String(length=200), nullable=False),
        sa.Column("object_type", sa.String(length=20), nullable=False),
        sa.Column("format", sa.String(length=3), nullable=False),
        sa.Column("charset", sa.String(length=40), nullable=False),
        sa.Column("lookup_field", sa.String(length=255), nullable=True),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("partition_name", sa.String(length=255), nullable=True),
        sa.Column("object_name", sa.String(length=255), nullable=True),
        sa.Column("dedupe_fields", Json, nullable=True),
        sa.Column("program_id", sa.Integer(), nullable=True),
        sa.Column("program_member_status", sa.String(length=255), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("not_before", Moment(), nullable=True),
        sa.Column("preflight", sa.String(length=10), nullable=False),
        sa.Column("on_unconfirmed", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("file_bytes", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=True),
        sa.Column("columns", Json, nullable=True),
        sa.Column("rows", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=True),
        sa.Column("imported", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("failed", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("warned", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_marketo_code", sa.String(length=10), nullable=True),
        sa.Column("retry_of", Number, nullable=True),
        sa.Column("touched_at", Moment(), nullable=False),
        sa.Column("cancel_requested_at", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "status IS NULL OR status IN ('queued', 'importing', 'complete', 'failed', 'cancelled')",
            name=op.f("ck_import_status"),
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("ck_import_priority")),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_import_instance")),
        sa.ForeignKeyConstraint(["retry_of"], ["import.id"], name=op.f("fk_import_retry_of"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("import", schema=None) as batch_op:
        batch_op.create_index("ix_import_finished_at", ["finished_at"], unique=False)
        batch_op.create_index(
            "ix_import_receiving",
            ["touched_at"],
            unique=False,
            postgresql_where=sa.text("status IS NULL"),
            sqlite_where=sa.text("status IS NULL"),
        )
        batch_op.create_index("ix_import_status", ["status", "id"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("instance", sa.String(length=100), nullable=False),
        sa.Column("import_id", Number, nullable=True),
        sa.Column("part_number", sa.Integer(), nullable=True),
        sa.Column("type", sa.String(length=30), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_event_import_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_event_instance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_import", ["import_id", "id"], unique=False)

    op.create_table(
        "part",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("import_id", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("instance", sa.String(length=100), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=True),
        sa.Column("slot", sa.SmallInteger(), nullable=True),
        sa.Column("first_row", Number, nullable=False),
        sa.Column("rows", Number, nullable=False),
        sa.Column("bytes", Number, nullable=False),
        sa.Column("imported", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("failed", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("warned", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("batch_id", Number, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("retry_code", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_marketo_code", sa.String(length=10), nullable=True),
        sa.Column("results_missing", sa.Boolean(), nullable=False),
        sa.Column("state_since", Moment(), nullable=True),
        sa.Column("submitted_at", Moment(), nullable=True),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "(state IS NOT NULL AND state IN ('submitting', 'unconfirmed', 'queued', 'importing')) = (slot IS NOT NULL)",
            name=op.f("ck_part_slot_held"),
        ),
        sa.CheckConstraint(
            "state IS NULL OR state IN ('waiting', 'submitting', 'unconfirmed', 'queued', 'importing', 'collecting', 'complete', 'failed', 'cancelled')",
            name=op.f("ck_part_state"),
        ),
        sa.CheckConstraint(
            "imported + failed <= rows AND imported >= 0 AND failed >= 0", name=op.f("ck_part_rows_add_up")
        ),
        sa.CheckConstraint("slot BETWEEN 1 AND 10", name=op.f("ck_part_slot_number")),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_part_import_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_part_instance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part")),
        sa.UniqueConstraint("import_id", "number", name=op.f("uq_part_import_id_number")),
        sa.UniqueConstraint("instance", "slot", name=op.f("uq_part_instance_slot")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("part", schema=None) as batch_op:
        batch_op.create_index("ix_part_state", ["instance", "state", "due_at"], unique=False)
        batch_op.create_index(
            "ix_part_waiting",
            ["instance", sa.literal_column("priority DESC"), "import_id", "number"],
            unique=False,
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "result_row",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("import_id", Number, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("part_number", sa.Integer(), nullable=False),
        sa.Column("source_row", Number, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cells", Json, nullable=False),
        sa.CheckConstraint("kind IN ('failures', 'warnings')", name=op.f("ck_result_row_kind")),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_result_row_import_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_row")),
    )
    with op.batch_alter_table("result_row", schema=None) as batch_op:
        batch_op.create_index("ix_result_row_position", ["import_id", "kind", "position", "id"], unique=False)

    op.create_table(
        "part_file",
        sa.Column("part_id", Number, nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_part_file_part_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("part_id", name=op.f("pk_part_file")),
    )
    op.create_table(
        "result_file",
        sa.Column("part_id", Number, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('failures', 'warnings')", name=op.f("ck_result_file_kind")),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_result_file_part_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("part_id", "kind", name=op.f("pk_result_file")),
    )


def downgrade() -> None:
    op.drop_table("result_file")
    op.drop_table("part_file")
    with op.batch_alter_table("result_row", schema=None) as batch_op:
        batch_op.drop_index("ix_result_row_position")

    op.drop_table("result_row")
    with op.batch_alter_table("part", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_part_waiting", postgresql_where=sa.text("state = 'waiting'"), sqlite_where=sa.text("state = 'waiting'")
        )
        batch_op.drop_index("ix_part_state")

    op.drop_table("part")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_import")

    op.drop_table("event")
    with op.batch_alter_table("import", schema=None) as batch_op:
        batch_op.drop_index("ix_import_status")
        batch_op.drop_index(
            "ix_import_receiving", postgresql_where=sa.text("status IS NULL"), sqlite_where=sa.text("status IS NULL")
        )
        batch_op.drop_index("ix_import_finished_at")

    op.drop_table("import")
    op.drop_table("instance")
