"""Result files that are late, rows of them that have no place, and what a retry leaves out."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Json

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("part", sa.Column("results_late", sa.String(30)))
    op.add_column("part", sa.Column("unplaced", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("import", sa.Column("left_out", Json))


def downgrade() -> None:
    op.drop_column("import", "left_out")
    for column in ("unplaced", "results_late"):
        op.drop_column("part", column)
