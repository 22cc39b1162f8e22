"""Why work does not flow: who paused an instance, the last errors, incidents, denials; the history of an instance."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment

revision = "0009"
down_revision = "0008"

OF_INSTANCE = sa.text("import_id IS NULL")
MAY_GO = sa.text("state = 'waiting' AND waits_for IS NULL AND due_at IS NULL")
FAILING = sa.text("failing_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("instance", sa.Column("paused_by", sa.String(200)))
    op.add_column("instance", sa.Column("foreign_at", Moment()))
    op.add_column("instance", sa.Column("foreign_alone", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("instance", sa.Column("moved_at", Moment()))
    op.add_column("instance", sa.Column("last_error", Json))
    op.add_column("instance", sa.Column("incidents", Json))
    op.add_column("instance", sa.Column("failing", Json))
    op.add_column("part", sa.Column("stuck_at", Moment()))
    op.add_column("part", sa.Column("waits_since", Moment()))
    op.add_column("part", sa.Column("denials", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("part", sa.Column("last_error_at", Moment()))
    op.add_column("part", sa.Column("last_error_code", sa.String(40)))
    op.add_column("part", sa.Column("last_error_message", sa.Text()))
    op.add_column("part", sa.Column("failing_since", Moment()))
    smallest = ["instance", "bytes", "turn", "number"]
    op.create_index("ix_part_smallest", "part", smallest, postgresql_where=MAY_GO, sqlite_where=MAY_GO)
    op.create_index(
        "ix_part_failing", "part", ["instance", "failing_since"], postgresql_where=FAILING, sqlite_where=FAILING
    )
    op.create_index(
        "ix_event_instance", "event", ["instance", "id"], postgresql_where=OF_INSTANCE, sqlite_where=OF_INSTANCE
    )
    _tell_who_paused()


def downgrade() -> None:
    op.drop_index("ix_event_instance", "event")
    op.drop_index("ix_part_failing", "part")
    op.drop_index("ix_part_smallest", "part")
    for column in (
        "failing_since",
        "last_error_message",
        "last_error_code",
        "last_error_at",
        "denials",
        "waits_since",
        "stuck_at",
    ):
        op.drop_column("part", column)
    for column in ("incidents", "failing", "last_error", "moved_at", "foreign_alone", "foreign_at", "paused_by"):
        op.drop_column("instance", column)


def _tell_who_paused() -> None:
    """Of an instance that is paused now, its history knows it."""
    event = sa.table("event", *(sa.column(name) for name in ("id", "instance", "type")), sa.column("data", sa.JSON))
    instance = sa.table("instance", *(sa.column(name) for name in ("name", "paused_at", "paused_by")))
    bind = op.get_bind()
    for (name,) in bind.execute(sa.select(instance.c.name).where(instance.c.paused_at.is_not(None))).all():
        told = sa.select(event.c.data).where(event.c.instance == name, event.c.type == "paused")
        last = bind.execute(told.order_by(event.c.id.desc()).limit(1)).scalar_one_or_none()
        if last and last.get("by"):
            bind.execute(sa.update(instance).where(instance.c.name == name).values(paused_by=last["by"]))
