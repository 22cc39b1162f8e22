"""`sluice check-database`: whether all that is stored is still what was stored."""

import asyncio
import json
from collections import Counter
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Column

from app.cli import tables
from app.cli.client import fail
from app.cli.database import CANNOT, looked_at
from app.container import Container
from app.operations.integrity import Integrity
from app.settings import load

SHOWN = 100  # of what is corrupt, one by one


def check_database(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False) -> None:
    """Hold every stored file, key and result file against its checksum. Changes nothing; exits 1 if one is corrupt.

    With SQLite, stop the service first, or check a copy.

    Example: SLUICE_DATABASE_URL=sqlite:///copy.db sluice check-database
    """
    settings = load()

    async def run() -> dict[str, Any]:
        async with looked_at(settings) as found:
            return await _checked(found, quiet=as_json)

    try:
        told = asyncio.run(run())
    except CANNOT as reason:
        fail(str(reason))
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _show(told)
    if told["corrupt"] or told["complaints"]:
        raise typer.Exit(1)


async def _checked(container: Container, *, quiet: bool) -> dict[str, Any]:
    integrity = Integrity(container.db)
    counted: dict[str, Counter[str]] = {}
    corrupt: list[dict[str, Any]] = []
    with Progress(console=tables.console(), transient=True, disable=quiet) as progress:
        bar = progress.add_task("Checking", total=await integrity.count())
        async for found in integrity.look():
            counted.setdefault(found.table, Counter())[found.condition] += 1
            if found.condition == "corrupt":
                about = {"import": found.import_id, "part": found.part, "part_state": found.part_state}
                corrupt.append({"table": found.table} | about)
            progress.advance(bar)
    return {"counted": counted, "corrupt": corrupt, "complaints": await integrity.complaints()}


def _show(told: dict[str, Any]) -> None:
    console = tables.console()
    conditions = ("whole", "unchecked", "corrupt")
    rows = [[table, *[str(counts[condition]) for condition in conditions]] for table, counts in told["counted"].items()]
    console.print(tables.telling("Stored", [Column("table"), *map(tables.number, conditions)], rows))
    for one in told["corrupt"][:SHOWN]:
        state = f", {one['part_state']}" if one["part_state"] else ""
        console.print(f"corrupt: {one['table']} of import {one['import']}, part {one['part']}{state}", markup=False)
    if len(told["corrupt"]) > SHOWN:
        console.print(f"… and {len(told['corrupt']) - SHOWN} more (--json has them all)", markup=False)
    for line in told["complaints"]:
        console.print(f"SQLite: {line}", markup=False)
    if not told["corrupt"] and not told["complaints"]:
        console.print("Nothing is corrupt.")
