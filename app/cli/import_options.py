"""The options for what every import has: their help and their bounds come from the parameters' declaration.

The options of each object type are in target_options.py.
"""

import json
from typing import Annotated, Any

import typer

from app.domain.formats import Format
from app.domain.imports import REQUEST_PARAMETERS, Bundle, OnUnconfirmed, Preflight
from app.domain.request_parameters import WholeNumber


def _option(name: str, *flags: str, note: str = "") -> Any:
    """`note`: what is different on the command line."""
    parameter = REQUEST_PARAMETERS[name]
    bounds: dict[str, Any] = {}
    if isinstance(parameter.form, WholeNumber):
        bounds = {"min": parameter.form.least, "max": parameter.form.most}
    text = f"{parameter.means[0].upper()}{parameter.means[1:]}."
    return typer.Option(*flags, help=f"{text} {note}".strip(), **bounds)


InstanceOption = Annotated[str | None, _option("instance")]
FormatOption = Annotated[Format | None, _option("format", "--format", note="By the file's name where left out.")]
CharsetOption = Annotated[str | None, _option("charset")]
PriorityOption = Annotated[int | None, _option("priority")]
NotBeforeOption = Annotated[str | None, _option("not_before", note="RFC 3339.")]
PreflightOption = Annotated[Preflight | None, _option("preflight")]
OnUnconfirmedOption = Annotated[OnUnconfirmed | None, _option("on_unconfirmed")]
BundleOption = Annotated[Bundle | None, _option("bundle")]
ReviewOption = Annotated[
    bool,
    typer.Option("--review", help="Store it and send nothing until `sluice release ID`, within seven days."),
]
LabelOption = Annotated[str | None, _option("label")]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", help="COLUMN=field: the file's column goes to Marketo under this name; repeatable."),
]
SkipOption = Annotated[
    list[str] | None, typer.Option("--skip", help="A column of the file that is left out; repeatable.")
]
MetadataOption = Annotated[list[str] | None, typer.Option(help="key=value, returned as it came; repeatable.")]


def column_map(mapped: list[str] | None, skipped: list[str] | None) -> str | None:
    """The parameter `column_map` of --map and --skip; None where there is neither. Errors: BadParameter."""
    if not mapped and not skipped:
        return None
    columns: dict[str, str | None] = {}
    for text in mapped or []:
        column, sign, field = text.rpartition("=")  # a column's name may have the sign, a field's has none
        if not sign or not column or not field:
            raise typer.BadParameter(f"{text!r}: write COLUMN=field, as 'Email Address=email'", param_hint="--map")
        columns |= _new(column, columns, field)
    for column in skipped or []:
        columns |= _new(column, columns, None)
    return json.dumps(columns, ensure_ascii=False)


def _new(column: str, columns: dict[str, str | None], field: str | None) -> dict[str, str | None]:
    if column in columns:
        raise typer.BadParameter(f"{column!r} is named twice by --map and --skip")
    return {column: field}
