"""counters that outlive restarts and retention, and what a worker's sign of life tells."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json, Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("instance", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_tally_instance")),
        sa.PrimaryKeyConstraint("instance", "name", "label", name=op.f("pk_tally")),
    )
    op.add_column("instance", sa.Column("ticked", Json, nullable=True))
    op.add_column("instance", sa.Column("idle_since", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("instance", "idle_since")
    op.drop_column("instance", "ticked")
    op.drop_table("tally")
