"""`sluice check`: what is wrong with a file, before it is sent."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from app.cli import tables
from app.cli.client import read_json, service, spell_command
from app.cli.import_options import CharsetOption, FormatOption, InstanceOption, MapOption, SkipOption, column_map
from app.cli.reading import AsJson
from app.cli.target_options import takes_target
from app.cli.upload import check_file, format_by_name, name_of, open_file
from app.terminal import harmless_json


@takes_target
def check(
    file: Annotated[Path, typer.Argument(help="The file; - reads standard input.", allow_dash=True)],
    target: dict[str, Any],
    instance: InstanceOption = None,
    format_: FormatOption = None,
    charset: CharsetOption = None,
    map_: MapOption = None,
    skip: SkipOption = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is wrong with a file, and odd about its rows, without sending it. Exits 1 if it would be refused.

    Example: sluice check leads.csv --lookup-field email
    """
    options: dict[str, Any] = {
        "object_type": target.pop("object_type"),
        "instance": instance,
        "format": format_ or format_by_name(file),
        "charset": charset,
        "column_map": column_map(map_, skip),
        **target,
    }
    parameters = {name: str(value) for name, value in options.items() if value is not None}
    with open_file(file) as source, service() as client:
        answer = check_file(client, source, name=name_of(file), parameters=parameters)
        findings = read_json(answer, again=lambda say: _again(file, parameters | say, map_ or [], skip or []))
    if as_json:
        typer.echo(json.dumps(findings, indent=2))
    else:
        _show(harmless_json(findings))
    if findings["mistakes"]:
        raise typer.Exit(1)


def _again(file: Path, parameters: dict[str, str], mapped: list[str], skipped: list[str]) -> str:
    """The same command with these parameters."""
    options = {name: value for name, value in parameters.items() if name != "column_map"}
    columns = [f"--map={pair}" for pair in mapped] + [f"--skip={column}" for column in skipped]
    return spell_command(["sluice", "check", str(file), *columns], options)


def _show(findings: dict[str, Any]) -> None:
    console = tables.console()
    noun = "part" if findings["parts"] == 1 else "parts"
    console.print(f"{findings['rows']:,} rows in {findings['parts']:,} {noun}")
    if repeated_keys := findings["repeated_keys"]:
        console.print(f"{repeated_keys:,} of them have the key of an earlier row")
    if findings["remarks"]:
        console.print(tables.remarks_table(findings["remarks"]))
        _show_rest(findings["remarks_total"] - len(findings["remarks"]))
    for mistake in findings["mistakes"]:
        console.print(f"[red]mistake[/]: {escape(mistake['message'])}")
    _show_rest(findings["mistakes_total"] - len(findings["mistakes"]))
    if not findings["mistakes"]:
        console.print("No mistake: it would be taken.")


def _show_rest(count: int) -> None:
    if count > 0:
        tables.console().print(f"… and {count:,} more")
