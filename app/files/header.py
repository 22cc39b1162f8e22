"""A file's header: what its columns are called, and whether a record can be found by them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import BadFile, Detail
from app.domain.imports import Format
from app.files.records import cells, line


@dataclass(frozen=True, slots=True)
class Header:
    columns: tuple[str, ...]  # trimmed
    line: bytes  # with which each part begins

    @classmethod
    def read(cls, record: bytes, format: Format, key_columns: Sequence[str]) -> "Header":  # noqa: A002
        """Errors: BadFile blank_column, duplicate_column, missing_column."""
        found = cells(record, format.delimiter)
        columns = tuple(_name(cell) for cell in found)
        _check(columns, format, key_columns)
        return cls(columns, record if list(columns) == found else _written(columns, record, format))


def _written(columns: Sequence[str], record: bytes, format: Format) -> bytes:  # noqa: A002
    """The header with its cells trimmed, ending as it did: Marketo takes ` email` and then fails every row."""
    end = record[len(record.rstrip(b"\r\n")) :].decode()
    return line(columns, format.delimiter, end)


def _check(columns: Sequence[str], format: Format, key_columns: Sequence[str]) -> None:  # noqa: A002
    blank = [number for number, name in enumerate(columns, 1) if not name]
    if blank:
        message = f"Column {blank[0]} has no name. Name every column by its API name, or leave the column out."
        raise BadFile(message, code="blank_column", details=(Detail(message, field=str(blank[0])),))
    doubled = [name for name, count in Counter(name.lower() for name in columns).items() if count > 1]
    if doubled:
        message = f"Column {doubled[0]!r} stands in the header twice. Keep one of them."
        raise BadFile(message, code="duplicate_column", details=(Detail(message, field=doubled[0]),))
    known = {name.lower() for name in columns}
    missing = [name for name in key_columns if name.lower() not in known]
    if missing:
        message = f"Column {missing[0]!r} is missing; found: {', '.join(columns)}.{_other_format(columns, format)}"
        details = tuple(Detail(f"the column {name!r} is missing", field=name) for name in missing)
        raise BadFile(message, code="missing_column", details=details)


def _other_format(columns: Sequence[str], format: Format) -> str:  # noqa: A002
    for other in Format:
        if other is not format and len(columns) == 1 and other.delimiter in columns[0]:
            return f" The header looks like {other}: say so with `format={other}`."
    return ""


def _name(cell: str) -> str:
    """A column's name without blanks around it, nor the quotes that blanks kept from being quotes."""
    name = cell.strip()
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == '"' else name
