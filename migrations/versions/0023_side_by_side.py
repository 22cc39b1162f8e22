"""The oldest version that may work with the schema: so that an upgrade need not stop the processes of the one before."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
oldest = "0020"  # the first that asks


def upgrade() -> None:
    op.add_column("alembic_version", sa.Column("oldest_revision", sa.String(32)))


def downgrade() -> None:
    op.drop_column("alembic_version", "oldest_revision")
