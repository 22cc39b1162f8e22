"""An index by which imports are found by how their file's name begins."""

from alembic import op

from migrations.indexes import create_index

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    create_index("ix_import_file_name", "import", ["file_name", "id"], postgresql_ops={"file_name": "text_pattern_ops"})


def downgrade() -> None:
    op.drop_index("ix_import_file_name", "import")
