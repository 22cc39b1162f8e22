"""The published document and the service held together by Schemathesis, over real HTTP, with links followed."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.api.app import create_app
from app.domain.api_keys import Scope
from app.domain.lifecycle import Move
from app.store import part_queries
from tests.api.in_http import InHttp, translated
from tests.story.files import LEADS_WITH_TROUBLE, MEMBERS, leads
from tests.support import in_jobs, patience
from tests.support.clock import SteppedClock
from tests.support.processes import ROOT, free_port
from tests.support.stage import Stage, staged

CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 300  # bounds a run that would hang, on a quiet machine
SHORT = ("--phases=examples,fuzzing", "--max-examples=1")
LONG = ("--max-examples=15",)  # and each bound and each type of each parameter, one by one, and links followed


@asynccontextmanager
async def listening(stage: Stage) -> AsyncIterator[str]:
    """The API behind a socket, in this loop; its URL."""
    port = free_port()
    app = create_app(stage.container)
    app.openapi_schema = translated(app.openapi())
    config = uvicorn.Config(InHttp(app), host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def furnish(stage: Stage) -> dict[str, str]:
    """Of each kind an import that is done and had rows rejected and remarked upon: 1, 2 and 3, as in the document's
    examples. One that waits, two unconfirmed. A key that may do all, and what stands for it with Marketo's clients.
    """
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()  # now there is a lead whose address is none, and who may own a car
    cars = b"vin;ownerEmail\nVIN1;not-an-address\n;ann@example.com\n"
    await stage.created(cars, object_type="custom_object", object_name="car_c", format="ssv")
    await stage.created(
        MEMBERS + b"no-address\tEd\n\tDot\n",
        object_type="program_member",
        program_id=1001,
        program_member_status="On List",
        format="tsv",
    )
    await stage.run()
    await stage.created(leads(2), not_before="2027-01-01T00:00:00Z")
    for slot in (1, 2):
        import_id = await stage.created(leads(2, start=10 * slot))
        async with stage.container.db.write() as tx:
            (part,) = await part_queries.of_import(tx, import_id)
            await in_jobs.move(tx, part.id, Move.CLAIM, at=stage.clock(), values={"slot": slot})
            await in_jobs.move(tx, part.id, Move.LOSE, at=stage.clock())
    _, key = await stage.container.keys.create("schemathesis", list(Scope))
    _, key_id, secret = key.split("_")
    token = await stage.container.keys.exchange(key_id, secret)
    assert token
    return {
        "SLUICE_API_KEY": key,
        "SLUICE_CLIENT_ID": key_id,
        "SLUICE_CLIENT_SECRET": secret,
        "SLUICE_ACCESS_TOKEN": token.text,
    }


def without_success(report: dict[str, Any]) -> list[str]:
    """Operations that never did what they are for, nor said that it is too late: of these nothing was learnt."""
    return [
        name
        for name, phases in report["valid_rates"].items()
        if not any(seen["accepted"] + seen["conflicts"] for seen in phases.values())
    ]


@pytest.mark.parametrize(
    ("database", "auth", "how"),
    [
        pytest.param("sqlite", "on", SHORT, id="sqlite-on-short"),
        pytest.param("sqlite", "on", LONG, id="sqlite-on-long", marks=pytest.mark.endure(minutes=2)),
        pytest.param("postgresql", "off", LONG, id="postgresql-off-long", marks=pytest.mark.endure(minutes=2)),
    ],
)
async def test_schemathesis_finds_nothing(
    request: pytest.FixtureRequest, clock: SteppedClock, tmp_path: Path, database: str, auth: str, how: tuple[str, ...]
):
    """Neither with keys nor without, on neither database; and it got somewhere with every operation."""
    database_url = request.getfixturevalue("sqlite_url" if database == "sqlite" else "postgres_url")
    async with staged(database_url, clock) as stage:
        keys = await furnish(stage)
    report = tmp_path / "report.json"
    async with (
        staged(database_url, clock, auth=auth, client_requests_per_minute=10**6) as stage,
        listening(stage) as url,
    ):
        child = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("st"), "--config-file", CONFIG, "run", f"{url}/openapi.json"),
            *("--report", "json", "--report-json-path", report, "--no-color", *how),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)} | keys,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asyncio.wait_for(child.communicate(), patience.seconds(SECONDS))
    assert child.returncode == 0, told.decode()
    found = json.loads(report.read_text())
    assert len(found["valid_rates"]) == found["operations"]["tested"] == found["operations"]["total"] > 28
    assert without_success(found) == [], told.decode()
