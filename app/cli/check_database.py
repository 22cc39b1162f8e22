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
from app.cli.database import CANNOT, opened_for_reading
from app.container import Container
from app.operations.integrity import Integrity
from app.settings import load

SHOWN = 100  # corrupt entries that are listed one by one


def check_database(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False) -> None:
    """Hold every stored file, key and result file against its checksum. Changes nothing; exits 1 if one is corrupt.

    With SQLite, stop the service first, or check a copy.

    Example: SLUICE_DATABASE_URL=sqlite:///copy.db sluice check-database
    """
    settings = load()

    async def run() -> dict[str, Any]:
        async with opened_for_reading(settings) as container:
            return await _checked(container, quiet=as_json)

    try:
        result = asyncio.run(run())
    except CANNOT as reason:
        fail(str(reason))
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        _show(result)
    if result["corrupt"] or result["complaints"]:
        raise typer.Exit(1)


async def _checked(container: Container, *, quiet: bool) -> dict[str, Any]:
    integrity = Integrity(container.db)
    counts_by_table: dict[str, Counter[str]] = {}
    corrupt: list[dict[str, Any]] = []
    with Progress(console=tables.console(), transient=True, disable=quiet) as progress:
        bar = progress.add_task("Checking", total=await integrity.count())
        async for row in integrity.look():
            counts_by_table.setdefault(row.table, Counter())[row.condition] += 1
            if row.condition == "corrupt":
                about = {"import": row.import_id, "part": row.part, "part_state": row.part_state}
                corrupt.append({"table": row.table} | about)
            progress.advance(bar)
    return {"counted": counts_by_table, "corrupt": corrupt, "complaints": await integrity.complaints()}


def _show(result: dict[str, Any]) -> None:
    console = tables.console()
    conditions = ("whole", "unchecked", "corrupt")
    rows = [
        [table, *[str(counts[condition]) for condition in conditions]] for table, counts in result["counted"].items()
    ]
    console.print(tables.make_compact_table("Stored", [Column("table"), *map(tables.number_column, conditions)], rows))
    for part in result["corrupt"][:SHOWN]:
        state = f", {part['part_state']}" if part["part_state"] else ""
        console.print(f"corrupt: {part['table']} of import {part['import']}, part {part['part']}{state}", markup=False)
    if len(result["corrupt"]) > SHOWN:
        console.print(f"… and {len(result['corrupt']) - SHOWN} more (--json has them all)", markup=False)
    for line in result["complaints"]:
        console.print(f"database: {line}", markup=False)
    if not result["corrupt"] and not result["complaints"]:
        console.print("Nothing is corrupt.")
