"""How many rows of an import have which reason, and an index by which the rows with one reason are found."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Number

revision = "0016"
down_revision = "0015"

COUNTED = """
    INSERT INTO result_reason (import_id, kind, part_number, reason, rows, first_position)
    SELECT import_id, kind, part_number, reason, count(*), min(position) FROM result_row
    GROUP BY import_id, kind, part_number, reason
"""


def upgrade() -> None:
    op.create_table(
        "result_reason",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("import_id", Number, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("part_number", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("first_position", Number, nullable=False),
        sa.CheckConstraint("kind IN ('failures', 'warnings')", name="kind"),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name="fk_result_reason_import_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_result_reason"),
    )
    op.execute(COUNTED)
    op.create_index("ix_result_reason_part", "result_reason", ["import_id", "part_number", "kind"])
    start = sa.Column("reason_start", sa.String(64), server_default=sa.text("''"), nullable=False)
    op.add_column("result_row", start)
    op.execute("UPDATE result_row SET reason_start = substr(reason, 1, 64)")
    op.create_index("ix_result_row_reason", "result_row", ["import_id", "kind", "reason_start", "position", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE result_reason SET (autovacuum_vacuum_scale_factor = 0.02)")


def downgrade() -> None:
    op.drop_index("ix_result_row_reason", "result_row")
    op.drop_column("result_row", "reason_start")
    op.drop_table("result_reason")
