"""`sluice status` and `sluice failures`: read what a running service knows."""

import json
import sys
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.markup import escape

from app.cli import tables
from app.cli.client import service, told

NEWEST = 10
ImportId = Annotated[int, typer.Argument(help="The import's number.", metavar="ID")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def status(
    import_id: Annotated[int | None, typer.Argument(help="The import's number.", metavar="[ID]")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how the service is doing, or one import.

    Example: sluice status 42
    """
    with service() as client:
        path = "/v1/status" if import_id is None else f"/v1/imports/{import_id}"
        found = told(client.get(path))
        if as_json:
            typer.echo(json.dumps(found, indent=2))
            return
        if import_id is None:
            newest = told(client.get("/v1/imports", params={"page_size": NEWEST}))["items"]
            _show_service(found, newest)
        else:
            _show_import(found)


def _show_service(found: dict[str, object], newest: list[dict[str, object]]) -> None:
    console = tables.console()
    console.print(f"Sluice is {tables.coloured(str(found['status']))}.")
    checks = found["checks"]
    assert isinstance(checks, list)
    for check in checks:
        if check["status"] != "ok":
            console.print(escape(f"  {check['name']}: {check['detail']}"))
    instances = found["instances"]
    assert isinstance(instances, list)
    console.print(tables.of_instances(instances))
    console.print(tables.of_imports(newest, title="Newest imports"))


def _show_import(found: dict[str, object]) -> None:
    console = tables.console()
    console.print(tables.of_imports([found], title=f"Import {found['id']}"))
    for name in ("error", "attention"):
        told_of = found[name]
        if isinstance(told_of, dict):
            console.print(escape(f"{name}: {told_of['code']}: {told_of['message']}"))


def failures(
    import_id: ImportId,
    warnings: Annotated[bool, typer.Option("--warnings", help="The warned rows instead.")] = False,
    output: Annotated[Path | None, typer.Option(help="A file to write to, instead of standard output.")] = None,
) -> None:
    """Print the rows that Marketo rejected, in the import's own format, with reason and source row.

    Example: sluice failures 42 --output rejected.csv
    """
    kind = "warnings" if warnings else "failures"
    with service() as client, client.stream("GET", f"/v1/imports/{import_id}/{kind}") as answer:
        if not answer.is_success:
            told(answer)
        if output is None:
            _copy(answer, None)
        else:
            _copy(answer, output)


def _copy(answer: httpx.Response, output: Path | None) -> None:
    if output is None:
        for chunk in answer.iter_bytes():
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    with output.open("wb") as file:
        for chunk in answer.iter_bytes():
            file.write(chunk)
