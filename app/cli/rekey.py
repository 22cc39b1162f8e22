"""`sluice rekey`: bring all that is stored to what SLUICE_ENCRYPTION_KEYS says now."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import typer
from rich.progress import Progress

from app.cli import tables
from app.cli.client import fail
from app.cli.owner import in_database_or_over_socket
from app.cli.reading import AsJson
from app.container import Container
from app.operations.rekey import Place
from app.operations.rekey import as_json as told

PATH = "/owner/rekey"
TIMEOUT_SECONDS = 120.0  # for a slice of a second: one row may be ten megabytes, and the disk slow


def rekey(as_json: AsJson = False) -> None:
    """Encrypt what is stored as SLUICE_ENCRYPTION_KEYS says now, while the service works. It can be run again.

    With a new first key, everything is brought under it; what is in the clear is encrypted. With `clear` in the first
    place everything is decrypted. At its end it tells which keys may go. Run it once every process has the new keys.

    Example: sluice rekey
    """
    total = _Total()
    with Progress(console=tables.console(), transient=True, disable=as_json) as shown:
        bar = shown.add_task("Encrypting", total=None)

        def note(told: dict[str, Any]) -> Place | None:
            following = total.add(told)
            shown.update(bar, description=f"{total.rows:,} rows changed")
            return following

        async def in_database(container: Container) -> None:
            place: Place | None = Place()
            while place:
                place = note(told(await container.rekey.work(place), await container.rekey.keys()))

        def over_socket(service: httpx.Client) -> httpx.Response:
            place: Place | None = Place()
            while place:
                answer = service.post(PATH, params=place._asdict(), timeout=TIMEOUT_SECONDS)
                place = note(answer.json()) if answer.is_success else None
            return answer

        in_database_or_over_socket(in_database, over_socket)
    typer.echo(json.dumps(total.told(), indent=2) if as_json else "\n".join(total.lines()))
    if total.complaints():
        fail("\n".join(total.complaints()))


@dataclass(slots=True)
class _Total:
    """What all slices did."""

    changed: Counter[str] = field(default_factory=Counter)
    damaged: int = 0
    damaged_first: list[str] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.changed.total()

    def add(self, told: dict[str, Any]) -> Place | None:
        """Where to go on."""
        self.changed.update(told["changed"])
        self.damaged += told["damaged"]
        self.damaged_first = self.damaged_first or told["damaged_first"]
        self.keys = told["keys"]
        return Place(*told["following"]) if told["following"] else None

    def told(self) -> dict[str, Any]:
        return {
            "changed": dict(self.changed),
            "damaged": self.damaged,
            "damaged_first": self.damaged_first,
            "keys": self.keys,
        }

    def lines(self) -> list[str]:
        changed = ", ".join(f"{table} {rows:,}" for table, rows in self.changed.items() if rows)
        first, may_go = self.keys["first"], self.keys["may_go"]
        writes = f"What is new is encrypted under the key {first}." if first else "What is new is written unencrypted."
        lines = [f"Rows changed: {changed}." if changed else "Everything was as it should be.", writes]
        if may_go:
            lines.append(f"No longer needed, and may be taken out of SLUICE_ENCRYPTION_KEYS: {', '.join(may_go)}.")
            lines.append("Back-ups from before still need them: keep them as long as those.")
        return lines

    def complaints(self) -> list[str]:
        """Why it is not done."""
        lines = []
        if others := [key for key in self.keys["needed"] if key != self.keys["first"]]:
            lines.append(
                f"Still needed: {', '.join(others)}. A process that has other keys wrote meanwhile, or something is "
                "damaged: see that every process has the new setting, and run `sluice rekey` again."
            )
        if self.damaged:
            lines.append(f"{self.damaged} values are damaged, and were left as they are: see `sluice check-database`.")
            lines += self.damaged_first
        return lines
