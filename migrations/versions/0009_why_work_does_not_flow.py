"""Who paused an instance, and an index for the history of an instance."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

OF_INSTANCE = sa.text("import_id IS NULL")


def upgrade() -> None:
    op.add_column("instance", sa.Column("paused_by", sa.String(200)))
    op.create_index(
        "ix_event_instance", "event", ["instance", "id"], postgresql_where=OF_INSTANCE, sqlite_where=OF_INSTANCE
    )
    _tell_who_paused()


def downgrade() -> None:
    op.drop_index("ix_event_instance", "event")
    op.drop_column("instance", "paused_by")


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
