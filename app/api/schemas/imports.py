"""An import. The module is long because each group of its fields is a schema of its own."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any, assert_never

from pydantic import BaseModel, create_model
from typing_extensions import TypeAliasType

from app.api.openapi import examples
from app.api.schemas.fields import ErrorDetail, Moment, enum_of, with_example
from app.domain import imports as domain
from app.domain.formats import Format
from app.domain.imports import FINISHED, AttentionCode, ImportStatus, LeftOut, OnUnconfirmed, SourceFile
from app.domain.lifecycle import AT_MARKETO, PartState
from app.domain.objects import OBJECT_TYPES, ValueKind, fields_of, target_parameters
from app.domain.parts import Rows
from app.reporting.imports import ImportView


class ImportFile(BaseModel):
    name: str | None
    bytes: int
    sha256: str
    rows: int
    ragged_rows: int

    @classmethod
    def of(cls, file: SourceFile) -> "ImportFile":
        return cls(
            name=file.name, bytes=file.size_bytes, sha256=file.sha256, rows=file.rows, ragged_rows=file.ragged_rows
        )


class RowCounts(BaseModel):
    total: int
    imported: int
    failed: int
    warned: int
    pending: int

    @classmethod
    def of(cls, rows: Rows) -> "RowCounts":
        return cls(
            total=rows.total, imported=rows.imported, failed=rows.failed, warned=rows.warned, pending=rows.pending
        )


class PartCounts(BaseModel):
    total: int
    waiting: int
    at_marketo: int
    complete: int
    failed: int
    cancelled: int

    @classmethod
    def of(cls, states: Counter[PartState]) -> "PartCounts":
        return cls(
            total=states.total(),
            waiting=states[PartState.WAITING],
            at_marketo=sum(states[state] for state in AT_MARKETO | {PartState.COLLECTING}),
            complete=states[PartState.COMPLETE],
            failed=states[PartState.FAILED],
            cancelled=states[PartState.CANCELLED],
        )


class Attention(BaseModel):
    code: AttentionCode
    message: str
    since: Moment

    @classmethod
    def of(cls, attention: domain.Attention | None) -> "Attention | None":
        return cls(code=attention.code, message=attention.message, since=attention.since) if attention else None


class LeftOutRows(BaseModel):
    """Of a retry: rows that are not in it, how many and why."""

    rows: int
    not_placed: int
    superseded: int
    not_known_yet: int
    without_values: int
    reason: str

    @classmethod
    def of(cls, left_out: LeftOut | None) -> "LeftOutRows | None":
        return cls(rows=left_out.rows, reason=left_out.reason, **asdict(left_out)) if left_out else None


class ImportLinks(BaseModel):
    self: str
    parts: str
    events: str
    failures: str
    warnings: str

    @classmethod
    def of(cls, import_id: int) -> "ImportLinks":
        here = f"/v1/imports/{import_id}"
        return cls(
            self=here,
            parts=f"{here}/parts",
            events=f"{here}/events",
            failures=f"{here}/failures",
            warnings=f"{here}/warnings",
        )


Metadata = TypeAliasType("Metadata", dict[str, str])
ObjectType = TypeAliasType("ObjectType", Annotated[str, enum_of(OBJECT_TYPES, title="ObjectType")])


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


class Import(_WithTarget):
    model_config = with_example(examples.IMPORT)

    priority: int
    not_before: Moment | None
    review_until: Moment | None
    on_unconfirmed: OnUnconfirmed
    label: str | None
    metadata: Metadata | None
    column_map: dict[str, str | None] | None
    status: ImportStatus
    attention: Attention | None
    file: ImportFile
    rows: RowCounts
    parts: PartCounts
    progress: float
    estimated_finish_at: Moment | None
    error: ErrorDetail | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    retry_of: int | None
    left_out: LeftOutRows | None
    links: ImportLinks

    @classmethod
    def of(cls, view: ImportView) -> "Import":
        summary, request = view.summary, view.summary.request
        return cls(
            id=summary.id,
            object_type=request.target.object_type,
            instance=request.instance,
            client=request.client,
            format=request.format,
            **fields_of(request.target),
            priority=request.priority,
            not_before=request.not_before,
            review_until=summary.review_until,
            on_unconfirmed=request.on_unconfirmed,
            label=request.label,
            metadata=dict(request.metadata) if request.metadata is not None else None,
            column_map=dict(request.column_map) if request.column_map is not None else None,
            status=summary.status,
            attention=Attention.of(summary.attention),
            file=ImportFile.of(summary.file),
            rows=RowCounts.of(summary.rows),
            parts=PartCounts.of(summary.parts),
            progress=1.0 if summary.status in FINISHED else round(summary.rows.settled_share, 4),
            estimated_finish_at=view.estimated_finish_at,
            error=ErrorDetail.of(summary.error),
            created_at=summary.created_at,
            started_at=summary.started_at,
            finished_at=summary.finished_at,
            retry_of=summary.retry_of,
            left_out=LeftOutRows.of(summary.left_out),
            links=ImportLinks.of(summary.id),
        )


class ResolvedImport(Import):
    """An import of which a part was decided, and whom else that went for."""

    model_config = with_example(examples.RESOLVED_IMPORT)

    bundled_imports: list[int]  # the ids of the other imports of the part's job, as far as the caller may see them


class ImportPage(BaseModel):
    items: list[Import]
    next_page_token: str | None
