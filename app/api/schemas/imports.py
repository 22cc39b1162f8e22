"""An import. The module is long because each group of its fields is a schema of its own."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any, assert_never

from pydantic import BaseModel, WithJsonSchema, create_model
from typing_extensions import TypeAliasType

from app.api.openapi import examples
from app.api.schemas.fields import ErrorOut, Moment, with_example
from app.domain.formats import Format
from app.domain.imports import FINISHED, Attention, AttentionCode, LeftOut, OnUnconfirmed, SourceFile, Status
from app.domain.lifecycle import AT_MARKETO, State
from app.domain.objects import OBJECT_TYPES, ValueKind, fields_of, target_parameters
from app.domain.parts import Rows
from app.reporting.imports import ImportView


class FileOut(BaseModel):
    name: str | None
    bytes: int
    sha256: str
    rows: int
    ragged_rows: int

    @classmethod
    def of(cls, file: SourceFile) -> "FileOut":
        return cls(
            name=file.name, bytes=file.size_bytes, sha256=file.sha256, rows=file.rows, ragged_rows=file.ragged_rows
        )


class RowsOut(BaseModel):
    total: int
    imported: int
    failed: int
    warned: int
    pending: int

    @classmethod
    def of(cls, rows: Rows) -> "RowsOut":
        return cls(
            total=rows.total, imported=rows.imported, failed=rows.failed, warned=rows.warned, pending=rows.pending
        )


class PartsOut(BaseModel):
    total: int
    waiting: int
    at_marketo: int
    complete: int
    failed: int
    cancelled: int

    @classmethod
    def of(cls, states: Counter[State]) -> "PartsOut":
        return cls(
            total=states.total(),
            waiting=states[State.WAITING],
            at_marketo=sum(states[state] for state in AT_MARKETO | {State.COLLECTING}),
            complete=states[State.COMPLETE],
            failed=states[State.FAILED],
            cancelled=states[State.CANCELLED],
        )


class AttentionOut(BaseModel):
    code: AttentionCode
    message: str
    since: Moment

    @classmethod
    def of(cls, attention: Attention | None) -> "AttentionOut | None":
        return cls(code=attention.code, message=attention.message, since=attention.since) if attention else None


class LeftOutOut(BaseModel):
    """Of a retry: rows that are not in it, how many and why."""

    rows: int
    not_placed: int
    superseded: int
    not_known_yet: int
    without_values: int
    reason: str

    @classmethod
    def of(cls, left_out: LeftOut | None) -> "LeftOutOut | None":
        return cls(rows=left_out.rows, reason=left_out.reason, **asdict(left_out)) if left_out else None


class LinksOut(BaseModel):
    self: str
    parts: str
    events: str
    failures: str
    warnings: str

    @classmethod
    def of(cls, import_id: int) -> "LinksOut":
        here = f"/v1/imports/{import_id}"
        return cls(
            self=here,
            parts=f"{here}/parts",
            events=f"{here}/events",
            failures=f"{here}/failures",
            warnings=f"{here}/warnings",
        )


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
    model_config = with_example(examples.IMPORT)

    priority: int
    not_before: Moment | None
    on_unconfirmed: OnUnconfirmed
    label: str | None
    metadata: dict[str, str] | None
    column_map: dict[str, str | None] | None
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
    def of(cls, view: ImportView) -> "ImportOut":
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
            on_unconfirmed=request.on_unconfirmed,
            label=request.label,
            metadata=dict(request.metadata) if request.metadata is not None else None,
            column_map=dict(request.column_map) if request.column_map is not None else None,
            status=summary.status,
            attention=AttentionOut.of(summary.attention),
            file=FileOut.of(summary.file),
            rows=RowsOut.of(summary.rows),
            parts=PartsOut.of(summary.parts),
            progress=1.0 if summary.status in FINISHED else round(summary.rows.settled_share, 4),
            estimated_finish_at=view.estimated_finish_at,
            error=ErrorOut.of(summary.error),
            created_at=summary.created_at,
            started_at=summary.started_at,
            finished_at=summary.finished_at,
            retry_of=summary.retry_of,
            left_out=LeftOutOut.of(summary.left_out),
            links=LinksOut.of(summary.id),
        )


class ResolvedImportOut(ImportOut):
    """An import of which a part was decided, and whom else that went for."""

    model_config = with_example(examples.RESOLVED_IMPORT)

    bundled_imports: list[int]  # the ids of the other imports of the part's job, as far as the caller may see them


class ImportPage(BaseModel):
    items: list[ImportOut]
    next_page_token: str | None
