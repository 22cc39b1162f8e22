"""The tables. An index or a CHECK says which query or rule it serves."""

from datetime import UTC, datetime
from typing import Any, assert_never

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.domain.imports import ImportStatus
from app.domain.lifecycle import AT_MARKETO, JobState, PartState
from app.domain.objects import ValueKind, target_parameters

QUEUE_PLACES = 10  # jobs, the 2 importing included. Adobe, "Bulk import", Limits, read 2026-08

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps it as text that sorts as the times do."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return datetime.fromisoformat(value) if dialect.name == "sqlite" else value.astimezone(UTC)


Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in an INTEGER key only
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _sealed() -> Column[bool]:
    """Says of a row whether what was uploaded or came from Marketo is sealed by a data key, or is in the clear."""
    return Column("sealed", Boolean, nullable=False, server_default=false())


def _type_of(kind: ValueKind) -> TypeEngine[Any]:
    """The type of the column that holds an object type's parameter."""
    match kind:
        case ValueKind.TEXT | ValueKind.FIELD | ValueKind.API_NAME:
            return String(255)
        case ValueKind.API_NAMES:
            return Json
        case ValueKind.MARKETO_ID:
            return Integer()
        case _:
            assert_never(kind)


def _one_of(column: str, words: type[PartState] | type[JobState] | type[ImportStatus]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


HOLDS_SLOT = f"state IN ({', '.join(repr(str(s)) for s in PartState if s in AT_MARKETO)})"

instance = Table(
    "instance",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("paused_at", Moment),
    Column("paused_reason", Text),
    Column("paused_by", String(200)),
    Column("blocked_at", Moment),
    Column("blocked_reason", Text),
    Column("hold_until", Moment),
    Column("hold_reason", String(20)),
    Column("foreign_slots", SmallInteger, nullable=False, server_default=text("0")),
    Column("foreign_until", Moment),
    Column("foreign_lessons", SmallInteger, nullable=False, server_default=text("0")),
    Column("foreign_at", Moment),
    Column("foreign_alone", Boolean, nullable=False, server_default=false()),
    Column("denied", Boolean, nullable=False, server_default=false()),
    Column("pace", Json),
    Column("calls_day", String(10)),
    Column("calls_today", Integer, nullable=False, server_default=text("0")),
    Column("calls_last_window", Integer, nullable=False, server_default=text("0")),
    Column("calls_at", Moment),
    Column("worker", String(200)),
    Column("lease_epoch", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", Moment),
    Column("heartbeat_at", Moment),
    # What the last sign of life told: when each tick was last done, and since when an importer has had nothing from us
    Column("ticked", Json),
    Column("failing", Json),  # steps that fail, each with the reason: as of the last sign of life
    Column("idle_since", Moment),
    Column("moved_at", Moment),  # when a job of ours last began or ended at Marketo, as far as we asked
    Column("last_error", Json),  # the last call that did not go through
    Column("incidents", Json),  # what keeps work from flowing, by kind: since when, and whether the history tells of it
    Column("clock_jump", Integer, nullable=False, server_default=text("0")),  # by which its times were last moved
)

clock_jump = Table(  # the clock that all times here are by was set; or nobody can know whether it was
    "clock_jump",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3, …: whoever notices one first writes it
    Column("cause", String(10), nullable=False),
    Column("before_at", Moment, nullable=False),
    Column("after_at", Moment, nullable=False),
    CheckConstraint("cause IN ('jump', 'gap')", name="cause"),
)

counter = Table(  # counters that outlive restarts and retention, kept by the transactions that they count
    "tally",
    metadata,
    Column("instance", ForeignKey("instance.name"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("label", String(60), primary_key=True),
    Column("value", Double, nullable=False),
)

import_ = Table(
    "import",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("instance", ForeignKey("instance.name"), nullable=False),
    Column("client", String(200), nullable=False),
    Column("object_type", String(20), nullable=False),
    Column("format", String(3), nullable=False),
    Column("charset", String(40), nullable=False),
    *(Column(name, _type_of(parameter.kind)) for name, parameter in target_parameters().items()),
    Column("priority", SmallInteger, nullable=False),
    Column("not_before", Moment),
    Column("preflight", String(10), nullable=False),
    Column("on_unconfirmed", String(10), nullable=False),
    Column("bundle", String(10), nullable=False, server_default=text("'auto'")),
    Column("label", String(200)),
    Column("metadata", Json),
    Column("column_map", Json),
    Column("file_name", Text),
    Column("file_bytes", Number, nullable=False, server_default=text("0")),
    Column("file_sha256", String(64)),
    Column("columns", Json),
    Column("ragged_rows", Integer, nullable=False, server_default=text("0")),
    Column("rows", Number, nullable=False, server_default=text("0")),
    # NULL while the file is still being received: such an import is not an import yet
    Column("status", String(10)),
    # The sums over its parts, kept by the transaction that moves a part: lists and filters read them
    Column("imported", Number, nullable=False, server_default=text("0")),
    Column("failed", Number, nullable=False, server_default=text("0")),
    Column("warned", Number, nullable=False, server_default=text("0")),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("error_marketo_code", String(10)),
    Column("retry_of", ForeignKey("import.id", ondelete="SET NULL")),
    Column("left_out", Json),  # of a retry: how many rows of the first import are not in it, by why
    Column("request_id", String(200)),  # of the request that made it: every line of the log about it has it
    Column("traceparent", String(55)),  # the trace context of that request (W3C), where traces are on
    Column("touched_at", Moment, nullable=False),
    Column("cancel_requested_at", Moment),
    Column("review_until", Moment),  # until when it can be released; NULL: it is not under review
    Column("released_at", Moment),  # from its review; NULL: it had none, or has not been released
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("file_erased_at", Moment),  # from then on nobody reads it
    Column("results_erased_at", Moment),
    Column("erasing", Boolean, nullable=False, server_default=false()),  # something of what is erased is still there
    CheckConstraint(f"status IS NULL OR {_one_of('status', ImportStatus)}", name="status"),
    CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
    sqlite_autoincrement=True,  # an id is never given twice, also after an erasure
)
Index("ix_import_status", import_.c.status, import_.c.id)  # GET /v1/imports?status=…
Index("ix_import_client", import_.c.client, import_.c.id)  # GET /v1/imports?client=…
Index("ix_import_label", import_.c.label, import_.c.id)  # GET /v1/imports?label=…
Index(  # GET /v1/imports?file_name=…
    "ix_import_file_name",
    import_.c.file_name,
    import_.c.id,
    postgresql_ops={"file_name": "text_pattern_ops"},
)
# retention; and the last 24 hours of /v1/status, which are counted in the index alone
Index("ix_import_finished_status", import_.c.finished_at, import_.c.status)
Index("ix_import_created_at", import_.c.created_at, import_.c.id)  # GET /v1/imports?created_before=…
IS_UNFINISHED = text("(status = 'queued' OR status = 'importing')")
"""Stands so in the statement itself: a database sees by it that the index below will do."""
Index(  # how many imports have not finished: of everybody, of an instance, of a client; counted in the index alone
    "ix_import_unfinished",
    import_.c.status,
    import_.c.client,
    import_.c.instance,
    postgresql_where=IS_UNFINISHED,
    sqlite_where=IS_UNFINISHED,
)
Index(
    "ix_import_receiving",
    import_.c.touched_at,
    postgresql_where=import_.c.status.is_(None),
    sqlite_where=import_.c.status.is_(None),
)

Index("ix_import_retry_of", import_.c.retry_of)  # who named it, when it goes
_has_file = text("finished_at IS NOT NULL AND file_erased_at IS NULL")
Index("ix_import_has_file", import_.c.finished_at, postgresql_where=_has_file, sqlite_where=_has_file)  # retention
_has_results = text("finished_at IS NOT NULL AND results_erased_at IS NULL")
Index("ix_import_has_results", import_.c.finished_at, postgresql_where=_has_results, sqlite_where=_has_results)
_in_review = text("review_until IS NOT NULL")
Index(  # whose review is over
    "ix_import_review_until", import_.c.review_until, postgresql_where=_in_review, sqlite_where=_in_review
)
Index("ix_import_erasing", import_.c.id, postgresql_where=import_.c.erasing, sqlite_where=import_.c.erasing)

job = Table(  # what one POST gives to Marketo: it holds the slot and the batch id
    "job",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("instance", ForeignKey("instance.name"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("state_since", Moment, nullable=False),
    Column("stuck_at", Moment),  # when the history was told that it is stuck in this state
    Column("slot", SmallInteger),
    Column("object_type", String(20), nullable=False),
    # Of its parts, summed when it was made
    Column("parts", Integer, nullable=False),
    Column("imports", Integer, nullable=False),
    Column("rows", Number, nullable=False),
    Column("bytes", Number, nullable=False),
    Column("batch_id", Number),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),
    # What Marketo said of it
    Column("message", Text),
    Column("imported", Number, nullable=False, server_default=text("0")),
    Column("failed", Number, nullable=False, server_default=text("0")),
    Column("warned", Number, nullable=False, server_default=text("0")),
    Column("counted", Boolean, nullable=False, server_default=false()),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("error_marketo_code", String(10)),
    Column("silent_since", Moment),  # since when Marketo denies knowing it
    Column("denials", SmallInteger, nullable=False, server_default=text("0")),  # how often it has, in a row
    Column("last_error_at", Moment),  # the last try that did not go through
    Column("last_error_code", String(40)),
    Column("last_error_message", Text),
    Column("failing_since", Moment),  # since when none has gone through; NULL: the last one did
    Column("results_missing", Boolean, nullable=False, server_default=false()),
    Column("results_late", String(30)),  # the result file that is asked for again, and why: "failures:html"
    Column("unplaced", Integer, nullable=False, server_default=text("0")),  # rows of result files that are nobody's
    Column("alike", String(32)),  # of its parts, where it has several
    Column("traceparent", String(55)),  # the trace context of its submission (W3C), where traces are on
    Column("submitted_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    # SLOTS_NOT_OVERSOLD: who is at Marketo holds a numbered slot, nobody else does, and there are ten numbers
    UniqueConstraint("instance", "slot"),
    CheckConstraint(f"slot BETWEEN 1 AND {QUEUE_PLACES}", name="slot_number"),
    CheckConstraint(f"({HOLDS_SLOT}) = (slot IS NOT NULL)", name="slot_held"),
    CheckConstraint(_one_of("state", JobState), name="state"),
    CheckConstraint("imported + failed <= rows AND imported >= 0 AND failed >= 0", name="rows_add_up"),
    sqlite_autoincrement=True,
)
Index("ix_job_state", job.c.state, job.c.instance, job.c.id)  # poll, collect, recovery; and a page of one state
Index("ix_job_instance", job.c.instance, job.c.id)  # GET /v1/instances/{name}/jobs
Index("ix_job_finished_at", job.c.finished_at)  # retention
_unplaced = text("unplaced > 0 AND alike IS NOT NULL")
Index(  # what is not bundled for a day
    "ix_job_unplaced", job.c.instance, job.c.alike, postgresql_where=_unplaced, sqlite_where=_unplaced
)
_job_has_batch = text("batch_id IS NOT NULL")
Index(  # which job is it, when a person says that a part is one
    "ix_job_batch", job.c.instance, job.c.batch_id, postgresql_where=_job_has_batch, sqlite_where=_job_has_batch
)

part = Table(  # while it is in a job, what befalls the job is written here too, by the same transaction (store/jobs.py)
    "part",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("instance", ForeignKey("instance.name"), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    # NULL while its import is still being received
    Column("state", String(12)),
    # Its import's place in the order of acceptance, or of release; NULL while it is under review: then it never goes
    Column("turn", Number),
    Column("client", String(200), nullable=False, server_default=text("''")),  # its import's: clients take turns
    # What it touches: which kind of record, found by which fields, into which list; and for whom it has to wait
    Column("space", String(300), nullable=False, server_default=text("''")),
    Column("key_fields", Text, nullable=False, server_default=text("''")),
    Column("list_id", Integer),
    Column("aside", Boolean, nullable=False, server_default=false()),
    Column("waits_for", Number),  # a part's id; cleared by the move that sets this one free
    Column("waits_since", Moment),  # since when for this one
    Column("job_id", ForeignKey("job.id")),  # in which it is, or ended; NULL where it waits, or ended without one
    Column("bundled_with", Integer),  # how many other imports have rows in that job
    # Waiting parts with the same digest may be in one job (domain/alike.py); NULL: it goes alone
    Column("alike", String(32)),
    Column("header_bytes", Integer, nullable=False, server_default=text("0")),  # with which its file begins
    Column("separated_from", Number),  # the job with others that Marketo refused: it goes alone since
    Column("first_row", Number, nullable=False),
    Column("rows", Number, nullable=False),
    Column("bytes", Number, nullable=False),
    Column("imported", Number, nullable=False, server_default=text("0")),
    Column("failed", Number, nullable=False, server_default=text("0")),
    Column("warned", Number, nullable=False, server_default=text("0")),
    Column("batch_id", Number),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Moment),
    Column("retry_code", String(40)),
    Column("message", Text),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("error_marketo_code", String(10)),
    Column("silent_since", Moment),  # since when Marketo denies knowing its job
    Column("denials", SmallInteger, nullable=False, server_default=text("0")),  # how often it has, in a row
    Column("last_error_at", Moment),  # the last try that did not go through
    Column("last_error_code", String(40)),
    Column("last_error_message", Text),
    Column("failing_since", Moment),  # since when none has gone through; NULL: the last one did
    Column("counted", Boolean, nullable=False, server_default=false()),
    Column("results_missing", Boolean, nullable=False, default=False),
    Column("results_late", String(30)),  # the result file that is asked for again, and why: "failures:html"
    Column("unplaced", Integer, nullable=False, server_default=text("0")),  # rows of result files with no place here
    Column("state_since", Moment),
    Column("stuck_at", Moment),  # when the history was told that it is stuck in this state
    Column("submitted_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    UniqueConstraint("import_id", "number"),
    CheckConstraint(f"state IS NULL OR {_one_of('state', PartState)}", name="state"),
    CheckConstraint("imported + failed <= rows AND imported >= 0 AND failed >= 0", name="rows_add_up"),
    sqlite_autoincrement=True,
)
_may_go = text("state = 'waiting' AND turn IS NOT NULL AND waits_for IS NULL AND due_at IS NULL")
Index(  # the claim: highest priority, then client by client, in order of acceptance
    "ix_part_may_go",
    part.c.instance,
    part.c.priority.desc(),
    part.c.client,
    part.c.turn,
    part.c.number,
    postgresql_where=_may_go,
    sqlite_where=_may_go,
)
Index(  # what is tried first where others' jobs fill Marketo's queue
    "ix_part_smallest",
    part.c.instance,
    part.c.bytes,
    part.c.turn,
    part.c.number,
    postgresql_where=_may_go,
    sqlite_where=_may_go,
)
_waiting = text("state = 'waiting'")
Index("ix_part_waiting_client", part.c.client, postgresql_where=_waiting, sqlite_where=_waiting)  # each one's backlog
# What stands before a part in the order of acceptance; and what waits, summed in the index alone: so all that the sums
# read is in it, the state too, or SQLite would look at each part
Index(
    "ix_part_waiting_sums",
    part.c.state,
    part.c.instance,
    part.c.turn,
    part.c.number,
    part.c.rows,
    part.c.priority,
    part.c.client,
    part.c.due_at,
    part.c.retry_code,
    part.c.state_since,
    postgresql_where=_waiting,
    sqlite_where=_waiting,
)
_bundles = text("state = 'waiting' AND turn IS NOT NULL AND alike IS NOT NULL")
Index(  # who may ride along with a part that goes
    "ix_part_alike",
    part.c.instance,
    part.c.alike,
    part.c.priority,
    part.c.turn,
    part.c.number,
    postgresql_where=_bundles,
    sqlite_where=_bundles,
)
_separated = text("separated_from IS NOT NULL")
Index("ix_part_separated", part.c.separated_from, postgresql_where=_separated, sqlite_where=_separated)
_held = text("waits_for IS NOT NULL")
Index(  # whom the end of a part sets free
    "ix_part_waits_for", part.c.instance, part.c.waits_for, postgresql_where=_held, sqlite_where=_held
)
Index("ix_part_state", part.c.state, part.c.instance, part.c.due_at)  # what is under way, and what is at Marketo
_in_job = text("job_id IS NOT NULL")
Index(  # whom a job's move moves, and the first of them
    "ix_part_job_place", part.c.job_id, part.c.turn, part.c.number, postgresql_where=_in_job, sqlite_where=_in_job
)
_failing = text("failing_since IS NOT NULL")
Index(  # /v1/status: whose tries do not go through
    "ix_part_failing", part.c.instance, part.c.failing_since, postgresql_where=_failing, sqlite_where=_failing
)
MAY_NEED_ATTENTION = text(
    "(state = 'unconfirmed' OR state = 'queued' OR state = 'importing' OR state = 'collecting' OR results_missing)"
)
Index(  # `attention`: a few among all that ever were
    "ix_part_attention",
    part.c.import_id,
    postgresql_where=MAY_NEED_ATTENTION,
    sqlite_where=MAY_NEED_ATTENTION,
)
WAITING = literal(PartState.WAITING.value, literal_execute=True)
"""Stands in the statement itself: so a database sees that an index of the waiting parts will do."""

part_file = Table(  # a part's own file, header included, as one zstd blob
    "part_file",
    metadata,
    Column("part_id", ForeignKey("part.id", ondelete="CASCADE"), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    # Which rows of the upload these are, packed; NULL: they follow each other from part.first_row on
    Column("row_numbers", LargeBinary),
    Column("checksum", LargeBinary),  # of both (store/blobs.py); NULL: stored by a version that took none
    _sealed(),
)

part_keys = Table(  # the 64-bit digests of a live part's keys, sorted; no row: nobody knows which columns are the key
    "part_keys",
    metadata,
    Column("part_id", ForeignKey("part.id", ondelete="CASCADE"), primary_key=True),
    Column("digests", LargeBinary, nullable=False),
    Column("checksum", LargeBinary),
    _sealed(),
)

result_file = Table(  # what Marketo sent about a job, as one zstd blob; it goes with the results of any of its imports
    "result_file",
    metadata,
    Column("job_id", ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    Column("checksum", LargeBinary),
    _sealed(),
    CheckConstraint("kind IN ('failures', 'warnings')", name="kind"),
)

result_row = Table(
    "result_row",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("position", Number, nullable=False),  # its source row, or behind all others where that is unknown
    Column("part_number", Integer, nullable=False),
    Column("part_row", Integer),  # the row within its part, from 0; NULL where that cannot be known
    Column("source_row", Number),
    Column("reason", Text, nullable=False),
    # For the index: a reason may be longer than a database takes in one
    Column("reason_start", String(64), nullable=False, server_default=text("''")),
    Column("cells", Text, nullable=False),  # a JSON list: only ever read as a whole
    _sealed(),
    CheckConstraint("kind IN ('failures', 'warnings')", name="kind"),
)
Index(
    "ix_result_row_position",
    result_row.c.import_id,
    result_row.c.kind,
    result_row.c.position,
    result_row.c.id,
)  # paging

Index(  # a page of the rows with one reason
    "ix_result_row_reason",
    result_row.c.import_id,
    result_row.c.kind,
    result_row.c.reason_start,
    result_row.c.position,
    result_row.c.id,
)

result_reason = Table(  # how many rows have which reason: a sum for each reason of some rows that were stored together
    "result_reason",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("part_number", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("first_position", Number, nullable=False),  # of these rows
    _sealed(),
    CheckConstraint("kind IN ('failures', 'warnings')", name="kind"),
)
Index(  # all of an import's; and a part's own, to replace
    "ix_result_reason_part", result_reason.c.import_id, result_reason.c.part_number, result_reason.c.kind
)

description = Table(  # what Marketo's describe said of an object
    "description",
    metadata,
    Column("instance", ForeignKey("instance.name"), primary_key=True),
    Column("object", String(300), primary_key=True),
    Column("fetched_at", Moment, nullable=False),
    Column("fields", Json, nullable=False),
    Column("dedupe_fields", Json, nullable=False),
)

Index("ix_result_row_part", result_row.c.import_id, result_row.c.part_number)  # a part's own, to retry or replace

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("client", String(200), nullable=False),
    Column("scopes", String(40), nullable=False),  # words, a space between them
    Column("secret_sha256", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    Column("max_priority", SmallInteger, nullable=False, server_default=text("9")),  # that its imports may have
    CheckConstraint("max_priority BETWEEN 0 AND 9", name="max_priority"),
)

access_token = Table(  # stands for a key on Marketo's paths, for an hour; of the token itself only a digest is kept
    "access_token",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("key_id", ForeignKey("api_key.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Moment, nullable=False),
)
Index("ix_access_token_expires_at", access_token.c.expires_at)  # its end

stream_token = Table(  # opens the event stream of one import, for a minute; of the token itself only a digest is kept
    "stream_token",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("key_id", ForeignKey("api_key.id", ondelete="CASCADE"), nullable=False),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Moment, nullable=False),
)
Index("ix_stream_token_expires_at", stream_token.c.expires_at)  # its end
Index("ix_stream_token_import_id", stream_token.c.import_id)  # its erasure with the import

session = Table(  # a browser that is signed in with a key; of what its cookie holds only a digest is kept
    "session",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("key_id", ForeignKey("api_key.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Moment, nullable=False),
)
Index("ix_session_expires_at", session.c.expires_at)  # its end

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("client", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("parameters_sha256", String(64), nullable=False),
    # NULL while the request is being received, by the upload that `holder` names
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE")),
    Column("file_sha256", String(64)),
    Column("holder", String(32), nullable=False),
    Column("touched_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
)
Index("ix_idempotency_key_import_id", idempotency_key.c.import_id)  # its erasure with the import
Index("ix_idempotency_key_created_at", idempotency_key.c.created_at)  # its erasure by age

event = Table(  # append-only: one row for each move, written by the transaction that made it
    "event",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("instance", ForeignKey("instance.name"), nullable=False),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE")),
    Column("part_number", Integer),
    Column("type", String(30), nullable=False),
    Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_event_import", event.c.import_id, event.c.id)  # GET /v1/imports/{id}/events
_of_instance = text("import_id IS NULL")
Index("ix_event_of_instance", event.c.at, postgresql_where=_of_instance, sqlite_where=_of_instance)  # retention
Index(  # GET /v1/instances/{name}/events
    "ix_event_instance", event.c.instance, event.c.id, postgresql_where=_of_instance, sqlite_where=_of_instance
)

data_key = Table(  # what the content of one import is sealed by, or the result files of one job (store/data_keys.py)
    "data_key",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE")),
    Column("job_id", ForeignKey("job.id", ondelete="CASCADE")),
    Column("content", String(10), nullable=False),
    Column("master", String(16), nullable=False),  # the fingerprint of the key that it is wrapped by
    Column("wrapped", LargeBinary, nullable=False),
    UniqueConstraint("import_id", "content"),
    CheckConstraint("content IN ('file', 'results')", name="content"),
    CheckConstraint("(import_id IS NULL) <> (job_id IS NULL)", name="owner"),
)
OF_JOB = text("job_id IS NOT NULL")
Index("uq_data_key_job", data_key.c.job_id, unique=True, postgresql_where=OF_JOB, sqlite_where=OF_JOB)  # one each
Index("ix_data_key_master", data_key.c.master, data_key.c.id)  # which keys are needed, and what to wrap again

webhook = Table(  # an endpoint that is told what happens
    "webhook",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("client", String(200)),  # whose events it is told of; NULL: everybody's
    Column("url", Text, nullable=False),
    Column("description", String(200)),
    Column("events", Json, nullable=False),
    # Only store/webhook_secrets.py reads and writes these three
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_secret_until", Moment),
    Column("enabled", Boolean, nullable=False),
    Column("off_at", Moment),
    Column("off_reason", String(10)),  # NULL where a person switched it off
    Column("created_at", Moment, nullable=False),
    Column("removed_at", Moment),  # from then on nobody sees it; its deliveries go first, then the row
    # How its deliveries go: since when none did, how many in a row did not, until when it is left alone
    Column("failing_since", Moment),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("hold_until", Moment),
    # Which worker sends its deliveries, and until when it may
    Column("worker", String(200)),
    Column("lease_epoch", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", Moment),
    CheckConstraint("off_reason IN ('gone', 'failing')", name="off_reason"),
    CheckConstraint("enabled = (off_at IS NULL)", name="off_since"),
    sqlite_autoincrement=True,
)

webhook_delivery = Table(  # one message for one endpoint; what it says is read when it is sent
    "webhook_delivery",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("webhook_id", ForeignKey("webhook.id"), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("event", String(20), nullable=False),
    Column("import_id", ForeignKey("import.id", ondelete="CASCADE")),
    Column("instance", ForeignKey("instance.name")),
    Column("subject", String(120), nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", String(10), nullable=False),
    Column("waiting_since", Moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_status", SmallInteger),
    Column("last_error", String(200)),
    Column("next_attempt_at", Moment),
    CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state"),
    CheckConstraint("(state = 'waiting') = (next_attempt_at IS NOT NULL)", name="next_attempt"),
    CheckConstraint("state <> 'waiting' OR waiting_since IS NOT NULL", name="waiting_since"),
    sqlite_autoincrement=True,
)
_undelivered = text("state = 'waiting'")
Index(  # what is due
    "ix_webhook_delivery_due",
    webhook_delivery.c.webhook_id,
    webhook_delivery.c.next_attempt_at,
    webhook_delivery.c.id,
    postgresql_where=_undelivered,
    sqlite_where=_undelivered,
)
Index(  # what goes before it, of the same subject
    "ix_webhook_delivery_subject",
    webhook_delivery.c.webhook_id,
    webhook_delivery.c.subject,
    webhook_delivery.c.id,
    postgresql_where=_undelivered,
    sqlite_where=_undelivered,
)
Index("ix_webhook_delivery_page", webhook_delivery.c.webhook_id, webhook_delivery.c.id)  # GET …/deliveries
Index("ix_webhook_delivery_import", webhook_delivery.c.import_id)  # its erasure with the import
_of_no_import = text("import_id IS NULL")
Index(  # retention
    "ix_webhook_delivery_at", webhook_delivery.c.at, postgresql_where=_of_no_import, sqlite_where=_of_no_import
)
