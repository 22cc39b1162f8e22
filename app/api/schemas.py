"""What the API answers, field for field as the contract has it; an example of each stands in examples.py."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, assert_never

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, create_model
from typing_extensions import TypeAliasType

from app.api.openapi import examples
from app.clock import rfc3339
from app.domain.events import OF_IMPORTS, OF_INSTANCES
from app.domain.file_mistakes import Mistake
from app.domain.imports import FINISHED, AttentionCode, Format, Import, LeftOut, OnUnconfirmed, Status
from app.domain.instances import Condition, Instance, WaitingFor, next_attempt_at, waiting_for
from app.domain.lifecycle import AT_MARKETO, State
from app.domain.objects import OBJECT_TYPES, ValueKind, fields_of, target_parameters
from app.domain.parts import Failure, Part, TryError
from app.files.examination import Findings
from app.store.events import Event
from app.store.parts import BlockedBy

Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Verdict = Annotated[str, WithJsonSchema({"type": "string", "enum": ["ok", "degraded", "down"]})]
EventType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(OF_IMPORTS)})]
InstanceEventType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(OF_INSTANCES)})]

MOST_MISTAKES = 100  # that one check lists; it says how many there are, and each column tells of its own


def _example(shown: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [shown]})


class ProblemErrorOut(BaseModel):
    message: str
    field: str | None = None
    row: int | None = None


class ProblemOut(BaseModel):
    """RFC 9457. `errors` is there where there is more to say than one thing: the first hundred of `errors_total`."""

    model_config = _example(examples.PROBLEM)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ProblemErrorOut] = []
    errors_total: int | None = None


class ProblemPage(BaseModel):
    """What a code means."""

    type: str
    code: str
    status: int
    title: str
    means: str
    remedy: str


class ProblemPages(BaseModel):
    items: list[ProblemPage]


class FileOut(BaseModel):
    name: str | None
    bytes: int
    sha256: str
    rows: int
    ragged_rows: int


class RowsOut(BaseModel):
    total: int
    imported: int
    failed: int
    warned: int
    pending: int


class PartsOut(BaseModel):
    total: int
    waiting: int
    at_marketo: int
    complete: int
    failed: int
    cancelled: int


class ErrorOut(BaseModel):
    code: str
    message: str
    marketo_code: str | None


class AttentionOut(BaseModel):
    code: AttentionCode
    message: str
    since: Moment


class LeftOutOut(BaseModel):
    """Of a retry: rows that are not in it, how many and why."""

    rows: int
    not_placed: int
    superseded: int
    not_known_yet: int
    without_values: int
    reason: str


class LinksOut(BaseModel):
    self: str
    parts: str
    events: str
    failures: str
    warnings: str


ObjectType = TypeAliasType(
    "ObjectType",
    Annotated[str, WithJsonSchema({"type": "string", "enum": list(OBJECT_TYPES), "title": "ObjectType"})],
)


class _ImportHead(BaseModel):
    id: int
    object_type: ObjectType
    instance: str
    client: str
    format: Format


def _shown_as(kind: ValueKind) -> Any:
    """The type that the value of an object type's parameter has in an answer."""
    match kind:
        case ValueKind.TEXT | ValueKind.FIELD | ValueKind.API_NAME:
            return str | None
        case ValueKind.API_NAMES:
            return list[str] | None
        case ValueKind.MARKETO_ID:
            return int | None
        case _:
            assert_never(kind)


_OF_TARGETS: Any = {name: (_shown_as(parameter.kind), ...) for name, parameter in target_parameters().items()}
_WithTarget = create_model("_WithTarget", __base__=_ImportHead, **_OF_TARGETS)
"""The parameters of every object type are fields of an import; those of other types than its own are null."""


class ImportOut(_WithTarget):
    model_config = _example(examples.IMPORT)

    priority: int
    not_before: Moment | None
    on_unconfirmed: OnUnconfirmed
    label: str | None
    metadata: dict[str, str] | None
    status: Status
    attention: AttentionOut | None
    file: FileOut
    rows: RowsOut
    parts: PartsOut
    progress: float
    estimated_finish_at: Moment | None
    error: ErrorOut | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    retry_of: int | None
    left_out: LeftOutOut | None
    links: LinksOut

    @classmethod
    def of(cls, found: Import, estimated_finish_at: datetime | None) -> "ImportOut":
        request, states = found.request, found.parts
        here = f"/v1/imports/{found.id}"
        return cls(
            id=found.id,
            object_type=request.target.object_type,
            instance=request.instance,
            client=request.client,
            format=request.format,
            **fields_of(request.target),
            priority=request.priority,
            not_before=request.not_before,
            on_unconfirmed=request.on_unconfirmed,
            label=request.label,
            metadata=dict(request.metadata) if request.metadata is not None else None,
            status=found.status,
            attention=_attention(found),
            file=FileOut(
                name=found.file.name,
                bytes=found.file.size_bytes,
                sha256=found.file.sha256,
                rows=found.file.rows,
                ragged_rows=found.file.ragged_rows,
            ),
            rows=RowsOut(
                total=found.rows.total,
                imported=found.rows.imported,
                failed=found.rows.failed,
                warned=found.rows.warned,
                pending=found.rows.pending,
            ),
            parts=PartsOut(
                total=states.total(),
                waiting=states[State.WAITING],
                at_marketo=sum(states[state] for state in AT_MARKETO | {State.COLLECTING}),
                complete=states[State.COMPLETE],
                failed=states[State.FAILED],
                cancelled=states[State.CANCELLED],
            ),
            progress=1.0 if found.status in FINISHED else round(found.rows.settled_share, 4),
            estimated_finish_at=estimated_finish_at,
            error=_error(found.error),
            created_at=found.created_at,
            started_at=found.started_at,
            finished_at=found.finished_at,
            retry_of=found.retry_of,
            left_out=_left_out(found.left_out),
            links=LinksOut(
                self=here,
                parts=f"{here}/parts",
                events=f"{here}/events",
                failures=f"{here}/failures",
                warnings=f"{here}/warnings",
            ),
        )


class TryErrorOut(BaseModel):
    """Why the last try that did not go through did not."""

    code: str
    message: str
    at: Moment


class BlockedByOut(BaseModel):
    """The part that touches the same records and goes first; its ids are null for whoever may not see it."""

    import_id: int | None = Field(alias="import")
    part: int | None
    since: Moment

    model_config = ConfigDict(populate_by_name=True)

    @classmethod
    def of(cls, waiting: Part, blocker: BlockedBy | None) -> "BlockedByOut":
        """`blocker`: None where the caller may not see it."""
        since = waiting.waits_since or waiting.state_since
        assert since is not None, "a part that waits has a state"
        known = (blocker.import_id, blocker.number) if blocker else (None, None)
        return cls(import_id=known[0], part=known[1], since=since)


class PartOut(BaseModel):
    model_config = _example(examples.PART)

    number: int
    state: State
    rows: int
    bytes: int
    batch_id: int | None
    attempts: int
    imported: int
    failed: int
    warned: int
    message: str | None
    error: ErrorOut | None
    last_error: TryErrorOut | None
    next_attempt_at: Moment | None
    waiting_for: WaitingFor | None
    blocked_by: BlockedByOut | None
    submitted_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None

    @classmethod
    def of(
        cls, part: Part, instance: Instance, now: datetime, *, policy: OnUnconfirmed, blocker: BlockedBy | None
    ) -> "PartOut":
        """`blocker`: whom it waits for, if the caller may see that."""
        waits = waiting_for(part, instance, now)
        return cls(
            number=part.number,
            state=part.state,
            rows=part.rows.total,
            bytes=part.size_bytes,
            batch_id=part.batch_id,
            attempts=part.attempts,
            imported=part.rows.imported,
            failed=part.rows.failed,
            warned=part.rows.warned,
            message=part.message,
            error=_error(part.error),
            last_error=_last_error(part.last_error),
            next_attempt_at=next_attempt_at(part, instance, now, policy=policy),
            waiting_for=waits,
            blocked_by=BlockedByOut.of(part, blocker) if waits is WaitingFor.SAME_RECORDS else None,
            submitted_at=part.submitted_at if part.batch_id else None,
            started_at=part.started_at,
            finished_at=part.finished_at,
        )


class EventOut(BaseModel):
    model_config = _example(examples.EVENT)

    id: int
    at: Moment
    type: EventType
    part: int | None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> "EventOut":
        return cls(id=event.id, at=event.at, type=event.type, part=event.part, data=dict(event.data))


class InstanceEventOut(BaseModel):
    model_config = _example(examples.INSTANCE_EVENT)

    id: int
    at: Moment
    type: InstanceEventType
    part: None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> "InstanceEventOut":
        return cls(id=event.id, at=event.at, type=event.type, part=None, data=dict(event.data))


class ResultRowOut(BaseModel):
    model_config = _example(examples.RESULT_ROW)

    source_row: int | None
    reason: str
    values: dict[str, str | None]
    raw: str | None
    """What Marketo sent, where it cannot be read as a row."""


class ImportPage(BaseModel):
    items: list[ImportOut]
    next_page_token: str | None


class PartPage(BaseModel):
    items: list[PartOut]
    next_page_token: str | None


class EventPage(BaseModel):
    items: list[EventOut]
    next_page_token: str | None


class InstanceEventPage(BaseModel):
    items: list[InstanceEventOut]
    next_page_token: str | None


class ResultPage(BaseModel):
    items: list[ResultRowOut]
    next_page_token: str | None


class LimitsOut(BaseModel):
    importing: int
    queued: int


class SlotsOut(BaseModel):
    used: int
    importing: int
    queued: int
    unconfirmed: int


class WaitingOut(BaseModel):
    parts: int
    rows: int
    oldest_seconds: int


class CallsOut(BaseModel):
    today: int
    quota: int
    last_window: int
    window_limit: int


class ThroughputOut(BaseModel):
    rows_per_second: float | None


class WorkerOut(BaseModel):
    id: str
    heartbeat_at: Moment


class PausedOut(BaseModel):
    by: str | None
    since: Moment
    reason: str | None


class CallErrorOut(BaseModel):
    """The last call to Marketo that did not go through."""

    at: Moment
    call: str
    code: str
    message: str


class InstanceBriefOut(BaseModel):
    """What a key with the scope `submit` alone is shown of an instance."""

    name: str
    state: Condition
    reason: str | None
    until: Moment | None


class InstanceOut(BaseModel):
    model_config = _example(examples.INSTANCE)

    name: str
    base_url: str
    state: Condition
    reason: str | None
    until: Moment | None
    limits: LimitsOut
    slots: SlotsOut
    waiting: WaitingOut
    calls: CallsOut
    throughput: ThroughputOut
    worker: WorkerOut | None
    paused: PausedOut | None
    last_error: CallErrorOut | None

    @property
    def brief(self) -> InstanceBriefOut:
        return InstanceBriefOut(name=self.name, state=self.state, reason=self.reason, until=self.until)


class InstancePage(BaseModel):
    items: list[InstanceOut | InstanceBriefOut]
    next_page_token: str | None = None


class CheckOut(BaseModel):
    name: str
    status: Verdict
    detail: str


class CheckedColumnOut(BaseModel):
    """A column, and the field of Marketo's that it goes into."""

    name: str
    field: str | None
    data_type: str | None
    mistake: str | None
    suggestion: str | None


class FileMistakeOut(BaseModel):
    """What an upload would be refused for. `column` is its name, or its number where it has none."""

    code: str
    column: str | None
    row: int | None
    message: str


class RemarkOut(BaseModel):
    row: int | None
    column: str | None
    message: str


class GuessedOut(BaseModel):
    """What a file seems to be, by how it begins."""

    format: Format | None
    charset: str
    header: bool


class FileCheckOut(BaseModel):
    model_config = _example(examples.FILE_CHECK)

    rows: int
    parts: int
    columns: list[CheckedColumnOut]
    mistakes: list[FileMistakeOut]
    mistakes_total: int
    remarks: list[RemarkOut]
    remarks_total: int
    ragged_rows: int
    repeated_keys: int | None
    guessed: GuessedOut | None

    @classmethod
    def of(cls, found: Findings, *, sample: bool) -> "FileCheckOut":
        guessed = GuessedOut(format=found.format, charset=found.charset, header=found.has_header)
        return cls(
            rows=found.rows,
            parts=found.parts,
            columns=[CheckedColumnOut(**asdict(one)) for one in found.columns],
            mistakes=[_mistake(one) for one in found.mistakes[:MOST_MISTAKES]],
            mistakes_total=len(found.mistakes),
            remarks=[RemarkOut(row=one.row, column=one.column, message=one.message) for one in found.remarks],
            remarks_total=found.remarks_total,
            ragged_rows=found.ragged_rows,
            repeated_keys=found.repeated_keys,
            guessed=guessed if sample else None,
        )


class StatusOut(BaseModel):
    model_config = _example(examples.STATUS)

    status: Verdict
    checks: list[CheckOut]
    imports: dict[str, int]
    instances: list[InstanceOut]


class HealthOut(BaseModel):
    status: Verdict
    checks: list[CheckOut]


def _mistake(found: Mistake) -> FileMistakeOut:
    column = None if found.of_parameter else found.field
    return FileMistakeOut(code=found.code, column=column, row=found.row, message=found.message)


def _attention(found: Import) -> AttentionOut | None:
    seen = found.attention
    return AttentionOut(code=seen.code, message=seen.message, since=seen.since) if seen else None


def _left_out(left_out: LeftOut | None) -> LeftOutOut | None:
    if left_out is None:
        return None
    return LeftOutOut(rows=left_out.rows, reason=left_out.reason, **asdict(left_out))


def _last_error(error: TryError | None) -> TryErrorOut | None:
    return TryErrorOut(code=error.code, message=error.message, at=error.at) if error else None


def _error(error: Failure | None) -> ErrorOut | None:
    return ErrorOut(code=error.code, message=error.message, marketo_code=error.marketo_code) if error else None
