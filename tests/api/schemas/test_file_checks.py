"""What was found in a file that is only checked, as the API shows it."""

from typing import Any

from app.api.schemas.file_checks import FileCheck, FileMistake
from app.domain.file_mistakes import Mistake
from app.domain.formats import Format
from app.files.examination import Findings


def findings(**fields: Any) -> Findings:
    found: dict[str, Any] = {
        "rows": 2,
        "parts": 1,
        "columns": [],
        "mistakes": [],
        "remarks": [],
        "remarks_total": 0,
        "ragged_rows": 0,
        "repeated_keys": None,
        "charset": "cp1252",
        "format": Format.SSV,
        "has_header": True,
    }
    return Findings(**found | fields)


def test_a_hundred_mistakes_are_listed_and_all_are_counted():
    """Of a header of two thousand columns, each may be one."""
    mistakes = [Mistake("unknown_column", "m", field=str(number)) for number in range(150)]
    out = FileCheck.of(findings(mistakes=mistakes), is_sample=False)
    assert (len(out.mistakes), out.mistakes_total) == (100, 150)


def test_what_the_file_seems_to_be_is_told_of_a_sample_only():
    """Of a whole file the caller has said it."""
    assert FileCheck.of(findings(), is_sample=False).guessed is None
    guessed = FileCheck.of(findings(), is_sample=True).guessed
    assert guessed
    assert guessed.model_dump() == {"format": "ssv", "charset": "cp1252", "header": True}


def test_a_mistake_of_a_parameter_names_no_column():
    """Though it has a field."""
    column = FileMistake.of(Mistake("missing_column", "m", field="email"))
    parameter = FileMistake.of(Mistake("missing_column", "m", field="format", of_parameter=True))
    assert (column.column, parameter.column) == ("email", None)
