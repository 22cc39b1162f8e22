"""Imports under review: their parts wait without a place in the order of acceptance, and no index that is gone by has them."""

import sqlalchemy as sa
from alembic import op

from app.store.tables import Moment

revision = "0019"
down_revision = "0018"

IN_REVIEW = sa.text("review_until IS NOT NULL")
MAY_GO = "waits_for IS NULL AND due_at IS NULL"
BUNDLES = "alike IS NOT NULL"


def upgrade() -> None:
    op.add_column("import", sa.Column("review_until", Moment()))
    op.add_column("import", sa.Column("released_at", Moment()))
    op.create_index(
        "ix_import_review_until", "import", ["review_until"], postgresql_where=IN_REVIEW, sqlite_where=IN_REVIEW
    )
    _index_waiting("state = 'waiting' AND turn IS NOT NULL")


def downgrade() -> None:
    """Errors: RuntimeError, while an import is under review: the version before would send it."""
    in_review = op.get_bind().execute(sa.text('SELECT count(*) FROM "import" WHERE review_until IS NOT NULL'))
    if number := in_review.scalar_one():
        raise RuntimeError(f"{number} imports are under review: release or cancel them, then downgrade")
    _index_waiting("state = 'waiting'")
    op.drop_index("ix_import_review_until", "import")
    op.drop_column("import", "released_at")
    op.drop_column("import", "review_until")


def _index_waiting(condition: str) -> None:
    """The indexes by which parts are chosen, over the parts that meet this condition."""
    _index("ix_part_may_go", f"{condition} AND {MAY_GO}", "instance", "priority DESC", "client", "turn", "number")
    _index("ix_part_smallest", f"{condition} AND {MAY_GO}", "instance", "bytes", "turn", "number")
    _index("ix_part_alike", f"{condition} AND {BUNDLES}", "instance", "alike", "priority", "turn", "number")


def _index(name: str, condition: str, *columns: str) -> None:
    where = sa.text(condition)
    op.drop_index(name, "part")
    op.create_index(name, "part", [sa.text(column) for column in columns], postgresql_where=where, sqlite_where=where)
