"""The worker of one instance: its steps share what has to be shared, and it goes on by a clock that was set."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.container import Container, build_container
from app.domain.instances import Fault
from app.settings import InstanceSettings
from app.worker.instance_worker import build_instance_worker, retry_policy_from
from tests.store.seed import AT
from tests.support.clock import SteppedClock
from tests.support.stage import MARKETO, stage_settings


@pytest.fixture
async def container(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Container]:
    instance = {"base_url": MARKETO, "client_id": "id", "client_secret": "secret"}
    instances = {"default": instance | {"max_queued": 4, "max_importing": 1}, "other": instance}
    settings = stage_settings(sqlite_url, instances=instances, poll_max_seconds=40)
    container = build_container(settings, now=clock, sleep=clock.sleep)
    yield container
    await container.close()


def test_the_steps_of_an_instance_share_its_lease_its_marketo_and_its_model(container: Container):
    """One queue, one token, one allowance of calls: what one step learns, the others know."""
    worker = build_instance_worker(container, "default")
    steps = (worker.submit, worker.poll, worker.collect, worker.recovery)
    assert {id(step.fenced) for step in steps} == {id(worker.submit.schedule.fenced)}
    assert {worker.submit.marketo, worker.poll.marketo} == {container.marketo["default"]}
    assert worker.submit.schedule.queue_model is worker.poll.queue_model is worker.queue_model
    assert worker.rate_limiter is container.marketo["default"].rate_limiter
    assert worker.submit.fenced.answers is container.marketo["default"].answers


def test_each_instance_has_its_own_limits_and_nothing_in_common_with_another(container: Container):
    """What the settings of one say does not hold for the other."""
    one, other = (build_instance_worker(container, name) for name in ("default", "other"))
    assert (one.max_queued, one.submit.schedule.max_queued, one.queue_model.importers) == (4, 4, 1)
    assert (other.max_queued, other.submit.schedule.max_queued, other.queue_model.importers) == (10, 10, 2)
    assert one.submit.marketo is not other.submit.marketo
    assert one.queue_model is not other.queue_model


def test_all_that_is_timed_moves_along_with_a_clock_that_was_set(container: Container):
    """The timekeeper tells every worker that was built."""
    worker = build_instance_worker(container, "default")
    worker.ticked["poll"] = AT
    worker.failing["collect"] = Fault(AT, "KeyError")
    worker.queue_model.free_at = [AT]
    for tell in container.timekeeper.moved:
        tell(3600)
    later = AT + timedelta(hours=1)
    assert (worker.ticked, worker.failing) == ({"poll": later}, {"collect": Fault(later, "KeyError")})
    assert worker.queue_model.free_at == []


def test_waits_are_those_of_the_settings(container: Container):
    """The window of calls is the instance's, all else the service's."""
    instance = InstanceSettings(base_url=MARKETO, client_id="id", client_secret="secret", window_seconds=7)
    policy = retry_policy_from(container.settings, instance)
    assert (policy.window_seconds, policy.poll_max_seconds) == (7, 40)
    assert policy.claim_seconds == 2 * container.settings.upload_timeout_seconds + 30
