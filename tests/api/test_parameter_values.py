"""How the text of a parameter is read."""

import pytest

from tests.story.files import LEADS
from tests.support.stage import Stage


@pytest.mark.parametrize(
    "written",
    ["2026-11-23T11:00:00+01:00", "2026-11-23t10:00:00z", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00-00:00"],
)
async def test_a_time_is_what_rfc_3339_says_it_is(stage: Stage, written: str):
    """With its offset; it is given back in UTC."""
    import_id = await stage.created(LEADS, not_before=written)
    assert (await stage.read(import_id))["not_before"] == "2026-11-23T10:00:00.000Z"
