"""Webhooks: endpoints, and what is to be delivered to them."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment, Number

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("client", sa.String(200)),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.String(200)),
        sa.Column("events", Json, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text()),
        sa.Column("previous_secret_until", Moment()),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("off_at", Moment()),
        sa.Column("off_reason", sa.String(10)),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("removed_at", Moment()),
        sa.Column("failing_since", Moment()),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("hold_until", Moment()),
        sa.Column("worker", sa.String(200)),
        sa.Column("lease_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", Moment()),
        sa.CheckConstraint("off_reason IN ('gone', 'failing')", name=op.f("ck_webhook_off_reason")),
        sa.CheckConstraint("enabled = (off_at IS NULL)", name=op.f("ck_webhook_off_since")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sqlite_autoincrement=True,
    )
    _create_deliveries()


def _create_deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("webhook_id", Number, nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("import_id", Number),
        sa.Column("instance", sa.String(100)),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("waiting_since", Moment()),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_status", sa.SmallInteger()),
        sa.Column("last_error", sa.String(200)),
        sa.Column("next_attempt_at", Moment()),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_webhook_delivery_state")),
        sa.CheckConstraint(
            "(state = 'waiting') = (next_attempt_at IS NOT NULL)", name=op.f("ck_webhook_delivery_next_attempt")
        ),
        sa.CheckConstraint(
            "state <> 'waiting' OR waiting_since IS NOT NULL", name=op.f("ck_webhook_delivery_waiting_since")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["import.id"], name=op.f("fk_webhook_delivery_import_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_webhook_delivery_instance")),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sqlite_autoincrement=True,
    )
    waiting = _where("state = 'waiting'")
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", ["webhook_id", "next_attempt_at", "id"], **waiting)
    op.create_index("ix_webhook_delivery_subject", "webhook_delivery", ["webhook_id", "subject", "id"], **waiting)
    op.create_index("ix_webhook_delivery_page", "webhook_delivery", ["webhook_id", "id"])
    op.create_index("ix_webhook_delivery_import", "webhook_delivery", ["import_id"])
    op.create_index("ix_webhook_delivery_at", "webhook_delivery", ["at"], **_where("import_id IS NULL"))


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def downgrade() -> None:
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
