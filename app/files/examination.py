"""A file that is only looked at: all that is wrong with it, and what is odd about its rows. Nothing of it is kept.

The same eyes as an upload's: what is no mistake here is taken there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.answers import Description
from app.domain.errors import BadFile
from app.domain.imports import Format, Request, key_columns
from app.domain.mistakes import Mistake
from app.domain.preflight import Column, columns_of
from app.files.cutting import Cutter
from app.files.decoding import Decoder
from app.files.diagnosis import Diagnosis, Sample, diagnose, everything
from app.files.inspection import Inspection, Remark
from app.files.uploaded import UploadedFile


@dataclass(frozen=True, slots=True)
class Limits:
    part_bytes: int  # of a part's file
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file is, what an upload of it would be refused for, and what Marketo may stumble over."""

    rows: int  # as far as it could be read
    parts: int
    columns: Sequence[Column]
    mistakes: Sequence[Mistake]  # empty: it would be taken
    remarks: Sequence[Remark]  # the first of them
    remarks_total: int
    ragged_rows: int
    charset: str  # that it seems to be in
    format: Format | None  # that it seems to have; None: one that Marketo does not take


@dataclass(slots=True)
class Examination:
    """Push a file in, as it was sent; ask what was found. Heavy: run it in a thread."""

    request: Request
    fields: Description | None  # Marketo's; None: nobody knows them
    limits: Limits
    content_encoding: str | None = None
    beginning_only: bool = False  # it is cut off somewhere, and that is no mistake
    _parts: int = 0
    _refused: BadFile | None = None
    _inspection: Inspection = field(init=False)
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
            key_columns=key_columns(request.target),
            inspection=self._inspection,
        )
        self._file = UploadedFile(decoder, cutter)

    def feed(self, chunk: bytes) -> None:
        """Errors: TooLarge, BrokenUpload."""
        if self._refused is None:
            try:
                self._parts += sum(1 for _ in self._file.feed(chunk))
            except BadFile as refused:
                self._refused = refused

    def finish(self) -> Findings:
        """Errors: BrokenUpload."""
        if self._refused is None and not self.beginning_only:
            try:
                self._parts += sum(1 for _ in self._file.finish())
            except BadFile as refused:
                self._refused = refused
        found = self._diagnosis()
        mistakes = everything(self._refused, found) if self._refused else found.mistakes
        return Findings(
            rows=self._file.rows,
            parts=self._parts,
            columns=self._columns(found.columns),
            mistakes=mistakes,
            remarks=self._inspection.remarks,
            remarks_total=self._inspection.remarks_total,
            ragged_rows=self._file.ragged_rows,
            charset=found.charset,
            format=found.format,
        )

    def _columns(self, names: Sequence[str]) -> list[Column]:
        return columns_of(names, self.fields, self.request.target) if self.fields else [Column(name) for name in names]

    def _diagnosis(self) -> Diagnosis:
        whole = not self.beginning_only and self._file.is_in_sample
        return diagnose(Sample(self._file.sample, whole), self.request, fields=self.fields, names=self.fields)
