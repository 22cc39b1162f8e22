"""Tables for people: imports with their parts and rows, instances, keys.

The module is long because it has every table, so that all of them look alike; each function stands alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from textwrap import shorten
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from app.cli.times import format_age, format_duration, parse_moment, seconds_until, time_left
from app.domain.imports import HIGHEST_PRIORITY

CELL_CHARACTERS = 24  # of a value or a column's name: enough to recognize it
REASON_CHARACTERS = 30  # that a reason has at least, before it goes on in the next line
PIPE_CHARACTERS = 10_000  # the width in a pipe; a table takes no more of it than it needs

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


def colour(word: str) -> str:
    colour = COLOURS.get(word)
    return f"[{colour}]{word}[/]" if colour else escape(word)


def make_table(title: str, *columns: Column) -> Table:
    """A table with a title, a blank line before it, and little space between columns, for 80 characters are few."""
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


def make_compact_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    """A table without the columns that are empty in every row."""
    filled_columns = [
        index for index in range(len(columns)) if not rows or any(row[index] not in NOTHING for row in rows)
    ]
    table = make_table(title, *[columns[index] for index in filled_columns])
    for row in rows:
        table.add_row(*[row[index] for index in filled_columns])
    return table


def number_column(head: str) -> Column:
    return Column(head, justify="right", no_wrap=True)


def imports_table(listed: Iterable[dict[str, Any]], title: str = "Imports") -> Table:
    table = make_table(title)
    table.add_column("import", justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for name in ("status", "rows", "imported", "failed", "warned", "pending"):
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    for import_ in listed:
        rows = import_["rows"]
        counts = [f"{rows[name]:,}" for name in ("total", "imported", "failed", "warned", "pending")]
        name = import_["file"]["name"] or import_["label"] or "–"
        table.add_row(str(import_["id"]), escape(name), colour(import_["status"]), *counts)
    return table


def list_table(listed: Iterable[dict[str, Any]], now: datetime) -> Table:
    """Imports with what tells one from another: whose, for which instance, under which label, how old."""
    columns = (
        number_column("import"),
        Column("age", no_wrap=True),
        Column("client", overflow="fold"),
        Column("file", overflow="fold", min_width=4),
        Column("label", overflow="fold"),
        Column("instance", overflow="fold"),
        Column("status", no_wrap=True),
        Column("attention", min_width=9),
        *map(number_column, ("rows", "failed", "pending")),
    )
    rows = [
        (
            str(import_["id"]),
            _age(import_, now),
            escape(import_["client"]),
            escape(import_["file"]["name"] or ""),
            escape(import_["label"] or ""),
            escape(import_["instance"]),
            colour(import_["status"]),
            escape(import_["attention"]["code"]) if import_["attention"] else "",
            *[f"{import_['rows'][name]:,}" for name in ("total", "failed", "pending")],
        )
        for import_ in listed
    ]
    return make_compact_table("Imports", columns, rows)


def _age(import_: dict[str, Any], now: datetime) -> str:
    """How long ago it was accepted, in its largest unit."""
    return format_age((now - datetime.fromisoformat(import_["created_at"])).total_seconds())


def events_table(listed: Iterable[dict[str, Any]]) -> Table:
    columns = (Column("at", no_wrap=True), Column("event", no_wrap=True), number_column("part"), Column("more"))
    rows = [
        (
            f"{datetime.fromisoformat(event['at']):%Y-%m-%d %H:%M:%SZ}",
            escape(event["type"]),
            "" if event["part"] is None else str(event["part"]),
            escape(", ".join(f"{name}: {value}" for name, value in event["data"].items() if value is not None)),
        )
        for event in listed
    ]
    return make_compact_table("Events", columns, rows)


def reasons_table(reasons: Iterable[dict[str, Any]]) -> Table:
    """Why rows were rejected, and how many for each reason."""
    table = make_table("Why rows were rejected", *map(number_column, ("rows", "first at")), Column("reason"))
    for reason in reasons:
        first = "?" if reason["first_source_row"] is None else f"{reason['first_source_row']:,}"
        table.add_row(f"{reason['rows']:,}", first, escape(reason["reason"]))
    return table


def rows_table(rows: Sequence[dict[str, Any]], title: str, *, width: int) -> Table:
    """Rejected or remarked rows under their own column names: as many columns of the file as the width has room for."""
    columns = list(dict.fromkeys(name for row in rows for name in row["values"]))
    places = ["?" if row["source_row"] is None else f"{row['source_row']:,}" for row in rows]
    left = width - max(map(len, ["row", *places])) - 1 - REASON_CHARACTERS - 1
    shown: list[str] = []
    for name in columns:
        needed = max(len(_cut(name)), *[len(_cut(row["values"].get(name) or "")) for row in rows]) + 1
        if (left := left - needed) < 0:
            break
        shown.append(name)
    hidden = len(columns) - len(shown)
    table = make_table(title, number_column("row"), *[Column(escape(_cut(name)), no_wrap=True) for name in shown])
    table.add_column("reason" if not hidden else f"reason ({hidden} more columns)", overflow="fold")
    for place, row in zip(places, rows, strict=True):
        cells = [escape(_cut(row["values"].get(name) or "")) for name in shown]
        table.add_row(place, *cells, escape(row["reason"]))
    return table


def _cut(text: str) -> str:
    return shorten(text, CELL_CHARACTERS, placeholder="…") or text[: CELL_CHARACTERS - 1]


def remarks_table(remarks: Iterable[dict[str, Any]]) -> Table:
    """What is odd about rows that would be sent all the same."""
    columns = (number_column("row"), Column("column", no_wrap=True), Column("remark", overflow="fold"))
    rows = [
        (str(remark["row"] or "?"), escape(remark["column"] or ""), escape(remark["message"])) for remark in remarks
    ]
    return make_compact_table("Remarks", columns, rows)


def instance_states_table(listed: Iterable[dict[str, Any]]) -> Table:
    """As much of the instances as a key sees that may only submit."""
    columns = (Column("instance"), Column("state", no_wrap=True), Column("reason", overflow="fold"), Column("until"))
    rows = [tuple(escape(str(item[name] or "")) for name in ("name", "state", "reason", "until")) for item in listed]
    return make_compact_table("Instances", columns, rows)


def instances_table(listed: Iterable[dict[str, Any]]) -> Table:
    table = make_table("Instances")
    for name in ("instance", "state", "at Marketo", "waiting", "calls today", "worker"):
        table.add_column(name)
    for instance in listed:
        slots, waiting, calls = instance["slots"], instance["waiting"], instance["calls"]
        state = instance["state"] + (
            f" by {instance['paused']['by']}" if instance["paused"] and instance["paused"]["by"] else ""
        )
        state += f": {instance['reason']}" if instance["reason"] else ""
        table.add_row(
            escape(instance["name"]),
            escape(state),
            f"{slots['used']} of {instance['limits']['queued']}",
            f"{waiting['parts']} parts, {waiting['rows']:,} rows",
            f"{calls['today']:,} of {calls['quota']:,}",
            escape(instance["worker"]["id"]) if instance["worker"] else "none",
        )
    return table


def queue_table(listed: Iterable[dict[str, Any]], waits: Mapping[int, dict[str, Any]], now: datetime) -> Table:
    """What is under way: how far, how long still, and why it waits: `waits` has a waiting part of some imports."""
    columns = (
        number_column("import"),
        Column("age", no_wrap=True),
        Column("client", no_wrap=True),
        Column("file", overflow="fold", min_width=4),
        Column("instance", overflow="fold"),
        Column("status", no_wrap=True),
        Column("attention", min_width=9),
        *map(number_column, ("done", "pending", "left")),
        Column("remark", overflow="fold"),
    )
    listed = list(listed)
    is_one = len({import_["instance"] for import_ in listed}) == 1  # which needs no column
    return make_compact_table(
        "Under way", columns, [_queued(import_, waits.get(import_["id"]), now, is_one=is_one) for import_ in listed]
    )


def _queued(import_: dict[str, Any], waiting: dict[str, Any] | None, now: datetime, *, is_one: bool) -> tuple[str, ...]:
    return (
        str(import_["id"]),
        _age(import_, now),
        escape(import_["client"]),
        escape(" · ".join(filter(None, (import_["file"]["name"], import_["label"]))) or "–"),
        "" if is_one else escape(import_["instance"]),
        escape(import_["status"]),
        escape(import_["attention"]["code"]) if import_["attention"] else "",
        f"{import_['progress']:.0%}",
        f"{import_['rows']['pending']:,}",
        time_left(import_, now),
        escape(_remark(waiting)) if waiting else "",
    )


def jobs_table(listed: Iterable[dict[str, Any]], now: datetime) -> Table:
    """What Marketo has and had, whose rows these are, and how long Marketo still takes."""
    columns = (
        *map(number_column, ("job", "batch")),
        Column("state", no_wrap=True),
        Column("type", min_width=4),
        *map(number_column, ("imports", "parts", "rows", "imported", "failed", "warned", "left")),
    )
    rows = [
        (
            str(job["id"]),
            str(job["batch_id"] or ""),
            colour(job["state"]),
            escape(job["object_type"]),
            *[f"{job[name]:,}" for name in ("imports", "parts", "rows", "imported", "failed", "warned")],
            _time_left_of(job, now),
        )
        for job in listed
    ]
    return make_compact_table("Jobs", columns, rows)


def _time_left_of(job: dict[str, Any], now: datetime) -> str:
    finish_at = parse_moment(job["estimated_finish_at"])
    return format_duration(seconds_until(finish_at, now)) if finish_at else ""


def parts_table(listed: Iterable[dict[str, Any]]) -> Table:
    columns = (
        number_column("part"),
        Column("state", no_wrap=True),
        *map(number_column, ("rows", "imported", "failed", "warned", "attempts", "batch")),
        Column("remark", overflow="fold"),
    )
    rows = [
        (
            str(part["number"]),
            colour(part["state"]),
            *[f"{part[name]:,}" for name in ("rows", "imported", "failed", "warned", "attempts")],
            str(part["batch_id"] or ""),
            escape(_remark(part)),
        )
        for part in listed
    ]
    return make_compact_table("Parts", columns, rows)


def _remark(part: dict[str, Any]) -> str:
    """What there is to say of a part beside its counts: nothing where it went alone and is complete."""
    blocker, next_attempt_at = part["blocked_by"], parse_moment(part["next_attempt_at"])
    error = part["error"] or (part["last_error"] if next_attempt_at else None)
    pieces = [f"waits for: {part['waiting_for']}"] if part["waiting_for"] else []
    if blocker and blocker["import"]:
        pieces.append(f"part {blocker['part']} of import {blocker['import']}")
    if error:
        pieces.append(error["message"])
    if next_attempt_at:
        pieces.append(f"tried again at {next_attempt_at:%H:%M:%SZ}")
    if not pieces and part["state"] != "complete" and part["message"]:
        pieces.append(part["message"])
    return "; ".join([_company(part), *pieces] if part["bundled_with"] else pieces)


def _company(part: dict[str, Any]) -> str:
    """With how many other imports a part went, and as what."""
    others = "1 other" if part["bundled_with"] == 1 else f"{part['bundled_with']:,} others"
    return f"sent with {others}" + (f" as batch {part['batch_id']}" if part["batch_id"] else "")


def keys_table(listed: Iterable[dict[str, Any]]) -> Table:
    columns = (
        Column("id", no_wrap=True),
        Column("client", overflow="fold"),
        Column("scopes", min_width=7),
        Column("priority", no_wrap=True),
        *[Column(name, min_width=10) for name in TIMES],
    )
    return make_compact_table("Keys", columns, [tuple(map(escape, _key(key))) for key in listed])


def _key(key: dict[str, Any]) -> tuple[str, ...]:
    max_priority = key["max_priority"]
    limit = "" if max_priority == HIGHEST_PRIORITY else f"≤ {max_priority}"
    return (key["id"], key["client"], " ".join(key["scopes"]), limit, *_times(key))


def _times(key: dict[str, Any]) -> list[str]:
    moments = [parse_moment(key[f"{name.replace(' ', '_')}_at"]) for name in TIMES]
    return [f"{at:%Y-%m-%d %H:%MZ}" if at else "" for at in moments]


def console(*, stderr: bool = False) -> Console:
    """As wide as the terminal; where there is none, as in a pipe, so wide that nothing is cut."""
    new_console = Console(stderr=stderr, highlight=False)
    if not new_console.is_terminal:
        new_console.width = PIPE_CHARACTERS
    return new_console
