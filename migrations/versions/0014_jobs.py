"""The job as a noun: what one POST gives to Marketo. It holds the slot and the batch id, and has parts.

Every part that is at Marketo, or was, gets a job of its own with the part's id. On the way down a part gets its job's
slot back; that needs every job under way to have one part.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

from app.store.tables import Moment, Number

revision = "0014"
down_revision = "0013"

AT_MARKETO = "'submitting', 'unconfirmed', 'queued', 'importing'"
SHARED = (
    *("instance", "state", "state_since", "stuck_at", "slot", "rows", "bytes", "batch_id", "attempts", "due_at"),
    *("message", "imported", "failed", "warned", "counted", "error_code", "error_message", "error_marketo_code"),
    *("silent_since", "denials", "last_error_at", "last_error_code", "last_error_message", "failing_since"),
    *("results_missing", "results_late", "unplaced", "submitted_at", "started_at", "finished_at"),
)
"""The columns that a job takes over from its part."""


def upgrade() -> None:
    _create_job()
    states = f"({AT_MARKETO}, 'collecting', 'complete')"
    had_one = f"part.state IN {states} OR (part.state = 'failed' AND part.batch_id IS NOT NULL)"
    since = {"state_since": "COALESCE(part.state_since, import.created_at)"}
    values = ", ".join(since.get(column, f"part.{column}") for column in SHARED)
    op.execute(
        f"INSERT INTO job (id, object_type, parts, imports, {', '.join(SHARED)}) "  # noqa: S608 (nothing from outside)
        f"SELECT part.id, import.object_type, 1, 1, {values} "
        f"FROM part JOIN import ON import.id = part.import_id WHERE {had_one}"
    )
    if op.get_bind().dialect.name == "postgresql":
        following = "(SELECT COALESCE(MAX(id), 0) + 1 FROM job)"
        op.execute(f"SELECT setval(pg_get_serial_sequence('job', 'id'), {following}, false)")
    op.add_column("part", sa.Column("job_id", Number))
    op.add_column("part", sa.Column("bundled_with", sa.Integer()))
    op.add_column("part", sa.Column("alike", sa.String(32)))
    op.add_column("part", sa.Column("header_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("part", sa.Column("separated_from", Number))
    op.add_column("import", sa.Column("bundle", sa.String(10), server_default=sa.text("'auto'"), nullable=False))
    op.execute(f"UPDATE part SET job_id = id WHERE {had_one}")  # noqa: S608
    op.drop_index("ix_part_batch", table_name="part")
    with _changed_part() as batch:
        batch.drop_constraint(op.f("ck_part_slot_held"), type_="check")
        batch.drop_constraint(op.f("ck_part_slot_number"), type_="check")
        batch.drop_constraint(op.f("uq_part_instance_slot"), type_="unique")
        batch.drop_column("slot")
        batch.create_foreign_key(op.f("fk_part_job_id"), "job", ["job_id"], ["id"])
    op.create_index("ix_part_job", "part", ["job_id"], **_where("job_id IS NOT NULL"))
    bundles = _where("state = 'waiting' AND alike IS NOT NULL")
    op.create_index("ix_part_alike", "part", ["instance", "alike", "turn", "number"], **bundles)
    op.create_index("ix_part_separated", "part", ["separated_from"], **_where("separated_from IS NOT NULL"))
    _result_files_of("job_id", "job", "part_id")


def downgrade() -> None:
    under_way = f"state IN ({AT_MARKETO}, 'collecting')"  # 0013 fetches the results of each part by itself
    bundled = f"SELECT count(*) FROM job WHERE {under_way} AND parts > 1"  # noqa: S608
    if op.get_bind().execute(sa.text(bundled)).scalar_one():
        raise RuntimeError("Jobs with several parts are under way. Pause the instances, wait for their end, try again.")
    _result_files_of("part_id", "part", "(SELECT MIN(part.id) FROM part WHERE part.job_id = result_file_before.job_id)")
    for index in ("ix_part_job", "ix_part_alike", "ix_part_separated"):
        op.drop_index(index, "part")
    op.add_column("part", sa.Column("slot", sa.SmallInteger()))
    op.execute("UPDATE part SET slot = (SELECT slot FROM job WHERE job.id = part.job_id) WHERE job_id IS NOT NULL")
    with _changed_part() as batch:
        batch.drop_constraint(op.f("fk_part_job_id"), type_="foreignkey")
        for column in ("job_id", "bundled_with", "alike", "header_bytes", "separated_from"):
            batch.drop_column(column)
        batch.create_unique_constraint(op.f("uq_part_instance_slot"), ["instance", "slot"])
        batch.create_check_constraint(op.f("ck_part_slot_number"), "slot BETWEEN 1 AND 10")
        held = f"(state IS NOT NULL AND state IN ({AT_MARKETO})) = (slot IS NOT NULL)"
        batch.create_check_constraint(op.f("ck_part_slot_held"), held)
    op.create_index("ix_part_batch", "part", ["instance", "batch_id"], **_where("batch_id IS NOT NULL"))
    op.drop_column("import", "bundle")
    op.drop_table("job")


@contextmanager
def _changed_part() -> Iterator[BatchOperations]:
    """Change the table `part`. SQLite copies it: its indexes and its highest id so far are carried over."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        with op.batch_alter_table("part") as batch:
            yield batch
        return
    indexes = bind.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'part' AND sql IS NOT NULL"
    ).all()
    highest = bind.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'part'").scalar_one_or_none()
    for index in indexes:
        op.drop_index(index.name, "part")
    with op.batch_alter_table("part", table_kwargs={"sqlite_autoincrement": True}) as batch:
        yield batch
    for index in indexes:
        bind.exec_driver_sql(index.sql)
    if highest is not None:
        bind.exec_driver_sql(f"UPDATE sqlite_sequence SET seq = {highest} WHERE name = 'part'")  # noqa: S608


def _result_files_of(column: str, table: str, before: str) -> None:
    """Give the result files to another table's rows. `before`: whose they are now, by an expression over the old rows."""
    op.rename_table("result_file", "result_file_before")
    if op.get_bind().dialect.name == "postgresql":  # a name is given once in a schema
        op.execute("ALTER TABLE result_file_before RENAME CONSTRAINT pk_result_file TO pk_result_file_before")
    op.create_table(
        "result_file",
        sa.Column(column, Number, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.LargeBinary()),
        sa.CheckConstraint("kind IN ('failures', 'warnings')", name=op.f("ck_result_file_kind")),
        sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_result_file_{column}"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(column, "kind", name=op.f("pk_result_file")),
    )
    op.execute(
        f"INSERT INTO result_file ({column}, kind, blob, checksum) "  # noqa: S608
        f"SELECT {before}, kind, blob, checksum FROM result_file_before WHERE {before} IS NOT NULL"
    )
    op.drop_table("result_file_before")
    if op.get_bind().dialect.name == "postgresql":  # as 0006 said of the table before
        op.execute("ALTER TABLE result_file SET (autovacuum_vacuum_scale_factor = 0.02)")


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _create_job() -> None:
    op.create_table(
        "job",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("instance", sa.String(100), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("state_since", Moment(), nullable=False),
        sa.Column("stuck_at", Moment()),
        sa.Column("slot", sa.SmallInteger()),
        sa.Column("object_type", sa.String(20), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("imports", sa.Integer(), nullable=False),
        sa.Column("rows", Number, nullable=False),
        sa.Column("bytes", Number, nullable=False),
        sa.Column("batch_id", Number),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment()),
        sa.Column("message", sa.Text()),
        sa.Column("imported", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("failed", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("warned", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("counted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error_code", sa.String(40)),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_marketo_code", sa.String(10)),
        sa.Column("silent_since", Moment()),
        sa.Column("denials", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error_at", Moment()),
        sa.Column("last_error_code", sa.String(40)),
        sa.Column("last_error_message", sa.Text()),
        sa.Column("failing_since", Moment()),
        sa.Column("results_missing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("results_late", sa.String(30)),
        sa.Column("unplaced", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("alike", sa.String(32)),
        sa.Column("submitted_at", Moment()),
        sa.Column("started_at", Moment()),
        sa.Column("finished_at", Moment()),
        sa.CheckConstraint("slot BETWEEN 1 AND 10", name=op.f("ck_job_slot_number")),
        sa.CheckConstraint(f"(state IN ({AT_MARKETO})) = (slot IS NOT NULL)", name=op.f("ck_job_slot_held")),
        sa.CheckConstraint(
            f"state IN ({AT_MARKETO}, 'collecting', 'complete', 'failed', 'over')", name=op.f("ck_job_state")
        ),
        sa.CheckConstraint(
            "imported + failed <= rows AND imported >= 0 AND failed >= 0", name=op.f("ck_job_rows_add_up")
        ),
        sa.ForeignKeyConstraint(["instance"], ["instance.name"], name=op.f("fk_job_instance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("instance", "slot", name=op.f("uq_job_instance_slot")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_state", "job", ["state", "instance", "id"])
    op.create_index("ix_job_instance", "job", ["instance", "id"])
    op.create_index("ix_job_finished_at", "job", ["finished_at"])
    unplaced = _where("unplaced > 0 AND alike IS NOT NULL")
    op.create_index("ix_job_unplaced", "job", ["instance", "alike"], **unplaced)
    op.create_index("ix_job_batch", "job", ["instance", "batch_id"], **_where("batch_id IS NOT NULL"))
