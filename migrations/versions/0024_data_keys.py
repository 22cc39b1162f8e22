"""Data keys, and which rows are sealed by them."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Number

revision = "0024"
down_revision = "0023"

SEALED = ("part_file", "part_keys", "result_file", "result_row", "result_reason")


def upgrade() -> None:
    op.create_table(
        "data_key",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("import_id", Number),
        sa.Column("job_id", Number),
        sa.Column("content", sa.String(10), nullable=False),
        sa.Column("master", sa.String(16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key")),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_data_key_import_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_data_key_job_id"), ondelete="CASCADE"),
        sa.UniqueConstraint("import_id", "content", name=op.f("uq_data_key_import_id_content")),
        sa.CheckConstraint("content IN ('file', 'results')", name=op.f("ck_data_key_content")),
        sa.CheckConstraint("(import_id IS NULL) <> (job_id IS NULL)", name=op.f("ck_data_key_owner")),
    )
    of_job = sa.text("job_id IS NOT NULL")
    op.create_index(
        "uq_data_key_job", "data_key", ["job_id"], unique=True, postgresql_where=of_job, sqlite_where=of_job
    )
    op.create_index("ix_data_key_master", "data_key", ["master", "id"])
    for table in SEALED:
        op.add_column(table, sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Errors: RuntimeError, while something is sealed: the version before could not read it."""
    bind = op.get_bind()
    keys = bind.execute(sa.text("SELECT count(*) FROM data_key")).scalar_one()
    sealed = "SELECT count(*) FROM webhook WHERE secret LIKE 'sealed:%' OR previous_secret LIKE 'sealed:%'"
    if keys or bind.execute(sa.text(sealed)).scalar_one():
        raise RuntimeError(
            "something is encrypted: set SLUICE_ENCRYPTION_KEYS to `clear` and the keys behind it, run `sluice rekey`, "
            "then downgrade"
        )
    for table in SEALED:
        op.drop_column(table, "sealed")
    op.drop_index("ix_data_key_master", "data_key")
    op.drop_index("uq_data_key_job", "data_key")
    op.drop_table("data_key")
