"""The container: settings in, a service out, of which nothing is opened yet."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.container import Container, build_container, retention_from
from app.store.database import Database
from tests.support.clock import SteppedClock
from tests.support.stage import MARKETO, stage_settings


def built(folder: Path, **knobs: Any) -> Container:
    return build_container(stage_settings(f"sqlite:///{folder / 'sluice.db'}", **knobs), now=SteppedClock())


async def test_nothing_is_opened_before_it_is_used(tmp_path: Path):
    """A command that only looks at the settings makes no file."""
    container = built(tmp_path)
    await container.close()
    assert list(tmp_path.iterdir()) == []


async def test_what_a_process_shares_is_one_thing_to_all_who_use_it(tmp_path: Path):
    """One database, one clock, one admission, one count of calls."""
    container = built(tmp_path)
    users = (container.intake, container.retry, container.cancel, container.resolve, container.pause, container.keys)
    assert {id(user.db) for user in users} == {id(container.db)}
    assert container.retry.intake is container.intake
    assert container.intake.admission is container.admission
    assert container.intake.describe["default"].marketo is container.marketo["default"]
    assert container.intake.cleanup is container.cleanup
    assert container.wakeup.pending is container.subscriptions.pending
    await container.close()


@pytest.mark.parametrize(("auth", "uploads", "backlog"), [("on", 3, 70), ("off", 8, 900)])
async def test_a_clients_share_is_everything_where_nobody_can_tell_clients_apart(
    tmp_path: Path, auth: str, uploads: int, backlog: int
):
    """All who come without a key are one client."""
    limits = {"uploads": 8, "client_uploads": 3, "backlog_parts": 900, "client_backlog_parts": 70}
    container = built(tmp_path, auth=auth, **limits)
    assert (container.admission.limit.most, container.admission.limit.client_most) == (8, uploads)
    assert (container.capacity.backlog_parts, container.capacity.client_backlog_parts) == (900, backlog)
    await container.close()


async def test_a_part_has_room_for_what_is_sent_around_it(tmp_path: Path):
    """A file that is only checked is cut as one that is taken in."""
    container = built(tmp_path, part_bytes=50_000)
    assert container.intake.limits.part_bytes == 50_000
    assert 49_000 < container.examine.limits.part_bytes < 50_000
    await container.close()


async def test_each_instance_has_a_client_of_its_own_over_one_pool_of_connections(tmp_path: Path):
    """And whoever asks for it in this process gets the same."""
    instance = {"base_url": MARKETO, "client_id": "id", "client_secret": "secret"}
    container = built(tmp_path, instances={"a": instance, "b": instance})
    assert sorted(container.marketo) == sorted(container.intake.describe) == ["a", "b"]
    assert container.marketo["a"] is not container.marketo["b"]
    assert container.marketo["a"].rate_limiter is not container.marketo["b"].rate_limiter
    await container.close()


async def test_what_a_test_puts_in_the_place_of_the_real_thing_is_used_everywhere(tmp_path: Path):
    """It is closed with the rest."""
    url = f"sqlite:///{tmp_path / 'sluice.db'}"
    http, db = httpx.AsyncClient(), Database(url)
    container = build_container(stage_settings(url), http=http, db=db, chance=lambda: 0.5)
    assert (container.http, container.db, container.intake.db, container.chance()) == (http, db, db, 0.5)
    await container.close()
    assert http.is_closed


def test_retention_is_that_of_the_settings(tmp_path: Path):
    """In days."""
    days = {"file_retention_days": 1, "result_retention_days": 2, "history_retention_days": 3}
    retention = retention_from(stage_settings(f"sqlite:///{tmp_path / 'sluice.db'}", **days))
    assert (retention.file_days, retention.result_days, retention.history_days) == (1, 2, 3)
