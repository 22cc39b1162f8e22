"""A Sluice in front of a Sluice in front of Marketo: our own client, with our copy of its paths in Marketo's place."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.api.app import create_app
from app.container import build_container
from app.domain.api_keys import Scope
from app.store import instances
from app.worker.instance_worker import build_instance_worker
from app.worker.leases import Leases
from tests.story.files import CARS, LEADS_WITH_TROUBLE, MEMBERS, leads
from tests.support import databases
from tests.support.clock import SteppedClock
from tests.support.stage import MARKETO, Stage, stage_settings, staged


@pytest.fixture
async def inner(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, auth="on") as found:
        yield found


@pytest.fixture
async def outer(inner: Stage, sqlite_template: Path, tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One whose instance is the inner one, with a database of its own. Its parts are small, so that there are many."""
    _, written = await inner.container.keys.create("the outer one", [Scope.SUBMIT])
    _, key_id, secret = written.split("_")
    instance = {"base_url": MARKETO, "client_id": key_id, "client_secret": secret}
    own = databases.sqlite_copy(sqlite_template, tmp_path)
    settings = stage_settings(own, instances={"default": instance}, part_bytes=2_000)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(inner.container)))
    container = build_container(settings, now=clock, sleep=clock.sleep, http=http)
    try:
        async with container.db.write() as tx:
            await instances.ensure(tx, container.settings.instances)
        door = httpx.ASGITransport(create_app(container))
        async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1") as api:
            leases = Leases(db=container.db, now=clock, worker="the worker", seconds=30)
            stage = Stage(
                container,
                build_instance_worker(container, "default"),
                inner.simulator,
                inner.transport,
                api,
                clock,
                leases,
            )
            await stage.take_lease()
            yield stage
    finally:
        await container.close()


@pytest.mark.endure
async def test_every_row_arrives_through_two_of_us(inner: Stage, outer: Stage):
    """All three kinds, in many parts, with failures and warnings placed at their rows by the outer one."""
    trouble = await outer.created(LEADS_WITH_TROUBLE, label="trouble")
    many = await outer.created(leads(300))
    cars = await outer.created(
        CARS, object_type="custom_object", object_name="car_c", dedupe_fields="vin", format="ssv"
    )
    members = await outer.created(
        MEMBERS, object_type="program_member", program_id=1001, program_member_status="On List", format="tsv"
    )

    async def through() -> bool:
        await inner.beat()
        return await outer.quiet()

    await outer.run(until=through, seconds=2)
    assert (await outer.read(trouble))["rows"] == {"total": 5, "imported": 3, "failed": 2, "warned": 1, "pending": 0}
    assert (await outer.read(many))["rows"]["imported"] == 300
    assert (await outer.read(many))["parts"]["total"] > 3
    assert (await outer.read(cars))["rows"] == {"total": 3, "imported": 2, "failed": 1, "warned": 0, "pending": 0}
    assert (await outer.read(members))["rows"]["imported"] == 2
    for made in (trouble, many, cars, members):
        told = await outer.read(made)
        assert (told["status"], told["attention"]) == ("complete", None)
    text = (await outer.api.get(f"/v1/imports/{trouble}/failures.csv")).text
    assert [row["Source Row"] for row in csv.DictReader(io.StringIO(text))] == ["2", "4"]
    wanted = {f"p{n}@example.com" for n in range(300)} | {"ann@example.com", "bob@example.com", "eve@example.com"}
    found = [lead["email"] for lead in inner.simulator.records("lead")]
    assert sorted(found) == sorted(wanted | {"not-an-address"})
    assert {car["vin"] for car in inner.simulator.records("car_c")} == {"VIN1", "VIN3"}
    assert inner.simulator.report()["most_importing"] <= 2
