"""What was found in a file that is only checked."""

from dataclasses import asdict

from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.fields import with_example
from app.domain.file_mistakes import Mistake
from app.domain.formats import Format
from app.files.examination import Findings

MOST_MISTAKES = 100  # listed in one answer; it says how many there are, and each column names its own


class CheckedColumn(BaseModel):
    """A column, and the field of Marketo's that it goes into."""

    name: str
    field: str | None
    data_type: str | None
    mistake: str | None
    suggestion: str | None


class FileMistake(BaseModel):
    """What an upload would be refused for. `column` is its name, or its number where it has none."""

    code: str
    column: str | None
    row: int | None
    message: str

    @classmethod
    def of(cls, mistake: Mistake) -> "FileMistake":
        column = None if mistake.of_parameter else mistake.field
        return cls(code=mistake.code, column=column, row=mistake.row, message=mistake.message)


class FileRemark(BaseModel):
    row: int | None
    column: str | None
    message: str


class GuessedFile(BaseModel):
    """What a file seems to be, by how it begins."""

    format: Format | None
    charset: str
    header: bool


class FileCheck(BaseModel):
    model_config = with_example(examples.FILE_CHECK)

    rows: int
    parts: int
    columns: list[CheckedColumn]
    mistakes: list[FileMistake]
    mistakes_total: int
    remarks: list[FileRemark]
    remarks_total: int
    ragged_rows: int
    repeated_keys: int | None
    guessed: GuessedFile | None

    @classmethod
    def of(cls, findings: Findings, *, is_sample: bool) -> "FileCheck":
        guessed = GuessedFile(format=findings.format, charset=findings.charset, header=findings.has_header)
        return cls(
            rows=findings.rows,
            parts=findings.parts,
            columns=[CheckedColumn(**asdict(column)) for column in findings.columns],
            mistakes=[FileMistake.of(mistake) for mistake in findings.mistakes[:MOST_MISTAKES]],
            mistakes_total=len(findings.mistakes),
            remarks=[
                FileRemark(row=remark.row, column=remark.column, message=remark.message) for remark in findings.remarks
            ],
            remarks_total=findings.remarks_total,
            ragged_rows=findings.ragged_rows,
            repeated_keys=findings.repeated_keys,
            guessed=guessed if is_sample else None,
        )
