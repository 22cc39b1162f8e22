"""Lists of imports for people."""

from app.domain.instances import WaitingFor
from app.store.import_queries import Filters
from tests.story.files import LEADS
from tests.support.stage import Stage


async def test_each_says_what_it_waits_for_and_when_it_will_be_done(stage: Stage):
    first, second = await stage.created(LEADS), await stage.created(LEADS)
    await stage.beat()
    lists = stage.container.reports.lists
    waiting, there = await lists.page(Filters(), before=None, size=10, may_see=lambda _client: True)
    assert (waiting.import_.id, there.import_.id) == (second, first)
    assert waiting.waiting
    assert waiting.waiting.waiting_for is WaitingFor.SAME_RECORDS
    assert waiting.waiting.blockage
    assert waiting.waiting.blockage.blocker
    assert waiting.waiting.blockage.blocker.import_id == first
    assert there.waiting is None
    hidden, _ = await lists.page(Filters(), before=None, size=10, may_see=lambda _client: False)
    assert hidden.waiting
    assert hidden.waiting.blockage
    assert hidden.waiting.blockage.blocker is None


async def test_what_is_finished_waits_for_nothing(stage: Stage):
    await stage.created(LEADS)
    await stage.run()
    (line,) = await stage.container.reports.lists.page(Filters(), before=None, size=10, may_see=lambda _client: True)
    assert line.waiting is None
    assert line.view.estimated_finish_at is None
