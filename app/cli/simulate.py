"""`sluice simulate`: a local Marketo to practise on."""

from __future__ import annotations

import dataclasses
import logging
import socket
from contextlib import AsyncExitStack, suppress
from typing import Annotated, Any, Literal

import typer
import uvicorn

from app.cli import sign_of_life
from app.cli.client import fail
from app.cli.startup import CannotStart, listening, url_of
from app.simulator import Fault, Rules, Simulator, create_app, parse_fault

_DEFAULTS = Rules()
_UNKNOWNS = "Where nobody knows how Marketo behaves"


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake)) from mistake


def _unknown(help_: str) -> Any:
    return typer.Option(help=help_, rich_help_panel=_UNKNOWNS)


# Long because Typer reads a command's options off its signature: one for each rule of the simulator.
def simulate(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8900,
    client_id: Annotated[str, typer.Option(help="The custom service's client id.")] = _DEFAULTS.client_id,
    client_secret: Annotated[str, typer.Option(help="Its secret.")] = _DEFAULTS.client_secret,
    token_seconds: Annotated[int, typer.Option(help="How long a token lives.", min=1)] = _DEFAULTS.token_seconds,
    rows_per_second: Annotated[float, typer.Option(help="How fast a job imports.")] = _DEFAULTS.rows_per_second,
    job_seconds: Annotated[float, typer.Option(help="What a job takes on top.")] = _DEFAULTS.job_seconds,
    speed: Annotated[float, typer.Option(help="Simulated seconds in a real one.")] = _DEFAULTS.speed,
    progress: Annotated[
        Literal["clock", "polls"], typer.Option(help="What moves a job on: time, or status calls.")
    ] = "clock",
    polls_per_job: Annotated[
        int, typer.Option(help="With --progress polls: the status call that finds it done.", min=1)
    ] = _DEFAULTS.polls_per_job,
    daily_calls: Annotated[int, typer.Option(help="The daily quota.", min=0)] = _DEFAULTS.daily_calls,
    seed: Annotated[
        int | None,
        typer.Option(help="Of all that is left to chance. Without it tokens and batch ids are new at each start."),
    ] = None,
    mischief: Annotated[
        list[str] | None,
        typer.Option(help='A fault on order, as in "lost_response:create:nth=2". Repeatable.', metavar="FAULT"),
    ] = None,
    lead_field: Annotated[
        list[str] | None, typer.Option(help="A further lead field: name or name:type. Repeatable.", metavar="FIELD")
    ] = None,
    custom_object: Annotated[
        list[str] | None,
        typer.Option(help="A further object, as in tire_c:serial:brand,size. Repeatable.", metavar="OBJECT"),
    ] = None,
    keep_records: Annotated[bool, typer.Option(help="Remember records; off saves memory on large runs.")] = True,
    keep_jobs: Annotated[bool, typer.Option(help="Remember each job's rows; costs memory on large runs.")] = False,
    queue: Annotated[Literal["shared", "per_type"], _unknown("One queue for all, or one for each type?")] = "shared",
    megabyte_bytes: Annotated[Literal["1000000", "1048576"], _unknown("What a megabyte is.")] = "1000000",
    unknown_lead_header: Annotated[
        Literal["reject", "ignore"], _unknown("A column of leads or members that is no field.")
    ] = "reject",
    unknown_object_header: Annotated[
        Literal["reject", "ignore"], _unknown("A column of a custom object that is no field.")
    ] = "ignore",
    header_only: Annotated[Literal["complete", "reject"], _unknown("A file without rows.")] = "complete",
    blank_cell: Annotated[Literal["clear", "keep"], _unknown("What an empty cell does to a value.")] = "clear",
    repeated_key: Annotated[
        Literal["last_wins", "fail_later"], _unknown("The same key twice in a file.")
    ] = "last_wins",
    several_matches: Annotated[Literal["fail", "update_newest"], _unknown("A key that fits several leads.")] = "fail",
    unresolved_link: Annotated[
        Literal["fail", "ignore"], _unknown("A custom object's link without its lead.")
    ] = "fail",
    no_file: Annotated[Literal["404", "empty"], _unknown("No failures or warnings of leads or members.")] = "404",
    unknown_batch_code: Annotated[Literal["1013", "610"], _unknown("A batch id that is unknown or too old.")] = "1013",
    access_token_param: Annotated[
        Literal["accept", "deny"], _unknown("A token in the query or a form field.")
    ] = "accept",  # noqa: S107  no password
    param_precedence: Annotated[Literal["query", "form"], _unknown("A parameter in both places.")] = "query",
    rejected_calls_count: Annotated[bool, _unknown("Calls that were turned away count towards 606.")] = False,
    partition_required: Annotated[bool, _unknown("Leads need a partitionName.")] = False,
    drop_empty_lookup_column: Annotated[
        bool, _unknown("An empty lookup column at the end is left out of the failures file.")
    ] = True,
) -> None:
    """Run a local Marketo to practise on, with its limits and, on order, its bad days.

    Example: sluice simulate --port 8900 --rows-per-second 500
    """
    options = locals()
    faults = [_fault(text) for text in mischief or []]
    chosen: dict[str, Any] = {f.name: options[f.name] for f in dataclasses.fields(Rules) if f.name in options}
    chosen |= {
        "megabyte_bytes": int(megabyte_bytes),
        "lead_fields": tuple(lead_field or ()),
        "custom_objects": tuple(custom_object or ()),
    }
    try:
        simulator = Simulator(Rules(**chosen))
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake)) from mistake
    for fault in faults:
        simulator.order(fault)
    logging.getLogger("uvicorn.error").addFilter(_not_on_order)
    server = _Server(uvicorn.Config(create_app(simulator), log_level="error", access_log=False))
    try:
        door = listening(host, port)
    except CannotStart as reason:
        fail(f"A simulated Marketo {reason}")
    with door:
        print(f"A simulated Marketo at {url_of(door)}, client id {client_id}.")
        print(f"What happens: {url_of(door)}/simulator/report", flush=True)
        server.run(sockets=[door])


class _Server(uvicorn.Server):
    """uvicorn, with an answer for `sluice health`."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        async with AsyncExitStack() as stack:
            with suppress(OSError):  # then `sluice health` finds nobody
                await stack.enter_async_context(sign_of_life.answering("simulator", dict))
            await super().serve(sockets)


def _not_on_order(record: logging.LogRecord) -> bool:
    """An answer that breaks off was ordered; uvicorn takes it for an accident."""
    return "without completing response" not in record.getMessage()
