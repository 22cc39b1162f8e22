"""A file that is only looked at: all that is wrong with it, and what is odd about its rows. Nothing of it is kept.

The same eyes as an upload's: what is no mistake here is taken there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.domain.answers import Description
from app.domain.column_maps import mapped
from app.domain.errors import BadFile
from app.domain.file_mistakes import Mistake
from app.domain.formats import Format
from app.domain.header_mistakes import seems_a_header
from app.domain.imports import Request
from app.domain.preflight import Column, columns_of
from app.files.column_mapping import ColumnMapping
from app.files.cutting import Cutter, PartFile
from app.files.decoding import Decoder
from app.files.diagnosis import Diagnosis, Sample, diagnose, everything
from app.files.header import MOST_COLUMNS
from app.files.inspection import Inspection, Remark
from app.files.repeated_keys import RepeatedKeys
from app.files.uploaded_file import UploadedFile


@dataclass(frozen=True, slots=True)
class Limits:
    part_bytes: int  # of a part's file
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file check finds: the file's shape, why an upload would be refused, what is odd about its rows."""

    rows: int  # that could be read
    parts: int
    columns: Sequence[Column]
    mistakes: Sequence[Mistake]  # empty: the file would be taken
    remarks: Sequence[Remark]  # the first of `remarks_total`
    remarks_total: int
    ragged_rows: int
    repeated_keys: int | None  # rows whose key an earlier row has; None: it is not known which columns are the key
    charset: str  # the charset that it seems to have
    format: Format | None  # the format that it seems to have; None: one that Marketo does not take
    has_header: bool  # whether its first line seems to be a header


@dataclass(slots=True)
class Examination:
    """Checks a file: feed it as it was sent, drop the parts, then ask for the findings. Heavy: run it in a thread."""

    request: Request
    fields: Description | None  # Marketo's; None: nobody knows them, or it is not to be held against them
    limits: Limits
    content_encoding: str | None = None
    beginning_only: bool = False  # it is cut off somewhere, and that is no mistake
    refused: BadFile | None = None  # where no more of it can be read
    _parts: int = 0
    _inspection: Inspection = field(init=False)
    _repeated: RepeatedKeys = field(init=False, default_factory=RepeatedKeys)
    _file: UploadedFile = field(init=False)

    def __post_init__(self) -> None:
        """Errors: UnsupportedMedia."""
        request = self.request
        self._inspection = Inspection(
            request.target, request.format, self.fields, every_cell=True, charset=request.charset
        )
        decoder = Decoder(
            content_encoding=self.content_encoding, charset=request.charset, limit_bytes=self.limits.file_bytes
        )
        cutter = Cutter(
            format=request.format,
            limit_bytes=self.limits.part_bytes,
            key_columns=request.target.key_columns,
            inspection=self._inspection,
            repeated=self._repeated,
        )
        mapping = None
        if request.column_map:
            mapping = ColumnMapping(
                request.column_map,
                request.format.delimiter,
                limit_bytes=self.limits.part_bytes,
                key_columns=request.target.key_columns,
            )
        self._file = UploadedFile(decoder, cutter, mapping=mapping)

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[PartFile]:
        """The parts that this chunk fills. Errors: as UploadedFile."""
        yield from self._counted(self._file.feed(chunk, last=last))

    def finish(self) -> Iterator[PartFile]:
        """The last parts, or the open ones of a beginning that was cut off. Errors: as UploadedFile."""
        is_cut_off = self.beginning_only and self._file.sent_bytes
        yield from self._counted(self._file.let_go() if is_cut_off else self._file.finish())

    def let_go(self) -> Iterator[PartFile]:
        """The open parts, to free memory."""
        yield from self._counted(self._file.let_go())

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes

    @property
    def sha256(self) -> str:
        return self._file.sha256

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(bytes in use, bytes that would be in use after `let_go`)."""
        return self._file.memory_bytes

    @property
    def has_mistakes(self) -> bool:
        """Whether an upload of the file would be refused, if Marketo's fields have not changed."""
        return bool(self.refused or self._inspection.mistakes)

    def findings(self, fields: Description | None) -> Findings:
        """The findings, once the whole file was fed. `fields`: Marketo's fields as of now; None where it cannot say."""
        diagnosis = self._diagnosis(fields)
        keys, described = self.request.target.key_columns, fields or self.fields
        names = diagnosis.source_columns if self._has_whole_header else ()
        return Findings(
            rows=self._file.rows,
            parts=self._parts,
            columns=self._columns(names[:MOST_COLUMNS], fields),
            mistakes=self._mistakes(diagnosis, fields),
            remarks=self._inspection.remarks,
            remarks_total=self._inspection.remarks_total,
            ragged_rows=self._file.ragged_rows,
            repeated_keys=self._repeated.rows if keys else None,
            charset=diagnosis.charset,
            format=diagnosis.format,
            has_header=seems_a_header(diagnosis.columns, keys, *([described] if described else [])),
        )

    def _counted(self, pieces: Iterator[PartFile]) -> Iterator[PartFile]:
        for piece in pieces:
            self._parts += 1
            yield piece

    @property
    def _has_whole_header(self) -> bool:
        """Whether the header is complete: a beginning may be cut off in the middle of a name."""
        return not self.beginning_only or bool(self._file.columns or self.refused)

    def _mistakes(self, diagnosis: Diagnosis, fields: Description | None) -> list[Mistake]:
        """The mistakes for which the file would be refused. A header is refused only by what Marketo says now."""
        if self.refused:
            return everything(self.refused, diagnosis)
        return diagnosis.mistakes if self._inspection.mistakes and fields else []

    def _columns(self, names: Sequence[str], fields: Description | None) -> list[Column]:
        """Each column of the file, by its name there; one that is left out has no field, and no mistake."""
        sent_names = mapped(names, self.request.column_map or {})
        columns = iter(self._sent_columns([name for name in sent_names if name is not None], fields))
        return [
            Column(name) if sent_name is None else replace(next(columns), name=name)
            for name, sent_name in zip(names, sent_names, strict=True)
        ]

    def _sent_columns(self, names: Sequence[str], fields: Description | None) -> list[Column]:
        if fields:
            return columns_of(names, fields, self.request.target)
        if self.fields:
            return [replace(column, mistake=None) for column in columns_of(names, self.fields, self.request.target)]
        return [Column(name) for name in names]

    def _diagnosis(self, fields: Description | None) -> Diagnosis:
        sample = Sample(self._file.sample, whole=not self.beginning_only and self._file.is_in_sample)
        return diagnose(sample, self.request, fields=fields, names=fields or self.fields)
