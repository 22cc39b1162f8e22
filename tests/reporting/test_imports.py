"""An import as it is shown: with an estimate, and with the time after which to ask again."""

from tests.story.files import LEADS
from tests.support.stage import Stage


async def test_an_unfinished_import_says_when_to_ask_again(stage: Stage):
    """Within five seconds at the earliest, within a minute at the latest; and no estimate is made up."""
    number = await stage.created(LEADS)
    reader = stage.container.reports.imports
    import_ = await reader.get(number)
    assert import_ is not None
    view = await reader.view(import_)
    assert view.summary == import_
    assert view.next_look_seconds is not None
    assert 5 <= view.next_look_seconds <= 60


async def test_a_finished_import_has_nothing_to_wait_for(stage: Stage):
    """Neither an estimate nor a time to ask again."""
    number = await stage.created(LEADS)
    await stage.run()
    import_ = await stage.container.reports.imports.get(number)
    assert import_ is not None
    view = await stage.container.reports.imports.view(import_)
    assert (view.estimated_finish_at, view.next_look_seconds) == (None, None)


async def test_several_are_shown_in_the_order_in_which_they_were_read(stage: Stage):
    """Newest first, as the store has them; and none is there twice."""
    numbers = [await stage.created(LEADS) for _ in range(3)]
    reader = stage.container.reports.imports
    views = await reader.view_all([import_ for number in numbers if (import_ := await reader.get(number))])
    assert [view.summary.id for view in views] == numbers
    assert await reader.get(max(numbers) + 1) is None
