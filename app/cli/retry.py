"""`sluice retry`: what an import left behind goes to Marketo again."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import outcome, sent_before
from app.cli.client import read_json, service, spell_command
from app.cli.progress import UploadProgress
from app.cli.reading import AsJson, ImportId
from app.cli.retrying_client import RetryingClient
from app.cli.sent_before import AgainOption
from app.cli.upload import name_of, open_file, size_of, upload
from app.domain.formats import Format
from app.terminal import harmless


# Long because Typer reads a command's options off its signature.
def retry(
    import_id: ImportId,
    file: Annotated[
        Path | None, typer.Argument(help="With --failures: the rows, mended; - reads standard input.", allow_dash=True)
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="The rows that Marketo rejected, instead of the parts left behind.")
    ] = False,
    format_: Annotated[Format | None, typer.Option("--format", help="FILE's, if not the import's.")] = None,
    charset: Annotated[str | None, typer.Option(help="FILE's, if not UTF-8.")] = None,
    again: AgainOption = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch to the end; exit 1 if rows failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send again what an import left behind, as a new import: the rows of its failed and cancelled parts.

    With --failures the rows that Marketo rejected, as they were uploaded or as they stand mended in FILE.

    Example: sluice retry 42 --failures mended.csv --wait
    """
    parameters = {name: str(value) for name, value in (("format", format_), ("charset", charset)) if value}
    if file is not None and not failures:
        raise typer.BadParameter("FILE goes with --failures: without it the stored rows are sent again")
    if parameters and file is None:
        raise typer.BadParameter("--format and --charset say how FILE is to be read, and there is none")
    path = f"/v1/imports/{import_id}/{'retry-failures' if failures else 'retry'}"

    def send(retrying: RetryingClient, progress: UploadProgress) -> dict[str, Any]:
        if file is None or source is None:
            return dict(read_json(client.post(path)))
        words = ["sluice", "retry", str(import_id), "--failures", str(file)]
        answer = upload(retrying, source, path=path, name=name_of(file), parameters=parameters, sent=progress.show_sent)
        return dict(read_json(answer, again=lambda say: spell_command(words, parameters | say)))

    with open_file(file) if file else nullcontext() as source, service() as client:
        if source and not again:
            sent_before.ask(source, sent_before.retries(client, import_id), is_refused=True)
        size = size_of(source) if source else None
        accepted, final = outcome.send_and_watch(client, send, size_bytes=size, wait=wait)
        if not as_json:
            _show_accepted(accepted, import_id)
        if wait or as_json:
            outcome.show(client, final, as_json=as_json)
    if wait and not outcome.has_gone_well(final):
        raise typer.Exit(1)


def _show_accepted(new_import: dict[str, Any], import_id: int) -> None:
    typer.echo(f"Import {new_import['id']} has {new_import['rows']['total']:,} rows of import {import_id}.")
    if new_import["left_out"]:
        typer.echo(harmless(f"Left out: {new_import['left_out']['reason']}"))
