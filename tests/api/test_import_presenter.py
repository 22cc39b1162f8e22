"""The answer to a create says of the import, and of its instance, what a read says at the same moment."""

from app.store import instances
from tests.support.stage import Stage

FILE = b"email\np@example.com\n"


async def test_a_create_is_answered_as_a_read_would_be(stage: Stage):
    answer = await stage.api.post("/v1/imports?label=x", content=FILE, headers={"content-type": "text/csv"})
    assert answer.status_code == 202
    read = await stage.api.get(answer.headers["location"])
    assert answer.json() == read.json()
    assert answer.headers["retry-after"] == read.headers["retry-after"]


async def test_a_create_says_that_its_instance_is_blocked(stage: Stage):
    """Known within a second, though nothing is read for the answer."""
    await stage.created(FILE)
    async with stage.container.db.write() as tx:
        at = stage.clock()
        await instances.block(tx, "default", at=at, reason="Marketo refuses it", denied=False, try_again_at=at)
    stage.clock.step(1)
    answer = await stage.api.post("/v1/imports", content=FILE, headers={"content-type": "text/csv"})
    assert answer.json()["attention"]["code"] == "instance_blocked"
    assert answer.json()["attention"] == (await stage.api.get(answer.headers["location"])).json()["attention"]
