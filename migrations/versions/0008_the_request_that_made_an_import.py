"""The id of the request that made an import, for the log."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("import", sa.Column("request_id", sa.String(200)))


def downgrade() -> None:
    op.drop_column("import", "request_id")
