"""The parts of an import as they are shown."""

from app.domain.instances import WaitingFor
from tests.story.files import LEADS
from tests.support.stage import Stage


async def test_what_a_part_waits_for_is_shown_and_whom_only_to_whoever_may_see_it(stage: Stage):
    """The second import has the first one's records: it waits while that is at Marketo."""
    first, second = await stage.created(LEADS), await stage.created(LEADS)
    await stage.beat()
    reports = stage.container.reports
    import_ = await reports.imports.get(second)
    assert import_ is not None
    (seen,) = await reports.parts.read(import_, may_see=lambda _client: True)
    (hidden,) = await reports.parts.read(import_, may_see=lambda _client: False)
    assert seen.waiting_for is hidden.waiting_for is WaitingFor.SAME_RECORDS
    assert seen.blockage is not None
    assert seen.blockage.blocker is not None
    assert seen.blockage.blocker.import_id == first
    assert hidden.blockage is not None
    assert hidden.blockage.blocker is None
    assert hidden.blockage.since == seen.blockage.since
