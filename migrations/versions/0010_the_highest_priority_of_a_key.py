"""The highest priority that a key's imports may have."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("api_key") as batch:
        batch.add_column(sa.Column("max_priority", sa.SmallInteger(), server_default=sa.text("9"), nullable=False))
        batch.create_check_constraint(op.f("ck_api_key_max_priority"), "max_priority BETWEEN 0 AND 9")


def downgrade() -> None:
    with op.batch_alter_table("api_key") as batch:
        batch.drop_constraint(op.f("ck_api_key_max_priority"), type_="check")
        batch.drop_column("max_priority")
