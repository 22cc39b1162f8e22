"""Tables for people: imports, their rows, instances."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

SHOWN_CHARACTERS = 60  # of a row's values: enough to know it again

COLOURS = {
    "complete": "green",
    "failed": "red",
    "cancelled": "yellow",
    "ok": "green",
    "degraded": "yellow",
    "down": "red",
}


def coloured(word: str) -> str:
    colour = COLOURS.get(word)
    return f"[{colour}]{word}[/]" if colour else word


def titled(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def of_imports(listed: Iterable[dict[str, Any]], title: str = "Imports") -> Table:
    table = titled(title)
    table.add_column("import", justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for name in ("status", "rows", "imported", "failed", "warned", "pending"):
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    for one in listed:
        rows = one["rows"]
        counts = [f"{rows[name]:,}" for name in ("total", "imported", "failed", "warned", "pending")]
        name = one["file"]["name"] or one["label"] or "–"
        table.add_row(str(one["id"]), escape(name), coloured(one["status"]), *counts)
    return table


def of_rows(rows: Iterable[dict[str, Any]], title: str) -> Table:
    """Failed or warned rows: where, why, and the row itself, cut to the width there is."""
    table = titled(title)
    table.add_column("row", justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    table.add_column("values", overflow="fold")
    for row in rows:
        values = " | ".join("" if value is None else value.replace("\n", "⏎") for value in row["values"].values())
        place = "?" if row["source_row"] is None else str(row["source_row"])
        table.add_row(place, escape(row["reason"]), escape(shorten(values, SHOWN_CHARACTERS, placeholder=" …")))
    return table


def of_instances(listed: Iterable[dict[str, Any]]) -> Table:
    table = titled("Instances")
    for name in ("instance", "state", "at Marketo", "waiting", "calls today", "worker"):
        table.add_column(name)
    for one in listed:
        slots, waiting, calls = one["slots"], one["waiting"], one["calls"]
        state = one["state"] + (f": {one['reason']}" if one["reason"] else "")
        table.add_row(
            escape(one["name"]),
            escape(state),
            f"{slots['used']} of {one['limits']['queued']}",
            f"{waiting['parts']} parts, {waiting['rows']:,} rows",
            f"{calls['today']:,} of {calls['quota']:,}",
            one["worker"]["id"] if one["worker"] else "none",
        )
    return table


def of_queue(listed: Iterable[dict[str, Any]], now: datetime) -> Table:
    """What is under way: how far, and how long still."""
    table = titled("Under way")
    table.add_column("import", justify="right", no_wrap=True)
    for name in ("client", "file", "status", "attention"):
        table.add_column(name, overflow="fold")
    for name in ("done", "rows", "pending", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in listed:
        rows, finish_at = one["rows"], moment(one["estimated_finish_at"])
        table.add_row(
            str(one["id"]),
            escape(one["client"]),
            escape(one["file"]["name"] or one["label"] or "–"),
            one["status"],
            one["attention"]["code"] if one["attention"] else "",
            f"{one['progress']:.0%}",
            f"{rows['total']:,}",
            f"{rows['pending']:,}",
            duration(seconds_until(finish_at, now)) if finish_at else "",
        )
    return table


def of_parts(listed: Iterable[dict[str, Any]]) -> Table:
    table = titled("Parts")
    for name in ("part", "rows", "imported", "failed", "warned", "attempts", "batch"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("state", "remark"):
        table.add_column(name, overflow="fold")
    for one in listed:
        error = one["error"]
        remark = (
            f"waits for: {one['waiting_for']}" if one["waiting_for"] else error["message"] if error else one["message"]
        )
        counts = [f"{one[name]:,}" for name in ("rows", "imported", "failed", "warned", "attempts")]
        batch = str(one["batch_id"] or "")
        table.add_row(str(one["number"]), *counts, batch, coloured(one["state"]), escape(remark or ""))
    return table


def moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def seconds_until(finish_at: datetime, now: datetime) -> float:
    return max(0.0, (finish_at - now).total_seconds())


def duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False)
