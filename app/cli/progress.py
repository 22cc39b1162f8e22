"""Progress for people: a line for the upload and a line for the import, on standard error of a terminal."""

from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from app.cli import tables, times
from app.clock import machine_clock

MB = 1_000_000


def progress_bar(*, is_cleared: bool = False) -> Progress:
    """Each line shows what it is about, a bar, the share, the amount, the rate, and how long it still takes.

    `is_cleared`: at its end, for what came of it is said instead.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[amount]}"),
        Rate(),
        Left(),
    )
    console = tables.console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=is_cleared)


def add(bar: Progress, description: str, *, total: float | None, unit: str = "", scale: float = 1) -> TaskID:
    """Add a line. Its rate is shown in `unit`; `scale` of what is counted make one unit."""
    return bar.add_task(description, total=total, amount="", unit=unit, scale=scale, import_=None)


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit, scale = task.fields["unit"], task.fields["scale"]
        return Text(f"{speed / scale:,.1f} {unit}/s" if speed and unit else "", style="progress.data.speed")


class Left(ProgressColumn):
    """The time left by the service's own estimate, where it has one; otherwise by the rate so far."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        import_, seconds = task.fields["import_"], task.time_remaining
        time_text = times.time_left(import_, machine_clock()) if import_ else ""
        if not time_text and seconds is not None:
            time_text = times.format_duration(seconds)
        return Text(f"left: {time_text}" if time_text and not task.finished else "", style="progress.remaining")


class UploadProgress:
    """Draws the progress of one file: first its upload, then its import."""

    def __init__(self, bar: Progress, *, size_bytes: int | None) -> None:
        self._bar = bar
        self._size = size_bytes
        self._upload = add(bar, "upload", total=size_bytes, unit="MB", scale=MB)
        self._import: TaskID | None = None

    def show_sent(self, done_bytes: int) -> None:
        of = "" if self._size is None else f" of {self._size / MB:,.1f}"
        self._bar.update(self._upload, completed=done_bytes, amount=f"{done_bytes / MB:,.1f}{of} MB")

    def show_accepted(self, new_import: dict[str, Any]) -> None:
        size = new_import["file"]["bytes"] if self._size is None else self._size
        self._bar.update(self._upload, total=size, completed=size, description="upload: taken")

    def show_import(self, import_: dict[str, Any]) -> None:
        rows = import_["rows"]
        if self._import is None:
            self._import = add(self._bar, "", total=rows["total"], unit="rows")
        failed = f", {rows['failed']:,} failed" if rows["failed"] else ""
        self._bar.update(
            self._import,
            description=f"import {import_['id']}: {escape(import_['status'])}",
            completed=rows["total"] - rows["pending"],
            amount=f"{rows['total'] - rows['pending']:,} of {rows['total']:,} rows{failed}",
            import_=import_,
        )

    def show_broken(self, why: str) -> None:
        self._bar.console.print(f"{why} Trying again …")
