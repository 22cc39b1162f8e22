"""Tables for people: imports, their rows, instances."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from app.domain.imports import HIGHEST_PRIORITY

SHOWN_CHARACTERS = 60  # of a row's values: enough to know it again
PIPE_CHARACTERS = 10_000  # a width, not a length: a table takes no more than it needs

NOTHING = frozenset({"", "0"})
TIMES = ("created", "expires", "revoked", "last used")

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
    return f"[{colour}]{word}[/]" if colour else escape(word)


def titled(title: str, *columns: Column) -> Table:
    """With two blanks between columns, for 80 characters are few, and a line before it."""
    return Table(
        *columns,
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def telling(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    """Without the columns in which no row has anything to say."""
    said = [n for n in range(len(columns)) if not rows or any(row[n] not in NOTHING for row in rows)]
    table = titled(title, *[columns[n] for n in said])
    for row in rows:
        table.add_row(*[row[n] for n in said])
    return table


def number(head: str) -> Column:
    return Column(head, justify="right", no_wrap=True)


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
        values = " | ".join(value or "" for value in row["values"].values())
        place = "?" if row["source_row"] is None else str(row["source_row"])
        table.add_row(place, escape(row["reason"]), escape(shorten(values, SHOWN_CHARACTERS, placeholder=" …")))
    return table


def of_remarks(remarks: Iterable[dict[str, Any]]) -> Table:
    """What is odd about rows that would be sent all the same."""
    columns = (number("row"), Column("column", no_wrap=True), Column("remark", overflow="fold"))
    rows = [(str(one["row"] or "?"), escape(one["column"] or ""), escape(one["message"])) for one in remarks]
    return telling("Remarks", columns, rows)


def of_instances(listed: Iterable[dict[str, Any]]) -> Table:
    table = titled("Instances")
    for name in ("instance", "state", "at Marketo", "waiting", "calls today", "worker"):
        table.add_column(name)
    for one in listed:
        slots, waiting, calls = one["slots"], one["waiting"], one["calls"]
        state = one["state"] + (f" by {one['paused']['by']}" if one["paused"] and one["paused"]["by"] else "")
        state += f": {one['reason']}" if one["reason"] else ""
        table.add_row(
            escape(one["name"]),
            escape(state),
            f"{slots['used']} of {one['limits']['queued']}",
            f"{waiting['parts']} parts, {waiting['rows']:,} rows",
            f"{calls['today']:,} of {calls['quota']:,}",
            escape(one["worker"]["id"]) if one["worker"] else "none",
        )
    return table


def of_queue(listed: Iterable[dict[str, Any]], now: datetime) -> Table:
    """What is under way: how far, and how long still."""
    columns = (
        number("import"),
        Column("client", no_wrap=True),
        Column("file", overflow="fold", min_width=4),
        Column("status", no_wrap=True),
        Column("attention", min_width=9),
        *map(number, ("done", "pending", "left")),
    )
    return telling("Under way", columns, [_queued(one, now) for one in listed])


def _queued(one: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        str(one["id"]),
        escape(one["client"]),
        escape(one["file"]["name"] or one["label"] or "–"),
        escape(one["status"]),
        escape(one["attention"]["code"]) if one["attention"] else "",
        f"{one['progress']:.0%}",
        f"{one['rows']['pending']:,}",
        left(one, now),
    )


def of_parts(listed: Iterable[dict[str, Any]]) -> Table:
    columns = (
        number("part"),
        Column("state", no_wrap=True),
        *map(number, ("rows", "imported", "failed", "warned", "attempts", "batch")),
        Column("remark", overflow="fold"),
    )
    rows = [
        (
            str(one["number"]),
            coloured(one["state"]),
            *[f"{one[name]:,}" for name in ("rows", "imported", "failed", "warned", "attempts")],
            str(one["batch_id"] or ""),
            escape(_remark(one)),
        )
        for one in listed
    ]
    return telling("Parts", columns, rows)


def _remark(part: dict[str, Any]) -> str:
    """Of a part that is complete, the counts say it all."""
    blocker, again = part["blocked_by"], moment(part["next_attempt_at"])
    said = part["error"] or (part["last_error"] if again else None)
    told = [f"waits for: {part['waiting_for']}"] if part["waiting_for"] else []
    if blocker and blocker["import"]:
        told.append(f"part {blocker['part']} of import {blocker['import']}")
    if said:
        told.append(said["message"])
    if again:
        told.append(f"tried again at {again:%H:%M:%SZ}")
    if not told and part["state"] != "complete" and part["message"]:
        told.append(part["message"])
    return "; ".join(told)


def of_keys(listed: Iterable[dict[str, Any]]) -> Table:
    columns = (
        Column("id", no_wrap=True),
        Column("client", overflow="fold"),
        Column("scopes", min_width=7),
        Column("priority", no_wrap=True),
        *[Column(name, min_width=10) for name in TIMES],
    )
    return telling("Keys", columns, [tuple(map(escape, _key(one))) for one in listed])


def _key(one: dict[str, Any]) -> tuple[str, ...]:
    most = one["max_priority"]
    limit = "" if most == HIGHEST_PRIORITY else f"≤ {most}"
    return (one["id"], one["client"], " ".join(one["scopes"]), limit, *_times(one))


def _times(key: dict[str, Any]) -> list[str]:
    known = [moment(key[f"{name.replace(' ', '_')}_at"]) for name in TIMES]
    return [f"{at:%Y-%m-%d %H:%MZ}" if at else "" for at in known]


def left(one: dict[str, Any], now: datetime) -> str:
    """Until an import is done, where that is forecast; of one that may not begin yet, when it may."""
    not_before, finish_at = moment(one["not_before"]), moment(one["estimated_finish_at"])
    if not_before and not_before > now:
        return f"after {not_before:%Y-%m-%d}" if (not_before - now).days else f"after {not_before:%H:%MZ}"
    return duration(seconds_until(finish_at, now)) if finish_at else ""


def moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def seconds_until(finish_at: datetime, now: datetime) -> float:
    return max(0.0, (finish_at - now).total_seconds())


def duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def console(*, stderr: bool = False) -> Console:
    """As wide as the terminal; where there is none, as in a pipe, so wide that nothing is cut."""
    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal:
        found.width = PIPE_CHARACTERS
    return found
