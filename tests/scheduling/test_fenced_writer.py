"""FENCED: what a worker writes and calls under its lease, and what it can no longer without."""

from contextlib import suppress

import pytest
from sqlalchemy import select

from app.scheduling.lease import Lease, LeaseLost
from app.store.tables import event, import_, instance, part
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.stage import Stage

pytestmark = pytest.mark.both_databases


async def everything(stage: Stage) -> list:
    async with stage.container.db.read() as tx:
        return [(await tx.execute(select(table))).all() for table in (instance, import_, part, event)]


async def test_FENCED_a_worker_that_lost_its_lease_can_write_nothing(stage: Stage):
    """It was stopped, another took over, and it wakes up in every step: nothing that it finds out is written."""
    for n in range(3):
        await stage.created(leads(2, start=10 * n))
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.instance_worker.submit.run_once(stage.lease)
    stage.clock.step(10)
    old = Lease("default", stage.lease.epoch, stage.lease.until)
    async with stage.container.db.write() as tx:
        await tx.execute(instance.update().values(lease_epoch=instance.c.lease_epoch + 1))
    before = await everything(stage)
    for step in (
        stage.instance_worker.submit,
        stage.instance_worker.poll,
        stage.instance_worker.collect,
        stage.instance_worker.recovery,
    ):
        stage.clock.step(1)
        with suppress(LeaseLost):
            assert await step.run_once(old) is False
    assert await everything(stage) == before
    with pytest.raises(LeaseLost):
        async with stage.instance_worker.submit.fenced.write(old):
            raise AssertionError("unreachable")


async def test_FENCED_no_call_is_begun_with_a_lease_that_has_run_out(stage: Stage):
    """It could not be finished inside it: another worker may have taken over by then."""
    await stage.created(leads(2))
    await stage.created(leads(2, start=50))
    await stage.instance_worker.submit.run_once(stage.lease)
    stage.clock.step(28)
    asked, posted = len(stage.asked), len(stage.posted)
    for step in (stage.instance_worker.submit, stage.instance_worker.poll, stage.instance_worker.collect):
        assert await step.run_once(stage.lease) is False
    assert (len(stage.asked), len(stage.posted)) == (asked, posted)


async def test_FENCED_an_upload_to_marketo_is_broken_off_when_the_lease_runs_out(stage: Stage):
    """Before its last byte: Marketo never has a whole request, and the part waits again."""
    import_id = await stage.created(leads(2))
    marketo = stage.instance_worker.submit.marketo
    token, watch = marketo._identity.token, stage.transport.before_request

    async def slow_token():
        stage.clock.step(28)
        return await token()

    marketo._identity.token = slow_token
    await stage.instance_worker.submit.run_once(stage.lease)
    marketo._identity.token = token
    stage.transport.before_request = watch
    assert stage.simulator.report()["jobs"] == []
    (found,) = await stage.parts(import_id)
    assert found["state"] == "waiting"
    await stage.run()
    assert len(stage.simulator.report()["jobs"]) == 1
