"""`sluice demo`: runs simulator and service together, sends the sample files, and shows what became of every row."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from rich.progress import Progress

import app
from app import logs
from app.cli import tables
from app.cli.client import fail
from app.cli.progress import add, progress_bar
from app.cli.server import running
from app.domain.imports import FINISHED
from app.domain.objects import OBJECT_TYPES, Target
from app.settings import exactly
from app.simulator import Rules, Simulator, create_app
from app.terminal import harmless_json

DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.1
MARKETO = Rules(job_seconds=1.0, rows_per_second=50.0)


@dataclass(frozen=True, slots=True)
class Sample:
    file: str
    parameters: dict[str, str]


def _sample_of(kind: type[Target]) -> Sample:
    parameters = {name: str(value) for name, value in kind.example().parameter_values().items() if value}
    return Sample(kind.sample, {"object_type": kind.object_type, "format": kind.sample.rpartition(".")[2]} | parameters)


SAMPLES = (*map(_sample_of, OBJECT_TYPES.values()), Sample("leads.tsv", {"format": "tsv"}))


class DemoFailed(Exception):
    """Something did not come out as it must."""


def demo() -> None:
    """Run the main job end to end: sample files through the service into a simulated Marketo.

    Example: sluice demo
    """
    try:
        asyncio.run(_run())
    except DemoFailed as reason:
        fail(f"The demo failed: {reason}")
    except TimeoutError:
        fail(f"The demo failed: it was not done after {DEADLINE_SECONDS:.0f} s.")


async def _run() -> None:
    simulator = Simulator(MARKETO)
    async with asyncio.timeout(DEADLINE_SECONDS):
        with tempfile.TemporaryDirectory(prefix="sluice-demo-") as folder:
            async with (
                _marketo(simulator) as marketo,
                _service(Path(folder), marketo) as url,
                httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS) as client,
            ):
                tables.console().print(f"The pages, while the demo runs: {url}/")
                await _show(client, await _imported(client))
    _show_report(simulator)


@asynccontextmanager
async def _marketo(simulator: Simulator) -> AsyncIterator[str]:
    port = _free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(simulator), host="127.0.0.1", port=port, log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(LOOK_SECONDS / 10)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _service(folder: Path, marketo: str) -> AsyncIterator[str]:
    port = _free_port()
    instance = {"base_url": marketo, "client_id": MARKETO.client_id, "client_secret": MARKETO.client_secret}
    settings = exactly(
        database_url=f"sqlite:///{folder / 'demo.db'}",
        auth="off",
        host="127.0.0.1",
        port=port,
        log_level="warning",
        disk_floor_bytes=0,
        tick_seconds=0.2,
        poll_min_seconds=0.2,
        poll_max_seconds=1,
        instances={"default": instance},
    )
    logs.configure(settings)
    ready, stop = asyncio.Event(), asyncio.Event()
    service = asyncio.create_task(running(settings, ready=ready, stop=stop))
    try:
        await asyncio.wait({service, waiting := asyncio.create_task(ready.wait())}, return_when="FIRST_COMPLETED")
        waiting.cancel()
        if service.done():
            raise DemoFailed(f"the service did not start: {service.exception()}")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await asyncio.wait({service})


async def _imported(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Upload every sample and watch each of them to its end."""
    folder = _samples()
    with progress_bar() as bar:
        imports = [await _created(client, folder / sample.file, sample.parameters) for sample in SAMPLES]
        return await asyncio.gather(*[_finished(client, import_, bar) for import_ in imports])


async def _created(client: httpx.AsyncClient, path: Path, parameters: dict[str, str]) -> dict[str, Any]:
    content = await asyncio.to_thread(path.read_bytes)
    answer = await client.post("/v1/imports", files={"file": (path.name, content)}, data=parameters)
    if answer.status_code != httpx.codes.ACCEPTED:
        raise DemoFailed(f"{path.name} was not taken: {answer.text}")
    new_import: dict[str, Any] = answer.json()
    return new_import


async def _finished(client: httpx.AsyncClient, import_: dict[str, Any], bar: Progress) -> dict[str, Any]:
    task = add(bar, import_["file"]["name"], total=1.0)
    while import_["status"] not in FINISHED:
        await asyncio.sleep(LOOK_SECONDS)
        import_ = (await client.get(f"/v1/imports/{import_['id']}")).json()
        bar.update(task, completed=import_["progress"])
    return import_


async def _show(client: httpx.AsyncClient, finished: list[dict[str, Any]]) -> None:
    console = tables.console()
    console.print(tables.imports_table(harmless_json(finished)))
    for import_ in finished:
        for kind, count in (("failures", import_["rows"]["failed"]), ("warnings", import_["rows"]["warned"])):
            answer = await client.get(f"/v1/imports/{import_['id']}/{kind}")
            rows = harmless_json(answer.json()["items"])
            _check(import_, kind, count, rows)
            if rows:
                console.print(tables.rows_table(rows, f"{import_['file']['name']}: {kind}", width=console.width))


def _check(import_: dict[str, Any], kind: str, count: int, rows: list[dict[str, Any]]) -> None:
    name, counts = import_["file"]["name"], import_["rows"]
    if import_["status"] != "complete":
        raise DemoFailed(f"{name} ended as {import_['status']}: {import_['error']}")
    if counts["imported"] + counts["failed"] != counts["total"]:
        raise DemoFailed(f"{name}: the counts do not add up: {counts}")
    if len(rows) != count or any(row["source_row"] is None for row in rows):
        raise DemoFailed(f"{name}: {count} {kind} were counted, and these came: {rows}")


def _show_report(simulator: Simulator) -> None:
    report = simulator.report()
    counts = f"{report['most_outstanding']} in its queue (10 may), {report['most_importing']} importing (2 may)"
    tables.console().print(f"By Marketo's own count, never more than {counts}.")
    if report["most_outstanding"] > 10 or report["most_importing"] > 2 or report["errors"].get("1016"):
        raise DemoFailed(f"Marketo's limits were not kept: {report}")


def _samples() -> Path:
    """The folder of samples: in a wheel beside the code, in a checkout in docs/."""
    package = Path(app.__file__).parent
    inside = package / "samples"
    return inside if inside.is_dir() else package.parent / "docs" / "samples"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
