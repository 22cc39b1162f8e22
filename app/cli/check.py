"""`sluice check`: what is wrong with a file, before it is sent."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from app.cli import tables
from app.cli.client import command, service, told
from app.cli.import_options import CharsetOption, FormatOption, InstanceOption
from app.cli.reading import AsJson
from app.cli.target_options import takes_target
from app.cli.upload import format_by_name, look_at, named, opened
from app.terminal import harmless_json


@takes_target
def check(
    file: Annotated[Path, typer.Argument(help="The file; - reads standard input.", allow_dash=True)],
    target: dict[str, Any],
    instance: InstanceOption = None,
    format_: FormatOption = None,
    charset: CharsetOption = None,
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
        **target,
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    with opened(file) as source, service() as client:
        answer = look_at(client, source, name=named(file), parameters=given)
        found = told(answer, again=lambda say: command(["sluice", "check", str(file)], given | say))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(harmless_json(found))
    if found["mistakes"]:
        raise typer.Exit(1)


def _show(found: dict[str, Any]) -> None:
    console = tables.console()
    noun = "part" if found["parts"] == 1 else "parts"
    console.print(f"{found['rows']:,} rows in {found['parts']:,} {noun}")
    if repeated := found["repeated_keys"]:
        console.print(f"{repeated:,} of them have the key of an earlier row")
    if found["remarks"]:
        console.print(tables.of_remarks(found["remarks"]))
        _more(found["remarks_total"] - len(found["remarks"]))
    for one in found["mistakes"]:
        console.print(f"[red]mistake[/]: {escape(one['message'])}")
    _more(found["mistakes_total"] - len(found["mistakes"]))
    if not found["mistakes"]:
        console.print("No mistake: it would be taken.")


def _more(count: int) -> None:
    if count > 0:
        tables.console().print(f"… and {count:,} more")
