"""Progress for people: a line for the upload, a line for the import. On standard error, and only on a terminal."""

from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from app.cli import tables
from app.clock import machine_clock

MB = 1_000_000


def progress_bar() -> Progress:
    """One line each: what, bar, share, how much, how fast, how long it still takes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[amount]}"),
        Rate(),
        Left(),
    )
    console = tables.console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal)


def add(bar: Progress, description: str, *, total: float | None, unit: str = "", scale: float = 1) -> TaskID:
    """A line. Its rate is told in `unit`, of which `scale` make one."""
    return bar.add_task(description, total=total, amount="", unit=unit, scale=scale, found=None)


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit, scale = task.fields["unit"], task.fields["scale"]
        return Text(f"{speed / scale:,.1f} {unit}/s" if speed and unit else "", style="progress.data.speed")


class Left(ProgressColumn):
    """Until the service's own forecast, where it has one; else from the rate so far."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        found, seconds = task.fields["found"], task.time_remaining
        told = tables.left(found, machine_clock()) if found else ""
        if not told and seconds is not None:
            told = tables.duration(seconds)
        return Text(f"left: {told}" if told and not task.finished else "", style="progress.remaining")


class Shown:
    """What is drawn of one file on its way: first its upload, then its import."""

    def __init__(self, bar: Progress, *, size_bytes: int | None) -> None:
        self._bar = bar
        self._size = size_bytes
        self._upload = add(bar, "upload", total=size_bytes, unit="MB", scale=MB)
        self._import: TaskID | None = None

    def sent(self, done_bytes: int) -> None:
        of = "" if self._size is None else f" of {self._size / MB:,.1f}"
        self._bar.update(self._upload, completed=done_bytes, amount=f"{done_bytes / MB:,.1f}{of} MB")

    def taken(self, made: dict[str, Any]) -> None:
        size = made["file"]["bytes"] if self._size is None else self._size
        self._bar.update(self._upload, total=size, completed=size, description="upload: taken")

    def stands(self, found: dict[str, Any]) -> None:
        rows = found["rows"]
        if self._import is None:
            self._import = add(self._bar, "", total=rows["total"], unit="rows")
        failed = f", {rows['failed']:,} failed" if rows["failed"] else ""
        self._bar.update(
            self._import,
            description=f"import {found['id']}: {escape(found['status'])}",
            completed=rows["total"] - rows["pending"],
            amount=f"{rows['total'] - rows['pending']:,} of {rows['total']:,} rows{failed}",
            found=found,
        )

    def broken(self, why: str) -> None:
        self._bar.console.print(f"{why} Trying again …")
