"""Indexes in which what waits is summed, and what is unfinished or new is counted, without a look at each row."""

from typing import Any

from alembic import op
from sqlalchemy import text

from migrations.indexes import create_index

revision = "0025"
down_revision = "0024"


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


WAITING = _where("state = 'waiting'")
IN_JOB = _where("job_id IS NOT NULL")
UNFINISHED = _where("(status = 'queued' OR status = 'importing')")
SUMMED = ["rows", "priority", "client", "due_at", "retry_code", "state_since"]


def upgrade() -> None:
    create_index("ix_part_waiting_sums", "part", ["state", "instance", "turn", "number", *SUMMED], **WAITING)
    create_index("ix_part_job_place", "part", ["job_id", "turn", "number"], **IN_JOB)
    create_index("ix_import_finished_status", "import", ["finished_at", "status"])
    create_index("ix_import_created_at", "import", ["created_at", "id"])
    create_index("ix_import_unfinished", "import", ["status", "client", "instance"], **UNFINISHED)
    op.drop_index("ix_part_waiting", "part", if_exists=True)
    op.drop_index("ix_part_job", "part", if_exists=True)
    op.drop_index("ix_import_finished_at", "import", if_exists=True)


def downgrade() -> None:
    create_index("ix_import_finished_at", "import", ["finished_at"])
    create_index("ix_part_job", "part", ["job_id"], **IN_JOB)
    create_index("ix_part_waiting", "part", ["instance", "turn", "number", "rows"], **WAITING)
    for index in ("ix_import_unfinished", "ix_import_created_at", "ix_import_finished_status"):
        op.drop_index(index, "import", if_exists=True)
    for index in ("ix_part_job_place", "ix_part_waiting_sums"):
        op.drop_index(index, "part", if_exists=True)
