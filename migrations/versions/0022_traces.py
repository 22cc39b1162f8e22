"""The trace context of the request that made an import, and of a job's submission: later spans are linked to them."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("import", sa.Column("traceparent", sa.String(55)))
    op.add_column("job", sa.Column("traceparent", sa.String(55)))


def downgrade() -> None:
    op.drop_column("job", "traceparent")
    op.drop_column("import", "traceparent")
